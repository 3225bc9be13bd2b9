"""A set of policies to reason about: its rules, what it names, what it holds, its engine."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.analysis.concrete import Replay
from authz_lib.analysis.policy_terms import policy_rules
from authz_lib.decisions.cedar_text import load_cedarpy, parse_schema
from authz_lib.decisions.held_entities import hold_entities
from authz_lib.entities import Entity, EntityUid
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.policy_terms import PolicyRule
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode
    from authz_lib.decisions.slicing import Uid

__all__ = ["ActionGroups", "Side", "literals_of", "regrouped"]


ActionGroups: TypeAlias = "Mapping[Uid, frozenset[Uid]]"
"""The groups that each action of a schema is in."""


class Side:
    """One set of policies.

    Args:
        sources: the policies, with the schema that requests fit.
        on_evaluation_error: what an ALLOW with errors means.

    Raises:
        ConfigurationError: something does not parse.
    """

    def __init__(self, sources: PolicySources, on_evaluation_error: ErrorMode) -> None:
        self.sources, self.mode = sources, on_evaluation_error
        self.rules: tuple[PolicyRule, ...] = policy_rules(sources)
        self.replay = Replay(sources, on_evaluation_error)

    @cached_property
    def held(self) -> tuple[Entity, ...]:
        """The entities that the engine holds, without actions.

        Raises:
            InvalidRequestError: one is not what this library knows.
        """
        if self.sources.entities is None:
            return ()
        schema = parse_schema(self.sources.schema or "", self.sources.schema_file)
        handle = hold_entities(load_cedarpy(), self.sources.entities, schema, None)
        documents = [
            document
            for document in json.loads(str(handle))
            if document["uid"].get("type", "").rpartition("::")[2] != "Action"
        ]
        return tuple(Entity.from_cedar_json(document) for document in documents)

    @cached_property
    def named(self) -> frozenset[object]:
        """The texts, numbers and ids that the policies name."""
        return frozenset(literals_of(self.rules))


def literals_of(rules: Iterable[PolicyRule]) -> Iterator[object]:
    """The texts, numbers and ids of policies."""
    for rule in rules:
        for type_, id_ in rule.slots.values():
            yield from _uid(type_, id_)
        pending: list[Any] = [
            rule.document[name] for name in ("principal", "action", "resource", "conditions")
        ]
        while pending:
            found = pending.pop()
            if isinstance(found, list):
                pending += found
            elif isinstance(found, dict):
                if {"type", "id"} == found.keys():
                    yield from _uid(found["type"], found["id"])
                elif "Value" in found and isinstance(found["Value"], str | int):
                    yield found["Value"]
                else:
                    pending += found.values()


def _uid(type_: str, id_: str) -> Iterator[EntityUid]:
    try:
        yield EntityUid(type_, id_)
    except InvalidRequestError:  # an empty id, which no request of this library has
        return


def regrouped(
    rules: Iterable[PolicyRule],
    environment: RequestEnvironment,
    was: ActionGroups,
    now: ActionGroups,
) -> bool:
    """Whether a policy may say something else because a schema has moved actions between groups.

    An engine reads the groups of its own schema.
    """
    none: frozenset[Uid] = frozenset()
    moved = {uid for uid in {*was, *now} if was.get(uid, none) != now.get(uid, none)}
    action = environment.action
    before = replace(action, groups=was.get(action.uid, none))
    for rule in rules if moved else ():
        applies = rule.could_apply(environment)
        if applies != rule.could_apply(environment._replace(action=before)):
            return True
        is_read = action.uid in moved
        if applies and _names_action(rule.document["conditions"], moved, variable=is_read):
            return True
    return False


def _names_action(conditions: Any, actions: Collection[Uid], *, variable: bool) -> bool:
    """Whether conditions name one of some actions, or read the one of the request."""
    pending = [conditions]
    while pending:
        found = pending.pop()
        if isinstance(found, list):
            pending += found
        elif isinstance(found, dict):
            if variable and found.get("Var") == "action":
                return True
            uid = found.get("type"), found.get("id")
            if all(isinstance(one, str) for one in uid) and uid in actions:
                return True
            pending += found.values()
    return False

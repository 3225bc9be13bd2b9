"""Which policies can matter to a question: those whose scope does not already say no.

A policy is left out only where its scope is false whatever the entities are:

=========================  ==========================================================
``action == Action::"x"``  the action is another one
``action in ...``          the action is not in the group
``principal is T``         the principal has another type (the resource alike)
``principal == T::"x"``    the principal is another one (the resource alike)
``principal in ...``       never: what it is in depends on the entities
=========================  ==========================================================

A false scope ends the evaluation of a policy before its conditions.  So what is left out neither
decides nor errs.

The groups of actions are known when the engine is built.  They come from the schema and from the
engine's own entities; a request may bring no actions.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["PolicyIndex", "PolicyScope", "Uid", "scope_of", "uid_of"]

Uid: TypeAlias = tuple[str, str]
"""Type and id."""


@dataclass(frozen=True, slots=True)
class PolicyScope:
    """What a policy's scope demands, as far as it can be told without entities.

    ``None`` demands nothing.
    """

    action_is: Uid | None = None
    action_in: tuple[Uid, ...] | None = None
    principal_type: str | None = None
    principal: Uid | None = None
    resource_type: str | None = None
    resource: Uid | None = None

    def admits(self, principal: Uid, resource: Uid) -> bool:
        """Whether the types and ids of the principal and the resource can fulfil it."""
        return (
            self.principal_type in {None, principal[0]}
            and self.resource_type in {None, resource[0]}
            and self.principal in {None, principal}
            and self.resource in {None, resource}
        )


def scope_of(est: Mapping[str, Any], slots: Mapping[str, Uid]) -> PolicyScope:
    """The scope of a policy in its JSON form; ``slots`` fills those of a linked template."""
    action_is, action_in = _action(est["action"])
    principal_type, principal = _party(est["principal"], slots)
    resource_type, resource = _party(est["resource"], slots)
    return PolicyScope(action_is, action_in, principal_type, principal, resource_type, resource)


def uid_of(document: Mapping[str, Any]) -> Uid:
    """Type and id of an entity id in either of Cedar's JSON forms."""
    bare = document.get("__entity", document)
    return bare["type"], bare["id"]


def _action(constraint: Mapping[str, Any]) -> tuple[Uid | None, tuple[Uid, ...] | None]:
    if constraint["op"] == "==":
        return uid_of(constraint["entity"]), None
    if constraint["op"] == "in":
        entities = constraint["entities"] if "entities" in constraint else [constraint["entity"]]
        return None, tuple(uid_of(entity) for entity in entities)
    # `All`, or an operator of a later Cedar: keep the policy.
    return None, None


def _party(
    constraint: Mapping[str, Any], slots: Mapping[str, Uid]
) -> tuple[str | None, Uid | None]:
    if constraint["op"] == "is":
        return constraint["entity_type"], None
    if constraint["op"] == "==":
        uid = (
            slots.get(constraint["slot"]) if "slot" in constraint else uid_of(constraint["entity"])
        )
        return (None, None) if uid is None else (uid[0], uid)
    return None, None


class PolicyIndex:
    """Finds the policies that can matter: by action, types, and ids that are named with ``==``."""

    __slots__ = (
        "_ancestors",
        "_any_action",
        "_by_action",
        "_by_group",
        "_named",
        "_scopes",
        "principals",
        "resources",
    )

    def __init__(
        self, scopes: Sequence[PolicyScope], action_ancestors: Mapping[Uid, frozenset[Uid]]
    ) -> None:
        self._scopes = scopes
        self._ancestors = action_ancestors
        self._any_action: list[int] = []
        self._by_action: defaultdict[Uid, list[int]] = defaultdict(list)
        self._by_group: defaultdict[Uid, list[int]] = defaultdict(list)
        # Policies about one entity by `==`: there can be one per entity, so they are found by it.
        self._named: defaultdict[tuple[str, Uid], list[int]] = defaultdict(list)
        for number, scope in enumerate(scopes):
            if scope.resource is not None:
                self._named["resource", scope.resource].append(number)
            elif scope.principal is not None:
                self._named["principal", scope.principal].append(number)
            else:
                self._file_by_action(number, scope)
        self.principals = frozenset(uid for role, uid in self._named if role == "principal")
        self.resources = frozenset(uid for role, uid in self._named if role == "resource")
        self.principals |= {scope.principal for scope in scopes if scope.principal is not None}

    def _file_by_action(self, number: int, scope: PolicyScope) -> None:
        if scope.action_is is not None:
            self._by_action[scope.action_is].append(number)
        elif scope.action_in is None:
            self._any_action.append(number)
        else:
            for action in scope.action_in:
                self._by_group[action].append(number)

    def select(self, principal: Uid, action: Uid, resource: Uid) -> tuple[int, ...]:
        """The numbers of the policies that can matter, ascending."""
        reachable = {action, *self._ancestors.get(action, ())}
        found = {*self._any_action, *self._by_action.get(action, ())}
        for group in reachable:
            found.update(self._by_group.get(group, ()))
        for named in (("resource", resource), ("principal", principal)):
            found.update(self._with_action(self._named.get(named, ()), action, reachable))
        return tuple(
            sorted(number for number in found if self._scopes[number].admits(principal, resource))
        )

    def select_of_type(self, principal: Uid, action: Uid, resource_type: str) -> tuple[int, ...]:
        """The numbers of those that can matter to some resource of a type, ascending."""
        reachable = {action, *self._ancestors.get(action, ())}
        found = {*self.select(principal, action, (resource_type, ""))}
        for (role, uid), numbers in self._named.items():
            if role == "resource" and uid[0] == resource_type:
                found.update(
                    number
                    for number in self._with_action(numbers, action, reachable)
                    if self._scopes[number].admits(principal, uid)
                )
        return tuple(sorted(found))

    def _with_action(
        self, numbers: Iterable[int], action: Uid, reachable: set[Uid]
    ) -> Iterable[int]:
        for number in numbers:
            scope = self._scopes[number]
            if scope.action_is in {None, action} and (
                scope.action_in is None or not reachable.isdisjoint(scope.action_in)
            ):
                yield number

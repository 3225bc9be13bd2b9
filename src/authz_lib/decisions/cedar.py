"""The embedded Cedar engine: the policies in this process, parsed once and sliced."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from authz_lib.decisions.log import log_of
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.policy_files import (
    PolicySource,
    PolicySources,
    TemplateLink,
    collect,
    parse_policies,
    read_directory,
)
from authz_lib.decisions.request import Decision, ErrorMode, Question, Vocabulary
from authz_lib.decisions.sliced_policies import SlicedPolicies, action_ancestors, uid_of
from authz_lib.errors import AuthzError, ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike

    from authz_lib.decisions.log import DecisionLog
    from authz_lib.entities import Entity
    from authz_lib.principal import PrincipalIdForm

__all__ = ["CedarEngine", "TemplateLink", "validation_errors"]


class CedarEngine(DecisionPoint):
    """Decides with the real Cedar engine in this process, through cedarpy (the extra ``cedar``).

    Build it with `from_directory`, `from_text` or `from_policies`.  Policies are parsed once; each question is put
    only to the policies that can matter to it (see `authz_lib.decisions.slicing`), with the same answer as all of them.

    With a schema, policies are validated when the engine is built (``validate_policies=False`` to not do so).  Requests
    are validated only with ``validate_requests=True``: then an attribute that the schema does not know is an
    `InvalidRequestError`, where Verified Permissions is looser.

    Entities that the engine holds (``entities=``) are seen by every question.  A request may not bring another entity
    with one of their ids; the bare group entities of a `Principal` give way to held ones.

    The policies do not change: build another engine for other policies.  A decision holds the GIL.

    >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text('@id("readers") permit(principal, action == Action::"Read", resource);')
    >>> alice, page = EntityUid("User", "alice"), EntityUid("Page", "1")
    >>> engine.is_authorized(AuthorizationRequest(alice, "Read", page)).determining_policies
    ('readers',)
    >>> bool(engine.is_authorized(AuthorizationRequest(alice, "Write", page)))
    False
    """

    def __init__(
        self,
        sources: PolicySources,
        *,
        entities: Iterable[Entity] | str = (),
        validate_policies: bool = True,
        validate_requests: bool = False,
        action_type: str = "Action",
        principal_type: str = "User",
        group_type: str = "Group",
        principal_id: PrincipalIdForm = "sub",
        on_evaluation_error: ErrorMode = "deny",
        decision_log: DecisionLog | None = None,
    ) -> None:
        if on_evaluation_error not in {"deny", "cedar"}:
            raise ConfigurationError("`on_evaluation_error` must be `deny` or `cedar`")
        self._cedarpy = _load_cedarpy()
        self.vocabulary = Vocabulary(
            action_type=action_type, principal_type=principal_type, group_type=group_type, principal_id=principal_id
        )
        self.log = log_of(decision_log)
        self.on_evaluation_error = on_evaluation_error
        schema = None if sources.schema is None else _parse_schema(self._cedarpy, sources.schema)
        if validate_policies and (errors := validation_errors(sources)):
            raise ConfigurationError(errors[0])
        self._request_schema = schema if validate_requests else None
        text = entities if isinstance(entities, str) else _entities_text(entities)
        held = _parse_entities(self._cedarpy, text, schema)
        documents = json.loads(str(held))
        self._held = held if documents else None
        self._held_uids = frozenset(uid_of(document["uid"]) for document in documents)
        self._policies = SlicedPolicies(self._cedarpy, sources, action_ancestors(documents))

    @classmethod
    def from_directory(cls, path: str | PathLike[str], **options: Any) -> CedarEngine:
        """The engine for a policy directory, see `authz_lib.decisions.policy_files`.

        Args:
            path: the directory.
            **options: as for the class.

        Raises:
            ConfigurationError: a file is wrong; the message has file and line.
        """
        sources = read_directory(Path(path))
        if sources.entities is not None:
            options.setdefault("entities", sources.entities)
        return cls(sources, **options)

    @classmethod
    def from_text(
        cls,
        policies: str,
        schema: str | None = None,
        entities: Iterable[Entity] | str = (),
        *,
        links: Iterable[TemplateLink] = (),
        **options: Any,
    ) -> CedarEngine:
        """The engine for policies in one text.  Their ids are ``@id("...")``, else ``policy#1``, ``policy#2``, ...

        Args:
            policies: Cedar policies and templates.
            schema: in Cedar's schema syntax, or in its JSON form.
            entities: that the engine holds: `Entity` values, or Cedar JSON text.
            links: templates with their slots filled.
            **options: as for the class.

        Raises:
            ConfigurationError: something does not parse or validate; the message has the line.

        >>> from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid
        >>> engine = CedarEngine.from_text('''
        ...     @id("staff-view")
        ...     permit(principal in Group::"staff", action == Action::"View", resource);
        ... ''')
        >>> alice = Entity(EntityUid("User", "alice"), parents=[EntityUid("Group", "staff")])
        >>> request = AuthorizationRequest(alice.uid, "View", EntityUid("Doc", "1"), entities=[alice])
        >>> engine.is_authorized(request).determining_policies
        ('staff-view',)
        """
        parsed = parse_policies("<policies>", policies, "policy")
        sources = collect(parsed, {"<policies>": policies}, schema=schema, links=tuple(links))
        return cls(sources, entities=entities, **options)

    @classmethod
    def from_policies(
        cls,
        policies: Mapping[str, str],
        schema: str | None = None,
        entities: Iterable[Entity] | str = (),
        *,
        links: Iterable[TemplateLink] = (),
        **options: Any,
    ) -> CedarEngine:
        """The engine for policies by id; an ``@id`` annotation does not count.

        Raises:
            ConfigurationError: a text is not exactly one policy or template, or does not parse or validate.

        >>> len(CedarEngine.from_policies({"all": "permit(principal, action, resource);"}))
        1
        """
        parsed = [_single(policy_id, text) for policy_id, text in policies.items()]
        return cls(collect(parsed, dict(policies), schema=schema, links=tuple(links)), entities=entities, **options)

    def __len__(self) -> int:
        """How many policies there are; templates count once per link."""
        return len(self._policies)

    def __repr__(self) -> str:
        return f"<CedarEngine policies={len(self._policies)}>"

    @cached_property
    def identity(self) -> str:
        """A digest of the policies: another set is another engine."""
        return f"cedar:{self._policies.digest()}"

    def decide(self, question: Question) -> Decision:
        """The decision of the policies that can matter."""
        started = perf_counter()
        principal, action, resource = question.principal, question.action, question.resource
        if principal is None:
            raise InvalidRequestError("the embedded engine takes no tokens; verify them first", field="principal")
        request = {
            "principal": {"type": principal.type, "id": principal.id},
            "action": {"type": action.type, "id": action.id},
            "resource": {"type": resource.type, "id": resource.id},
            "context": question.context_text,
        }
        result = self._cedarpy.is_authorized(
            request, self._policies.slice(principal, action, resource), self._entities(question), self._request_schema
        )
        return self._read(result, perf_counter() - started)

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """One by one: each question sees its own entities only."""
        results: list[Decision | AuthzError] = []
        for question in questions:
            try:
                results.append(self.decide(question))
            except AuthzError as error:
                results.append(error)
        return results

    def _read(self, result: Any, seconds: float) -> Decision:
        try:
            decision = result.decision.name
        except KeyError:
            decision = "NoDecision"
        if decision not in {"Allow", "Deny"}:  # cedarpy's text repeats the entities: it goes nowhere
            raise InvalidRequestError("the request, its context or its entities do not fit Cedar or the schema")
        diagnostics = result.diagnostics
        return Decision(
            allowed=decision == "Allow",
            determining_policies=tuple(sorted(diagnostics.reasons)),
            errors=tuple(sorted(diagnostics.errors)),
            source="cedar",
            latency_seconds=seconds,
        )

    def _entities(self, question: Question) -> Any:
        given = question.entities
        if self._held is None:
            return f"[{','.join([entity.canonical_text for entity in given])}]"
        if given and not self._held_uids.isdisjoint([(entity.uid.type, entity.uid.id) for entity in given]):
            given = self._without_held(question)
        if not given:
            return self._held
        delta = f"[{','.join([entity.canonical_text for entity in given])}]"
        try:
            return self._held.with_added_json_str(delta, self._request_schema)
        except ValueError:
            raise InvalidRequestError("`entities` do not fit Cedar, the schema or what the engine holds") from None

    def _without_held(self, question: Question) -> tuple[Entity, ...]:
        """The bare entities of the caller's groups give way to held ones; any other clash is refused."""
        kept = []
        for number, entity in enumerate(question.entities):
            if (entity.uid.type, entity.uid.id) not in self._held_uids:
                kept.append(entity)
            elif not 1 <= number < question.caller_entities:
                raise InvalidRequestError("`entities` holds an id that the engine holds itself", field="entities")
        return tuple(kept)


def _load_cedarpy() -> Any:
    try:
        import cedarpy
    except ImportError:
        raise ConfigurationError(
            "`CedarEngine` needs `cedarpy`: install it, or authz-lib with the extra `cedar`"
        ) from None
    return cedarpy


def _single(policy_id: str, text: str) -> PolicySource:
    parsed = parse_policies(policy_id, text)
    if len(parsed) != 1:
        raise ConfigurationError(f"`{policy_id}` must be exactly one policy or template")
    return replace(parsed[0], id=policy_id)


def _parse_schema(cedarpy: Any, text: str) -> Any:
    try:
        if text.lstrip().startswith("{"):
            return cedarpy.Schema.from_json_str(text)
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise ConfigurationError(f"the schema does not parse: {str(error).splitlines()[0]}") from None


def validation_errors(sources: PolicySources) -> list[str]:
    """What the schema has against the policies, each with its place; nothing without a schema.

    Raises:
        ConfigurationError: the schema does not parse.
    """
    cedarpy = _load_cedarpy()
    if sources.schema is None:
        return []
    schema = _parse_schema(cedarpy, sources.schema)
    found = []
    for name, text in sources.texts.items():
        by_number = {f"policy{policy.position}": policy for policy in sources.policies if policy.file == name}
        for error in cedarpy.validate_policies(text, schema).errors:
            place = by_number[error.policy_id].place(sources.texts) if error.policy_id in by_number else name
            found.append(f"{place}: {str(error.error).splitlines()[0]}")
    return found


def _entities_text(entities: Iterable[Entity]) -> str:
    return f"[{','.join([entity.canonical_text for entity in entities])}]"


def _parse_entities(cedarpy: Any, text: str, schema: Any) -> Any:
    try:
        # With the schema: without it, the engine would lose the schema's action groups.
        return cedarpy.Entities.from_json_str(text, schema)
    except ValueError:
        raise ConfigurationError("`entities` do not parse, or do not fit the schema") from None

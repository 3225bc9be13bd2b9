"""The embedded Cedar engine: the policies in this process, parsed once and sliced."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from authz_lib._support.checks import (
    require_clock,
    require_known,
    require_mapping,
    require_one_of,
    require_optional_text,
)
from authz_lib._support.clock import Clock, system_clock
from authz_lib.decisions.cedar_text import load_cedarpy, parse_schema
from authz_lib.decisions.held_entities import entities_text, hold_entities
from authz_lib.decisions.log import log_of
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.policy_files import (
    PolicySource,
    PolicySources,
    TemplateLink,
    collect,
    parse_policies,
    parse_texts,
    read_directory,
)
from authz_lib.decisions.policy_validation import validation_errors
from authz_lib.decisions.request import Decision, ErrorMode, Question
from authz_lib.decisions.request_schema import RequestSchema
from authz_lib.decisions.revision import content_digest
from authz_lib.decisions.sliced_policies import SlicedPolicies, action_ancestors
from authz_lib.decisions.slicing import uid_of
from authz_lib.decisions.vocabulary import Vocabulary
from authz_lib.errors import AuthzError, ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.decisions.known_request import KnownRequest, WhatIsHeld
    from authz_lib.decisions.log import DecisionLog
    from authz_lib.decisions.schema_names import SchemaNames
    from authz_lib.entities import Entity
    from authz_lib.principal import PrincipalIdForm

__all__ = ["CedarEngine", "EngineOptions", "TemplateLink"]


class EngineOptions(TypedDict, total=False):
    """What every way to build a `CedarEngine` takes; see there."""

    validate_policies: bool
    validate_requests: bool
    action_type: str
    principal_type: str
    group_type: str
    principal_id: PrincipalIdForm
    on_evaluation_error: ErrorMode
    decision_log: DecisionLog | None
    revision: str | None
    clock: Clock


class CedarEngine(DecisionPoint):
    """Decides with the real Cedar engine in this process, through cedarpy (the extra ``cedar``).

    Build it with `from_directory`, `from_text` or `from_policies`.  Policies are parsed once, and
    do not change: build another engine for other policies.  Each question is put only to the
    policies that can matter to it, with the answer of all of them (see
    ``authz_lib.decisions.slicing``).

    With a schema:

    =====================  ===================  ==============================================
    argument               default              what it validates
    =====================  ===================  ==============================================
    ``validate_policies``  ``True``             the policies, when the engine is built
    ``validate_requests``  ``False``            each request: an attribute that the schema does
                                                not know is an `InvalidRequestError`; Verified
                                                Permissions is looser
    =====================  ===================  ==============================================

    Entities that the engine holds (``entities=``) are seen by every question.  A request may not
    bring another entity with one of their ids.  The groups of a `Principal` give way to held ones.

    Each decision has the ``revision`` of what it was made from: the name that is given, such as a
    commit, else a digest of the policies, the links, the schema and the held entities.  A decision
    holds the GIL.

    >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text('''
    ...     @id("readers") permit(principal, action == Action::"Read", resource);
    ... ''')
    >>> alice, page = EntityUid("User", "alice"), EntityUid("Page", "1")
    >>> decision = engine.is_authorized(AuthorizationRequest(alice, "Read", page))
    >>> decision.determining_policies
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
        revision: str | None = None,
        clock: Clock = system_clock,
    ) -> None:
        require_one_of(on_evaluation_error, "on_evaluation_error", ("deny", "cedar"))
        self._cedarpy = cedarpy = load_cedarpy()
        self._allow, self._deny = cedarpy.Decision.Allow, cedarpy.Decision.Deny
        self.vocabulary = Vocabulary(
            action_type=action_type,
            principal_type=principal_type,
            group_type=group_type,
            principal_id=principal_id,
        )
        self.log = log_of(decision_log)
        self.on_evaluation_error = on_evaluation_error
        schema = (
            None if sources.schema is None else parse_schema(sources.schema, sources.schema_file)
        )
        self._schema = schema
        if validate_policies and (errors := validation_errors(sources, schema)):
            raise ConfigurationError(errors[0])
        where = sources.entities_file if entities is sources.entities else None
        self._held = held = hold_entities(cedarpy, entities, schema, where)
        self._held_for_rows: WhatIsHeld | None = None
        documents = _documents(held)
        self._request_schema = (
            RequestSchema(cedarpy, schema, held) if schema and validate_requests else None
        )
        self._held_uids = frozenset(uid_of(document["uid"]) for document in documents)
        self._policies = SlicedPolicies(self._cedarpy, sources, action_ancestors(documents))
        self._clock = require_clock(clock)
        self.revision = require_optional_text(revision, "revision") or content_digest(
            self._policies.texts(), sources.schema, documents
        )

    @classmethod
    def from_directory(
        cls,
        path: str | PathLike[str],
        *,
        entities: Iterable[Entity] | str | None = None,
        **options: Unpack[EngineOptions],
    ) -> CedarEngine:
        """The engine for a policy directory, see `authz_lib.decisions.policy_files`.

        Args:
            path: the directory.
            entities: that the engine holds, instead of those of ``entities.json``.
            **options: as for the class.

        Raises:
            ConfigurationError: an argument or a file is wrong.  The message has the file.  It has
                the line of a policy and of text that is no JSON, and the number of an entity.
        """
        require_known(options, EngineOptions.__optional_keys__)
        if not _is_path(path):  # `os.environ.get` of what is not set
            raise ConfigurationError("`path` must be the path of a folder")
        sources = read_directory(Path(path))
        given = sources.entities if entities is None else entities
        return cls(sources, entities=() if given is None else given, **options)

    @classmethod
    def from_text(
        cls,
        policies: str,
        schema: str | None = None,
        entities: Iterable[Entity] | str = (),
        *,
        links: Iterable[TemplateLink] = (),
        **options: Unpack[EngineOptions],
    ) -> CedarEngine:
        """The engine for policies in one text.

        The id of a policy is its ``@id("...")``.  Without one it is ``policy``, or ``policy#1``,
        ``policy#2``, ... where there are several.

        Args:
            policies: Cedar policies and templates.
            schema: in Cedar's schema syntax, or in its JSON form.
            entities: that the engine holds: `Entity` values, or Cedar JSON text.
            links: templates with their slots filled.
            **options: as for the class.

        Raises:
            ConfigurationError: an argument is wrong, or something does not parse or validate; of a
                policy the message has the line.

        >>> from authz_lib import AuthorizationRequest, Entity, EntityUid
        >>> engine = CedarEngine.from_text('''
        ...     @id("staff-view")
        ...     permit(principal in Group::"staff", action, resource);
        ... ''')
        >>> staff, page = EntityUid("Group", "staff"), EntityUid("Doc", "1")
        >>> alice = Entity(EntityUid("User", "alice"), parents=[staff])
        >>> request = AuthorizationRequest(
        ...     alice.uid, "View", page, entities=[alice]
        ... )
        >>> engine.is_authorized(request).determining_policies
        ('staff-view',)
        """
        require_known(options, EngineOptions.__optional_keys__)
        _check_texts(policies=policies, schema="" if schema is None else schema)
        parsed = parse_policies("<policies>", policies, "policy")
        sources = collect(parsed, {"<policies>": policies}, schema=schema, links=_links(links))
        return cls(sources, entities=entities, **options)

    @classmethod
    def from_policies(
        cls,
        policies: Mapping[str, str],
        schema: str | None = None,
        entities: Iterable[Entity] | str = (),
        *,
        links: Iterable[TemplateLink] = (),
        **options: Unpack[EngineOptions],
    ) -> CedarEngine:
        """The engine for policies by id; an ``@id`` annotation does not count.

        Raises:
            ConfigurationError: an argument is wrong, or a text is not exactly one policy or
                template, or does not parse or validate.

        >>> policies = {"all": "permit(principal, action, resource);"}
        >>> len(CedarEngine.from_policies(policies))
        1
        """
        require_known(options, EngineOptions.__optional_keys__)
        texts = _policy_texts(policies)
        _check_texts(schema="" if schema is None else schema)
        parsed = parse_texts([(policy_id, text, policy_id) for policy_id, text in texts.items()])
        single = map(_single, texts, parsed)
        return cls(
            collect(single, texts, schema=schema, links=_links(links)), entities=entities, **options
        )

    def __len__(self) -> int:
        """How many policies there are; templates count once per link."""
        return len(self._policies)

    def __repr__(self) -> str:
        return f"<CedarEngine policies={len(self._policies)}>"

    @property
    def identity(self) -> str:
        """The revision: other policies are another engine."""
        return f"cedar:{self.revision}"

    @property
    def waits(self) -> bool:
        """It answers in this process."""
        return False

    @property
    def schema_names(self) -> SchemaNames | None:
        """What the schema knows by name; `None` without a schema."""
        from authz_lib.decisions.schema_names import read_schema_names

        return None if self._schema is None else read_schema_names(self._schema)

    def decide(self, question: Question) -> Decision:
        """The decision of the policies that can matter."""
        started = perf_counter()
        principal, action, resource = question.principal, question.action, question.resource
        if principal is None:
            raise InvalidRequestError(
                "the embedded engine takes no tokens; verify them first", field="principal"
            )
        request: dict[str, Any] = {
            "principal": {"type": principal.type, "id": principal.id},
            "action": {"type": action.type, "id": action.id},
            "resource": {"type": resource.type, "id": resource.id},
        }
        if question.context:  # Cedar reads nothing where there is none
            request["context"] = question.context_text
        given = self._given(question)
        if self._request_schema is not None:
            self._request_schema.check(request, question, given)
        policies = self._policies.slice(principal, action, resource)
        result = self._cedarpy.is_authorized(request, policies, self._entities(question, given))
        return self._read(result, perf_counter() - started)

    def known(self, question: Question) -> KnownRequest:
        """All but the resource, of which the type counts."""
        given = self._given(question)
        known = self._what_is_held.request(
            question, self._policies, self._entities(question, given)
        )
        if self._request_schema is not None:
            self._request_schema.check(known.document, question, given)
        return replace(known, validates=self._request_schema is not None)

    @property
    def _what_is_held(self) -> WhatIsHeld:
        if self._held_for_rows is None:  # no `cached_property`: its lock does not survive a fork
            from authz_lib.decisions.known_request import WhatIsHeld

            self._held_for_rows = WhatIsHeld(self._cedarpy, self._schema, self._held)
        return self._held_for_rows

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
            decision = result.decision
        except KeyError:  # a word that this cedarpy does not know
            decision = None
        if decision is not self._allow and decision is not self._deny:
            # What cedarpy says of it repeats the entities, and goes nowhere.
            raise InvalidRequestError(
                "the request, its context or its entities do not fit Cedar or the schema"
            )
        reasons, errors = result.diagnostics.reasons, result.diagnostics.errors
        if self._policies.ids:
            reasons, errors = self._policies.with_own_ids(reasons, errors)
        return Decision(
            decision is self._allow,
            tuple(sorted(reasons)),
            tuple(sorted(errors)),
            "cedar",
            None,
            seconds,
            None,
            False,
            self.revision,
            self._clock(),
        )

    def _given(self, question: Question) -> Sequence[Entity]:
        """The question's entities that the engine does not hold."""
        held = self._held_uids
        if held and not held.isdisjoint([(e.uid.type, e.uid.id) for e in question.entities]):
            return self._without_held(question)
        return question.entities

    def _entities(self, question: Question, given: Sequence[Entity]) -> Any:
        """What Cedar is given: the question's entities beside the held ones."""
        if question.caller_entities > 1 and given is question.entities:
            # The caller's groups are bare: to a policy, they read as if they were not there.
            given = (*given[:1], *given[question.caller_entities :])
        if not given:
            return self._held
        delta = entities_text(given)
        if not self._held_uids:
            return delta
        try:
            return self._held.with_added_json_str(delta)
        except ValueError:
            raise InvalidRequestError("`entities` do not fit Cedar") from None

    def _without_held(self, question: Question) -> Sequence[Entity]:
        """The caller's groups give way to held ones; any other clash is refused."""
        kept = []
        for number, entity in enumerate(question.entities):
            if (entity.uid.type, entity.uid.id) not in self._held_uids:
                kept.append(entity)
            elif not 1 <= number < question.caller_entities:
                raise InvalidRequestError(
                    "`entities` holds an id that the engine holds itself", field="entities"
                )
        return kept


def _documents(held: Any) -> list[dict[str, Any]]:
    """What an engine holds, as Cedar writes it."""
    try:
        documents: list[dict[str, Any]] = json.loads(str(held))
    except (ValueError, RecursionError):  # Cedar reads it, and does not write it
        raise ConfigurationError(
            "`entities` hold a key that Cedar reserves, such as `__extn` without `fn` and `arg`"
        ) from None
    return documents


def _is_path(value: object) -> bool:
    return isinstance(value, (str, PathLike))


def _check_texts(**arguments: object) -> None:
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise ConfigurationError(f"`{name}` must be a text")


def _policy_texts(policies: Mapping[str, str]) -> dict[str, str]:
    of = "of ids to texts"
    texts = dict(require_mapping(policies, "policies", of=of))
    if not all(isinstance(text, str) for item in texts.items() for text in item):
        raise ConfigurationError(f"`policies` must be a mapping {of}")
    return texts


def _links(links: Iterable[TemplateLink]) -> tuple[TemplateLink, ...]:
    given: object = links
    found: tuple[object, ...] = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(link, TemplateLink) for link in found):
        raise ConfigurationError("`links` must be `TemplateLink` values")
    return tuple(link for link in found if isinstance(link, TemplateLink))


def _single(policy_id: str, parsed: list[PolicySource]) -> PolicySource:
    if len(parsed) != 1:
        raise ConfigurationError(f"`{policy_id}` must be exactly one policy or template")
    return replace(parsed[0], id=policy_id)

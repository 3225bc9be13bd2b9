"""What is asked of a decision point, checked and frozen, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib.entities import Entity, EntityUid, canonical_json, freeze_record
from authz_lib.entities.wire import uid_text
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.principal import Principal

__all__ = ["AuthorizationRequest", "Decision", "ErrorMode", "Question"]

ErrorMode: TypeAlias = Literal["deny", "cedar"]
"""What an ALLOW with evaluation errors means: ``"deny"`` a DENY, ``"cedar"`` an ALLOW."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One question: may this principal do this action on this resource?

    The context and the entities are frozen when the request is built, so a request can be asked
    again and remembered.

    Args:
        principal: an id, or a `Principal`, whose entity and groups the decision point then adds by
            itself.
        action: the id of the action, such as ``"commercial:GetOrder"``; the decision point knows
            the type.
        resource: an id, or an entity when policies read its attributes or parents.
        context: what else policies may read, as plain Python values (see ``authz_lib.entities``).
        entities: more entities that policies may read.  No actions: those belong to the schema.
        expires_at: seconds since the epoch after which a remembered answer no longer holds.  A
            `Principal`'s own expiry counts as well, without being named here.

    Raises:
        InvalidRequestError: a part is not of the type said above, or has no Cedar value.

    >>> alice, order = EntityUid("User", "alice"), EntityUid("Order", "1")
    >>> request = AuthorizationRequest(alice, "ViewOrder", order, {"mfa": True})
    >>> request.context["mfa"]
    True
    """

    principal: EntityUid | Principal
    action: str
    resource: EntityUid | Entity
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    entities: Iterable[Entity] = field(default=(), repr=False)
    expires_at: float | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "context", freeze_record(self.context, where="context"))
        if not isinstance(self.entities, Iterable):
            raise InvalidRequestError("`entities` must be of `Entity`", field="entities")
        put(self, "entities", tuple(self.entities))
        expires_at: object = self.expires_at
        if expires_at is not None and not (
            isinstance(expires_at, int | float) and -inf < expires_at < inf
        ):
            raise InvalidRequestError(
                "`expires_at` must be a finite number of seconds", field="expires_at"
            )
        if not isinstance(self.action, str):
            raise InvalidRequestError(
                "`action` must be the id of an action, a string", field="action"
            )


@dataclass(frozen=True, slots=True, init=False)
class Decision:
    """An answer.  Its truth is `allowed`.

    Attributes:
        allowed: whether the action is allowed.
        determining_policies: the ids of the policies that decided, sorted.
        errors: what went wrong in policies while they were evaluated.  The texts can name entities:
            do not log them.
        source: ``"verified_permissions"``, ``"cedar"`` or ``"cache"``.
        policy_store_id: the policy store that was asked, or ``None``.
        latency_seconds: how long the answer took.
        request_id: the id that AWS gave the call, or ``None``.
        overruled: Cedar said ALLOW, with errors, and the decision point made it a DENY.
        revision: of the policies that decided, or ``None`` where nobody named it.  The embedded
            engine has a digest of what it was built from.
        decided_at: when they decided, in seconds since the epoch; a remembered answer keeps it.

    >>> bool(Decision(allowed=False))
    False
    """

    allowed: bool
    determining_policies: tuple[str, ...]
    errors: tuple[str, ...] = field(repr=False)
    source: str
    policy_store_id: str | None
    latency_seconds: float
    request_id: str | None
    overruled: bool
    revision: str | None
    decided_at: float | None

    def __init__(  # noqa: PLR0917  made per request: keywords would cost more
        self,
        allowed: bool,
        determining_policies: tuple[str, ...] = (),
        errors: tuple[str, ...] = (),
        source: str = "cedar",
        policy_store_id: str | None = None,
        latency_seconds: float = 0.0,
        request_id: str | None = None,
        overruled: bool = False,
        revision: str | None = None,
        decided_at: float | None = None,
    ) -> None:
        _put_allowed(self, allowed)
        _put_determining_policies(self, determining_policies)
        _put_errors(self, errors)
        _put_source(self, source)
        _put_policy_store_id(self, policy_store_id)
        _put_latency_seconds(self, latency_seconds)
        _put_request_id(self, request_id)
        _put_overruled(self, overruled)
        _put_revision(self, revision)
        _put_decided_at(self, decided_at)

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True, init=False)
class Question:
    """A request as a decision point asks it: all ids and entities resolved, duplicates removed.

    Attributes:
        principal: who asks; ``None`` when a token says so.
        caller_entities: how many of the entities, the first ones, describe the principal.
        digest: what a decision cache knows it by.
    """

    principal: EntityUid | None
    action: EntityUid
    resource: EntityUid
    context: Mapping[str, Any]
    entities: tuple[Entity, ...]
    expires_at: float | None
    caller_entities: int
    access_token: str | None = field(repr=False)
    identity_token: str | None = field(repr=False)
    _text: str | None = field(repr=False, compare=False)
    digest: bytes | None = field(repr=False, compare=False)

    def __init__(  # noqa: PLR0917  made per request: keywords would cost more
        self,
        principal: EntityUid | None,
        action: EntityUid,
        resource: EntityUid,
        context: Mapping[str, Any],
        entities: tuple[Entity, ...],
        expires_at: float | None = None,
        caller_entities: int = 0,
        access_token: str | None = None,
        identity_token: str | None = None,
    ) -> None:
        _set_principal(self, principal)
        _set_action(self, action)
        _set_resource(self, resource)
        _set_context(self, context)
        _set_entities(self, entities)
        _set_expires_at(self, expires_at)
        _set_caller_entities(self, caller_entities)
        _set_access_token(self, access_token)
        _set_identity_token(self, identity_token)
        _set_text(self, None)
        _set_digest(self, None)

    @property
    def context_text(self) -> str:
        """The context as canonical Cedar JSON text."""
        return canonical_json(self.context) if self.context else "{}"

    @property
    def canonical_text(self) -> str:
        """The same text for equal questions, and another for any that differ in what is read.

        Made once and remembered: an authorizer asks one question again and again.
        """
        if self._text is None:
            _set_text(self, self._write())
        return self._text or ""

    def until(self, expires_at: float | None) -> Question:
        """The same question of the same caller with a token that expires at another time."""
        if expires_at == self.expires_at:
            return self
        copy = Question(
            self.principal,
            self.action,
            self.resource,
            self.context,
            self.entities,
            expires_at,
            self.caller_entities,
            self.access_token,
            self.identity_token,
        )
        _set_text(copy, self._text)
        _set_digest(copy, self.digest)
        return copy

    def about(self, resource: EntityUid) -> Question:
        """The same question about another resource, of which nothing but its id is known."""
        copy = Question(
            self.principal,
            self.action,
            resource,
            self.context,
            self.entities,
            self.expires_at,
            self.caller_entities,
            self.access_token,
            self.identity_token,
        )
        principal, action, _, rest = self.canonical_text.split("\n", 3)
        _set_text(copy, f"{principal}\n{action}\n{uid_text(resource)}\n{rest}")
        return copy

    def note_digest(self, digest: bytes) -> None:
        """Keep what a decision cache made of this question."""
        _set_digest(self, digest)

    def _write(self) -> str:
        # JSON text holds no line break of its own, so the lines cannot run into one another.
        principal = "-" if self.principal is None else uid_text(self.principal)
        context = self.context_text if self.context else "{}"
        lines = [principal, uid_text(self.action), uid_text(self.resource), context]
        entities = [entity.canonical_text for entity in self.entities]
        entities.sort()
        return "\n".join([*lines, str(self.caller_entities), *entities])


# The slots' own setters take half the time of the `object.__setattr__` of a generated `__init__`.
(
    _set_principal,
    _set_action,
    _set_resource,
    _set_context,
    _set_entities,
    _set_expires_at,
    _set_caller_entities,
    _set_access_token,
    _set_identity_token,
    _set_text,
    _set_digest,
) = (vars(Question)[member.name].__set__ for member in fields(Question))
(
    _put_allowed,
    _put_determining_policies,
    _put_errors,
    _put_source,
    _put_policy_store_id,
    _put_latency_seconds,
    _put_request_id,
    _put_overruled,
    _put_revision,
    _put_decided_at,
) = (vars(Decision)[member.name].__set__ for member in fields(Decision))

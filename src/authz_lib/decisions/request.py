"""What is asked of a decision point, checked and frozen, and what it answers."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, fields
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib._support.memo import Memo
from authz_lib.entities import Entity, EntityUid, canonical_json, freeze_record
from authz_lib.entities.wire import uid_text
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.principal import caller_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from authz_lib.principal import CallerKey, Principal, PrincipalIdForm

__all__ = ["AuthorizationRequest", "Decision", "ErrorMode", "Question", "Vocabulary"]

ErrorMode: TypeAlias = Literal["deny", "cedar"]
"""What an ALLOW with evaluation errors means: ``"deny"`` a DENY, ``"cedar"`` an ALLOW."""

MAX_ACTION_LENGTH = 512


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
        context: what else policies may read, as plain Python values (see `authz_lib.entities`).
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
        put(self, "entities", tuple(self.entities))
        if self.expires_at is not None and not -inf < self.expires_at < inf:
            raise InvalidRequestError(
                "`expires_at` must be a finite number of seconds", field="expires_at"
            )
        if not isinstance(self.action, str):
            raise InvalidRequestError(
                "`action` must be the id of an action, a string", field="action"
            )


@dataclass(frozen=True, slots=True)
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

    >>> bool(Decision(allowed=False))
    False
    """

    allowed: bool
    determining_policies: tuple[str, ...] = ()
    errors: tuple[str, ...] = field(default=(), repr=False)
    source: str = "cedar"
    policy_store_id: str | None = None
    latency_seconds: float = 0.0
    request_id: str | None = None
    overruled: bool = False

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True, init=False)
class Question:
    """A request as a decision point asks it: all ids and entities resolved, duplicates removed.

    Attributes:
        principal: who asks; ``None`` when a token says so.
        caller_entities: how many of the entities, the first ones, describe the principal.
        digest: what a decision cache made of it: whose digest it is, and the digest.
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
    digest: tuple[bytes, bytes] | None = field(repr=False, compare=False)

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
        return canonical_json(self.context)

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

    def note_digest(self, seed: bytes, digest: bytes) -> None:
        """Keep what a decision cache made of this question; it is the same as long as that is."""
        _set_digest(self, (seed, digest))

    def _write(self) -> str:
        # JSON text holds no line break of its own, so the lines cannot run into one another.
        principal = "-" if self.principal is None else uid_text(self.principal)
        lines = [principal, uid_text(self.action), uid_text(self.resource), self.context_text]
        entities = [entity.canonical_text for entity in self.entities]
        return "\n".join([*lines, str(self.caller_entities), *sorted(entities)])


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


class Vocabulary:
    """Which Cedar types actions, principals and groups have, and how a `Principal`'s id is made.

    Raises:
        ConfigurationError: a type is no Cedar type, callers and groups have one type, or the action
            type does not end in ``Action``.
    """

    __slots__ = (
        "_actions",
        "_callers",
        "action_type",
        "group_type",
        "principal_id",
        "principal_type",
    )

    def __init__(
        self,
        *,
        action_type: str,
        principal_type: str,
        group_type: str,
        principal_id: PrincipalIdForm,
    ) -> None:
        for name, value in (
            ("action_type", action_type),
            ("principal_type", principal_type),
            ("group_type", group_type),
        ):
            try:
                EntityUid(value, "id")
            except InvalidRequestError:
                raise ConfigurationError(f"`{name}` must be a Cedar type name") from None
        if principal_type == group_type:
            raise ConfigurationError(
                "`principal_type` and `group_type` must differ: a group could name a caller"
            )
        if action_type.rpartition("::")[2] != "Action":
            raise ConfigurationError("`action_type` must be `Action`, or end in `::Action`")
        if principal_id not in {"sub", "pool|sub", "issuer|sub"}:
            raise ConfigurationError("`principal_id` must be `sub`, `pool|sub` or `issuer|sub`")
        self.action_type = action_type
        self.principal_type = principal_type
        self.group_type = group_type
        self.principal_id: PrincipalIdForm = principal_id
        self._actions: Memo[str, EntityUid] = Memo(self._action_uid, max_entries=1024)
        self._callers: Memo[CallerKey, tuple[Entity, ...]] = Memo(max_entries=256)

    def _action_uid(self, action: str) -> EntityUid:
        if not 0 < len(action) <= MAX_ACTION_LENGTH:
            raise InvalidRequestError(
                f"`action` must have 1 to {MAX_ACTION_LENGTH} characters", field="action"
            )
        try:
            return EntityUid(self.action_type, action)
        except InvalidRequestError:
            raise InvalidRequestError(
                "`action` must be the id of an action", field="action"
            ) from None

    def question(self, request: AuthorizationRequest) -> Question:
        """The request with everything resolved.

        Raises:
            InvalidRequestError: an id or entity breaks a rule; an entity would redefine the caller.
        """
        callers: tuple[Entity, ...] = ()
        expires_at = request.expires_at
        if isinstance(request.principal, EntityUid):
            principal = request.principal
        else:
            callers = self._caller_entities(request.principal)
            principal = callers[0].uid
            expires_at = _earlier(expires_at, request.principal.expires_at)
        resource, entities = _resolve_entities(request.resource, callers, request.entities)
        return Question(
            principal=principal,
            action=self._actions[request.action],
            resource=resource,
            context=request.context,
            entities=entities,
            expires_at=expires_at,
            caller_entities=len(callers),
        )

    def token_question(
        self,
        action: str,
        resource: EntityUid | Entity,
        *,
        context: Mapping[str, object],
        entities: Iterable[Entity],
        access_token: str | None,
        identity_token: str | None,
    ) -> Question:
        """A question in which a token says who asks.

        Raises:
            InvalidRequestError: neither token is given, the context holds ``token``, or a part
                breaks a rule.
        """
        tokens: list[Any] = [token for token in (access_token, identity_token) if token is not None]
        if not tokens:
            raise InvalidRequestError(
                "`accessToken` or `identityToken` must be given", field="accessToken"
            )
        if not all(isinstance(token, str) and token.isascii() for token in tokens):
            raise InvalidRequestError(
                "`accessToken` and `identityToken` must be ASCII strings", field="accessToken"
            )
        frozen = freeze_record(context, where="context")
        if "token" in frozen:
            raise InvalidRequestError(
                "`context.token` is what the store makes of an access token", field="context.token"
            )
        resource_uid, resolved = _resolve_entities(resource, (), entities)
        return Question(
            principal=None,
            action=self._actions[action],
            resource=resource_uid,
            context=frozen,
            entities=resolved,
            expires_at=min(_expiry(token) for token in tokens),
            access_token=access_token,
            identity_token=identity_token,
        )

    def _caller_entities(self, principal: Principal) -> tuple[Entity, ...]:
        """The caller's entity, then its groups'.

        Remembered by all that they are made of: a caller who comes back with another token is the
        same entity.
        """
        caller = caller_key(principal)
        remembered = None if caller is None else self._callers.get(caller)
        if remembered is not None:
            return remembered
        make = getattr(principal, "entity", None)
        if make is None:
            raise InvalidRequestError(
                "`principal` must be an `EntityUid` or a `Principal`", field="principal"
            )
        entity = make(
            principal_type=self.principal_type,
            group_type=self.group_type,
            principal_id=self.principal_id,
        )
        entities = (entity, *[_GROUPS[group] for group in entity.parents])
        if caller is not None:
            self._callers.put(caller, entities)
        return entities


# Few groups stand in the tokens of many callers.  Entities are frozen.
_GROUPS: Memo[EntityUid, Entity] = Memo(Entity, max_entries=1024)


def _expiry(token: str) -> float:
    """The ``exp`` of a token that the policy store will verify; 0 where it cannot be read."""
    try:
        payload = token.split(".")[1]
        expiry = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return 0.0
    return float(expiry) if type(expiry) in {int, float} and 0 < expiry < 2**53 else 0.0


def _earlier(first: float | None, second: float | None) -> float | None:
    if first is None or second is None:
        return first if second is None else second
    return min(first, second)


def _resolve_entities(
    resource: EntityUid | Entity, callers: tuple[Entity, ...], supplied: Iterable[Entity]
) -> tuple[EntityUid, tuple[Entity, ...]]:
    """The resource's id, and every entity once: the caller's first.

    Verified Permissions takes the last of several entities with one id, and the embedded engine
    refuses them.  Here equal ones are one, and others are refused.
    """
    if isinstance(resource, Entity):
        resource_uid, given = resource.uid, (resource, *supplied)
    elif isinstance(resource, EntityUid):
        resource_uid, given = resource, tuple(supplied)
    else:
        raise InvalidRequestError(
            "`resource` must be an `EntityUid` or an `Entity`", field="resource"
        )
    by_uid = {caller.uid: caller for caller in callers}
    for entity in given:
        if not isinstance(entity, Entity):
            raise InvalidRequestError("`entities` must be of `Entity`", field="entities")
        if entity.uid.type.rpartition("::")[2] == "Action":
            raise InvalidRequestError(
                "`entities` may hold no actions; those belong to the schema", field="entities"
            )
        if by_uid.setdefault(entity.uid, entity) is not entity and by_uid[entity.uid] != entity:
            raise InvalidRequestError(
                "`entities` holds two different entities with one id", field="entities"
            )
    return resource_uid, tuple(by_uid.values())

"""From a request to the question that is asked: Cedar types, ids, and every entity once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support import base64url
from authz_lib._support.memo import Memo, WeighedMemo
from authz_lib._support.strict_json import loads_object
from authz_lib.decisions.request import Question
from authz_lib.entities import Entity, EntityUid, freeze_record
from authz_lib.entities.entity import memory_of_callers
from authz_lib.entities.hierarchy import (
    MAX_HIERARCHY_DEPTH,
    MAX_HIERARCHY_STEPS,
    is_too_deep,
    is_too_wide,
)
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.principal import caller_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from authz_lib.decisions.request import AuthorizationRequest
    from authz_lib.principal import CallerKey, Principal, PrincipalIdForm

__all__ = ["Vocabulary"]

MAX_ACTION_LENGTH = 512
_MAX_CALLERS_BYTES = 1024 * 1024
# Fewer parents of fewer than 64 entities take fewer than `MAX_HIERARCHY_STEPS`.
_MANY_PARENTS = MAX_HIERARCHY_STEPS // MAX_HIERARCHY_DEPTH
_NO_CONTEXT = freeze_record({}, where="context")


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
        self._callers: WeighedMemo[CallerKey, tuple[Entity, ...]] = WeighedMemo(
            max_entries=256, max_weight=_MAX_CALLERS_BYTES
        )

    @property
    def terms(self) -> tuple[str, str, str, str]:
        """What makes two vocabularies one: the types, and the form of a caller's id."""
        return self.action_type, self.principal_type, self.group_type, self.principal_id

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
            callers = self._caller_entities(request.principal, caller_key(request.principal))
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

    def caller_question(
        self, caller: Principal, action: str, resource: EntityUid, key: CallerKey | None = None
    ) -> Question:
        """What `question` makes of a request with nothing but a caller, an action and an id.

        Args:
            caller: who asks.
            action: the id of the action.
            resource: an id.
            key: the `caller_key` of the caller, where it is known.

        Raises:
            InvalidRequestError: an id breaks a rule.
        """
        entities = self._caller_entities(caller, caller_key(caller) if key is None else key)
        return Question(
            entities[0].uid,
            self._actions[action],
            resource,
            _NO_CONTEXT,
            entities,
            caller.expires_at,
            len(entities),
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

    def _caller_entities(
        self, principal: Principal, caller: CallerKey | None
    ) -> tuple[Entity, ...]:
        """The caller's entity, then its groups'.

        Remembered by all that they are made of: a caller who comes back with another token is the
        same entity.
        """
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
            self._callers.put(caller, entities, weight=memory_of_callers(entities))
        return entities


# Few groups stand in the tokens of many callers.  Entities are frozen.
_GROUPS: Memo[EntityUid, Entity] = Memo(Entity, max_entries=1024)


def _expiry(token: str) -> float:
    """The ``exp`` of a token that the policy store will verify; 0 where it cannot be read."""
    try:
        payload = token.split(".")[1].rstrip("=").encode()
        expiry = loads_object(base64url.decode(payload))["exp"]
    except (ValueError, LookupError):
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
    if given and (
        len(by_uid) > MAX_HIERARCHY_DEPTH
        or sum([len(entity.parents) for entity in given]) > _MANY_PARENTS
    ):
        _check_hierarchy({uid: entity.parents for uid, entity in by_uid.items()})
    return resource_uid, tuple(by_uid.values())


def _check_hierarchy(parents: Mapping[EntityUid, tuple[EntityUid, ...]]) -> None:
    if is_too_deep(parents):
        raise InvalidRequestError(
            f"`entities` holds more than {MAX_HIERARCHY_DEPTH} entities that stand in one another",
            field="entities",
        )
    if is_too_wide(parents):
        raise InvalidRequestError(
            f"`entities` holds entities that are in too many: to find all that they are in takes "
            f"more than {MAX_HIERARCHY_STEPS} steps",
            field="entities",
        )

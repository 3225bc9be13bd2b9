"""A request with all that it brings, and what an engine says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib.decisions.cedar import CedarEngine
from authz_lib.decisions.cedar_schema import EntityType, PolicySchema, RecordType, SetType
from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.entities import (
    CedarDatetime,
    CedarDecimal,
    CedarDuration,
    CedarIp,
    Entity,
    EntityUid,
)
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.cedar_schema import CedarType
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode

__all__ = ["ConcreteEntity", "ConcreteRequest", "Replay", "plain_record", "plain_value"]


@dataclass
class ConcreteEntity:
    """An entity that can still be changed."""

    attrs: dict[str, Any] = field(default_factory=dict)
    parents: list[EntityUid] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)


@dataclass
class ConcreteRequest:
    """A request that can still be changed."""

    principal: EntityUid
    action: tuple[str, str]
    resource: EntityUid
    context: dict[str, Any] = field(default_factory=dict)
    entities: dict[EntityUid, ConcreteEntity] = field(default_factory=dict)

    def frozen(self) -> AuthorizationRequest:
        """As an engine is asked.

        Raises:
            InvalidRequestError: a part has no Cedar value.
        """
        entities = [
            Entity(uid, attrs=entity.attrs, parents=entity.parents, tags=entity.tags)
            for uid, entity in self.entities.items()
        ]
        return AuthorizationRequest(
            self.principal, self.action[1], self.resource, self.context, entities
        )


class Replay:
    """Asks the real engine about requests that the solver, or anybody else, has found.

    Policies are not validated, since those that are compared may be wrong.
    """

    def __init__(self, sources: PolicySources, on_evaluation_error: ErrorMode) -> None:
        self._sources, self._mode = sources, on_evaluation_error
        self._engines: dict[tuple[str, bool], CedarEngine] = {}

    def allows(self, request: ConcreteRequest) -> bool | None:
        """The engine's answer; None where the request is none."""
        return self._answer(request, validate=False)

    def fits(self, request: ConcreteRequest) -> bool:
        """Whether the request fits the schema."""
        return self._answer(request, validate=True) is not None

    def _answer(self, request: ConcreteRequest, *, validate: bool) -> bool | None:
        try:
            engine = self._engine(request.action[0], validate)
            return engine.is_authorized(request.frozen()).allowed
        except InvalidRequestError:
            return None

    def _engine(self, action_type: str, validate: bool) -> CedarEngine:
        if (action_type, validate) not in self._engines:
            self._engines[action_type, validate] = CedarEngine(
                self._sources,
                entities=self._sources.entities or (),
                validate_policies=False,
                validate_requests=validate,
                action_type=action_type,
                on_evaluation_error=self._mode,
            )
        return self._engines[action_type, validate]


def plain_value(type_: CedarType, schema: PolicySchema, number: int = 0) -> Any:
    """A value of a type that no policy names; another one for each number."""
    if isinstance(type_, SetType):
        return [] if number == 0 else [plain_value(type_.element, schema, number)]
    if isinstance(type_, RecordType):
        return plain_record(type_, schema, number)
    if isinstance(type_, EntityType):
        shape = schema.entities.get(type_.name)
        ids: Mapping[int, str] = dict(enumerate((shape.ids if shape else None) or ()))
        own = f"{type_.name.rpartition('::')[2].lower()}-{number}"
        return EntityUid(type_.name, ids[number % len(ids)] if ids else own)
    makers: dict[str, Any] = {
        "Bool": bool(number % 2),
        "Long": number,
        "String": f"text-{number}",
        "decimal": CedarDecimal(f"{number}.0"),
        "datetime": CedarDatetime(f"{1970 + number % 8000:04}-01-01"),
        "duration": CedarDuration(f"{number}ms"),
        "ipaddr": CedarIp(f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"),
    }
    return makers[type_.name]


def plain_record(type_: RecordType, schema: PolicySchema, number: int = 0) -> dict[str, Any]:
    """Only what must be there."""
    return {
        name: plain_value(inner, schema, number)
        for name, (inner, required) in type_.fields.items()
        if required
    }

"""Requests to try out, made of what policies name; the same ones each time."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from authz_lib._support.longs import MAX_LONG, MIN_LONG
from authz_lib.analysis.concrete import ConcreteEntity, ConcreteRequest, plain_value
from authz_lib.decisions.cedar_schema import EntityType, Primitive, RecordType, SetType
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration, CedarIp, EntityUid
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.decisions.cedar_schema import CedarType, PolicySchema

__all__ = ["tried_requests"]

_EXTENSIONS = {
    "datetime": CedarDatetime,
    "decimal": CedarDecimal,
    "duration": CedarDuration,
    "ipaddr": CedarIp,
}
_DEEP = 2  # how far from the principal and the resource entities are made


def tried_requests(
    schema: PolicySchema, environment: RequestEnvironment, named: Collection[object]
) -> Iterator[ConcreteRequest]:
    """Requests of one kind, without an end."""
    maker = _Maker(schema, named)
    while True:
        yield maker.request(environment)


class _Maker:
    def __init__(self, schema: PolicySchema, named: Collection[object]) -> None:
        self._random = Random(19)  # noqa: S311  no secret: the same requests each time
        self._schema = schema
        self._texts = [*sorted({one for one in named if isinstance(one, str)}), "t1", "t2"]
        numbers = {one for one in named if isinstance(one, int) and not isinstance(one, bool)}
        self._numbers = sorted({near for one in numbers | {0} for near in (one - 1, one, one + 1)})
        self._uids = sorted(one for one in named if isinstance(one, EntityUid))

    def request(self, environment: RequestEnvironment) -> ConcreteRequest:
        principal, resource = self._uid(environment.principal), self._uid(environment.resource)
        request = ConcreteRequest(principal, environment.action.uid, resource)
        if self._random.random() < 0.5:  # what is often compared: their owner is who asks
            self._favourite = principal
        else:
            self._favourite = self._uid(environment.principal)
        for uid in (principal, resource):
            self._entity(request, uid, _DEEP)
        request.context = self._record(request, environment.action.context, 1)
        return request

    def _uid(self, type_name: str) -> EntityUid:
        shape = self._schema.entities.get(type_name)
        if shape is not None and shape.ids is not None:
            return EntityUid(type_name, self._random.choice(shape.ids))
        own = [uid for uid in self._uids if uid.type == type_name]
        number = self._random.randrange(1, 3)
        plain: EntityUid = plain_value(EntityType(type_name), self._schema, number)
        return self._random.choice([*own, plain, plain])

    def _entity(self, request: ConcreteRequest, uid: EntityUid, depth: int) -> None:
        shape = self._schema.entities.get(uid.type)
        if uid in request.entities or shape is None:
            return
        request.entities[uid] = entity = ConcreteEntity()
        entity.attrs = self._record(request, shape.attrs, depth)
        if shape.tags is not None and self._texts:
            for name in self._random.sample(self._texts, self._random.randrange(3)):
                entity.tags[name] = self._value(request, shape.tags, depth)
        for parent_type in shape.parents:
            if depth > 0 and self._random.random() < 0.7:
                parent = self._uid(parent_type)
                if parent not in request.entities:  # and so in no circle
                    entity.parents.append(parent)
                    self._entity(request, parent, depth - 1)

    def _record(self, request: ConcreteRequest, type_: RecordType, depth: int) -> dict[str, Any]:
        return {
            name: self._value(request, inner, depth)
            for name, (inner, required) in type_.fields.items()
            if required or self._random.random() < 0.6
        }

    def _value(self, request: ConcreteRequest, type_: CedarType, depth: int) -> Any:
        if isinstance(type_, RecordType):
            return self._record(request, type_, depth)
        if isinstance(type_, SetType):
            count = self._random.randrange(3)
            return [self._value(request, type_.element, depth) for _ in range(count)]
        if isinstance(type_, EntityType):
            same = type_.name == self._favourite.type and self._random.random() < 0.6
            uid = self._favourite if same else self._uid(type_.name)
            given = [one for one in request.entities if one.type == type_.name]
            if depth <= 0 and given and uid not in given:
                return self._random.choice(given)  # and so there is an end
            self._entity(request, uid, depth - 1)
            return uid
        return self._scalar(type_)

    def _scalar(self, type_: Primitive) -> Any:
        if type_.name == "Bool":
            return self._random.random() < 0.5
        if type_.name == "String":
            return self._random.choice(self._texts)
        if type_.name == "Long":
            return min(max(self._random.choice(self._numbers), MIN_LONG), MAX_LONG)
        written = [made for text in self._texts if (made := _written(type_.name, text)) is not None]
        plain = plain_value(type_, self._schema, self._random.randrange(4))
        return self._random.choice([*written, plain])


def _written(type_name: str, text: str) -> Any:
    """The value of an extension type that a text of a policy means; None where it means none."""
    try:
        return _EXTENSIONS[type_name](text)
    except InvalidRequestError:
        return None

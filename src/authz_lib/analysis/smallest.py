"""Makes a request as small as it can be while it still shows what it shows.

Nothing of the result can be left out: each membership, optional attribute, tag, and element of a
set that is left has been tried without.  The engine is asked each time, not the solver.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.concrete import plain_value
from authz_lib.decisions.cedar_schema import EntityType, Primitive, RecordType, SetType
from authz_lib.entities import EntityUid

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from authz_lib.analysis.concrete import ConcreteRequest
    from authz_lib.decisions.cedar_schema import CedarType, PolicySchema

__all__ = ["Spot", "matters", "places", "smallest"]

_ROUNDS = 4


class Spot:
    """A value in a request, with its type: of an attribute, a tag or the context."""

    def __init__(
        self,
        owner: EntityUid | None,
        path: tuple[str, ...],
        type_: CedarType,
        required: bool,
        find: Callable[[ConcreteRequest], dict[str, Any]],
    ) -> None:
        self.owner, self.path, self.type, self.required = owner, path, type_, required
        self.holder = find

    def value(self, request: ConcreteRequest) -> Any:
        return self.holder(request)[self.path[-1]]

    def put(self, request: ConcreteRequest, value: Any) -> None:
        self.holder(request)[self.path[-1]] = value

    def drop(self, request: ConcreteRequest) -> None:
        del self.holder(request)[self.path[-1]]


def smallest(
    request: ConcreteRequest,
    schema: PolicySchema,
    named: Collection[object],
    shows: Callable[[ConcreteRequest], bool],
) -> ConcreteRequest:
    """A smallest request.

    Args:
        request: that shows it.
        schema: which it fits.
        named: the texts of the policies: values that are kept rather than replaced.
        shows: whether a request shows it; it is asked often.
    """
    for name in ("principal", "resource"):
        request = _tried(request, partial(_set_apart, name, schema), shows)
    for number, uid in enumerate([request.principal, request.resource, *request.entities], 1):
        if uid in named and uid in request.entities:  # one that is held stays
            request = _tried(request, _renaming(uid, schema, number), shows)
    for _ in range(_ROUNDS):
        before = deepcopy(request)
        for change in _removals(request, schema):
            request = _tried(request, change, shows)
        if request == before:
            break
    for number, place in enumerate(list(places(request, schema)), start=1):
        request = _plainer(request, schema, place, number, named, shows)
    return _readable(request, schema, named, shows)


def _tried(
    request: ConcreteRequest,
    change: Callable[[ConcreteRequest], None],
    shows: Callable[[ConcreteRequest], bool],
) -> ConcreteRequest:
    changed = deepcopy(request)
    try:
        change(changed)
    except (KeyError, ValueError):  # an earlier change has taken it away
        return request
    return changed if shows(changed) else request


def _removals(
    request: ConcreteRequest, schema: PolicySchema
) -> Iterator[Callable[[ConcreteRequest], None]]:
    for uid, entity in request.entities.items():
        for parent in entity.parents:
            yield partial(_leave, uid, parent)
        for name in entity.tags:
            yield partial(_drop_tag, uid, name)
    for place in list(places(request, schema)):
        if not place.required:
            yield place.drop
        if isinstance(place.type, SetType):
            yield partial(_put, place, [])
            for element in place.value(request):
                yield partial(_take_out, place, element)
    for uid in request.entities:
        if uid not in {request.principal, request.resource}:
            yield partial(_drop_unread, uid)


def _set_apart(name: str, schema: PolicySchema, request: ConcreteRequest) -> None:
    """Makes the principal or the resource an entity that nothing else is or refers to."""
    uid: EntityUid = getattr(request, name)
    if uid not in _references(request) and request.principal != request.resource:
        raise KeyError(uid)
    other = plain_value(EntityType(uid.type), schema, 9001)
    request.entities[other] = deepcopy(request.entities[uid])  # one that is held stays
    setattr(request, name, other)


def _renaming(
    uid: EntityUid, schema: PolicySchema, number: int
) -> Callable[[ConcreteRequest], None]:
    """Gives an entity an id that no policy names."""
    other = plain_value(EntityType(uid.type), schema, number)

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed(name): renamed(one) for name, one in value.items()}
        if isinstance(value, list):
            return [renamed(one) for one in value]
        return other if value == uid else value

    def rename(request: ConcreteRequest) -> None:
        request.principal, request.resource = renamed(request.principal), renamed(request.resource)
        request.context, request.entities = renamed(request.context), renamed(request.entities)
        for entity in request.entities.values():
            entity.attrs, entity.tags = renamed(entity.attrs), renamed(entity.tags)
            entity.parents = renamed(entity.parents)

    return rename


def _leave(uid: EntityUid, parent: EntityUid, request: ConcreteRequest) -> None:
    request.entities[uid].parents.remove(parent)


def _drop_tag(uid: EntityUid, name: str, request: ConcreteRequest) -> None:
    del request.entities[uid].tags[name]


def _put(place: Spot, value: Any, request: ConcreteRequest) -> None:
    _give_like(request, place.value(request), value)
    place.put(request, value)


def _take_out(place: Spot, element: Any, request: ConcreteRequest) -> None:
    place.value(request).remove(element)


def _drop_unread(uid: EntityUid, request: ConcreteRequest) -> None:
    """Take away an entity that nothing refers to."""
    if uid in _references(request):
        raise KeyError(uid)
    del request.entities[uid]


def _references(request: ConcreteRequest) -> set[EntityUid]:
    found: set[EntityUid] = set()
    pending: list[Any] = [request.context]
    for entity in request.entities.values():
        pending += [entity.attrs, entity.tags, entity.parents]
    while pending:
        value = pending.pop()
        if isinstance(value, EntityUid):
            found.add(value)
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return found


def places(request: ConcreteRequest, schema: PolicySchema) -> Iterator[Spot]:
    """Every value of the request, those inside of records too."""
    action = next(one for one in schema.actions if one.uid == request.action)
    yield from _of_record(action.context, request.context, None, (), _context)
    for uid, entity in request.entities.items():
        shape = schema.entities.get(uid.type)
        if shape is not None:
            yield from _of_record(shape.attrs, entity.attrs, uid, (), partial(_attrs, uid))


def _context(request: ConcreteRequest) -> dict[str, Any]:
    return request.context


def _attrs(uid: EntityUid, request: ConcreteRequest) -> dict[str, Any]:
    return request.entities[uid].attrs


def _inside(
    find: Callable[[ConcreteRequest], dict[str, Any]], name: str, request: ConcreteRequest
) -> dict[str, Any]:
    found: dict[str, Any] = find(request)[name]
    return found


def _of_record(
    type_: RecordType,
    values: Mapping[str, Any],
    owner: EntityUid | None,
    path: tuple[str, ...],
    find: Callable[[ConcreteRequest], dict[str, Any]],
) -> Iterator[Spot]:
    for name, value in values.items():
        inner, required = type_.fields[name]
        here = (*path, name)
        yield Spot(owner, here, inner, required, find)
        if isinstance(inner, RecordType):
            yield from _of_record(inner, value, owner, here, partial(_inside, find, name))


def _plainer(  # noqa: PLR0917  all of them are needed
    request: ConcreteRequest,
    schema: PolicySchema,
    place: Spot,
    number: int,
    named: Collection[object],
    shows: Callable[[ConcreteRequest], bool],
) -> ConcreteRequest:
    """A value that no policy names, where any would do; small numbers, where those do."""
    if isinstance(place.type, RecordType | SetType):
        return request
    if isinstance(place.type, Primitive) and place.type.name == "Long":
        for value in (0, 1, 2):
            if place.value(request) != value:
                request = _tried(request, partial(_put, place, value), shows)
        return request
    if place.value(request) in named or not matters(request, schema, place, shows, number):
        plain = plain_value(place.type, schema, 0 if _is_bool(place.type) else number)
        return _tried(request, partial(_put, place, plain), shows)
    return request


def _is_bool(type_: CedarType) -> bool:
    return isinstance(type_, Primitive) and type_.name == "Bool"


def matters(
    request: ConcreteRequest,
    schema: PolicySchema,
    place: Spot,
    shows: Callable[[ConcreteRequest], bool],
    number: int = 0,
) -> bool:
    """Whether another value at a place would show something else."""
    if isinstance(place.type, RecordType):
        return False  # its parts do, or do not
    for other in [*_others(request, schema, place, number), *_alike(request, schema, place)]:
        changed = deepcopy(request)
        place.put(changed, other)
        _give_like(changed, place.value(request), other)
        if not shows(changed):
            return True
    return False


def _others(request: ConcreteRequest, schema: PolicySchema, place: Spot, number: int) -> list[Any]:
    """Values that a place could have instead; of an `enum` all of them."""
    if _is_bool(place.type):
        return [not place.value(request)]
    if isinstance(place.type, SetType):
        return [[plain_value(place.type.element, schema, 9001 + number)], []]
    if isinstance(place.type, EntityType):
        shape = schema.entities.get(place.type.name)
        if shape is not None and shape.ids is not None:
            return [EntityUid(shape.name, id_) for id_ in shape.ids]
    return [plain_value(place.type, schema, count + number) for count in (9001, 9501)]


def _give_like(request: ConcreteRequest, old: Any, new: Any) -> None:
    """Where one entity takes the place of another that is given, it is given too."""
    if isinstance(old, EntityUid) and old in request.entities:
        request.entities.setdefault(new, deepcopy(request.entities[old]))


def _alike(request: ConcreteRequest, schema: PolicySchema, place: Spot) -> list[Any]:
    """The other values of the same type that the request has."""
    own = place.value(request)
    uids = [request.principal, request.resource, *request.entities]
    values = [one.value(request) for one in places(request, schema) if one.type == place.type]
    if isinstance(place.type, EntityType):
        values += [uid for uid in uids if uid.type == place.type.name]
    return [value for value in values if value != own]


def _readable(
    request: ConcreteRequest,
    schema: PolicySchema,
    named: Collection[object],
    shows: Callable[[ConcreteRequest], bool],
) -> ConcreteRequest:
    """Texts that the solver has made up, named after their attribute: ``t1``, ``t2``."""
    found: dict[str, str] = {}
    for place in places(request, schema):
        value = place.value(request)
        if isinstance(value, str) and value not in named and value not in found:
            letter = next((sign for sign in place.path[-1].lower() if sign.isalpha()), "a")
            taken = {*named, *found.values()}
            free = (f"{letter}{count}" for count in range(1, len(taken) + 2))
            found[value] = next(name for name in free if name not in taken)

    def rename(one: ConcreteRequest) -> None:
        for place in places(one, schema):
            value = place.value(one)
            if isinstance(value, str) and value in found:
                place.put(one, found[value])

    return _tried(request, rename, shows)

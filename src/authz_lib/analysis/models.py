"""From what the solver found to a request with all that it brings."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.concrete import ConcreteEntity, ConcreteRequest, plain_record, plain_value
from authz_lib.analysis.extensions import (
    datetime_from_milliseconds,
    decimal_from_ten_thousandths,
)
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import STRING
from authz_lib.decisions.cedar_schema import EntityType, RecordType, SetType
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration, EntityUid
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Collection

    from authz_lib.analysis.request_terms import Leaf, Path, RequestTerms
    from authz_lib.analysis.terms import Formula
    from authz_lib.analysis.values import Scalar
    from authz_lib.decisions.cedar_schema import CedarType

__all__ = ["request_of_model"]


def request_of_model(
    request: RequestTerms, solver: Any, held: Collection[EntityUid]
) -> ConcreteRequest:
    """The request that a solver's model describes.

    Args:
        request: whose unknowns have values now.
        solver: of cvc5, after it has said ``sat``.
        held: the engine's own entities, which the request does not bring.

    Raises:
        UnsupportedError: a value cannot be written.
    """
    try:
        return _Model(request, solver).request(held)
    except InvalidRequestError:
        raise UnsupportedError("a value that cannot be written") from None


class _Model:
    def __init__(self, request: RequestTerms, solver: Any) -> None:
        self._r, self._solver = request, solver
        self._ids: dict[tuple[str, int], str] = {}
        self._entities: defaultdict[EntityUid, ConcreteEntity] = defaultdict(ConcreteEntity)

    def request(self, held: Collection[EntityUid]) -> ConcreteRequest:
        r = self._r
        principal, resource = self._uid(r.principal), self._uid(r.resource)
        owners = [r.principal, r.resource, *r.asked.values()]
        owners += [leaf.owner for leaf in r.leaves.values() if leaf.owner is not None]
        owners += [owner for owner, _ in r.given.values()]
        for uid in dict.fromkeys(map(self._uid, owners)):
            if uid.type in r.schema.entities:
                self._entities[uid]
        self._attributes()
        self._memberships()
        for owner, term in r.given.values():
            if not self._value(term).getBooleanValue():
                self._entities.pop(self._uid(owner), None)
        found = {uid: one for uid, one in self._entities.items() if uid not in held}
        return ConcreteRequest(
            principal, r.environment.action.uid, resource, self._context(), found
        )

    def _value(self, formula: Formula) -> Any:
        return self._solver.getValue(self._r.terms.term(formula))

    def _uid(self, entity: Scalar) -> EntityUid:
        assert isinstance(entity.type, EntityType)  # noqa: S101  it is an owner
        return self._named(entity.type.name, int(self._value(entity.formula).getIntegerValue()))

    def _named(self, type_name: str, number: int) -> EntityUid:
        known = self._r.terms.ids(type_name)
        if number in known:
            return EntityUid(type_name, known[number])
        if (type_name, number) not in self._ids:
            taken = {*known.values(), *self._ids.values()}
            word = type_name.rpartition("::")[2].lower()
            free = (f"{word}-{count}" for count in range(1, len(taken) + 2))
            self._ids[type_name, number] = next(name for name in free if name not in taken)
        return EntityUid(type_name, self._ids[type_name, number])

    def _attributes(self) -> None:
        leaves: defaultdict[EntityUid, dict[Path, Leaf]] = defaultdict(dict)
        for leaf in self._r.leaves.values():
            if leaf.owner is None:
                continue
            uid = self._uid(leaf.owner)
            if leaf.key is None:
                leaves[uid][leaf.path] = leaf
            elif leaf.path == ("?",) and self._value(leaf.term).getBooleanValue():
                self._tag(uid, leaf)
        for uid, entity in self._entities.items():
            entity.attrs = self._record(self._r.schema.entities[uid.type].attrs, leaves[uid], ())

    def _tag(self, uid: EntityUid, has: Leaf) -> None:
        type_ = self._r.schema.entities[uid.type].tags
        if type_ is None:
            return
        key = self._python(STRING, self._value(has.key))
        same = {
            leaf.path: leaf
            for leaf in self._r.leaves.values()
            if leaf.owner is not None
            and leaf.key is not None
            and leaf.path != ("?",)
            and self._uid(leaf.owner) == uid
            and self._python(STRING, self._value(leaf.key)) == key
        }
        self._entities[uid].tags[key] = self._at(type_, same, ())

    def _context(self) -> dict[str, Any]:
        leaves = {leaf.path: leaf for leaf in self._r.leaves.values() if leaf.owner is None}
        return self._record(self._r.environment.action.context, leaves, ())

    def _record(self, type_: RecordType, leaves: dict[Path, Leaf], path: Path) -> dict[str, Any]:
        found = {}
        for name, (inner, required) in type_.fields.items():
            here = (*path, name)
            asked = leaves.get((*here, "?"))
            if required or (asked and self._value(asked.term).getBooleanValue()):
                found[name] = self._at(inner, leaves, here)
        return found

    def _at(self, type_: CedarType, leaves: dict[Path, Leaf], path: Path) -> Any:
        if isinstance(type_, RecordType):
            return self._record(type_, leaves, path)
        if path in leaves:
            return self._python(type_, self._value(leaves[path].term))
        return plain_value(type_, self._r.schema)

    def _memberships(self) -> None:
        for leaf in list(self._r.ancestors.values()):
            uid = self._uid(leaf.owner)
            for element in _elements(self._value(leaf.term)):
                self._put_in(uid, self._named(leaf.group_type, int(element.getIntegerValue())))

    def _put_in(self, uid: EntityUid, group: EntityUid) -> None:
        """By way of others, where the schema allows no direct membership."""
        entity = self._entities[uid]
        for type_name in _way(self._r, uid.type, group.type)[:-1]:
            between = EntityUid(type_name, f"between-{len(self._entities)}")
            entity.parents.append(between)
            entity = self._entities[between]
            entity.attrs = plain_record(self._r.schema.entities[type_name].attrs, self._r.schema)
        if group not in entity.parents:
            entity.parents.append(group)

    def _python(  # noqa: PLR0911  one return a kind of value
        self, type_: CedarType, value: Any
    ) -> Any:
        if isinstance(type_, SetType):
            return [self._python(type_.element, one) for one in _elements(value)]
        if isinstance(type_, RecordType):
            return self._python_record(type_, list(value)[1:])
        if isinstance(type_, EntityType):
            return self._named(type_.name, int(value.getIntegerValue()))
        if type_.name == "Bool":
            return value.getBooleanValue()
        if type_.name == "String":
            return value.getStringValue()
        number = int(value.getIntegerValue())
        if type_.name == "decimal":
            return CedarDecimal(decimal_from_ten_thousandths(number))
        if type_.name == "datetime":
            return CedarDatetime(datetime_from_milliseconds(number))
        if type_.name == "duration":
            return CedarDuration(f"{number}ms")
        return plain_value(type_, self._r.schema, number) if type_.name == "ipaddr" else number

    def _python_record(self, type_: RecordType, parts: list[Any]) -> dict[str, Any]:
        found, rest = {}, iter(parts)
        for name, (inner, required) in type_.fields.items():
            present = required or next(rest).getBooleanValue()
            value = next(rest)
            if present:
                found[name] = self._python(inner, value)
        return found


def _elements(value: Any) -> list[Any]:
    """The elements of a set that is a value."""
    kind = str(value.getKind()).rpartition(".")[2]
    if kind == "SET_EMPTY":
        return []
    if kind == "SET_SINGLETON":
        return [value[0]]
    return [element for part in value for element in _elements(part)]


def _way(request: RequestTerms, lower: str, upper: str) -> list[str]:
    """The types to go through, from the one above the lower one to the upper one."""
    ways = [[lower]]
    for way in ways:
        shape = request.schema.entities.get(way[-1])
        for above in shape.parents if shape else ():
            if above == upper:
                return [*way[1:], above]
            if above not in way:
                ways.append([*way, above])
    raise UnsupportedError("a membership that the schema does not know")

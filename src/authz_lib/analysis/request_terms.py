"""A request that is not known yet: every attribute, membership and tag is an unknown.

An attribute is a function of the entity's id.  What an entity is in is a set of ids, one for each
type that the schema allows above it.  What the schema promises of a request is a constraint:

===============  ===============================================================
what             constraint
===============  ===============================================================
a ``Long``       has 64 bits
an ``enum``      the id is one of the schema's
membership       is transitive, and goes in no circle
given entities   all of them, or (``missing=True``) any
===============  ===============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.extensions import WRITABLE_MILLISECONDS
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import (
    BOOL,
    RecordValue,
    Scalar,
    SymbolicValue,
    UnknownSet,
    Values,
)
from authz_lib.decisions.cedar_schema import EntityType, Primitive, RecordType, SetType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from authz_lib.analysis.environments import RequestEnvironment
    from authz_lib.analysis.terms import Formula, Terms
    from authz_lib.decisions.cedar_schema import CedarType, EntityShape, PolicySchema

__all__ = ["AncestorLeaf", "Leaf", "Path", "RequestTerms"]

Path = tuple[str, ...]
_MAX_TRANSITIVE = 200  # entities whose memberships are asked for


@dataclass(frozen=True, slots=True)
class Leaf:
    """An unknown of the request.

    Attributes:
        owner: the entity whose attribute or tag it is; None for the context.
        path: names, such as ``("owner",)``; a last ``?`` asks whether it is there.
        type: of the value.
        key: of a tag, the formula of its name.
        term: the value.
    """

    owner: Scalar | None
    path: Path
    type: CedarType
    key: Formula | None
    term: Any


@dataclass(frozen=True, slots=True)
class AncestorLeaf:
    """The ids of one type that an entity is in."""

    owner: Scalar
    group_type: str
    term: Any


class RequestTerms:
    """The unknowns of one kind of request, made where a policy asks for them.

    Args:
        terms: makes the formulas.
        schema: what a request fits.
        environment: the kind of request.
        missing: whether a request may leave out entities.

    Attributes:
        writable: what makes a request one that can be written: times have years of four digits.
    """

    def __init__(
        self,
        terms: Terms,
        schema: PolicySchema,
        environment: RequestEnvironment,
        *,
        missing: bool = False,
    ) -> None:
        self.terms, self.values = terms, Values(terms)
        self.schema, self.environment, self.missing = schema, environment, missing
        self.leaves: dict[tuple[Any, ...], Leaf] = {}
        self.ancestors: dict[tuple[Any, ...], AncestorLeaf] = {}
        self.given: dict[tuple[Any, ...], tuple[Scalar, Any]] = {}
        self.asked: dict[tuple[Any, ...], Scalar] = {}
        self.writable: list[Formula] = []
        self._constraints: list[Formula] = []
        self.principal = self._party("principal", environment.principal)
        self.resource = self._party("resource", environment.resource)
        self.context = self._record(environment.action.context, None, (), None)

    def constraints(self) -> list[Formula]:
        """What holds of every request that fits the schema."""
        hierarchy = self._hierarchy()  # it asks for more, and so promises more
        return [*self._constraints, *hierarchy]

    def entity(self, entity_type: str, id_: str) -> Scalar:
        """An entity that is named."""
        return Scalar(EntityType(entity_type), self.terms.entity_id(entity_type, id_))

    def shape(self, entity: Scalar) -> EntityShape | None:
        return self.schema.entities.get(_type_name(entity))

    def attributes(self, entity: Scalar) -> RecordValue:
        """The attributes of an entity that is given."""
        shape = self.shape(entity)
        return RecordValue({}) if shape is None else self._record(shape.attrs, entity, (), None)

    def is_given(self, entity: Scalar) -> Formula:
        """Whether the request, or the engine, has the entity."""
        shape = self.shape(entity)
        if not self.missing or shape is None:
            return shape is not None
        name = _type_name(entity)
        term = self.terms.apply(f"{name} given", self.terms.bool, self._argument(entity))
        self.given.setdefault((name, _key(entity.formula)), (entity, term))
        return term

    def has_tag(self, entity: Scalar, key: Formula) -> Formula:
        shape = self.shape(entity)
        if shape is None or shape.tags is None:
            return False
        return self.leaf(entity, ("?",), BOOL, key)

    def tag(self, entity: Scalar, key: Formula) -> SymbolicValue:
        """The value of a tag that is there."""
        shape = self.shape(entity)
        if shape is None or shape.tags is None:
            raise UnsupportedError("a tag that the schema does not know")
        return self._value(shape.tags, entity, (), key)

    def is_in(self, entity: Scalar, group: Scalar) -> Formula:
        """``in``: the same entity, or above it."""
        itself = self.values.equal(entity, group)
        name = _type_name(group)
        if itself is True or name not in self.schema.above(_type_name(entity)):
            return itself
        above = self.terms.member(group.formula, self.above(entity, name))
        return self.terms.or_(itself, self.terms.and_(self.is_given(entity), above))

    def is_in_any(self, entity: Scalar, groups: UnknownSet) -> Formula:
        """``in`` a set of the request."""
        if not isinstance(groups.element, EntityType):
            raise UnsupportedError("`in` a set of no entities")
        name = groups.element.name
        itself = self.values.contains(groups, entity)
        if name not in self.schema.above(_type_name(entity)):
            return itself
        above = self.terms.not_(self.terms.disjoint(self.above(entity, name), groups.formula))
        return self.terms.or_(itself, self.terms.and_(self.is_given(entity), above))

    def above(self, entity: Scalar, group_type: str) -> Any:
        """The ids of a type that an entity is in."""
        name = _type_name(entity)
        self.asked.setdefault((name, _key(entity.formula)), entity)
        term = self.terms.apply(
            f"{name} in {group_type}", self.terms.set_of(self.terms.int), self._argument(entity)
        )
        key = (name, group_type, _key(entity.formula))
        if key not in self.ancestors:
            self.ancestors[key] = AncestorLeaf(entity, group_type, term)
            if name == group_type:
                self._constraints.append(self.terms.not_(self.terms.member(entity.formula, term)))
        return term

    def _hierarchy(self) -> list[Formula]:
        """Membership is transitive, between all entities that are asked what they are in."""
        if len(self.asked) > _MAX_TRANSITIVE:
            raise UnsupportedError(f"memberships of more than {_MAX_TRANSITIVE} entities")
        found: list[Formula] = []
        tops = {group_type for _, group_type, _ in self.ancestors}
        for lower in list(self.asked.values()):
            for upper in list(self.asked.values()):
                if _type_name(upper) in self.schema.above(_type_name(lower)):
                    found += self._transitive(lower, upper, tops)
        return found

    def _transitive(self, lower: Scalar, upper: Scalar, tops: set[str]) -> list[Formula]:
        if (lower.type, _key(lower.formula)) == (upper.type, _key(upper.formula)):
            return []
        t = self.terms
        inside = t.member(upper.formula, self.above(lower, _type_name(upper)))
        premise = t.and_(inside, self.is_given(upper))
        return [
            t.implies(premise, t.subset(self.above(upper, top), self.above(lower, top)))
            for top in sorted(tops & self.schema.above(_type_name(upper)))
        ]

    def _party(self, name: str, type_name: str) -> Scalar:
        party = Scalar(EntityType(type_name), self.terms.constant(name, self.terms.int))
        self._promise(party)
        return party

    def _argument(self, entity: Scalar) -> tuple[Formula, Any]:
        return entity.formula, self.terms.int

    def _record(
        self, type_: RecordType, owner: Scalar | None, path: Path, key: Formula | None
    ) -> RecordValue:
        def field(name: str) -> tuple[Formula, Callable[[], SymbolicValue]]:
            inner, required = type_.fields[name]
            here = (*path, name)
            present = True if required else self.leaf(owner, (*here, "?"), BOOL, key)
            return present, partial(self._value, inner, owner, here, key)

        return RecordValue(_Fields(type_.fields, field))

    def _value(
        self, type_: CedarType, owner: Scalar | None, path: Path, key: Formula | None
    ) -> SymbolicValue:
        if isinstance(type_, RecordType):
            return self._record(type_, owner, path, key)
        term = self.leaf(owner, path, type_, key)
        if isinstance(type_, SetType):
            return UnknownSet(type_.element, term)
        return Scalar(type_, term)

    def leaf(self, owner: Scalar | None, path: Path, type_: CedarType, key: Formula | None) -> Any:
        """The unknown of a name; see `Leaf`."""
        known = (
            None if owner is None else (_type_name(owner), _key(owner.formula)),
            path,
            None if key is None else _key(key),
        )
        if known not in self.leaves:
            term = self._unknown(owner, path, type_, key)
            self.leaves[known] = Leaf(owner, path, type_, key, term)
            self._promise_of(type_, term)
        return self.leaves[known].term

    def _unknown(
        self, owner: Scalar | None, path: Path, type_: CedarType, key: Formula | None
    ) -> Any:
        sort, name = self.values.sort(type_), repr(path)
        if owner is None:
            return self.terms.constant(f"context {name}", sort)
        arguments = [self._argument(owner)]
        if key is not None:
            name = f"tag {name}"
            arguments.append((key, self.terms.string))
        return self.terms.apply(f"{_type_name(owner)} {name}", sort, *arguments)

    def _promise_of(self, type_: CedarType, term: Any) -> None:
        if isinstance(type_, Primitive) and type_.name not in {"Bool", "String"}:
            self._constraints.append(self.terms.is_long(term))
            if type_.name == "datetime":
                self.writable.append(self.terms.is_between(term, *WRITABLE_MILLISECONDS))
        elif isinstance(type_, EntityType):
            self._promise(Scalar(type_, term))

    def _promise(self, entity: Scalar) -> None:
        shape = self.shape(entity)
        if shape is not None and shape.ids is not None:
            names = [self.entity(shape.name, id_) for id_ in shape.ids]
            self._constraints.append(
                self.terms.or_(*[self.values.equal(entity, name) for name in names])
            )


class _Fields(Mapping[str, "tuple[Formula, Callable[[], SymbolicValue]]"]):
    """Attributes that become unknowns when a policy asks for them."""

    def __init__(
        self,
        names: Mapping[str, object],
        make: Callable[[str], tuple[Formula, Callable[[], SymbolicValue]]],
    ) -> None:
        self._names, self._make = names, make

    def __getitem__(self, name: str) -> tuple[Formula, Callable[[], SymbolicValue]]:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _type_name(entity: Scalar) -> str:
    if not isinstance(entity.type, EntityType):
        raise UnsupportedError("something that is no entity")
    return entity.type.name


def _key(formula: Formula) -> object:
    """The same for the same formula."""
    return formula if isinstance(formula, (bool, int, str)) else ("term", formula.getId())

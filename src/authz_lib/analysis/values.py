"""What an expression of a policy stands for: a scalar, a record or a set, of one known type.

A request that fits the schema has values of the types that the schema says.  So the type of every
expression is known before a request is, and a wrong one is an error of the policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.analysis.terms import UnsupportedError
from authz_lib.decisions.cedar_schema import EntityType, Primitive, RecordType, SetType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.analysis.terms import Formula, Terms
    from authz_lib.decisions.cedar_schema import CedarType

__all__ = [
    "BOOL",
    "LONG",
    "STRING",
    "LiteralSet",
    "RecordValue",
    "Scalar",
    "SymbolicValue",
    "UnknownSet",
    "Values",
]

BOOL, LONG, STRING = Primitive("Bool"), Primitive("Long"), Primitive("String")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of a `Primitive` or an `EntityType`."""

    type: CedarType
    formula: Formula


@dataclass(frozen=True, slots=True)
class RecordValue:
    """Attributes by name: whether each is there, and what makes its value."""

    fields: Mapping[str, tuple[Formula, Callable[[], SymbolicValue]]]


@dataclass(frozen=True, slots=True)
class LiteralSet:
    """A set that a policy writes out; its elements may have several types."""

    elements: tuple[SymbolicValue, ...]


@dataclass(frozen=True, slots=True)
class UnknownSet:
    """A set of the request."""

    element: CedarType
    formula: Formula


SymbolicValue: TypeAlias = Scalar | RecordValue | LiteralSet | UnknownSet


class Values:
    """Compares and joins values."""

    def __init__(self, terms: Terms) -> None:
        self._t = terms

    def sort(self, type_: CedarType) -> Any:
        """The solver's sort of a type, as an element of a set or the value of a function."""
        if isinstance(type_, SetType):
            return self._t.set_of(self.sort(type_.element))
        if isinstance(type_, RecordType):
            sorts = []
            for inner, required in type_.fields.values():
                sorts += [self.sort(inner)] if required else [self._t.bool, self.sort(inner)]
            return self._t.tuple_of(sorts)
        if isinstance(type_, Primitive):
            return {"Bool": self._t.bool, "String": self._t.string}.get(type_.name, self._t.int)
        return self._t.int

    def equal(  # noqa: PLR0911  one return a pair of kinds
        self, first: SymbolicValue, second: SymbolicValue
    ) -> Formula:
        """``==``: values of two types differ."""
        if isinstance(first, Scalar) and isinstance(second, Scalar):
            if first.type != second.type:
                return False
            return self._t.equal(first.formula, second.formula)
        if isinstance(first, RecordValue) and isinstance(second, RecordValue):
            return self._equal_records(first, second)
        if isinstance(first, UnknownSet) and isinstance(second, UnknownSet):
            if first.element != second.element:  # two empty sets are equal
                empty = [self._t.is_empty(one.formula) for one in (first, second)]
                return self._t.and_(*empty)
            return self._t.equal(first.formula, second.formula)
        if isinstance(first, LiteralSet | UnknownSet) and isinstance(
            second, LiteralSet | UnknownSet
        ):
            return self._t.and_(self.contains_all(first, second), self.contains_all(second, first))
        return False

    def _equal_records(self, first: RecordValue, second: RecordValue) -> Formula:
        equal: list[Formula] = []
        for name in dict.fromkeys([*first.fields, *second.fields]):
            one, other = first.fields.get(name), second.fields.get(name)
            if one is None or other is None:
                present = (one or other or (False,))[0]
                equal.append(self._t.not_(present))
            else:
                both = self._t.and_(one[0], other[0])
                neither = self._t.and_(self._t.not_(one[0]), self._t.not_(other[0]))
                same = False if both is False else self.equal(one[1](), other[1]())
                equal.append(self._t.or_(neither, self._t.and_(both, same)))
        return self._t.and_(*equal)

    def contains(self, of: LiteralSet | UnknownSet, value: SymbolicValue) -> Formula:
        if isinstance(of, LiteralSet):
            return self._t.or_(*[self.equal(element, value) for element in of.elements])
        formula = self.reified(value, of.element)
        return False if formula is None else self._t.member(formula, of.formula)

    def contains_all(self, of: LiteralSet | UnknownSet, others: LiteralSet | UnknownSet) -> Formula:
        if isinstance(others, LiteralSet):
            return self._t.and_(*[self.contains(of, value) for value in others.elements])
        if isinstance(of, UnknownSet) and of.element != others.element:
            return self._t.is_empty(others.formula)
        return self._t.subset(others.formula, self.set_term(of, others.element))

    def contains_any(self, of: LiteralSet | UnknownSet, others: LiteralSet | UnknownSet) -> Formula:
        if isinstance(others, LiteralSet):
            return self._t.or_(*[self.contains(of, value) for value in others.elements])
        if isinstance(of, LiteralSet):
            return self._t.or_(*[self.contains(others, value) for value in of.elements])
        if of.element != others.element:
            return False
        return self._t.not_(self._t.disjoint(of.formula, others.formula))

    def is_empty(self, of: LiteralSet | UnknownSet) -> Formula:
        if isinstance(of, LiteralSet):
            return not of.elements
        return self._t.is_empty(of.formula)

    def set_term(self, of: LiteralSet | UnknownSet, element: CedarType) -> Any:
        """The elements of a type, as a set of the solver."""
        if isinstance(of, UnknownSet):
            if of.element != element:
                return self._t.empty_set(self.sort(element))
            return of.formula
        found = [self.reified(value, element) for value in of.elements]
        return self._t.set_from(self.sort(element), [one for one in found if one is not None])

    def reified(  # noqa: PLR0911  one return a kind of value
        self, value: SymbolicValue, type_: CedarType
    ) -> Formula | None:
        """A value as one formula of a type; None where it has another type, whatever happens."""
        if isinstance(value, Scalar):
            return value.formula if value.type == type_ else None
        if isinstance(value, UnknownSet):
            if not isinstance(type_, SetType):
                return None
            if value.element != type_.element:
                raise UnsupportedError("sets of sets of several types")
            return value.formula
        if isinstance(value, LiteralSet):
            if not isinstance(type_, SetType):
                return None
            if any(self.reified(one, type_.element) is None for one in value.elements):
                return None
            return self.set_term(value, type_.element)
        return self._reified_record(value, type_)

    def _reified_record(self, value: RecordValue, type_: CedarType) -> Formula | None:
        if not isinstance(type_, RecordType) or _has_more(value, type_):
            return None
        parts: list[Formula] = []
        for name, (inner, required) in type_.fields.items():
            present, make = value.fields.get(name, (False, None))
            formula = None if make is None else self.reified(make(), inner)
            if required:
                if formula is None:
                    return None
                if present is not True:
                    raise UnsupportedError("a set of records with optional attributes")
                parts.append(formula)
            elif present is False or formula is None:
                if present is True:
                    return None
                if present is not False:
                    raise UnsupportedError("a set of records of several types")
                parts += [False, self.default(inner)]
            else:
                parts += [present, self._t.if_(present, formula, self.default(inner))]
        return self._t.manager.mkTuple([self._t.term(part) for part in parts])

    def default(self, type_: CedarType) -> Formula:
        """Some value of a type."""
        if isinstance(type_, SetType):
            return self._t.empty_set(self.sort(type_.element))
        if isinstance(type_, RecordType):
            parts: list[Formula] = []
            for inner, required in type_.fields.values():
                parts += [self.default(inner)] if required else [False, self.default(inner)]
            return self._t.manager.mkTuple([self._t.term(part) for part in parts])
        return {"Bool": False, "String": ""}.get(type_.name, 0)

    def merged(
        self, condition: Formula, first: SymbolicValue, second: SymbolicValue
    ) -> SymbolicValue:
        """``if condition then first else second``."""
        if isinstance(condition, bool):
            return first if condition else second
        if isinstance(first, Scalar) and isinstance(second, Scalar) and first.type == second.type:
            return Scalar(first.type, self._t.if_(condition, first.formula, second.formula))
        if isinstance(first, RecordValue) and isinstance(second, RecordValue):
            return self._merged_records(condition, first, second)
        if isinstance(first, LiteralSet | UnknownSet) and isinstance(
            second, LiteralSet | UnknownSet
        ):
            element = _element_type(first) or _element_type(second)
            if element is not None and all(
                _element_type(one) in {None, element} for one in (first, second)
            ):
                sets = [self.set_term(one, element) for one in (first, second)]
                return UnknownSet(element, self._t.if_(condition, *sets))
        raise UnsupportedError("an `if` whose branches have two types")

    def _merged_records(
        self, condition: Formula, first: RecordValue, second: RecordValue
    ) -> RecordValue:
        absent = (False, None)
        fields: dict[str, tuple[Formula, Callable[[], SymbolicValue]]] = {}
        for name in dict.fromkeys([*first.fields, *second.fields]):
            (here, one), (there, other) = (
                side.fields.get(name, absent) for side in (first, second)
            )
            present = self._t.if_(condition, here, there)
            if one is None or other is None:
                make = one or other
                assert make is not None  # noqa: S101  the name is of one of them
                fields[name] = (present, make)
            else:
                fields[name] = (present, _Merged(self, condition, one, other))
        return RecordValue(fields)


@dataclass(frozen=True, slots=True)
class _Merged:
    values: Values
    condition: Formula
    first: Callable[[], SymbolicValue]
    second: Callable[[], SymbolicValue]

    def __call__(self) -> SymbolicValue:
        return self.values.merged(self.condition, self.first(), self.second())


def _has_more(value: RecordValue, type_: RecordType) -> bool:
    """Whether a record has an attribute that a type does not know."""
    more = [value.fields[name][0] for name in value.fields if name not in type_.fields]
    if any(present is True for present in more):
        return True
    if any(present is not False for present in more):
        raise UnsupportedError("a set of records of several types")
    return False


def _element_type(of: LiteralSet | UnknownSet) -> CedarType | None:
    """The one type of the elements; None of an empty set."""
    if isinstance(of, UnknownSet):
        return of.element
    types = [one.type for one in of.elements if isinstance(one, Scalar)]
    if len(types) != len(of.elements) or len({str(type_) for type_ in types}) > 1:
        raise UnsupportedError("an `if` with sets of several types")
    return types[0] if types else None


def is_entity(value: SymbolicValue | None) -> bool:
    """Whether a value is an entity."""
    return isinstance(value, Scalar) and isinstance(value.type, EntityType)

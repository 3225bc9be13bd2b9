"""What an expression is worth while the fields of a row are not known.

A value is known (a frozen Cedar value), a `RowField`, or a set or record with fields in it.  What
an expression gives is an `PartialOutcome`: where it errs, and which value it has where it does not.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from authz_lib.decisions.known_entities import UNREAD
from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
    RowCondition,
    RowField,
    SameValue,
    conjunction,
    disjunction,
    negation,
    one_of,
)
from authz_lib.entities import (
    CedarDatetime,
    CedarDecimal,
    CedarDuration,
    CedarIp,
    EntityUid,
    canonical_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "ERROR",
    "CedarTypeError",
    "NeedsCedarError",
    "PartialOutcome",
    "PartialValue",
    "Truth",
    "UntranslatableError",
    "chosen",
    "combined",
    "contained",
    "equal",
    "known",
    "names_entity",
    "read_by_cedar",
    "refuse_calls",
    "refuse_unread",
]

PartialValue: TypeAlias = Any
_EXTENSIONS = frozenset({CedarIp, CedarDecimal, CedarDatetime, CedarDuration, type(UNREAD)})
_MAX_CASES = 200
_PYTHON: dict[str, type] = {"Bool": bool, "Long": int, "String": str}


class CedarTypeError(Exception):
    """Cedar would err: a value has another type, or a number does not fit into 64 bits."""


class NeedsCedarError(Exception):
    """Extension values are compared, which only Cedar does."""


class UntranslatableError(Exception):
    """There is no condition for it.  The text says what it is."""


class PartialOutcome(NamedTuple):
    """Where an expression errs, and its values elsewhere; of the cases exactly one holds there."""

    error: RowCondition
    cases: tuple[tuple[RowCondition, PartialValue], ...]


class Truth(NamedTuple):
    """Where an expression errs, and where else it is true.

    ``true`` means nothing where ``error`` holds.
    """

    error: RowCondition
    true: RowCondition

    @property
    def outcome(self) -> PartialOutcome:
        """As a value."""
        cases = [(self.true, True), (negation(self.true), False)]
        return PartialOutcome(self.error, tuple(case for case in cases if case[0] != NO_ROW))


ERROR = PartialOutcome(EVERY_ROW, ())


def known(value: PartialValue) -> PartialOutcome:
    """One value, and no error."""
    return PartialOutcome(NO_ROW, ((EVERY_ROW, value),))


def chosen(field: RowField, values: Mapping[str, PartialValue]) -> PartialOutcome:
    """A value for each of some values of a field; an error for any other one."""
    by_value: dict[str, tuple[PartialValue, list[str]]] = {}
    for key, value in values.items():
        name = repr(key) if read_by_cedar(value) else canonical_json(value)
        by_value.setdefault(name, (value, []))[1].append(key)
    cases = tuple((one_of(field, keys), value) for value, keys in by_value.values())
    _check_cases(cases)
    return PartialOutcome(negation(one_of(field, values)), cases)


def combined(
    outcomes: Sequence[PartialOutcome], operation: Callable[[list[PartialValue]], PartialOutcome]
) -> PartialOutcome:
    """The outcome of an operation on all values that its operands can have together."""
    errors = [outcome.error for outcome in outcomes]
    if EVERY_ROW in errors:
        return ERROR
    together: list[tuple[RowCondition, list[PartialValue]]] = [(EVERY_ROW, [])]
    for outcome in outcomes:
        together = [
            (both, [*values, value])
            for condition, values in together
            for case, value in outcome.cases
            if (both := conjunction([condition, case])) != NO_ROW
        ]
        _check_cases(together)
    cases: list[tuple[RowCondition, PartialValue]] = []
    for condition, values in together:
        try:
            found = operation(values)
        except CedarTypeError:
            found = ERROR
        errors.append(conjunction([condition, found.error]))
        cases += [(conjunction([condition, case]), value) for case, value in found.cases]
    _check_cases(cases)
    return PartialOutcome(disjunction(errors), tuple(case for case in cases if case[0] != NO_ROW))


def _check_cases(cases: Sequence[object]) -> None:
    if len(cases) > _MAX_CASES:
        raise UntranslatableError(f"it has more than {_MAX_CASES} cases")


def read_by_cedar(value: PartialValue) -> bool:
    """Whether it is an extension value, or holds one."""
    if type(value) is tuple:
        return any(map(read_by_cedar, value))
    if type(value) is MappingProxyType:
        return any(map(read_by_cedar, value.values()))
    return type(value) in _EXTENSIONS


def refuse_unread(values: Iterable[PartialValue]) -> None:
    """Leave it to Cedar where a value is an extension value, or holds one.

    Raises:
        NeedsCedarError: one is.
    """
    if any(map(read_by_cedar, values)):
        raise NeedsCedarError


def refuse_calls(value: PartialValue) -> None:
    """Leave it to Cedar where a value holds what a function gives: the function may err.

    Raises:
        NeedsCedarError: it does.
    """
    if value is UNREAD:
        raise NeedsCedarError
    members = value.values() if type(value) is MappingProxyType else value
    if type(value) in {MappingProxyType, tuple}:
        for member in members:
            refuse_calls(member)


def names_entity(value: PartialValue) -> bool:
    """Whether it is an entity, known or not."""
    return isinstance(value, EntityUid) or (isinstance(value, RowField) and value.kind == "Entity")


def equal(left: PartialValue, right: PartialValue) -> RowCondition:
    """Where two values are equal.  Values of different types are not, and that is no error."""
    if isinstance(right, RowField):
        left, right = right, left
    if isinstance(left, RowField):
        return _equals_field(left, right)
    if type(left) is not type(right):
        return NO_ROW
    if type(left) is tuple:
        return conjunction([*_each_in(left, right), *_each_in(right, left)])
    if type(left) is MappingProxyType:
        if left.keys() != right.keys():
            return NO_ROW
        return conjunction([equal(left[name], right[name]) for name in left])
    return EVERY_ROW if left == right else NO_ROW


def _equals_field(field: RowField, other: PartialValue) -> RowCondition:
    if isinstance(other, RowField):
        if field == other:
            return EVERY_ROW
        same = (field.kind, field.entity_type) == (other.kind, other.entity_type)
        return SameValue(*sorted((field, other))) if same else NO_ROW
    if field.kind == "Entity":
        fits = isinstance(other, EntityUid) and other.type == field.entity_type
        return one_of(field, [other.id]) if fits else NO_ROW
    fits = isinstance(other, bool | int | str) and type(other) is _PYTHON.get(field.kind)
    return one_of(field, [other]) if fits else NO_ROW


def contained(values: Iterable[PartialValue], value: PartialValue) -> RowCondition:
    """Where a value is among others."""
    return disjunction([equal(other, value) for other in values])


def _each_in(values: Iterable[PartialValue], others: Sequence[PartialValue]) -> list[RowCondition]:
    return [contained(others, value) for value in values]

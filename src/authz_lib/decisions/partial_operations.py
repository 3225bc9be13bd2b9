"""The operators of Cedar on values, of which some are not known.

See the Cedar reference guide, "Operators and functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.longs import is_long
from authz_lib.decisions.partial_values import (
    CedarTypeError,
    PartialOutcome,
    PartialValue,
    Truth,
    UntranslatableError,
    contained,
    equal,
    known,
)
from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
    Less,
    Matches,
    Present,
    RowCondition,
    RowField,
    conjunction,
    disjunction,
    negation,
    one_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["OPERATORS", "like", "truth_outcome"]


def truth_outcome(true: RowCondition) -> PartialOutcome:
    """A Boolean that does not err."""
    return Truth(NO_ROW, true).outcome


def _members(value: PartialValue) -> Sequence[PartialValue]:
    """The members of a set.

    Raises:
        CedarTypeError: it is no set.
    """
    if type(value) is not tuple:
        raise CedarTypeError
    return value


def _less(left: PartialValue, right: PartialValue, *, or_equal: bool) -> RowCondition:
    """Where one number is less than another.

    Raises:
        CedarTypeError: one is no number.
    """
    if not all(map(_is_number, (left, right))):
        raise CedarTypeError
    if left == right:
        return EVERY_ROW if or_equal else NO_ROW
    if type(left) is int and type(right) is int:
        return EVERY_ROW if left < right else NO_ROW
    return Less(left, right, or_equal)


def _is_number(value: PartialValue) -> bool:
    return type(value) is int or (isinstance(value, RowField) and value.kind == "Long")


def _arithmetic(sign: str, left: PartialValue, right: PartialValue) -> int:
    """A sum, a difference or a product.

    Raises:
        CedarTypeError: one is no number, or the result does not fit into 64 bits.
        UntranslatableError: one is a field.
    """
    if not all(map(_is_number, (left, right))):
        raise CedarTypeError
    if isinstance(left, RowField) or isinstance(right, RowField):
        raise UntranslatableError("it calculates with an attribute of the resource")
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    if not is_long(result):
        raise CedarTypeError
    return int(result)


def like(value: PartialValue, pieces: tuple[str, ...]) -> RowCondition:
    """Where a text has the form of the pieces, with any text between two.

    Raises:
        CedarTypeError: it is no text.
    """
    if isinstance(value, RowField) and value.kind == "String":
        if len(pieces) == 1:
            return one_of(value, pieces)
        return Present(value) if not any(pieces) else Matches(value, pieces)
    if type(value) is not str:
        raise CedarTypeError
    return EVERY_ROW if _has_form(value, pieces) else NO_ROW


def _has_form(text: str, pieces: tuple[str, ...]) -> bool:
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _compared(left: PartialValue, right: PartialValue, *, or_equal: bool) -> PartialOutcome:
    return truth_outcome(_less(left, right, or_equal=or_equal))


def _contains_all(values: PartialValue, others: PartialValue) -> PartialOutcome:
    all_ = _members(values)
    return truth_outcome(conjunction([contained(all_, one) for one in _members(others)]))


def _contains_any(values: PartialValue, others: PartialValue) -> PartialOutcome:
    all_ = _members(values)
    return truth_outcome(disjunction([contained(all_, one) for one in _members(others)]))


OPERATORS: Mapping[str, Callable[..., PartialOutcome]] = {
    "==": lambda left, right: truth_outcome(equal(left, right)),
    "!=": lambda left, right: truth_outcome(negation(equal(left, right))),
    "<": lambda left, right: _compared(left, right, or_equal=False),
    "<=": lambda left, right: _compared(left, right, or_equal=True),
    ">": lambda left, right: _compared(right, left, or_equal=False),
    ">=": lambda left, right: _compared(right, left, or_equal=True),
    "+": lambda left, right: known(_arithmetic("+", left, right)),
    "-": lambda left, right: known(_arithmetic("-", left, right)),
    "*": lambda left, right: known(_arithmetic("*", left, right)),
    "neg": lambda value: known(_arithmetic("-", 0, value)),
    "contains": lambda values, value: truth_outcome(contained(_members(values), value)),
    "containsAll": _contains_all,
    "containsAny": _contains_any,
    "isEmpty": lambda values: known(not _members(values)),
}
"""By their names in Cedar's JSON form; given no value that only Cedar reads."""

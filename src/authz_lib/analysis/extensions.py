"""Cedar's extension types as numbers: decimals in ten-thousandths, times in milliseconds.

Addresses are only told apart: what a range holds is not translated.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import BOOL, LONG, STRING, Scalar
from authz_lib.decisions.cedar_schema import Primitive
from authz_lib.entities.extension_literals import (
    EPOCH,
    MAX_LITERAL_LENGTH,
    read_datetime,
    read_decimal,
    read_duration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from authz_lib.analysis.terms import Formula, Terms
    from authz_lib.analysis.values import SymbolicValue

__all__ = [
    "CONSTRUCTORS",
    "WRITABLE_MILLISECONDS",
    "Extensions",
    "datetime_from_milliseconds",
    "decimal_from_ten_thousandths",
]

CONSTRUCTORS = frozenset({"ip", "decimal", "datetime", "duration"})

DECIMAL, DATETIME, DURATION = Primitive("decimal"), Primitive("datetime"), Primitive("duration")
_DAY = 86_400_000
WRITABLE_MILLISECONDS = (-62_135_596_800_000, 253_402_300_799_999)
"""From the year 1 to the year 9999."""

_IP_TESTS = frozenset({"isInRange", "isIpv4", "isIpv6", "isLoopback", "isMulticast"})
_COMPARISONS = {  # negated, swapped
    "lessThan": (False, False),
    "lessThanOrEqual": (True, True),
    "greaterThan": (False, True),
    "greaterThanOrEqual": (True, False),
}
_PARTS = {
    "toMilliseconds": 1,
    "toSeconds": 1_000,
    "toMinutes": 60_000,
    "toHours": 3_600_000,
    "toDays": _DAY,
}


def decimal_from_ten_thousandths(number: int) -> str:
    """As Cedar writes it.

    >>> decimal_from_ten_thousandths(-15000)
    '-1.5000'
    """
    sign, number = "-" if number < 0 else "", abs(number)
    return f"{sign}{number // 10_000}.{number % 10_000:04}"


def datetime_from_milliseconds(number: int) -> str:
    """As Cedar writes it.

    Raises:
        UnsupportedError: outside of the years 1 to 9999.

    >>> datetime_from_milliseconds(86_400_001)
    '1970-01-02T00:00:00.001Z'
    """
    try:
        moment = EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        raise UnsupportedError("a time that cannot be written") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z".rjust(24, "0")


class Extensions:
    """Calls of the functions and methods of Cedar's extensions."""

    def __init__(self, terms: Terms) -> None:
        self._t = terms
        self._readers: dict[str, tuple[Primitive, Callable[[str], int | None]]] = {
            "decimal": (DECIMAL, read_decimal),
            "datetime": (DATETIME, read_datetime),
            "duration": (DURATION, read_duration),
        }

    def knows(self, name: str) -> bool:
        return (
            name in _IP_TESTS
            or name in _COMPARISONS
            or name in _PARTS
            or name in {"offset", "durationSince", "toDate", "toTime"}
        )

    def is_test(self, name: str) -> bool:
        """Whether a method gives a Boolean, or an error."""
        return name in _IP_TESTS or name in _COMPARISONS

    def call(  # noqa: PLR0911  one return a function
        self, name: str, values: Sequence[SymbolicValue | None]
    ) -> tuple[Formula, SymbolicValue | None]:
        """When a call errs, and its value.

        Raises:
            UnsupportedError: it is not translated.
        """
        if name in self._readers:
            return self._constructed(name, values)
        if name == "ip" or name in _IP_TESTS:
            raise UnsupportedError("`ip()` is not read")
        types = [value.type if isinstance(value, Scalar) else None for value in values]
        formulas = [value.formula if isinstance(value, Scalar) else None for value in values]
        if name in _COMPARISONS:
            return self._compared(name, types, formulas)
        if name == "offset":
            return self._offset(types, formulas)
        if name == "durationSince":
            if types != [DATETIME, DATETIME]:
                return True, None
            return self._number(DURATION, self._t.difference(*formulas))
        if name in {"toDate", "toTime"}:
            return self._cut(name, types, formulas)
        return self._part(_PARTS[name], types, formulas)

    def _constructed(
        self, name: str, values: Sequence[SymbolicValue | None]
    ) -> tuple[Formula, SymbolicValue | None]:
        type_, read = self._readers[name]
        (text,) = values
        if not isinstance(text, Scalar) or text.type != STRING:
            return True, None
        if not isinstance(text.formula, str):
            raise UnsupportedError(f"`{name}()` of a text that is not known")
        if len(text.formula) > MAX_LITERAL_LENGTH:  # Cedar may read it
            raise UnsupportedError(f"`{name}()` of more than {MAX_LITERAL_LENGTH} characters")
        number = read(text.formula)
        return (True, None) if number is None else (False, Scalar(type_, number))

    def _compared(
        self, name: str, types: list[Any], formulas: list[Formula]
    ) -> tuple[Formula, SymbolicValue | None]:
        if types != [DECIMAL, DECIMAL]:
            return True, None
        negated, swapped = _COMPARISONS[name]
        less = self._t.less(*reversed(formulas)) if swapped else self._t.less(*formulas)
        return False, Scalar(BOOL, self._t.not_(less) if negated else less)

    def _offset(
        self, types: list[Any], formulas: list[Formula]
    ) -> tuple[Formula, SymbolicValue | None]:
        if types != [DATETIME, DURATION]:
            return True, None
        return self._number(DATETIME, self._t.sum(*formulas))

    def _cut(
        self, name: str, types: list[Any], formulas: list[Formula]
    ) -> tuple[Formula, SymbolicValue | None]:
        if types != [DATETIME]:
            return True, None
        date = self._t.product(self._t.divided(formulas[0], _DAY), _DAY)
        if name == "toDate":
            return self._number(DATETIME, date)
        return False, Scalar(DURATION, self._t.difference(formulas[0], date))

    def _part(
        self, unit: int, types: list[Any], formulas: list[Formula]
    ) -> tuple[Formula, SymbolicValue | None]:
        if types != [DURATION]:
            return True, None
        number = formulas[0]
        negative = self._t.less(number, 0)
        size = self._t.if_(negative, self._t.difference(0, number), number)
        whole = self._t.divided(size, unit)
        return False, Scalar(LONG, self._t.if_(negative, self._t.difference(0, whole), whole))

    def _number(self, type_: Primitive, formula: Formula) -> tuple[Formula, SymbolicValue | None]:
        return self._t.not_(self._t.is_long(formula)), Scalar(type_, formula)

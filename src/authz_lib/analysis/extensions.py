"""Cedar's extension types as numbers: decimals in ten-thousandths, times in milliseconds.

Addresses are only told apart: what a range holds is not translated.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.terms import MAX_LONG, MIN_LONG, UnsupportedError
from authz_lib.analysis.values import BOOL, LONG, STRING, Scalar
from authz_lib.decisions.cedar_schema import Primitive

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
    "milliseconds_of",
    "read_decimal",
    "read_duration",
]

CONSTRUCTORS = frozenset({"ip", "decimal", "datetime", "duration"})

DECIMAL, DATETIME, DURATION = Primitive("decimal"), Primitive("datetime"), Primitive("duration")
_DAY = 86_400_000
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,4}")
_DURATION = re.compile(
    r"(-)?(?:([0-9]{1,18})d)?(?:([0-9]{1,18})h)?(?:([0-9]{1,18})m(?!s))?"
    r"(?:([0-9]{1,18})s)?(?:([0-9]{1,18})ms)?"
)
_UNITS = (_DAY, 3_600_000, 60_000, 1_000, 1)
_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
        moment = _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        raise UnsupportedError("a time that cannot be written") from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z".rjust(24, "0")


def milliseconds_of(moment: datetime) -> int:
    """Since 1970, as Cedar counts.

    >>> milliseconds_of(datetime(1970, 1, 2, tzinfo=UTC))
    86400000
    """
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class Extensions:
    """Calls of the functions and methods of Cedar's extensions."""

    def __init__(self, terms: Terms) -> None:
        self._t = terms
        self._readers: dict[str, tuple[Primitive, Callable[[str], int | None]]] = {
            "decimal": (DECIMAL, read_decimal),
            "datetime": (DATETIME, _read_datetime),
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


def _in_range(number: int) -> int | None:
    return number if MIN_LONG <= number <= MAX_LONG else None


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def read_decimal(text: str) -> int | None:
    """In ten-thousandths; None where Cedar does not read it."""
    if not _DECIMAL.fullmatch(text):
        whole, point, rest = text.removeprefix("-").partition(".")
        if point and _are_digits(whole) and _are_digits(rest):  # Cedar may know more leading zeros
            raise UnsupportedError("a `decimal()` that is written in another way")
        return None
    return _in_range(int(Decimal(text).scaleb(4)))


def read_duration(text: str) -> int | None:
    """In milliseconds; None where Cedar does not read it."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        if text and not text.removeprefix("-").strip("0123456789dhms"):
            raise UnsupportedError("a `duration()` that is written in another way")
        return None
    total = sum(
        int(part or 0) * unit for part, unit in zip(found.groups()[1:], _UNITS, strict=True)
    )
    return _in_range(-total if found[1] else total)


def _read_datetime(text: str) -> int | None:
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, milli, sign, hours, minutes = found.groups(default="0")
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:  # no such day; or a year 0, a second 60
        raise UnsupportedError("a `datetime()` that is written in another way") from None
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    if shift >= timedelta(days=1) or int(minutes) > 59:
        raise UnsupportedError("a `datetime()` that is written in another way")
    moment_ms = milliseconds_of(moment) + int(milli)
    offset = shift // timedelta(milliseconds=1)
    return moment_ms + offset if sign == "-" else moment_ms - offset

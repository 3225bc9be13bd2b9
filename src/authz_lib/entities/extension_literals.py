"""The texts of Cedar's decimals, datetimes and durations as the numbers that they stand for.

Each reader gives ``None`` where Cedar errs: the text has another form, or the number does not fit
into 64 bits.  Cedar reads any number of zeros in front; here a text has at most
`MAX_LITERAL_LENGTH` characters.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from authz_lib._support.longs import is_long

__all__ = [
    "EPOCH",
    "MAX_LITERAL_LENGTH",
    "read_datetime",
    "read_decimal",
    "read_duration",
]

MAX_LITERAL_LENGTH = 100

_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]{1,4}")
_DURATION = re.compile(
    r"-?(?=[0-9])(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+)s)?(?:([0-9]+)ms)?"
)
_DURATION_MS = (86_400_000, 3_600_000, 60_000, 1000, 1)
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?(?:Z|[+-](?:[01][0-9]|2[0-3])[0-5][0-9]))?"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_0_TO_2000 = 730_485 * 86_400_000


def read_decimal(text: str) -> int | None:
    """In ten-thousandths.

    >>> read_decimal("-1.5"), read_decimal("1.00000")
    (-15000, None)
    """
    if len(text) > MAX_LITERAL_LENGTH or not _DECIMAL.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    return _in_64_bits(int(whole + fraction.ljust(4, "0")))


def read_duration(text: str) -> int | None:
    """In milliseconds.

    >>> read_duration("1h30m"), read_duration("30m1h")
    (5400000, None)
    """
    found = _DURATION.fullmatch(text) if len(text) <= MAX_LITERAL_LENGTH else None
    if found is None:
        return None
    size = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _DURATION_MS, strict=True))
    return _in_64_bits(-size if text.startswith("-") else size)


def read_datetime(text: str) -> int | None:
    """In milliseconds since 1970.

    >>> read_datetime("1970-01-02"), read_datetime("1970-01-32")
    (86400000, None)
    """
    if not _DATETIME.fullmatch(text):
        return None
    # Cedar knows the year 0, and Python does not: like 2000, it is a leap year.
    is_year_0 = text.startswith("0000")
    try:
        moment = datetime.fromisoformat("2000" + text[4:] if is_year_0 else text)
    except ValueError:  # such as the 30th of February
        return None
    if moment.tzinfo is None:  # a date alone
        moment = moment.replace(tzinfo=UTC)
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1)
    return milliseconds - (_FROM_0_TO_2000 if is_year_0 else 0)


def _in_64_bits(number: int) -> int | None:
    return number if is_long(number) else None

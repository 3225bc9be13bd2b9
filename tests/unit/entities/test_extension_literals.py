"""Each text of a decimal, a datetime or a duration is the number that it is to Cedar, or none."""

from __future__ import annotations

import cedarpy
import pytest

from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration
from authz_lib.entities.extension_literals import (
    MAX_LITERAL_LENGTH,
    read_datetime,
    read_decimal,
    read_duration,
)
from authz_lib.errors import InvalidRequestError

LOWEST, HIGHEST = -(2**63), 2**63 - 1
DECIMALS = [
    "1.0", "-1.5", "0.0001", "-0.0", "12345678901234.5678", "1", "1.", ".5", "-.5", "1.00000",
    "1e3", "", "+1.0", "1.0 ", "1.0\n", "a", "\u0663.0", "000000000000000001.5",
    "922337203685477.5807", "922337203685477.5808", "922337203685477.58070",
    "-922337203685477.5808", "-922337203685477.5809", "1000000000000000.0", f"{HIGHEST}.0",
]  # fmt: skip
DURATIONS = [
    "1d", "1d2h3m4s5ms", "-1h30m", "90m", "5ms", "0ms", "-0ms", "1m1ms", "1s1m", "1ms1m", "1h1d",
    "1ss", "1.5s", "", "-", "d", "ms", "1", "1d 2h", "1d\n", "+1d", "1d-1h", "\u0661ms",
    "0000000000000000000000000001ms", f"{HIGHEST}ms", f"{HIGHEST + 1}ms", f"{LOWEST}ms",
    f"{LOWEST - 1}ms", "99999999999999999999ms", "9223372036854775s", "9223372036854776s",
    "106751991167d7h12m55s807ms", "106751991167d7h12m55s808ms", "-106751991167d7h12m55s808ms",
    "-106751991167d7h12m55s809ms", "106751991168d", f"0d{HIGHEST}ms", f"-0d{-LOWEST}ms",
]  # fmt: skip
DATETIMES = [
    "2024-10-15", "2024-10-15T11:35:00Z", "2024-10-15T11:35:00.123Z", "2024-10-15T11:35:00+0130",
    "2024-10-15T11:35:00.000-0800", "1969-12-31T23:59:59.999Z", "2024-02-30", "2023-02-29",
    "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-10-15T", "2024-10-15T11:35:00",
    "2024-10-15T24:00:00Z", "2024-10-15T11:60:00Z", "2016-12-31T23:59:60Z", "x", "",
    "2024-10-15T11:35:00.1Z", "2024-10-15T11:35:00.1234Z", "2024-10-15T11:35:00+9900",
    "2024-10-15T11:35:00+2400", "2024-10-15T11:35:00+2359", "2024-10-15T11:35:00-2359",
    "2024-10-15T11:35:00+0060", "2024-10-15T11:35:00-0000", "2024-10-15\n", "-0001-01-01",
    "0000-01-01", "0000-02-29", "0000-02-30", "0000-01-01T00:00:00+2359",
    "0000-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00+2359",
    "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999-2359", "10000-01-01",
]  # fmt: skip


def cedar(expression):
    """True, False, or None where it errs."""
    result = cedarpy.is_authorized(
        {"principal": 'U::"a"', "action": 'Action::"b"', "resource": 'U::"a"', "context": {}},
        f"permit(principal, action, resource) when {{ {expression} }};",
        [],
    )
    return None if result.diagnostics.errors else result.decision is cedarpy.Decision.Allow


def is_value(kind, text):
    try:
        kind(text)
    except InvalidRequestError:
        return False
    return True


def written(text):
    return text.replace("\n", "\\n")


@pytest.mark.parametrize("text", DECIMALS)
def test_decimals(text):
    number, literal = read_decimal(text), f'decimal("{written(text)}")'
    # Verified Permissions takes no more than 15 digits before the point.
    is_short = len(text.removeprefix("-").partition(".")[0]) <= 15
    assert is_value(CedarDecimal, text) is (number is not None and is_short)
    if number is None:
        assert cedar(f"{literal} == {literal}") is None
    else:
        sign, size = "-" if number < 0 else "", abs(number)
        assert cedar(f'{literal} == decimal("{sign}{size // 10_000}.{size % 10_000:04}")')


@pytest.mark.parametrize("text", DURATIONS)
def test_durations(text):
    number, asked = read_duration(text), f'duration("{written(text)}").toMilliseconds()'
    assert is_value(CedarDuration, text) is (number is not None)
    assert cedar(f"{asked} == {number or 0}") is (None if number is None else True)


@pytest.mark.parametrize("text", DATETIMES)
def test_datetimes(text):
    number = read_datetime(text)
    since = f'datetime("{written(text)}").durationSince(datetime("1970-01-01"))'
    assert is_value(CedarDatetime, text) is (number is not None)
    expected = None if number is None else True
    assert cedar(f"{since}.toMilliseconds() == {number or 0}") is expected


@pytest.mark.parametrize(
    ("read", "end"), [(read_decimal, "1.0"), (read_duration, "1ms"), (read_datetime, "2024-01-01")]
)
def test_a_text_may_have_zeros_in_front_up_to_a_length(read, end):
    longest = end.rjust(MAX_LITERAL_LENGTH, "0")
    assert (read(longest) is None) is (read is read_datetime)
    assert read("0" + longest) is None

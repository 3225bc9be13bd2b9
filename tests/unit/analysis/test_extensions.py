"""Decimals and times as numbers, as Cedar reads them."""

from __future__ import annotations

import cedarpy
import pytest

from authz_lib.analysis.extensions import (
    _read_datetime,
    datetime_from_milliseconds,
    decimal_from_ten_thousandths,
    read_decimal,
    read_duration,
)
from authz_lib.analysis.terms import UnsupportedError


def cedar(expression):
    """True, False, or None where it errs."""
    result = cedarpy.is_authorized(
        {"principal": 'U::"a"', "action": 'Action::"b"', "resource": 'U::"a"', "context": {}},
        f"permit(principal, action, resource) when {{ {expression} }};",
        [],
    )
    return None if result.diagnostics.errors else result.decision is cedarpy.Decision.Allow


@pytest.mark.parametrize(
    "text",
    ["1.0", "-1.5", "0.0001", "12345678901234.5678", "922337203685477.5807", "922337203685477.5808",
     "-922337203685477.5808", "1", "1.", ".5", "1.00000", "1e3", "", "+1.0", "a"],
)  # fmt: skip
def test_decimals(text):
    try:
        number = read_decimal(text)
    except UnsupportedError:
        return
    if number is None:
        assert cedar(f'decimal("{text}") == decimal("{text}")') is None
    else:
        assert cedar(f'decimal("{text}") == decimal("{decimal_from_ten_thousandths(number)}")')


@pytest.mark.parametrize(
    "text",
    ["1d", "1d2h3m4s5ms", "-1h30m", "90m", "5ms", "0ms", "1s1m", "", "-", "1", "1d 2h", "+1d",
     "9223372036854775807ms", "9223372036854775808ms", "-9223372036854775808ms"],
)  # fmt: skip
def test_durations(text):
    try:
        number = read_duration(text)
    except UnsupportedError:
        return
    asked = f'duration("{text}").toMilliseconds()'
    if number is None:
        assert cedar(f"{asked} == 1") is None
    else:
        assert cedar(f"{asked} == {number}")


@pytest.mark.parametrize(
    "text",
    ["2024-10-15", "2024-10-15T11:35:00Z", "2024-10-15T11:35:00.123Z", "2024-10-15T11:35:00+0130",
     "2024-10-15T11:35:00.000-0800", "1969-12-31T23:59:59.999Z", "2024-02-30", "2024-10-15T",
     "2024-10-15T11:35:00", "2024-10-15T25:00:00Z", "2024-10-15T11:35:00+9900", "0000-01-01", "x"],
)  # fmt: skip
def test_datetimes(text):
    try:
        number = _read_datetime(text)
    except UnsupportedError:
        return
    asked = f'datetime("{text}").durationSince(datetime("1970-01-01")).toMilliseconds()'
    if number is None:
        assert cedar(f"{asked} == 1") is None
    else:
        assert cedar(f"{asked} == {number}")
        assert cedar(f'datetime("{datetime_from_milliseconds(number)}") == datetime("{text}")')


def test_a_time_that_cannot_be_written():
    with pytest.raises(UnsupportedError):
        datetime_from_milliseconds(2**62)

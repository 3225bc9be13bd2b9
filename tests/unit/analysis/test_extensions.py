"""Decimals and times as Cedar writes them, from numbers."""

from __future__ import annotations

import pytest

from authz_lib.analysis.extensions import (
    WRITABLE_MILLISECONDS,
    datetime_from_milliseconds,
    decimal_from_ten_thousandths,
)
from authz_lib.analysis.terms import UnsupportedError
from authz_lib.entities.extension_literals import read_datetime, read_decimal


@pytest.mark.parametrize("number", [0, 1, -1, 15_000, -15_000, 2**63 - 1, -(2**63)])
def test_decimals(number):
    assert read_decimal(decimal_from_ten_thousandths(number)) == number


@pytest.mark.parametrize("number", [0, 1, -1, 86_400_001, *WRITABLE_MILLISECONDS])
def test_datetimes(number):
    assert read_datetime(datetime_from_milliseconds(number)) == number


def test_a_time_that_cannot_be_written():
    with pytest.raises(UnsupportedError):
        datetime_from_milliseconds(2**62)

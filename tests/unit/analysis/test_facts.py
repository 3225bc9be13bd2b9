"""What is known of an entity, as the number that a formula has for it."""

from __future__ import annotations

import pytest

from authz_lib.analysis.facts import formula_of
from authz_lib.decisions.cedar_schema import Primitive
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (CedarDatetime("0000-01-01"), -62_167_219_200_000),  # a year that Python does not have
        (CedarDatetime("1970-01-01T00:00:00-0001"), 60_000),
        (CedarDecimal("-922337203685477.5808"), -(2**63)),
        (CedarDuration("9223372036854775807ms"), 2**63 - 1),
    ],
)
def test_a_value_of_an_extension_is_a_number(value, number):
    assert formula_of(None, Primitive("any"), value) == number

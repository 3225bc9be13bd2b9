"""Guards, and conditions with some values of the parameters."""

from __future__ import annotations

import pytest

from authz_lib.audit.conditions import Conditions, Guard
from authz_lib.errors import ConfigurationError

EQUAL = {"Fn::Equals": ["a", "a"]}
OTHER = {"Fn::Equals": ["a", "b"]}
OPEN = {"Fn::Equals": ["a", {"Ref": "P"}]}


def holds(written, **others):
    return Conditions({"C": written, **others}, lambda value: value).holds("C")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (EQUAL, True),
        (OTHER, False),
        (OPEN, None),
        ({"Fn::Equals": [True, "true"]}, True),
        ({"Fn::Equals": [1, "1"]}, True),
        ({"Fn::Equals": ["a"]}, None),
        ({"Fn::Not": [OTHER]}, True),
        ({"Fn::Not": [OPEN]}, None),
        ({"Fn::And": [EQUAL, OPEN]}, None),
        ({"Fn::And": [OTHER, OPEN]}, False),
        ({"Fn::And": [EQUAL, EQUAL]}, True),
        ({"Fn::Or": [EQUAL, OPEN]}, True),
        ({"Fn::Or": [OTHER, OPEN]}, None),
        ({"Fn::Or": [OTHER, OTHER]}, False),
        ({"Fn::And": []}, None),
        ({"Fn::Unknown": [EQUAL]}, None),
        ({"Fn::Not": "x"}, None),
        ("text", None),
        ({"Condition": "D"}, None),
    ],
)
def test_a_condition_holds_or_not_or_is_not_known(written, expected):
    assert holds(written) is expected


def test_a_condition_may_stand_for_another():
    assert holds({"Fn::Not": [{"Condition": "D"}]}, D=OTHER) is True


def test_a_ring_is_refused():
    with pytest.raises(ConfigurationError, match="the condition `C` stands for itself"):
        holds({"Fn::Not": [{"Condition": "D"}]}, D={"Condition": "C"})


def test_each_is_worked_out_once():
    chain = {f"C{i}": {"Fn::And": [{"Condition": f"C{i + 1}"}] * 2} for i in range(25)}
    assert Conditions({**chain, "C25": EQUAL}, lambda value: value).holds("C0") is True


def test_a_guard_says_what_must_hold():
    guard = Guard().also("A", True).also("B", False).also("P", "x")
    assert str(guard) == "A & !B & P=x"
    assert guard.also("A", True) is guard
    assert guard.also("A", False) is None
    assert str(guard.beyond(Guard((("A", True),)))) == "!B & P=x"
    assert not Guard()

"""Intrinsic functions, as far as they are known before a deployment."""

from __future__ import annotations

import pytest

from authz_lib.audit.conditions import Guard
from authz_lib.audit.intrinsics import functions_in
from authz_lib.audit.stack_values import ABSENT, UNKNOWN, StackValues
from authz_lib.errors import ConfigurationError

TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
        "Free": {"Type": "String", "Default": "x"},
        "None": {"Type": "String"},
        "Flag": {"Type": "String", "Default": True},
        "Secret": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
    },
    "Mappings": {"M": {"dev": {"Type": "NONE"}, "prod": {"Type": "AWS_IAM"}}},
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "IsFree": {"Fn::Equals": [{"Ref": "Free"}, "y"]},
        "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Never": {"Fn::Equals": ["a", "b"]},
    },
}
VALUES = StackValues(TEMPLATE, {})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "None"}, UNKNOWN),
        ({"Ref": "Secret"}, UNKNOWN),
        ({"Ref": "Flag"}, "true"),
        ({"Ref": "AWS::NoValue"}, ABSENT),
        ({"Fn::Sub": "a-${Stage}-${!Literal}"}, "a-dev-${Literal}"),
        ({"Fn::Sub": ["${V}", {"V": {"Ref": "Free"}}]}, "x"),
        ({"Fn::Sub": "${AWS::Region}"}, UNKNOWN),
        ({"Fn::Sub": 5}, UNKNOWN),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "None"}]]}, UNKNOWN),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::Select": [5, ["a"]]}, UNKNOWN),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::Select": [0, {"Fn::Split": [",", "a,b"]}]}, "a"),
        ({"Fn::FindInMap": ["M", {"Ref": "Stage"}, "Type"]}, "NONE"),
        ({"Fn::FindInMap": ["M", "none", "Type"]}, UNKNOWN),
        ({"Fn::FindInMap": ["M", "none", "Type", {"DefaultValue": "d"}]}, "d"),
        ({"Fn::FindInMap": "M"}, UNKNOWN),
        ({"Fn::If": ["IsProd", "a", "b"]}, "b"),
        ({"Fn::If": ["Unknown", "a", "b"]}, UNKNOWN),
        ({"Fn::If": ["IsProd"]}, UNKNOWN),
        ({"Fn::ImportValue": "x"}, UNKNOWN),
        ("{{resolve:ssm:x}}", UNKNOWN),
        ({"Fn::Sub": "{{resolve:ssm:${Stage}}}"}, UNKNOWN),
        (["a", {"Ref": "AWS::NoValue"}], ["a"]),
        ({"k": {"Ref": "AWS::NoValue"}, "l": {"Ref": "Stage"}}, {"l": "dev"}),
    ],
)
def test_plain_values(value, expected):
    assert VALUES.plain(value) == expected


def told(value, values=VALUES):
    return [(str(guard), plain) for guard, plain in values.texts(value, Guard())]


def test_each_side_of_a_condition_is_a_branch():
    value = {"Fn::If": ["IsProd", "a", {"Fn::If": ["IsFree", {"Ref": "AWS::NoValue"}, "c"]}]}
    assert told(value) == [
        ("IsProd", "a"),
        ("!IsProd & IsFree", ABSENT),
        ("!IsProd & !IsFree", "c"),
    ]


def test_a_side_that_cannot_be_is_none():
    value = {"Fn::If": ["IsProd", {"Fn::If": ["IsProd", "a", "b"]}, "c"]}
    assert told(value) == [("IsProd", "a"), ("!IsProd", "c")]


def test_each_allowed_value_is_tried():
    assert told({"Ref": "Stage"}) == [("Stage=dev", "dev"), ("Stage=prod", "prod")]
    assert told({"Fn::FindInMap": ["M", {"Ref": "Stage"}, "Type"]}) == [
        ("Stage=dev", "NONE"),
        ("Stage=prod", "AWS_IAM"),
    ]


def test_the_keys_of_a_mapping_are_what_a_parameter_may_be():
    assert told({"Fn::FindInMap": ["M", {"Ref": "None"}, "Type"]}) == [
        ("None=dev", "NONE"),
        ("None=prod", "AWS_IAM"),
    ]


def test_a_value_that_makes_no_difference_is_no_condition():
    assert told({"Fn::Select": [0, ["a", {"Ref": "Stage"}]]}) == [("", "a")]


def test_a_given_value_decides():
    values = StackValues(TEMPLATE, {"Stage": "prod"})
    assert told({"Fn::If": ["IsProd", "a", "b"]}, values) == [("", "a")]
    assert told({"Fn::If": ["IsDev", "a", "b"]}, values) == [("", "b")]
    assert told({"Ref": "Stage"}, values) == [("", "prod")]
    assert told({"Fn::If": ["IsFree", "a", "b"]}, values) == [("IsFree", "a"), ("!IsFree", "b")]


def test_what_nobody_would_read_is_not_seen():
    many = {f"P{i}": {"AllowedValues": [str(n) for n in range(20)]} for i in range(4)}
    values = StackValues({"Parameters": many}, {})
    assert told({"Fn::Sub": "${P0}${P1}${P2}${P3}"}, values) == [("", UNKNOWN)]


def test_too_many_branches_are_refused():
    def nested(depth):
        inner = nested(depth + 1) if depth < 10 else "x"
        return {"Fn::If": [f"C{depth}", inner, inner]}

    with pytest.raises(ConfigurationError, match="more than 256 branches"):
        told(nested(0))


def test_what_a_condition_reads():
    assert VALUES.parameters_of("IsDev") == ["Stage"]
    assert VALUES.parameters_of("Never") == []


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((("IsProd", True), ("IsDev", True)), False),
        ((("IsProd", True), ("IsDev", False)), True),
        ((("IsProd", True), ("IsFree", True)), True),
        ((("Stage", "prod"), ("IsDev", True)), False),
        ((("Stage", "prod"), ("IsProd", True)), True),
        ((("Never", True),), True),
        ((), True),
    ],
)
def test_what_cannot_be_at_once(terms, expected):
    assert VALUES.is_possible(Guard(terms)) is expected


def test_a_value_that_is_composed_may_be_anything():
    composed = {"Fn::Equals": [{"Fn::Sub": "${Free}-x"}, "prod-x"]}
    template = {**TEMPLATE, "Conditions": {"C": composed, "D": {"Fn::Not": [{"Condition": "C"}]}}}
    values = StackValues(template, {})
    assert values.is_possible(Guard((("C", True),))) is True
    assert values.is_possible(Guard((("D", False),))) is True


def test_two_parameters_may_be_alike():
    alike = {"Fn::Equals": [{"Ref": "Free"}, {"Ref": "None"}]}
    values = StackValues({**TEMPLATE, "Conditions": {"C": alike}}, {})
    assert values.is_possible(Guard((("C", True),))) is True
    assert values.is_possible(Guard((("C", False),))) is True


def test_a_given_value_makes_a_side_impossible():
    values = StackValues(TEMPLATE, {"Free": "z"})
    assert values.is_possible(Guard((("IsFree", True),))) is False
    assert values.is_possible(Guard((("IsFree", False),))) is True


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((("IsProd", True),), False),
        ((("IsDev", True),), True),
        ((("Stage", "dev"),), True),
        ((("Unknown", True),), None),
    ],
)
def test_what_holds_by_default(terms, expected):
    assert VALUES.guard_holds(Guard(terms)) is expected


def test_functions_are_found_however_deep():
    value = {"a": [{"Fn::Sub": ["${X.Arn} ${Y} ${own} ${!no}", {"own": {"Ref": "Z"}}]}]}
    found = set(map(repr, functions_in(value)))
    assert "('Fn::GetAtt', ['X', 'Arn'])" in found
    assert {"('Ref', 'Y')", "('Ref', 'Z')"} <= found
    assert not {"('Ref', 'own')", "('Ref', '!no')"} & found


FREE = {
    "Parameters": {name: {"Type": "String"} for name in "PQR"},
    "Conditions": {
        "PQ": {"Fn::Equals": [{"Ref": "P"}, {"Ref": "Q"}]},
        "QR": {"Fn::Equals": [{"Ref": "Q"}, {"Ref": "R"}]},
        "PR": {"Fn::Equals": [{"Ref": "P"}, {"Ref": "R"}]},
    },
}


@pytest.mark.parametrize(
    ("terms", "is_possible"),
    [
        ((("PQ", True), ("P", "dev")), True),
        ((("PQ", True), ("P", "dev"), ("Q", "prod")), False),
        ((("PQ", False), ("QR", False), ("PR", False)), True),
        ((("PQ", True), ("QR", True), ("PR", False)), False),
    ],
)
def test_parameters_that_are_compared_with_each_other(terms, is_possible):
    assert StackValues(FREE, {}).is_possible(Guard(terms)) is is_possible

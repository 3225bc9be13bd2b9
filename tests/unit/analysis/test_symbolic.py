"""Expressions without a request: formulas say at once what Cedar says."""

from __future__ import annotations

import json

import cedarpy
import pytest

from authz_lib.analysis.environments import request_environments
from authz_lib.analysis.prover import Prover
from authz_lib.decisions.cedar_schema import read_policy_schema

SCHEMA = read_policy_schema(
    """entity G; entity U in [G] = { n: Long }; action all; action b in [all] appliesTo {
    principal: U, resource: U, context: { s: Set<Long>, a: ipaddr, e: Set<G>, big: Long,
    r: Set<{ x: Long, y?: Long }>, l: Set<Set<Long>>, o: { x?: Long, z?: Long } } };"""
)
EXPRESSIONS = [
    "true", "1", "!1", "1 && true", "true && 1", "false && 1", "1 || true", "true || 1",
    "false || 1", "!(1 == 1)", "1 == true", '1 == "a"', '"a" != "b"', "1 < 2", "2 <= 1", "1 > 1",
    "1 >= 1", '1 < "a"', "true < false", "(if 1 then true else true)", "if true then true else 1",
    "if false then 1 else true", "if false then true else 1", "(if true then 1 else 2) == 1",
    '(if true then 1 else "a") == 1', "1 + 1 == 2", "1 - 3 == -2", "2 * 3 == 6", '1 + "a" == 2',
    "9223372036854775807 + 1 == 0", "-9223372036854775807 - 2 == 0", "-(-5) == 5", '-"a" == 1',
    "4611686018427387904 * 2 == 0", '1 in U::"a"', 'U::"a" in 1', 'U::"a" in [1]',
    'U::"a" in []', 'U::"a" in [U::"b", U::"a"]', '[] in U::"a"', 'U::"a" in U::"a"', "1 is U",
    'U::"a" is U', 'U::"a" is G', 'U::"a" is U in 1', 'U::"a" is U in U::"a"', "1 has a",
    "1.a == 1",
    "{a: 1} has a", "{a: 1} has b", "{a: 1}.a == 1", "{a: 1}.b == 1", "{a: 1} == {a: 1}",
    "{a: 1} == {b: 1}", "{a: 1, b: 2} == {a: 1}", "{a: 1} == [1]", '"a" like "a*"', '"b" like "a*"',
    '1 like "a"', r'"a*" like "a\*"', '"" like ""', '"axxb" like "a*b"', "[1, 2].contains(1)",
    "[1].contains(2)", "1.contains(1)", '[1, "a"].contains("a")', "[1, 2].containsAll([1])",
    "[1].containsAll([1, 2])", "[1].containsAll(1)", "1.containsAny([1])",
    "[1, 2].containsAny([2])",
    "[].containsAny([1])", "[].isEmpty()", "[1].isEmpty()", "1.isEmpty()", "[1, 2] == [2, 1, 1]",
    "[1] == [1, 2]", "[[1]].contains([1])", "[{a: 1}].contains({a: 1})", '1.hasTag("a")',
    'U::"a".hasTag(1)', '1.getTag("a") == 1', 'action == Action::"b"', 'action in Action::"all"',
    'action in [Action::"c"]', 'action in U::"a"', 'U::"a" in action', 'Action::"all" in action',
    "action has a", "action.a == 1", "action in [1]", "action is Action", "principal is U",
    'decimal("1.0") == decimal("1.00")', 'decimal("a") == 1', "decimal(1) == 1",
    'decimal("1.0").lessThan(decimal("2.0"))', 'decimal("1.0").lessThan(1)',
    'decimal("1.0").greaterThanOrEqual(decimal("1.0"))', 'decimal("1.0") < decimal("2.0")',
    'datetime("2024-01-01") < datetime("2024-01-02")', 'duration("1d") >= duration("24h")',
    'datetime("2024-01-01").offset(duration("1d")) == datetime("2024-01-02")',
    'datetime("2024-01-01").offset(1) == 1', 'datetime("2024-01-02").durationSince(1) == 1',
    'datetime("2024-01-02").durationSince(datetime("2024-01-01")) == duration("1d")',
    'datetime("2024-01-02T03:00:00Z").toTime() == duration("3h")', 'duration("1d").toTime() == 1',
    'datetime("1969-12-31T23:00:00Z").toDate() == datetime("1969-12-31")',
    'duration("-90m").toHours() == -1', 'duration("1d").toMilliseconds() == 86400000',
    "1.toDays() == 1", "principal == principal", "principal has n", "principal.m == 1",
    'principal.hasTag("a")', 'principal.getTag("a") == 1', "principal in principal",
    'duration("9223372036854775807ms") == duration("106751991167d7h12m55s807ms")',
    'duration("-9223372036854775808ms").toMilliseconds() < 0',
    'duration("9223372036854775808ms") == 1', 'duration("-9223372036854775809ms") == 1',
    'duration("ms") == 1', 'duration("0000000000000000000001ms") == duration("1ms")',
    'decimal("922337203685477.5807") == decimal("922337203685477.5807")',
    'decimal("-922337203685477.5808").lessThan(decimal("922337203685477.5807"))',
    'decimal("922337203685477.5808") == 1', 'decimal("-922337203685477.5809") == 1',
    'decimal("00000000000000000001.5") == decimal("1.5")', 'decimal("1.00000") == 1',
    'datetime("0000-01-01") < datetime("0001-01-01")', 'datetime("2024-02-30") == 1',
    'datetime("9999-12-31T23:59:59.999-2359") > datetime("9999-12-31T23:59:59.999Z")',
    'datetime("2016-12-31T23:59:60Z") == 1', 'datetime("2024-01-01T00:00:00+2400") == 1',
    "(1 in principal) == 1", 'G::"x" has n', '"a".a == 1', "[principal, 1].isEmpty()",
    "{a: principal.m} == {}", "[principal.m].isEmpty()", "(1 + true) == 1", 'principal.m in G::"a"',
]  # fmt: skip


def says(expression):
    """Whether it errs, and whether it is fulfilled; as Cedar says."""
    uid = {"type": "U", "id": "a"}
    entity = {"uid": uid, "attrs": {"n": 1}, "parents": []}
    actions = [
        {
            "uid": {"type": "Action", "id": "b"},
            "attrs": {},
            "parents": [{"type": "Action", "id": "all"}],
        }
    ]
    result = cedarpy.is_authorized(
        {"principal": uid, "action": actions[0]["uid"], "resource": uid, "context": {}},
        f"permit(principal, action, resource) when {{ {expression} }};",
        [entity, *actions],
    )
    assert result.decision is not cedarpy.Decision.NoDecision
    return bool(result.diagnostics.errors), result.decision is cedarpy.Decision.Allow


def body_of(expression):
    text = f"permit(principal, action, resource) when {{ {expression} }};"
    document = json.loads(cedarpy.policies_to_json_str(text))
    return document["staticPolicies"]["policy0"]["conditions"][0]["body"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_known_before_a_request(expression):
    prover = Prover(SCHEMA, next(request_environments(SCHEMA)))
    error, fulfilled = prover.policies.translator.condition(body_of(expression))
    assert prover.policies.translator.not_read == [] or '"a") == 1' in expression
    for formula, expected in zip((error, fulfilled), says(expression), strict=True):
        t = prover.terms
        assert prover.check(t.equal(formula, not expected)) is False or (
            prover.policies.translator.not_read
        )


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('context.a.isInRange(ip("10.0.0.0/8"))', "`ip()` is not read"),
        ('context.a == ip("10.0.0.1")', "`ip()` is not read"),
        ("context.big * context.big > 1", "a product of two unknown numbers"),
        ('(if context.big > 1 then 1 else "a") == 1', "an `if` whose branches have two types"),
        (f'decimal("{"0" * 100}1.0") == decimal("1.0")', "`decimal()` of more than 100"),
        (f'duration("{"0" * 100}1ms") == duration("1ms")', "`duration()` of more than 100"),
        ('decimal(if context.big > 1 then "1.0" else "a") == decimal("1.0")', "not known"),
        ('"\U00030000" == principal', None),
        ('principal.n == 1 && (if context.big > 1 then [1] else ["a"]).isEmpty()', "two types"),
        ("(if context.big > 1 then [[1]] else [[2]]).isEmpty()", "several types"),
        ('(if context.big > 1 then "\U00030000" else "a") == "a"', "beyond U+2FFFF"),
        ("context.s == [[1]]", None),
        ("context.r.contains(context.o)", "records of several types"),
        ("context.r.contains({x: 1, y: 2}) && context.l.contains(context.e)", "of several types"),
        ("context.r.contains(if context.big > 1 then {x: 1} else {y: 1})", "optional attributes"),
        ('context.r.contains(if context.big > 1 then {x: 1, y: ""} else {x: 1})', "several types"),
    ],
)
def test_what_is_not_read_is_an_unknown(expression, reason):
    prover = Prover(SCHEMA, next(request_environments(SCHEMA)))
    translator = prover.policies.translator
    error, fulfilled = translator.condition(body_of(expression))
    if reason is None:
        assert translator.not_read == []
        return
    assert reason in translator.not_read[0]
    t = prover.terms
    for formula in (error, fulfilled, t.and_(t.not_(error), t.not_(fulfilled))):
        assert prover.check(formula) is True  # it may be anything


def test_a_condition_that_is_nested_too_deeply_is_an_unknown():
    prover = Prover(SCHEMA, next(request_environments(SCHEMA)))
    deep = {"Value": 1}
    for _ in range(3000):
        deep = {"neg": {"arg": deep}}
    translator = prover.policies.translator
    error, _ = translator.condition(
        {"&&": {"left": {"Value": True}, "right": {"neg": {"arg": deep}}}}
    )
    assert translator.not_read == ["an expression that is nested deeply"]
    assert prover.check(error) is True


@pytest.mark.parametrize(
    "body", [{"unknown": []}, {"Slot": "?principal"}, {"Value": {"__extn": {}}}]
)
def test_a_form_of_a_later_cedar_is_an_unknown(body):
    prover = Prover(SCHEMA, next(request_environments(SCHEMA)))
    _, fulfilled = prover.policies.translator.condition(body)
    assert prover.check(fulfilled) is True


def test_literals_of_the_json_form():
    prover = Prover(SCHEMA, next(request_environments(SCHEMA)))
    value = {"Value": {"a": [1, {"__entity": {"type": "U", "id": "x"}}]}}
    body = {"==": {"left": value, "right": {"Record": {"a": {"Set": [
        {"Value": {"__entity": {"type": "U", "id": "x"}}}, {"Value": 1}]}}}}}  # fmt: skip
    assert prover.policies.translator.condition(body) == (False, True)

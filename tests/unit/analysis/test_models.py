"""For each condition there is a request that fulfils it, and the engine agrees."""

from __future__ import annotations

import pytest

from authz_lib.analysis.diff import compare_policies

SCHEMA = """
entity Org; entity Team in [Org]; entity Group in [Team];
entity Color enum ["red", "green"];
entity User in [Group] = {
  name: String, level: Long, score: decimal, born: datetime, shift: duration, home: ipaddr,
  color: Color, roles: Set<{ name: String, rank?: Long }>, lists: Set<Set<Long>>,
  address?: { city: String, zip?: Long }, friends: Set<User>, scores: Set<decimal>,
} tags { value: String, count?: Long };
action get appliesTo { principal: User, resource: User, context: { when: datetime, ok: Bool } };
"""
CONDITIONS = [
    'principal.name like "a*b*" && principal.name != "ab"',
    r'principal.name like "\*\u{e9}*"',
    "principal.level == 9223372036854775807",
    'principal.score.lessThan(decimal("-1.5"))',
    'principal.born < datetime("1900-01-01") && context.when > datetime("2100-01-01")',
    'principal.shift > duration("3h") && principal.shift.toHours() == 3',
    'context.when.toTime() == duration("1h")',
    "principal.home == resource.home && principal != resource",
    "principal.home != resource.home",
    'principal.color == Color::"green"',
    'principal.roles.contains({name: "a", rank: 2}) && principal.roles.contains({name: "b"})',
    '[{name: "a"}, {name: "b"}].containsAll(principal.roles) && !principal.roles.isEmpty()',
    "principal.lists.contains([1, 2]) && principal.lists.contains([])",
    'principal has address && principal.address == {city: "x"}',
    "principal has address && principal.address has zip && principal.address.zip == 5",
    'principal.hasTag("a") && principal.getTag("a").value == "x" && resource.hasTag("b")',
    'principal.hasTag("a") && principal.getTag("a") has count && principal.getTag("a").count > 7',
    "principal.friends.containsAny(resource.friends)",
    "principal.friends == resource.friends && !principal.friends.isEmpty()",
    "resource.friends.containsAll(principal.friends) && resource.friends != principal.friends",
    'principal.scores.contains(decimal("1.2500"))',
    'principal in Org::"o"',
    'principal in Group::"g" && !(principal in Team::"t") && principal in Org::"o"',
    'principal in Group::"g" && Group::"g" in Team::"t"',
    "(if context.ok then principal.friends else resource.friends).contains(principal)",
    '(if context.ok then [User::"a"] else principal.friends).contains(User::"b")',
    "(if context.ok then {a: principal} else {a: resource, b: 1}) == {a: principal}",
    "(if context.ok then {a: 1} else {b: 1}) has b",
    "principal in (if context.ok then resource.friends else [resource])",
    "principal == resource",
    'principal == User::"a" && resource == User::"b"',
    "principal.level + 9223372036854775800 > 0 && principal.level > 5",
    '[principal.roles].contains([{name: "a"}])',
    "principal.lists == [[1], [2]]",
    "principal.friends.contains(resource) && resource.friends.contains(principal)",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_request_that_fulfils_a_condition(make_sources, condition):
    old = make_sources("forbid(principal, action, resource);", SCHEMA)
    new = make_sources(f"permit(principal, action, resource) when {{ {condition} }};", SCHEMA)
    (found,) = compare_policies(old, new)
    assert (found.verdict, found.reason) == ("opens", "")
    assert found.counterexamples[0].words.startswith(("a User", "User"))
    (found,) = compare_policies(new, new, on_evaluation_error="cedar")
    assert found.verdict == "same"


IMPOSSIBLE = [
    'principal.color != Color::"green" && principal.color != Color::"red"',
    'principal.name like "a*" && principal.name like "b*"',
    "principal.level > 9223372036854775807",
    'principal.score == decimal("1.0") && principal.score.greaterThan(decimal("1.0"))',
    'principal in Group::"g" && Group::"g" in Team::"t" && !(principal in Team::"t")',
    'Group::"g" in User::"u"',
    'principal.hasTag("a") && !principal.hasTag("a")',
    "principal == resource && principal.level != resource.level",
    "resource.friends == [principal] && !resource.friends.contains(principal)",
    "principal has nothing",
    "[principal.lists].isEmpty()",
    "principal.lists == principal.friends && !principal.lists.isEmpty()",
    "principal.lists.containsAny(principal.friends)",
    "principal.friends.containsAll(principal.lists) && !principal.lists.isEmpty()",
]


@pytest.mark.parametrize("condition", IMPOSSIBLE)
def test_a_condition_that_no_request_fulfils(make_sources, condition):
    old = make_sources("forbid(principal, action, resource);", SCHEMA)
    new = make_sources(f"permit(principal, action, resource) when {{ {condition} }};", SCHEMA)
    (found,) = compare_policies(old, new)
    assert (found.verdict, found.reason) == ("same", "")

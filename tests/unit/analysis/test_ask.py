"""What is never allowed, and which policies do nothing."""

from __future__ import annotations

import pytest

from authz_lib.actions import ActionMap
from authz_lib.analysis.ask import ask_never, redundant_policies
from authz_lib.analysis.prover import Prover
from authz_lib.errors import ConfigurationError

SCHEMA = """
entity Group;
entity User in [Group] = { tenant?: String, level: Long };
entity Doc = { tenant: String };
action get, put appliesTo { principal: User, resource: Doc, context: { ip: ipaddr } };
"""
GET = 'permit(principal, action == Action::"get", resource)'


def verdicts(sources, condition, **options):
    return {one.action: one for one in ask_never(sources, condition, **options)}


def test_what_is_never_allowed_is_proved(make_sources):
    sources = make_sources(
        'permit(principal in Group::"staff", action, resource);'
        'forbid(principal, action == Action::"put", resource) when { resource.tenant == "x" };',
        SCHEMA,
    )
    never = verdicts(sources, 'action == Action::"put" && resource.tenant == "x"')
    assert {one.verdict for one in never.values()} == {"never"}
    never = verdicts(sources, 'resource.tenant == "x"')
    assert (never["put"].verdict, never["get"].verdict) == ("never", "allowed")
    assert never["get"].counterexample == "a User in Group staff → get on a Doc, tenant x"
    assert never["get"].request.resource.type == "Doc"


def test_routes_stand_beside_an_answer(make_sources):
    actions = ActionMap.from_document(
        {
            "version": 1,
            "actions": [
                {"method": "GET", "route": "/docs", "action": "get"},
                {"method": "GET", "route": "/old", "query": {"v": "1", "w": ""}, "action": "get"},
            ],
        }
    )
    found = verdicts(make_sources(f"{GET};", SCHEMA), "true", actions=actions)
    assert found["get"].routes == ("GET /docs", "GET /old?v=1&w")
    assert found["put"].routes == ()


def test_a_condition_that_errs_does_not_hold(make_sources):
    sources = make_sources(f"{GET};", SCHEMA)
    found = verdicts(sources, 'principal.tenant == "a"')
    assert found["get"].counterexample == "a User, tenant a → get on a Doc"
    assert verdicts(sources, "principal.tenant == 1")["get"].verdict == "never"


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "true } ; permit(principal, action, resource) when { true",
        "true } unless { true",
        "(",
        "1;",
    ],
)
def test_a_condition_is_one_expression(make_sources, condition):
    with pytest.raises(ConfigurationError, match="condition"):
        list(ask_never(make_sources(f"{GET};", SCHEMA), condition))


def test_a_condition_may_end_with_a_comment(make_sources):
    found = verdicts(make_sources(f"{GET};", SCHEMA), "false // never")
    assert found["get"].verdict == "never"


def test_what_is_not_read_is_not_decided(make_sources):
    sources = make_sources(f"{GET};", SCHEMA)
    found = verdicts(sources, 'context.ip.isInRange(ip("10.0.0.0/33"))')
    assert (found["get"].verdict, found["get"].reason) == ("undecided", "`ip()` is not read")
    found = verdicts(sources, 'context.ip.isInRange(ip("10.0.0.7"))')
    assert found["get"].verdict == "allowed"  # it was tried out


def test_without_a_solver(make_sources):
    found = verdicts(make_sources(f"{GET};", SCHEMA), "principal.level == 7", prove=False)
    assert found["get"].counterexample == "a User, level 7 → get on a Doc"
    assert found["put"].verdict == "undecided"


def findings(sources, **options):
    return {one.id: one.finding for one in redundant_policies(sources, **options)}


def test_policies_that_do_nothing(make_sources):
    text = """
    @id("all") permit(principal, action == Action::"get", resource);
    @id("less") permit(principal, action == Action::"get", resource) when { principal.level > 1 };
    @id("nobody") permit(principal is Doc, action, resource);
    @id("never") permit(principal, action, resource) when { principal.level > principal.level };
    @id("errs") permit(principal, action == Action::"put", resource) when { principal.name == 1 };
    @id("seldom") forbid(principal, action, resource) when { principal.level == 3 };
    """
    assert findings(make_sources(text, SCHEMA)) == {
        "less": "no difference",
        "nobody": "never true",
        "never": "never true",
        "errs": "always errs",
    }


def test_a_policy_that_only_errs_makes_a_difference_where_an_error_denies(make_sources):
    text = """
    @id("all") permit(principal, action, resource);
    @id("may-err") permit(principal, action, resource) when { principal.tenant == "a" };
    """
    sources = make_sources(text, SCHEMA)
    assert findings(sources) == {}
    assert findings(sources, on_evaluation_error="cedar") == {"may-err": "no difference"}


def test_a_policy_that_is_not_read_is_not_judged(make_sources):
    text = """
    @id("all") permit(principal, action, resource);
    @id("ip") permit(principal, action, resource)
    when { context.ip.isInRange(ip("10.0.0.0/8")) };
    @id("unlike") forbid(principal, action == Action::"get", resource)
    when { context.ip.isInRange(ip("10.0.0.0/8")) && context.ip.isInRange(ip("11.0.0.0/8")) };
    """
    found = {one.id: one for one in redundant_policies(make_sources(text, SCHEMA))}
    assert {name: one.finding for name, one in found.items()} == {
        "ip": "undecided",
        "unlike": "undecided",
    }
    assert found["ip"].reason == "`ip()` is not read"


def test_a_schema_is_needed(make_sources):
    with pytest.raises(ConfigurationError, match="no schema"):
        list(redundant_policies(make_sources(f"{GET};", None)))
    with pytest.raises(ConfigurationError, match="no schema"):
        list(ask_never(make_sources(f"{GET};", None), "true"))


def test_what_the_solver_gives_up_is_not_judged(make_sources, monkeypatch):
    monkeypatch.setattr(Prover, "check", lambda *_: None)
    sources = make_sources(f'@id("a") {GET};', SCHEMA)
    assert findings(sources) == {"a": "undecided"}
    assert verdicts(sources, "principal.level == 7")["get"].verdict == "allowed"  # tried out
    impossible = verdicts(sources, "principal.level > principal.level")["get"]
    assert (impossible.verdict, impossible.reason) == (
        "undecided",
        "the solver gave up after 20 seconds",
    )

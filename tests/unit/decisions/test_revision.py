"""Which policies decided, and when: in each decision and in each line of the log."""

from __future__ import annotations

import json

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, VerifiedPermissions
from authz_lib.decisions import DecisionLog, TemplateLink
from authz_lib.decisions.avp_client import AVPResponse, ThinClient
from authz_lib.errors import ConfigurationError

ALICE, PAGE = EntityUid("User", "alice"), EntityUid("Page", "1")
READ = AuthorizationRequest(ALICE, "Read", PAGE)
ONE = {
    "a": "permit(principal, action, resource);",
    "b": 'forbid(principal, action == Action::"X", resource);',
}
TEMPLATE = {"t": "permit(principal == ?principal, action, resource);"}
SCHEMA = "entity User; entity Page; action Read appliesTo {principal: User, resource: Page};"


class Client(ThinClient):
    """A store that allows everything."""

    def __init__(self):
        super().__init__(region="eu-west-1", endpoint_url="http://127.0.0.1:9")

    def call(self, operation, parameters, body):
        return AVPResponse({"decision": "ALLOW", "determiningPolicies": [], "errors": []}, "r-1")


@pytest.fixture
def policy_store():
    return Client()


def engine(policies=ONE, **options):
    return CedarEngine.from_policies(policies, decision_log=DecisionLog(logger=None), **options)


def test_it_is_the_same_for_the_same_content():
    staff = [Entity(ALICE, parents=[EntityUid("Group", name) for name in "cab"]), Entity(PAGE)]
    one = engine(entities=staff)
    two = engine(dict(reversed(ONE.items())), entities=reversed(staff))
    assert one.revision == two.revision
    assert len(one.revision) == 32
    assert engine({"a": ONE["a"] + " // a comment"}).revision == engine({"a": ONE["a"]}).revision


@pytest.mark.parametrize(
    "other",
    [
        {"policies": {"a": ONE["a"]}},
        {"policies": {"a": ONE["b"], "b": ONE["a"]}},
        {"policies": {"A": ONE["a"], "b": ONE["b"]}},
        {"schema": SCHEMA, "validate_policies": False},
        {"entities": [Entity(ALICE)]},
        {"entities": [Entity(ALICE, attrs={"level": 1})]},
    ],
)
def test_and_another_for_any_other(other):
    seen = {engine().revision, engine(entities=[Entity(ALICE, attrs={"level": "1"})]).revision}
    assert engine(**other).revision not in seen


def test_a_link_counts_with_its_values():
    def linked(name):
        return engine(
            TEMPLATE,
            links=[
                TemplateLink(
                    template_id="t", id="l", values={"?principal": EntityUid("User", name)}
                )
            ],
        )

    assert linked("alice").revision == linked("alice").revision != linked("bob").revision


def test_a_name_goes_before_the_digest():
    named = engine(revision="3f2c1a9")
    assert (named.revision, named.identity) == ("3f2c1a9", "cedar:3f2c1a9")
    assert named.is_authorized(READ).revision == "3f2c1a9"


def test_each_decision_says_which_policies_decided_and_when():
    point = engine(clock=lambda: 1_795_939_200.5)
    decision = point.is_authorized(READ)
    assert (decision.revision, decision.decided_at) == (point.revision, 1_795_939_200.5)
    (batch,) = point.batch_is_authorized([READ])
    assert (batch.revision, batch.decided_at) == (point.revision, 1_795_939_200.5)


def test_a_remembered_answer_keeps_both():
    times = iter(range(100, 200))
    point = engine(clock=lambda: next(times)).cached(clock=lambda: 50.0)
    first, second = (point.is_authorized(READ) for _ in range(2))
    assert (second.source, second.decided_at, second.revision) == ("cache", 100, first.revision)


def test_an_overruled_answer_keeps_both():
    errs = {"p": ONE["a"], "f": "forbid(principal, action, resource) when { context.level > 1 };"}
    decision = engine(errs, clock=lambda: 7.0, revision="r").is_authorized(READ)
    assert (decision.overruled, decision.revision, decision.decided_at) == (True, "r", 7.0)


def test_the_store_has_the_name_that_it_is_given(policy_store):
    named = VerifiedPermissions("PS1", client=policy_store, revision="r7", clock=lambda: 9.0)
    assert (named.is_authorized(READ).revision, named.is_authorized(READ).decided_at) == ("r7", 9.0)
    assert VerifiedPermissions("PS1", client=policy_store).is_authorized(READ).revision is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_795_939_200.5, "2026-11-29T08:00:00.500Z"),
        (float("nan"), None),
        (1e20, None),
    ],
)
def test_the_log_says_when_in_utc(seconds, text):
    records = []
    point = CedarEngine.from_policies(
        ONE, decision_log=DecisionLog(on_decision=records.append), clock=lambda: seconds
    )
    point.is_authorized(READ)
    assert records[0].get("decided_at") == text
    assert records[0]["revision"] == point.revision
    json.dumps(records[0])


@pytest.mark.parametrize("option", [{"revision": ""}, {"revision": 7}, {"clock": 5}])
def test_wrong_arguments(option, policy_store):
    with pytest.raises(ConfigurationError):
        engine(**option)
    with pytest.raises(ConfigurationError):
        VerifiedPermissions("PS1", client=policy_store, **option)

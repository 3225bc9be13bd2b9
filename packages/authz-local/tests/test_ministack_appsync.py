"""What AppSync remembers, over ministack's real application."""

from __future__ import annotations

import types

import pytest

from authz_local import _ministack_appsync as corrections

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:authorizer"
YES, NO = {"body": {"isAuthorized": True}}, {"body": '{"isAuthorized": false}'}


def ask(ministack, token="a", *, ttl_seconds=300, api="orders"):
    """What AppSync's authorizer says, or `None` where it refuses."""
    settings = {"authorizerUri": FUNCTION, "authorizerResultTtlInSeconds": ttl_seconds}
    module = ministack.appsync
    try:
        return module._invoke_lambda_authorizer(
            api, settings, {"authorization": token}, query="{ items }"
        )
    except module._AuthorizerRejected:
        return None


def asked(ministack):
    return [
        (event["requestContext"]["apiId"], event["authorizationToken"])
        for event in ministack.events
    ]


def test_appsync_remembers_an_answer_for_the_api_and_the_token(ministack):
    def answer(event):
        if event["authorizationToken"] == "b":
            return NO
        number = len(ministack.events)
        return {"body": {"isAuthorized": True, "resolverContext": {"number": number}}}

    ministack.answer = answer
    assert [ask(ministack), ask(ministack)] == [{"resolverContext": {"number": 1}}] * 2
    assert [ask(ministack, "b"), ask(ministack, "b")] == [None, None], "a refusal too"
    assert ask(ministack, api="other") == {"resolverContext": {"number": 3}}
    assert asked(ministack) == [("orders", "a"), ("orders", "b"), ("other", "a")]


@pytest.mark.parametrize(
    ("answer", "ttl_seconds", "times"),
    [
        ({"body": {"isAuthorized": True, "ttlOverride": 0}}, 300, 2),
        ({"body": {"isAuthorized": True, "ttlOverride": 60}}, 0, 1),
        ({"body": {"isAuthorized": True, "ttlOverride": None}}, 0, 2),
        ({"body": {"isAuthorized": True, "ttlOverride": "60"}}, 0, 2),
        (YES, 0, 2),
        (YES, None, 1),  # what nobody has set is five minutes
        (NO, 300, 1),
        ({"body": "no JSON"}, 300, 2),
        ({"body": [True]}, 300, 2),
        ({"error": True, "body": {"errorMessage": "true", "isAuthorized": True}}, 300, 2),
    ],
)
def test_appsync_remembers_for_as_long_as_the_answer_or_the_api_says(
    ministack, answer, ttl_seconds, times
):
    ministack.answer = answer
    ask(ministack, ttl_seconds=ttl_seconds)
    ask(ministack, ttl_seconds=ttl_seconds)
    assert len(asked(ministack)) == times


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr(corrections, "_MAX_REMEMBERED", 2)


def test_appsync_does_not_remember_for_ever(small_memory, ministack):
    ministack.answer = YES
    for token in ("a", "b", "c", "c", "a"):
        ask(ministack, token)
    assert [token for _api, token in asked(ministack)] == ["a", "b", "c", "a"]


def test_a_name_that_is_gone_ends_it_at_once():
    with pytest.raises(AttributeError):
        corrections.correct_appsync(types.ModuleType("gone"))

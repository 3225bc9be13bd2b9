"""gateway.md 4: AppSync Events were treated as GraphQL, so one right opened everything."""

from __future__ import annotations

import pytest

from authz_lib import ActionMap, GatewayCache, Header, JWTVerifier, LambdaAuthorizer
from authz_lib.errors import UntrustedEventError
from authz_lib.gateway import parse_authorizer_event
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
LINES = [
    {"method": "POST", "route": "/graphql", "action": "Query"},
    {"method": "GET", "route": "/$connect", "action": "Connect"},
    {"method": "GET", "route": "/news/{channel+}", "action": "Hear", "scopes": ["hear"]},
    {"method": "GET", "route": "/all/*", "action": "HearAll", "scopes": ["hear"]},
    {"method": "POST", "route": "/news/{id}", "action": "Write", "scopes": ["write"]},
]


def authorizer(cache=GatewayCache.OFF):
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer="https://issuer.example",
            audience=None,
            algorithms=["EdDSA"],
            keys=ISSUER.key_set(),
        ),
        token_sources=[Header("authorization", prefix="my-")],
        actions=ActionMap.from_document({"version": 1, "actions": LINES}),
        decisions=None,
        response="appsync",
        gateway_cache=cache,
    )


def ask(operation, channel="/news/eu", **options):
    token = "my-" + ISSUER.token({"sub": "alice", "scope": "hear"})
    event = events.appsync_events_authorizer_event(token, operation=operation, channel=channel)
    return authorizer(**options)(event)


@pytest.mark.parametrize(
    ("operation", "channel", "is_allowed", "reason"),
    [
        ("EVENT_CONNECT", "", True, ""),
        ("EVENT_SUBSCRIBE", "/news/eu", True, ""),
        ("EVENT_SUBSCRIBE", "/news/eu/today", True, ""),
        ("EVENT_SUBSCRIBE", "/news/*", False, "unknown_route"),
        ("EVENT_SUBSCRIBE", "/all/*", True, ""),
        ("EVENT_SUBSCRIBE", "/other/eu", False, "unknown_route"),
        ("EVENT_PUBLISH", "/news/eu", False, "insufficient_scope"),
        ("EVENT_PUBLISH", "/graphql", True, ""),
    ],
)
def test_operation_and_channel_decide(operation, channel, is_allowed, reason):
    answer = ask(operation, channel)
    assert answer.keys() == {"isAuthorized", "handlerContext", "ttlOverride"}
    assert (answer["isAuthorized"], answer["handlerContext"]["reason"]) == (is_allowed, reason)


def test_an_answer_about_a_channel_is_not_remembered():
    cache = GatewayCache(identity_sources=["$request.header.authorization"], ttl_seconds=60)
    assert ask("EVENT_CONNECT", cache=cache)["ttlOverride"] == 0


@pytest.mark.parametrize(
    ("changed", "member"),
    [
        ({"operation": None}, "operation"),
        ({"operation": "EVENT_OTHER"}, "operation"),
        ({"channel": None}, "channel"),
        ({"channel": "/news/%2e"}, "channel"),
        ({"channel": "/" + "a" * 51}, "channel"),
        ({"channel": "/a" * 6}, "channel"),
    ],
)
def test_what_is_no_operation_on_a_channel_is_refused(changed, member):
    event = events.appsync_events_authorizer_event("my-x")
    with pytest.raises(UntrustedEventError, match=f"`requestContext.{member}`"):
        parse_authorizer_event({**event, "requestContext": {**event["requestContext"], **changed}})


@pytest.mark.parametrize("channel", ["/" + "a" * 50, "/a" * 5, "/a/b/*"])
def test_channels_at_the_bound(channel):
    event = events.appsync_events_authorizer_event("my-x", channel=channel)
    assert parse_authorizer_event(event).path == channel

"""What a caller sees: every kind of gateway, every way to fail; real tokens, a real key set, a real
policy store.

`gateway_status` is API Gateway's side of the contract as documented: 401 for the error text
`Unauthorized` (REST and WebSocket), 500 for any other error and for an answer of the wrong shape,
403 for a refusal.
"""

from __future__ import annotations

import re

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    RemoteKeySet,
    VerifiedPermissions,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import Fault, PolicyStoreServer

ISSUER = "https://issuer.example"
NOW = 1_700_000_000.0
POLICIES = """
permit (
    principal == User::"alice", action == Action::"ListOrders", resource == Application::"shop"
);
"""
ACTIONS = ActionMap.from_document(
    {
        "version": 1,
        "actions": [
            {"method": "GET", "route": "/orders", "action": "ListOrders", "scopes": ["read"]},
            {"method": "POST", "route": "/graphql", "action": "ListOrders", "scopes": ["read"]},
            {"method": "GET", "route": "/$connect", "action": "ListOrders", "scopes": ["read"]},
        ],
    }
)
KINDS = {
    "rest-token": ("iam", events.rest_token_authorizer_event),
    "rest-request": ("iam", events.rest_request_authorizer_event),
    "http-1.0": ("iam", events.http_authorizer_event_v1),
    "http-2.0": ("simple", events.http_authorizer_event),
    "http-2.0-iam": ("iam", events.http_authorizer_event),
    "websocket": ("iam", events.websocket_authorizer_event),
    "appsync": ("appsync", lambda token: events.appsync_authorizer_event(f"Bearer {token}")),
}
KNOWS_401 = {"rest-token", "rest-request", "websocket"}


def matches(pattern, text):
    return (
        re.fullmatch("".join(".*" if c == "*" else re.escape(c) for c in pattern), text) is not None
    )


def gateway_status(kind, authorizer, event):
    try:
        answer = authorizer(event, None)
    except Exception as error:  # noqa: BLE001  the gateway sees every error of the Lambda
        return (401 if str(error) == "Unauthorized" and kind in KNOWS_401 else 500), None
    context = answer.get("context", answer.get("resolverContext"))
    # A list would be a 500 on REST.
    assert all(type(value) in {str, int} for value in context.values())
    if "isAuthorized" in answer:
        assert type(answer["isAuthorized"]) is bool
        return (200 if answer["isAuthorized"] else 403), context["reason"]
    arn = event.get("methodArn") or event["routeArn"]
    effects = {
        s["Effect"]
        for s in answer["policyDocument"]["Statement"]
        if any(matches(p, arn) for p in s["Resource"])
    }
    assert effects in ({"Allow"}, {"Deny"})  # never silent about the request itself
    return (200 if effects == {"Allow"} else 403), context["reason"]


@pytest.fixture(scope="module")
def issuer():
    return TestIssuer(ISSUER, algorithm="ES256", clock=lambda: NOW)


@pytest.fixture(scope="module")
def store():
    with PolicyStoreServer() as server:
        yield server


@pytest.fixture
def make(issuer, store, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    store_id = store.create_store(POLICIES)

    def build(response, *, keys=None, policy_store_id=store_id):
        return LambdaAuthorizer(
            verifier=JWTVerifier(
                issuer=ISSUER,
                audience=None,
                algorithms=["ES256"],
                keys=keys or issuer.key_set(),
                clock=lambda: NOW,
            ),
            token_sources=[BearerToken()],
            actions=ACTIONS,
            decisions=VerifiedPermissions(
                policy_store_id, region="eu-west-1", endpoint_url=store.url
            ),
            application=EntityUid("Application", "shop"),
            response=response,
            gateway_cache=GatewayCache.OFF,
        )

    return build


# -- who are you: 401 where the gateway knows how, else 403 with a reason
# --------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("not-a-token", "invalid_token"),
        ("expired", "token_expired"),
        ("forged", "invalid_signature"),
        ("of-another-issuer", "invalid_claim"),
        ("without-subject", "invalid_claim"),
        ("with-odd-groups", "invalid_claim"),
    ],
)
def test_a_token_that_is_not_accepted(kind, token, reason, issuer, make):
    good = issuer.token({"sub": "alice", "scope": "read"})
    texts = {
        "not-a-token": "not-a-token",
        "expired": issuer.token({"sub": "alice", "scope": "read"}, expires_in_seconds=-1),
        "forged": TestIssuer(ISSUER, algorithm="ES256", clock=lambda: NOW).token(
            {"sub": "alice", "scope": "read"}, headers={"kid": issuer.key_id}
        ),
        "of-another-issuer": issuer.token(
            {"sub": "alice", "scope": "read", "iss": "https://evil.example"}
        ),
        "without-subject": issuer.token({"scope": "read"}),
        "with-odd-groups": issuer.token(
            {"sub": "alice", "scope": "read", "cognito:groups": "admins"}
        ),
    }
    response, event = KINDS[kind]
    authorizer = make(response)
    expected = (401, None) if kind in KNOWS_401 else (403, reason)
    assert gateway_status(kind, authorizer, event(texts[token])) == expected
    assert gateway_status(kind, authorizer, event(good)) == (200, "")


@pytest.mark.parametrize("kind", ["rest-request", "http-2.0", "http-2.0-iam", "websocket"])
def test_no_token_at_all(kind, make):
    response, event = KINDS[kind]
    expected = (401, None) if kind in KNOWS_401 else (403, "missing_token")
    assert gateway_status(kind, make(response), event(None)) == expected


def test_a_header_that_is_there_twice(issuer, make):
    token = issuer.token({"sub": "alice", "scope": "read"})
    event = events.rest_request_authorizer_event(token)
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {token}"]
    assert gateway_status("rest-request", make("iam"), event) == (401, None)


# -- may you: 403, everywhere --------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "mallory", "scope": "read"}, "access_denied"),
        ({"sub": "alice", "scope": "write"}, "insufficient_scope"),
        (
            {"sub": "alice", "scope": "read", "cognito:groups": [f"g{n}" for n in range(100)]},
            "invalid_request",
        ),
        ({"sub": "a" * 700, "scope": "read"}, "invalid_request"),
    ],
)
def test_a_caller_who_may_not(kind, claims, reason, issuer, make):
    response, event = KINDS[kind]
    assert gateway_status(kind, make(response), event(issuer.token(claims))) == (403, reason)


def test_an_unknown_route(issuer, make):
    token = issuer.token({"sub": "alice", "scope": "read"})
    for kind, event in {
        "rest-token": events.rest_token_authorizer_event(token, path="/admin"),
        "rest-request": events.rest_request_authorizer_event(
            token, path="/admin", resource="/{proxy+}"
        ),
        "http-2.0": events.http_authorizer_event(token, route="$default", path="/admin"),
        "http-2.0-iam": events.http_authorizer_event(token, route="ANY /orders", method="PATCH"),
    }.items():
        assert gateway_status(kind, make(KINDS[kind][0]), event) == (403, "unknown_route")


@pytest.mark.parametrize(
    "path",
    [
        "/orders/*",
        "/*",
        "/orders?",
        "/%6Frders",
        "/orders%2F",
        "//orders",
        "/x/../orders",
        "/orders/.",
    ],
)
def test_a_path_that_reads_as_two_is_refused_on_a_token_authorizer(path, issuer, make):
    token = issuer.token({"sub": "alice", "scope": "read"})
    event = events.rest_token_authorizer_event(token, path=path)
    status, reason = gateway_status("rest-token", make("iam"), event)
    assert (status, reason) == (403, "unknown_route")


# -- could not find out: 500, and nothing for the gateway to remember
# ------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        (Fault(code="ThrottlingException"), 2),
        (Fault(code="InternalServerException"), 2),
        (Fault(status=503), 2),
        (Fault(disconnect=True), 2),
        (Fault(body=b"not json"), 1),
        (Fault(code="AccessDeniedException"), 1),
    ],
    ids=["throttled", "internal", "unavailable", "disconnected", "malformed", "no-permission"],
)
def test_a_policy_store_that_does_not_answer(kind, fault, attempts, issuer, make, store):
    response, event = KINDS[kind]
    authorizer = make(response)
    token = event(issuer.token({"sub": "alice", "scope": "read"}))
    store.inject(fault, times=attempts)
    assert gateway_status(kind, authorizer, token) == (500, None)
    assert gateway_status(kind, authorizer, token) == (200, "")  # nothing was remembered


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_store_that_does_not_exist(kind, issuer, make):
    response, event = KINDS[kind]
    authorizer = make(response, policy_store_id="PSmissing")
    assert gateway_status(
        kind, authorizer, event(issuer.token({"sub": "alice", "scope": "read"}))
    ) == (500, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_set_that_does_not_answer(kind, issuer, make):
    response, event = KINDS[kind]
    with issuer.serve() as endpoint:
        gone = endpoint.url
    authorizer = make(response, keys=RemoteKeySet(gone))
    assert gateway_status(
        kind, authorizer, event(issuer.token({"sub": "alice", "scope": "read"}))
    ) == (500, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("response", ["simple", "iam", "appsync"])
def test_a_response_that_this_gateway_does_not_read(kind, response, issuer, make):
    token = issuer.token({"sub": "alice", "scope": "read"})
    kinds = {
        "simple": {"http-2.0", "http-2.0-iam"},
        "appsync": {"appsync"},
        "iam": set(KINDS) - {"appsync"},
    }
    expected = 200 if kind in kinds[response] else 500
    assert gateway_status(kind, make(response), KINDS[kind][1](token))[0] == expected


def test_an_event_that_is_none(make):
    for event in ({}, events.http_event(), events.alb_event(), {"type": "TOKEN"}, None):
        assert gateway_status("http-2.0", make("simple"), event) == (500, None)

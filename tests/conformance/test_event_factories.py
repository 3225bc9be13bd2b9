"""Every event factory against the public captures of its kind, member by member."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib.testing import events

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        "AUTHZ_VECTORS" not in os.environ, reason="AUTHZ_VECTORS names the folder of the vectors"
    ),
]

EVENTS = Path(os.environ.get("AUTHZ_VECTORS", ".")) / "gateway" / "events" / "aws-lambda-go"
QUERY = [("a", "1"), ("b", "2")]
LABELS = {"proxy": "hello"}

REST = ["apigw-request", "apigw-restapi-openapi-request"]
HTTP = [
    "apigw-v2-request-iam",
    "apigw-v2-request-jwt-authorizer",
    "apigw-v2-request-lambda-authorizer",
    "apigw-v2-request-no-authorizer",
]
LAMBDA = {"principalId": "alice", "clientId": 1, "clientName": "Exata"}
# A factory's event, the captures of its kind, more captures of the same API.  The capture of a
# WebSocket's `$connect` is left out: it is a REST event that its authors have written into.
KINDS = {
    "rest-token": (events.rest_token_authorizer_event("x"), ["apigw-custom-auth-request"], []),
    "rest-request": (
        events.rest_request_authorizer_event("x", query=QUERY),
        ["apigw-custom-auth-request-type-request"],
        REST,
    ),
    "http-1.0": (
        events.http_authorizer_event_v1("x", query=QUERY),
        ["apigw-v2-custom-authorizer-v1-request"],
        [],
    ),
    "http-2.0": (
        events.http_authorizer_event(
            "x", query=QUERY, path_parameters=LABELS, headers={"cookie": "a=b"}
        ),
        ["apigw-v2-custom-authorizer-v2-request"],
        [],
    ),
    "websocket": (
        events.websocket_authorizer_event("x"),
        [],
        ["apigw-websocket-request-disconnect"],
    ),
    "appsync": (events.appsync_authorizer_event("my-x"), ["appsync-lambda-auth-request"], []),
    "rest": (events.rest_event(query=QUERY, authorizer=LAMBDA, body={}), REST, []),
    "http": (
        events.http_event(
            query=QUERY,
            path_parameters=LABELS,
            headers={"Cookie": "a=b"},
            authorizer={"lambda": {"key": "value"}},
            body={"a": 1},
        ),
        ["apigw-v2-request-lambda-authorizer"],
        HTTP,
    ),
    "http-bare": (events.http_event(), ["apigw-v2-request-no-authorizer"], HTTP),
    "function-url": (
        events.function_url_event(
            query=QUERY,
            headers={"Cookie": "a=b"},
            body="x",
            iam=dict.fromkeys(["accessKey", "accountId", "callerId", "userArn", "userId"], "x"),
        ),
        ["lambda-urls-request"],
        [],
    ),
    "websocket-message": (
        events.websocket_event(body="x"),
        ["apigw-websocket-request-send-message"],
        [],
    ),
    "websocket-disconnect": (
        events.websocket_event(event_type="DISCONNECT", route="$disconnect"),
        ["apigw-websocket-request-disconnect"],
        [],
    ),
    "alb": (events.alb_event(), ["alb-lambda-target-request-headers-only"], []),
}
# Names of headers, parameters and labels are the client's.  A client certificate comes with mutual
# TLS only.  What stands in `authorizer` of a REST API is the authorizer's own.
THEIR_OWN = {
    "headers", "multiValueHeaders", "queryStringParameters", "requestHeaders",
    "multiValueQueryStringParameters", "pathParameters", "stageVariables", "variables",
    "requestContext.authorizer.jwt", "requestContext.authorizer.iam.cognitoIdentity",
}  # fmt: skip
SOMETIMES = {
    "requestContext.authentication", "requestContext.identity.clientCert", "stageVariables",
    "requestContext.operationName",
}  # fmt: skip
# In no capture of the kind, and in AWS's documentation of it.
_V1 = ["domainName", "domainPrefix", "extendedRequestId", "protocol", "requestTime"]
DOCUMENTED = {
    "rest": {"isBase64Encoded"},
    "rest-request": {f"requestContext.{name}" for name in [*_V1, "requestTimeEpoch"]},
    "http-1.0": {
        f"requestContext.{name}"
        for name in [*_V1, "requestTimeEpoch"]
        + [f"identity.{name}" for name in ("accessKey", "accountId", "apiKeyId", "caller", "user")]
        + [f"identity.cognito{name}" for name in ("IdentityId", "IdentityPoolId")]
        + [f"identity.cognitoAuthentication{name}" for name in ("Provider", "Type")]
        + ["identity.userAgent", "identity.userArn"]
    },
    "function-url": {"routeKey", "requestContext.routeKey", "requestContext.stage"},
    "appsync": {"requestHeaders"},
    "websocket": {
        "type", "methodArn", "stageVariables", "queryStringParameters",
        "multiValueQueryStringParameters",
    },
}  # fmt: skip


def capture(name):
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def members(event, prefix=""):
    """Each member by its path; below what is the client's own nothing is looked at."""
    found = {}
    for name, value in event.items():
        path = f"{prefix}{name}"
        found[path] = type(value)
        if isinstance(value, dict) and path not in THEIR_OWN:
            found |= members(value, f"{path}.")
    return found


def no_sometimes(path):
    return not any(path == rare or path.startswith(f"{rare}.") for rare in SOMETIMES)


def one_of(path, many):
    """Whether the path, or what holds it, is named."""
    return any(path == name or path.startswith(f"{name}.") for name in many)


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_capture_has_the_factory_has(kind):
    event, captures, _ = KINDS[kind]
    made = members(event)
    for name in captures:
        wanted = {path for path in members(capture(name)) if no_sometimes(path)}
        assert wanted - made.keys() == set()


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_capture_has_the_factory_has_not(kind):
    event, captures, more = KINDS[kind]
    seen = set().union(*(members(capture(name)) for name in [*captures, *more]))
    surplus = members(event).keys() - seen
    assert {path for path in surplus if not one_of(path, DOCUMENTED.get(kind, ()))} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_types_are_those_of_the_captures(kind):
    event, captures, more = KINDS[kind]
    made = members(event)
    for name in [*captures, *more]:
        for path, seen in members(capture(name)).items():
            # A value that a request may lack is `null` in events of services.
            may_be_null = "type" not in event or ".identity." in path
            if path in made and not (may_be_null and made[path] is type(None)):
                assert made[path] is seen, path


# Of these the vectors hold no capture; they follow the documentation.
WITHOUT_CAPTURE = {
    "appsync_events_authorizer_event",
    "http_event_v1",
    "lattice_event",
    "lattice_event_v1",
}


def test_every_factory_is_compared():
    made = {name for name in events.__all__ if name.endswith(("_event", "_v1"))}
    source = Path(__file__).read_text(encoding="utf-8")
    assert {name for name in made if f"events.{name}(" not in source} == WITHOUT_CAPTURE

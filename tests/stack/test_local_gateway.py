"""What the local AWS does as AWS documents it: `authz_local._ministack_authorizers`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.stack

TOKEN = "method.request.header.Authorization"
ORDERS = {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "List"}]}
ROUTES = ["GET /orders"]


def policy(effect, **more):
    statement = {
        "Effect": effect,
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
    }
    return {"Version": "2012-10-17", "Statement": [statement | more]}


@pytest.mark.parametrize(
    ("resource_policy", "statuses"),
    [
        (None, [200, 403, 401]),
        (policy("Allow"), [200, 403, 401]),
        (policy("Allow", Resource="execute-api:/*/GET/other"), [200, 403, 401]),
        (policy("Deny"), [403, 403, 403]),  # before the authorizer is asked
    ],
)
def test_a_resource_policy_beside_an_authorizer(resource_policy, statuses, deployment):
    function = deployment.authorizer("iam", actions=ORDERS)
    send = deployment.rest_api(function, routes=ROUTES, resource_policy=resource_policy)
    tokens = (deployment.token(), deployment.token("mallory"), None)
    assert [send("GET", "/orders", token) for token in tokens] == statuses


@pytest.mark.parametrize(
    "name",
    [
        "accountId",
        "apiId",
        "domainName",
        "httpMethod",
        "identity.sourceIp",
        "path",
        "resourcePath",
        "stage",
    ],
)
def test_a_context_value_may_be_an_identity_source_of_a_rest_api(name, deployment):
    function = deployment.authorizer("iam", actions=ORDERS)
    sources = [TOKEN, f"context.{name}"]
    send = deployment.rest_api(function, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert [send("GET", "/orders", token) for token in (deployment.token(), None)] == [200, 401]


@pytest.mark.parametrize(
    "name", ["content_type", "accept", "cookie", "user_agent", "x_forwarded_for", "x_api_key"]
)
def test_a_repeated_header_hurts_nobody(name, deployment):
    function = deployment.authorizer("iam", actions=ORDERS)
    for sources in (None, [TOKEN]):
        send = deployment.rest_api(function, routes=ROUTES, identity_sources=sources)
        assert send("GET", "/orders", deployment.token(), {"a": 1}, **{name: ["a/b", "c/d"]}) == 200


def test_an_event_1_0_of_an_http_api_says_what_it_is(deployment):
    """So a bad token is a 403, and a key other than the declared one is noticed."""
    sources = ["$request.header.Authorization", "$context.routeKey", "$context.path"]
    function = deployment.authorizer("iam", actions=ORDERS, cache=sources)
    options = {"routes": ROUTES, "ttl_seconds": 300, "payload_version": "1.0", "stage": "prod"}
    send = deployment.http_api(function, identity_sources=sources, **options)
    tokens = [deployment.token(), deployment.token("mallory"), "no token", None]
    assert [send("GET", "/orders", token) for token in tokens] == [200, 403, 403, 401]
    other = deployment.http_api(function, identity_sources=sources[:1], **options)
    assert other("GET", "/orders", deployment.token()) == 500

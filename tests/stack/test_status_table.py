"""The status table over HTTP: what callers of a REST API and of an HTTP API see."""

from __future__ import annotations

import pytest

from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import Fault

pytestmark = pytest.mark.stack

ROUTES = ["GET /orders", "POST /orders"]


def apis(deployment, **config):
    http = deployment.http_api(
        deployment.authorizer("simple", **config),
        routes=ROUTES,
        identity_sources=["$request.header.Authorization"],
    )
    return deployment.rest_api(deployment.authorizer("iam", **config), routes=ROUTES), http


@pytest.fixture(scope="module")
def plain(deployment):
    return apis(deployment)


def statuses(senders, token, method="GET", path="/orders"):
    return tuple(send(method, path, token) for send in senders)


def test_who_may_is_let_in(deployment, plain):
    assert statuses(plain, deployment.token()) == (200, 200)


def test_no_token(plain):
    assert statuses(plain, None) == (401, 401)


def test_a_token_that_is_not_accepted(deployment, plain):
    forged = TestIssuer(deployment.issuer.issuer, algorithm="ES256").token(
        {"sub": "alice", "scope": "read"}, headers={"kid": deployment.issuer.key_id}
    )
    for token in (
        "malformed",
        deployment.token(expires_in_seconds=-60),
        forged,
        deployment.token(iss="https://evil.example"),
    ):
        assert statuses(plain, token) == (401, 403)


def test_a_caller_who_may_not(deployment, plain):
    assert statuses(plain, deployment.token("mallory")) == (403, 403)
    assert statuses(plain, deployment.token(scope="write")) == (403, 403)
    assert statuses(plain, deployment.token(), "POST") == (403, 403)
    assert statuses(
        plain, deployment.token(**{"cognito:groups": [f"g{n}" for n in range(100)]})
    ) == (403, 403)


@pytest.mark.parametrize(
    "fault", [Fault(code="ThrottlingException"), Fault(status=503), Fault(disconnect=True)]
)
def test_a_policy_store_that_does_not_answer(deployment, plain, fault):
    token = deployment.token()
    for send in plain:
        deployment.store.inject(fault, times=2)
        assert send("GET", "/orders", token) == 500
    assert statuses(plain, token) == (200, 200)


def test_a_key_set_that_does_not_answer(deployment):
    with deployment.issuer.serve() as endpoint:
        gone = endpoint.url
    assert statuses(apis(deployment, jwks_url=gone), deployment.token()) == (500, 500)


def test_a_policy_store_that_does_not_exist(deployment):
    assert statuses(apis(deployment, store="PSmissing"), deployment.token()) == (500, 500)


def test_a_configuration_that_is_refused(deployment):
    assert statuses(apis(deployment, cache=["$request.header.x-tenant"]), deployment.token()) == (
        500,
        500,
    )

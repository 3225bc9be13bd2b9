"""Security 12: an IAM answer of an HTTP API that is remembered without the route."""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    errors,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="ES256")
TOKEN, METHOD, PATH = "$request.header.Authorization", "$context.httpMethod", "$context.path"
DOMAIN = "$context.domainName"
ACTIONS = ActionMap.from_document(
    {
        "version": 1,
        "actions": [
            {"method": "GET", "route": "/docs/{id}", "action": "ReadDocument"},
            {"method": "GET", "route": "/{secret}", "action": "ReadSecret"},
        ],
    }
)


def build(*sources: str) -> LambdaAuthorizer:
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=ISSUER.issuer, audience=None, algorithms=["ES256"], keys=ISSUER.key_set()
        ),
        token_sources=[BearerToken()],
        actions=ACTIONS,
        decisions=CedarEngine.from_text(
            'permit(principal, action == Action::"ReadDocument", resource);'
        ),
        application=EntityUid("Application", "docs"),
        response="iam",
        gateway_cache=GatewayCache(
            identity_sources=sources, ttl_seconds=60, no_resource_policy=True
        ),
        tenant_claim=None,
        groups_claim=None,
    )


def sent_to(route: str, *key: str) -> dict[str, object]:
    """`/docs/7`, or for the other route `/docs%252F7`: an HTTP API hands over one path for both."""
    token = ISSUER.token({"sub": "alice"})
    return events.http_authorizer_event(
        token, route=route, path="/docs/7", identity=[f"Bearer {token}", *key]
    )


@pytest.mark.parametrize("sources", [[TOKEN, METHOD, PATH, DOMAIN], [TOKEN, METHOD, PATH]])
def test_a_key_without_the_route_is_refused_while_building(sources: list[str]) -> None:
    with pytest.raises(errors.ConfigurationError, match="routeKey"):
        build(*sources)


def test_written_as_a_rest_apis_it_is_raised_and_so_never_remembered() -> None:
    authorizer = build("method.request.header.Authorization", "context.httpMethod", "context.path")
    with pytest.raises(errors.ConfigurationError, match="routeKey"):
        authorizer(sent_to("GET /docs/{id}", "GET", "/docs/7"))


def test_with_the_route_in_the_key_the_two_are_told_apart() -> None:
    authorizer = build(TOKEN, METHOD, PATH, "$context.routeKey")
    effects = []
    for route in ("GET /docs/{id}", "GET /{secret}"):
        answer = authorizer(sent_to(route, "GET", "/docs/7", route))
        effects.append(answer["policyDocument"]["Statement"][0]["Effect"])
    assert effects == ["Allow", "Deny"]

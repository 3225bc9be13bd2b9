"""gateway.md 10: what an event is, and which member it lacks, is said."""

from __future__ import annotations

import pytest

from authz_lib import ActionMap, BearerToken, GatewayCache, JWTVerifier, LambdaAuthorizer
from authz_lib.errors import InvalidRequestError, UntrustedEventError
from authz_lib.gateway import MethodArn, parse_authorizer_event, proxy_kind
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer


@pytest.mark.parametrize(
    ("event", "version"), [(events.lattice_event_v1(), "1.0"), (events.lattice_event(), "2.0")]
)
def test_lattice_is_named(event, version):
    with pytest.raises(UntrustedEventError, match=rf"VPC Lattice's .*{version}.* not supported"):
        parse_authorizer_event(event)


def test_lattice_is_named_to_a_service():
    with pytest.raises(UntrustedEventError, match="VPC Lattice"):
        proxy_kind(events.lattice_event_v1())
    assert proxy_kind(events.lattice_event()) == "lattice"


@pytest.mark.parametrize(
    ("event", "member"),
    [
        (events.http_event(), "domainName"),
        (events.http_event(), "http"),
        (events.rest_event(), "apiId"),
        (events.rest_event(), "resourceId"),
    ],
)
def test_a_partial_event_names_its_member(event, member):
    del event["requestContext"][member]
    with pytest.raises(UntrustedEventError, match=rf"`requestContext.{member}` is missing"):
        proxy_kind(event)


def test_a_partial_authorizer_event_names_its_member():
    event = events.rest_token_authorizer_event("x")
    del event["type"]
    with pytest.raises(UntrustedEventError, match="`type` of the event is missing"):
        parse_authorizer_event(event)


def test_the_documented_sample_says_what_to_put_there():
    arn = MethodArn.parse("arn:aws:execute-api:us-west-2:123456789012:ymy8tbxw7b/*/GET/")
    with pytest.raises(InvalidRequestError, match="put the name of a stage there"):
        _ = arn.resource


@pytest.mark.parametrize("stage", ["*", "pro*", "?"])
@pytest.mark.parametrize("is_cached", [False, True])
def test_no_policy_allows_every_stage(stage, is_cached):
    issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    cache = GatewayCache(
        identity_sources=["method.request.header.Authorization"],
        ttl_seconds=60,
        no_resource_policy=True,
    )
    line = {"method": "GET", "route": "/orders", "action": "List"}
    handler = LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=issuer.issuer, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
        ),
        token_sources=[BearerToken()],
        actions=ActionMap.from_document({"version": 1, "actions": [line]}),
        decisions=None,
        response="iam",
        gateway_cache=cache if is_cached else GatewayCache.OFF,
    )
    event = events.rest_token_authorizer_event(issuer.token({"sub": "alice"}))
    arn = "arn:aws:execute-api:us-west-2:123456789012:ymy8tbxw7b/{}/GET/orders"
    answer = handler({**event, "methodArn": arn.format("prod")})
    effects = {one["Effect"] for one in answer["policyDocument"]["Statement"]}
    assert "Allow" in effects
    answer = handler({**event, "methodArn": arn.format(stage)})
    assert {one["Effect"] for one in answer["policyDocument"]["Statement"]} == {"Deny"}

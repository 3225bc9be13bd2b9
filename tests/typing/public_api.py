"""What a type checker must see of the public names; checked by pyright strict, never run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import authz_lib
from authz_lib import (
    ActionMap,
    BearerToken,
    Entity,
    EntityUid,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    Principal,
    RemoteKeySet,
    SigV4Signer,
    StaticKeySet,
    VerifiedToken,
    errors,
)

verifier = JWTVerifier.cognito(
    user_pool_id="us-east-1_Abc123", client_id=["web", "app"], token_use="access"
)
assert_type(verifier, JWTVerifier)
token = verifier.verify("...")
assert_type(token, VerifiedToken)
assert_type(token.issuer, str | None)
assert_type(token.claims, Mapping[str, Any])

keys = RemoteKeySet("https://issuer.example/jwks.json", ttl_seconds=60)
JWTVerifier(issuer="https://issuer.example", audience=None, algorithms=["RS256"], keys=keys)
JWTVerifier(issuer=None, audience="orders", algorithms=["ES256"], keys=StaticKeySet("jwks.json"))
JWTVerifier.any_of(verifier, JWTVerifier.oidc("https://accounts.example.com", audience="web"))

JWTVerifier.oidc(
    "http://keycloak:8080/realms/shop",
    audience="web",
    key_set={"max_keys": 64, "insecure_http_hosts": ["keycloak"]},
)
JWTVerifier.oidc("https://a.example", audience="web", key_set={"max_kyes": 64})  # pyright: ignore[reportArgumentType]

# A check is mandatory or skipped by an explicit None: leaving it out is an error that the type
# checker sees.
JWTVerifier(audience=None, algorithms=["RS256"], keys=keys)  # pyright: ignore[reportCallIssue]
JWTVerifier.cognito(user_pool_id="us-east-1_Abc123", client_id="web")  # pyright: ignore[reportCallIssue]

caller = Principal.from_token(token, tenant_claim="tenant_id")
assert_type(caller, Principal)
assert_type(caller.groups, tuple[str, ...])
assert_type(caller.entity(), Entity)
assert_type(EntityUid("Order", "1001").id, str)

handler = LambdaAuthorizer(
    verifier=verifier,
    token_sources=[BearerToken(), Header("x-amzn-oidc-accesstoken")],
    actions=ActionMap.load("actions.json"),
    decisions=None,
    tenant_claim=None,
    response="simple",
    gateway_cache=GatewayCache.OFF,
)
assert_type(handler({}), dict[str, Any])
LambdaAuthorizer(
    verifier=verifier,
    token_sources=[BearerToken()],
    actions=None,
    decisions=None,
    tenant_claim=None,
    response="html",  # pyright: ignore[reportArgumentType]
    gateway_cache=GatewayCache.OFF,
)

signed = SigV4Signer(service="execute-api", region="us-east-1").sign(
    "GET", "https://api.example/", {}, b""
)
assert_type(signed.headers, dict[str, str])

try:
    verifier.verify("...")
except authz_lib.errors.InvalidClaimError as error:
    assert_type(error.claim, str)
except errors.AuthzError as error:
    assert_type(error.status, int)
    assert_type(error.retryable, bool)

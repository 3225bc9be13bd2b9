"""The HTTP API's authorizer (payload 2.0, simple answers): two token sources, no gateway cache."""

from __future__ import annotations

from common import ACTIONS, APPLICATION, decisions, verifier

from authz_lib import BearerToken, GatewayCache, Header, LambdaAuthorizer

handler = LambdaAuthorizer(
    verifier=verifier(),
    token_sources=[BearerToken(), Header("x-amzn-oidc-accesstoken")],
    actions=ACTIONS,
    decisions=decisions(),
    application=APPLICATION,
    tenant_claim="tenant_id",
    response="simple",
    gateway_cache=GatewayCache.OFF,
)

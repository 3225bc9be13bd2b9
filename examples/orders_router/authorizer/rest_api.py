"""The REST API's authorizer (TOKEN, IAM policy)."""

from __future__ import annotations

from common import ACTIONS, APPLICATION, decisions, verifier

from authz_lib import BearerToken, GatewayCache, LambdaAuthorizer

handler = LambdaAuthorizer(
    verifier=verifier(),
    token_sources=[BearerToken()],
    actions=ACTIONS,
    decisions=decisions(),
    application=APPLICATION,
    tenant_claim="tenant_id",
    response="iam",
    gateway_cache=GatewayCache.OFF,
)

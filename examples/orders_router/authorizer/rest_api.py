"""The REST API's authorizer (TOKEN, IAM policy): one cached answer per token, for all routes."""

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
    # As the template deploys it.  The gateway replays an answer on every route, so each answer
    # covers every route; that this can be right for this map is proven here, when the function
    # starts.  The API has no resource policy, which would make an Allow of what such an answer does
    # not speak about.
    gateway_cache=GatewayCache(
        identity_sources=["method.request.header.Authorization"],
        ttl_seconds=60,
        no_resource_policy=True,
    ),
)

"""The REST API's authorizer (TOKEN): accepts fresh tokens signed with the shared secret."""

from __future__ import annotations

from shared_secret import shared_secrets

from authz_lib import BearerToken, GatewayCache, JWTVerifier, LambdaAuthorizer

handler = LambdaAuthorizer(
    # The tokens say `sub` and `exp` only: the secret belongs to this API alone, so it stands for
    # issuer and audience.
    verifier=JWTVerifier.shared_secret(secret=shared_secrets(), issuer=None, audience=None),
    token_sources=[BearerToken()],
    actions=None,  # there is one route, and every valid token may use it
    decisions=None,
    response="iam",
    gateway_cache=GatewayCache.OFF,
)

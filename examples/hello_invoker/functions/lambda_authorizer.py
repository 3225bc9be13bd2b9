"""The REST API's authorizer (TOKEN): accepts fresh tokens signed with the shared secret."""

from __future__ import annotations

import os

from authz_lib import BearerToken, GatewayCache, JWTVerifier, LambdaAuthorizer
from authz_lib.tokens import secret_from_secrets_manager

SECRET = secret_from_secrets_manager(os.environ["SECRET_ARN"])  # read with the first token

handler = LambdaAuthorizer(
    # The tokens say `sub` and `exp` only: the secret belongs to this API alone, so it stands for
    # issuer and audience.
    verifier=JWTVerifier.shared_secret(secret=SECRET, issuer=None, audience=None),
    token_sources=[BearerToken()],
    actions=None,  # there is one route, and every valid token may use it
    decisions=None,
    response="iam",
    gateway_cache=GatewayCache.OFF,
)

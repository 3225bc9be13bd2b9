"""The authorizer: a few lines of configuration."""

from __future__ import annotations

import os
from pathlib import Path

from authz_lib import (
    ActionMap,
    BearerToken,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    VerifiedPermissions,
)

handler = LambdaAuthorizer(
    verifier=JWTVerifier.cognito(
        user_pool_id=os.environ["USER_POOL_ID"],
        client_id=os.environ["CLIENT_ID"],
        token_use="access",
    ),
    token_sources=[BearerToken()],
    actions=ActionMap.load(Path(__file__).with_name("actions.json")),
    decisions=VerifiedPermissions(os.environ["POLICY_STORE_ID"]),
    application=EntityUid("Application", "notes"),
    response="simple",
    gateway_cache=GatewayCache.OFF,
)

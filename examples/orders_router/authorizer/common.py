"""What both authorizers share: whose tokens, which policies, which routes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib import ActionMap, EntityUid, JWTVerifier, VerifiedPermissions

if TYPE_CHECKING:
    from authz_lib import DecisionPoint

ACTIONS = ActionMap.load(Path(__file__).with_name("actions.json"))
# Coarse questions are about the application, never about an order.
APPLICATION = EntityUid("Application", "orders")


def verifier() -> JWTVerifier:
    """Access tokens of our own web client, from our own user pool."""
    return JWTVerifier.cognito(
        user_pool_id=os.environ["USER_POOL_ID"],
        client_id=os.environ["CLIENT_ID"],
        token_use="access",
        jwks_url=os.environ["JWKS_URL"] or None,  # the local AWS serves its key set elsewhere
    )


def decisions() -> DecisionPoint:
    """The policy store; an Allow is remembered for a minute, a Deny for five seconds."""
    return VerifiedPermissions(os.environ["POLICY_STORE_ID"]).cached(
        ttl_seconds=60, deny_ttl_seconds=5
    )

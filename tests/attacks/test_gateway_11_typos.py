"""Gateway 11: a typo in an action map was a 403 for everybody, and nobody was told."""

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
)
from authz_lib.errors import ConfigurationError
from authz_lib.testing.issuer import TestIssuer

SCHEMA = """
entity User, Application;
action ListOrders appliesTo { principal: User, resource: Application };
"""


def test_a_typo_is_found_when_the_authorizer_is_built():
    issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    line = {"method": "GET", "route": "/orders", "action": "ListOrder"}
    with pytest.raises(ConfigurationError, match=r"actions\[0\].*the nearest is `ListOrders`"):
        LambdaAuthorizer(
            verifier=JWTVerifier(
                issuer=issuer.issuer, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
            ),
            token_sources=[BearerToken()],
            actions=ActionMap.from_document({"version": 1, "actions": [line]}),
            decisions=CedarEngine.from_text("permit(principal, action, resource);", SCHEMA),
            response="iam",
            gateway_cache=GatewayCache.OFF,
            application=EntityUid("Application", "shop"),
        )

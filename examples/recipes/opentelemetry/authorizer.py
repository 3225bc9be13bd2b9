"""A Lambda authorizer whose tokens, key fetches and decisions are spans and metrics.

Where they go is up to the providers of the process: the layer of AWS Distro for OpenTelemetry sets
them, and so does `observed.py`.
"""

import os

from authz_lib import (
    ActionMap,
    BearerToken,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    RemoteKeySet,
    VerifiedPermissions,
)
from authz_lib.integrations.opentelemetry import AuthorizationTelemetry

telemetry = AuthorizationTelemetry()
verifier = JWTVerifier(
    issuer=os.environ["ISSUER"],
    audience=os.environ["AUDIENCE"],
    algorithms=["RS256"],
    keys=RemoteKeySet(os.environ["KEYS_URL"], fetcher=telemetry.fetcher()),
)
policies = VerifiedPermissions(os.environ["POLICY_STORE_ID"]).cached(ttl_seconds=60)

handler = LambdaAuthorizer(
    verifier=telemetry.verifier(verifier),
    token_sources=[BearerToken()],
    actions=ActionMap.from_document(
        {
            "version": 1,
            "actions": [{"method": "GET", "route": "/orders", "action": "ListOrders"}],
        }
    ),
    decisions=telemetry.decisions(policies),
    application=EntityUid("Application", "orders"),
    response="simple",
    gateway_cache=GatewayCache.OFF,
)

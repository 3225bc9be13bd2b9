"""Security 5: one policy for every route, and a path that no policy can name."""

from __future__ import annotations

import subprocess
import sys

# The base takes more than a minute, and a regular expression cannot be interrupted.
PROGRAM = """
import time
from authz_lib import (
    ActionMap, BearerToken, CedarEngine, EntityUid, GatewayCache, JWTVerifier, LambdaAuthorizer,
    errors,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

issuer = TestIssuer("https://issuer.example", algorithm="ES256")
lines = [
    {"method": "GET", "route": "/orders", "action": "List"},
    {"method": "GET", "route": "/api/{o}/{r}/{b}/{f}/raw", "action": "Raw"},
]
authorizer = LambdaAuthorizer(
    verifier=JWTVerifier(
        issuer=issuer.issuer, audience=None, algorithms=["ES256"], keys=issuer.key_set()
    ),
    token_sources=[BearerToken()],
    actions=ActionMap.from_document({"version": 1, "actions": lines}),
    decisions=CedarEngine.from_text('permit(principal, action == Action::"List", resource);'),
    application=EntityUid("Application", "x"),
    response="iam",
    gateway_cache=GatewayCache(
        identity_sources=["method.request.header.Authorization"],
        ttl_seconds=60,
        no_resource_policy=True,
    ),
    groups_claim=None,
)
token = issuer.token({"sub": "mallory"})
path = "/api" + "/" * 801 + "*"
event = events.rest_token_authorizer_event(token, path=path)
authorizer(events.rest_token_authorizer_event(token, path="/orders"))
started = time.thread_time()
try:
    authorizer(event)
except errors.AuthzError:
    pass
assert time.thread_time() - started < 0.5
print("answered", len(path))
"""


def test_a_path_of_806_bytes_is_answered_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout == "answered 806\n", done.stderr

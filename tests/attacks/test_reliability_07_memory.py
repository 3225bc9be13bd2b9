"""Reliability 7: `remember_bytes` does not bound the authorizer: objects take 30 times a text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ATTACK = """
import gc
from authz_lib import (
    ActionMap, BearerToken, CedarEngine, EntityUid, GatewayCache, JWTVerifier, LambdaAuthorizer,
)
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders"
LINE = {"method": "GET", "route": "/orders", "action": "List"}
CLAIMS = {
    "small objects": lambda number: {"p": [{"a": 1000 + number + i} for i in range(930)]},
    "groups": lambda number: {
        "p": "x" * 3400,
        "cognito:groups": [f"group-{number:05}-{i:04}" + "x" * 70 for i in range(75)],
    },
}["SHAPE"]

handler = LambdaAuthorizer(
    verifier=JWTVerifier(
        issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
    ),
    token_sources=[BearerToken()],
    actions=ActionMap.from_document({"version": 1, "actions": [LINE]}),
    decisions=CedarEngine.from_text("permit(principal, action, resource);").cached(),
    application=EntityUid("Application", "shop"),
    response="iam",
    gateway_cache=GatewayCache.OFF,
)

def call(number):
    token = ISSUER.token({"sub": f"user-{number}", **CLAIMS(number)})
    assert 13_500 < len(token) < 16_384, len(token)
    event = {"type": "TOKEN", "authorizationToken": "Bearer " + token, "methodArn": ARN}
    return handler(event)["policyDocument"]["Statement"][0]["Effect"]

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

for number in range(5):
    effect = call(-number)
before = resident()
for number in range(1000):
    effect = call(number)
print(effect, (resident() - before) // 1_000_000)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("shape", ["small objects", "groups"])
def test_a_thousand_callers_take_at_most_32_mb(shape):
    done = subprocess.run(
        [sys.executable, "-c", ATTACK.replace("SHAPE", shape)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    effect, grown = done.stdout.split()
    assert effect == "Allow"
    assert int(grown) <= 32

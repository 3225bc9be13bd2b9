"""The authorizer: a warm invocation beside a raw RSA verification and a hand-written peer, and a
cold start beside it.

The peer is what one writes with Powertools (data classes and `auth_alpha`) and a boto3 call to
Verified Permissions. Both ask the same local endpoint.  The decision log is off.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from _ratio import against, measure, print_table
from authz_lib import (
    ActionMap,
    BearerToken,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    VerifiedPermissions,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import PolicyStoreServer

ISSUER = "https://issuer.example"
POLICIES = 'permit (principal, action == Action::"shop:GetOrder", resource);'
ACTIONS = {
    "version": 1,
    "actions": [
        {"method": "GET", "route": "/orders", "action": "shop:ListOrders"},
        {"method": "GET", "route": "/orders/{id}", "action": "shop:GetOrder"},
    ],
}
CLAIMS = {
    "sub": "5f2b1c9e-7d7e-4d3c-9a55-0d8a0b6f4c11",
    "aud": "shop",
    "client_id": "web",
    "token_use": "access",
    "scope": "read write",
    "tenant_id": "t1",
    "cognito:groups": ["customers", "support"],
}
HEADERS = {f"x-header-{number}": "value" * 4 for number in range(8)}
COLD_ROUNDS = 5
COLD_BARS = {"from_env": 0.75, "keyword arguments": 0.45}
PEER_BAR = 10

OURS = """
from authz_lib import (
    ActionMap, BearerToken, EntityUid, GatewayCache, JWTVerifier, LambdaAuthorizer, StaticKeySet,
    VerifiedPermissions,
)
import json, sys
ask = json.load(open(sys.argv[1]))
handler = LambdaAuthorizer(
    verifier=JWTVerifier(
        issuer=ask["issuer"],
        audience="shop",
        algorithms=["RS256"],
        keys=StaticKeySet(ask["jwks"]),
    ),
    token_sources=[BearerToken()], actions=ActionMap.load(ask["actions"]),
    decisions=VerifiedPermissions(ask["store"]).cached(),
    application=EntityUid("Application", "shop"),
    tenant_claim="tenant_id", response="simple", gateway_cache=GatewayCache.OFF,
)
assert handler(ask["event"], None)["isAuthorized"] is True
"""
FROM_ENV = """
from authz_lib import LambdaAuthorizer
import json, sys
handler = LambdaAuthorizer.from_env()
assert handler(json.load(open(sys.argv[1]))["event"], None)["isAuthorized"] is True
"""
PEER = """
import json, os, sys
import boto3
from aws_lambda_powertools.utilities.auth_alpha.jwt import JWTVerifier
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerEventV2, APIGatewayAuthorizerResponseV2,
)

ACTIONS = {"GET /orders": "shop:ListOrders", "GET /orders/{id}": "shop:GetOrder"}

def build(ask):
    verifier = JWTVerifier(
        issuer=ask["issuer"], audience="shop", algorithms=["RS256"], jwks=ask["jwks"]
    )
    client = boto3.client(
        "verifiedpermissions", region_name="eu-west-1", endpoint_url=ask["endpoint"]
    )

    def handler(raw, context):
        event = APIGatewayAuthorizerEventV2(raw)
        claims = verifier.verify(event.headers["authorization"].removeprefix("Bearer "))
        user = {"entityType": "User", "entityId": claims["sub"]}
        names = claims.get("cognito:groups", [])
        groups = [{"entityType": "Group", "entityId": name} for name in names]
        tenant = {"tenant_id": {"string": claims["tenant_id"]}}
        answer = client.is_authorized(
            policyStoreId=ask["store"], principal=user,
            action={"actionType": "Action", "actionId": ACTIONS[event.route_key]},
            resource={"entityType": "Application", "entityId": "shop"},
            entities={"entityList": [
                {"identifier": user, "attributes": tenant, "parents": groups},
                *[{"identifier": group} for group in groups],
            ]},
        )
        allowed = answer["decision"] == "ALLOW"
        context = {"sub": claims["sub"]}
        return APIGatewayAuthorizerResponseV2(authorize=allowed, context=context).asdict()

    return handler

if __name__ == "__main__":
    ask = json.load(open(sys.argv[1]))
    assert build(ask)(ask["event"], None)["isAuthorized"] is True
"""


def main() -> None:
    """Print both tables."""
    if not find_spec("aws_lambda_powertools"):
        raise SystemExit("the peer is not installed: `uv sync --group bench`")
    logging.getLogger("authz_lib").setLevel(logging.WARNING)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "eu-west-1",
    }
    issuer = TestIssuer(ISSUER)
    with PolicyStoreServer() as store, tempfile.TemporaryDirectory() as folder:
        ask = {
            "issuer": ISSUER,
            "jwks": issuer.jwks(),
            "store": store.create_store(POLICIES),
            "endpoint": store.url,
            "event": _event(issuer),
            "actions": str(Path(folder) / "actions.json"),
        }
        Path(ask["actions"]).write_text(json.dumps(ACTIONS), encoding="utf-8")
        _warm(issuer, ask)
        _cold(ask, Path(folder))


def _event(issuer: TestIssuer, **claims: Any) -> dict[str, Any]:
    token = issuer.token(CLAIMS | claims, expires_in_seconds=3600)
    return events.http_authorizer_event(
        token, route="GET /orders/{id}", path="/orders/7", headers=HEADERS
    )


def _authorizer(issuer: TestIssuer, ask: dict[str, Any], *, remember: int) -> LambdaAuthorizer:
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=ISSUER,
            audience="shop",
            algorithms=["RS256"],
            keys=issuer.key_set(),
            remember=remember,
        ),
        token_sources=[BearerToken()],
        actions=ActionMap.from_document(ACTIONS),
        decisions=VerifiedPermissions(
            ask["store"], region="eu-west-1", endpoint_url=ask["endpoint"]
        ).cached(ttl_seconds=3600),
        application=EntityUid("Application", "shop"),
        tenant_claim="tenant_id",
        response="simple",
        gateway_cache=GatewayCache.OFF,
    )


def _raw_rsa() -> Any:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    message = b"m" * 700
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    signature, public = key.sign(message, scheme, digest), key.public_key()
    return lambda: public.verify(signature, message, scheme, digest)


def _warm(issuer: TestIssuer, ask: dict[str, Any]) -> None:
    warm, forgetful = _authorizer(issuer, ask, remember=1024), _authorizer(issuer, ask, remember=1)
    event = ask["event"]
    # Each pushes the other out of a memory of one.
    others = [_event(issuer, jti=text) for text in ("a", "b")]

    def unseen() -> object:
        others.reverse()
        return forgetful(others[0])

    cases: dict[str, Any] = {
        "raw RSA verify": _raw_rsa(),
        "warm": lambda: warm(event),
        "token not seen before": unseen,
    }
    if warm(event)["isAuthorized"] is not True or unseen()["isAuthorized"] is not True:
        raise SystemExit("the authorizer does not authorize")
    scope: dict[str, Any] = {"__name__": "peer"}
    exec(PEER, scope)
    peer = scope["build"](ask)
    if peer(event, None)["isAuthorized"] is not True:
        raise SystemExit("the peer does not authorize")
    cases["hand-written peer"] = lambda: peer(event, None)
    ratios = measure(cases, reference="raw RSA verify")
    print_table("One invocation, HTTP API 2.0", ratios, {"warm": 1.2, "token not seen before": 3.5})
    times = ratios["hand-written peer"].median / ratios["warm"].median
    verdict = against(times, at_least=PEER_BAR)
    print(f"the peer takes {times:.0f} times the warm invocation {verdict}\n")


def _cold(ask: dict[str, Any], folder: Path) -> None:
    (folder / "ask.json").write_text(json.dumps(ask), encoding="utf-8")
    (folder / "jwks.json").write_text(json.dumps(ask["jwks"]), encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AUTHZ_")
    } | {
        "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": ask["endpoint"],
        "AUTHZ_ISSUER": ISSUER,
        "AUTHZ_AUDIENCE": "shop",
        "AUTHZ_JWKS_FILE": str(folder / "jwks.json"),
        "AUTHZ_TENANT_CLAIM": "tenant_id",
        "AUTHZ_ACTIONS": ask["actions"],
        "AUTHZ_APPLICATION": 'Application::"shop"',
        "AUTHZ_POLICY_STORE_ID": ask["store"],
        "AUTHZ_RESPONSE": "simple",
        "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    }
    programs = {"from_env": FROM_ENV, "keyword arguments": OURS, "hand-written peer": PEER}
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(COLD_ROUNDS + 1):
        for name in programs:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, str(folder / f"{name}.py"), str(folder / "ask.json")],
                env=environment,
                check=True,
            )
            if number:  # the first round writes byte code
                times[name].append(time.perf_counter() - start)
    print("Cold start: a process from its start to its first answer and its end")
    for name, seconds in times.items():
        pairs = zip(seconds, times["hand-written peer"], strict=True)
        ratios = [own / other for own, other in pairs]
        median = statistics.median(ratios)
        verdict = against(median, at_most=COLD_BARS.get(name))
        print(f"  {name:20} {median:5.2f}  [{min(ratios):.2f} .. {max(ratios):.2f}]  {verdict}")


if __name__ == "__main__":
    main()

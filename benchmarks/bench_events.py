"""What one event costs, in the configurations that users have, beside a raw RSA verification.

Every case has its events made beforehand, and an authorizer of its own per round where tokens must
be new to it.  The decision log is off.  Public names only.
"""

from __future__ import annotations

import functools
import gc
import logging
import statistics
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from _ratio import Ratio, against, print_table
from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    principal_from_event,
)
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, CHUNK, ROUNDS = 200, 20, 15
ISSUER = "https://issuer.example"
CLAIMS = {"sub": "alice", "client_id": "web", "scope": "read", "cognito:groups": ["customers"]}
ACTIONS = {
    "version": 1,
    "actions": [
        {"method": "GET", "route": "/orders", "action": "ListOrders"},
        {
            "method": "GET",
            "route": "/orders/{id}",
            "action": "GetOrder",
            "resource_type": "Order",
            "resource_id_label": "id",
        },
    ],
}
# What an access token of Cognito holds beside these, with resource binding: 1.2 kB.
MORE_CLAIMS = {
    "aud": "https://orders.example.com",
    "auth_time": 1_700_000_000,
    "cognito:groups": ["clerks", "supervisors", "tenant-4711"],
    "event_id": "58da175d-7afd-45ad-bd4c-3074791f2a18",
    "origin_jti": "01661c9a-507f-45ed-baf2-a692d13c3426",
    "scope": "openid profile orders/read orders/write",
    "sub": "5f2b1c9e-0000-4000-8000-00000000a11c",
    "token_use": "access",
    "username": "5f2b1c9e-0000-4000-8000-00000000a11c",
    "version": 2,
    "client_id": "3n4b5urk1ft4fl3mg5e62d9ado",
    "device_key": "us-east-1_5f2b1c9e-0000-4000-8000-00000000a11c",
}
LONG, SHORT = "1.2 kB", "0.7 kB"
PEER_BAR = 2.4
DECLARED = GatewayCache(
    identity_sources=["$request.header.Authorization", "$context.routeKey", "$context.path"],
    ttl_seconds=60,
)
RAW = "raw RSA verify"
BARS = {
    "warm": 0.7,
    "warm, label": 1.5,
    "warm, declared cache": 1.1,
    "warm, declared cache, label": 1.8,
    "new token of a known caller": 3.1,
    "caller not seen before": 7,
    "principal_from_event": 0.5,
}


class Bench:
    """An issuer, a policy engine, and the events and authorizers of the cases."""

    def __init__(self) -> None:
        self.issuer = TestIssuer(ISSUER)
        self.engine = CedarEngine.from_text("permit(principal, action, resource);")
        self.keys = self.issuer.key_set()

    def token(self, **claims: Any) -> str:
        return self.issuer.token(CLAIMS | claims, expires_in_seconds=3600)

    def verifier(self, **options: Any) -> JWTVerifier:
        return JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=["RS256"], keys=self.keys, **options
        )

    def authorizer(self, cache: GatewayCache = GatewayCache.OFF) -> LambdaAuthorizer:
        return LambdaAuthorizer(
            verifier=self.verifier(),
            token_sources=[BearerToken()],
            actions=ActionMap.from_document(ACTIONS),
            decisions=self.engine.cached(),
            application=EntityUid("Application", "shop"),
            response="simple",
            gateway_cache=cache,
        )

    def event(self, token: str, order: str | None = None) -> dict[str, Any]:
        route, path = ("GET /orders", "/orders")
        if order is not None:
            route, path = "GET /orders/{id}", f"/orders/{order}"
        return events.http_authorizer_event(
            token,
            route=route,
            path=path,
            path_parameters=None if order is None else {"id": order},
            identity=[f"Bearer {token}", route, path],
        )


def cases(bench: Bench) -> dict[str, Callable[[], list[Callable[[], Any]]]]:
    """Name to what makes the calls of one round."""
    token = bench.token()
    plain, label = bench.event(token), bench.event(token, "7")
    tokens = [bench.token(jti=f"{number:036}") for number in range(CALLS)]
    long_tokens = [bench.token(**MORE_CLAIMS, jti=f"{number:036}") for number in range(CALLS)]
    new_tokens = [bench.event(one) for one in tokens]
    callers = [bench.event(bench.token(sub=f"u{n}", jti=f"{n:036}")) for n in range(CALLS)]
    orders = [bench.event(token, str(number)) for number in range(CALLS)]
    off, declared = bench.authorizer(), bench.authorizer(DECLARED)
    for authorizer in (off, declared):
        if not all(authorizer(event)["isAuthorized"] is True for event in (plain, label)):
            raise SystemExit("the authorizer does not authorize")
    gateway = ExpectedGateway(
        kind="http-lambda",
        api_id=events.API_ID,
        account_id=None,
        issuer=ISSUER,
        client_ids=None,
        token_use=None,
    )
    service = events.http_event(authorizer={"lambda": off(plain)["context"]})
    if principal_from_event(service, gateway=gateway).subject != "alice":
        raise SystemExit("the service does not know the caller")
    forgetful = bench.verifier(remember=0)
    key = bench.issuer.jwks()["keys"][0]
    decode = functools.partial(
        jwt.decode,
        key=jwt.PyJWK(key).key,
        algorithms=["RS256"],
        issuer=ISSUER,
        options={"verify_aud": False},
    )

    def verifying(
        verify: Callable[[str], Any], some: list[str]
    ) -> Callable[[], list[Callable[[], Any]]]:
        return lambda: [functools.partial(verify, one) for one in some]

    def fresh(wanted: list[dict[str, Any]]) -> list[Callable[[], Any]]:
        authorizer = bench.authorizer()
        authorizer(plain)
        return [functools.partial(authorizer, event) for event in wanted]

    def warm(call: Callable[[], Any]) -> Callable[[], list[Callable[[], Any]]]:
        return lambda: [call] * CALLS

    return {
        RAW: warm(_raw_rsa()),
        **{
            f"verify, not seen before, {size}": verifying(forgetful.verify, some)
            for size, some in ((LONG, long_tokens), (SHORT, tokens))
        },
        **{
            f"PyJWT decode, {size}": verifying(decode, some)
            for size, some in ((LONG, long_tokens), (SHORT, tokens))
        },
        "warm": warm(lambda: off(plain)),
        "warm, label": warm(lambda: off(label)),
        "warm, one of 200 ids": lambda: [functools.partial(off, event) for event in orders],
        "warm, declared cache": warm(lambda: declared(plain)),
        "warm, declared cache, label": warm(lambda: declared(label)),
        "a new id each time": lambda: fresh(orders),
        "new token of a known caller": lambda: fresh(new_tokens),
        "caller not seen before": lambda: fresh(callers),
        "principal_from_event": warm(lambda: principal_from_event(service, gateway=gateway)),
    }


def _raw_rsa() -> Callable[[], None]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    message = b"m" * 700
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    signature, public = key.sign(message, scheme, digest), key.public_key()
    return lambda: public.verify(signature, message, scheme, digest)


def _fastest(calls: list[Callable[[], Any]]) -> float:
    """Seconds of a call, in the chunk of a round in which no other process had the CPU."""
    fastest = float("inf")
    for first in range(0, len(calls), CHUNK):
        chunk = calls[first : first + CHUNK]
        start = time.perf_counter()
        for call in chunk:
            call()
        fastest = min(fastest, (time.perf_counter() - start) / len(chunk))
    return fastest


def main() -> None:
    """Print the table."""
    logging.getLogger("authz_lib").setLevel(logging.WARNING)
    made = cases(Bench())
    rounds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(ROUNDS):
        for name, make in made.items():
            calls = make()
            gc.collect()
            rounds[name].append(_fastest(calls))
    ratios = {}
    for name, times in rounds.items():
        own = [one / raw for one, raw in zip(times, rounds[RAW], strict=True)]
        reference = statistics.median(rounds[RAW]) * 1e6
        ratios[name] = Ratio(statistics.median(own), min(own), max(own), reference)
    print_table("One event, RS256", ratios, BARS)
    for size in (LONG, SHORT):
        ours, peer = ratios[f"verify, not seen before, {size}"], ratios[f"PyJWT decode, {size}"]
        times = peer.median / ours.median
        verdict = against(times, at_least=PEER_BAR)
        print(f"PyJWT's decode takes {times:.2f} times ours with a token of {size} {verdict}")


if __name__ == "__main__":
    main()

"""What verifying a token costs, beside the raw signature check (the physical limit) and beside the
peers.

Run it in an environment with the dependency group `bench`: `python benchmarks/bench_tokens.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from _ratio import measure, print_table
from authz_lib import JWTVerifier, RemoteKeySet
from authz_lib._support import base64url
from authz_lib.testing.issuer import TestIssuer

if TYPE_CHECKING:
    from collections.abc import Callable

POOL = "us-east-1_Abc123def"
CLIENT = "3n4b5urk1ft4fl3mg5e62d9ado"
AUDIENCE = "https://orders.example.com"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"


def token_of(issuer: TestIssuer) -> str:
    """A Cognito access token with resource binding, 1.2 kB like those of a real pool."""
    claims = {
        "aud": AUDIENCE,
        "cognito:groups": ["clerks", "supervisors", "tenant-4711"],
        "scope": "openid profile orders/read orders/write",
        "version": 2,
        "username": "5f2b1c9e-0000-4000-8000-00000000a11c",
    }
    return issuer.access_token(client_id=CLIENT, claims=claims, expires_in_seconds=3600)


def raw_check(algorithm: str, issuer: TestIssuer, token: str) -> Callable[[], object]:
    """Only the signature, on bytes that are decoded already."""
    key = next(iter(issuer.key_set()._table.fingerprints.values())).material
    message, _, signature = token.rpartition(".")
    data, raw = message.encode(), base64url.decode(signature.encode())
    if algorithm == "RS256":
        return lambda: key.verify(raw, data, padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "ES256":
        der = jwt.utils.raw_to_der_signature(raw, key.curve)
        return lambda: key.verify(der, data, ec.ECDSA(hashes.SHA256()))
    return lambda: key.verify(raw, data)


def ours(algorithm: str, issuer: TestIssuer, **options: Any) -> JWTVerifier:
    """A verifier on a key set that is fetched as in production (the fetch itself is not
    measured).
    """
    keys = RemoteKeySet(
        f"{ISSUER}/.well-known/jwks.json", fetcher=lambda _: json.dumps(issuer.jwks()).encode()
    )
    if algorithm == "RS256":
        return JWTVerifier.cognito(
            user_pool_id=POOL,
            client_id=CLIENT,
            token_use="access",
            audience=AUDIENCE,
            keys=keys,
            **options,
        )
    return JWTVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=[algorithm],
        keys=keys,
        client_id=CLIENT,
        **options,
    )


def peers(algorithm: str, issuer: TestIssuer, token: str) -> dict[str, Callable[[], object]]:
    """The same token and the same claims (issuer, audience, dates), keys at hand."""
    from aws_lambda_powertools.utilities.auth_alpha.jwt import JWTVerifier as Powertools

    key = jwt.PyJWK(issuer.jwks()["keys"][0])
    powertools = Powertools(
        issuer=ISSUER, audience=AUDIENCE, algorithms=[algorithm], jwks=issuer.jwks()
    )
    key_set = KeySet.import_key_set(issuer.jwks())
    registry = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )

    def joserfc() -> object:
        decoded = joserfc_jwt.decode(token, key_set, algorithms=[algorithm])
        registry.validate(decoded.claims)
        return decoded

    return {
        "joserfc decode + validate": joserfc,
        "PyJWT decode": lambda: jwt.decode(
            token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=ISSUER
        ),
        "Powertools auth_alpha": lambda: powertools.verify(token),
    }


def main() -> None:
    """Print a table per algorithm."""
    for algorithm in ("RS256", "ES256", "EdDSA"):
        issuer = TestIssuer(ISSUER, algorithm=algorithm)
        token = token_of(issuer)
        fresh, remembering = ours(algorithm, issuer, remember=0), ours(algorithm, issuer)
        cases: dict[str, Callable[[], object]] = {
            "raw signature check": raw_check(algorithm, issuer, token),
            "authz-lib, first sight": lambda: fresh.verify(token),  # noqa: B023 - measured before the next turn
            "authz-lib, remembered": lambda: remembering.verify(token),  # noqa: B023
            **peers(algorithm, issuer, token),
        }
        for call in cases.values():
            call()
        ratios = measure(cases, reference="raw signature check", min_round_seconds=0.06)
        first = ratios["authz-lib, first sight"].median
        bars = (
            {"authz-lib, first sight": 1.6, "authz-lib, remembered": 0.2}
            if algorithm == "RS256"
            else None
        )
        print_table(f"{algorithm}, {len(token)} bytes", ratios, bars)
        for name in list(cases)[3:]:
            print(f"  first sight is {ratios[name].median / first:.1f} x faster than {name}")


if __name__ == "__main__":
    main()

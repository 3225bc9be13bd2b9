"""Security 12: RSA keys whose primes can be computed (ROCA, CVE-2017-15361) are trusted."""

from __future__ import annotations

import base64
import json
from random import Random

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from authz_lib import JWTVerifier, RemoteKeySet, StaticKeySet, errors
from authz_lib.testing.issuer import TestIssuer


def product(values: list[int]) -> int:
    result = 1
    for value in values:
        result *= value
    return result


SMALL = [n for n in range(2, 400) if all(n % d for d in range(2, n))]
# Of keys of 2048 bits: the product of the first 71 primes.
M = product(SMALL[:71])


def is_prime(number: int) -> bool:
    """Fermat, to three bases: enough for numbers that nobody chose."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


def roca_prime(random: Random) -> int:
    """A prime of 1024 bits as the broken generator makes it: k * M + (65537 ** a mod M)."""
    while True:
        rest = pow(65537, random.getrandbits(62), M)
        number = (random.getrandbits(1024) | 3 << 1022) // M * M + rest
        if number.bit_length() == 1024 and is_prime(number):
            return number


RANDOM = Random(2017)
MODULUS = roca_prime(RANDOM) * roca_prime(RANDOM)


def jwk(modulus: int) -> dict[str, str]:
    number = base64.urlsafe_b64encode(modulus.to_bytes(256, "big")).rstrip(b"=").decode()
    return {"kty": "RSA", "kid": "broken", "n": number, "e": "AQAB"}


def test_a_configured_key_is_refused():
    assert MODULUS.bit_length() == 2048
    with pytest.raises(errors.ConfigurationError, match="ROCA"):
        StaticKeySet(jwk(MODULUS))


def test_in_a_fetched_set_it_is_skipped():
    issuer = TestIssuer("https://issuer.example", algorithm="RS256")
    document = {"keys": [jwk(MODULUS), *issuer.jwks()["keys"]]}
    keys = RemoteKeySet(
        "https://issuer.example/jwks.json", fetcher=lambda _: json.dumps(document).encode()
    )
    verifier = JWTVerifier(issuer=issuer.issuer, audience=None, algorithms=["RS256"], keys=keys)
    assert verifier.verify(issuer.token({"sub": "alice"})).claims["sub"] == "alice"
    with pytest.raises(errors.UnknownKeyError):
        keys.find("broken", "RS256")


def test_in_a_pem_it_is_refused():
    from authz_lib.tokens.jwk import from_pem

    pem = (
        rsa.RSAPublicNumbers(65537, MODULUS)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="ROCA"):
        from_pem(pem, key_id="broken")

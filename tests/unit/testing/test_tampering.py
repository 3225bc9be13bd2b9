"""Each altered token is what its name says: judged here by PyJWT, not by the library under test."""

from __future__ import annotations

import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from authz_lib.testing import tampering


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.fixture(scope="module")
def token(key):
    claims = {"sub": "alice", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})
    assert jwt.decode(token, key.public_key(), algorithms=["RS256"]) == claims
    return token


def test_expired_is_signed_well_and_over(token, key, private_pem):
    altered = tampering.expired(token, private_pem)
    assert jwt.get_unverified_header(altered)["kid"] == "k1"
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(altered, key.public_key(), algorithms=["RS256"])


@pytest.mark.parametrize("change", [tampering.foreign_key, tampering.flipped_signature_bit])
def test_the_signature_is_the_only_fault(token, key, change):
    altered = change(token)
    assert altered.rpartition(".")[2] != token.rpartition(".")[2]
    assert jwt.get_unverified_header(altered) == jwt.get_unverified_header(token)
    assert jwt.decode(altered, options={"verify_signature": False})["sub"] == "alice"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(altered, key.public_key(), algorithms=["RS256"])


def test_other_claims_stand_under_the_same_signature(token, key):
    altered = tampering.other_claims(token, sub="bob", tenant_id="acme")
    before, after = token.split("."), altered.split(".")
    assert (after[0], after[2]) == (before[0], before[2])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.decode(altered, options={"verify_signature": False}) == claims | {
        "sub": "bob",
        "tenant_id": "acme",
    }
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(altered, key.public_key(), algorithms=["RS256"])


def test_alg_none_is_unsigned(token):
    altered = tampering.alg_none(token)
    assert jwt.get_unverified_header(altered)["alg"] == "none"
    assert altered.endswith(".")
    assert jwt.decode(altered, options={"verify_signature": False})["sub"] == "alice"


def test_alg_hs256_would_verify_with_the_public_key_as_the_secret(token, public_pem):
    import hashlib
    import hmac

    altered = tampering.alg_hs256(token, public_pem)
    signing_input, _, signature = altered.rpartition(".")
    assert jwt.get_unverified_header(altered)["alg"] == "HS256"
    expected = hmac.new(public_pem, signing_input.encode(), hashlib.sha256).digest()
    assert jwt.utils.base64url_decode(signature) == expected

"""Public vectors: RFC 7520, RFC 8037 and those of joserfc."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib._support import base64url
from authz_lib.errors import ConfigurationError, InvalidSignatureError, InvalidTokenError
from authz_lib.tokens import StaticKeySet
from authz_lib.tokens.algorithms import HMAC, SUPPORTED
from authz_lib.tokens.jwk import InvalidJWKError, from_pem, load_jwk
from authz_lib.tokens.jws import verify_compact
from authz_lib.tokens.shared_secret import SecretKeySet

pytestmark = pytest.mark.conformance

VECTORS = Path(os.environ["AUTHZ_VECTORS"]) / "jwt" if "AUTHZ_VECTORS" in os.environ else None
if VECTORS is None:
    pytest.skip("AUTHZ_VECTORS is not set", allow_module_level=True)

COOKBOOK = VECTORS / "ietf-jose-cookbook"
JOSERFC = VECTORS / "joserfc-fixtures"


def read(path):
    return json.loads(path.read_text())


def public(jwk):
    """A published private key as the public key that a key set would hold."""
    return {
        name: value for name, value in jwk.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}
    }


def keys_of(jwk, algorithm):
    if jwk["kty"] == "oct":
        return SecretKeySet(base64url.decode(jwk["k"].encode()), algorithm=algorithm)
    return StaticKeySet(public(jwk), allow_missing_kid=True)


COMPACT = [
    pytest.param(path, id=path.stem)
    for folder in ("jws", "curve25519", "rfc7797")
    for path in sorted((COOKBOOK / folder).glob("*.json"))
    if "signing" in read(path) and "compact" in read(path)["output"]
]


@pytest.mark.parametrize("path", COMPACT)
def test_cookbook(path):
    """RFC 7520 section 4, RFC 7797 (unencoded payloads are refused), RFC 8037 appendix A.4."""
    vector = read(path)
    token, key = vector["output"]["compact"], vector["input"]["key"]
    header = vector["signing"]["protected"]
    algorithm = header["alg"]
    keys = keys_of(key, algorithm)
    if "b64" in header or token.split(".")[1] == "":
        with pytest.raises(InvalidTokenError):
            verify_compact(token, keys, algorithms=[algorithm])
        return
    jws = verify_compact(token, keys, algorithms=[algorithm])
    assert jws.payload == vector["input"]["payload"].encode()
    assert jws.header == header
    spoiled = token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]
    with pytest.raises(InvalidSignatureError):
        verify_compact(spoiled, keys, algorithms=[algorithm])


def test_the_cookbook_was_there():
    assert len(COMPACT) >= 5


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem) for p in sorted(COOKBOOK.glob("jwe/*.json"))]
)
def test_encrypted_tokens_are_refused(path):
    token = read(path)["output"].get("compact") or json.dumps(read(path)["output"]["json"])
    with pytest.raises(InvalidTokenError):
        verify_compact(token, OneKey(None), algorithms=["RS256"])


def test_every_key_of_the_cookbook_is_read_or_refused_for_its_kind():
    read_keys = refused = 0
    for path in sorted((COOKBOOK / "jwk").glob("*.json")):
        jwk = read(path)
        if "d" in jwk or jwk["kty"] == "oct":
            with pytest.raises(ConfigurationError):
                StaticKeySet(jwk)
            refused += 1
        else:
            assert StaticKeySet(jwk, allow_missing_kid=True)
            read_keys += 1
    assert read_keys >= 2
    assert refused >= 3


class OneKey:
    """A key set of one key, whatever the token calls it."""

    def __init__(self, key):
        self.key = key

    def find(self, key_id, algorithm):
        return self.key


JOSERFC_TESTS = [
    pytest.param(test, document["payload"], id=f"{name}: {test['name']}")
    for name in ("jws_examples", "jws_rfc7520", "jwt_use_jws", "jws_rfc7797")
    for document in [read(JOSERFC / f"{name}.json")]
    for test in document["tests"]
    if "compact" in test or "token" in test
]


def joserfc_key(name):
    if name.endswith(".pem"):
        return from_pem((JOSERFC / "keys" / name).read_bytes(), key_id=None)
    return load_jwk(public(read(JOSERFC / "keys" / name)))


@pytest.mark.parametrize(("test", "payload"), JOSERFC_TESTS)
def test_joserfc(test, payload):
    """Supported algorithms verify; other algorithms and short secrets are refused."""
    algorithm = test.get("protected", test.get("header"))["alg"]
    token = test.get("compact") or test.get("token")
    if algorithm not in SUPPORTED:
        with pytest.raises(ConfigurationError):
            verify_compact(token, OneKey(None), algorithms=[algorithm])
        return
    if algorithm in HMAC:
        if "secret" in test:
            with pytest.raises(ConfigurationError):
                SecretKeySet(test["secret"], algorithm=algorithm)
        return
    if test["public_key"].startswith("okp-ed448"):
        with pytest.raises(InvalidJWKError):
            joserfc_key(test["public_key"])
        return
    jws = verify_compact(token, OneKey(joserfc_key(test["public_key"])), algorithms=[algorithm])
    expected = test.get("payload", payload)
    assert (
        json.loads(jws.payload) if isinstance(expected, dict) else jws.payload.decode()
    ) == expected


def test_the_tokens_of_joserfc_were_there():
    tests = [parameters.values[0] for parameters in JOSERFC_TESTS]
    names = {test.get("protected", test.get("header"))["alg"] for test in tests}
    assert names >= {"RS256", "RS384", "RS512", "PS384", "ES512", "HS256"}


@pytest.mark.parametrize("number", range(len(read(JOSERFC / "jws_rfc7797.json")["tests"])))
def test_unencoded_payloads_are_refused(number):
    """RFC 7797: `b64` is refused whatever its value, so is any `crit`."""
    test = read(JOSERFC / "jws_rfc7797.json")["tests"][number]
    token = test["compact"]
    # RFC 7515, A.1
    secret = (
        b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    )
    keys = SecretKeySet(base64url.decode(secret))
    if "b64" in test["protected"]:
        with pytest.raises(InvalidTokenError):
            verify_compact(token, keys, algorithms=["HS256"])
    else:
        assert verify_compact(token, keys, algorithms=["HS256"]).payload == b"$.02"


def test_the_keys_of_moto():
    document = read(VECTORS / "moto-cognito" / "jwks-public.json")
    assert StaticKeySet(document)
    with pytest.raises(ConfigurationError, match="private"):
        StaticKeySet(read(VECTORS / "moto-cognito" / "jwks-private.json"))

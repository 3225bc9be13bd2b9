"""Which secrets are refused, and what an issuer mints."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from authz_lib import errors
from authz_lib.tokens import SharedSecretIssuer
from authz_lib.tokens.shared_secret import SecretKeySet

SECRET = "correct horse battery staple, and more"


def key_files():
    private = ec.generate_private_key(ec.SECP256R1())
    weak = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, der, openssh = (
        serialization.Encoding.PEM,
        serialization.Encoding.DER,
        serialization.Encoding.OpenSSH,
    )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "e")])
    moment = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
    )
    certificate = (
        moment.serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
    yield "public PEM", private.public_key().public_bytes(pem, spki)
    yield "private PEM", private.private_bytes(pem, pkcs8, plain)
    yield "PEM after text", b"subject=CN = e\n" + private.public_key().public_bytes(pem, spki)
    yield "certificate PEM", certificate.public_bytes(pem)
    yield "certificate DER", certificate.public_bytes(der)
    yield "public DER", private.public_key().public_bytes(der, spki)
    yield "RSA public DER", weak.public_key().public_bytes(der, spki)
    yield "PKCS1 DER", weak.public_key().public_bytes(der, serialization.PublicFormat.PKCS1)
    yield "private DER", private.private_bytes(der, pkcs8, plain)
    yield "SSH", private.public_key().public_bytes(openssh, serialization.PublicFormat.OpenSSH)
    yield "SSH RSA", weak.public_key().public_bytes(openssh, serialization.PublicFormat.OpenSSH)
    yield "JWK", b'{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "BBBB"}'
    yield "JWK Set", b' {"keys": [{"kty": "EC", "crv": "P-256"}]}'
    yield "JWK list", b'[{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "BBBB"}]'
    for name, key in {
        "EC": private,
        "RSA": weak,
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    }.items():
        body = key.public_key().public_bytes(der, spki)
        yield f"{name} PEM without its frame", base64.b64encode(body)
        yield f"{name} PEM without its frame, in lines", base64.encodebytes(body)
        yield f"{name} PEM without its frame, for URLs", base64.urlsafe_b64encode(body).rstrip(b"=")
        yield f"{name} PEM without its frame, as text", base64.b64encode(body).decode()
    yield "PEM in UTF-16", private.public_key().public_bytes(pem, spki).decode().encode("utf-16")


@pytest.mark.parametrize("secret", [pytest.param(secret, id=name) for name, secret in key_files()])
def test_a_key_file_is_no_secret(secret):
    """CVE-2022-29217: a public key that is taken for a secret lets everyone sign."""
    with pytest.raises(errors.ConfigurationError, match="key file"):
        SecretKeySet(secret)


@pytest.mark.parametrize(
    "encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes, bytes.hex]
)
def test_what_a_random_generator_gives_is_a_secret(encode):
    for length in (32, 48, 64, 128):
        assert SecretKeySet(encode(bytes(range(7, 7 + length))))
    # A length that no base64 has.
    assert SecretKeySet("A" * 7 + "bcdefgh-ijklmnopqrstuvwxyz_0123456789")


@pytest.mark.conformance
def test_no_key_of_the_public_fixtures_is_a_secret():
    folder = os.environ.get("AUTHZ_VECTORS")
    if folder is None:
        pytest.skip("AUTHZ_VECTORS is not set")
    keys = sorted((Path(folder) / "jwt/joserfc-fixtures/keys").iterdir())
    refused = 0
    for path in keys:
        if path.suffix in {".pem", ".der", ".pub"}:
            with pytest.raises(errors.ConfigurationError):
                SecretKeySet(path.read_bytes())
            refused += 1
    assert refused > 3


@pytest.mark.parametrize(
    "secret",
    [
        "mysecret",
        "",
        b"",
        "x" * 31,
        "x" * 64,
        "ab" * 32,
        [],
        [SECRET, "short"],
        None,
        7,
        [None],
        "\ud800" * 40,
    ],
)
def test_a_weak_or_missing_secret_is_refused_and_never_quoted(secret):
    for build in (SecretKeySet, lambda secret: SharedSecretIssuer(secret=secret)):
        with pytest.raises(errors.ConfigurationError) as caught:
            build(secret)
        assert "mysecret" not in str(caught.value)


@pytest.mark.parametrize(
    "secret",
    [
        '{"jwt_secret": "correct horse battery staple, and more"}',
        b'{"jwt_secret": "correct horse battery staple, and more"}',
        '{"a": "b"}',
        ' ["correct horse battery staple, and more"] ',
    ],
)
def test_a_json_document_is_no_secret_and_the_hint_names_json_key(secret):
    for build in (SecretKeySet, lambda secret: SharedSecretIssuer(secret=secret)):
        with pytest.raises(errors.ConfigurationError, match="`json_key`") as caught:
            build(secret)
        assert "horse" not in str(caught.value)


def test_text_in_braces_that_is_no_json_is_a_secret():
    assert SecretKeySet("{correct horse battery staple, and more}")


def test_nothing_shows_the_secret():
    assert SECRET not in repr(SecretKeySet(SECRET)) + repr(SharedSecretIssuer(secret=SECRET))
    assert SECRET not in repr(SecretKeySet(SECRET).find(None, "HS256"))


class TestMint:
    @pytest.mark.parametrize("ttl_seconds", [0, -1, 86_401, float("nan"), 0.5])
    def test_a_lifetime_must_make_sense(self, ttl_seconds):
        with pytest.raises(errors.ConfigurationError):
            SharedSecretIssuer(secret=SECRET).mint("worker", ttl_seconds=ttl_seconds)

    @pytest.mark.parametrize("name", ["sub", "exp", "iat", "nbf", "iss", "aud", "jti"])
    def test_claims_do_not_override(self, name):
        with pytest.raises(errors.ConfigurationError):
            SharedSecretIssuer(secret=SECRET).mint("worker", claims={name: "x"})

    @pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
    def test_claims_must_be_json(self, value):
        with pytest.raises(errors.ConfigurationError):
            SharedSecretIssuer(secret=SECRET).mint("worker", claims={"x": value})

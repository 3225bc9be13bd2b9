"""Key sets that are not fetched, and sets that are bundled."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa

from authz_lib import RemoteKeySet, StaticKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import BundledKeySet
from authz_lib.tokens.jwk import InvalidJWKError, VerificationKey, from_pem
from authz_lib.transport.fetch import FetchError


class TestStaticKeySet:
    def test_from_a_mapping_a_single_jwk_and_a_file(self, ec_issuer, tmp_path):
        document = ec_issuer.jwks()
        path = tmp_path / "jwks.json"
        path.write_text(json.dumps(document))
        for source in (document, MappingProxyType(document), document["keys"][0], path, str(path)):
            assert StaticKeySet(source).find(ec_issuer.key_id, "ES256").key_id == ec_issuer.key_id

    def test_later_changes_of_the_mapping_do_not_matter(self, ec_issuer):
        document = ec_issuer.jwks()
        keys = StaticKeySet(document)
        document["keys"].clear()
        assert keys.find(ec_issuer.key_id, "ES256")

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"keys": []},
            {"keys": 1},
            {"keys": [{}]},
            {"keys": ["a"]},
            {"a": {1}},
            None,
            [1],
            "a\0b",
        ],
    )
    def test_an_unusable_document(self, document):
        with pytest.raises(errors.ConfigurationError):
            StaticKeySet(document)

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"keys": [], "keys": []}'])
    def test_an_unusable_file(self, tmp_path, text):
        path = tmp_path / "jwks.json"
        path.write_text(text)
        with pytest.raises(errors.ConfigurationError):
            StaticKeySet(path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(errors.ConfigurationError, match="could not be read"):
            StaticKeySet(tmp_path / "none.json")

    def test_a_private_key_is_refused(self):
        private = ec.generate_private_key(ec.SECP256R1())
        jwk = TestIssuer(algorithm="ES256").jwks()["keys"][0] | {"d": "AAAA"}
        assert private
        with pytest.raises(errors.ConfigurationError, match="private"):
            StaticKeySet(jwk)

    def test_foreign_keys_are_skipped(self, ec_issuer):
        foreign = [
            {"kty": "AKP", "kid": "pq"},
            ec_issuer.jwks()["keys"][0] | {"use": "enc", "kid": "e"},
        ]
        keys = StaticKeySet({"keys": [*foreign, *ec_issuer.jwks()["keys"]]})
        assert repr(keys) == "<StaticKeySet of 1 key(s)>"

    def test_unknown_and_unfitting_keys_are_told_apart(self, ec_issuer):
        keys = ec_issuer.key_set()
        with pytest.raises(errors.UnknownKeyError):
            keys.find("another", "ES256")
        with pytest.raises(errors.UnknownKeyError, match="names no key"):
            keys.find(None, "ES256")
        with pytest.raises(errors.InvalidAlgorithmError):
            keys.find(ec_issuer.key_id, "RS256")
        assert keys.peek("another", "ES256") is None
        keys.prefetch()

    def test_a_key_does_not_show_itself(self, ec_issuer):
        assert (
            repr(ec_issuer.key_set().find(ec_issuer.key_id, "ES256"))
            == "<VerificationKey for ES256>"
        )


class TestPEM:
    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
    def test_reads_every_supported_kind(self, algorithm):
        issuer = TestIssuer(algorithm=algorithm)
        key = from_pem(issuer.pem(issuer.key_id), key_id="1")
        assert isinstance(key, VerificationKey)
        assert algorithm in key.algorithms

    @pytest.mark.parametrize(
        "pem", [b"", b"garbage", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
    )
    def test_refuses_what_is_no_key(self, pem):
        with pytest.raises(InvalidJWKError):
            from_pem(pem, key_id="1")

    @pytest.mark.parametrize(
        "private",
        [
            rsa.generate_private_key(public_exponent=65537, key_size=1024),
            ec.generate_private_key(ec.SECP256K1()),
            ed448.Ed448PrivateKey.generate(),
            dsa.generate_private_key(1024),
        ],
        ids=["rsa-1024", "secp256k1", "ed448", "dsa"],
    )
    def test_refuses_other_kinds_and_weak_ones(self, private):
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(InvalidJWKError):
            from_pem(pem, key_id="1")


class TestBundledKeySet:
    def test_bundled_keys_need_no_network_and_others_do(self, ec_issuer):
        other = TestIssuer(algorithm="ES256")
        asked = []

        def fetcher(url):
            asked.append(url)
            return json.dumps(other.jwks()).encode()

        keys = BundledKeySet(
            ec_issuer.key_set(), then=RemoteKeySet("https://e.example/jwks", fetcher=fetcher)
        )
        keys.prefetch()
        assert keys.peek(ec_issuer.key_id, "ES256") is keys.find(ec_issuer.key_id, "ES256")
        assert asked == []
        assert keys.peek(other.key_id, "ES256") is None
        assert keys.find(other.key_id, "ES256")
        assert len(asked) == 1

    def test_without_a_way_out_the_message_names_the_host(self, ec_issuer):
        def fetcher(url):
            raise FetchError("no answer in time")

        remote = RemoteKeySet("https://cognito-idp.example/jwks", fetcher=fetcher)
        keys = BundledKeySet(ec_issuer.key_set(), then=remote)
        with pytest.raises(
            errors.KeySetUnavailableError,
            match=r"`cognito-idp\.example` could not be fetched: no answer",
        ):
            keys.find("another", "ES256")
        assert keys.find(ec_issuer.key_id, "ES256")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the key set file is empty"),
        (b"<html>", "the key set file is HTML or XML"),
        (b"\x1f\x8b\x08", "the key set file is gzip bytes"),
        (b"-----BEGIN PUBLIC KEY-----", "the key set file is PEM, not JSON"),
        (b"\xef\xbb\xbf{}", "the key set file is text with a byte order mark"),
        (b"[]", "the key set file is a JSON list, not a key set"),
        (b'{"keys": [', "the key set file is not strict JSON"),
        (b"{}", "not a usable key set: "),
    ],
)
def test_a_file_that_is_no_key_set_says_what_it_is(tmp_path, content, said):
    path = tmp_path / "jwks.json"
    path.write_bytes(content)
    with pytest.raises(errors.ConfigurationError, match=said):
        StaticKeySet(path)

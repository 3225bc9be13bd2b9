"""What an attacker tries, and the check that stops it: one test or more per row of the table."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from authz_lib import JWTVerifier, RemoteKeySet, StaticKeySet, errors
from authz_lib._support import base64url
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.jws import MAX_TOKEN_LENGTH, verify_compact

NOW = 1_800_000_000.0
ISSUER = "https://issuer.example"


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def verifier_of(issuer: TestIssuer, **options) -> JWTVerifier:
    return JWTVerifier(
        issuer=ISSUER,
        audience=None,
        algorithms=options.pop("algorithms", [issuer.algorithm]),
        keys=options.pop("keys", None) or issuer.key_set(),
        clock=lambda: NOW,
        **options,
    )


def header_of(issuer: TestIssuer, **members) -> bytes:
    return json.dumps({"alg": issuer.algorithm, "kid": issuer.key_id, **members}).encode()


CLAIMS = json.dumps({"iss": ISSUER, "exp": NOW + 60}).encode()


class TestAlgorithm:
    @pytest.mark.parametrize(
        "name", ["none", "noNE", "None", "", "RS257", "rs256", "HS256", "ES256K"]
    )
    def test_only_the_allowed_ones_exist_and_case_counts(self, rsa_issuer, name):
        token = rsa_issuer.token(headers={"alg": name})
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier_of(rsa_issuer).verify(token)

    def test_none_with_an_empty_signature(self, rsa_issuer):
        token = f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(CLAIMS)}."
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(token)

    @pytest.mark.parametrize(("allowed", "sent"), [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA")])
    def test_ed25519_is_taken_under_the_name_that_was_allowed(self, allowed, sent):
        """RFC 9864: two names of one algorithm.  A key without `alg` fits both, the allow-list
        names one.
        """
        key = ed25519.Ed25519PrivateKey.generate()
        public = b64(key.public_key().public_bytes_raw())
        keys = StaticKeySet({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public, "kid": "1"}]})
        verifier = JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=[allowed], keys=keys, clock=lambda: NOW
        )

        def token_of(name):
            signed = f"{b64(json.dumps({'alg': name, 'kid': '1'}).encode())}.{b64(CLAIMS)}"
            return f"{signed}.{b64(key.sign(signed.encode()))}"

        assert verifier.verify(token_of(allowed)).issuer == ISSUER
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier.verify(token_of(sent))

    @pytest.mark.parametrize("algorithm", ["none", "RS257", "rs256", "A256GCM"])
    def test_an_unknown_one_cannot_be_allowed(self, rsa_issuer, algorithm):
        with pytest.raises(errors.ConfigurationError):
            verifier_of(rsa_issuer, algorithms=[algorithm])

    @pytest.mark.parametrize("algorithms", [[], "RS256", ["RS256", "HS256"]])
    def test_the_allow_list_must_make_sense(self, rsa_issuer, algorithms):
        with pytest.raises(errors.ConfigurationError):
            verifier_of(rsa_issuer, algorithms=algorithms)

    @pytest.mark.parametrize("alg", [None, 1, ["RS256"], {"a": 1}, True])
    def test_must_be_text(self, rsa_issuer, alg):
        token = rsa_issuer.sign(json.dumps({"alg": alg, "kid": rsa_issuer.key_id}).encode(), CLAIMS)
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(token)


class TestKeyConfusion:
    def test_a_public_key_is_no_secret(self, rsa_issuer):
        """CVE-2022-29217: the attacker signs with the public key as HMAC secret."""
        head = b64(json.dumps({"alg": "HS256", "kid": rsa_issuer.key_id}).encode())
        message = f"{head}.{b64(CLAIMS)}"
        for secret in (
            rsa_issuer.pem(rsa_issuer.key_id),
            json.dumps(rsa_issuer.jwks()["keys"][0]).encode(),
        ):
            forged = f"{message}.{b64(hmac.new(secret, message.encode(), hashlib.sha256).digest())}"
            with pytest.raises(errors.InvalidAlgorithmError):
                verifier_of(rsa_issuer).verify(forged)

    def test_hmac_needs_a_shared_secret_and_a_shared_secret_needs_hmac(self, rsa_issuer):
        with pytest.raises(errors.ConfigurationError):
            verifier_of(rsa_issuer, algorithms=["HS256"])

    def test_hmac_without_a_secret_is_refused_by_the_layer_below_too(self, rsa_issuer):
        token = rsa_issuer.token(headers={"alg": "HS256"})
        with pytest.raises(errors.InvalidAlgorithmError):
            verify_compact(token, rsa_issuer.key_set(), algorithms=["HS256"])

    def test_a_symmetric_key_in_a_key_set_is_refused(self):
        secret = {"kty": "oct", "k": b64(b"s" * 32), "kid": "1", "alg": "HS256"}
        with pytest.raises(errors.ConfigurationError, match="symmetric"):
            StaticKeySet({"keys": [secret]})

    def test_a_symmetric_key_in_a_remote_key_set_is_never_used(self, rsa_issuer):
        document = rsa_issuer.jwks()
        document["keys"].append({"kty": "oct", "k": b64(b"s" * 32), "kid": "secret"})
        keys = RemoteKeySet(
            "https://e.example/jwks", fetcher=lambda _: json.dumps(document).encode()
        )
        assert set(keys.find(rsa_issuer.key_id, "RS256").algorithms) == {"RS256"}
        with pytest.raises(errors.UnknownKeyError):  # after a fetch
            keys.find("secret", "HS256")
        with pytest.raises(errors.KeySetUnavailableError):  # within the cool-down
            keys.find("secret", "HS256")


class TestKeyAndHeaderMustAgree:
    def test_the_algorithm_of_the_jwk_binds(self, rsa_issuer):
        token = TestIssuer.token(rsa_issuer, headers={"alg": "PS256"})
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier_of(rsa_issuer, algorithms=["RS256", "PS256"]).verify(token)

    def test_the_kind_of_key_binds(self, rsa_issuer, ec_issuer):
        token = ec_issuer.token(headers={"kid": rsa_issuer.key_id})
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier_of(rsa_issuer, algorithms=["RS256", "ES256"]).verify(token)

    def test_the_curve_binds(self):
        issuer = TestIssuer(ISSUER, algorithm="ES384", clock=lambda: NOW)
        document = issuer.jwks()
        del document["keys"][0]["alg"]
        token = issuer.token(headers={"alg": "ES256"})
        with pytest.raises(errors.InvalidAlgorithmError):
            verifier_of(issuer, algorithms=["ES256", "ES384"], keys=StaticKeySet(document)).verify(
                token
            )

    @pytest.mark.parametrize(
        "change",
        [
            {"use": "enc"},
            {"key_ops": ["encrypt"]},
            {"key_ops": "verify"},
            {"alg": "RSA-OAEP"},
            {"kty": "AKP"},
        ],
    )
    def test_a_key_for_another_purpose_is_not_used(self, rsa_issuer, ec_issuer, change):
        other = rsa_issuer.jwks()["keys"][0]
        keys = StaticKeySet({"keys": [other | change, *ec_issuer.jwks()["keys"]]})
        with pytest.raises(errors.UnknownKeyError):
            verifier_of(rsa_issuer, keys=keys).verify(rsa_issuer.token())


class TestEmbeddedKeys:
    @pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
    def test_are_never_read(self, rsa_issuer, name):
        """CVE-2026-27962, CVE-2026-34240: the attacker's token carries the attacker's key."""
        attacker = TestIssuer(ISSUER, clock=lambda: NOW)
        value = {"jwk": attacker.jwks()["keys"][0], "x5c": ["MIIB"]}.get(
            name, "https://attacker.example/jwks.json"
        )
        forged = attacker.token(headers={"kid": rsa_issuer.key_id, name: value})
        with pytest.raises(errors.InvalidSignatureError):
            verifier_of(rsa_issuer).verify(forged)

    @pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
    def test_do_no_harm_in_a_token_of_the_issuer(self, rsa_issuer, name):
        token = rsa_issuer.token({"sub": "alice"}, headers={name: "whatever"})
        assert verifier_of(rsa_issuer).verify(token).claims["sub"] == "alice"


class TestKeyId:
    @pytest.mark.parametrize("kid", [1, ["a"], {"a": 1}, True, None])
    def test_must_be_text(self, rsa_issuer, kid):
        token = rsa_issuer.sign(header_of(rsa_issuer, kid=kid), CLAIMS)
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(token)

    def test_is_at_most_256_characters(self, rsa_issuer):
        with pytest.raises(errors.InvalidTokenError, match="256"):
            verifier_of(rsa_issuer).verify(
                rsa_issuer.sign(header_of(rsa_issuer, kid="k" * 257), CLAIMS)
            )

    @pytest.mark.parametrize(
        "kid", ["../../etc/passwd", "' OR 1=1 --", "https://attacker.example/", "\x00"]
    )
    def test_is_only_a_dictionary_key(self, rsa_issuer, kid):
        asked = []

        def fetcher(url):
            asked.append(url)
            return json.dumps(rsa_issuer.jwks()).encode()

        keys = RemoteKeySet("https://e.example/jwks", fetcher=fetcher)
        with pytest.raises(errors.UnknownKeyError):
            verifier_of(rsa_issuer, keys=keys).verify(rsa_issuer.token(headers={"kid": kid}))
        assert asked == ["https://e.example/jwks"]

    def test_a_missing_one_is_an_unknown_key(self, rsa_issuer):
        with pytest.raises(errors.UnknownKeyError):
            verifier_of(rsa_issuer).verify(rsa_issuer.token(headers={"kid": None}))


class TestCriticalAndUnencoded:
    @pytest.mark.parametrize(
        "members", [{"crit": []}, {"crit": ["exp"]}, {"crit": None}, {"b64": True}, {"b64": False}]
    )
    def test_any_crit_and_any_b64_is_refused(self, rsa_issuer, members):
        """CVE-2025-59420, CVE-2026-32597."""
        with pytest.raises(errors.InvalidTokenError, match="not supported"):
            verifier_of(rsa_issuer).verify(
                rsa_issuer.sign(header_of(rsa_issuer, **members), CLAIMS)
            )


class TestEllipticCurveSignatures:
    @pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
    def test_psychic_signatures_do_not_verify(self, algorithm):
        """CVE-2022-21449: r and s zero, or multiples of the group order."""
        issuer = TestIssuer(ISSUER, algorithm=algorithm, clock=lambda: NOW)
        verifier = verifier_of(issuer)
        message = issuer.token().rpartition(".")[0]
        size = {"ES256": 32, "ES384": 48, "ES512": 66}[algorithm]
        orders = {
            "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
            "ES384": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
            "ES512": int(
                "1FF"
                + "F" * 63
                + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
                16,
            ),
        }
        order = orders[algorithm]
        for r, s in [
            (0, 0),
            (0, 1),
            (1, 0),
            (order, order),
            (order, 1),
            (1, order),
            (2 ** (8 * size) - 1, 1),
        ]:
            forged = f"{message}.{b64(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"
            with pytest.raises(errors.InvalidSignatureError):
                verifier.verify(forged)

    def test_der_instead_of_raw_does_not_verify(self, ec_issuer):
        message, _, signature = ec_issuer.token().rpartition(".")
        raw = base64url.decode(signature.encode())
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        assert decode_dss_signature(der)[0] == int.from_bytes(raw[:32], "big")
        with pytest.raises(errors.InvalidSignatureError):
            verifier_of(ec_issuer).verify(f"{message}.{b64(der)}")

    @pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
    def test_a_wrong_length_does_not_verify(self, ec_issuer, length):
        message = ec_issuer.token().rpartition(".")[0]
        with pytest.raises(errors.InvalidSignatureError):
            verifier_of(ec_issuer).verify(f"{message}.{b64(b'x' * length)}")


class TestEncoding:
    @pytest.mark.parametrize("segment", [0, 1, 2])
    @pytest.mark.parametrize(
        "damage", ["=", "==", " ", "\n", "\t", "+", "/", "é", "\x00", "%41", "A"]
    )
    def test_only_canonical_base64url(self, rsa_issuer, segment, damage):
        verifier = verifier_of(rsa_issuer)
        parts = rsa_issuer.token({"sub": "alice"}).split(".")
        for damaged in (parts[segment] + damage, damage + parts[segment]):
            mutated = [*parts[:segment], damaged, *parts[segment + 1 :]]
            with pytest.raises(errors.InvalidTokenError):
                verifier.verify(".".join(mutated))

    def test_unused_bits_must_be_zero(self, rsa_issuer):
        """A 2048-bit signature ends in a character with two unused bits: four texts would mean one
        signature.
        """
        verifier = verifier_of(rsa_issuer)
        token = rsa_issuer.token()
        assert verifier.verify(token)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        start = alphabet.index(token[-1]) & ~0b1111
        assert len(base64url.decode(token.rpartition(".")[2].encode())) % 3 == 1
        for last in alphabet[start + 1 : start + 16]:
            with pytest.raises(errors.InvalidTokenError, match="canonical"):
                verifier.verify(token[:-1] + last)

    @pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
    def test_only_utf_8_without_bom(self, rsa_issuer, codec):
        token = rsa_issuer.sign(header_of(rsa_issuer), CLAIMS.decode().encode(codec))
        with pytest.raises(errors.InvalidTokenError, match="JSON"):
            verifier_of(rsa_issuer).verify(token)
        header = rsa_issuer.sign(header_of(rsa_issuer).decode().encode(codec), CLAIMS)
        with pytest.raises(errors.InvalidTokenError, match="JSON"):
            verifier_of(rsa_issuer).verify(header)

    @pytest.mark.parametrize("payload", [b"\xff{}", b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}'])
    def test_only_valid_utf_8(self, rsa_issuer, payload):
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header_of(rsa_issuer), payload))


class TestJSON:
    @pytest.mark.parametrize(
        "payload",
        [
            b'{"iss":"https://issuer.example","exp":9999999999,"exp":1}',
            b'{"iss":"https://issuer.example","exp":9999999999,"a":{"b":1,"b":2}}',
            b'{"iss":"https://issuer.example","exp":9999999999,"ex\\u0070":1}',
        ],
    )
    def test_a_duplicate_member_of_the_payload_is_refused(self, rsa_issuer, payload):
        with pytest.raises(errors.InvalidTokenError, match="strict JSON"):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header_of(rsa_issuer), payload))

    def test_a_duplicate_member_of_the_header_is_refused(self, rsa_issuer):
        header = header_of(rsa_issuer)[:-1] + b', "alg": "RS256"}'
        with pytest.raises(errors.InvalidTokenError, match="strict JSON"):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header, CLAIMS))

    @pytest.mark.parametrize(
        "payload", [b"[]", b"1", b"null", b'"a"', b"", b"{", b"{}{}", b"{'a':1}", b'{"a":NaN}']
    )
    def test_the_payload_must_be_one_object(self, rsa_issuer, payload):
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header_of(rsa_issuer), payload))

    @pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
    def test_deep_nesting_is_an_invalid_token(self, rsa_issuer, open_, close):
        depth = 5000 if open_ == b"[" else 1700
        deep = open_ * depth + b"1" + close * depth
        payload = b'{"iss":"https://issuer.example","exp":9999999999,"a":%b}' % deep
        with pytest.raises(errors.InvalidTokenError, match="payload"):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header_of(rsa_issuer), payload))

    def test_deep_nesting_in_a_header_is_an_invalid_token(self, rsa_issuer):
        header = header_of(rsa_issuer)[:-1] + b', "a": ' + b"[" * 5000 + b"]" * 5000 + b"}"
        with pytest.raises(errors.InvalidTokenError, match="header"):
            verifier_of(rsa_issuer).verify(rsa_issuer.sign(header, CLAIMS))

    def test_header_and_payload_may_have_64_levels(self, rsa_issuer):
        for levels, refused in ((63, False), (64, True)):
            deep = b', "a": ' + b"[" * levels + b"]" * levels + b"}"
            header, claims = header_of(rsa_issuer), CLAIMS
            tokens = [
                rsa_issuer.sign(header[:-1] + deep, claims),
                rsa_issuer.sign(header, claims[:-1] + deep),
            ]
            for token in tokens:
                if refused:
                    with pytest.raises(errors.InvalidTokenError):
                        verifier_of(rsa_issuer).verify(token)
                else:
                    verifier_of(rsa_issuer).verify(token)


class TestSize:
    def test_at_most_16_kib_before_any_parsing(self, rsa_issuer):
        token = rsa_issuer.token({"a": "x" * MAX_TOKEN_LENGTH})
        with pytest.raises(errors.InvalidTokenError, match="longer than"):
            verifier_of(rsa_issuer).verify(token)

    def test_what_fits_is_accepted(self, rsa_issuer):
        token = rsa_issuer.token({"a": "x" * 11_000})
        assert len(token) <= MAX_TOKEN_LENGTH
        assert len(verifier_of(rsa_issuer).verify(token).claims["a"]) == 11_000

    @pytest.mark.parametrize(
        "token", ["x" * 1_000_000, "." * 1_000_000, "\ud800" * 1_000_000, "é" * 1_000_000]
    )
    def test_a_megabyte_of_anything(self, rsa_issuer, token):
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(token)

    @pytest.mark.parametrize(
        "token",
        [None, b"a.b.c", 1, ["a.b.c"], "", "\ud800.a.b", ".", "..", "...", "a.b", "a.b.c.d"],
    )
    def test_anything_but_three_segments_of_text(self, rsa_issuer, token):
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(token)


class TestForms:
    def test_json_serialization_is_refused(self, rsa_issuer):
        head, payload, signature = rsa_issuer.token().split(".")
        document = json.dumps({"protected": head, "payload": payload, "signature": signature})
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(document)

    @pytest.mark.parametrize(
        "members",
        [
            {"enc": "A256GCM"},
            {"zip": "DEF"},
            {"cty": "JWT"},
            {"cty": "jwt"},
            {"cty": "application/JWT"},
        ],
    )
    def test_encryption_compression_and_nesting_are_refused(self, rsa_issuer, members):
        with pytest.raises(errors.InvalidTokenError):
            verifier_of(rsa_issuer).verify(rsa_issuer.token(headers=members))

    def test_another_content_type_is_not_a_nested_token(self, rsa_issuer):
        assert verifier_of(rsa_issuer).verify(rsa_issuer.token(headers={"cty": "json"}))


class TestWeakKeys:
    def test_rsa_below_2048_bits(self):
        key = (
            rsa.generate_private_key(public_exponent=65537, key_size=1024)
            .public_key()
            .public_numbers()
        )
        with pytest.raises(errors.ConfigurationError, match="2048"):
            StaticKeySet({"kty": "RSA", "kid": "1", "n": number(key.n), "e": number(key.e)})

    @pytest.mark.parametrize("exponent", [0, 1, 2, 4, 65536])
    def test_rsa_with_a_bad_exponent(self, rsa_issuer, exponent):
        jwk = rsa_issuer.jwks()["keys"][0] | {"e": number(exponent) or "AA"}
        with pytest.raises(errors.ConfigurationError):
            StaticKeySet(jwk)

    def test_an_ec_point_off_its_curve(self):
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        jwk = {
            "kty": "EC", "crv": "P-256", "kid": "1",
            "x": b64(numbers.x.to_bytes(32, "big")),
            "y": b64(((numbers.y + 1) % 2**256).to_bytes(32, "big")),
        }  # fmt: skip
        with pytest.raises(errors.ConfigurationError):
            StaticKeySet(jwk)


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class TestSecretsStaySecret:
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda token: token[:-4] + "AAAA",
            lambda token: token.replace(".", ".A", 1),
            lambda token: token + "\n",
            lambda token: token + "é",
            lambda token: token * 30,
        ],
    )
    def test_no_part_of_a_token_is_in_the_error(self, rsa_issuer, spoil):
        token = spoil(rsa_issuer.token({"sub": "alice-in-the-claims"}))
        with pytest.raises(errors.InvalidTokenError) as caught:
            verifier_of(rsa_issuer).verify(token)
        seen: BaseException | None = caught.value
        while seen is not None:
            text = repr(seen) + str(seen.__dict__)
            assert "alice" not in text
            assert not any(part in text for part in token.split(".") if len(part) > 8)
            assert seen.__suppress_context__ or seen.__context__ is None
            seen = seen.__cause__

    def test_the_repr_of_a_verified_token_shows_no_values(self, rsa_issuer):
        token = verifier_of(rsa_issuer).verify(rsa_issuer.token({"sub": "alice-in-the-claims"}))
        assert repr(token) == "<VerifiedToken with claims exp, iat, iss, sub>"

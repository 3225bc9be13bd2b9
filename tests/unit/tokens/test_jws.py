"""The signature layer by itself."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from authz_lib import errors
from authz_lib._support.memo import Memo
from authz_lib._support.strict_json import memory_of
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import jws
from authz_lib.tokens.algorithms import ASYMMETRIC, HMAC, SUPPORTED
from authz_lib.tokens.jwk import MAX_KEY_ID_LENGTH
from authz_lib.tokens.jws import MAX_TOKEN_LENGTH, Compact, Jws, verify_compact


class OneKey:
    def __init__(self, key):
        self.key = key

    def find(self, key_id, algorithm):
        return self.key


def b64(raw, *, bare=True):
    text = base64.urlsafe_b64encode(raw).decode()
    return text.rstrip("=") if bare else text


def of(header, payload=b"{}"):
    """A token without a good signature."""
    return f"{b64(json.dumps(header).encode())}.{b64(payload)}."


@pytest.mark.parametrize("algorithm", sorted(ASYMMETRIC))
def test_every_algorithm(algorithm):
    issuer = TestIssuer(algorithm=algorithm)
    header = f'{{"alg":"{algorithm}","kid":"{issuer.key_id}"}}'.encode()
    token = issuer.sign(header, b"any bytes \x00\xff")
    found = verify_compact(token, issuer.key_set(), algorithms=[algorithm])
    assert found == Jws({"alg": algorithm, "kid": issuer.key_id}, b"any bytes \x00\xff")
    other = TestIssuer(algorithm=algorithm)
    with pytest.raises(errors.InvalidSignatureError):
        verify_compact(
            other.sign(header, b"any bytes \x00\xff"), issuer.key_set(), algorithms=[algorithm]
        )


def test_the_table_of_algorithms_is_whole():
    assert set(SUPPORTED) == ASYMMETRIC | HMAC
    assert len(ASYMMETRIC) == 11
    assert {"HS256", "HS384", "HS512"} == HMAC


@pytest.mark.parametrize(
    ("algorithm", "is_loaded"), [("RS256", False), ("PS384", False), ("ES256", True)]
)
def test_pyjwt_is_loaded_with_the_verifier_that_needs_it(algorithm, is_loaded):
    """Not by a cold start with RSA, as of most providers, and never by the first token."""
    code = f"""
import sys
from authz_lib import JWTVerifier, RemoteKeySet
JWTVerifier(issuer="https://issuer.example", audience=None, algorithms=["{algorithm}"],
            keys=RemoteKeySet("https://issuer.example/keys"))
print("jwt" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == str(is_loaded)


@pytest.mark.parametrize("algorithm", sorted(ASYMMETRIC))
def test_a_signature_is_checked_as_pyjwt_checks_it(algorithm):
    issuer = TestIssuer(algorithm=algorithm)
    message, _, signature = issuer.sign(b"{}", b"any bytes").encode().rpartition(b".")
    key = issuer.key_set().find(issuer.key_id, algorithm)
    good = base64.urlsafe_b64decode(signature + b"==")
    flipped, none = good[:-1] + bytes([good[-1] ^ 1]), bytes(len(good))
    implementation, check = SUPPORTED[algorithm].implementation, key.algorithms[algorithm]
    for tried in (good, flipped, good[:-1], good + b"\0", b"", none):
        asked = message, key.material, tried
        assert check(*asked) is implementation.verify(*asked) is (tried == good)


def test_a_key_set_that_hands_out_the_wrong_key_does_no_harm(rsa_issuer, ec_issuer):
    key = ec_issuer.key_set().find(ec_issuer.key_id, "ES256")
    with pytest.raises(errors.InvalidAlgorithmError):
        verify_compact(rsa_issuer.token(), OneKey(key), algorithms=["RS256"])


def test_the_header_handed_out_is_read_only(ec_issuer):
    found = verify_compact(ec_issuer.token(), ec_issuer.key_set(), algorithms=["ES256"])
    with pytest.raises(TypeError):
        found.header["alg"] = "none"


class TestRememberedHeaders:
    @pytest.fixture(autouse=True)
    def empty(self, monkeypatch):
        monkeypatch.setattr(jws, "_headers", Memo(max_entries=256))

    def test_only_those_of_good_signatures(self, ec_issuer):
        keys = ec_issuer.key_set()
        with pytest.raises(errors.InvalidSignatureError):
            verify_compact(ec_issuer.token()[:-4] + "AAAA", keys, algorithms=["ES256"])
        with pytest.raises(errors.UnknownKeyError):
            verify_compact(ec_issuer.token(headers={"kid": "x"}), keys, algorithms=["ES256"])
        assert jws._headers == {}
        verify_compact(ec_issuer.token(), keys, algorithms=["ES256"])
        assert len(jws._headers) == 1

    def test_an_allow_list_holds_for_them_too(self, ec_issuer):
        verify_compact(ec_issuer.token(), ec_issuer.key_set(), algorithms=["ES256"])
        with pytest.raises(errors.InvalidAlgorithmError):
            verify_compact(ec_issuer.token(), ec_issuer.key_set(), algorithms=["RS256"])

    def test_are_bounded(self, ec_issuer):
        keys = ec_issuer.key_set()
        for number in range(300):
            verify_compact(ec_issuer.token(headers={"x": number}), keys, algorithms=["ES256"])
        assert len(jws._headers) == 256
        verify_compact(ec_issuer.token(headers={"x": "x" * 2000}), keys, algorithms=["ES256"])
        assert max(map(len, jws._headers)) <= 1024

    def test_a_header_is_parsed_once_up_to_its_longest(self, ec_issuer):
        keys = ec_issuer.key_set()
        room = 1024 * 3 // 4 - len(f'{{"alg":"ES256","kid":"{ec_issuer.key_id}"}}')
        for length, is_kept in ((room, True), (room + 1, False)):
            spaces = " " * length
            header = f'{{{spaces}"alg":"ES256","kid":"{ec_issuer.key_id}"}}'.encode()
            token = ec_issuer.sign(header, b"{}")
            first = verify_compact(token, keys, algorithms=["ES256"])
            again = verify_compact(token, keys, algorithms=["ES256"])
            assert (first.header is again.header) is is_kept


class TestMemory:
    """What a remembered token takes: its claims, and its header where it is not shared."""

    def test_is_that_of_the_payload(self):
        payload = b'{"sub":"alice","groups":["a","b"]}'
        header = b'{"alg":"ES256"}'
        compact = Compact(f"{b64(header)}.{b64(payload)}.QUJX")
        assert compact.memory() == memory_of(payload)
        compact.claims()
        assert compact.memory() == memory_of(payload)

    def test_and_of_a_header_that_is_not_shared(self):
        room = 1024 * 3 // 4 - len('{"alg":"ES256"}')
        for length, is_shared in ((room, True), (room + 1, False)):
            header = f'{{{" " * length}"alg":"ES256"}}'.encode()
            memory = Compact(f"{b64(header)}.{b64(b'')}.QUJX").memory()
            assert memory == memory_of(b"") + (0 if is_shared else memory_of(header))


class TestBounds:
    def test_a_token_is_at_most_16_kib_long(self):
        head = b64(b'{"alg":"ES256"}')
        rest = MAX_TOKEN_LENGTH - len(head) - 2
        token = f"{head}.{'A' * (rest // 4 * 4)}.{'A' * (rest % 4)}"
        assert len(token) == MAX_TOKEN_LENGTH
        assert Compact(token).header.algorithm == "ES256"
        with pytest.raises(errors.InvalidTokenError, match="longer than 16384 characters"):
            Compact(token + "A")

    def test_a_key_id_has_at_most_so_many_characters(self):
        longest = "k" * MAX_KEY_ID_LENGTH
        assert Compact(of({"alg": "ES256", "kid": longest})).header.key_id == longest
        with pytest.raises(errors.InvalidTokenError, match="`kid` is longer"):
            Compact(of({"alg": "ES256", "kid": longest + "k"}))


class TestPadding:
    """A load balancer pads its segments; RFC 7515 has no padding, so nobody else may."""

    HEADERS = (b'{"alg":"ES256"}', b'{"alg":"ES256" }', b'{"alg":"ES256"  }')

    @pytest.mark.parametrize("header", HEADERS)
    @pytest.mark.parametrize("payload", [b"", b"a", b"ab", b"abc"])
    @pytest.mark.parametrize("signature", ["", "QUJX", "QUI=", "QQ=="])
    def test_right_padding_is_taken_where_it_is_asked_for(self, header, payload, signature):
        token = f"{b64(header, bare=False)}.{b64(payload, bare=False)}.{signature}"
        compact = Compact(token, padded=True)
        assert compact.header.algorithm == "ES256"
        assert compact.payload() == payload
        if "=" in token:
            with pytest.raises(errors.InvalidTokenError):
                Compact(token).payload()

    @pytest.mark.parametrize("segment", ["QUJD====", "QUJD=", "QUI==", "QQ=", "Q===", "=", "===="])
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_wrong_padding_is_refused(self, segment, place):
        segments = [b64(self.HEADERS[0]), "QUJD", "QUJD"]
        segments[place] = segment
        with pytest.raises(errors.InvalidTokenError, match="padded wrongly"):
            Compact(".".join(segments), padded=True)


def test_a_payload_is_parsed_once():
    compact = Compact(of({"alg": "ES256"}, b'{"sub":"a"}'))
    assert compact.claims() is compact.claims()

"""The signature layer by itself."""

from __future__ import annotations

import pytest

from authz_lib import errors
from authz_lib._support.memo import Memo
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import jws
from authz_lib.tokens.jwk import ASYMMETRIC, HMAC, SUPPORTED
from authz_lib.tokens.jws import Jws, verify_compact


class OneKey:
    def __init__(self, key):
        self.key = key

    def find(self, key_id, algorithm):
        return self.key


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

"""What came instead of a key set, and which entries of one are not used: told in fixed words."""

from __future__ import annotations

import gzip
import json

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, StaticKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.jwk import load_jwk_set
from authz_lib.tokens.key_set_document import read_json_object, worth_telling
from authz_lib.transport.fetch import FetchError

URL = "https://issuer.example/.well-known/jwks.json"
GOOD = TestIssuer(algorithm="RS256").jwks()["keys"][0]
OTHER = TestIssuer(algorithm="RS256").jwks()["keys"][0]

WHAT_CAME = [
    (b"", "the answer is empty"),
    (b" \r\n" * 100, "the answer is empty"),
    (b"<!DOCTYPE html><html>Sign in</html>", "HTML or XML"),
    (b"\n\n  <?xml version='1.0'?><Error/>", "HTML or XML"),
    (gzip.compress(json.dumps({"keys": [GOOD]}).encode(), mtime=0), "gzip bytes"),
    (b"-----BEGIN PUBLIC KEY-----\n", "PEM, not JSON"),
    (b'\xef\xbb\xbf{"keys": []}', "byte order mark"),
    (b"Not found", "not JSON"),
    (b"\xff\xfe\x00", "not JSON, nor text: perhaps it was compressed"),
    (b"\x8b\x01\x80brotli", "not JSON, nor text: perhaps it was compressed"),
    ('{"keys": []}'.encode("utf-16"), "not JSON, nor text"),
    (b'{"keys": [', "not strict JSON"),
    (b'{"keys": [], "keys": []}', "not strict JSON (duplicate member name)"),
    (json.dumps([GOOD]).encode(), "a JSON list, not an object with `keys`"),
    (b'"text"', "a JSON value"),
    (b"7", "not JSON"),
    (json.dumps({"issuer": "https://x.example", "jwks_uri": URL}).encode(), "discovery document"),
    (
        json.dumps({"2024-01": "-----BEGIN CERTIFICATE-----\nMIIC\n"}).encode(),
        "PEM texts: a key set is wanted, which Google has at `/oauth2/v3/certs`",
    ),
    (json.dumps(GOOD).encode(), "one JWK, not an object with `keys`"),
    (b'{"message": "Forbidden"}', "not a JWK Set: `keys` is missing or is not a list"),
]


@pytest.mark.parametrize(("document", "said"), WHAT_CAME)
def test_what_came_is_told_in_the_error(document, said):
    keys = RemoteKeySet(URL, fetcher=lambda _: document)
    with pytest.raises(errors.KeySetUnavailableError) as caught:
        keys.find("any", "RS256")
    text = str(caught.value)
    if said == "not JSON":
        assert said in text or "JSON value" in text
    else:
        assert said in text
    assert "Sign in" not in text
    assert "https://x.example" not in text


@pytest.mark.parametrize("document", [b"<html>", b"", b"[]"])
def test_by_way_of_discovery_too(document):
    issuer = "https://issuer.example"
    answers = {
        f"{issuer}/.well-known/openid-configuration": json.dumps(
            {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        ).encode(),
        f"{issuer}/keys": document,
    }
    verifier = JWTVerifier.oidc(issuer, audience=None, fetcher=answers.__getitem__)
    with pytest.raises(errors.KeySetUnavailableError, match="the answer is"):
        verifier.verify(TestIssuer(issuer).token())


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<html>", "the discovery document is unusable: the answer is HTML"),
        (b"", "the discovery document is unusable: the answer is empty"),
        (
            gzip.compress(b"{}", mtime=0),
            "the discovery document is unusable: the answer is gzip bytes",
        ),
        (b"[]", "a JSON list, not a discovery document"),
        (b'{"issuer": "https://other.example"}', "the discovery document names another issuer"),
        (b'{"issuer": "https://issuer.example"}', "the discovery document is unusable: `jwks_uri`"),
        (
            FetchError("the answer was HTTP status 404"),
            "the discovery document: the answer was",
        ),
    ],
)
def test_what_came_instead_of_a_discovery_document(document, said):
    def fetch(url):
        if isinstance(document, FetchError):
            raise document
        return document

    verifier = JWTVerifier.oidc("https://issuer.example", audience=None, fetcher=fetch)
    with pytest.raises(errors.KeySetUnavailableError) as caught:
        verifier.verify(TestIssuer("https://issuer.example").token())
    assert said in str(caught.value)
    assert "other.example" not in str(caught.value)


def test_a_key_set_is_read():
    assert read_json_object(b' {"keys": []}') == {"keys": []}


SKIPPED = [
    ({"kty": "RSA", "kid": "2024-01", "x5c": ["MIIC"]}, "`n` is missing or is not text; a certif"),
    (GOOD | {"kid": "2024-01", "n": "AQAB"}, "an RSA key must have 2048 to 16384 bits"),
    (GOOD | {"kid": "2024-01", "n": GOOD["n"] + "=="}, "`n` is padded: base64url without `=`"),
    (GOOD | {"kid": "2024-01", "n": "+/" + GOOD["n"][2:]}, "`n` is not base64url"),
    ({"kty": "AKP", "kid": "2024-01"}, "unknown `kty` or `crv`"),
    (GOOD | {"kid": "2024-01", "alg": "HS256"}, "`alg` does not fit the key"),
    (GOOD | {"kid": "2024-01", "key_ops": ["verify", 1]}, "`key_ops` is not a list of texts"),
    (GOOD | {"kid": "2024-01", "key_ops": "verify"}, "`key_ops` is not a list of texts"),
    (GOOD | {"kid": "2024-01", "key_ops": ["sign"]}, "`key_ops` does not hold `verify`"),
    (GOOD | {"kid": "2024-01", "d": "AQAB"}, "a private key has no place in a key set"),
]


@pytest.mark.parametrize(("entry", "reason"), SKIPPED)
def test_an_entry_that_is_not_used_has_a_place_and_a_reason(entry, reason):
    table = load_jwk_set({"keys": [GOOD, entry]})
    told = worth_telling(table)
    assert told.startswith(f"keys[1] (kid digest 73e4d27b45fe): {reason}")
    assert "2024-01" not in told
    assert len(table) == 1


def test_what_is_no_entry_and_what_no_token_can_name():
    nameless = {name: value for name, value in OTHER.items() if name != "kid"}
    told = worth_telling(load_jwk_set({"keys": [GOOD, 7, nameless]}))
    assert told == (
        "keys[1]: it is not an object; "
        "keys[2]: it has no `kid`, which takes `allow_missing_kid` and no other key"
    )
    alone = load_jwk_set({"keys": [nameless]}, allow_missing_kid=True)
    assert worth_telling(alone) == ""


def test_two_that_share_a_kid_and_differ_are_both_told():
    told = worth_telling(load_jwk_set({"keys": [GOOD, OTHER | {"kid": GOOD["kid"]}]}))
    assert told.count("another entry has the same `kid` and differs: neither is used") == 2
    assert told.startswith("keys[0] ")
    assert "keys[1] " in told


def test_the_same_twice_is_one_in_any_order_of_members():
    table = load_jwk_set({"keys": [GOOD, dict(reversed(GOOD.items())), GOOD]})
    assert (len(table), worth_telling(table)) == (1, "")
    assert table.find(GOOD["kid"], "RS256") is not None


def test_an_entry_for_encryption_is_not_worth_a_line():
    table = load_jwk_set({"keys": [GOOD, OTHER | {"use": "enc"}]})
    assert worth_telling(table) == ""
    assert len(table.skipped) == 1


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, "; and 1 more")])
def test_at_most_8_entries_are_told(count, more):
    told = worth_telling(load_jwk_set({"keys": [None] * count}))
    assert told.count("keys[") == 8
    assert told.endswith("keys[7]: it is not an object" + more)


class TestLog:
    def told(self, caplog):
        return [r.getMessage() for r in caplog.records if r.name == "authz_lib.tokens"]

    def test_one_line_a_change_and_not_one_a_fetch(self, clock, caplog):
        bad = {"kty": "RSA", "kid": "2024-01", "x5c": ["MIIC"]}
        answers = [[GOOD, bad], [GOOD, bad], [GOOD], [GOOD, bad], [GOOD, None]]
        keys = RemoteKeySet(
            URL, fetcher=lambda _: json.dumps({"keys": answers.pop(0)}).encode(), clock=clock
        )
        counts = []
        while answers:
            keys.find(GOOD["kid"], "RS256")
            counts.append(len(self.told(caplog)))
            clock.advance(270)
        assert counts == [1, 1, 1, 2, 3]
        assert self.told(caplog)[0].startswith(
            "entries of the key set at host `issuer.example`: keys[1] (kid digest 73e4d27b45fe): "
        )

    def test_an_unknown_key_says_how_many_entries_cannot_be_used(self):
        document = {"keys": [GOOD, None, {"kty": "AKP"}]}
        remote = RemoteKeySet(URL, fetcher=lambda _: json.dumps(document).encode())
        with pytest.raises(errors.UnknownKeyError, match="; 2 of its entries cannot") as caught:
            remote.find("another", "RS256")
        assert caught.value.configured == {"key_set_host": "issuer.example"}
        static = StaticKeySet({"keys": [GOOD, {"kty": "AKP"}]})
        with pytest.raises(errors.UnknownKeyError, match="; 1 of its entries cannot"):
            static.find("another", "RS256")

    def test_a_set_without_a_usable_key_says_why(self):
        document = {"keys": [{"kty": "RSA", "kid": "2024-01", "x5c": ["MIIC"]}]}
        keys = RemoteKeySet(URL, fetcher=lambda _: json.dumps(document).encode())
        with pytest.raises(errors.KeySetUnavailableError, match="no usable key: keys\\[0\\]"):
            keys.prefetch()
        with pytest.raises(errors.ConfigurationError, match="`keys\\[0\\]`: `n` is missing"):
            StaticKeySet(document)

"""Whatever arrives: the answer is a token to accept, or an error of the library."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from authz_lib import BearerToken, Cookie, Header, JWTVerifier, QueryParameter, VerifiedToken
from authz_lib._support import base64url
from authz_lib.errors import AuthenticationError, AuthzError, InvalidTokenError
from authz_lib.gateway.sources import read_token
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.jws import verify_compact

NOW = 1_800_000_000.0
ISSUER = TestIssuer(algorithm="EdDSA", clock=lambda: NOW)
KEYS = ISSUER.key_set()
TOKEN = ISSUER.token({"sub": "alice", "cognito:groups": ["a", "b"]}, expires_in_seconds=600)
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\x00é\ud800"


def verifier_of(**options):
    return JWTVerifier(
        issuer=ISSUER.issuer,
        audience=None,
        algorithms=["EdDSA"],
        keys=KEYS,
        clock=lambda: NOW,
        **options,
    )


VERIFIERS = [verifier_of(), verifier_of(remember=0), JWTVerifier.any_of(verifier_of())]


def outcome(token):
    """What each kind of verifier says: a verified token, or an error of the library."""
    accepted = []
    for verifier in VERIFIERS:
        try:
            accepted.append(verifier.verify(token))
        except AuthzError as error:
            assert isinstance(error, InvalidTokenError)  # noqa: PT017 - both ways are answers
            accepted.append(None)
    assert all((found is None) == (accepted[0] is None) for found in accepted)
    return accepted[0]


@settings(max_examples=300)
@given(position=st.integers(0, len(TOKEN) - 1), character=st.sampled_from(CHARACTERS))
def test_a_replaced_character_is_refused_or_was_the_same(position, character):
    mutated = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert (outcome(mutated) is not None) == (mutated == TOKEN)


@settings(max_examples=200)
@given(position=st.integers(0, len(TOKEN)), text=st.text(CHARACTERS, min_size=1, max_size=5))
def test_an_inserted_text_is_refused(position, text):
    assert outcome(TOKEN[:position] + text + TOKEN[position:]) is None


@settings(max_examples=200)
@given(start=st.integers(0, len(TOKEN) - 1), length=st.integers(1, 20))
def test_a_deleted_part_is_refused(start, length):
    assert outcome(TOKEN[:start] + TOKEN[start + length :]) is None


@settings(max_examples=100)
@given(data=st.data())
def test_a_flipped_bit_of_any_decoded_segment_is_refused(data):
    parts = TOKEN.split(".")
    index = data.draw(st.integers(0, 2))
    raw = bytearray(base64url.decode(parts[index].encode()))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    parts[index] = base64url.encode(bytes(raw)).decode()
    assert outcome(".".join(parts)) is None


@settings(max_examples=200)
@given(
    token=st.one_of(
        st.text(max_size=200), st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"), st.binary()
    )
)
@example("\ud800.\udfff.a")
@example("." * 16384)
@example("A" * 1_000_000)
@example("\ud800" * 1_000_000)
@example(urlsafe_b64encode(b'{"a":' * 2000).decode().rstrip("=") + "..")
@example(None)
def test_no_text_and_no_thing_raises_anything_else(token):
    assert outcome(token) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
claim_names = st.sampled_from(
    ["iss", "exp", "nbf", "iat", "aud", "sub", "scope", "client_id", "cognito:groups"]
)
header_names = st.sampled_from(
    ["alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jwk", "jku", "x5c"]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(claims=st.dictionaries(claim_names | st.text(max_size=5), values, max_size=6))
def test_no_claims_of_a_good_signature_raise_anything_else(claims):
    text = ISSUER.sign(
        json.dumps({"alg": "EdDSA", "kid": ISSUER.key_id}).encode(),
        json.dumps({"iss": ISSUER.issuer, "exp": NOW + 60, **claims}).encode(),
    )
    token = outcome(text)
    assert token is None or isinstance(token, VerifiedToken)
    strict = verifier_of(
        client_id="web", all_scopes="a", any_group="b", typ="at+jwt", max_token_age_seconds=5
    )
    with pytest.raises(AuthzError):
        strict.verify(text)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(header=st.dictionaries(header_names | st.text(max_size=5), values, max_size=4))
def test_no_header_raises_anything_else(header):
    text = ISSUER.sign(
        json.dumps({"alg": "EdDSA", "kid": ISSUER.key_id, **header}).encode(),
        json.dumps({"iss": ISSUER.issuer, "exp": NOW + 60}).encode(),
    )
    token = outcome(text)
    if token is not None:
        assert token.header["alg"] == "EdDSA"
        assert not {"crit", "b64", "enc", "zip"} & set(header)


@settings(max_examples=100)
@given(payload=st.binary(max_size=200))
def test_the_signature_layer_hands_out_any_bytes_unchanged(payload):
    header = json.dumps({"alg": "EdDSA", "kid": ISSUER.key_id}).encode()
    assert (
        verify_compact(ISSUER.sign(header, payload), KEYS, algorithms=["EdDSA"]).payload == payload
    )


@settings(max_examples=200)
@given(data=st.binary(max_size=100))
def test_base64url_has_one_text_per_value(data):
    text = base64url.encode(data)
    assert text == urlsafe_b64encode(data).rstrip(b"=")
    assert base64url.decode(text) == data


@settings(max_examples=300)
@given(text=st.text(CHARACTERS[:70], max_size=12))
def test_what_base64url_accepts_it_would_have_written(text):
    raw = text.encode()
    try:
        data = base64url.decode(raw)
    except ValueError:
        return
    assert base64url.encode(data) == raw


event_values = (
    st.none() | st.text(max_size=30) | st.lists(st.text(max_size=10), max_size=3) | st.integers()
)
event_maps = st.dictionaries(
    st.sampled_from(["authorization", "Authorization", "cookie", "token", "x-token"]),
    event_values,
    max_size=4,
)
events = st.dictionaries(
    st.sampled_from(
        ["headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters",
         "requestHeaders", "cookies", "rawQueryString", "authorizationToken"]
    ),
    event_maps | event_values,
    max_size=5,
)  # fmt: skip


@settings(max_examples=200)
@given(event=events)
def test_no_event_raises_anything_else(event):
    try:
        token = read_token(
            event, [BearerToken(), Header("x-token"), Cookie("token"), QueryParameter("token")]
        )
    except AuthenticationError:
        return
    assert token

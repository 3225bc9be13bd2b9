"""A `kid` in a log."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

import pytest

from authz_lib._support.key_id import digest_of_key_id, digest_of_tokens_key_id


def token(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode() + ".e30.c2ln"


def test_is_the_start_of_a_digest():
    assert digest_of_key_id("k") == sha256(b"k").hexdigest()[:12]
    assert digest_of_tokens_key_id(token({"kid": "k"})) == digest_of_key_id("k")


def test_padding_does_no_harm():
    segment, _, rest = token({"kid": "ab"}).partition(".")
    padded = segment + "=" * (-len(segment) % 4)
    assert digest_of_tokens_key_id(f"{padded}.{rest}") == digest_of_key_id("ab")


@pytest.mark.parametrize(
    "refused",
    ["", "a", "opaque", "é.e30.c", token([]), token({}), token({"kid": 7}), token(b"\xff"),
     token(b'{"kid": "a", "kid": "b"}'), token(b"[" * 3000), "A" * 10**6],
)  # fmt: skip
def test_what_names_no_key_has_none(refused):
    assert digest_of_tokens_key_id(refused) is None


@pytest.mark.parametrize(("length", "there"), [(4096, True), (4097, False)])
def test_a_header_of_more_than_4096_characters_is_not_read(length, there):
    fill = 4096 * 3 // 4 - len(json.dumps({"kid": "k", "fill": ""}))
    segment = token({"kid": "k", "fill": "x" * fill}).partition(".")[0]
    assert len(segment) == 4096
    segment += "=" * (length - 4096)
    assert (digest_of_tokens_key_id(f"{segment}.e30.c") is not None) is there


def test_half_a_character_has_a_digest_too():
    assert len(digest_of_key_id("\ud800")) == 12

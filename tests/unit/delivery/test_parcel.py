"""What is packed by the sender is unpacked by the receiver, and nothing else is."""

from __future__ import annotations

import pytest

from authz_lib.delivery import Parcel
from authz_lib.errors import InvalidRequestError


@pytest.mark.parametrize("payload", [float("inf"), object(), {1: object()}])
def test_a_payload_that_is_not_json(payload):
    with pytest.raises(InvalidRequestError):
        Parcel.pack(payload, idempotency_key="k")


@pytest.mark.parametrize("as_text", [False, True])
def test_what_was_packed_is_unpacked(as_text):
    body = Parcel.pack({"ü": [1, None]}, idempotency_key="job-17").body
    assert Parcel.unpack(body.decode() if as_text else body) == ("job-17", {"ü": [1, None]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"idempotency_key": "k"}',
        b'{"idempotency_key": "", "payload": 1}',
        b'{"idempotency_key": 1, "payload": 1}',
        b'{"idempotency_key": "k", "payload": 1, "more": 1}',
        b'{"idempotency_key": "k", "idempotency_key": "j", "payload": 1}',
        "\ud800",
    ],
)
def test_what_is_not_an_envelope_is_refused(body):
    with pytest.raises(InvalidRequestError):
        Parcel.unpack(body)

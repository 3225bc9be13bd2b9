"""Reliability 12: after faults a key set waits up to 30 s before it sees a new key."""

from __future__ import annotations

import json

import pytest

from authz_lib import RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer


def test_a_new_key_is_seen_ten_seconds_after_the_endpoint_answers_again():
    now, fetches, down = [1_700_000_000.0], [], False
    issuer = TestIssuer("https://issuer.example", algorithm="ES256")

    def fetcher(url: str) -> bytes:
        fetches.append(now[0])
        if down:
            raise OSError
        return json.dumps(issuer.jwks()).encode()

    keys = RemoteKeySet("https://issuer.example/jwks.json", fetcher=fetcher, clock=lambda: now[0])
    keys.find(issuer.key_id, "ES256")
    down = True
    while len(fetches) < 12:
        now[0] += 1
        with pytest.raises(errors.KeySetUnavailableError):
            keys.find("a-stranger", "ES256")
    down = False
    new = issuer.rotate(keep_old=True)
    now[0] += 10
    assert keys.find(new, "ES256").key_id == new

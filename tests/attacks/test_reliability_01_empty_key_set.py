"""Reliability 1: a key set without one usable key replaces the good keys."""

from __future__ import annotations

import json

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer

NOTHING_USABLE = {
    "empty": [],
    "junk": [None, 1, {"kty": "RSA"}],
    "symmetric": [{"kty": "oct", "k": "A" * 43, "kid": "a"}],
    "another use": [{**TestIssuer(algorithm="ES256").jwks()["keys"][0], "use": "enc", "kid": "e"}],
}


class Situation:
    """An issuer, its endpoint, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.issuer = TestIssuer("https://issuer.example", algorithm="ES256", clock=self.clock)
        self.document: object = self.issuer.jwks()
        self.keys = RemoteKeySet(
            "https://issuer.example/jwks.json",
            fetcher=lambda _: json.dumps(self.document).encode(),
            clock=self.clock,
        )
        self.verifier = JWTVerifier(
            issuer="https://issuer.example",
            audience=None,
            algorithms=["ES256"],
            keys=self.keys,
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize("entries", NOTHING_USABLE.values(), ids=NOTHING_USABLE)
def test_known_keys_are_kept(entries):
    situation = Situation()
    token = situation.issuer.token({"sub": "alice"}, expires_in_seconds=4000)
    situation.verifier.verify(token)
    situation.document = {"keys": entries}
    for _ in range(350):
        situation.now += 10
        assert situation.verifier.verify(token).claims["sub"] == "alice"


@pytest.mark.parametrize("entries", NOTHING_USABLE.values(), ids=NOTHING_USABLE)
def test_the_first_fetch_did_not_find_out(entries):
    situation = Situation()
    situation.document = {"keys": entries}
    with pytest.raises(errors.KeySetUnavailableError):
        situation.verifier.verify(situation.issuer.token({"sub": "alice"}))

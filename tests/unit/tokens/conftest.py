"""What the tests of the tokens room share: a clock that is set by hand, and issuers with keys made once."""

from __future__ import annotations

import pytest

from authz_lib.testing.issuer import TestIssuer

NOW = 1_800_000_000.0


class ManualClock:
    """Seconds since the epoch, moved by the test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def rsa_issuer() -> TestIssuer:
    """RS256 at a fixed time; never rotated."""
    return TestIssuer("https://issuer.example", clock=lambda: NOW)


@pytest.fixture(scope="session")
def ec_issuer() -> TestIssuer:
    """ES256 at a fixed time; never rotated."""
    return TestIssuer("https://issuer.example", algorithm="ES256", clock=lambda: NOW)

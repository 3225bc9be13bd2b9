"""pytest fixtures of the test kit, registered by the entry point ``pytest11``.

Each pytest run in an environment with authz-lib loads this module.  So it imports only pytest
before a fixture is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.testing.issuer import JWKSEndpoint, TestIssuer
    from authz_lib.testing.policy_store import PolicyStoreServer

__all__ = ["authz_issuer", "authz_jwks", "authz_policy_store"]


@pytest.fixture(scope="session")
def authz_issuer() -> TestIssuer:
    """A token issuer with an RSA key, for the whole session.  To rotate, make one of your own."""
    issuer: TestIssuer = import_module("authz_lib.testing.issuer").TestIssuer()
    return issuer


@pytest.fixture
def authz_jwks(authz_issuer: TestIssuer) -> Iterator[JWKSEndpoint]:
    """The key set of ``authz_issuer``, behind an HTTP endpoint on loopback."""
    with authz_issuer.serve() as endpoint:
        yield endpoint


@pytest.fixture
def authz_policy_store() -> Iterator[PolicyStoreServer]:
    """Verified Permissions on this machine, without a store; the page "A local policy store"."""
    with import_module("authz_lib.testing.policy_store").PolicyStoreServer() as server:
        yield server

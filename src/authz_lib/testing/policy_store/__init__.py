"""Verified Permissions on this machine, on the real Cedar engine.  For tests only."""

from __future__ import annotations

from authz_lib.testing.policy_store.server import Fault, PolicyStores, PolicyStoreServer

__all__ = ["Fault", "PolicyStoreServer", "PolicyStores"]

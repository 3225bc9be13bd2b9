"""authz-lib: who is calling, and may they do this?  For Python services behind Amazon API Gateway.

The root is lazy (PEP 562): importing it loads no third-party package; each public name loads its own room on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib import errors
    from authz_lib.actions import ActionMap
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter
    from authz_lib.principal import Principal
    from authz_lib.sigv4 import SigV4Signer
    from authz_lib.smithy.errors import SmithyError
    from authz_lib.tokens import JWTVerifier, RemoteKeySet, StaticKeySet, VerifiedToken

__all__ = [
    "ActionMap",
    "BearerToken",
    "Cookie",
    "Entity",
    "EntityUid",
    "Header",
    "JWTVerifier",
    "Principal",
    "QueryParameter",
    "RemoteKeySet",
    "SigV4Signer",
    "SmithyError",
    "StaticKeySet",
    "VerifiedToken",
    "errors",
]

# Public name -> the module that holds it.
_HOME = {
    "ActionMap": "authz_lib.actions",
    "BearerToken": "authz_lib.gateway.sources",
    "Cookie": "authz_lib.gateway.sources",
    "Entity": "authz_lib.entities",
    "EntityUid": "authz_lib.entities",
    "Header": "authz_lib.gateway.sources",
    "JWTVerifier": "authz_lib.tokens",
    "Principal": "authz_lib.principal",
    "QueryParameter": "authz_lib.gateway.sources",
    "RemoteKeySet": "authz_lib.tokens",
    "SigV4Signer": "authz_lib.sigv4",
    "SmithyError": "authz_lib.smithy.errors",
    "StaticKeySet": "authz_lib.tokens",
    "VerifiedToken": "authz_lib.tokens",
    "errors": "authz_lib",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `authz_lib` has no attribute `{name}`")
    value = import_module(f"{home}.{name}") if home == "authz_lib" else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

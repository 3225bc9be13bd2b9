"""authz-lib: who is calling, and may they do this?  For Python services behind Amazon API Gateway.

The root is lazy (PEP 562): importing it loads no third-party package; each public name loads its own room on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib import errors
    from authz_lib.actions import ActionMap
    from authz_lib.authorizer import LambdaAuthorizer
    from authz_lib.decisions import AuthorizationRequest, CedarEngine, Decision, DecisionPoint, VerifiedPermissions
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.gateway import ExpectedGateway, GatewayCache, principal_from_event, principal_from_headers
    from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter
    from authz_lib.principal import Principal
    from authz_lib.service import service_handler
    from authz_lib.sigv4 import SigV4Client, SigV4Signer
    from authz_lib.smithy.errors import SmithyError
    from authz_lib.tokens import JWTVerifier, RemoteKeySet, StaticKeySet, VerifiedToken

__all__ = [
    "ActionMap",
    "AuthorizationRequest",
    "BearerToken",
    "CedarEngine",
    "Cookie",
    "Decision",
    "DecisionPoint",
    "Entity",
    "EntityUid",
    "ExpectedGateway",
    "GatewayCache",
    "Header",
    "JWTVerifier",
    "LambdaAuthorizer",
    "Principal",
    "QueryParameter",
    "RemoteKeySet",
    "SigV4Client",
    "SigV4Signer",
    "SmithyError",
    "StaticKeySet",
    "VerifiedPermissions",
    "VerifiedToken",
    "errors",
    "principal_from_event",
    "principal_from_headers",
    "service_handler",
]

# Public name -> the module that holds it.
_HOME = {
    "ActionMap": "authz_lib.actions",
    "AuthorizationRequest": "authz_lib.decisions",
    "BearerToken": "authz_lib.gateway.sources",
    "CedarEngine": "authz_lib.decisions",
    "Cookie": "authz_lib.gateway.sources",
    "Decision": "authz_lib.decisions",
    "DecisionPoint": "authz_lib.decisions",
    "Entity": "authz_lib.entities",
    "EntityUid": "authz_lib.entities",
    "ExpectedGateway": "authz_lib.gateway",
    "GatewayCache": "authz_lib.gateway",
    "Header": "authz_lib.gateway.sources",
    "JWTVerifier": "authz_lib.tokens",
    "LambdaAuthorizer": "authz_lib.authorizer",
    "Principal": "authz_lib.principal",
    "QueryParameter": "authz_lib.gateway.sources",
    "RemoteKeySet": "authz_lib.tokens",
    "SigV4Client": "authz_lib.sigv4",
    "SigV4Signer": "authz_lib.sigv4",
    "SmithyError": "authz_lib.smithy.errors",
    "StaticKeySet": "authz_lib.tokens",
    "VerifiedPermissions": "authz_lib.decisions",
    "VerifiedToken": "authz_lib.tokens",
    "errors": "authz_lib",
    "principal_from_event": "authz_lib.gateway",
    "principal_from_headers": "authz_lib.gateway",
    "service_handler": "authz_lib.service",
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

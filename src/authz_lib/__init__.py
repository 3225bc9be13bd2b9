"""authz-lib: who is calling, and may they do this?  For Python services behind Amazon API Gateway.

The root is lazy (PEP 562): importing it loads no third-party package; each public name loads its
own room on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib import errors
    from authz_lib._support.version import __version__ as __version__
    from authz_lib.actions.map import ActionMap
    from authz_lib.authorizer import GatewayCache
    from authz_lib.authorizer.authorizer import LambdaAuthorizer
    from authz_lib.decisions import (
        AuthorizationRequest,
        CedarEngine,
        Decision,
        DecisionPoint,
        VerifiedPermissions,
    )
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.gateway.sources import BearerToken, Cookie, Header, QueryParameter
    from authz_lib.principal import Principal
    from authz_lib.service import ExpectedGateway, principal_from_event, principal_from_headers
    from authz_lib.service.handler import service_handler
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
    "ActionMap": "actions",
    "AuthorizationRequest": "decisions",
    "BearerToken": "gateway.sources",
    "CedarEngine": "decisions",
    "Cookie": "gateway.sources",
    "Decision": "decisions",
    "DecisionPoint": "decisions",
    "Entity": "entities",
    "EntityUid": "entities",
    "ExpectedGateway": "service",
    "GatewayCache": "authorizer",
    "Header": "gateway.sources",
    "JWTVerifier": "tokens",
    "LambdaAuthorizer": "authorizer",
    "Principal": "principal",
    "QueryParameter": "gateway.sources",
    "RemoteKeySet": "tokens",
    "SigV4Client": "sigv4",
    "SigV4Signer": "sigv4",
    "SmithyError": "smithy.errors",
    "StaticKeySet": "tokens",
    "VerifiedPermissions": "decisions",
    "VerifiedToken": "tokens",
    "errors": "errors",
    "principal_from_event": "service",
    "principal_from_headers": "service",
    "service_handler": "service",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, {**_HOME, "__version__": "_support.version"})

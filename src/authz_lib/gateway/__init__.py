"""API Gateway's contracts: ARNs, events, token sources, answers, principal headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.gateway.api_ids import api_id_from_parameter_store
    from authz_lib.gateway.arns import MethodArn
    from authz_lib.gateway.cache import GatewayCache
    from authz_lib.gateway.claims import ExpectedGateway, principal_from_event
    from authz_lib.gateway.events import AuthorizerEvent, parse_authorizer_event, proxy_kind
    from authz_lib.gateway.headers import principal_from_headers
    from authz_lib.gateway.responses import AppSyncResponse, PolicyResponse, SimpleResponse

__all__ = [
    "AppSyncResponse",
    "AuthorizerEvent",
    "ExpectedGateway",
    "GatewayCache",
    "MethodArn",
    "PolicyResponse",
    "SimpleResponse",
    "api_id_from_parameter_store",
    "parse_authorizer_event",
    "principal_from_event",
    "principal_from_headers",
    "proxy_kind",
]

# Public name -> the module that holds it.  A service that reads headers need not load what an authorizer needs.
_HOME = {
    "AppSyncResponse": "responses",
    "AuthorizerEvent": "events",
    "ExpectedGateway": "claims",
    "GatewayCache": "cache",
    "MethodArn": "arns",
    "PolicyResponse": "responses",
    "SimpleResponse": "responses",
    "api_id_from_parameter_store": "api_ids",
    "parse_authorizer_event": "events",
    "principal_from_event": "claims",
    "principal_from_headers": "headers",
    "proxy_kind": "events",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)

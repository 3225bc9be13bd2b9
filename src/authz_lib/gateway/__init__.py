"""API Gateway's contracts: ARNs, events, token sources, answers, principal headers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    "parse_authorizer_event": "events",
    "principal_from_event": "claims",
    "principal_from_headers": "headers",
    "proxy_kind": "events",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module `authz_lib.gateway` has no attribute `{name}`")
    value: object = getattr(import_module(f"authz_lib.gateway.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

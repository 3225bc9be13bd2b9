"""API Gateway's contracts, for authorizers and services: ARNs, events, token sources, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.gateway.arns import MethodArn
    from authz_lib.gateway.events import AuthorizerEvent, parse_authorizer_event
    from authz_lib.gateway.proxy_events import proxy_kind
    from authz_lib.gateway.responses import AppSyncResponse, PolicyResponse, SimpleResponse
    from authz_lib.gateway.sources import Subprotocol

__all__ = [
    "AppSyncResponse",
    "AuthorizerEvent",
    "MethodArn",
    "PolicyResponse",
    "SimpleResponse",
    "Subprotocol",
    "parse_authorizer_event",
    "proxy_kind",
]

# Public name -> the module that holds it.
_HOME = {
    "AppSyncResponse": "responses",
    "AuthorizerEvent": "events",
    "MethodArn": "arns",
    "PolicyResponse": "responses",
    "SimpleResponse": "responses",
    "Subprotocol": "sources",
    "parse_authorizer_event": "events",
    "proxy_kind": "proxy_events",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)

"""The authorizer Lambda: event → token → principal → action → decision → answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.authorizer.authorizer import LambdaAuthorizer, ResponseKind
    from authz_lib.authorizer.gateway_cache import GatewayCache

__all__ = [
    "GatewayCache",
    "LambdaAuthorizer",
    "ResponseKind",
]

# Public name -> the module that holds it.
_HOME = {
    "GatewayCache": "gateway_cache",
    "LambdaAuthorizer": "authorizer",
    "ResponseKind": "authorizer",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)

"""Which front door sent a proxy event: the shapes overlap, so what only one of them has decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway.unknown_events import missing_members

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProxyKind", "is_authorizer_event", "proxy_kind"]

ProxyKind: TypeAlias = Literal[
    "rest", "http-1.0", "http-2.0", "websocket", "function-url", "alb", "lattice"
]
"""What has sent an event to a service."""


def proxy_kind(event: Mapping[str, Any]) -> ProxyKind:
    """The kind of a proxy event.

    | kind | what only its events have |
    |---|---|
    | ``alb`` | ``requestContext.elb`` |
    | ``lattice`` | ``requestContext.serviceArn`` |
    | ``websocket`` | ``requestContext.connectionId`` |
    | ``function-url`` | version 2.0, and ``.lambda-url.`` in the domain |
    | ``http-2.0`` | version 2.0 and ``requestContext.http``, on another ``domainName`` |
    | ``rest`` | ``resource``, ``requestContext.apiId`` and a ``requestContext.resourceId`` |
    | ``http-1.0`` | version 1.0 and ``httpMethod``, and no such ``resourceId`` |

    Raises:
        UntrustedEventError: the event is of none of these kinds, or of more than one; an authorizer
            event is none.

    >>> load_balancer = {"requestContext": {"elb": {"targetGroupArn": "arn:..."}}}
    >>> proxy_kind({**load_balancer, "httpMethod": "GET", "path": "/"})
    'alb'
    """
    if not isinstance(event, dict):
        raise UntrustedEventError("the event is not a JSON object")
    if is_authorizer_event(event):
        raise UntrustedEventError("the event is an authorizer's, not a service's")
    if "raw_path" in event:
        raise UntrustedEventError(
            "the event is VPC Lattice's (event structure 1.0), which is not supported"
        )
    context = event.get("requestContext")
    if not isinstance(context, dict):
        raise UntrustedEventError("`requestContext` of the event is missing or not an object")
    kind = _by_version(event, context)
    if "elb" in context or "serviceArn" in context or "connectionId" in context:
        others = [other for member, other in _MARKS if member in context]
        kind = others[0] if kind is None and len(others) == 1 else None
    if kind is None:
        raise UntrustedEventError(
            "the event is of no known kind of proxy event, or of more than one"
            + missing_members(event, context)
        )
    return kind


def is_authorizer_event(event: object) -> bool:
    """Whether the event is a question to an authorizer, whatever else it looks like."""
    return isinstance(event, dict) and (
        "authorizationToken" in event or event.get("type") in ("TOKEN", "REQUEST")
    )


def _by_version(event: Mapping[str, Any], context: Mapping[str, Any]) -> ProxyKind | None:
    version = event.get("version", "1.0")
    if version == "2.0":
        domain = context.get("domainName")
        if type(domain) is not str:  # it alone tells the two apart
            return None
        if ".lambda-url." in domain:
            return "function-url"
        return "http-2.0" if "http" in context else None
    if version != "1.0":
        return None
    # A REST API names the resource it matched; an HTTP API with payload 1.0 says
    # `"resourceId": null`.  AWS sends REST events without `version`; local gateways add "1.0".
    is_rest = "resource" in event and "apiId" in context and type(context.get("resourceId")) is str
    if is_rest and "connectionId" not in context:
        return "rest"
    return "http-1.0" if "version" in event and "httpMethod" in event else None


_MARKS: tuple[tuple[str, ProxyKind], ...] = (
    ("elb", "alb"),
    ("serviceArn", "lattice"),
    ("connectionId", "websocket"),
)

"""Questions to a Lambda authorizer, of every kind of API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.testing.events._parts import (
    ACCOUNT_ID,
    API_ID,
    api_arn,
    multiple,
    single,
    with_token,
)
from authz_lib.testing.events.apis import http_event, rest_event, websocket_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def rest_token_authorizer_event(
    token: str, *, method: str = "GET", path: str = "/orders", stage: str = "prod", **options: Any
) -> dict[str, Any]:
    """What a REST API sends to a TOKEN authorizer.

    >>> rest_token_authorizer_event("abc")["type"]
    'TOKEN'
    """
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {token}",
        "methodArn": api_arn(method, path, stage, options),
    }


_MAPS = (
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "stageVariables",
)


def rest_request_authorizer_event(
    token: str | None = None,
    *,
    method: str = "GET",
    path: str = "/orders",
    resource: str | None = None,
    stage: str = "prod",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What a REST API sends to a REQUEST authorizer.

    >>> event = rest_request_authorizer_event("abc", resource="/orders/{id}")
    >>> event["resource"]
    '/orders/{id}'
    """
    event = rest_event(
        method=method,
        path=path,
        resource=resource,
        stage=stage,
        headers=with_token(token, headers),
        query=query,
        path_parameters=path_parameters,
        **options,
    )
    del event["body"], event["isBase64Encoded"]
    # A service is told `null` where an authorizer is told an empty map.
    event |= {name: event[name] or {} for name in _MAPS}
    return {"type": "REQUEST", "methodArn": api_arn(method, path, stage, options), **event}


def http_authorizer_event_v1(
    token: str | None = None, *, identity: str | None = None, **options: Any
) -> dict[str, Any]:
    """What an HTTP API sends to an authorizer with payload format 1.0.

    >>> http_authorizer_event_v1("abc")["version"]
    '1.0'
    """
    event = rest_request_authorizer_event(token, **options)
    del event["multiValueHeaders"], event["multiValueQueryStringParameters"]
    identity = identity if identity is not None or token is None else f"Bearer {token}"
    return {"version": "1.0", **event, "identitySource": identity, "authorizationToken": identity}


def http_authorizer_event(
    token: str | None = None,
    *,
    route: str = "GET /orders",
    method: str | None = None,
    path: str | None = None,
    stage: str = "$default",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    identity: Sequence[str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What an HTTP API sends to an authorizer with payload format 2.0.

    >>> event = http_authorizer_event("abc", path="/orders/7")
    >>> event["rawPath"]
    '/orders/7'
    """
    event = http_event(
        route=route,
        method=method,
        path=path,
        stage=stage,
        headers=with_token(token, headers),
        query=query,
        path_parameters=path_parameters,
        **options,
    )
    del event["isBase64Encoded"]
    http = event["requestContext"]["http"]
    below = path or route.partition(" ")[2] or "/"
    given = identity if identity is not None or token is None else [f"Bearer {token}"]
    return {
        **event,
        "type": "REQUEST",
        "routeArn": api_arn(http["method"], below, stage, options),
        "identitySource": None if given is None else list(given),
    }


def websocket_authorizer_event(
    token: str | None = None,
    *,
    query: Sequence[tuple[str, str]] = (),
    stage: str = "prod",
    **options: Any,
) -> dict[str, Any]:
    """What a WebSocket API sends to the authorizer of ``$connect``.

    >>> websocket_authorizer_event("abc")["requestContext"]["routeKey"]
    '$connect'
    """
    event = websocket_event(
        stage=stage,
        event_type="CONNECT",
        route="$connect",
        **{**options, "headers": with_token(token, options.get("headers"))},
    )
    del event["isBase64Encoded"]
    return {
        "type": "REQUEST",
        "methodArn": api_arn("$connect", "", stage, options),
        **event,
        "queryStringParameters": single(query) or {},
        "multiValueQueryStringParameters": multiple(query) or {},
        "stageVariables": {},
    }


def appsync_authorizer_event(
    token: str,
    *,
    query: str = "query Orders { orders { id } }",
    operation: str | None = "Orders",
    **options: Any,
) -> dict[str, Any]:
    """What AppSync sends to a Lambda authorizer of a GraphQL API.

    ``token`` is the whole header: AppSync itself takes ``Bearer x``, so clients write a prefix of
    their own.

    >>> appsync_authorizer_event("my-abc")["authorizationToken"]
    'my-abc'
    """
    asked: dict[str, Any] = {"queryString": query, "operationName": operation, "variables": {}}
    return _appsync(token, asked, options)


def appsync_events_authorizer_event(
    token: str, *, operation: str = "EVENT_SUBSCRIBE", channel: str = "/news/eu", **options: Any
) -> dict[str, Any]:
    """What AppSync sends to a Lambda authorizer of an Event API.

    A connection (``EVENT_CONNECT``) has no channel.

    >>> event = appsync_events_authorizer_event("my-abc", operation="EVENT_PUBLISH")
    >>> event["requestContext"]["channel"]
    '/news/eu'
    """
    asked: dict[str, Any] = {"operation": operation}
    if operation != "EVENT_CONNECT":
        asked |= {"channelNamespaceName": channel.split("/")[1], "channel": channel}
    return _appsync(token, asked, options)


def _appsync(token: str, asked: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "authorizationToken": token,
        "requestContext": {
            "apiId": options.get("api_id", API_ID),
            "accountId": options.get("account_id", ACCOUNT_ID),
            "requestId": "f4081827-1111-4444-5555-5cf4695f339f",
            **asked,
        },
        "requestHeaders": {
            **with_token(None, {"authorization": token}),
            **options.get("headers", {}),
        },
    }

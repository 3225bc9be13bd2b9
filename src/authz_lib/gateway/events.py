"""What API Gateway and its neighbours send: authorizer events as typed values, and the kinds of proxy events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard
from urllib.parse import parse_qsl

from authz_lib.errors import InvalidRequestError, UntrustedEventError
from authz_lib.gateway.arns import MethodArn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["AuthorizerEvent", "AuthorizerKind", "JSONObject", "ProxyKind", "parse_authorizer_event", "proxy_kind"]

JSONObject: TypeAlias = "Mapping[str, Any]"
"""A JSON document whose root is an object, such as a Lambda event."""

AuthorizerKind: TypeAlias = Literal["rest-token", "rest-request", "http-1.0", "http-2.0", "websocket", "appsync"]
ProxyKind: TypeAlias = Literal["rest", "http-1.0", "http-2.0", "websocket", "function-url", "alb", "lattice"]

_Query: TypeAlias = "Mapping[str, tuple[str, ...]]"


@dataclass(frozen=True, slots=True)
class AuthorizerEvent:
    """One question of a gateway: may this request pass?

    Attributes:
        kind: which contract the event follows; it decides what may be answered.
        arn: the method that is called; ``None`` for AppSync.
        api_id: the API that asks.
        account_id: the account of that API.
        method: the HTTP method; ``None`` for WebSocket and AppSync.
        route: the route template that the gateway chose, such as ``/orders/{id}``; ``None`` for a TOKEN event (which
            does not name it), for ``$default`` and for AppSync.
        path: the path below the stage as the gateway names it in the ARN.
        path_parameters: the labels of the route as the integration will receive them.
        query: every query parameter with all its values.
        headers: names in lower case, with all values that the event holds.
        route_key: ``GET /orders/{id}``, ``ANY /x``, ``$default`` or ``$connect``; ``None`` on REST APIs.
        identity: the values of the identity sources, where the event names them (HTTP APIs).
        token: ``authorizationToken`` of a TOKEN or AppSync event.
        request_id: to correlate with the gateway's log.
        raw: the event itself, which token sources read.  Not shown in the ``repr``: it holds tokens.
    """

    kind: AuthorizerKind
    arn: MethodArn | None
    api_id: str
    account_id: str
    method: str | None = None
    route: str | None = None
    path: str | None = None
    path_parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: _Query = field(default_factory=dict, repr=False)
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    route_key: str | None = None
    identity: tuple[str, ...] | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    request_id: str | None = None
    raw: JSONObject = field(default_factory=dict, repr=False)


def parse_authorizer_event(event: JSONObject) -> AuthorizerEvent:
    """Read what a Lambda authorizer receives: REST TOKEN, REST REQUEST, HTTP 1.0, HTTP 2.0, WebSocket or AppSync.

    Only the shape is checked.  That the event comes from a gateway follows from who may invoke the function; a token
    in it is verified elsewhere.

    Raises:
        UntrustedEventError: the event is of no known kind, or lacks a member; the message names the member.

    See the API Gateway developer guide, "Input to an API Gateway Lambda authorizer" and "AWS Lambda authorizers for
    HTTP APIs", and the AppSync developer guide, "AWS_LAMBDA authorization".

    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/orders/7"
    >>> event = parse_authorizer_event({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": arn})
    >>> event.kind, event.method, event.path, event.route
    ('rest-token', 'GET', '/orders/7', None)
    >>> parse_authorizer_event({"type": "TOKEN", "methodArn": arn})
    Traceback (most recent call last):
      ...
    authz_lib.errors.UntrustedEventError: `authorizationToken` of the event is missing or not a string
    """
    if not _is_object(event):
        raise UntrustedEventError("the event is not a JSON object")
    return _READERS[_authorizer_kind(event)](event)


def _authorizer_kind(event: JSONObject) -> AuthorizerKind:
    kind = event.get("type")
    if kind == "TOKEN":
        return "rest-token"
    if kind == "REQUEST":
        return _request_kind(event)
    if kind is None and "authorizationToken" in event and "requestContext" in event:
        return "appsync"
    raise UntrustedEventError(
        "not an authorizer event: `type` is neither `TOKEN` nor `REQUEST`, and it is not AppSync's"
    )


def _request_kind(event: JSONObject) -> AuthorizerKind:
    version = event.get("version")
    if version == "2.0":
        return "http-2.0"
    if version == "1.0":
        return "http-1.0"
    if version is not None:
        raise UntrustedEventError("`version` of the event is neither `1.0` nor `2.0`")
    return "websocket" if "connectionId" in _object(event, "requestContext") else "rest-request"


def _rest_token(event: JSONObject) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    return AuthorizerEvent(
        kind="rest-token",
        arn=arn,
        api_id=arn.api,
        account_id=arn.account,
        method=arn.method,
        path=arn.path or "/",
        token=_text(event, "authorizationToken"),
        raw=event,
    )


def _rest_request(event: JSONObject) -> AuthorizerEvent:
    return _version_one(event, "rest-request")


def _http_one(event: JSONObject) -> AuthorizerEvent:
    return _version_one(event, "http-1.0")


def _version_one(event: JSONObject, kind: AuthorizerKind) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _object(event, "requestContext")
    return AuthorizerEvent(
        kind=kind,
        arn=arn,
        api_id=_same(_text(context, "apiId", "requestContext."), arn.api, "apiId"),
        account_id=arn.account,
        method=_text(event, "httpMethod"),
        route=_text(event, "resource"),
        path=arn.path or "/",
        path_parameters=_strings(event, "pathParameters"),
        query=_multi(event, "queryStringParameters", "multiValueQueryStringParameters"),
        headers=_lowered(_multi(event, "headers", "multiValueHeaders")),
        identity=_identity_text(event) if kind == "http-1.0" else None,
        request_id=_optional_text(context, "requestId"),
        raw=event,
    )


def _http_two(event: JSONObject) -> AuthorizerEvent:
    arn = _arn(event, "routeArn")
    context = _object(event, "requestContext")
    http = _object(context, "http", "requestContext.")
    route_key = _text(event, "routeKey")
    return AuthorizerEvent(
        kind="http-2.0",
        arn=arn,
        api_id=arn.api,
        account_id=arn.account,
        method=_text(http, "method", "requestContext.http."),
        route=route_key.partition(" ")[2] or None,
        path=_below_stage(_text(event, "rawPath"), arn.stage),
        path_parameters=_strings(event, "pathParameters"),
        query=_raw_query(event),
        headers={name.lower(): (value,) for name, value in _strings(event, "headers").items()},
        route_key=route_key,
        identity=_identity_list(event),
        request_id=_optional_text(context, "requestId"),
        raw=event,
    )


def _websocket(event: JSONObject) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _object(event, "requestContext")
    return AuthorizerEvent(
        kind="websocket",
        arn=arn,
        api_id=_same(_text(context, "apiId", "requestContext."), arn.api, "apiId"),
        account_id=arn.account,
        query=_multi(event, "queryStringParameters", "multiValueQueryStringParameters"),
        headers=_lowered(_multi(event, "headers", "multiValueHeaders")),
        route_key=_same(_text(context, "routeKey", "requestContext."), arn.method, "routeKey"),
        request_id=_optional_text(context, "requestId"),
        raw=event,
    )


def _appsync(event: JSONObject) -> AuthorizerEvent:
    context = _object(event, "requestContext")
    return AuthorizerEvent(
        kind="appsync",
        arn=None,
        api_id=_text(context, "apiId", "requestContext."),
        account_id=_text(context, "accountId", "requestContext."),
        headers={name.lower(): (value,) for name, value in _strings(event, "requestHeaders").items()},
        token=_text(event, "authorizationToken"),
        request_id=_optional_text(context, "requestId"),
        raw=event,
    )


_READERS: dict[AuthorizerKind, Callable[[JSONObject], AuthorizerEvent]] = {
    "rest-token": _rest_token,
    "rest-request": _rest_request,
    "http-1.0": _http_one,
    "http-2.0": _http_two,
    "websocket": _websocket,
    "appsync": _appsync,
}


def proxy_kind(event: JSONObject) -> ProxyKind:
    """Which front door sent a proxy event: the shapes overlap, so what only one of them has decides.

    Raises:
        UntrustedEventError: it is no proxy event; an authorizer event is none.

    >>> proxy_kind({"requestContext": {"elb": {"targetGroupArn": "arn:..."}}, "httpMethod": "GET", "path": "/"})
    'alb'
    """
    if not _is_object(event) or not _is_object(event.get("requestContext")):
        raise UntrustedEventError("`requestContext` of the event is missing or not an object")
    if event.get("type") in {"TOKEN", "REQUEST"} or "authorizationToken" in event:
        raise UntrustedEventError("the event is an authorizer's, not a service's")
    context = event["requestContext"]
    kinds = [kind for kind, is_kind in _PROXY_KINDS if is_kind(event, context)]
    if len(kinds) != 1:
        raise UntrustedEventError("the event is of no known kind of proxy event, or of more than one")
    return kinds[0]


def _is_function_url(event: JSONObject, context: JSONObject) -> bool:
    domain = context.get("domainName")
    return event.get("version") == "2.0" and type(domain) is str and ".lambda-url." in domain


def _is_http_two(event: JSONObject, context: JSONObject) -> bool:
    return event.get("version") == "2.0" and "http" in context and not _is_function_url(event, context)


def _is_rest(event: JSONObject, context: JSONObject) -> bool:
    # A REST API names the resource it matched; an HTTP API with payload 1.0 says `"resourceId": null`.  AWS sends REST
    # events without `version`, local gateways have been seen to add "1.0".
    return (
        event.get("version", "1.0") == "1.0"
        and "resource" in event
        and "apiId" in context
        and type(context.get("resourceId")) is str
        and "connectionId" not in context
    )


def _is_http_one(event: JSONObject, context: JSONObject) -> bool:
    return event.get("version") == "1.0" and "httpMethod" in event and not _is_rest(event, context)


_PROXY_KINDS: tuple[tuple[ProxyKind, Callable[[JSONObject, JSONObject], bool]], ...] = (
    ("alb", lambda _event, context: "elb" in context),
    ("lattice", lambda _event, context: "serviceArn" in context),
    ("websocket", lambda _event, context: "connectionId" in context),
    ("function-url", _is_function_url),
    ("http-2.0", _is_http_two),
    ("http-1.0", _is_http_one),
    ("rest", _is_rest),
)


def _is_object(value: object) -> TypeGuard[JSONObject]:
    return isinstance(value, dict)


def _object(holder: JSONObject, name: str, prefix: str = "") -> JSONObject:
    value = holder.get(name)
    if not _is_object(value):
        raise UntrustedEventError(f"`{prefix}{name}` of the event is missing or not an object")
    return value


def _text(holder: JSONObject, name: str, prefix: str = "") -> str:
    value = holder.get(name)
    if type(value) is not str or not value:
        raise UntrustedEventError(f"`{prefix}{name}` of the event is missing or not a string")
    return value


def _optional_text(holder: JSONObject, name: str) -> str | None:
    value = holder.get(name)
    return value if type(value) is str else None


def _arn(event: JSONObject, name: str) -> MethodArn:
    try:
        return MethodArn.parse(_text(event, name))
    except InvalidRequestError:
        raise UntrustedEventError(f"`{name}` of the event is not the ARN of a method") from None


def _same(value: str, other: str, name: str) -> str:
    if value != other:
        raise UntrustedEventError(f"`requestContext.{name}` of the event and its ARN differ")
    return value


def _strings(event: JSONObject, name: str) -> Mapping[str, str]:
    values = event.get(name)
    if values is None:
        return {}
    if not _is_object(values) or not all(type(value) is str for value in values.values()):
        raise UntrustedEventError(f"`{name}` of the event is not an object of strings")
    return values


def _multi(event: JSONObject, single: str, multiple: str) -> dict[str, tuple[str, ...]]:
    values = event.get(multiple)
    if values is None:
        return {name: (value,) for name, value in _strings(event, single).items()}
    if not _is_object(values) or not all(_is_list_of_strings(value) for value in values.values()):
        raise UntrustedEventError(f"`{multiple}` of the event is not an object of lists of strings")
    return {name: tuple(value) for name, value in values.items()}


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is str for item in value)


def _lowered(headers: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    lowered: dict[str, tuple[str, ...]] = {}
    for name, values in headers.items():
        lowered[name.lower()] = lowered.get(name.lower(), ()) + values
    return lowered


def _identity_text(event: JSONObject) -> tuple[str, ...] | None:
    value = event.get("identitySource")
    return tuple(value.split(",")) if type(value) is str else None


def _identity_list(event: JSONObject) -> tuple[str, ...] | None:
    values = event.get("identitySource")
    if values is None:
        return None
    if not _is_list_of_strings(values):
        raise UntrustedEventError("`identitySource` of the event is not a list of strings")
    return tuple(values)


def _raw_query(event: JSONObject) -> dict[str, tuple[str, ...]]:
    text = event.get("rawQueryString") or ""
    if type(text) is not str:
        raise UntrustedEventError("`rawQueryString` of the event is not a string")
    query: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True) if text else ():
        query[name] = (*query.get(name, ()), value)
    return query


def _below_stage(path: str, stage: str) -> str:
    # `rawPath` starts with the name of the stage, unless it is `$default` or a custom domain maps it away.
    prefix = f"/{stage}"
    if stage == "$default" or not (path == prefix or path.startswith(f"{prefix}/")):
        return path
    return path[len(prefix) :] or "/"

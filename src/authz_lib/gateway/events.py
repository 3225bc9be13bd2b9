"""What API Gateway and its neighbours send: authorizer events as typed values, and the kinds of
proxy events.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeGuard
from urllib.parse import parse_qsl

from authz_lib.errors import InvalidRequestError, UntrustedEventError
from authz_lib.gateway.arns import MethodArn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "AuthorizerEvent",
    "AuthorizerKind",
    "JSONObject",
    "ProxyKind",
    "is_authorizer_event",
    "parse_authorizer_event",
    "proxy_kind",
]

JSONObject: TypeAlias = "Mapping[str, Any]"
"""A JSON document whose root is an object, such as a Lambda event."""

AuthorizerKind: TypeAlias = Literal[
    "rest-token", "rest-request", "http-1.0", "http-2.0", "websocket", "appsync"
]
ProxyKind: TypeAlias = Literal[
    "rest", "http-1.0", "http-2.0", "websocket", "function-url", "alb", "lattice"
]


class AuthorizerEvent(NamedTuple):
    """One question of a gateway: may this request pass?

    (A named tuple: one is made per request, and a frozen dataclass takes four times as long.)

    Attributes:
        kind: which contract the event follows; it decides what may be answered.
        api_id: the API that asks.
        arn: the method that is called; ``None`` for AppSync.
        method: the HTTP method; AppSync asks ``POST`` and a WebSocket API ``GET``, as their clients
            do.
        route: what the gateway matched: a route key (``GET /orders/{id}``, ``ANY /x``,
            ``$default``) or a REST API's resource (``/orders/{id}``); ``/graphql`` for AppSync,
            ``/$connect`` for a WebSocket API.  ``None`` for a TOKEN event, which does not name it.
        path: the path below the stage, as sent; else as for the route.
        request_id: to correlate with the gateway's log.
        raw: the event itself, which token sources read.
    """

    kind: AuthorizerKind
    api_id: str
    arn: MethodArn | None
    method: str
    route: str | None
    path: str
    request_id: str | None
    raw: JSONObject

    def __repr__(self) -> str:  # `raw` holds tokens
        return f"<AuthorizerEvent {self.kind} of {self.api_id}: {self.method} {self.route}>"

    @property
    def account_id(self) -> str:
        """The account of the API."""
        return (
            self.arn.account
            if self.arn
            else _text(_object(self.raw, "requestContext"), "accountId")
        )

    @property
    def token(self) -> str | None:
        """``authorizationToken`` of a TOKEN or AppSync event, or of an HTTP API's 1.0 event."""
        return _optional_text(self.raw, "authorizationToken")

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """Names in lower case, with all values that the event holds.

        Raises:
            UntrustedEventError: the event's headers are not an object of strings, here and in the
                next three.
        """
        found = _multi(self.raw, "headers", "multiValueHeaders") or _multi(
            self.raw, "requestHeaders", ""
        )
        lowered: dict[str, tuple[str, ...]] = {}
        for name, values in found.items():
            lowered[name.lower()] = lowered.get(name.lower(), ()) + values
        return lowered

    @property
    def query(self) -> Mapping[str, tuple[str, ...]] | None:
        """Every query parameter, decoded, with all its values; ``None`` where the event holds none
        whatever was sent: TOKEN and AppSync.
        """
        if self.kind in _WITHOUT_QUERY:
            return None
        text = self.raw.get("rawQueryString")
        if text is None:
            return _multi(self.raw, "queryStringParameters", "multiValueQueryStringParameters")
        if type(text) is not str:
            raise UntrustedEventError("`rawQueryString` of the event is not a string")
        return _read_query(text) if text else _NOTHING

    @property
    def is_decoded(self) -> bool:
        """Whether the gateway has decoded the path that it hands over, as HTTP APIs do."""
        return self.kind in _DECODED

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The labels of the route as the integration will receive them."""
        return {name: values[0] for name, values in _multi(self.raw, "pathParameters", "").items()}

    def hands_over(self, labels: Mapping[str, str]) -> bool:
        """Whether labels read from the path are those that the service behind an HTTP API will be
        handed.

        HTTP APIs hand over a ``rawPath`` that they have decoded themselves, cut off at a decoded
        ``?``.  Decoding it again makes ``a b`` of ``a%2520b``, where the service gets ``a%20b``: a
        right to one must not open the other. The values are compared in the order of the route's
        labels, since the API may call them otherwise than the map. Where the API hands over no
        single labels (greedy routes, ``$default``), the path must hold no ``%``.  Nothing is
        compared on other kinds, whose path comes as sent.

        Args:
            labels: the decoded values, in the order of the path.
        """
        if not self.is_decoded:
            return True
        names, greedy = _labels_of(self.route or "")
        handed = self.path_parameters
        if not names or any(name not in handed for name in names):
            return "%" not in self.path
        if not greedy:
            return [handed[name] for name in names] == list(labels.values())
        rebuilt = _LABEL.sub(lambda match: handed[match[1]], (self.route or "").rpartition(" ")[2])
        return "%" not in self.path and rebuilt.rstrip("/") == self.path.rstrip("/")

    @property
    def identity(self) -> tuple[str, ...] | None:
        """The values of the identity sources; ``None`` on REST and WebSocket APIs, whose events do
        not name them.

        An HTTP API's 1.0 event joins them with commas into one.
        """
        values = self.raw.get("identitySource")
        if values is None:
            return None
        if type(values) is str:
            return (values,)
        if not _is_list_of_strings(values):
            raise UntrustedEventError("`identitySource` of the event is not a list of strings")
        return tuple(values)


_DECODED = frozenset({"http-1.0", "http-2.0"})
_WITHOUT_QUERY = frozenset({"rest-token", "appsync"})
_LABEL = re.compile(r"\{([^{}+]+)\+?\}")


@lru_cache(maxsize=1024)
def _labels_of(route: str) -> tuple[tuple[str, ...], bool]:
    """The labels of a deployed route, in order, and whether one of them is greedy."""
    return tuple(_LABEL.findall(route)), "+}" in route


def parse_authorizer_event(event: JSONObject) -> AuthorizerEvent:
    """Read what a Lambda authorizer receives: REST TOKEN, REST REQUEST, HTTP 1.0, HTTP 2.0,
    WebSocket or AppSync.

    Only the shape is checked.  That the event comes from a gateway follows from who may invoke the
    function; a token in it is verified elsewhere.

    Raises:
        UntrustedEventError: the event is of no known kind, or lacks a member; the message names the
            member.

    See the API Gateway developer guide, "Input to an API Gateway Lambda authorizer" and "AWS Lambda
    authorizers for HTTP APIs", and the AppSync developer guide, "AWS_LAMBDA authorization".

    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/orders/7"
    >>> event = parse_authorizer_event({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": arn})
    >>> event.kind, event.method, event.path, event.route
    ('rest-token', 'GET', '/orders/7', None)
    >>> parse_authorizer_event({"type": "TOKEN", "methodArn": arn})
    Traceback (most recent call last):
      ...
    authz_lib.errors.UntrustedEventError: `authorizationToken` of the event is missing or not a
    string
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
    _text(event, "authorizationToken")
    return AuthorizerEvent(
        "rest-token", arn.api, arn, arn.method, None, arn.path or "/", None, event
    )


def _version_one(event: JSONObject, kind: AuthorizerKind) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _object(event, "requestContext")
    _check_api(context, arn)
    method = _text(event, "httpMethod")
    if method != arn.method:
        raise UntrustedEventError("`httpMethod` of the event and its ARN differ")
    request_id = _optional_text(context, "requestId")
    return AuthorizerEvent(
        kind, arn.api, arn, method, _text(event, "resource"), arn.path or "/", request_id, event
    )


def _http_two(event: JSONObject) -> AuthorizerEvent:
    arn = _arn(event, "routeArn")
    context = _object(event, "requestContext")
    method = _text(_object(context, "http", "requestContext."), "method", "requestContext.http.")
    path = _below_stage(_text(event, "rawPath"), arn, context.get("domainName"))
    request_id = _optional_text(context, "requestId")
    return AuthorizerEvent(
        "http-2.0", arn.api, arn, method, _text(event, "routeKey"), path, request_id, event
    )


def _websocket(event: JSONObject) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _object(event, "requestContext")
    _check_api(context, arn)
    route = _text(context, "routeKey", "requestContext.")
    if route != arn.method:
        raise UntrustedEventError("`requestContext.routeKey` of the event and its ARN differ")
    request_id = _optional_text(context, "requestId")
    return AuthorizerEvent(
        "websocket", arn.api, arn, "GET", f"/{route}", f"/{route}", request_id, event
    )


def _appsync(event: JSONObject) -> AuthorizerEvent:
    context = _object(event, "requestContext")
    _text(event, "authorizationToken")
    api = _text(context, "apiId", "requestContext.")
    _text(context, "accountId", "requestContext.")
    request_id = _optional_text(context, "requestId")
    return AuthorizerEvent("appsync", api, None, "POST", "/graphql", "/graphql", request_id, event)


_READERS: dict[AuthorizerKind, Callable[[JSONObject], AuthorizerEvent]] = {
    "rest-token": _rest_token,
    "rest-request": lambda event: _version_one(event, "rest-request"),
    "http-1.0": lambda event: _version_one(event, "http-1.0"),
    "http-2.0": _http_two,
    "websocket": _websocket,
    "appsync": _appsync,
}


def proxy_kind(event: JSONObject) -> ProxyKind:
    """Which front door sent a proxy event: the shapes overlap, so what only one of them has
    decides.

    Raises:
        UntrustedEventError: it is no proxy event; an authorizer event is none.

    >>> proxy_kind({"requestContext": {"elb": {"targetGroupArn": "arn:..."}}, "httpMethod": "GET", "path": "/"})
    'alb'
    """
    if not _is_object(event):
        raise UntrustedEventError("the event is not a JSON object")
    if is_authorizer_event(event):
        raise UntrustedEventError("the event is an authorizer's, not a service's")
    context = _object(event, "requestContext")
    kinds = [kind for kind, is_kind in _PROXY_KINDS if is_kind(event, context)]
    if len(kinds) != 1:
        raise UntrustedEventError(
            "the event is of no known kind of proxy event, or of more than one"
        )
    return kinds[0]


def is_authorizer_event(event: object) -> bool:
    """Whether the event is a question to an authorizer, whatever else it looks like."""
    return _is_object(event) and (
        "authorizationToken" in event or event.get("type") in ("TOKEN", "REQUEST")
    )


def _is_function_url(event: JSONObject, context: JSONObject) -> bool:
    domain = context.get("domainName")
    return event.get("version") == "2.0" and type(domain) is str and ".lambda-url." in domain


def _is_http_two(event: JSONObject, context: JSONObject) -> bool:
    return (
        event.get("version") == "2.0" and "http" in context and not _is_function_url(event, context)
    )


def _is_rest(event: JSONObject, context: JSONObject) -> bool:
    # A REST API names the resource it matched; an HTTP API with payload 1.0 says
    # `"resourceId": null`.  AWS sends REST events without `version`, local gateways have been seen
    # to add "1.0".
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
    if isinstance(value, dict):
        return value
    raise UntrustedEventError(f"`{prefix}{name}` of the event is missing or not an object")


def _text(holder: JSONObject, name: str, prefix: str = "") -> str:
    value = holder.get(name)
    if type(value) is str and value:
        return value
    raise UntrustedEventError(f"`{prefix}{name}` of the event is missing or not a string")


def _optional_text(holder: JSONObject, name: str) -> str | None:
    value = holder.get(name)
    return value if type(value) is str else None


def _arn(event: JSONObject, name: str) -> MethodArn:
    try:
        return MethodArn.parse(_text(event, name))
    except InvalidRequestError:
        raise UntrustedEventError(f"`{name}` of the event is not the ARN of a method") from None


def _check_api(context: JSONObject, arn: MethodArn) -> None:
    if _text(context, "apiId", "requestContext.") != arn.api:
        raise UntrustedEventError("`requestContext.apiId` of the event and its ARN differ")


def _multi(event: JSONObject, single: str, multiple: str) -> Mapping[str, tuple[str, ...]]:
    values = event.get(multiple)
    if values is not None:
        if not _is_object(values) or not all(
            _is_list_of_strings(value) for value in values.values()
        ):
            raise UntrustedEventError(
                f"`{multiple}` of the event is not an object of lists of strings"
            )
        return {name: tuple(value) for name, value in values.items()}
    values = event.get(single)
    if values is None:
        return _NOTHING
    if not _is_object(values) or not all(type(value) is str for value in values.values()):
        raise UntrustedEventError(f"`{single}` of the event is not an object of strings")
    return {name: (value,) for name, value in values.items()}


_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is str for item in value)


def _read_query(text: str) -> dict[str, tuple[str, ...]]:
    query: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        query[name] = (*query.get(name, ()), value)
    return query


def _below_stage(path: str, arn: MethodArn, domain: object) -> str:
    """The path that routes are matched against.

    On the API's own domain `rawPath` starts with the name of the stage, unless that is `$default`.
    On a custom domain it never does (it may start with a mapping's key instead): cutting it off
    there would turn `/admin/users` of a stage called `admin` into `/users`.
    """
    if type(domain) is str and not domain.startswith(f"{arn.api}.execute-api."):
        return arn.path if arn.path and path.endswith(arn.path) else path
    prefix = f"/{arn.stage}"
    if arn.stage == "$default" or not (path == prefix or path.startswith(f"{prefix}/")):
        return path
    return path[len(prefix) :] or "/"

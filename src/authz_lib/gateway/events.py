"""The one reader of an event: headers, cookies, query, token text and identity values.

`Event` reads what any gateway sent.  `AuthorizerEvent` is the question to a Lambda authorizer, with
what every kind of gateway says about the request under one name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from authz_lib.errors import InvalidRequestError, UntrustedEventError
from authz_lib.gateway.arns import MethodArn
from authz_lib.gateway.channels import CONNECT, asks_about_channels, method_and_channel
from authz_lib.gateway.event_maps import (
    MAX_HEADER_CHARACTERS,
    MAX_LINE_CHARACTERS,
    headers_of_maps,
    list_of_texts,
    query_of_maps,
    read_query,
    text_map,
    text_member,
)
from authz_lib.gateway.unknown_events import why_no_authorizer_event

__all__ = [
    "MAX_HEADER_CHARACTERS",
    "MAX_LINE_CHARACTERS",
    "AuthorizerEvent",
    "AuthorizerKind",
    "Event",
    "parse_authorizer_event",
]

AuthorizerKind: TypeAlias = Literal[
    "rest-token", "rest-request", "http-1.0", "http-2.0", "websocket", "appsync", "appsync-events"
]
"""Whose question an authorizer's event is: the kind of API, and of payload."""

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Event:
    """What a gateway sent.  A part is read when it is asked for.

    The names of the headers, the cookies and the query are remembered.

    Rules, the same for every part and every kind of event:

    - A header's name is read in any case.  Its value is read without the white space around it
      (RFC 9110, section 5.5).
    - Where an event holds two maps (``headers`` and ``multiValueHeaders``), both are read.  A value
      that stands in both counts once; two spellings of a name are two values.
    - A map that is absent or ``null`` is empty.  What is there and of another type is refused.
    - What is larger than any gateway sends is refused, see `MAX_HEADER_CHARACTERS` and
      `MAX_LINE_CHARACTERS`.

    Raises:
        UntrustedEventError: from each part, where it is of another type or too large; the message
            names it.

    >>> headers, all_values = {"X-A": " 1 "}, {"x-a": ["1", "2"]}
    >>> Event({"headers": headers, "multiValueHeaders": all_values}).header("x-a")
    ('1', '2')
    """

    __slots__ = ("_cookies", "_lowered", "_query", "raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self._lowered: Mapping[str, Any] | None = None
        self._cookies: tuple[tuple[str, str], ...] | None = None
        self._query: Mapping[str, tuple[str, ...]] | None = None

    @staticmethod
    def of(event: object) -> Event:
        """A reader of ``event``: a mapping, a typed event with a mapping ``raw``, or a reader.

        Anything else holds nothing.
        """
        if isinstance(event, Event):
            return event
        raw = event if isinstance(event, Mapping) else getattr(event, "raw", None)
        return Event(raw if isinstance(raw, Mapping) else {})

    def get(self, member: str, default: Any = None) -> Any:
        """A member of the event itself, as it was sent; for token sources of one's own."""
        return self.raw.get(member, default)

    def header(self, name: str) -> tuple[str, ...]:
        """All values of a header; ``name`` is in lower case."""
        lowered = self._lowered
        if lowered is None:
            lowered = self._lowered = _lower_names(self.raw)
        value = lowered.get(name, ())
        if type(value) is str and len(value) <= MAX_HEADER_CHARACTERS:
            return (value.strip(" \t"),)
        values = [value] if type(value) is str else value
        return tuple([text.strip(" \t") for text in list_of_texts(values, "`headers`")])

    def token_header(self, name: str) -> tuple[str, ...]:
        """All values of a header that may hold the token.

        A TOKEN event holds one header, whatever its name, as ``authorizationToken``.  Elsewhere
        that stands for the header ``authorization`` where there is none.  AppSync keys its results
        on it, so there a header that says something else is a second value.
        """
        values = self.header(name)
        if "authorizationToken" not in self.raw:  # of HTTP APIs, and of most others
            return values
        if name != "authorization" and self.raw.get("type") != "TOKEN":
            return values
        token = self.raw["authorizationToken"]
        if token is None:
            return values
        if type(token) is not str:
            raise UntrustedEventError("`authorizationToken` of the event is not a string")
        if len(token) > MAX_HEADER_CHARACTERS:
            raise UntrustedEventError("`authorizationToken` of the event is too large")
        text = token.strip(" \t")
        if not values:
            return (text,) if text else ()
        return values if "type" in self.raw or text in values else (text, *values)

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """Every header, by its name in lower case."""
        return {name: self.header(name) for name in _lower_names(self.raw)}

    @property
    def cookie_texts(self) -> tuple[str, ...]:
        """The header ``Cookie``, or the parts of it that a 2.0 event holds."""
        listed = self.raw.get("cookies")
        return list_of_texts(listed, "`cookies`") if listed else self.header("cookie")

    @property
    def cookies(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each cookie, in order; one without ``=`` is none."""
        if self._cookies is None:
            texts = [pair for text in self.cookie_texts for pair in text.split(";")]
            pairs = [text.strip(" \t").partition("=") for text in texts]
            self._cookies = tuple([(name, value) for name, sign, value in pairs if sign])
        return self._cookies

    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Every query parameter, decoded, with all its values."""
        if self._query is None:
            text = self.raw.get("rawQueryString")
            if text is None:
                self._query = query_of_maps(self.raw)
            elif type(text) is not str:
                raise UntrustedEventError("`rawQueryString` of the event is not a string")
            elif len(text) > MAX_LINE_CHARACTERS:
                raise UntrustedEventError("`rawQueryString` of the event is too large")
            else:
                self._query = read_query(text) if text else _NOTHING
        return self._query

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The labels of the route as the integration receives them."""
        labels = self.raw.get("pathParameters")
        if type(labels) is dict and _are_plain(labels) and _are_plain(labels.values()):
            return labels
        return text_map(self.raw, "pathParameters")

    @property
    def stage_variables(self) -> Mapping[str, str]:
        """The variables of the stage."""
        return text_map(self.raw, "stageVariables")

    @property
    def identity(self) -> tuple[str, ...] | None:
        """The values of the identity sources; ``None`` where the event does not name them.

        REST and WebSocket APIs do not.  An HTTP API's 1.0 event joins them with commas into one.
        """
        values = self.raw.get("identitySource")
        if values is None:
            return None
        if type(values) is list and _are_plain(values):
            return tuple(values)
        return list_of_texts([values] if type(values) is str else values, "`identitySource`")

    def request_context(self, *names: str) -> Any:
        """A member below ``requestContext``; ``None`` where it is not there."""
        value: Any = self.raw.get("requestContext")
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


def _are_plain(texts: Collection[Any]) -> bool:
    """Whether they are texts, and small: so it is in nearly every event."""
    try:
        return len("".join(texts)) + len(texts) <= MAX_LINE_CHARACTERS
    except TypeError:
        return False


def _lower_names(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Each header's value, or list of values, by its name in lower case."""
    headers = raw.get("headers")
    if (  # nearly every event
        isinstance(headers, dict) and "multiValueHeaders" not in raw and "requestHeaders" not in raw
    ):
        try:
            names = "".join(headers)
            if len(names) <= MAX_HEADER_CHARACTERS:
                if names.isascii() and names.islower():  # so HTTP APIs write them
                    return headers
                lowered = {name.lower(): value for name, value in headers.items()}
                if len(lowered) == len(headers):
                    return lowered
        except TypeError:  # a name is no text: refused below, as names that are too long are
            pass
    return headers_of_maps(raw)


class AuthorizerEvent(Event):
    """One question of a gateway: may this request pass?

    Attributes:
        kind: which contract the event follows; it decides what may be answered.
        api_id: the API that asks.
        arn: the method that is called; ``None`` for AppSync.
        method: the HTTP method; AppSync asks ``POST`` and a WebSocket API ``GET``.  AppSync Events:
            ``GET`` to connect and to subscribe, ``POST`` to publish.
        route: what the gateway matched, see the table; ``None`` for a TOKEN event, which does not
            name it.
        path: the path below the stage, as sent; for AppSync and WebSocket APIs the route.
        request_id: to correlate with the gateway's log.
        raw: the event itself, which holds the token.

    | kind of API | ``route`` |
    |---|---|
    | HTTP | the route key: ``GET /orders/{id}``, ``ANY /x``, ``$default`` |
    | REST | the resource: ``/orders/{id}`` |
    | WebSocket | ``/$connect`` |
    | AppSync | ``/graphql`` |
    | AppSync Events | ``/$connect``; else ``None``, and the channel is the path |
    """

    __slots__ = ("api_id", "arn", "kind", "method", "path", "request_id", "route")

    def __init__(  # noqa: PLR0917  made per request: keywords would cost more
        self,
        raw: Mapping[str, Any],
        kind: AuthorizerKind,
        api_id: str,
        arn: MethodArn | None,
        method: str,
        route: str | None,
        path: str,
        request_id: object,
    ) -> None:
        self.raw = raw
        self._lowered = self._cookies = self._query = None
        self.kind: AuthorizerKind = kind
        self.api_id = api_id
        self.arn = arn
        self.method = method
        self.route = route
        self.path = path
        self.request_id = request_id if type(request_id) is str else None

    def __repr__(self) -> str:  # `raw` holds tokens
        return f"<AuthorizerEvent {self.kind} of {self.api_id}: {self.method} {self.route}>"

    @property
    def account_id(self) -> str:
        """The account of the API."""
        return self.arn.account if self.arn else text_member(_context(self.raw), "accountId")

    @property
    def route_name(self) -> str | None:
        """Method and route as the gateway was configured with them, for a log."""
        route = self.route
        return f"{self.method} {route}" if route and route.startswith("/") else route

    @property
    def query(self) -> Mapping[str, tuple[str, ...]] | None:
        """Every query parameter; ``None`` where no event tells them: REST TOKEN and AppSync."""
        if self.kind == "http-2.0" and self.raw.get("rawQueryString") == "":  # nearly every one
            return _NOTHING
        return None if self.kind in _WITHOUT_QUERY else self.parameters()

    @property
    def is_decoded(self) -> bool:
        """Whether the gateway has decoded the path that it hands over, as HTTP APIs do."""
        return self.kind in _DECODED


_DECODED = frozenset({"http-1.0", "http-2.0"})
_WITHOUT_QUERY = frozenset({"rest-token", "appsync", "appsync-events"})


def parse_authorizer_event(event: Mapping[str, Any]) -> AuthorizerEvent:
    """Read what a Lambda authorizer receives.

    Kinds: REST TOKEN, REST REQUEST, HTTP 1.0, HTTP 2.0, WebSocket, AppSync and AppSync Events.

    Only the shape is checked.  That the event comes from a gateway follows from who may invoke the
    function.  A token in it is verified elsewhere.

    Raises:
        UntrustedEventError: the event is of no known kind, or lacks a member; the message names it.

    See the API Gateway developer guide, "Input to an API Gateway Lambda authorizer" and "AWS Lambda
    authorizers for HTTP APIs", and the AppSync developer guide, "AWS_LAMBDA authorization".

    >>> arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/orders/7"
    >>> token = {"type": "TOKEN", "authorizationToken": "Bearer x"}
    >>> event = parse_authorizer_event({**token, "methodArn": arn})
    >>> event.kind, event.method, event.path, event.route
    ('rest-token', 'GET', '/orders/7', None)
    >>> parse_authorizer_event(token)
    Traceback (most recent call last):
      ...
    authz_lib.errors.UntrustedEventError: `methodArn` of the event is missing or not a string
    """
    if not isinstance(event, dict):
        raise UntrustedEventError("the event is not a JSON object")
    kind = event.get("type")
    if kind == "REQUEST":
        version = event.get("version")
        if version == "2.0":
            return _http_two(event)
        if version == "1.0":
            return _version_one(event, "http-1.0")
        if version is not None:
            raise UntrustedEventError("`version` of the event is neither `1.0` nor `2.0`")
        if "connectionId" in _context(event):
            return _websocket(event)
        return _version_one(event, "rest-request")
    if kind == "TOKEN":
        return _rest_token(event)
    if kind is None and "authorizationToken" in event and "requestContext" in event:
        return _appsync(event)
    raise UntrustedEventError(why_no_authorizer_event(event))


def _http_two(event: Mapping[str, Any]) -> AuthorizerEvent:
    try:
        arn = MethodArn.parse(event["routeArn"])
    except (KeyError, InvalidRequestError):
        arn = _arn(event, "routeArn")
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else _context(event)
    if not isinstance(context, dict) or not isinstance(http, dict):
        raise UntrustedEventError("`requestContext.http` of the event is missing or not an object")
    method, route, path = http.get("method"), event.get("routeKey"), event.get("rawPath")
    if not (type(method) is type(route) is type(path) is str and method and route and path):
        text_member(http, "method", "requestContext.http."), text_member(event, "rawPath")
        raise UntrustedEventError("`routeKey` of the event is missing or not a string")
    if len(method) + len(route) + len(path) > MAX_LINE_CHARACTERS:
        raise UntrustedEventError("`rawPath` or `routeKey` of the event is too large")
    # On the API's own domain `rawPath` starts with the name of the stage, unless that is
    # `$default`.  On a custom domain it never does; it may start with a mapping's key instead.
    # Cutting it off there would turn `/admin/users` of a stage called `admin` into `/users`.
    api, stage, domain = arn.api, arn.stage, context.get("domainName")
    if type(domain) is str and not domain.startswith(f"{api}.execute-api."):
        path = arn.path if arn.path and path.endswith(arn.path) else path
    elif stage != "$default" and f"{path}/".startswith(f"/{stage}/"):
        text_member(context, "domainName", "requestContext.")  # without it, either could be meant
        path = path[len(stage) + 1 :] or "/"
    return AuthorizerEvent(
        event, "http-2.0", api, arn, method, route, path, context.get("requestId")
    )


def _version_one(event: Mapping[str, Any], kind: AuthorizerKind) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _context(event)
    _check_api(context, arn)
    method = text_member(event, "httpMethod")
    if method != arn.method:
        raise UntrustedEventError("`httpMethod` of the event and its ARN differ")
    route, request_id = text_member(event, "resource"), context.get("requestId")
    return AuthorizerEvent(event, kind, arn.api, arn, method, route, arn.path or "/", request_id)


def _rest_token(event: Mapping[str, Any]) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    text_member(event, "authorizationToken")
    path = arn.path or "/"
    return AuthorizerEvent(event, "rest-token", arn.api, arn, arn.method, None, path, None)


def _websocket(event: Mapping[str, Any]) -> AuthorizerEvent:
    arn = _arn(event, "methodArn")
    context = _context(event)
    _check_api(context, arn)
    key = text_member(context, "routeKey", "requestContext.")
    if key != arn.method:
        raise UntrustedEventError("`requestContext.routeKey` of the event and its ARN differ")
    route, request_id = f"/{key}", context.get("requestId")
    return AuthorizerEvent(event, "websocket", arn.api, arn, "GET", route, route, request_id)


def _appsync(event: Mapping[str, Any]) -> AuthorizerEvent:
    context = _context(event)
    text_member(event, "authorizationToken")
    api = text_member(context, "apiId", "requestContext.")
    text_member(context, "accountId", "requestContext.")
    route, request_id = "/graphql", context.get("requestId")
    if asks_about_channels(context):
        method, path = method_and_channel(context)
        given = path if path == CONNECT else None
        return AuthorizerEvent(event, "appsync-events", api, None, method, given, path, request_id)
    return AuthorizerEvent(event, "appsync", api, None, "POST", route, route, request_id)


def _arn(event: Mapping[str, Any], name: str) -> MethodArn:
    try:
        return MethodArn.parse(event.get(name) or text_member(event, name))
    except InvalidRequestError:
        text_member(event, name)
        raise UntrustedEventError(f"`{name}` of the event is not the ARN of a method") from None


def _context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    value = event.get("requestContext")
    if isinstance(value, dict):
        return value
    raise UntrustedEventError("`requestContext` of the event is missing or not an object")


def _check_api(context: Mapping[str, Any], arn: MethodArn) -> None:
    if text_member(context, "apiId", "requestContext.") != arn.api:
        raise UntrustedEventError("`requestContext.apiId` of the event and its ARN differ")

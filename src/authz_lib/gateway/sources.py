"""Where a token is read from an event: the order is explicit, and what is ambiguous is refused.

Works on every authorizer event (REST ``TOKEN`` and ``REQUEST``, HTTP API 1.0 and 2.0, WebSocket,
AppSync) and on proxy events (REST, HTTP API, function URL, load balancer, VPC Lattice).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from authz_lib._support.checks import FIELD_NAME, require_flag
from authz_lib.errors import (
    AmbiguousTokenError,
    ConfigurationError,
    InvalidTokenError,
    MissingTokenError,
)
from authz_lib.gateway.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BearerToken",
    "Cookie",
    "Header",
    "QueryParameter",
    "Subprotocol",
    "TokenSource",
    "read_token",
]

_ANY_NAME: Final = re.compile(r".+", re.DOTALL)
# RFC 9110, section 11.2; deleting them all at once takes half the time of a regular expression.
_TOKEN68: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"


class TokenSource(Protocol):
    """One place of an event that may hold a token.

    Attributes:
        kind: ``"header"``, ``"cookie"`` or ``"querystring"``.
        name: the name of the header, cookie or parameter; a header's in lower case.
    """

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def read(self, event: Event, /) -> str | None:
        """The token, or ``None`` when this place is empty.

        The sources of this module take a mapping too, or a typed event with a mapping ``raw``.
        """
        ...


def read_token(event: object, sources: Sequence[TokenSource]) -> str:
    """The one token of an event: the first source that holds one.

    Args:
        event: a mapping, a typed event with a mapping ``raw``, or an `Event`.
        sources: where to look.

    Raises:
        MissingTokenError: no source holds a token.
        AmbiguousTokenError: two sources hold different tokens, or one source is given twice.
        InvalidTokenError: a source holds something that is no token.
        UntrustedEventError: a part of the event is of another type than a gateway sends.

    >>> event = {"headers": {"Authorization": "Bearer abc"}}
    >>> read_token(event, [BearerToken(), Cookie("session")])
    'abc'
    """
    reader = event if isinstance(event, Event) else Event.of(event)
    if len(sources) == 1:  # of most authorizers
        token = sources[0].read(reader)
        if token is not None:
            return token
    found, by = None, None
    for source in sources:
        token = source.read(reader)
        if token is None:
            continue
        if by is not None and found is not None and token != found:
            if not _is_one_header(reader, source, by):
                raise AmbiguousTokenError("the request holds more than one token")
            if len(token) > len(found):  # the one without the scheme is the token
                continue
        found, by = token, source
    if found is None:
        raise MissingTokenError(
            f"none of the configured sources holds a token{_another_form(reader, sources)}",
            configured={"token_sources": tuple(map(repr, sources))},
        )
    return found


def _another_form(event: Event, sources: Sequence[TokenSource]) -> str:
    """Which configured headers are there, and are not read: a raw token, say, without `Bearer`."""
    # One of your own may have neither name nor kind.
    headers = [source for source in sources if getattr(source, "kind", "") == "header"]
    names = [source.name for source in headers]
    there = [name for name in dict.fromkeys(names) if any(event.token_header(name))]
    if not there:
        return ""
    return f"; {', '.join(f'`{name}`' for name in there)} is there, in another form"


def _is_one_header(event: Event, one: TokenSource, other: TokenSource) -> bool:
    """Whether two sources read one header: a TOKEN event has no other."""
    if not one.kind == other.kind == "header":
        return False
    return one.name == other.name or event.get("type") == "TOKEN"


class Header:
    """A header whose whole value is the token, such as ``x-amzn-oidc-accesstoken``.

    The name is case-insensitive on every kind of event.  A comma is refused as ambiguous: it is
    what a gateway joins two values with.

    Args:
        name: the header.  On a TOKEN event it is the one that the event holds.
        prefix: what a client writes before the token, exactly; a value without it is no token.
            For AppSync, which takes ``Bearer x`` and a bare token of its own pool itself.

    Raises:
        ConfigurationError: ``name`` is not a header name, or ``prefix`` no text.

    >>> Header("x-token").read({"headers": {"X-Token": "abc"}})
    'abc'
    >>> Header("authorization", prefix="my-").read({"authorizationToken": "my-abc"})
    'abc'
    """

    __slots__ = ("_prefix", "name")

    def __init__(self, name: str, *, prefix: str = "") -> None:
        self.name = _require_name(name, FIELD_NAME).lower()
        if type(prefix) is not str or "," in prefix or prefix != prefix.lstrip():
            raise ConfigurationError("`prefix` is a text without commas and leading white space")
        self._prefix = prefix

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    def read(self, event: object, /) -> str | None:
        """The value, or ``None`` when the header is absent or empty.

        Raises:
            AmbiguousTokenError: the header is given more than once.
        """
        value = _only(Event.of(event).token_header(self.name), f"the header `{self.name}`")
        if value is None or not value.startswith(self._prefix):
            return None
        return value[len(self._prefix) :] or None

    def __repr__(self) -> str:
        return f"Header({self.name!r}{f', prefix={self._prefix!r}' if self._prefix else ''})"


class BearerToken:
    """The token of ``Authorization: Bearer``: the scheme in any case, one space, one token68.

    Another scheme (``Basic``, ``AWS4-HMAC-SHA256``) is no token.  The scheme followed by anything
    else is an invalid one.

    Args:
        header: the header.  On a TOKEN event it is the one that the event holds.
        scheme: what stands before the token, such as ``Token`` or ``JWT``.
        required: ``False`` takes a token without a scheme too, as Amplify sends it.

    Raises:
        ConfigurationError: ``header`` or ``scheme`` is no name, or ``required`` no bool.

    See RFC 6750, section 2.1, and RFC 9110, section 11.2.

    >>> BearerToken().read({"type": "TOKEN", "authorizationToken": "bearer abc"})
    'abc'
    >>> either = BearerToken(scheme="JWT", required=False)
    >>> either.read({"headers": {"Authorization": "abc"}})
    'abc'
    """

    __slots__ = ("_length", "_lowered", "_required", "_scheme", "_start", "name")

    def __init__(
        self, *, header: str = "authorization", scheme: str = "Bearer", required: bool = True
    ) -> None:
        self.name = _require_name(header, FIELD_NAME, "header").lower()
        self._scheme = _require_name(scheme, FIELD_NAME, "scheme")
        self._lowered, self._length = scheme.lower(), len(scheme)
        self._start = f"{scheme} "
        require_flag(required, "required")
        self._required = required

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    def read(self, event: object, /) -> str | None:
        """The token, or ``None`` without such a header of this scheme.

        Raises:
            AmbiguousTokenError: the header is given more than once.
            InvalidTokenError: the scheme is there and what follows is not one token.
        """
        reader = event if isinstance(event, Event) else Event.of(event)
        values = reader.token_header(self.name)
        if len(values) > 1:
            raise AmbiguousTokenError(f"the header `{self.name}` is given more than once")
        if not values:
            return None
        value, length = values[0], self._length
        if value.startswith(self._start) and _is_token68(token := value[length + 1 :]):
            return token  # nearly every one; the rest says the same of it
        if not self._required and _is_token68(value) and value.lower() != self._lowered:
            return value
        if value[:length].lower() != self._lowered:
            return None
        token = value[length + 1 :]
        bare = token.rstrip("=")  # as `_is_token68`, without a call for nearly every request
        if (
            value[length : length + 1] == " "
            and bare
            and bare.isascii()
            and not bare.encode("ascii").translate(None, _TOKEN68)
        ):
            return token
        if "," in value:
            raise AmbiguousTokenError(f"the header `{self.name}` is given more than once")
        raise InvalidTokenError(f"`{self.name}` is not `{self._scheme}` and one token")

    def __repr__(self) -> str:
        given = [f"header={self.name!r}"] if self.name != "authorization" else []
        given += [f"scheme={self._scheme!r}"] if self._lowered != "bearer" else []
        return f"BearerToken({', '.join(given + ([] if self._required else ['required=False']))})"


def _is_token68(text: str) -> bool:
    if not text.isascii():
        return False
    if not text.encode("ascii").translate(None, _TOKEN68):
        return text != ""
    bare = text.rstrip("=")
    return bare != "" and not bare.encode("ascii").translate(None, _TOKEN68)


class Subprotocol:
    """The token in ``Sec-WebSocket-Protocol``, for browsers, which can set no other header.

    The client offers two subprotocols, a name and after it the token: ``new WebSocket(url,
    ["bearer", token])``.  The service must answer with one that was offered, so with the name,
    never with the token.

    >>> headers = {"Sec-WebSocket-Protocol": "chat, bearer, abc"}
    >>> Subprotocol("bearer").read({"headers": headers})
    'abc'
    """

    __slots__ = ("_before", "name")

    def __init__(self, before: str) -> None:
        self._before = _require_name(before, FIELD_NAME, "before")
        self.name = "sec-websocket-protocol"

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    def read(self, event: object, /) -> str | None:
        """The subprotocol after the name, or ``None`` where that is not offered.

        Raises:
            AmbiguousTokenError: the name is offered more than once.
            InvalidTokenError: nothing follows it.
        """
        lists = Event.of(event).header(self.name)
        offered = [text.strip(" \t") for value in lists for text in value.split(",")]
        if offered.count(self._before) > 1:
            raise AmbiguousTokenError(f"the subprotocol `{self._before}` is offered more than once")
        if self._before not in offered:
            return None
        token = offered[offered.index(self._before) + 1 :][:1]
        if not token or not _is_token68(token[0]):
            raise InvalidTokenError(f"no token follows the subprotocol `{self._before}`")
        return token[0]

    def __repr__(self) -> str:
        return f"Subprotocol({self._before!r})"


class Cookie:
    """A cookie whose value is the token.

    >>> Cookie("session").read({"cookies": ["theme=dark", "session=abc"]})
    'abc'
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _require_name(name, FIELD_NAME)

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "cookie"

    def read(self, event: object, /) -> str | None:
        """The value, or ``None`` without that cookie.

        Raises:
            AmbiguousTokenError: two cookies of that name: a sibling domain may have set one.
        """
        values = [value for name, value in Event.of(event).cookies if name == self.name]
        if len(values) > 1:
            raise AmbiguousTokenError(f"the cookie `{self.name}` is given more than once")
        return values[0] or None if values else None

    def __repr__(self) -> str:
        return f"Cookie({self.name!r})"


class QueryParameter:
    """A query parameter whose value is the token, for WebSocket connections.

    A URL ends up in logs and histories, so use it for tokens that live for seconds.

    >>> QueryParameter("token").read({"queryStringParameters": {"token": "abc"}})
    'abc'
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _require_name(name, _ANY_NAME)

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "querystring"

    def read(self, event: object, /) -> str | None:
        """The value, or ``None`` without that parameter.

        Raises:
            AmbiguousTokenError: the parameter is given more than once.
        """
        values = Event.of(event).parameters().get(self.name, ())
        return _only(values, f"the parameter `{self.name}`")

    def __repr__(self) -> str:
        return f"QueryParameter({self.name!r})"


def _require_name(name: object, form: re.Pattern[str], argument: str = "name") -> str:
    if not isinstance(name, str) or not form.fullmatch(name):
        raise ConfigurationError(
            f"`{argument}` must be the name of a header, cookie or parameter"
            if argument == "name"
            else f"`{argument}` must be one word, as a header's name"
        )
    return name


def _only(values: Sequence[str], what: str) -> str | None:
    """The only value.  Two equal ones are ambiguous too: nobody says who reads which."""
    if len(values) > 1 or (values and "," in values[0]):
        raise AmbiguousTokenError(f"{what} is given more than once")
    return values[0] or None if values else None

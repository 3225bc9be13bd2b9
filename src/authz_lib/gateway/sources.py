"""Where a token is read from an event: the order is explicit, and what is ambiguous is refused.

Works on every authorizer event (REST ``TOKEN`` and ``REQUEST``, HTTP API 1.0 and 2.0, WebSocket,
AppSync) and on proxy events (REST, HTTP API, function URL, load balancer, VPC Lattice).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from authz_lib._support.checks import FIELD_NAME
from authz_lib.errors import (
    AmbiguousTokenError,
    ConfigurationError,
    InvalidTokenError,
    MissingTokenError,
)
from authz_lib.gateway.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BearerToken", "Cookie", "Header", "QueryParameter", "TokenSource", "read_token"]

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
    found = None
    for source in sources:
        token = source.read(reader)
        if token is None:
            continue
        if found is not None and token != found:
            raise AmbiguousTokenError("the request holds more than one token")
        found = token
    if found is None:
        raise MissingTokenError(
            "none of the configured sources holds a token",
            configured={"token_sources": tuple(map(repr, sources))},
        )
    return found


class Header:
    """A header whose whole value is the token, such as ``x-amzn-oidc-accesstoken``.

    The name is case-insensitive on every kind of event.  A comma is refused as ambiguous: it is
    what a gateway joins two values with.

    Raises:
        ConfigurationError: ``name`` is not a header name.

    >>> Header("x-token").read({"headers": {"X-Token": "abc"}})
    'abc'
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _require_name(name, FIELD_NAME).lower()

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    def read(self, event: object, /) -> str | None:
        """The value, or ``None`` when the header is absent or empty.

        Raises:
            AmbiguousTokenError: the header is given more than once.
        """
        return _only(Event.of(event).token_header(self.name), f"the header `{self.name}`")

    def __repr__(self) -> str:
        return f"Header({self.name!r})"


class BearerToken:
    """The token of ``Authorization: Bearer``: the scheme in any case, one space, one token68.

    Another scheme (``Basic``, ``AWS4-HMAC-SHA256``) is no token.  ``Bearer`` followed by anything
    else is an invalid one.

    See RFC 6750, section 2.1, and RFC 9110, section 11.2.

    >>> BearerToken().read({"type": "TOKEN", "authorizationToken": "bearer abc"})
    'abc'
    """

    __slots__ = ()

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    @property
    def name(self) -> str:
        """See `TokenSource`."""
        return "authorization"

    def read(self, event: object, /) -> str | None:
        """The token, or ``None`` without an ``Authorization`` header of this scheme.

        Raises:
            AmbiguousTokenError: the header is given more than once.
            InvalidTokenError: the scheme is ``Bearer`` and what follows is not one token.
        """
        reader = event if isinstance(event, Event) else Event.of(event)
        values = reader.token_header("authorization")
        if len(values) > 1:
            raise AmbiguousTokenError("the header `authorization` is given more than once")
        if not values or values[0][:6].lower() != "bearer":
            return None
        value, token = values[0], values[0][7:]
        bare = token.rstrip("=")
        if (
            value[6:7] == " "
            and bare
            and bare.isascii()
            and not bare.encode("ascii").translate(None, _TOKEN68)
        ):
            return token
        if "," in value:
            raise AmbiguousTokenError("the header `authorization` is given more than once")
        raise InvalidTokenError("`Authorization` is not `Bearer` and one token")

    def __repr__(self) -> str:
        return "BearerToken()"


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


def _require_name(name: object, form: re.Pattern[str]) -> str:
    if not isinstance(name, str) or not form.fullmatch(name):
        raise ConfigurationError("`name` must be the name of a header, cookie or parameter")
    return name


def _only(values: Sequence[str], what: str) -> str | None:
    """The only value.  Two equal ones are ambiguous too: nobody says who reads which."""
    if len(values) > 1 or (values and "," in values[0]):
        raise AmbiguousTokenError(f"{what} is given more than once")
    return values[0] or None if values else None

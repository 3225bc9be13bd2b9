"""Where a token is read from an event: the order is explicit, and what is ambiguous is refused.

Works on every authorizer event (REST ``TOKEN`` and ``REQUEST``, HTTP API 1.0 and 2.0, WebSocket,
AppSync) and on proxy events (REST, HTTP API, function URL, load balancer, VPC Lattice), as plain
mappings or as typed events with a ``raw`` mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl

from authz_lib.errors import (
    AmbiguousTokenError,
    ConfigurationError,
    InvalidTokenError,
    MissingTokenError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BearerToken", "Cookie", "Header", "QueryParameter", "TokenSource", "read_token"]

_FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ANY_NAME: Final = re.compile(r".+", re.DOTALL)
# RFC 9110, section 11.2; deleting them all at once takes a twentieth of the time of a regular
# expression.
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

    def read(self, event: object) -> str | None:
        """The token, or ``None`` when this place is empty."""
        ...


def read_token(event: object, sources: Sequence[TokenSource]) -> str:
    """The one token of an event: the first source that holds one, provided that no other holds a
    different one.

    Raises:
        MissingTokenError: no source holds a token.
        AmbiguousTokenError: two sources hold different tokens, or one source is given twice.
        InvalidTokenError: a source holds something that is no token.

    >>> read_token({"headers": {"Authorization": "Bearer abc"}}, [BearerToken(), Cookie("session")])
    'abc'
    """
    found = [token for source in sources if (token := source.read(event)) is not None]
    if not found:
        raise MissingTokenError("none of the configured sources holds a token")
    if len(set(found)) > 1:
        raise AmbiguousTokenError("the request holds more than one token")
    return found[0]


def _require_name(name: object, form: re.Pattern[str]) -> str:
    if not isinstance(name, str) or not form.fullmatch(name):
        raise ConfigurationError("`name` must be the name of a header, cookie or parameter")
    return name


def _one_of(values: Sequence[str], what: str) -> str | None:
    """The only value.  Two are ambiguous even when they are the same: who reads which is not for us
    to guess.
    """
    if len(values) > 1:
        raise AmbiguousTokenError(f"{what} is given more than once")
    return values[0] if values and values[0] else None


def _is_token68(text: str) -> bool:
    bare = text.rstrip("=")
    return bool(bare) and bare.isascii() and not bare.encode("ascii").translate(None, _TOKEN68)


class Header:
    """A header whose whole value is the token, such as ``x-amzn-oidc-accesstoken``.

    The name is case-insensitive on every event kind.  A comma is what a gateway joins two values
    with: it is ambiguous.

    Raises:
        ConfigurationError: ``name`` is not a header name.

    >>> Header("x-amzn-oidc-accesstoken").read({"headers": {"X-Amzn-Oidc-AccessToken": "abc"}})
    'abc'
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _require_name(name, _FIELD_NAME).lower()

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "header"

    def read(self, event: object) -> str | None:
        """The value, or ``None`` when the header is absent or empty.

        Raises:
            AmbiguousTokenError: the header is given more than once.
        """
        value = _one_of(_header_values(event, self.name), f"the header `{self.name}`")
        if value is not None and "," in value:
            raise AmbiguousTokenError(f"the header `{self.name}` is given more than once")
        return value

    def __repr__(self) -> str:
        return f"Header({self.name!r})"


class BearerToken:
    """The token of ``Authorization: Bearer`` (RFC 6750, section 2.1): the scheme in any case, one
    space, one token68.

    Another scheme (``Basic``, ``AWS4-HMAC-SHA256``) is no token; ``Bearer`` followed by anything
    else is an invalid one.

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

    def read(self, event: object) -> str | None:
        """The token, or ``None`` without an ``Authorization`` header of this scheme.

        Raises:
            AmbiguousTokenError: the header is given more than once.
            InvalidTokenError: the scheme is ``Bearer`` and what follows is not one token.
        """
        value = _one_of(_header_values(event, "authorization"), "the header `authorization`")
        if value is None or value[:6].lower() != "bearer":
            return None
        if "," in value:
            raise AmbiguousTokenError("the header `authorization` is given more than once")
        token = value[7:]
        if value[6:7] != " " or not _is_token68(token):
            raise InvalidTokenError("`Authorization` is not `Bearer` and one token")
        return token

    def __repr__(self) -> str:
        return "BearerToken()"


class Cookie:
    """A cookie whose value is the token.

    >>> Cookie("session").read({"version": "2.0", "cookies": ["theme=dark", "session=abc"]})
    'abc'
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _require_name(name, _FIELD_NAME)

    @property
    def kind(self) -> str:
        """See `TokenSource`."""
        return "cookie"

    def read(self, event: object) -> str | None:
        """The value, or ``None`` without that cookie.

        Raises:
            AmbiguousTokenError: two cookies of that name: a sibling domain may have set one.
        """
        values = [value for name, value in _cookies(event) if name == self.name]
        return _one_of(values, f"the cookie `{self.name}`")

    def __repr__(self) -> str:
        return f"Cookie({self.name!r})"


class QueryParameter:
    """A query parameter whose value is the token: for WebSocket connections, which cannot send
    headers.

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

    def read(self, event: object) -> str | None:
        """The value, or ``None`` without that parameter.

        Raises:
            AmbiguousTokenError: the parameter is given more than once.
        """
        value = _one_of(_parameter_values(event, self.name), f"the parameter `{self.name}`")
        if value is not None and "," in value:
            raise AmbiguousTokenError(f"the parameter `{self.name}` is given more than once")
        return value

    def __repr__(self) -> str:
        return f"QueryParameter({self.name!r})"


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    """A member that must be a mapping to be read; absent, ``null`` and anything else are empty."""
    member = value.get(name) if isinstance(value, Mapping) else None
    return member if isinstance(member, Mapping) else {}


def _raw(event: object) -> object:
    return event if isinstance(event, Mapping) else getattr(event, "raw", None)


def _strings(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [item for item in values if isinstance(item, str)]


def _named(members: object, name: str) -> list[str]:
    """All the values of a header, whatever the case of its name; two spellings of it are two
    headers.
    """
    if not isinstance(members, (dict, Mapping)):  # `dict` is what it is, and the cheap question
        return []
    size = len(
        name
    )  # few names are as long; lower case is as long as upper case in what a header's name may hold
    try:
        found = [
            value for key, value in members.items() if len(key) == size and key.lower() == name
        ]
    except (TypeError, AttributeError):  # a key that is no text, which JSON has none of
        return _named({key: value for key, value in members.items() if type(key) is str}, name)
    if len(found) == 1 and type(found[0]) is str:
        return found
    return [text for value in found for text in _strings(value)]


def _header_values(event: object, name: str) -> list[str]:
    """The values of a header.  Where an event carries both maps, the multi-value one holds all that
    the other holds.
    """
    raw = _raw(event)
    if not isinstance(raw, (dict, Mapping)):
        return []
    if name == "authorization" and "authorizationToken" in raw and "type" not in raw:
        return _appsync_authorization(raw)
    values = _named(raw.get("multiValueHeaders"), name)
    if not values:
        values = _named(raw.get("headers"), name) or _named(raw.get("requestHeaders"), name)
    if (
        not values
        and name == "authorization"
        and isinstance(token := raw.get("authorizationToken"), str)
    ):
        values = [token]
    return [value.strip(" \t") for value in values]


def _appsync_authorization(raw: Mapping[str, Any]) -> list[str]:
    """What AppSync keys its results on; a header that says something else is a second value."""
    found = [
        *_strings(raw.get("authorizationToken")),
        *_named(raw.get("requestHeaders"), "authorization"),
    ]
    return list(dict.fromkeys(value.strip(" \t") for value in found))


def _cookies(event: object) -> Iterator[tuple[str, str]]:
    raw = _raw(event)
    listed = _strings(raw.get("cookies", [])) if isinstance(raw, Mapping) else []
    for text in listed or _header_values(event, "cookie"):
        for pair in text.split(";"):
            name, separator, value = pair.strip(" \t").partition("=")
            if separator:
                yield name, value


def _parameter_values(event: object, name: str) -> list[str]:
    raw = _raw(event)
    query = raw.get("rawQueryString") if isinstance(raw, Mapping) else None
    if isinstance(query, str):
        return [value for key, value in parse_qsl(query, keep_blank_values=True) if key == name]
    multiple = _mapping(raw, "multiValueQueryStringParameters").get(name)
    values = _strings(multiple) if multiple is not None else []
    return (
        values
        or _strings(_mapping(raw, "queryStringParameters").get(name))
        or _strings(_mapping(raw, "query_string_parameters").get(name))  # VPC Lattice, version 1.0
    )

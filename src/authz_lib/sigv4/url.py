"""The canonical URL: written once, then signed and sent as it is.

A signature fails where the URL that was signed and the URL that was sent differ by one character,
and every HTTP client rewrites URLs in its own way.  A canonical URL leaves nothing to rewrite: only
unreserved characters (RFC 3986, section 2.3) stand unencoded, escapes are upper case, the default
port is gone, a query flag ``x`` is ``x=``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

from authz_lib.errors import ConfigurationError, InvalidRequestError

__all__ = [
    "CanonicalURL",
    "Query",
    "base_of",
    "canonical_url",
    "is_loopback",
    "join_path",
    "quote_segment",
    "without_doubling",
]

Query: TypeAlias = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]
"""Decoded names and values; a name that maps to several values is repeated in their order."""

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CANONICAL_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")
_ESCAPE_OR_TEXT = re.compile(r"%[0-9A-Fa-f]{2}|%|[^%]+")
# Names that a presigned URL carries: beside a signature in the headers, nobody can say which of the
# two counts.
_PRESIGNED = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-region-set",
    }
    | {"x-amz-s3session-token", "x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"}
)
_LOCAL = re.compile(r"(localhost|(.+\.)?localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")
_DEFAULT_PORT = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class CanonicalURL:
    """A URL whose text is both what is signed and what is sent.

    Attributes:
        scheme: ``"https"`` or ``"http"``.
        host: the exact ``Host`` header: lower case, with the port unless it is the default one.
        path: encoded, begins with a slash.
        query: encoded, in the order given; empty when there is none.
    """

    scheme: str
    host: str
    path: str
    query: str

    @property
    def target(self) -> str:
        """Path and query: the request target of HTTP/1.1."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"


def canonical_url(url: str, query: Query | None = None) -> CanonicalURL:
    """Write ``url`` in the one form that is signed and sent.

    Escapes in ``url`` are kept (``%2f`` becomes ``%2F``, it never becomes a slash); a lone ``%``
    becomes ``%25``.  In the query of ``url`` a ``+`` is a space, as every form encoder writes it;
    names and values in ``query`` are plain text, so there a ``+`` is a plus.  The order of the
    query is kept: the signature sorts, the wire does not.

    Refused on purpose: dot segments (``..`` and its escapes: clients and gateways resolve them
    differently, and an id that reads ``..`` must not reach another route), fragments, user
    information, control characters, hosts that are not plain ASCII, query names of a presigned URL
    (``X-Amz-Signature``, ...).  Repeated slashes are kept.  It is not checked that the host exists
    or may be called.

    Raises:
        InvalidRequestError: the URL cannot be signed; the message never quotes it.

    >>> str(canonical_url("https://ABC.example.com:443/a b/%2f?flag&q=x+y", query={"z": "1+1"}))
    'https://abc.example.com/a%20b/%2F?flag=&q=x%20y&z=1%2B1'

    RFC 3986; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    parsed = _parse(url)
    if not query:
        return parsed
    more = _joined(_pairs(query))
    return CanonicalURL(
        parsed.scheme, parsed.host, parsed.path, f"{parsed.query}&{more}" if parsed.query else more
    )


def base_of(base_url: str, *, require_https: bool) -> CanonicalURL:
    """The URL of an API that signed calls go to.

    Raises:
        ConfigurationError: it cannot be signed, or it is ``http`` to a host that is not loopback.

    >>> base_of("https://abc.example.com/prod", require_https=True).host
    'abc.example.com'
    """
    if not isinstance(base_url, str):  # `os.environ.get` of what is not set
        raise ConfigurationError("`base_url` is not a text")
    try:
        base = canonical_url(base_url)
    except InvalidRequestError as error:
        raise ConfigurationError(f"`base_url`: {error}") from None
    if base.scheme != "https" and require_https and not is_loopback(base.host):
        raise ConfigurationError("`base_url` is not `https`")
    return base


def is_loopback(host: str) -> bool:
    """Whether a host, perhaps with a port, is this machine: 127.0.0.0/8, ``[::1]``, ``localhost``,
    ``*.localhost``.

    >>> is_loopback("[::1]:4566"), is_loopback("localhost.example.com")
    (True, False)
    """
    return _LOCAL.fullmatch(host) is not None


def join_path(base: str, path: str) -> str:
    """Join a base URL and a path with exactly one slash between them; an empty path or ``"/"`` is
    the base itself.

    Nothing is left out: an id that reads like the end of the base must not reach the base.  The
    base has no query.

    >>> join_path("https://abc.example.com/prod/", "/execute")
    'https://abc.example.com/prod/execute'
    """
    base = base.rstrip("/")
    route, mark, query = path.partition("?")
    route = route.strip("/") + ("/" if route.endswith("/") and route.strip("/") else "")
    return f"{base}/{route}{mark}{query}" if route else f"{base}{mark}{query}"


def without_doubling(base: str, path: str) -> str:
    """What of a configured path is missing in a configured base URL, which may end with it already.

    Not for a path that holds somebody's id: an id that reads like the end of the base would be left
    out.

    >>> without_doubling("https://abc.example.com/prod/execute/", "/execute"), without_doubling("https://a.test", "/b")
    ('', '/b')
    """
    route, mark, query = path.partition("?")
    route = route.strip("/")
    doubled = bool(route) and canonical_url(base).path.rstrip("/").endswith(f"/{route}")
    return f"{mark}{query}" if doubled else path


def quote_segment(value: str) -> str:
    """Encode one path segment, such as an id, so that it cannot leave its place in the path.

    Raises:
        InvalidRequestError: the value is empty, ``.`` or ``..``, or is not valid text.

    >>> quote_segment("orders/17?x")
    'orders%2F17%3Fx'
    """
    if value in {"", ".", ".."}:
        raise InvalidRequestError("a path segment is empty or a dot segment", field="path")
    return _encode(_to_bytes(value, "path"))


@lru_cache(maxsize=128)  # a client calls few URLs, many times
def _parse(url: str) -> CanonicalURL:
    if _CONTROL.search(url):
        raise InvalidRequestError("the URL contains a control character", field="url")
    found = _URL.fullmatch(url)
    if found is None:
        raise InvalidRequestError(
            "the URL is not absolute `http` or `https`, or has a fragment", field="url"
        )
    scheme, authority, path, query = found.groups()
    scheme = scheme.lower()
    return CanonicalURL(
        scheme,
        _canonical_host(scheme, authority),
        _canonical_path(path),
        _canonical_query(query or ""),
    )


def _canonical_host(scheme: str, authority: str) -> str:
    found = _HOST.fullmatch(authority.lower()) if authority.isascii() else None
    if found is None:
        raise InvalidRequestError(
            "the host of the URL is not a plain host name or address with a port", field="url"
        )
    host, port = found.groups()
    if port is None or port == _DEFAULT_PORT[scheme]:
        return host
    if not 0 < int(port) <= 65535 or port[0] == "0":
        raise InvalidRequestError("the port of the URL is not between 1 and 65535", field="url")
    return f"{host}:{port}"


def _canonical_path(path: str) -> str:
    if not _CANONICAL_PATH.fullmatch(path):
        path = "/".join(_encode(_decode(segment)) for segment in path.split("/"))
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise InvalidRequestError("the path of the URL has a dot segment", field="url")
    return path or "/"


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.replace("+", "%20").split("&") if pair]
    return _joined([(_decode(name), _decode(value)) for name, _, value in pairs])


def _pairs(query: Query) -> list[tuple[bytes, bytes]]:
    given = query.items() if isinstance(query, Mapping) else query
    return [
        (_to_bytes(name, "query"), _to_bytes(value, "query"))
        for name, values in given
        for value in _each(values)
    ]


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> str:
    encoded = [(_encode(name), _encode(value)) for name, value in pairs]
    if any(name.lower() in _PRESIGNED for name, _ in encoded):
        raise InvalidRequestError(
            "the query holds a name that only a presigned URL has", field="query"
        )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _each(values: object) -> Sequence[str]:
    return values if isinstance(values, list | tuple) else (values,)  # `_to_bytes` checks


def _encode(raw: bytes) -> str:
    return quote_from_bytes(raw, safe="-._~")


def _decode(text: str) -> bytes:
    """Undo the escapes byte by byte: they need not be UTF-8, and a lone ``%`` stands for itself."""
    if "%" not in text:
        return _to_bytes(text, "url")
    parts = _ESCAPE_OR_TEXT.findall(text)
    return b"".join(
        unquote_to_bytes(part) if len(part) == 3 and part[0] == "%" else _to_bytes(part, "url")
        for part in parts
    )


def _to_bytes(text: str, field: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidRequestError("names and values of the URL are text", field=field)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError("the URL contains a lone surrogate", field=field) from None

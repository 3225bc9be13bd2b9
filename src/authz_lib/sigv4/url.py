"""The canonical URL: what is signed is what is sent.

A signature fails where the signed URL and the sent URL differ by one character, and each HTTP
client rewrites URLs in its own way.  A canonical URL leaves nothing to rewrite:

- only unreserved characters (RFC 3986, section 2.3) are not encoded
- escapes are upper case
- the default port is left out
- a query flag ``x`` is ``x=``
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import getsizeof
from typing import Any, TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

from authz_lib._support.json_file import in_one_line
from authz_lib._support.memo import WeighedMemo
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.transport.url import (
    DEFAULT_PORTS,
    HTTPURL,
    MAX_URL_CHARACTERS,
    is_loopback,
    split_authority,
)

__all__ = [
    "CanonicalURL",
    "Query",
    "base_of",
    "canonical_url",
    "join_path",
    "quote_segment",
    "without_doubling",
]

Query: TypeAlias = Mapping[str, str | Sequence[str]] | Sequence[tuple[str, str]]
"""Names and values as plain text.  A name with several values is repeated, in their order."""

_URL = re.compile(r"(https?)://([^/?#]*)(/[^?#]*)?(?:\?([^#]*))?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CANONICAL_PATH = re.compile(r"[A-Za-z0-9\-._~/]*")
_ESCAPE_OR_TEXT = re.compile(r"%[0-9A-Fa-f]{2}|%|[^%]+")
# The query names of a presigned URL.  With a signature in the headers too, it is not known which of
# the two counts.
_PRESIGNED = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-region-set",
        "x-amz-s3session-token",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)


@dataclass(frozen=True, slots=True)
class CanonicalURL:
    """A URL whose text is signed and sent as it is.

    Attributes:
        scheme: ``"https"`` or ``"http"``.
        host: the ``Host`` header: lower case, with the port unless that is the default one.
        path: encoded, begins with a slash.
        query: encoded, in the order given; empty where there is none.
    """

    scheme: str
    host: str
    path: str
    query: str

    @property
    def target(self) -> str:
        """Path and query: the request target of HTTP/1.1."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def place(self) -> HTTPURL:
        """What a connection is opened to."""
        host, port = split_authority(self.host)
        return HTTPURL(self.scheme, host, port or DEFAULT_PORTS[self.scheme], self.target)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"


def canonical_url(url: str, query: Query | None = None) -> CanonicalURL:
    """Write ``url`` in its canonical form.

    ================================== ==========================================================
    in ``url``                         in the canonical form
    ================================== ==========================================================
    an escape, such as ``%2f``         kept, upper case: ``%2F``; it never becomes a slash
    a ``%`` that begins no escape      ``%25``
    ``+`` in the query                 a space, ``%20``, as form encoders write it
    repeated slashes                   kept
    the order of the query             kept
    ================================== ==========================================================

    Names and values in ``query`` are plain text: there a ``+`` is a plus.

    Refused:

    - dot segments, also escaped: clients and gateways resolve them in different ways, and an id
      that is ``..`` must not reach another route
    - query names of a presigned URL, such as ``X-Amz-Signature``
    - fragments, user information, control characters, hosts that are not plain ASCII
    - more than 65,536 characters, in ``url`` or in the canonical form

    Not checked: that the host exists or may be called.

    Raises:
        InvalidRequestError: the URL cannot be signed.  The message never quotes the URL or a
            value; it names a query parameter whose value is not text.

    >>> url = "https://ABC.example.com:443/a b/%2f?flag&q=x+y"
    >>> str(canonical_url(url, query={"z": "1+1"}))
    'https://abc.example.com/a%20b/%2F?flag=&q=x%20y&z=1%2B1'

    RFC 3986; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    parsed = _known.get(url) or _parse_and_remember(url)
    if not query:
        return parsed
    more = _joined(_pairs(query))
    return _bounded(
        CanonicalURL(
            parsed.scheme,
            parsed.host,
            parsed.path,
            f"{parsed.query}&{more}" if parsed.query else more,
        )
    )


def base_of(base_url: str, *, require_https: bool) -> CanonicalURL:
    """The base URL of an API.

    Raises:
        ConfigurationError: it cannot be signed, or it is ``http`` to a host that is not loopback.

    >>> base_of("https://abc.example.com/prod", require_https=True).host
    'abc.example.com'
    """
    if not isinstance(base_url, str):  # `os.environ.get` of what is not set
        raise ConfigurationError("`base_url` must be text")
    try:
        base = canonical_url(base_url)
    except InvalidRequestError as error:
        raise ConfigurationError(f"`base_url`: {error}") from None
    if base.scheme != "https" and require_https and not is_loopback(base.place.host):
        raise ConfigurationError(
            "`base_url` must be `https` (http is for loopback hosts, or with `require_https=False`)"
        )
    return base


def join_path(base: str, path: str) -> str:
    """Join a base URL without query and a path, with one slash between them.

    An empty path or ``"/"`` is the base itself.  Nothing is left out of the path: an id that equals
    the end of the base must not reach the base.

    >>> join_path("https://abc.example.com/prod/", "/execute")
    'https://abc.example.com/prod/execute'
    """
    base = base.rstrip("/")
    route, mark, query = path.partition("?")
    route = route.strip("/") + ("/" if route.endswith("/") and route.strip("/") else "")
    return f"{base}/{route}{mark}{query}" if route else f"{base}{mark}{query}"


def without_doubling(base: str, path: str) -> str:
    """The path, or nothing of it where the base URL ends with it already.

    Only for a path of the configuration.  An id that equals the end of the base would be left out.

    >>> without_doubling("https://abc.example.com/prod/execute/", "/execute")
    ''
    >>> without_doubling("https://abc.example.com/prod", "/execute")
    '/execute'
    """
    route, mark, query = path.partition("?")
    route = route.strip("/")
    doubled = bool(route) and canonical_url(base).path.rstrip("/").endswith(f"/{route}")
    return f"{mark}{query}" if doubled else path


def quote_segment(value: str) -> str:
    """Encode one path segment, such as an id, so that it stays one segment.

    Raises:
        InvalidRequestError: the value is empty, ``.`` or ``..``, or is not valid text.

    >>> quote_segment("orders/17?x")
    'orders%2F17%3Fx'
    """
    given: object = value
    if not isinstance(given, str):
        raise InvalidRequestError("a path segment must be text", field="path")
    if value in {"", ".", ".."}:
        raise InvalidRequestError("a path segment must not be empty, `.` or `..`", field="path")
    return _encode(_to_bytes(value, "path"))


# A client calls few URLs, many times.  In bytes: the URL as it was given, and its canonical form.
_known: WeighedMemo[str, CanonicalURL] = WeighedMemo(max_entries=128, max_weight=1_000_000)


def _parse_and_remember(url: str) -> CanonicalURL:
    parsed = _parse(url)
    parts = (url, parsed.host, parsed.path, parsed.query)
    _known.put(url, parsed, weight=sum(map(getsizeof, parts)))
    return parsed


def _parse(url: str) -> CanonicalURL:
    if len(url) > MAX_URL_CHARACTERS:
        raise _too_long()
    if _CONTROL.search(url):
        raise InvalidRequestError("the URL contains a control character", field="url")
    found = _URL.fullmatch(url)
    if found is None:
        raise InvalidRequestError(
            "the URL is not absolute `http` or `https`, or has a fragment", field="url"
        )
    scheme, authority, path, query = found.groups()
    scheme = scheme.lower()
    return _bounded(
        CanonicalURL(
            scheme,
            _canonical_host(scheme, authority),
            _canonical_path(path or ""),
            _canonical_query(query or ""),
        )
    )


def _bounded(url: CanonicalURL) -> CanonicalURL:
    if len(url.host) + len(url.target) > MAX_URL_CHARACTERS - len("https://"):
        raise _too_long()
    return url


def _too_long() -> InvalidRequestError:
    return InvalidRequestError(
        f"the URL has more than {MAX_URL_CHARACTERS} characters", field="url"
    )


def _canonical_host(scheme: str, authority: str) -> str:
    try:
        host, port = split_authority(authority)
    except ValueError:
        raise InvalidRequestError(
            "the host of the URL is not a plain host name or address with a port", field="url"
        ) from None
    return HTTPURL(scheme, host, port or DEFAULT_PORTS[scheme], "/").authority


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
    given: list[Any] = list(query.items() if isinstance(query, Mapping) else query)
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in given):
        raise InvalidRequestError(
            "the query must be a mapping, or pairs of a name and a value", field="query"
        )
    return [
        (_name_to_bytes(name), _value_to_bytes(name, value))
        for name, values in given
        for value in _each(values)
    ]


def _name_to_bytes(name: object) -> bytes:
    if not isinstance(name, str):
        raise InvalidRequestError(
            f"a name in the query must be text, not `{type(name).__name__}`", field="query"
        )
    return _to_bytes(name, "query")


def _value_to_bytes(name: str, value: object) -> bytes:
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InvalidRequestError(
            f"the value of {in_one_line(name)} in the query must be text, not `{kind}`",
            field="query",
        )
    return _to_bytes(value, "query")


def _joined(pairs: Sequence[tuple[bytes, bytes]]) -> str:
    encoded = [(_encode(name), _encode(value)) for name, value in pairs]
    if any(name.lower() in _PRESIGNED for name, _ in encoded):
        raise InvalidRequestError(
            "the query holds a name that only a presigned URL has", field="query"
        )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _each(values: object) -> Sequence[str]:
    return values if isinstance(values, list | tuple) else (values,)  # `_value_to_bytes` checks


def _encode(raw: bytes) -> str:
    return quote_from_bytes(raw, safe="-._~")


def _decode(text: str) -> bytes:
    """Undo the escapes, byte by byte: they need not be UTF-8.  A lone ``%`` stands for itself."""
    if "%" not in text:
        return _to_bytes(text, "url")
    parts = _ESCAPE_OR_TEXT.findall(text)
    return b"".join(
        unquote_to_bytes(part) if len(part) == 3 and part[0] == "%" else _to_bytes(part, "url")
        for part in parts
    )


def _to_bytes(text: str, field: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError("the URL contains a lone surrogate", field=field) from None

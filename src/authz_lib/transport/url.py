"""Whether a URL may be called, and where to connect: the one reader of a URL's authority.

Whatever two parsers could read differently is refused: a backslash, white space, control
characters, non-ASCII, a user name, ``%`` in a host, an empty label, a fragment, and a host that
looks like a number but is no address, such as ``127.1``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "DEFAULT_PORTS",
    "HTTPURL",
    "MAX_URL_CHARACTERS",
    "is_loopback",
    "parse_url",
    "require_url",
    "split_authority",
]

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
"""The port of a scheme where a URL names none."""

MAX_URL_CHARACTERS: Final = 65_536
"""The most characters of a URL."""

_MAX_HOST_CHARACTERS: Final = 253
_URL: Final = re.compile(r"([Hh][Tt][Tt][Pp][Ss]?)://([!-.0->@-~]*)([/?][!-~]*)?")
# Begins and ends with a letter or digit; labels of 1 to 63 characters.
_NAME: Final = r"(?=[a-z0-9])(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}(?<=[a-z0-9])"
_AUTHORITY: Final = re.compile(rf"({_NAME}|\[[0-9a-f:.]+\])(?::([1-9][0-9]{{0,4}}))?")
_LIKE_A_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class HTTPURL(NamedTuple):
    """An absolute URL, taken apart.

    Attributes:
        scheme: ``"https"`` or ``"http"``.
        host: a name or an address in lower case, without brackets.
        port: the default port of the scheme where the URL names none.
        target: path and query, at least ``"/"``.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the header ``Host`` holds: the port only where it is not the default one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def split_authority(authority: str) -> tuple[str, int | None]:
    """The host, in lower case and without brackets, and the port that is named.

    Raises:
        ValueError: it is not a plain host name, or an address, with a port from 1 to 65535 or none.

    >>> split_authority("[::1]:4566"), split_authority("Example.com")
    (('::1', 4566), ('example.com', None))
    """
    match = _AUTHORITY.fullmatch(authority.lower()) if authority.isascii() else None
    if match is None:
        raise ValueError("not a plain host name or address with a port")
    host, port = match[1], int(match[2]) if match[2] else None
    if len(host) > _MAX_HOST_CHARACTERS:
        raise ValueError("the host name is too long")
    if host[0] == "[":
        host = host[1:-1]
        ipaddress.IPv6Address(host)
    elif _LIKE_A_NUMBER.fullmatch(host):
        ipaddress.IPv4Address(host)
    if port is not None and port > 65535:
        raise ValueError("the port is not between 1 and 65535")
    return host, port


def is_loopback(host: str) -> bool:
    """Whether a host means this machine: 127.0.0.0/8, ``::1``, ``localhost``, ``*.localhost``.

    >>> is_loopback("::1"), is_loopback("localhost.example.com")
    (True, False)
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_url(
    url: object,
    *,
    argument: str,
    require_https: bool = True,
    insecure_http_hosts: Collection[str] | None = None,
) -> HTTPURL:
    """Read an absolute ``https`` URL; ``http`` is for loopback hosts.

    Args:
        url: the URL.
        argument: its name in the error.
        require_https: ``False`` allows ``http`` to any host.
        insecure_http_hosts: allows ``http`` to these hosts too; ``None`` where the caller has
            ``require_https`` instead.

    Raises:
        ConfigurationError: anything else.  The URL is not quoted, since it may hold a password.

    >>> parse_url("https://Example.com/keys?v=1", argument="url")
    HTTPURL(scheme='https', host='example.com', port=443, target='/keys?v=1')

    See RFC 3986.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"`{argument}` must be an absolute https URL")
    if len(url) > MAX_URL_CHARACTERS:
        raise ConfigurationError(f"`{argument}` must have at most {MAX_URL_CHARACTERS} characters")
    if "#" in url:
        raise ConfigurationError(f"`{argument}` must not hold a fragment")
    match = _URL.fullmatch(url)
    if match is None or "\\" in url:
        raise ConfigurationError(f"`{argument}` must be an absolute https URL")
    scheme, authority, rest = match[1].lower(), match[2], match[3] or "/"
    if "@" in authority:
        raise ConfigurationError(f"`{argument}` must not hold a user name or password")
    try:
        host, port = split_authority(authority)
    except ValueError:
        raise ConfigurationError(f"`{argument}` names no host that can be called") from None
    if scheme != "https" and require_https and not is_loopback(host):
        if insecure_http_hosts is None:
            raise ConfigurationError(
                f"`{argument}` must be an https URL (http is for loopback hosts, or with "
                "`require_https=False`)"
            )
        if host not in insecure_http_hosts:
            raise ConfigurationError(
                f"`{argument}` must be an https URL (http is for loopback hosts, and for those "
                "that `insecure_http_hosts` names)"
            )
    target = rest if rest[0] == "/" else f"/{rest}"
    return HTTPURL(scheme, host, port or DEFAULT_PORTS[scheme], target)


def require_url(
    url: object, *, argument: str, insecure_http_hosts: Collection[str] | None = None
) -> str:
    """The URL itself, where `parse_url` accepts it.

    Raises:
        ConfigurationError: as `parse_url`.

    >>> require_url("https://example.com/jwks.json", argument="url")
    'https://example.com/jwks.json'
    """
    parse_url(url, argument=argument, insecure_http_hosts=insecure_http_hosts)
    return str(url)

"""What the environment says about the network: proxies, exceptions from them, the CA bundle.

Key sets, Verified Permissions and signed calls read the same variables in the same way.
"""

from __future__ import annotations

import ipaddress
import os
import re
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from authz_lib.errors import ConfigurationError
from authz_lib.transport.url import DEFAULT_PORTS, is_loopback, split_authority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.transport.url import HTTPURL

__all__ = ["Proxy", "ca_bundle", "is_exempt", "proxy_for"]

_CA_BUNDLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_PROXY: Final = re.compile(r"(?:http://)?(?:([!-.0-~]*)@)?([!-.0-?A-~]+)/?", re.IGNORECASE)


class Proxy(NamedTuple):
    """An HTTP proxy.

    Attributes:
        host: a name or an address.
        port: 80 where the variable names none.
        authorization: what ``Proxy-Authorization`` holds, or ``None``.
    """

    host: str
    port: int
    authorization: str | None

    def __repr__(self) -> str:
        return f"<Proxy at {self.host}:{self.port}>"


def ca_bundle(environment: Mapping[str, str] = os.environ) -> str | None:
    """The certificates to trust instead of the system's: a file, or a folder.

    Raises:
        ConfigurationError: a variable names a path that is not there.

    >>> ca_bundle({})
    """
    for name in _CA_BUNDLES:
        path = environment.get(name)
        if path:
            if not Path(path).exists():
                raise ConfigurationError(f"`{name}` names a file that does not exist")
            return path
    return None


def proxy_for(url: HTTPURL, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy for a URL, or ``None``: there is none, the host is exempt, or it is this machine.

    ``https_proxy`` goes before ``HTTPS_PROXY``, even where it is empty; ``http`` likewise.
    ``HTTP_PROXY`` is not read in a CGI process, where a client can set it by a header.

    Raises:
        ConfigurationError: the variable does not hold an ``http`` URL.

    >>> from authz_lib.transport.url import parse_url
    >>> url = parse_url("https://example.com", argument="url")
    >>> proxy_for(url, {"HTTPS_PROXY": "http://proxy.internal:3128"})
    <Proxy at proxy.internal:3128>
    """
    name = f"{url.scheme}_proxy"
    text = environment.get(name)
    if text is None and not (url.scheme == "http" and "REQUEST_METHOD" in environment):
        name = name.upper()
        text = environment.get(name)
    if not text or is_loopback(url.host):
        return None
    exempt = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    return None if is_exempt(url, exempt) else _proxy(text, name)


def is_exempt(url: HTTPURL, no_proxy: str) -> bool:
    """Whether ``NO_PROXY`` names the host of a URL.

    Its entries are separated by commas, and are one of

    - ``*``, which means all hosts;
    - a domain, with or without a leading dot, which means its subdomains too;
    - an address, or a network such as ``10.0.0.0/8``.

    A domain or an IPv4 address may be followed by a port.

    >>> from authz_lib.transport.url import parse_url
    >>> url = parse_url("https://a.example.com", argument="url")
    >>> is_exempt(url, "10.0.0.0/8, .example.com")
    True
    """
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(entry == "*" or _names(entry, url) for entry in entries if entry)


def _names(entry: str, url: HTTPURL) -> bool:
    try:
        address = ipaddress.ip_address(url.host)
    except ValueError:
        domain, _, port = entry.lstrip(".").partition(":")
        return (
            (port or str(url.port)) == str(url.port)
            and bool(domain)
            and (url.host == domain or url.host.endswith(f".{domain}"))
        )
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return entry in {f"{url.host}:{url.port}", f"[{url.host}]:{url.port}"}


def _proxy(text: str, name: str) -> Proxy:
    match = _PROXY.fullmatch(text)
    try:
        host, port = split_authority(match[2] if match else "")
    except ValueError:
        raise ConfigurationError(
            f"`{name}` must be the URL of an http proxy, such as `http://proxy.internal:3128`"
        ) from None
    user = match[1] if match else None
    authorization = f"Basic {b64encode(unquote_to_bytes(user)).decode()}" if user else None
    return Proxy(host, port or DEFAULT_PORTS["http"], authorization)

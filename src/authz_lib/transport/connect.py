"""Opening a connection: addresses, a proxy's tunnel, TLS.  No byte of a request is sent here.

Needs nothing but the standard library.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final

from authz_lib._support.memo import Memo
from authz_lib.errors import ConfigurationError
from authz_lib.transport.resolve import ResolutionError, resolve

if TYPE_CHECKING:
    from authz_lib.transport.environment import Proxy
    from authz_lib.transport.url import HTTPURL

__all__ = ["ConnectError", "open_connection", "tls_context"]

_MAX_TUNNEL_BYTES: Final = 16 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r\n")


class ConnectError(Exception):
    """No connection, and nothing was sent.  The message is fixed text."""


def open_connection(
    url: HTTPURL,
    *,
    context: ssl.SSLContext | None,
    proxy: Proxy | None,
    connect_seconds: float,
    deadline: float,
) -> socket.socket:
    """A connection over which requests for ``url`` can be sent.

    Args:
        url: where to; only scheme, host and port are looked at.
        context: for ``https``.
        proxy: connected to instead; for ``https`` it is asked for a tunnel.
        connect_seconds: for the resolution of the host name and all addresses together, and once
            more for tunnel and handshake.
        deadline: on `time.monotonic`; it bounds all of this.

    Raises:
        ConnectError: says which step failed.
    """
    host, port = (url.host, url.port) if proxy is None else (proxy.host, proxy.port)
    sock = _dial(host, port, min(time.monotonic() + connect_seconds, deadline))
    try:
        until = min(time.monotonic() + connect_seconds, deadline)
        if url.scheme == "https":
            if proxy is not None:
                _ask_for_tunnel(sock, url, proxy, until)
            sock = _shake_hands(sock, url.host, context, until)
    except BaseException:
        sock.close()
        raise
    return sock


def tls_context(bundle: str | None) -> ssl.SSLContext:
    """The TLS settings that trust the certificates of a bundle, or the system's; read once.

    Raises:
        ConfigurationError: the bundle holds no certificates.
    """
    return _contexts[bundle]


def _context(bundle: str | None) -> ssl.SSLContext:
    from pathlib import Path

    try:
        if bundle is None:
            context = ssl.create_default_context()
        elif Path(bundle).is_dir():
            context = ssl.create_default_context(capath=bundle)
        else:
            context = ssl.create_default_context(cafile=bundle)
    except OSError:  # `SSLError` is one
        raise ConfigurationError("the CA bundle of the environment cannot be read") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


_contexts: Final = Memo(_context, max_entries=8)


def _dial(host: str, port: int, until: float) -> socket.socket:
    """Connect to the first address that answers.

    None but the last address may take more than half of the time that is left.
    """
    try:
        found = resolve(host, port, until=until)
    except ResolutionError as error:
        raise ConnectError(str(error)) from None
    refused = False
    for left, (family, kind, protocol, _, address) in zip(
        reversed(range(len(found))), found, strict=True
    ):
        remaining = until - time.monotonic()
        if remaining <= 0:
            break
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError:  # no IPv6 here
            refused = True
            continue
        try:
            sock.settimeout(remaining / 2 if left else remaining)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except OSError as error:
            sock.close()
            refused |= not isinstance(error, TimeoutError)
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    if refused:
        raise ConnectError("the connection was refused or there is no way to the host")
    raise ConnectError("no answer in time: no connection could be opened")


def _shake_hands(
    sock: socket.socket, host: str, context: ssl.SSLContext | None, until: float
) -> socket.socket:
    try:
        sock.settimeout(_time_left(until))
        return (context or tls_context(None)).wrap_socket(sock, server_hostname=host)
    except TimeoutError:
        raise ConnectError("no answer in time: the TLS handshake did not end") from None
    except (OSError, ValueError):  # an untrusted certificate, a reset, a name that TLS cannot carry
        raise ConnectError("the TLS connection was refused") from None


def _ask_for_tunnel(sock: socket.socket, url: HTTPURL, proxy: Proxy, until: float) -> None:
    """Ask an HTTP proxy for a tunnel (RFC 9110, section 9.3.6)."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    lines = [f"CONNECT {host}:{url.port} HTTP/1.1", f"Host: {host}:{url.port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    head = b""
    try:
        sock.settimeout(_time_left(until))
        sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        while b"\r\n\r\n" not in head and len(head) < _MAX_TUNNEL_BYTES:
            sock.settimeout(_time_left(until))
            received = sock.recv(min(4096, _MAX_TUNNEL_BYTES - len(head)))
            if not received:
                break
            head += received
    except TimeoutError:
        raise ConnectError("no answer in time: the proxy opened no tunnel") from None
    except OSError:
        raise ConnectError("the proxy hung up") from None
    status = _STATUS_LINE.match(head)
    if status is not None and status[1][:1] != b"2":
        raise ConnectError(f"the proxy opened no tunnel: HTTP status {status[1].decode()}")
    if status is None or head.find(b"\r\n\r\n") != len(head) - 4:
        # Bytes after the head would be read as the beginning of TLS.
        raise ConnectError("the proxy's answer is not understood")


def _time_left(until: float) -> float:
    """Seconds for the next step.

    Raises:
        TimeoutError: there are none.
    """
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining

"""Connections to one host: opened in time, kept for a while, never shared with another process.

Key sets, Verified Permissions and signed calls all go through `ConnectionPool`.  Connecting and
sending are kept apart, so an error says on which side of the first byte it happened.
"""

from __future__ import annotations

import math
import os
import select
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib._support.clock import Clock, system_clock
from authz_lib.transport.connect import ConnectError, open_connection, tls_context
from authz_lib.transport.environment import ca_bundle, proxy_for
from authz_lib.transport.exchange import ExchangeError, UnusableResponseError, exchange

if TYPE_CHECKING:
    import socket
    import ssl

    from authz_lib.transport.exchange import HTTPRequest, HTTPResponse
    from authz_lib.transport.url import HTTPURL

__all__ = ["MAX_IDLE", "ConnectionPool"]

# A Lambda that thaws finds its sockets dead, and an old connection makes a call ambiguous.
_MAX_IDLE_SECONDS: Final = 20.0
# As many are kept as served calls at the same time: this only bounds a burst.
MAX_IDLE: Final = 64


class _Idle(NamedTuple):
    """A connection that may serve the next call."""

    sock: socket.socket
    since: float
    process: int  # a forked process must not read its parent's answers


class ConnectionPool:
    """Connections to one host.

    Safe to share between threads, since a connection serves one call at a time.  A forked process
    opens its own.  The environment (proxy, CA bundle) is read when the pool is built.

    Args:
        url: scheme, host and port of what is called.
        connect_seconds: for all addresses of the host together, and once more for the tunnel of a
            proxy and the TLS handshake.
        read_seconds: from the connection on, for sending and for the whole response.
        max_bytes: a response with a larger body is refused.
        max_idle: connections that are kept for the next call.
        ssl_context: used instead of the CA bundle of the environment.
        until_close: take a response that ends where the connection ends.  Only for documents that
            show by themselves whether they are whole.
        clock: seconds since the epoch; a connection is kept for 20 of them.

    Raises:
        ConfigurationError: the environment's proxy or CA bundle cannot be used.
    """

    def __init__(
        self,
        url: HTTPURL,
        *,
        connect_seconds: float,
        max_bytes: int,
        read_seconds: float = math.inf,
        max_idle: int = MAX_IDLE,
        ssl_context: ssl.SSLContext | None = None,
        until_close: bool = False,
        clock: Clock = system_clock,
    ) -> None:
        self._url = url
        self._proxy = proxy_for(url)
        self._ssl_context = ssl_context
        bundle = ca_bundle() if url.scheme == "https" and ssl_context is None else None
        if bundle is not None:
            self._ssl_context = tls_context(bundle)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._max_bytes = max_bytes
        self._max_idle = max_idle
        self._until_close = until_close
        self._clock = clock
        self._idle: deque[_Idle] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def exchange(
        self, request: HTTPRequest, target: str, *, deadline: float, fresh: bool = False
    ) -> HTTPResponse:
        """Send one request and read the whole response.

        Args:
            request: what to send.
            target: its path and query.
            deadline: on `time.monotonic`; it bounds everything together: the resolution of the host
                name, connecting, sending and reading.
            fresh: take no connection that served another call.

        Raises:
            ExchangeError: not ``sent`` while connecting, ``sent`` from the first byte on.
        """
        sock = self._connect(deadline, fresh=fresh)
        try:
            response, reusable = self._exchange(sock, request, target, deadline)
        except UnusableResponseError:
            sock.close()
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, bytes may have arrived
            sock.close()
            late = isinstance(error, TimeoutError) or time.monotonic() >= deadline
            raise ExchangeError(
                "no answer in time: it was not whole at the deadline"
                if late
                else "the connection broke before the answer was whole",
                sent=True,
            ) from None
        except BaseException:
            sock.close()
            raise
        if reusable and not _has_more(sock):
            self._keep(sock)
        else:
            sock.close()
        return response

    def close(self) -> None:
        """Close the idle connections.  The pool can be used again."""
        _close_all(self._idle)

    def _connect(self, deadline: float, *, fresh: bool) -> socket.socket:
        if time.monotonic() >= deadline:  # signing may have waited for credentials
            raise ExchangeError("there is no time left for the call", sent=False)
        sock = None if fresh else self._take_idle()
        if sock is not None:
            return sock
        if self._url.scheme == "https" and self._ssl_context is None:
            self._ssl_context = tls_context(None)
        try:
            sock = open_connection(
                self._url,
                context=self._ssl_context,
                proxy=self._proxy,
                connect_seconds=self._connect_seconds,
                deadline=deadline,
            )
        except ConnectError as error:
            raise ExchangeError(str(error), sent=False) from None
        if time.monotonic() >= deadline:
            sock.close()
            raise ExchangeError("no answer in time: no connection could be opened", sent=False)
        return sock

    def _take_idle(self) -> socket.socket | None:
        now, process = self._clock(), os.getpid()
        while self._idle:
            try:
                sock, since, owner = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if owner == process and 0 <= now - since < _MAX_IDLE_SECONDS and not _has_more(sock):
                return sock
            sock.close()
        return None

    def _keep(self, sock: socket.socket) -> None:
        now = self._clock()
        self._close_old(now)
        if len(self._idle) < self._max_idle:
            self._idle.append(_Idle(sock, now, os.getpid()))
        else:
            sock.close()

    def _close_old(self, now: float) -> None:
        """Close what has waited too long: a burst's connections, which nobody takes again."""
        try:
            while not 0 <= now - self._idle[0].since < _MAX_IDLE_SECONDS:
                self._idle.popleft().sock.close()
        except IndexError:  # none is left
            return

    def _exchange(
        self, sock: socket.socket, request: HTTPRequest, target: str, deadline: float
    ) -> tuple[HTTPResponse, bool]:
        headers = {"accept-encoding": "identity", **request.headers}
        if self._proxy is not None and self._url.scheme == "http":
            target = f"http://{self._url.authority}{target}"
            if self._proxy.authorization:
                headers["proxy-authorization"] = self._proxy.authorization
        return exchange(
            sock,
            request,
            target,
            headers=headers,
            deadline=min(deadline, time.monotonic() + self._read_seconds),
            max_bytes=self._max_bytes,
            until_close=self._until_close,
        )


def _close_all(idle: deque[_Idle]) -> None:
    while idle:
        try:
            idle.pop().sock.close()
        except IndexError:  # another thread was faster
            return


def _has_more(sock: Any) -> bool:
    """Whether anything is left on a connection: bytes that nobody asked for, or its end."""
    pending = getattr(sock, "pending", None)  # of TLS: decrypted, and not yet read
    if pending is not None and pending():
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])

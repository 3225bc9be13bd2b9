"""One HTTP exchange over urllib3's connection, in two phases that are kept apart: connect, then
send.

urllib3's pool cannot say on which side of the first byte an error happened: a TLS error or a
timeout has the same type in the handshake (nothing was sent) and in the answer (everything was).
So connections are opened here explicitly, and kept for the next call.  No redirect, no retry, no
proxy, no decompression.
"""

from __future__ import annotations

import io
import os
import re
import socket
import ssl
import time
from collections import deque
from functools import partial
from http.client import HTTPResponse as RawResponse
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from urllib3.connection import HTTPConnection, HTTPSConnection

from authz_lib.errors import DeliveryError
from authz_lib.transport.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from urllib3.response import BaseHTTPResponse

    from authz_lib._support.clock import Clock

__all__ = ["Answer", "Transport"]

_MAX_IDLE_CONNECTIONS = 10
_MAX_IDLE_SECONDS = (
    20.0  # a Lambda that thaws finds its sockets dead: an old connection turns a call ambiguous
)
_NO_BODY = frozenset({204, 304})
_LENGTH = re.compile(r"[0-9]{1,18}")


class Sendable(Protocol):
    """A whole request, as `SignedRequest` is one."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    @property
    def body(self) -> bytes | None:
        """``None`` sends no body and no length."""


class Answer(NamedTuple):
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Idle(NamedTuple):
    """A connection that may serve the next call."""

    connection: HTTPConnection
    since: float
    process: int  # a forked process must not read its parent's answers


class _Refused(Exception):  # noqa: N818  # an answer that is refused; it never leaves this module
    """An answer that cannot be trusted to be whole."""


class Transport:
    """Connections to one host.  Safe to share between threads: a connection is used by one call at
    a time.
    """

    def __init__(
        self,
        scheme: str,
        host: str,
        *,
        ssl_context: ssl.SSLContext | None,
        connect_seconds: float,
        max_bytes: int,
        clock: Clock,
    ) -> None:
        self._host, self._port = _split(scheme, host)
        self._tls = scheme == "https"
        self._ssl_context = ssl_context
        self._connect_seconds = connect_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._idle: deque[_Idle] = deque()

    def exchange(self, request: Sendable, target: str, *, deadline: float) -> Answer:
        """Send one signed request and read the whole answer.

        Args:
            request: what to send.
            target: the request target of ``request.url``.
            deadline: on `time.monotonic`; it bounds connecting, sending, and reading headers and
                body together.

        Raises:
            DeliveryError: ``"not_sent"`` while connecting, ``"ambiguous"`` from the first byte on.
        """
        connection = self._connect(deadline)
        try:
            answer, reusable = self._send(connection, request, target, deadline)
        except _Refused as error:
            connection.close()
            raise DeliveryError(str(error), outcome=Outcome.AMBIGUOUS) from None
        except Exception as error:  # noqa: BLE001  # whatever goes wrong from here on, bytes may have arrived
            connection.close()
            late = isinstance(error, TimeoutError) or time.monotonic() >= deadline
            message = (
                "no whole answer in time"
                if late
                else "the connection broke before the answer was whole"
            )
            raise DeliveryError(message, outcome=Outcome.AMBIGUOUS) from None
        except BaseException:
            connection.close()
            raise
        if reusable:
            self._keep(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().connection.close()

    def _connect(self, deadline: float) -> HTTPConnection:
        if time.monotonic() >= deadline:  # signing may have waited for credentials
            raise DeliveryError("there is no time left for the call", outcome=Outcome.NOT_SENT)
        connection = self._take_idle()
        if connection is not None:
            return connection
        connection = self._new(deadline)
        try:
            connection.connect()  # the handshake included: no byte of the request is sent
        except Exception:  # noqa: BLE001  # refused, unresolved, timed out, untrusted certificate, host name too long, ...
            connection.close()
            raise DeliveryError("no connection could be opened", outcome=Outcome.NOT_SENT) from None
        except BaseException:
            connection.close()
            raise
        if time.monotonic() >= deadline:
            connection.close()
            raise DeliveryError("no connection could be opened in time", outcome=Outcome.NOT_SENT)
        return connection

    def _new(self, deadline: float) -> HTTPConnection:
        connection: _Plain | _Tls
        if self._tls:
            if self._ssl_context is None:
                self._ssl_context = (
                    ssl.create_default_context()
                )  # loads the certificates: once, not per connection
            connection = _Tls(self._host, self._port, ssl_context=self._ssl_context)
        else:
            connection = _Plain(self._host, self._port)
        connection.dial = partial(_dial, self._host, self._port, self._connect_seconds, deadline)
        connection.auto_open = (
            0  # a connection that is gone must not come back silently in the middle of a request
        )
        return connection

    def _take_idle(self) -> HTTPConnection | None:
        now, process = self._clock(), os.getpid()
        while self._idle:
            try:
                connection, since, owner = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if (
                owner == process
                and 0 <= now - since < _MAX_IDLE_SECONDS
                and connection.is_connected
            ):
                return connection
            connection.close()
        return None

    def _keep(self, connection: HTTPConnection) -> None:
        if len(self._idle) < _MAX_IDLE_CONNECTIONS:
            self._idle.append(_Idle(connection, self._clock(), os.getpid()))
        else:
            connection.close()

    def _send(
        self, connection: Any, request: Sendable, target: str, deadline: float
    ) -> tuple[Answer, bool]:
        connection.timeout = max(0.001, deadline - time.monotonic())
        connection.response_class = partial(_bounded, deadline=deadline)
        headers = {"accept-encoding": "identity", **request.headers}
        if request.body is not None:
            headers["content-length"] = str(len(request.body))
        early = False
        try:
            connection.request(
                request.method, target, body=request.body, headers=headers, preload_content=False
            )
        except (
            BrokenPipeError,
            ConnectionResetError,
        ):  # an answer may have come before the body was read
            early = True
        response = connection.getresponse()
        try:
            body = self._read(request.method, response)
        finally:
            response.close()
        reusable = (
            not early and connection.sock is not None and request.method != "HEAD" and bool(body)
        )
        return Answer(response.status, response.headers, body), reusable

    def _read(self, method: str, response: BaseHTTPResponse) -> bytes:
        if (
            response.status < 200
        ):  # http.client takes it for the answer; the real one would be read by the next call
            raise _Refused("the answer is an interim one")
        if method == "HEAD" or response.status in _NO_BODY:
            return b""
        encoding = response.headers.get("transfer-encoding", "")
        chunked = encoding.lower() == "chunked"
        if encoding and not chunked:
            raise _Refused("the answer has a transfer encoding that was not asked for")
        if not chunked and not _LENGTH.fullmatch(response.headers.get("content-length", "")):
            raise _Refused(
                "the answer does not say how long it is: a part cannot be told from the whole"
            )
        body = response.read(self._max_bytes + 1, decode_content=False)
        if len(body) > self._max_bytes:
            raise _Refused("the answer is larger than `max_response_bytes`")
        response.read(1)  # raises where the body ended before its length
        return body


def _split(scheme: str, host: str) -> tuple[str, int]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return name.strip("[]"), int(port)
    return host.strip("[]"), 443 if scheme == "https" else 80


class _Plain(HTTPConnection):
    """Opens its socket within one time for all addresses."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


class _Tls(HTTPSConnection):
    """The same, with a handshake after it."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


def _dial(host: str, port: int, seconds: float, deadline: float) -> socket.socket:
    """Connect to the first address that answers; none but the last may take more than half of the
    time left.
    """
    until = min(time.monotonic() + seconds, deadline)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for left, (family, kind, protocol, _, address) in zip(
        reversed(range(len(found))), found, strict=True
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            remaining = until - time.monotonic()
            sock.settimeout(max(0.001, remaining / 2 if left else remaining))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except OSError:
            sock.close()
            if not left or time.monotonic() >= until:
                raise
        except BaseException:
            sock.close()
            raise
        else:
            sock.settimeout(
                max(0.001, min(seconds, deadline - time.monotonic()))
            )  # of the handshake
            return sock
    raise OSError("the host has no address")


class _DeadlineReader(io.RawIOBase):
    """Reads of a socket that must all be over by one deadline, however slowly the bytes drip."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile(
            "rb", buffering=0
        )  # keeps the socket open when http.client lets go of it
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._sock.settimeout(remaining)
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """What http.client asks of a socket to read an answer."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.makefile: Callable[[str], io.BufferedReader] = lambda _: io.BufferedReader(
            _DeadlineReader(sock, deadline)
        )


def _bounded(sock: socket.socket, *, deadline: float, **options: Any) -> RawResponse:
    return RawResponse(_DeadlineSocket(sock, deadline), **options)  # type: ignore[arg-type]  # it only calls `makefile`

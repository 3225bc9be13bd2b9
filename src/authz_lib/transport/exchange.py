"""One HTTP/1.1 exchange over an open connection: send a request, read the whole response.

One deadline and one number of bytes bound it.  No redirect, no retry, no decompression.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from http.client import HTTPResponse as ResponseReader
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from http.client import HTTPMessage

__all__ = ["ExchangeError", "HTTPRequest", "HTTPResponse", "UnusableResponseError", "exchange"]

_NO_BODY: Final = frozenset({204, 304})
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_MAX_HEAD_BYTES: Final = 128 * 1024
_BYTES_PER_BODY_BYTE: Final = 6  # what a chunk of one byte takes


class HTTPRequest(Protocol):
    """A whole request, as `SignedRequest` is one."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case, ``host`` among them."""

    @property
    def body(self) -> bytes | None:
        """``None`` sends none; POST, PUT and PATCH then say a length of 0."""


class HTTPResponse(NamedTuple):
    """A whole response.

    Attributes:
        status: the HTTP status.
        headers: names are found in any case.
        body: the bytes, as they came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """No whole response.  The message is fixed text, fit for an operator's log.

    Attributes:
        sent: ``False`` when no byte of the request left; otherwise the other side may have acted.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UnusableResponseError(ExchangeError):
    """A response came, and it is refused: too large, or one whose end cannot be told.

    Attributes:
        status: its HTTP status.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, sent=True)
        self.status = status


def exchange(
    sock: socket.socket,
    request: HTTPRequest,
    target: str,
    *,
    headers: Mapping[str, str],
    deadline: float,
    max_bytes: int,
    until_close: bool,
) -> tuple[HTTPResponse, bool]:
    """Send one request and read the whole response.

    Args:
        sock: an open connection; it is not closed here.
        request: its method and body are sent.
        target: the request target.
        headers: all but ``content-length``.
        deadline: on `time.monotonic`.
        max_bytes: a response with a larger body is refused.
        until_close: take a response that ends where the connection ends.

    Returns:
        The response, and whether the connection may serve another call.

    Raises:
        UnusableResponseError: a response came that is refused.
        Exception: of the socket or of http.client; the request may have arrived.
    """
    stream = _Stream(
        sock,
        deadline=deadline,
        max_bytes=_MAX_HEAD_BYTES + _BYTES_PER_BODY_BYTE * max_bytes,
    )
    broken = _write(stream, request, target, headers)
    # It only calls `makefile`.
    reader = ResponseReader(stream, method=request.method)  # type: ignore[arg-type]
    try:
        reader.begin()
        body = _read_body(reader, request.method, max_bytes=max_bytes, until_close=until_close)
    finally:
        reader.close()
    response = HTTPResponse(reader.status, _Headers(reader.headers), body)
    ends = reader.will_close or (reader.chunked and "content-length" in response.headers)
    reusable = not (broken or ends or stream.surplus or request.method == "HEAD" or not body)
    return response, reusable


def _read_body(reader: ResponseReader, method: str, *, max_bytes: int, until_close: bool) -> bytes:
    if reader.status < 200:
        # http.client takes it for the response, and the next call would read the real one.
        raise UnusableResponseError("the answer is an interim one", status=reader.status)
    if method == "HEAD" or reader.status in _NO_BODY:
        return b""
    encodings = reader.headers.get_all("transfer-encoding", [])
    lengths = reader.headers.get_all("content-length", [])
    if encodings and (len(encodings) != 1 or not reader.chunked):
        raise UnusableResponseError(
            "the answer has a transfer encoding that was not asked for", status=reader.status
        )
    sized = len(lengths) == 1 and _LENGTH.fullmatch(lengths[0]) is not None
    if not encodings and not sized and (lengths or not until_close):
        raise UnusableResponseError(
            "the answer does not say how long it is: a part cannot be told from the whole",
            status=reader.status,
        )
    expected = reader.length
    too_large = expected is not None and expected > max_bytes
    body = b"" if too_large else reader.read(max_bytes + 1)
    if too_large or len(body) > max_bytes:
        raise UnusableResponseError(
            f"the answer was longer than {max_bytes} bytes", status=reader.status
        )
    if expected is not None and len(body) != expected:
        raise EOFError
    return body


def _write(stream: _Stream, request: HTTPRequest, target: str, headers: Mapping[str, str]) -> bool:
    """Send the request; says whether the other side stopped reading.

    It may have answered before it read the whole body.
    """
    sent = dict(headers)
    if request.body is not None:
        sent["content-length"] = str(len(request.body))
    writer = HTTPConnection("host")  # the header `host` is the request's own
    writer.auto_open = 0  # a connection that is gone must not come back in the middle
    writer.sock = stream  # it only calls `sendall`
    try:
        writer.request(request.method, target, body=request.body, headers=sent)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


class _Headers(Mapping[str, str]):
    """Names in any case; values of a name that is repeated are joined by a comma."""

    __slots__ = ("_values",)

    def __init__(self, message: HTTPMessage) -> None:
        self._values: dict[str, str] = {}
        for name, value in message.items():
            lower = name.lower()
            earlier = self._values.get(lower)
            self._values[lower] = value if earlier is None else f"{earlier}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<headers {', '.join(self._values)}>"


class _Stream:
    """What http.client asks of a socket, bounded by one deadline and one number of bytes."""

    def __init__(self, sock: socket.socket, *, deadline: float, max_bytes: int) -> None:
        self.sock = sock
        self.left = max_bytes
        self.surplus = False
        self._deadline = deadline

    def arm(self) -> None:
        """Let the next operation of the socket end at the deadline."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.sock.settimeout(remaining)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.arm()
            rest = rest[self.sock.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  # http.client reads bytes
        return _Buffer(_BoundedReader(self))

    def close(self) -> None:
        """The pool closes the socket."""


class _BoundedReader(io.RawIOBase):
    """Reads of a socket that must all be over by one deadline, however slowly the bytes drip."""

    def __init__(self, stream: _Stream) -> None:
        self.stream = stream
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ended:
            return None
        self.stream.arm()
        found = self.stream.sock.recv_into(buffer)
        self.stream.left -= found
        if self.stream.left < 0:
            raise OverflowError
        return found


class _Buffer(io.BufferedReader):
    """Notes, when http.client has read its response, whether more had come with it."""

    raw: _BoundedReader

    def close(self) -> None:
        if not self.closed:
            self.raw.ended = True  # `peek` reads nothing from now on
            self.raw.stream.surplus |= bool(self.peek(1))
        super().close()

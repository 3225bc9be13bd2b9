"""An HTTP server on 127.0.0.1 that can be told to go wrong, by the byte."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple


class Received(NamedTuple):
    """One request, and what is needed to answer it in any way."""

    target: str
    body: bytes
    sock: socket.socket
    over: threading.Event  # set when the fault ends
    turn: float  # at random, from 0 to 1

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the fault."""
        self.over.wait(seconds)

    def dribble(self, data: bytes) -> None:
        """Send a byte every 0.2 s, until the fault ends."""
        for byte in data:
            self.sock.sendall(bytes([byte]))
            if self.over.wait(0.2):
                return

    def reset(self) -> None:
        """Make the next close a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Answer = Callable[[Received], "bytes | None"]
"""The bytes to send; ``None`` closes the connection."""


def http(body: bytes, *, status: int = 200, length: int | None = None, headers: str = "") -> bytes:
    """An HTTP response; ``headers`` ends each of its lines with CRLF."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body


class FaultyServer:
    """Answers as `answer` says, until `break_with` says otherwise; a thread for a connection."""

    def __init__(self, answer: Answer, *, tls=None) -> None:
        self._healthy = self._answer = answer
        self._tls = tls
        self._over = threading.Event()
        self._random = random.Random(0)
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.listen()

    def break_with(self, answer: Answer) -> None:
        """Answer like this from now on."""
        self._over = threading.Event()
        self._answer = answer

    def mend(self) -> None:
        """Answer as at first; whoever waits for the fault goes on."""
        self._answer = self._healthy
        self._over.set()
        if self._listener is None:
            self.listen()

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def hang_up(self) -> None:
        """Refuse connections, and close those that are open."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End, and wait for every thread."""
        self._over.set()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work, *arguments) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        try:
            sock.settimeout(30)
            if self._tls is not None:
                self._open.discard(sock)
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            with sock.makefile("rb") as stream:
                while answered := self._answer_one(stream, sock):
                    sock.sendall(answered)
        except (OSError, ValueError):
            pass
        finally:
            self._open.discard(sock)
            with contextlib.suppress(OSError):
                sock.close()

    def _answer_one(self, stream, sock: socket.socket) -> bytes | None:
        line = stream.readline()
        if not line:
            return None
        length = 0
        while (header := stream.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        target = line.split(b" ")[1].decode("latin-1")
        turn = self._random.random()
        return self._answer(Received(target, stream.read(length), sock, self._over, turn))


def wait_until(condition: Callable[[], bool], seconds: float, *, since: float) -> float | None:
    """How long after `since` it held; ``None`` where it did not in time."""
    while time.monotonic() - since < seconds:
        if condition():
            return time.monotonic() - since
        time.sleep(0.02)
    return None

"""Reliability 11: kept connections that die, and more threads than are kept."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import pytest

from authz_lib import AuthorizationRequest, EntityUid, VerifiedPermissions
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.sigv4 import Credentials

ANSWER = b'{"decision":"ALLOW","determiningPolicies":[],"errors":[]}'
ASK = AuthorizationRequest(EntityUid("User", "alice"), "View", EntityUid("Doc", "1"))


class Store:
    """Answers; where it is ``dying``, it resets a connection that is used a second time."""

    def __init__(self) -> None:
        self.together: threading.Barrier | None = None
        self.dying = False
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        served = 0
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as stream:
            while stream.readline():
                length = 0
                while (line := stream.readline()) not in {b"\r\n", b""}:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                stream.read(length)
                if self.dying and served:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if self.together is not None:
                    self.together.wait(10)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
                sock.sendall(head + ANSWER)
                served += 1

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def store():
    started = Store()
    yield started
    started.close()


@pytest.fixture
def permissions(store):
    def meanwhile():
        """Another thread's call, between the attempts of this one."""
        assert point.is_authorized(ASK).allowed

    client = ThinClient(
        region="eu-west-1",
        endpoint_url=store.url,
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        sleep=lambda _: meanwhile(),
    )
    point = VerifiedPermissions("PS1", client=client)
    yield point
    if hasattr(client, "close"):
        client.close()


def ask_together(store, permissions, threads: int) -> None:
    store.together = threading.Barrier(threads)
    asking = [
        threading.Thread(target=permissions.is_authorized, args=(ASK,)) for _ in range(threads)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(10)
    store.together = None


def test_a_retry_does_not_take_another_dying_connection(store, permissions):
    store.dying = True
    assert permissions.is_authorized(ASK).allowed
    assert permissions.is_authorized(ASK).allowed


def test_more_threads_than_four_keep_their_connections(store, permissions):
    for _ in range(3):
        ask_together(store, permissions, 12)
    assert store.connections == 12

"""Reliability 6: a policy store that answers a byte at a time, or 20 MB."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from authz_lib import AuthorizationRequest, EntityUid, VerifiedPermissions, errors
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.sigv4 import Credentials

ASK = AuthorizationRequest(EntityUid("User", "alice"), "View", EntityUid("Doc", "1"))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def store():
    """Starts a store; ``answer(sock, gone)`` answers one request."""
    gone = threading.Event()
    with contextlib.ExitStack() as stack:

        def start(answer) -> VerifiedPermissions:
            listener = socket.create_server(("127.0.0.1", 0))

            def serve():
                with contextlib.suppress(OSError):
                    sock, _ = listener.accept()
                    with sock:
                        sock.recv(65_536)
                        answer(sock, gone)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            stack.callback(listener.close)
            stack.callback(gone.set)
            client = ThinClient(
                region="eu-west-1",
                endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
                credentials=Credentials("AKIDEXAMPLE", "secret"),
                connect_timeout_seconds=0.2,
                read_timeout_seconds=0.2,
                max_attempts=1,
            )
            return VerifiedPermissions("PS1", client=client)

        yield start


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", HEAD % 4000], ids=["head", "body"])
def test_a_call_ends_within_its_total(store, head):
    """0.4 s; a byte every 0.1 s, for 15 s."""

    def drip(sock, gone):
        sock.sendall(head)
        for _ in range(150):
            if gone.wait(0.1):
                return
            sock.sendall(b"x")

    permissions = store(drip)
    began = time.monotonic()
    with pytest.raises(errors.PolicyStoreUnavailableError):
        permissions.is_authorized(ASK)
    assert time.monotonic() - began < 8


def test_an_answer_of_20_mb_is_refused(store):
    body = b'{"decision":"ALLOW","determiningPolicies":[],"errors":[]}'.ljust(20_000_000)
    permissions = store(lambda sock, _: sock.sendall(HEAD % len(body) + body))
    with pytest.raises(errors.PolicyStoreUnavailableError):
        permissions.is_authorized(ASK)

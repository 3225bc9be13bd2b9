"""Security 8: a receiver that executes, and then answers that the signature expired."""

from __future__ import annotations

import email.utils
import http.server
import threading

import pytest

from authz_lib import SigV4Client
from authz_lib.sigv4 import Credentials

try:
    from authz_lib.delivery import ApiCall, Delivery
except ImportError:  # 0a5d560
    from authz_lib.sigv4 import ApiCall, Delivery

from authz_lib.errors import DeliveryRejectedError

NOW = 1_800_000_000.0


class _Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.executed.append(self.path)
        body = b'{"message": "Signature expired"}'
        self.send_response_only(403)
        self.send_header("Date", email.utils.formatdate(NOW + 600, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.daemon_threads = True
        server.executed = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(server, **options):
    return SigV4Client(
        f"http://127.0.0.1:{server.server_port}",
        region="eu-west-1",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        clock=lambda: NOW,
        **options,
    )


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"max_attempts": 1}, {"idempotent": False}),
        ({"max_attempts": 1}, {"idempotent": True}),
        ({}, {"idempotent": False}),
        ({}, {}),
    ],
)
def test_a_call_that_must_not_be_repeated_is_sent_once(receiver, options, arguments):
    with client(receiver, **options) as calls:
        assert calls.request("POST", "/execute", json={}, **arguments).status == 403
    assert receiver.executed == ["/execute"]


def test_a_delivery_is_made_once(receiver):
    with client(receiver) as calls, pytest.raises(DeliveryRejectedError):
        Delivery(primary=ApiCall(calls, "/execute")).send({}, idempotency_key="job-17")
    assert receiver.executed == ["/execute"]

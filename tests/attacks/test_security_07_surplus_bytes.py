"""Security 7: bytes after an answer, in the same TLS record, as the answer to the next call."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authz_lib import SigV4Client
from authz_lib.errors import DeliveryRejectedError
from authz_lib.sigv4 import Credentials

try:
    from authz_lib.delivery import ApiCall, Delivery
except ImportError:  # 0a5d560
    from authz_lib.sigv4 import ApiCall, Delivery

# One reader's buffer holds 8,192 bytes: the answer fills it, and what is left stays inside TLS.
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
FIRST = HEAD % (8192 - len(HEAD % 8000)) + b"x" * (8192 - len(HEAD % 8000))
SURPLUS = HEAD % 2 + b"{}"
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory):
    """(server context, client context that trusts it), for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    chain = tmp_path_factory.mktemp("tls") / "server.pem"
    chain.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cadata=pem.decode())


def _read(stream) -> bytes:
    """One request; nothing where the other side hung up."""
    length, head = 0, stream.readline()
    while (line := stream.readline()) not in {b"\r\n", b""}:
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + stream.read(length)


@pytest.fixture
def client(contexts):
    """Calls a server that answers the first request with more than its answer, then refuses."""
    listener = socket.create_server(("127.0.0.1", 0))
    replies = [FIRST + SURPLUS, REFUSAL]

    def serve():
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with (
                    contexts[0].wrap_socket(sock, server_side=True) as tls,
                    tls.makefile("rb") as f,
                ):
                    while replies and _read(f):
                        tls.sendall(replies.pop(0))  # one TLS record

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with SigV4Client(
        f"https://127.0.0.1:{listener.getsockname()[1]}",
        region="eu-west-1",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        ssl_context=contexts[1],
    ) as made:
        yield made
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_refusal_is_not_read_as_the_bytes_that_came_before_it(client):
    assert client.request("GET", "/first").status == 200
    assert client.request("GET", "/second").status == 403


def test_a_refused_delivery_is_not_delivered(client):
    assert client.request("GET", "/first").status == 200
    with pytest.raises(DeliveryRejectedError):
        Delivery(primary=ApiCall(client, "/execute")).send({}, idempotency_key="job-17")

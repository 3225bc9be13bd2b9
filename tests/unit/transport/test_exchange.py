"""Time and connections: what a call may take, and what a connection may be used for."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from authz_lib.delivery import ApiCall, Delivery
from authz_lib.errors import ConfigurationError, DeliveryError, InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Client

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")


@pytest.fixture
def connect():
    clients = []

    def make(url, **options):
        clients.append(SigV4Client(url, **{"region": "eu-west-1", "credentials": FIXED, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


class SlowCredentials:
    """A refresh that takes longer than the call has."""

    def __init__(self, advance):
        self.advance, self.seconds = advance, 0.0

    def get_frozen_credentials(self):
        self.advance(self.seconds)
        return FIXED


@pytest.fixture
def monotonic(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("authz_lib.transport.pool.time.monotonic", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    return advance


def test_a_call_whose_time_is_over_before_it_is_sent_is_not_sent(serve, connect, monotonic):
    """The connection is open already, so nothing else would stop it: it would act, and nobody would
    read the answer.
    """
    server = serve()
    credentials = SlowCredentials(monotonic)
    client = connect(server.url, credentials=credentials)
    client.request("POST", "/")
    credentials.seconds = 11
    with pytest.raises(DeliveryError) as caught:
        client.request("POST", "/", timeout_seconds=10)
    assert caught.value.outcome == "not_sent"
    assert (server.connections, len(server.received)) == (1, 1)
    credentials.seconds = 0
    assert client.request("POST", "/").status == 200
    assert server.connections == 1  # the connection was not spoiled by it


def test_a_refusal_for_the_time_is_the_answer_where_no_time_is_left_to_sign_again(
    serve, http, connect, monotonic, monkeypatch
):
    def read_slowly(text):
        monotonic(11)
        return 1_800_001_200.0

    monkeypatch.setattr("authz_lib.sigv4.client._date", read_slowly)
    server = serve(http.reply(403, b"Signature expired"))
    assert (
        connect(server.url, clock=lambda: 1_800_000_000.0)
        .request("PUT", "/", timeout_seconds=10)
        .status
        == 403
    )
    assert len(server.received) == 1


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e10, None, "3"])
def test_a_time_that_is_none_is_refused(serve, connect, seconds):
    """`inf` does not fit into a socket's timeout: the call ended as ambiguous, although nothing was
    sent.
    """
    server = serve()
    with pytest.raises(InvalidRequestError) as caught:
        connect(server.url).request("POST", "/", timeout_seconds=seconds)
    assert caught.value.field == "timeout_seconds"
    with pytest.raises(InvalidRequestError):
        Delivery(primary=ApiCall(connect(server.url))).send(
            {}, idempotency_key="k", timeout_seconds=seconds
        )
    assert server.connections == 0
    with pytest.raises(ConfigurationError):
        connect(server.url, connect_timeout_seconds=seconds)


def several(monkeypatch, *addresses):
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_args, **_options: [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
            for address in addresses
        ],
    )


def test_connecting_takes_one_timeout_however_many_addresses_the_host_has(
    connect, black_hole, monkeypatch
):
    """API Gateway has several: with a timeout for each of them, no time is left for the
    fallback.
    """
    several(monkeypatch, *[("127.0.0.1", black_hole)] * 60)
    began = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        connect("https://api.example.com", connect_timeout_seconds=0.3, max_attempts=1).request(
            "POST", "/"
        )
    assert caught.value.outcome == "not_sent"
    assert 0.2 < time.monotonic() - began < 9  # a timeout for each of them would be 18


def test_the_next_address_is_tried_when_one_is_silent_or_refuses(
    serve, connect, black_hole, free_port, monkeypatch, tls_contexts
):
    server = serve(tls=tls_contexts[0])
    client = connect(server.url, ssl_context=tls_contexts[1], connect_timeout_seconds=3)
    silent, refusing, good = (
        (("127.0.0.1"), port) for port in (black_hole, free_port, server.port)
    )
    several(monkeypatch, refusing, silent, good)
    assert client.request("POST", "/").status == 200
    assert server.connections == 1
    connection = client._pool._idle[0].sock
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_handshake_has_its_own_time(serve, connect, tls_contexts, black_hole, monkeypatch):
    """It begins with what is left of the call, not with what was left for the last address."""
    server = serve(tls=tls_contexts[0])
    seen = []
    original = ssl.SSLContext.wrap_socket

    def wrap(self, sock, *args, **options):
        if not options.get("server_side"):
            seen.append(sock.gettimeout())
        return original(self, sock, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    several(monkeypatch, ("127.0.0.1", black_hole), ("127.0.0.1", server.port))
    assert (
        connect(server.url, ssl_context=tls_contexts[1], connect_timeout_seconds=3)
        .request("GET", "/")
        .status
    )
    assert len(seen) == 1
    assert seen[0] > 2  # of the 3 s, of which the silent address took half


def test_a_forked_process_does_not_share_a_connection(serve, connect, monkeypatch):
    """Two processes on one connection read each other's answers."""
    server = serve()
    client = connect(server.url)
    client.request("GET", "/")
    monkeypatch.setattr("authz_lib.transport.pool.os.getpid", lambda: -1)
    client.request("GET", "/")
    client.request("GET", "/")
    assert server.connections == 2


@pytest.mark.parametrize("encoding", ["gzip, chunked", "gzip", "identity", "chunked, chunked"])
def test_an_answer_in_another_transfer_encoding_is_not_taken(serve, connect, encoding):
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {encoding}\r\nContent-Length: 2\r\n\r\n"
    body = head.encode() + b"{}"
    with pytest.raises(DeliveryError) as caught:
        connect(serve(body).url).request("POST", "/")
    assert caught.value.outcome == "ambiguous"


def test_a_context_that_trusts_anybody_is_refused():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigurationError):
        SigV4Client(
            "https://api.example.com", region="eu-west-1", credentials=FIXED, ssl_context=context
        )

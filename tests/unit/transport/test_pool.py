"""What a kept connection may be used for, and what sending may take."""

from __future__ import annotations

import gc
import os
import select
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from authz_lib.decisions.avp_client import ThinClient
from authz_lib.errors import ConfigurationError, DeliveryError, PolicyStoreUnavailableError
from authz_lib.sigv4 import Credentials, SigV4Client
from authz_lib.transport.pool import ConnectionPool
from authz_lib.transport.url import parse_url

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")


@pytest.fixture
def thin():
    clients = []

    def make(url, **options):
        defaults = {"region": "eu-west-1", "credentials": FIXED, "sleep": lambda _: None}
        clients.append(ThinClient(endpoint_url=url, **defaults | options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_retry_takes_a_new_connection(serve, http, thin):
    """All kept connections die when they are used, as behind a server that restarts."""
    together, first = threading.Barrier(3), threading.Event()

    def answer(received, sock):
        if not first.is_set():
            together.wait(10)
            return http.reply()
        if sock in old:
            http.reset(sock)
            return None
        return http.reply()

    server = serve(answer)
    client = thin(server.url)
    threads = [threading.Thread(target=client.call, args=("A", {}, b"{}")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(client._pool._idle) == 3
    old = set(server._open)
    first.set()
    assert client.call("A", {}, b"{}").document == {}
    assert server.connections == 4


def test_threads_that_ask_at_the_same_time_keep_their_connections(serve, http, thin):
    together = threading.Barrier(12)

    def answer(received, sock):
        together.wait(10)
        return http.reply()

    server = serve(answer)
    client = thin(server.url)
    for _ in range(3):
        threads = [threading.Thread(target=client.call, args=("A", {}, b"{}")) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert (server.connections, len(server.received)) == (12, 36)


def test_connections_of_a_burst_are_closed_when_they_are_old(serve, http):
    now, together = [1000.0], threading.Barrier(3)

    def answer(received, sock):
        together.wait(10)
        return http.reply()

    server = serve(answer)
    pool = ConnectionPool(
        parse_url(server.url, argument="url"),
        connect_seconds=1,
        max_bytes=100,
        clock=lambda: now[0],
    )
    request = SimpleNamespace(method="GET", headers={"host": "x"}, body=None)

    def call():
        pool.exchange(request, "/", deadline=time.monotonic() + 10)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(pool._idle) == 3
    server.answer = lambda received, sock: http.reply()
    now[0] += 10
    call()  # the one that was used last serves
    now[0] += 10.5
    call()
    assert (len(pool._idle), server.connections) == (1, 3)
    pool.close()


def test_a_throttled_call_is_repeated_on_the_connection_that_it_has(serve, http, thin):
    replies = [http.reply(429), http.reply()]
    server = serve(lambda received, sock: replies.pop(0))
    assert thin(server.url).call("A", {}, b"{}").document == {}
    assert server.connections == 1


def test_a_call_of_the_thin_client_ends_with_its_total(serve, thin):
    stop = threading.Event()

    def drip(received, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        while not stop.wait(0.02):
            sock.sendall(b"x")

    server = serve(drip)
    began = time.monotonic()
    with pytest.raises(PolicyStoreUnavailableError):
        thin(server.url, read_timeout_seconds=20, total_timeout_seconds=0.3, max_attempts=9).call(
            "A", {}, b"{}"
        )
    assert time.monotonic() - began < 10
    assert len(server.received) == 1  # no time was left for another attempt
    with pytest.raises(PolicyStoreUnavailableError):
        thin(server.url, read_timeout_seconds=0.2, max_attempts=2).call("A", {}, b"{}")
    stop.set()
    assert len(server.received) == 3


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), "1"])
def test_a_total_that_bounds_nothing_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="`total_timeout_seconds`"):
        ThinClient(region="eu-west-1", total_timeout_seconds=seconds)


def test_a_server_that_reads_slowly_does_not_stretch_the_deadline(serve, tls_contexts):
    """Over TLS each record has a timeout of its own, unless somebody counts."""
    stop = threading.Event()

    def read_slowly(sock):
        sock = tls_contexts[0].wrap_socket(sock, server_side=True)
        while not stop.wait(0.05):
            sock.recv(16_384)
        sock.close()

    server = serve(before_handshake=read_slowly, tls=tls_contexts[0])
    client = SigV4Client(
        server.url,
        region="eu-west-1",
        credentials=FIXED,
        ssl_context=tls_contexts[1],
        connect_timeout_seconds=30,
    )
    began = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        client.request("POST", "/", body=b"x" * 9_000_000, timeout_seconds=0.5)
    stop.set()
    assert caught.value.outcome == "ambiguous"
    assert time.monotonic() - began < 5


def test_a_pool_that_is_forgotten_closes_its_connections(serve):
    """A `ResourceWarning` is an error here."""
    server = serve()
    pool = ConnectionPool(parse_url(server.url, argument="url"), connect_seconds=1, max_bytes=100)
    request = SimpleNamespace(method="GET", headers={"host": "x"}, body=None)
    assert pool.exchange(request, "/", deadline=time.monotonic() + 5).status == 200
    (kept,) = pool._idle
    del pool
    gc.collect()
    assert kept.sock.fileno() == -1


def test_bytes_that_tls_has_decrypted_and_nobody_read_spoil_a_connection(serve, http, tls_contexts):
    """The answer fills the reader's buffer to its last byte; the rest of its record waits."""
    length = 8192 - len(http.reply(body=b"x" * 8000)) + 8000

    def answer(received, sock):
        whole = http.reply(body=str(len(server.received)).encode() * length)
        assert len(whole) == 8192
        return whole + http.reply(body=b"evil")

    server = serve(answer, tls=tls_contexts[0])
    with SigV4Client(
        server.url, region="eu-west-1", credentials=FIXED, ssl_context=tls_contexts[1]
    ) as client:
        assert [client.request("POST", "/").body[:1] for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 2


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: threads and fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no `fork`")
def test_a_forked_process_leaves_its_parents_connection_alone(serve, thin):
    server = serve()
    client = thin(server.url)
    client.call("A", {}, b"{}")
    assert (len(client._pool._idle), server.connections) == (1, 1)
    child = os.fork()
    if child == 0:
        try:
            client.call("B", {}, b"{}")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    client.call("C", {}, b"{}")
    assert server.connections == 2
    assert [received.header("x-amz-target").rpartition(".")[2] for received in server.received] == [
        "A",
        "B",
        "C",
    ]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: threads and fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no `fork`")
def test_forks_under_four_threads_answer(serve, http, thin):
    server = serve(lambda received, sock: http.reply(body=received.body))
    client = thin(server.url)
    stop, wrong = threading.Event(), []

    def work(number):
        while not stop.is_set():
            if client.call("A", {}, b'{"n":%d}' % number).document != {"n": number}:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    signal.alarm(20)  # a child that waits for ever is killed
                    status = 0 if client.call("A", {}, b'{"n":9}').document == {"n": 9} else 1
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert wrong == []


def test_headers_are_found_in_any_case_and_repeated_ones_are_joined(serve, http):
    server = serve(http.reply(headers=["X-One: a", "x-one: b"]))
    with SigV4Client(server.url, region="eu-west-1", credentials=FIXED) as client:
        headers = client.request("GET", "/").headers
    assert headers["X-ONE"] == "a, b"
    assert headers.get("x-two") is None
    with pytest.raises(KeyError):
        headers["x-two"]
    assert sorted(headers) == ["content-length", "x-one"]
    assert repr(headers) == "<headers content-length, x-one>"


def test_an_http_proxy_is_asked_for_the_whole_url(serve, http, thin, monkeypatch):
    """`http` to another host has to be asked for, and then goes through the proxy too."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    server = serve()
    monkeypatch.setenv("HTTP_PROXY", server.url.replace("//", "//user:word@"))
    client = thin("http://localstack.example:4566", require_https=False)
    assert client.call("A", {}, b"{}").document == {}
    assert server.received[0].target == "http://localstack.example:4566/"
    assert server.received[0].header("host") == "localstack.example:4566"
    assert server.received[0].header("proxy-authorization") == "Basic dXNlcjp3b3Jk"
    monkeypatch.setenv("REQUEST_METHOD", "GET")  # in a CGI process, a client sets `HTTP_PROXY`
    with pytest.raises(PolicyStoreUnavailableError):
        thin("http://localstack.example:4566", require_https=False).call("A", {}, b"{}")


FRAMINGS = {
    "head": ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    "204": ("POST", b"HTTP/1.1 204 X\r\n\r\n"),
    "204 with a length": ("POST", b"HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n"),
    "304": ("GET", b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n"),
    "empty": ("POST", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "length": ("POST", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "chunked": (
        "POST",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    "trailer": (
        "POST",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    ),
    "chunked with a length": (
        "POST",
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\n{}\r\n0\r\n\r\n"
        ),
    ),
    "close": ("POST", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
    "http/1.0": ("POST", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "continue": (
        "POST",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ),
    "early hints": (
        "POST",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ),
    "switching": ("POST", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "redirect": ("POST", b"HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 2\r\n\r\n{}"),
}
KEPT = {"length", "chunked", "trailer", "continue", "redirect"}


@pytest.mark.parametrize("surplus", [False, True], ids=["clean", "surplus"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_only_a_clean_connection_serves_another_call(
    serve, http, tls_contexts, framing, tls, surplus
):
    """Whatever frames the answer, the bytes after it are never the answer to the next call."""
    method, answer = FRAMINGS[framing]
    evil = http.reply(body=b"evil") if surplus else b""

    def reply(received, sock):
        return http.reply(body=b"next") if received.target == "/next" else answer + evil

    server = serve(reply, tls=tls_contexts[0] if tls else None)
    with SigV4Client(
        server.url,
        region="eu-west-1",
        credentials=FIXED,
        ssl_context=tls_contexts[1] if tls else None,
        max_attempts=1,
    ) as client:
        if framing in {"early hints", "switching"}:
            with pytest.raises(DeliveryError, match="interim"):
                client.request(method, "/first")
        else:
            assert b"evil" not in client.request(method, "/first").body
        assert client.request("GET", "/next").body == b"next"
    assert server.connections == (1 if framing in KEPT and not surplus else 2)


def test_bytes_that_come_later_spoil_a_kept_connection(serve, http, thin):
    later = threading.Event()

    def answer(received, sock):
        if len(server.received) == 1:
            sock.sendall(http.reply(body=b'{"first": 1}'))
            later.wait(5)
            return http.reply(body=b'{"evil": 1}')
        return http.reply(body=b'{"second": 1}')

    server = serve(answer)
    client = thin(server.url)
    assert client.call("A", {}, b"{}").document == {"first": 1}
    later.set()
    (kept,) = client._pool._idle
    select.select([kept.sock], [], [], 5)
    assert client.call("A", {}, b"{}").document == {"second": 1}
    assert server.connections == 2

"""The HTTP fetcher against a real endpoint on loopback that misbehaves."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer
from authz_lib.transport.fetch import FetchError, HTTPFetcher


@pytest.fixture
def endpoint(ec_issuer):
    with ec_issuer.serve() as endpoint:
        yield endpoint


def test_fetches_a_key_set(endpoint, ec_issuer):
    assert json.loads(HTTPFetcher()(endpoint.jwks_url)) == ec_issuer.jwks()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("error", "status 500"),
        ("huge", "longer than 150000 bytes"),
        ("redirect", "302; a redirect is not"),
    ],
)
def test_a_fault_is_a_failed_fetch(endpoint, fault, reason):
    endpoint.fault = fault
    with pytest.raises(FetchError, match=reason):
        HTTPFetcher()(endpoint.jwks_url)
    assert endpoint.requests == 1  # neither followed nor repeated


def test_an_endpoint_that_hangs_is_given_up_at_the_deadline(endpoint):
    endpoint.fault = "slow"
    with pytest.raises(FetchError, match="in time"):
        HTTPFetcher(timeout_seconds=0.1)(endpoint.jwks_url)


@pytest.mark.parametrize("fault", ["slow", "error", "garbage", "huge", "redirect"])
def test_every_fault_is_a_503_that_names_the_host(endpoint, ec_issuer, fault):
    endpoint.fault = fault
    verifier = JWTVerifier(
        issuer=ec_issuer.issuer,
        audience=None,
        algorithms=["ES256"],
        keys=RemoteKeySet(endpoint.jwks_url, timeout_seconds=0.2 if fault == "slow" else 60.0),
    )
    with pytest.raises(errors.KeySetUnavailableError, match=r"`127\.0\.0\.1`"):
        verifier.verify(ec_issuer.token())


def test_a_port_nobody_listens_on(ec_issuer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FetchError, match="refused"):
        HTTPFetcher()(f"http://127.0.0.1:{port}/jwks")


def test_a_name_that_does_not_resolve(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(FetchError, match="resolved"):
        HTTPFetcher()("https://issuer.example/jwks")


def test_a_name_that_takes_for_ever_to_resolve(monkeypatch):
    """The operator's network is down: `getaddrinfo` blocks for as long as it likes, the caller does
    not.
    """
    go_on = threading.Event()
    looking = threading.Event()

    def hang(*_, **__):
        looking.set()
        assert go_on.wait(10)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(FetchError, match="in time"):
        HTTPFetcher(timeout_seconds=0.1)("https://issuer.example/jwks")
    assert looking.is_set()
    go_on.set()


def test_a_server_that_speaks_no_tls(ec_issuer):
    with ec_issuer.serve() as endpoint, pytest.raises(FetchError, match="TLS"):
        HTTPFetcher()(endpoint.jwks_url.replace("http:", "https:"))


def test_headers_say_who_asks_and_what_is_not_wanted():
    request = _serve_once(
        HTTPFetcher(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    assert b"user-agent: authz-lib" in request.lower()
    assert b"accept-encoding: identity" in request.lower()


def test_a_body_that_drips_is_given_up_at_the_deadline():
    """Every byte comes in time, the whole never does."""
    gave_up = threading.Event()

    def fetch(url):
        with pytest.raises(FetchError, match="in time"):
            HTTPFetcher(timeout_seconds=0.2)(url)
        gave_up.set()

    _serve_once(fetch, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", drip=gave_up)
    assert gave_up.is_set()


def test_a_header_that_drips_is_given_up_at_the_deadline():
    gave_up = threading.Event()

    def fetch(url):
        with pytest.raises(FetchError, match="in time"):
            HTTPFetcher(timeout_seconds=0.2)(url)
        gave_up.set()

    _serve_once(fetch, b"HTTP/1.1 200 OK\r\nX: ", drip=gave_up)
    assert gave_up.is_set()


def _serve_once(fetch, answer, *, drip=None):
    """Answer one connection with these bytes, then, while the client has not given up, one byte at
    a time.
    """
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve():
            connection, _ = server.accept()
            with connection:
                received.append(connection.recv(65536))
                connection.sendall(answer)
                try:
                    while drip is not None and not drip.wait(0.01):
                        connection.sendall(b" ")
                except OSError:
                    drip.set()

        thread = threading.Thread(target=serve)
        thread.start()
        fetch(f"http://127.0.0.1:{server.getsockname()[1]}/jwks")
        thread.join(10)
    return received[0]


def test_many_issuers_do_not_leave_sockets_open(endpoint):
    """`ResourceWarning`s are errors here."""
    for _ in range(5):
        HTTPFetcher()(endpoint.jwks_url)
    assert endpoint.requests == 5


def test_a_whole_verification_over_http_survives_a_rotation():
    issuer = TestIssuer(algorithm="EdDSA")
    with issuer.serve() as endpoint:
        verifier = JWTVerifier(
            issuer=issuer.issuer,
            audience=None,
            algorithms=["EdDSA"],
            keys=RemoteKeySet(endpoint.jwks_url),
        )
        assert verifier.verify(issuer.token())
        new = issuer.rotate()
        assert verifier.verify(issuer.token()).key_id == new
        assert endpoint.requests == 2


def reply(status=200, body=b"{}"):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class TestOnceMore:
    """One reset or one 503 is no outage; two are."""

    @pytest.fixture
    def fetch(self, serve):
        def fetch(*answers, **options):
            left = list(answers)

            def answer(received, sock):
                return left.pop(0) if left else None

            server = serve(answer)
            fetcher = HTTPFetcher(timeout_seconds=5.0, **options)
            try:
                return fetcher(f"{server.url}/jwks"), len(server.received)
            except FetchError as error:
                return error, len(server.received)

        return fetch

    @pytest.mark.parametrize("first", [None, reply(502), reply(503), reply(504)])
    def test_a_first_failure_is_tried_again_at_once(self, fetch, first):
        assert fetch(first, reply(body=b"{}")) == (b"{}", 2)

    @pytest.mark.parametrize("both", [None, reply(503)])
    def test_a_second_one_is_a_failure(self, fetch, both):
        error, count = fetch(both, both, reply())
        assert isinstance(error, FetchError)
        assert count == 2

    @pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500])
    def test_what_would_be_the_same_again_is_not(self, fetch, status):
        error, count = fetch(reply(status), reply())
        assert (error.status, count) == (status, 1)

    def test_a_document_that_is_too_long_is_not(self, fetch):
        _, count = fetch(reply(body=b"x" * 11), reply(), max_bytes=10)
        assert count == 1

    def test_the_deadline_is_one_for_both(self, monkeypatch):
        now = iter([0.0, 3.0])
        monkeypatch.setattr("authz_lib.transport.fetch.time.monotonic", lambda: next(now))
        asked = []

        def get(self, url, deadline):
            asked.append(deadline)
            raise FetchError("reset", transient=True)

        monkeypatch.setattr(HTTPFetcher, "_get", get)
        with pytest.raises(FetchError, match="reset"):
            HTTPFetcher(timeout_seconds=3.0)("https://issuer.example/jwks")
        assert asked == [3.0]

"""Key sets, Verified Permissions and signed calls alike: proxies, certificates, times, sizes."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from authz_lib import AuthorizationRequest, EntityUid, JWTVerifier, SigV4Client, VerifiedPermissions
from authz_lib.errors import DeliveryError, KeySetUnavailableError, PolicyStoreUnavailableError
from authz_lib.sigv4 import Credentials
from authz_lib.testing.issuer import TestIssuer

API = "https://api.internal.example"


@pytest.fixture
def credentials(monkeypatch):
    """For all signed calls."""
    made = Credentials("AKIDEXAMPLE", "secret-text", "token-text")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made.secret_key)
    return made


class Private:
    """A provider, a policy store and an API behind one TLS server of a private authority."""

    def __init__(self):
        self.issuer = TestIssuer(API)

    def __call__(self, received, _sock):
        answers = {
            "/.well-known/openid-configuration": {"issuer": API, "jwks_uri": f"{API}/keys"},
            "/keys": self.issuer.jwks(),
            "/": {"decision": "ALLOW", "determiningPolicies": [], "errors": []},
            "/orders": {"orders": 1},
        }
        body = json.dumps(answers[received.target]).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("bundle", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("exempt", [False, True], ids=["proxy", "exempt"])
def test_everything_goes_one_way(
    authority, serve, proxy, resolve, monkeypatch, credentials, bundle, exempt
):
    """A verifier, a policy store and a signed call, as they are used, with the environment of a
    company: a proxy that asks who calls, exceptions from it, an authority of its own.
    """
    private = Private()
    server = serve(private, tls=authority[0])
    tunnel = proxy(("127.0.0.1", server.port))
    monkeypatch.setenv(bundle, authority[1])
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url.replace("//", "//lambda:pa%20ss@"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS", API)
    if exempt:
        monkeypatch.setenv("NO_PROXY", ".internal.example")
        resolve(("127.0.0.1", server.port))
    verifier = JWTVerifier.oidc(API, audience="shop")
    token = private.issuer.token({"sub": "alice", "aud": "shop"})
    assert verifier.verify(token).claims["sub"] == "alice"
    store = VerifiedPermissions("PSEXAMPLEabcdefg111111", region="eu-west-1")
    order = EntityUid("Order", "7")
    assert store.is_authorized(AuthorizationRequest(EntityUid("User", "alice"), "View", order))
    with SigV4Client(API, region="eu-west-1", credentials=credentials) as client:
        assert client.request("GET", "/orders").status == 200
    store._client.close()
    targets = [request.target for request in server.received]
    assert targets == ["/.well-known/openid-configuration", "/keys", "/", "/orders"]
    assert len(tunnel.heads) == (0 if exempt else 4)
    for head in tunnel.heads:
        assert head.startswith(b"CONNECT api.internal.example:443 HTTP/1.1\r\n")
        assert b"\r\nProxy-Authorization: Basic bGFtYmRhOnBhIHNz\r\n" in head
    for request in server.received:
        assert request.header("proxy-authorization") is None


@pytest.mark.parametrize("lost", ["authority", "credentials"])
def test_and_nothing_goes_another_way(authority, serve, proxy, monkeypatch, credentials, lost):
    """Without the authority, or with a proxy that refuses: no byte reaches the server."""
    private = Private()
    server = serve(private, tls=authority[0])
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    answer = {"answer": refusal} if lost == "credentials" else {}
    tunnel = proxy(("127.0.0.1", server.port), **answer)
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    if lost == "credentials":
        monkeypatch.setenv("AWS_CA_BUNDLE", authority[1])
    with pytest.raises(KeySetUnavailableError):
        JWTVerifier.oidc(API, audience="shop").prefetch(strict=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", API)
    store = VerifiedPermissions("PSEXAMPLEabcdefg111111", region="eu-west-1")
    request = AuthorizationRequest(EntityUid("User", "a"), "View", EntityUid("Order", "7"))
    with pytest.raises(PolicyStoreUnavailableError):
        store.is_authorized(request)
    with (
        SigV4Client(API, region="eu-west-1", credentials=credentials) as client,
        pytest.raises(DeliveryError) as caught,
    ):
        client.request("GET", "/orders")
    assert caught.value.outcome == "not_sent"
    assert server.received == []


@pytest.fixture
def trusted(authority, serve, monkeypatch):
    """A TLS server of the private authority, which the environment trusts."""
    server = serve(tls=authority[0])
    monkeypatch.setenv("AWS_CA_BUNDLE", authority[1])
    return server


@pytest.fixture
def port_of():
    return lambda server: ("127.0.0.1", server.port)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_connect_proxy_is_used(way, trusted, proxy, port_of, monkeypatch, name):
    """Only the proxy knows the host: it does not resolve here."""
    running = proxy(port_of(trusted))
    monkeypatch.setenv(name, running.url)
    assert way(API)()
    assert running.heads[0].startswith(
        b"CONNECT api.internal.example:443 HTTP/1.1\r\nHost: api.internal.example:443\r\n"
    )
    assert trusted.received[0].header("host") == "api.internal.example"
    assert trusted.received[0].target == "/"


def test_a_proxy_is_told_who_asks_and_the_server_is_not(way, trusted, proxy, port_of, monkeypatch):
    running = proxy(port_of(trusted))
    monkeypatch.setenv("HTTPS_PROXY", running.url.replace("//", "//lambda:pa%20ss@"))
    assert way(API)()
    assert b"\r\nProxy-Authorization: Basic bGFtYmRhOnBhIHNz\r\n" in running.heads[0]
    assert trusted.received[0].header("proxy-authorization") is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 200 OK\r\n\r\nbytes that TLS would read",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"",
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_no_connection(
    way, trusted, proxy, port_of, monkeypatch, answer
):
    running = proxy(port_of(trusted), answer=answer)
    if answer == b"HTTP/1.1 200 OK\r\n":
        running.to = ("127.0.0.1", 1)  # nobody is there, so the proxy hangs up
    monkeypatch.setenv("HTTPS_PROXY", running.url)
    made = way(API)
    with pytest.raises(way.refused) as caught:
        made()
    assert getattr(caught.value.__cause__, "outcome", "not_sent") == "not_sent"
    assert trusted.received == []


@pytest.mark.parametrize("more", [0, 1])
def test_a_proxys_answer_of_the_largest_size_is_taken(
    way, trusted, proxy, port_of, monkeypatch, more
):
    head, end = b"HTTP/1.1 200 OK\r\nX: ", b"\r\n\r\n"
    answer = head + b"x" * (16 * 1024 + more - len(head + end)) + end
    running = proxy(port_of(trusted), answer=answer)
    monkeypatch.setenv("HTTPS_PROXY", running.url)
    made = way(API)
    if not more:
        assert made()
    else:
        with pytest.raises(way.refused):
            made()
    assert len(trusted.received) == (0 if more else 1)


def test_a_proxy_is_not_used_for_an_exempt_host(way, trusted, resolve, port_of, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8, internal.example")
    resolve(port_of(trusted))
    assert way(API)()


def test_this_machine_is_never_asked_for_through_a_proxy(way, serve, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server = serve()
    assert way(server.url)()


@pytest.mark.parametrize(
    "text", ["https://proxy.example", "socks5://proxy.example:1080", "http://", "a b", "http://p:x"]
)
def test_a_proxy_that_is_none_is_said_before_anything_is_sent(way, monkeypatch, text):
    monkeypatch.setenv("HTTPS_PROXY", text)
    with pytest.raises(way.refused, match="`HTTPS_PROXY` must be the URL of an http proxy"):
        way(API)()


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_authority_is_trusted(way, authority, serve, resolve, port_of, monkeypatch, name):
    server = serve(tls=authority[0])
    resolve(port_of(server))
    with pytest.raises(way.refused):
        way(API)()
    monkeypatch.setenv(name, authority[1])
    assert way(API)()


def test_the_first_bundle_counts(way, authority, serve, resolve, port_of, monkeypatch, tmp_path):
    server = serve(tls=authority[0])
    resolve(port_of(server))
    monkeypatch.setenv("SSL_CERT_FILE", authority[1])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.raises(way.refused, match="`REQUESTS_CA_BUNDLE` names a file that does not exist"):
        way(API)()
    (tmp_path / "none.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(way.refused, match="the CA bundle of the environment cannot be read"):
        way(API)()


def test_a_certificate_for_another_name_is_refused(way, trusted, resolve, port_of):
    resolve(port_of(trusted))
    with pytest.raises(way.refused):
        way("https://other.internal.example")()
    assert trusted.received == []


def test_an_address_that_says_nothing_costs_one_connect_timeout_at_most(
    way, trusted, resolve, black_hole, port_of
):
    resolve(("127.0.0.1", black_hole), port_of(trusted))
    began = time.monotonic()
    assert way(API, connect=1.0, total=9.0)()
    assert 0.3 < time.monotonic() - began < 8.5  # the total would be 9


@pytest.mark.parametrize("silent", [1, 2])
def test_nor_does_an_address_of_the_proxy(
    way, trusted, proxy, black_hole, port_of, monkeypatch, silent
):
    running = proxy(port_of(trusted))
    ports = [black_hole] * silent + [int(running.url.rpartition(":")[2])]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **options: (
            found if host == "proxy.internal" else real(host, *args, **options)
        ),
    )
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.internal:3128")
    began = time.monotonic()
    assert way(API, connect=1.0, total=9.0)()
    assert 0.3 < time.monotonic() - began < 8.5
    assert len(running.heads) == 1


def test_connecting_ends_long_before_the_total(way, resolve, black_hole):
    resolve(*[("127.0.0.1", black_hole)] * 4)
    began = time.monotonic()
    with pytest.raises(way.refused):
        way(API, connect=0.3, total=30.0)()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 2", b"0"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "body", "chunks", "extension", "trailer", "interim"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_dripping_bytes_end_with_the_total(
    way, authority, serve, resolve, port_of, monkeypatch, tls, head, drop
):
    monkeypatch.setenv("AWS_CA_BUNDLE", authority[1])
    stop = threading.Event()

    def drip(received, sock):
        sock.sendall(head)
        while not stop.wait(0.02):
            sock.sendall(drop)

    server = serve(drip, tls=authority[0] if tls else None)
    resolve(port_of(server))
    began = time.monotonic()
    with pytest.raises(way.refused):
        way(API if tls else server.url, total=0.3)()
    stop.set()
    assert time.monotonic() - began < 10


def test_a_handshake_that_drips_ends_with_the_total(way, serve, resolve, port_of):
    """The bytes of a TLS record that never ends."""
    stop = threading.Event()

    def drip(sock):
        sock.recv(65_536)
        sock.sendall(b"\x16\x03\x03\x3f\xff")
        while not stop.wait(0.02):
            sock.sendall(b"\x02")

    server = serve(before_handshake=drip)
    resolve(port_of(server))
    began = time.monotonic()
    with pytest.raises(way.refused) as caught:
        way(API, connect=30.0, total=0.3)()
    stop.set()
    assert time.monotonic() - began < 10
    assert getattr(caught.value.__cause__, "outcome", "not_sent") == "not_sent"


@pytest.mark.parametrize(
    ("drop", "pause"), [(b"x", 0.02), (b"x" * 10_000, 0)], ids=["slowly", "without end"]
)
def test_a_proxy_whose_answer_does_not_end_is_given_up(way, serve, monkeypatch, drop, pause):
    stop = threading.Event()

    def drip(sock):
        sock.recv(65_536)
        sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not stop.wait(pause):
            sock.sendall(drop)

    server = serve(before_handshake=drip)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    began = time.monotonic()
    with pytest.raises(way.refused) as caught:
        way(API, connect=30.0, total=0.3 if pause else 30.0)()
    stop.set()
    assert time.monotonic() - began < 10
    assert getattr(caught.value.__cause__, "outcome", "not_sent") == "not_sent"


def chunked(size):
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b" " * 1001,
        chunked(1001) + b" " * 1001 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + b" " * 1_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: %s\r\n" % (b"y" * 60_000) * 4 + b"\r\n{}",
    ],
    ids=["length", "chunked", "chunk of no length", "headers"],
)
def test_an_answer_that_is_too_large_is_not_read(way, serve, answer, monkeypatch):
    monkeypatch.setattr("authz_lib.decisions.avp_client._MAX_RESPONSE_BYTES", 1000)
    stop = threading.Event()

    def send(received, sock):
        sock.sendall(answer)
        stop.wait(5)  # a client that waits for the end would wait

    server = serve(send)
    began = time.monotonic()
    with pytest.raises(way.refused):
        way(server.url, total=30.0)()
    stop.set()
    assert time.monotonic() - began < 5


def test_a_redirect_is_not_followed(way, serve, http):
    elsewhere = serve()
    server = serve(http.reply(307, b"", [f"Location: {elsewhere.url}/"]))
    made = way(server.url)
    if made.kind == "signed call":
        made()
    else:
        with pytest.raises(way.refused):
            made()
    assert (len(server.received), elsewhere.received) == (1, [])


def test_a_name_that_does_not_resolve(way, monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(way.refused):
        way(API)()


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example\\.localhost",
        "http://evil.example\\@localhost",
        "http://evil.example%2f.localhost",
        "http://evil.example\t.localhost",
        "http://localhost@evil.example",
        "http://evil.example#.localhost",
        "http://ёvil.localhost",
        "http://127.1",
        "http://0x7f.1",
    ],
)
def test_a_url_that_two_parsers_could_read_differently_is_refused(way, url):
    with pytest.raises(way.refused, match=r"`(url|endpoint_url|base_url)`"):
        way(url)()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "surplus", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"x" * 40_000]
)
def test_bytes_after_an_answer_are_never_the_next_answer(
    way, authority, serve, http, resolve, port_of, monkeypatch, tls, surplus
):
    """In the same TLS record, in the reader's buffer, or still in the socket."""
    monkeypatch.setenv("AWS_CA_BUNDLE", authority[1])
    server = serve(
        lambda received, sock: http.reply(body=b'{"number":%d}' % len(server.received)) + surplus,
        tls=authority[0] if tls else None,
    )
    resolve(port_of(server))
    made = way(API if tls else server.url)
    answers = [str(made()) for _ in range(3)]
    assert [text.count(str(number)) for number, text in enumerate(answers, 1)] == [1, 1, 1]
    assert "evil" not in "".join(answers)
    assert server.connections == 3

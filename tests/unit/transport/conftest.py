"""The three ways out of this library, a CONNECT proxy, and an authority of one's own."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

import pytest

from authz_lib.decisions.avp_client import ThinClient
from authz_lib.errors import AuthzError
from authz_lib.sigv4 import Credentials, SigV4Client
from authz_lib.transport.fetch import FetchError, HTTPFetcher

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")
WAYS = ("key set", "verified permissions", "signed call")
VARIABLES = (
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class RefusedError(Exception):
    """Whatever error a way raises: one kind for all three."""


class Way:
    """Builds its client at the first call, as a Lambda does at its start."""

    def __init__(self, kind, url, *, connect=2.0, total=5.0):
        self.kind, self.url, self.connect, self.total = kind, url, connect, total
        self.client = None

    def _build(self):
        if self.kind == "key set":
            return HTTPFetcher(
                timeout_seconds=self.total, connect_timeout_seconds=self.connect, max_bytes=1000
            )
        if self.kind == "signed call":
            return SigV4Client(
                self.url,
                region="eu-west-1",
                credentials=FIXED,
                connect_timeout_seconds=self.connect,
                max_response_bytes=1000,
                max_attempts=1,
            )
        return ThinClient(
            region="eu-west-1",
            endpoint_url=self.url,
            credentials=FIXED,
            connect_timeout_seconds=self.connect,
            read_timeout_seconds=self.total,
            total_timeout_seconds=self.total,
            max_attempts=1,
            require_https=False,
        )

    def __call__(self):
        """The document that the server answers with."""
        try:
            self.client = self.client or self._build()
            if self.kind == "key set":
                return self.client(f"{self.url}/")
            if self.kind == "signed call":
                return self.client.request("POST", "/", timeout_seconds=self.total).body
            return str(self.client.call("IsAuthorized", {}, b"{}").document)
        except (AuthzError, FetchError) as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from error

    def close(self):
        if hasattr(self.client, "close"):
            self.client.close()


@pytest.fixture(params=WAYS)
def way(request):
    """Makes one of the three ways to call a URL."""
    with contextlib.ExitStack() as stack:

        def make(url, **options):
            made = Way(request.param, url, **options)
            stack.callback(made.close)
            return made

        make.refused = RefusedError
        yield make


class ConnectProxy:
    """An HTTP proxy for CONNECT: tunnels to one fixed address whatever host is asked for."""

    def __init__(self, to, *, answer=b"HTTP/1.1 200 Connection established\r\n\r\n"):
        self.to, self.answer = to, answer
        self.heads = []
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = []
        self._start(self._accept)

    def _start(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            self._start(self._serve, client)

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                received = client.recv(4096)
                if not received:
                    return
                head += received
            self.heads.append(head)
            client.sendall(self.answer)
            if not self.answer.startswith(b"HTTP/1.1 200"):
                return
            with socket.create_connection(self.to) as server:
                self._open.append(server)
                while True:
                    ready, _, _ = select.select([client, server], [], [], 5)
                    for one in ready:
                        received = one.recv(65536)
                        if not received:
                            return
                        (server if one is client else client).sendall(received)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture
def proxy():
    """Starts CONNECT proxies; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def start(to, **options):
            started = ConnectProxy(to, **options)
            stack.callback(started.close)
            return started

        yield start


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """(server context, path of the certificate to trust) for `api.internal.example`."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "private authority")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("api.internal.example")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    folder = tmp_path_factory.mktemp("authority")
    bundle, chain = folder / "bundle.pem", folder / "server.pem"
    bundle.write_bytes(pem)
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
    return server, str(bundle)


@pytest.fixture
def black_hole():
    """The port of a listener whose queue is full: whoever connects hears nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        held = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
                held.append(one)
            yield listener.getsockname()[1]
        finally:
            for one in held:
                one.close()


@pytest.fixture
def resolve(monkeypatch):
    """Makes every host name resolve to these addresses of IPv4."""

    def to(*addresses):
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
            for address in addresses
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)

    return to

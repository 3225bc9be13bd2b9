"""What rooms share: an HTTP server on loopback, a SigV4 verifier, a clock, issuers.

The verifier shares no code with the library: it reads the bytes that came over the socket, and
knows nothing of the sender but the secret.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import re
import socket
import struct
import threading
from dataclasses import dataclass, field

import pytest

from authz_lib.testing.issuer import TestIssuer

SECRETS = {"AKIDEXAMPLE": ("secret-text", "token-text")}


@dataclass
class Received:
    """One request as it came over the socket."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name):
        found = [value for key, value in self.headers if key.lower() == name]
        assert len(found) <= 1, f"{name} came twice"
        return found[0] if found else None


def reply(status=200, body=b"{}", headers=(), *, length=None):
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """A thread serves each connection: ``answer(received, sock)`` is sent, ``None`` hangs up."""

    def __init__(self, answer, *, tls=None, before_handshake=None, address="127.0.0.1"):
        self.answer = answer
        self.received = []
        self.connections = 0
        self.errors = []
        self._tls = tls
        self._before_handshake = before_handshake
        self._open = set()
        self._threads = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self.port = self._listener.getsockname()[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._start(self._accept)

    def _start(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            self._start(self._serve, sock)

    def _serve(self, sock):
        try:
            if self._before_handshake:
                return self._before_handshake(sock)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            with sock.makefile("rb") as stream:
                while received := self._read(stream):
                    self.received.append(received)
                    answer = self.answer(received, sock)
                    if answer is None:
                        break
                    sock.sendall(answer)
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001  # raised when the server is closed
            self.errors.append(error)
        finally:
            self._open.discard(sock)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    @staticmethod
    def _read(stream):
        line = stream.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
            headers.append((name, value.strip()))
        length = next(
            (int(value) for name, value in headers if name.lower() == "content-length"), 0
        )
        return Received(method, target, headers, stream.read(length))

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        assert not self.errors, self.errors


def reset(sock):
    """Hang up with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@dataclass
class Verifier:
    """Signature Version 4 from the specification, over the bytes that arrived."""

    region: str = "eu-west-1"
    service: str = "execute-api"
    now: float | None = None
    secrets: dict = field(default_factory=lambda: dict(SECRETS))

    def refuse(self, received):  # noqa: C901  # one list of checks, in the order of the specification
        """Why the request is refused, or None."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            received.header("authorization") or "",
        )
        if not found:
            return "Missing Authentication Token"
        key, day, region, service, names, signature = found.groups()
        if (region, service) != (self.region, self.service):
            return "Credential should be scoped to a valid region"
        if key not in self.secrets:
            return "The security token included in the request is invalid"
        secret, token = self.secrets[key]
        if received.header("x-amz-security-token") != token:
            return "The security token included in the request is invalid"
        stamp = received.header("x-amz-date")
        if not stamp.startswith(day):
            return "Date in Credential scope does not match"
        when = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
        now = dt.datetime.now(dt.UTC).timestamp() if self.now is None else self.now
        if when < now - 300:
            return "Signature expired: too old"
        if when > now + 300:
            return "Signature not yet current"
        signed = names.split(";")
        must = {
            name.lower() for name, _ in received.headers if name.lower().startswith("x-amz-")
        } | {"host"}
        if signed != sorted(signed) or not must <= set(signed):
            return "'Host' or 'X-Amz-*' must be a signed header"
        payload = hashlib.sha256(received.body).hexdigest()
        if self.service == "vpc-lattice-svcs":
            payload = "UNSIGNED-PAYLOAD"
            if received.header("x-amz-content-sha256") != payload:
                return "x-amz-content-sha256 must be UNSIGNED-PAYLOAD"
        lines = [received.method, *self._target(received.target)]
        lines += [f"{name}:{' '.join(received.header(name).split())}" for name in signed]
        canonical = "\n".join([*lines, "", names, payload])
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(
            ["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
        )
        digest = f"AWS4{secret}".encode()
        for part in (day, region, service, "aws4_request", text):
            digest = hmac.new(digest, part.encode(), hashlib.sha256).digest()
        return (
            None
            if digest.hex() == signature
            else "The request signature we calculated does not match"
        )

    @classmethod
    def _target(cls, target):
        path, _, query = target.partition("?")
        path = re.sub("/+", "/", path)
        pairs = []
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            pairs.append((cls._encode(cls._decode(name)), cls._encode(cls._decode(value))))
        return cls._encode(path.encode("latin-1"), keep=b"/"), "&".join(
            "=".join(pair) for pair in sorted(pairs)
        )

    @staticmethod
    def _decode(text):
        plus = text.replace("+", " ").encode("latin-1")  # as a form decoder does
        return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), plus)

    @staticmethod
    def _encode(raw, keep=b""):
        free = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + keep
        return "".join(chr(byte) if byte in free else f"%{byte:02X}" for byte in raw)


@pytest.fixture
def serve():
    """Start servers; all are closed, and their own errors raised, at the end."""
    with contextlib.ExitStack() as stack:

        def start(answer=None, **options):
            given = (
                answer if callable(answer) or answer is None else lambda _received, _sock: answer
            )
            server = Server(given or (lambda _received, _sock: reply()), **options)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def http():
    """The tools of this module, for tests that cannot import it."""

    class Tools:
        pass

    Tools.reply, Tools.reset, Tools.Verifier, Tools.Received = (
        staticmethod(reply),
        staticmethod(reset),
        Verifier,
        Received,
    )
    return Tools


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


@pytest.fixture(scope="session")
def tls_contexts():
    """(server context, client context that trusts it) for 127.0.0.1, with a fresh certificate."""
    import ipaddress
    import ssl
    import tempfile
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
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
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        path.write_bytes(secret + pem)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=pem.decode())
    return server, client


NOW = 1_800_000_000.0


class ManualClock:
    """Seconds since the epoch, moved by the test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def rsa_issuer() -> TestIssuer:
    """RS256 at a fixed time; never rotated."""
    return TestIssuer("https://issuer.example", clock=lambda: NOW)


@pytest.fixture(scope="session")
def ec_issuer() -> TestIssuer:
    """ES256 at a fixed time; never rotated."""
    return TestIssuer("https://issuer.example", algorithm="ES256", clock=lambda: NOW)

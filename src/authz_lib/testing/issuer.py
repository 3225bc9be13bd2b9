"""A token issuer for tests: real keys and tokens, and a key set endpoint that can misbehave."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from authz_lib._support import base64url
from authz_lib._support.checks import require_one_of
from authz_lib._support.clock import system_clock
from authz_lib.tokens.algorithms import ASYMMETRIC, SUPPORTED
from authz_lib.tokens.keys import StaticKeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from authz_lib._support.clock import Clock

__all__ = ["FAULTS", "JWKSEndpoint", "TestIssuer"]

_KEY_MAKERS: Final[dict[tuple[str, str | None], Callable[[], Any]]] = {
    ("RSA", None): lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ("EC", "P-256"): lambda: ec.generate_private_key(ec.SECP256R1()),
    ("EC", "P-384"): lambda: ec.generate_private_key(ec.SECP384R1()),
    ("EC", "P-521"): lambda: ec.generate_private_key(ec.SECP521R1()),
    ("OKP", "Ed25519"): ed25519.Ed25519PrivateKey.generate,
}


class _SigningKey(NamedTuple):
    key_id: str
    algorithm: str
    private: Any

    @property
    def jwk(self) -> dict[str, Any]:
        """The public JWK."""
        implementation = SUPPORTED[self.algorithm].implementation
        document: dict[str, Any] = implementation.to_jwk(self.private.public_key(), as_dict=True)
        document.pop("key_ops", None)
        return document | {"kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    @property
    def pem(self) -> bytes:
        """The public key in PEM form."""
        public = self.private.public_key()
        return bytes(
            public.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


class TestIssuer:
    """Issues tokens as an identity provider would, with keys of its own.

    Args:
        issuer: the ``iss`` of its tokens.
        algorithm: what it signs with: ``RS*``, ``PS*``, ``ES*``, ``EdDSA`` or ``Ed25519``.
        clock: seconds since the epoch; ``iat`` and ``exp`` follow it.

    >>> issuer = TestIssuer("https://issuer.example", algorithm="EdDSA")
    >>> from authz_lib import JWTVerifier
    >>> verifier = JWTVerifier(
    ...     issuer="https://issuer.example",
    ...     audience=None,
    ...     algorithms=["EdDSA"],
    ...     keys=issuer.key_set(),
    ... )
    >>> verifier.verify(issuer.token({"sub": "alice"})).claims["sub"]
    'alice'
    """

    __test__ = False  # for pytest: it is no test class

    def __init__(
        self,
        issuer: str = "https://issuer.example",
        *,
        algorithm: str = "RS256",
        clock: Clock = system_clock,
    ) -> None:
        require_one_of(algorithm, "algorithm", sorted(ASYMMETRIC))
        self.issuer = issuer
        self.algorithm = algorithm
        self._clock = clock
        self._keys = [self._new_key()]

    def _new_key(self) -> _SigningKey:
        algorithm = SUPPORTED[self.algorithm]
        return _SigningKey(
            str(uuid4()), self.algorithm, _KEY_MAKERS[algorithm.key_type, algorithm.curve]()
        )

    @property
    def key_id(self) -> str:
        """The ``kid`` of the key that signs now."""
        return self._keys[-1].key_id

    def rotate(self, *, keep_old: bool = False) -> str:
        """Sign with a new key from now on; its ``kid``.

        The key set loses the old one, unless ``keep_old``.
        """
        new = self._new_key()
        self._keys = [*self._keys, new] if keep_old else [new]
        return new.key_id

    def jwks(self) -> dict[str, Any]:
        """The public key set."""
        return {"keys": [key.jwk for key in self._keys]}

    def key_set(self) -> StaticKeySet:
        """The public key set of this moment, for a verifier."""
        return StaticKeySet(self.jwks())

    def pem(self, key_id: str) -> bytes | None:
        """The public key of that ``kid`` in PEM form."""
        return next((key.pem for key in self._keys if key.key_id == key_id), None)

    def serve(self) -> JWKSEndpoint:
        """An HTTP endpoint for the key set; use it in a ``with`` statement."""
        return JWKSEndpoint(self)

    def token(
        self,
        claims: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, Any] | None = None,
        expires_in_seconds: float = 300,
    ) -> str:
        """A signed token with ``iss``, ``iat``, ``exp`` and ``claims``.

        ``claims`` replace the three; a ``None`` removes one.  So do ``headers`` with ``alg``,
        ``kid`` and ``typ``.
        """
        now = int(self._clock())
        payload = {
            "iss": self.issuer,
            "iat": now,
            "exp": now + expires_in_seconds,
            **(claims or {}),
        }
        header = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **(headers or {})}
        return self.sign(_compact(header), _compact(payload))

    def access_token(
        self, *, client_id: str, claims: Mapping[str, Any] | None = None, **options: Any
    ) -> str:
        """A token in the shape of a Cognito access token, which has no ``aud``."""
        own = {
            "client_id": client_id,
            "scope": "aws.cognito.signin.user.admin",
            "username": "alice",
        }
        return self.token({**self._cognito("access"), **own, **(claims or {})}, **options)

    def id_token(
        self, *, client_id: str, claims: Mapping[str, Any] | None = None, **options: Any
    ) -> str:
        """A token in the shape of a Cognito ID token: ``aud`` names the client."""
        own = {
            "aud": client_id,
            "cognito:username": "alice",
            "email": "alice@example.com",
            "email_verified": True,
        }
        return self.token({**self._cognito("id"), **own, **(claims or {})}, **options)

    def _cognito(self, token_use: str) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "sub": "5f2b1c9e-0000-4000-8000-00000000a11c",
            "cognito:groups": ["clerks"],
            "token_use": token_use,
            "auth_time": now,
            "jti": str(uuid4()),
            "origin_jti": str(uuid4()),
            "event_id": str(uuid4()),
        }

    def alb_token(
        self,
        *,
        load_balancer_arn: str,
        client_id: str,
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        expires_in_seconds: float = 120,
    ) -> str:
        """A token in the shape of a load balancer's ``x-amzn-oidc-data``.

        It is padded, and its header has ``signer`` and ``exp``.  The issuer must sign with ES256.
        """
        now = int(self._clock())
        header = {
            "typ": "JWT",
            "kid": self.key_id,
            "alg": self.algorithm,
            "iss": self.issuer,
            "client": client_id,
            "signer": load_balancer_arn,
            "exp": now + expires_in_seconds,
            **(headers or {}),
        }
        payload = {
            "sub": "alice",
            "exp": now + expires_in_seconds,
            "iss": self.issuer,
            **(claims or {}),
        }
        return self.sign(_compact(header), _compact(payload), padded=True)

    def sign(self, header: bytes, payload: bytes, *, padded: bool = False) -> str:
        """Sign exactly these bytes: for malformed tokens, which a verifier must refuse."""
        encode = _encode_padded if padded else base64url.encode
        message = encode(header) + b"." + encode(payload)
        key = self._keys[-1]
        signature = SUPPORTED[key.algorithm].implementation.sign(message, key.private)
        return (message + b"." + encode(signature)).decode("ascii")


def _encode_padded(data: bytes) -> bytes:
    bare = base64url.encode(data)
    return bare + b"=" * (-len(bare) % 4)


def _compact(document: Mapping[str, Any]) -> bytes:
    members = {name: value for name, value in document.items() if value is not None}
    return json.dumps(members, separators=(",", ":")).encode()


class _Answer(NamedTuple):
    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


FAULTS: Final = ("slow", "error", "garbage", "huge", "redirect")
"""What a `JWKSEndpoint` can be told to do.

| fault | answer |
|---|---|
| ``slow`` | none, until `JWKSEndpoint.release` |
| ``error`` | status 500 |
| ``garbage`` | no JSON |
| ``huge`` | 10 MB |
| ``redirect`` | a redirect to itself |
"""


class JWKSEndpoint:
    """An HTTP endpoint on loopback that serves the key set of a `TestIssuer`.

    | path | answer |
    |---|---|
    | ``/.well-known/jwks.json`` | the key set |
    | ``/.well-known/openid-configuration`` | a document that names the endpoint as its issuer |
    | ``/<kid>`` | the key as PEM, as a load balancer's key server has it |

    Attributes:
        fault: one of `FAULTS`, or ``None``; may be set at any time.
        requests: how many requests came.
        paths: the paths that were asked for.

    >>> with TestIssuer(algorithm="EdDSA").serve() as endpoint:
    ...     endpoint.jwks_url == f"{endpoint.url}/.well-known/jwks.json"
    True
    """

    def __init__(self, issuer: TestIssuer) -> None:
        self.issuer = issuer
        self._fault: str | None = None
        self.paths: list[str] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def fault(self) -> str | None:
        """One of `FAULTS`, or ``None``.

        Raises:
            ConfigurationError: it is set to something else.
        """
        return self._fault

    @fault.setter
    def fault(self, fault: str | None) -> None:
        require_one_of(fault, "fault", (*FAULTS, None))
        self._fault = fault

    @property
    def url(self) -> str:
        """The base URL; also the ``issuer`` of the discovery document."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def jwks_url(self) -> str:
        """The URL of the key set."""
        return f"{self.url}/.well-known/jwks.json"

    @property
    def requests(self) -> int:
        """How many requests came."""
        return len(self.paths)

    def release(self) -> None:
        """Let requests go on that hang because of the fault ``slow``."""
        self._released.set()

    def answer(self, path: str) -> _Answer:
        """What to answer to a request for ``path``."""
        self.paths.append(path)
        fault = _FAULTS.get(self.fault or "")
        if fault is not None:
            return fault(self)
        if path == "/.well-known/jwks.json":
            return _Answer(200, json.dumps(self.issuer.jwks()).encode())
        if path == "/.well-known/openid-configuration":
            return _Answer(
                200, json.dumps({"issuer": self.url, "jwks_uri": self.jwks_url}).encode()
            )
        pem = self.issuer.pem(path.removeprefix("/"))
        return _Answer(404, b"") if pem is None else _Answer(200, pem)

    def wait_until_released(self) -> _Answer:
        """The fault ``slow``: no answer before `release`."""
        self._released.wait(30)
        return _Answer(503, b"")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


_FAULTS: Final[dict[str, Callable[[JWKSEndpoint], _Answer]]] = {
    "slow": JWKSEndpoint.wait_until_released,
    "error": lambda _: _Answer(500, b"internal error"),
    "garbage": lambda _: _Answer(200, b"<html>not a key set</html>"),
    "huge": lambda _: _Answer(200, b'{"keys": []' + b" " * 10_000_000 + b"}"),
    "redirect": lambda endpoint: _Answer(302, b"", [("Location", endpoint.jwks_url)]),
}


def _handler_of(endpoint: JWKSEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = endpoint.answer(self.path)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                self.close_connection = True  # the client has given up

        # The base class names its argument so.
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler

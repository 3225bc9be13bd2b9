"""HS256, HS384 and HS512 (RFC 7518, section 3.2): short-lived tokens between services.

A secret never stands beside a public key, and a secret that looks like a key file is refused.  So a
public key can never be taken for a secret.
"""

from __future__ import annotations

import json
import os
import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from authz_lib._support import base64url
from authz_lib._support.clock import system_clock
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.jwk import HMAC, SUPPORTED, VerificationKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock

__all__ = [
    "Secret",
    "SecretKeySet",
    "SharedSecretIssuer",
    "secret_from_environment",
    "secret_from_parameter_store",
    "secret_from_secrets_manager",
]

Secret: TypeAlias = str | bytes

_KEY_FILE: Final = re.compile(
    rb"-----BEGIN |---- BEGIN SSH2|^\s*(ssh-|ecdsa-|sk-|PuTTY-User-Key)", re.MULTILINE
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\s-]++=*+\s*+")
_MIN_KEY_BYTES: Final = 40  # an Ed25519 public key, the smallest, has 44
_MAX_TTL_SECONDS: Final = 24 * 3600
_RESERVED: Final = frozenset({"sub", "iat", "exp", "nbf", "iss", "aud", "jti"})


def _is_der(secret: bytes) -> bool:
    """Whether the bytes are one DER sequence, as every key and certificate is."""
    if len(secret) < 2 or secret[0] != 0x30:
        return False
    length = secret[1]
    if length < 0x80:
        return len(secret) == 2 + length
    count = length & 0x7F
    return 1 <= count <= 4 and len(secret) == 2 + count + int.from_bytes(
        secret[2 : 2 + count], "big"
    )


def _is_base64_of_der(secret: bytes) -> bool:
    """Whether this is a PEM without its first and last line, as some providers show a key."""
    if not _BASE64.fullmatch(secret):
        return False
    digits = b"".join(secret.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        document = a2b_base64(digits + b"=" * (-len(digits) % 4))
    except ValueError:
        return False
    return len(document) >= _MIN_KEY_BYTES and _is_der(document)


def _is_jwk(secret: bytes) -> bool:
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        return False
    entries = document if isinstance(document, list) else [document]
    return any(isinstance(entry, dict) and ("kty" in entry or "keys" in entry) for entry in entries)


def _is_key_file(secret: bytes) -> bool:
    if _KEY_FILE.search(secret.replace(b"\0", b"")):  # in UTF-16 too
        return True
    return _is_der(secret) or _is_base64_of_der(secret) or _is_jwk(secret)


def require_secret(secret: object, algorithm: str) -> bytes:
    """A secret as bytes.

    Raises:
        ConfigurationError: it is too short for the algorithm (RFC 7518, section 3.2), has fewer
            than 8 different bytes, or looks like a key file.
    """
    if not isinstance(secret, str | bytes):
        raise ConfigurationError("`secret` must be text, bytes or a list of these")
    try:
        material = secret.encode() if isinstance(secret, str) else bytes(secret)
    except UnicodeEncodeError:
        raise ConfigurationError("`secret` is not valid text") from None
    minimum = SUPPORTED[algorithm].min_secret_bytes
    if len(material) < minimum:
        raise ConfigurationError(f"`secret` must have at least {minimum} bytes for {algorithm}")
    if len(set(material)) < 8:
        raise ConfigurationError("`secret` has fewer than 8 different bytes: it can be guessed")
    if _is_key_file(material):
        raise ConfigurationError(
            "`secret` looks like a key file (PEM, SSH, DER or JWK), not like a secret"
        )
    return material


def _secrets(secret: Secret | Sequence[Secret], algorithm: str) -> tuple[bytes, ...]:
    if algorithm not in HMAC:
        raise ConfigurationError(f"`algorithm` must be one of {', '.join(sorted(HMAC))}")
    secrets = secret if isinstance(secret, list | tuple) else [secret]
    if not secrets:
        raise ConfigurationError("`secret` must hold at least one secret")
    return tuple(require_secret(item, algorithm) for item in secrets)


class _SecretKey(VerificationKey):
    """All the secrets of a rotation as one key: each is tried, the current first."""

    __slots__ = ()

    def __init__(self, secrets: tuple[bytes, ...], *, algorithm: str) -> None:
        super().__init__(secrets, key_id=None, algorithms=())
        verify = SUPPORTED[algorithm].implementation.verify
        self.algorithms = {
            algorithm: lambda message, material, signature: any(
                verify(message, secret, signature) for secret in material
            )
        }


class SecretKeySet:
    """The key set of a shared secret.  A token's ``kid`` is not looked at.

    >>> SecretKeySet("correct horse battery staple, and more", algorithm="HS256")
    <SecretKeySet of 1 secret(s)>
    """

    __slots__ = ("_count", "_key")

    def __init__(self, secret: Secret | Sequence[Secret], *, algorithm: str = "HS256") -> None:
        secrets = _secrets(secret, algorithm)
        self._count = len(secrets)
        self._key = _SecretKey(secrets, algorithm=algorithm)

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:  # noqa: ARG002 - the protocol's signature
        """The one key there is; whether ``algorithm`` fits it is checked with the signature."""
        return self._key

    peek = find

    def prefetch(self) -> None:
        """Nothing to do."""

    def __repr__(self) -> str:
        return f"<SecretKeySet of {self._count} secret(s)>"


class SharedSecretIssuer:
    """Mints short-lived tokens for calls between services that share a secret.

    Args:
        secret: at least 32, 48 or 64 bytes for HS256, HS384, HS512.  Of a list the first one signs.
        issuer: the ``iss`` of the tokens; without it, the verifier must skip that check by an
            explicit ``None``.
        audience: the ``aud`` of the tokens; likewise.

    Raises:
        ConfigurationError: a weak secret, or one that looks like a key file.

    >>> from authz_lib import JWTVerifier
    >>> secret = "correct horse battery staple, and more"
    >>> names = {"issuer": "orders", "audience": "billing"}
    >>> token = SharedSecretIssuer(secret=secret, **names).mint("orders-worker")
    >>> verifier = JWTVerifier.shared_secret(secret=secret, **names)
    >>> verifier.verify(token).claims["sub"]
    'orders-worker'

    See RFC 7518, section 3.2.
    """

    __slots__ = ("_algorithm", "_audience", "_clock", "_issuer", "_secret")

    def __init__(
        self,
        *,
        secret: Secret | Sequence[Secret],
        issuer: str | None = None,
        audience: str | None = None,
        algorithm: str = "HS256",
        clock: Clock = system_clock,
    ) -> None:
        self._secret = _secrets(secret, algorithm)[0]
        self._issuer = issuer
        self._audience = audience
        self._algorithm = algorithm
        self._clock = clock

    def mint(
        self, subject: str, *, ttl_seconds: float = 60, claims: Mapping[str, Any] | None = None
    ) -> str:
        """A signed token with ``sub``, ``iat``, ``exp``, ``jti``, and ``iss`` and ``aud`` if given.

        Raises:
            ConfigurationError: ``ttl_seconds`` is not between 1 second and 24 hours, ``claims``
                names one of the above or is not JSON.
        """
        if not 1 <= ttl_seconds <= _MAX_TTL_SECONDS:
            raise ConfigurationError("`ttl_seconds` must be between 1 and 86400")
        if claims and not _RESERVED.isdisjoint(claims):
            raise ConfigurationError(f"`claims` must not hold {', '.join(sorted(_RESERVED))}")
        now = int(self._clock())
        from uuid import uuid4  # slow to load, and a verifier needs none

        payload = {
            "sub": subject,
            "iat": now,
            "exp": now + int(ttl_seconds),
            "jti": str(uuid4()),
            **(claims or {}),
        }
        if self._issuer is not None:
            payload["iss"] = self._issuer
        if self._audience is not None:
            payload["aud"] = self._audience
        message = b".".join(map(_segment, ({"alg": self._algorithm, "typ": "JWT"}, payload)))
        signature = SUPPORTED[self._algorithm].implementation.sign(message, self._secret)
        return (message + b"." + base64url.encode(signature)).decode("ascii")

    def __repr__(self) -> str:
        return f"<SharedSecretIssuer with {self._algorithm}>"


def _segment(document: Mapping[str, Any]) -> bytes:
    try:
        return base64url.encode(
            json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        )
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError("`claims` is not a JSON document") from None


def secret_from_environment(name: str) -> str:
    """The secret that an environment variable holds.

    Raises:
        ConfigurationError: the variable is missing or empty; names it.

    >>> secret_from_environment("NO_SUCH_SECRET")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: environment variable `NO_SUCH_SECRET` is missing or empty
    """
    secret = os.environ.get(name)
    if not secret:
        raise ConfigurationError(f"environment variable `{name}` is missing or empty")
    return secret


def secret_from_secrets_manager(secret_id: str, *, client: Any = None) -> list[str | bytes]:
    """The current secret of Secrets Manager and, where there is one, the previous.

    It is read once.  A rotated secret is seen by the next process: keep the previous one until no
    process and no token of it is left.  The whole value is the secret: a JSON document is not taken
    apart.  Needs ``secretsmanager:GetSecretValue``.

    Args:
        secret_id: its name or ARN.
        client: a boto3 client for ``secretsmanager``; its own timeouts and retries apply.  Without
            one: 1 s to connect, 2 s to read, two attempts.

    Raises:
        ConfigurationError: Secrets Manager refused, or there is no such secret.
        DependencyError: Secrets Manager did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    from authz_lib.transport.aws import read_secret

    return read_secret(secret_id, client=client, with_previous=True)


def secret_from_parameter_store(name: str, *, client: Any = None) -> str:
    """The secret that a ``SecureString`` parameter of SSM holds.

    It is read once.  Needs ``ssm:GetParameter`` and ``kms:Decrypt``.

    Args:
        name: the parameter's name or ARN.
        client: a boto3 client for ``ssm``; its own timeouts and retries apply.  Without one: 1 s to
            connect, 2 s to read, two attempts.

    Raises:
        ConfigurationError: Parameter Store refused, there is no such parameter, or it is not a
            ``SecureString``.
        DependencyError: Parameter Store did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    from authz_lib.transport.aws import read_parameter

    parameter = read_parameter(name, client=client, decrypt=True)
    if parameter.get("Type") != "SecureString":
        raise ConfigurationError(f"parameter `{name}` is not a `SecureString`")
    return str(parameter.get("Value"))

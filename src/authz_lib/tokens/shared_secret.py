"""HS256, HS384 and HS512 (RFC 7518, section 3.2): short-lived tokens between services.

A secret never stands beside a public key, and a secret that looks like a key file is refused.  So a
public key can never be taken for a secret.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support import base64url
from authz_lib._support.clock import system_clock
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.algorithms import HMAC, SUPPORTED
from authz_lib.tokens.jwk import VerificationKey
from authz_lib.tokens.secret_material import Secret, require_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.secret_source import SecretSource

__all__ = ["SecretKeySet", "SharedSecretIssuer"]

_MAX_TTL_SECONDS: Final = 24 * 3600
_RESERVED: Final = frozenset({"sub", "iat", "exp", "nbf", "iss", "aud", "jti"})


def _given(
    secret: Secret | Sequence[Secret] | SecretSource, algorithm: str
) -> tuple[SecretSource | None, tuple[bytes, ...]]:
    """The source, which may have been read or not, or the secrets."""
    if algorithm not in HMAC:
        raise ConfigurationError(f"`algorithm` must be one of {', '.join(sorted(HMAC))}")
    if isinstance(secret, list | tuple):
        if not secret:
            raise ConfigurationError("`secret` must hold at least one secret")
        return None, tuple(require_secret(item, algorithm) for item in secret)
    if not isinstance(secret, str | bytes):
        from authz_lib.tokens.secret_source import SecretSource  # most verifiers need none

        if isinstance(secret, SecretSource):
            secret.require(algorithm)
            return secret, ()
    return None, (require_secret(secret, algorithm),)


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

    @property
    def mismatch(self) -> str:
        """It says how many secrets were tried."""
        return f"the signature verifies with none of the accepted secrets ({len(self.material)})"


class SecretKeySet:
    """The key set of a shared secret.  A token's ``kid`` is not looked at.

    >>> SecretKeySet("correct horse battery staple, and more", algorithm="HS256")
    <SecretKeySet of 1 secret(s)>
    """

    __slots__ = ("_algorithm", "_key", "_source")

    def __init__(
        self, secret: Secret | Sequence[Secret] | SecretSource, *, algorithm: str = "HS256"
    ) -> None:
        self._source, secrets = _given(secret, algorithm)
        self._algorithm = algorithm
        self._key = _SecretKey(secrets, algorithm=algorithm)

    # The protocol has these arguments.
    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:  # noqa: ARG002
        """The one key there is; whether ``algorithm`` fits it is checked with the signature.

        Raises:
            ConfigurationError: a source was refused, or has no usable secret.
            DependencyError: a source could not be read.
        """
        return self._key if self._source is None else self._key_of(self._source.accepted())

    # The protocol has these arguments.
    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:  # noqa: ARG002
        """The key when :meth:`find` would not read a source; never raises, reads or waits."""
        if self._source is None:
            return self._key
        secrets = self._source.peek()
        return None if secrets is None else self._key_of(secrets)

    def newer_than(self, key: VerificationKey) -> VerificationKey | None:
        """The key to try when a signature does not verify with ``key``, which was found before.

        It is asked for where the secret may have been rotated since.  ``None``: it was not.

        Raises:
            DependencyError: that could not be found out.
        """
        secrets = None if self._source is None else self._source.newer_than(key.material)
        return None if secrets is None else self._key_of(secrets)

    @property
    def refreshes(self) -> bool:
        """Whether :meth:`newer_than` may know more."""
        return self._source is not None

    def prefetch(self) -> None:
        """Read a source unless it is fresh; raises what :meth:`find` raises."""
        self.find(None, self._algorithm)

    def _key_of(self, secrets: tuple[bytes, ...]) -> VerificationKey:
        """The same key while the secrets are the same: what was verified with it is remembered."""
        key = self._key
        if key.material is not secrets:
            key = self._key = _SecretKey(secrets, algorithm=self._algorithm)
        return key

    def __repr__(self) -> str:
        if self._source is not None:
            return f"<SecretKeySet of {self._source!r}>"
        return f"<SecretKeySet of {len(self._key.material)} secret(s)>"


class SharedSecretIssuer:
    """Mints short-lived tokens for calls between services that share a secret.

    Args:
        secret: at least 32, 48 or 64 bytes for HS256, HS384, HS512.  Of a list the first one signs,
            and of a `SecretSource` the current one.
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

    __slots__ = ("_algorithm", "_audience", "_clock", "_issuer", "_secrets", "_source")

    def __init__(
        self,
        *,
        secret: Secret | Sequence[Secret] | SecretSource,
        issuer: str | None = None,
        audience: str | None = None,
        algorithm: str = "HS256",
        clock: Clock = system_clock,
    ) -> None:
        self._source, self._secrets = _given(secret, algorithm)
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
                names one of the above or is not JSON; a source was refused, or has no usable
                secret.
            DependencyError: a source could not be read.
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
        secret = (self._secrets if self._source is None else self._source.accepted())[0]
        signature = SUPPORTED[self._algorithm].implementation.sign(message, secret)
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

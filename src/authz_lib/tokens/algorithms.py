"""The signature algorithms of tokens, and what checks a signature of each.

They are those of RFC 7518, section 3.1, RFC 8037 and RFC 9864.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jwt.algorithms import Algorithm

__all__ = [
    "ASYMMETRIC",
    "CHECKS",
    "HMAC",
    "SUPPORTED",
    "Check",
    "SignatureAlgorithm",
    "load_algorithms",
    "require_algorithms",
]


class SignatureAlgorithm(NamedTuple):
    """One JWS ``alg``: the ``kty`` and ``crv`` of the keys that fit it, and its name in PyJWT."""

    name: str
    key_type: str
    curve: str | None = None
    min_secret_bytes: int = 0

    @property
    def implementation(self) -> Algorithm:
        """The mathematics of PyJWT, which is loaded when it is first asked for."""
        return _implementation(self.name)


@cache
def _implementation(name: str) -> Algorithm:
    from jwt.algorithms import get_default_algorithms

    return get_default_algorithms()[name]


# Case-sensitive.  `none` has no entry, so no code path exists for it.  `Ed25519` is the name of RFC
# 9864 for the one supported form of `EdDSA`.  A verifier takes the names that it lists, and neither
# of the two stands for the other.
SUPPORTED: dict[str, SignatureAlgorithm] = {
    "RS256": SignatureAlgorithm("RS256", "RSA"),
    "RS384": SignatureAlgorithm("RS384", "RSA"),
    "RS512": SignatureAlgorithm("RS512", "RSA"),
    "PS256": SignatureAlgorithm("PS256", "RSA"),
    "PS384": SignatureAlgorithm("PS384", "RSA"),
    "PS512": SignatureAlgorithm("PS512", "RSA"),
    "ES256": SignatureAlgorithm("ES256", "EC", "P-256"),
    "ES384": SignatureAlgorithm("ES384", "EC", "P-384"),
    "ES512": SignatureAlgorithm("ES512", "EC", "P-521"),
    "EdDSA": SignatureAlgorithm("EdDSA", "OKP", "Ed25519"),
    "Ed25519": SignatureAlgorithm("EdDSA", "OKP", "Ed25519"),
    "HS256": SignatureAlgorithm("HS256", "oct", min_secret_bytes=32),
    "HS384": SignatureAlgorithm("HS384", "oct", min_secret_bytes=48),
    "HS512": SignatureAlgorithm("HS512", "oct", min_secret_bytes=64),
}
"""Every algorithm that a verifier can allow, by its name."""

HMAC = frozenset(name for name, algorithm in SUPPORTED.items() if algorithm.key_type == "oct")
"""The algorithms with a shared secret."""

ASYMMETRIC = frozenset(SUPPORTED) - HMAC
"""The algorithms with a public key."""


def require_algorithms(algorithms: Iterable[str]) -> frozenset[str]:
    """Validate an allow-list: not empty, all supported, never HMAC beside public keys.

    Raises:
        ConfigurationError: the list is empty, names an unknown algorithm, or mixes ``HS*`` with
            others.

    >>> sorted(require_algorithms(["RS256", "ES256"]))
    ['ES256', 'RS256']
    """
    if isinstance(algorithms, str):
        raise ConfigurationError("`algorithms` must be a list of names, not one string")
    try:
        names = frozenset(algorithms)
    except TypeError:
        raise ConfigurationError("`algorithms` must be a list of names") from None
    if not names:
        raise ConfigurationError("`algorithms` must name at least one algorithm")
    if not names <= SUPPORTED.keys():
        raise ConfigurationError(f"`algorithms` may name only {', '.join(SUPPORTED)}")
    if names & HMAC and names & ASYMMETRIC:
        raise ConfigurationError(
            "`algorithms` mixes `HS*` with public-key algorithms: that invites key confusion"
        )
    return names


Check: TypeAlias = "Callable[[bytes, Any, bytes], bool]"
"""Whether a signature is good: of the message, the prepared key and the signature."""


def _rsa_check(scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> Check:
    """What PyJWT does with a public key.  Padding and hash are made once, and PyJWT, which takes
    half of a cold start, is not loaded.
    """

    def check(message: bytes, key: rsa.RSAPublicKey, signature: bytes) -> bool:
        try:
            key.verify(signature, message, scheme, digest)
        except InvalidSignature:
            return False
        return True

    return check


def _pyjwt_check(name: str) -> Check:
    def check(message: bytes, key: Any, signature: bytes) -> bool:
        return _implementation(name).verify(message, key, signature)

    return check


def _check_of(name: str, algorithm: SignatureAlgorithm) -> Check:
    if algorithm.key_type != "RSA":
        return _pyjwt_check(algorithm.name)
    digest = _HASHES[name[2:]]
    if name.startswith("RS"):
        return _rsa_check(padding.PKCS1v15(), digest)
    return _rsa_check(padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


_HASHES: Final = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CHECKS: Final = {name: _check_of(name, algorithm) for name, algorithm in SUPPORTED.items()}
"""What checks a signature of each algorithm."""


def load_algorithms(names: Iterable[str]) -> None:
    """Load now what the first token of these algorithms would load."""
    for name in names:
        if SUPPORTED[name].key_type != "RSA":
            _implementation(SUPPORTED[name].name)

"""The signature algorithms (RFC 7518, section 3.1; RFC 8037; RFC 9864) and which keys each of them
fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jwt.algorithms import Algorithm

__all__ = ["ASYMMETRIC", "HMAC", "SUPPORTED", "SignatureAlgorithm", "require_algorithms"]


class SignatureAlgorithm(NamedTuple):
    """One JWS ``alg``: the mathematics, and the ``kty`` and ``crv`` of the keys that fit it."""

    implementation: Algorithm
    key_type: str
    curve: str | None = None
    min_secret_bytes: int = 0


# Case-sensitive, and there is no entry for `none`: no code path exists for it.  RFC 9864 calls the
# one supported form of `EdDSA` by its own name, `Ed25519`: a verifier takes the names it lists, and
# one does not stand for the other.
SUPPORTED: dict[str, SignatureAlgorithm] = {
    "RS256": SignatureAlgorithm(RSAAlgorithm(RSAAlgorithm.SHA256), "RSA"),
    "RS384": SignatureAlgorithm(RSAAlgorithm(RSAAlgorithm.SHA384), "RSA"),
    "RS512": SignatureAlgorithm(RSAAlgorithm(RSAAlgorithm.SHA512), "RSA"),
    "PS256": SignatureAlgorithm(RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256), "RSA"),
    "PS384": SignatureAlgorithm(RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384), "RSA"),
    "PS512": SignatureAlgorithm(RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512), "RSA"),
    "ES256": SignatureAlgorithm(ECAlgorithm(ECAlgorithm.SHA256), "EC", "P-256"),
    "ES384": SignatureAlgorithm(ECAlgorithm(ECAlgorithm.SHA384), "EC", "P-384"),
    "ES512": SignatureAlgorithm(ECAlgorithm(ECAlgorithm.SHA512), "EC", "P-521"),
    "EdDSA": SignatureAlgorithm(OKPAlgorithm(), "OKP", "Ed25519"),
    "Ed25519": SignatureAlgorithm(OKPAlgorithm(), "OKP", "Ed25519"),
    "HS256": SignatureAlgorithm(HMACAlgorithm(HMACAlgorithm.SHA256), "oct", min_secret_bytes=32),
    "HS384": SignatureAlgorithm(HMACAlgorithm(HMACAlgorithm.SHA384), "oct", min_secret_bytes=48),
    "HS512": SignatureAlgorithm(HMACAlgorithm(HMACAlgorithm.SHA512), "oct", min_secret_bytes=64),
}
HMAC = frozenset(name for name, algorithm in SUPPORTED.items() if algorithm.key_type == "oct")
ASYMMETRIC = frozenset(SUPPORTED) - HMAC


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

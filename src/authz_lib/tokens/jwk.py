"""JSON Web Keys (RFC 7517) become prepared, validated public keys, each for its algorithms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from authz_lib._support import base64url
from authz_lib._support.key_id import digest_of_key_id
from authz_lib.tokens.algorithms import CHECKS, SUPPORTED, Check
from authz_lib.tokens.roca import has_roca_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


__all__ = [
    "NOT_FOR_SIGNATURES",
    "InvalidJWKError",
    "KeyTable",
    "VerificationKey",
    "from_pem",
    "load_jwk",
    "load_jwk_set",
]

MAX_KEY_ID_LENGTH: Final = 256
NOT_FOR_SIGNATURES: Final = "`use` is not `sig`"
"""Why a key of another use is left out."""

_RSA_BITS: Final = range(2048, 16384 + 1)
_COORDINATE_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_NAME_OF_CURVE: Final = {curve.name: name for name, curve in _CURVES.items()}


class InvalidJWKError(ValueError):
    """This key cannot be used to verify.  The message is fixed text.

    Attributes:
        foreign: whether the key is merely none of ours (another ``kty``, ``crv``, ``use`` or
            ``alg``), not a bad one.
        position: the place of the entry in the key set.
        key_id_digest: of the entry's ``kid``; see `AuthzError`.
    """

    def __init__(self, message: str, *, foreign: bool = False) -> None:
        super().__init__(message)
        self.foreign = foreign
        self.position: int | None = None
        self.key_id_digest: str | None = None

    def at(self, position: int, key_id: object) -> InvalidJWKError:
        """The same, of an entry at a place of a key set."""
        self.position, self.key_id_digest = position, digest_of_key_id(key_id)
        return self


class VerificationKey:
    """A key prepared once: what it is called and which algorithms it may verify.

    Attributes:
        key_id: the ``kid``, or ``None``.
        algorithms: the ``alg`` values that fit the key (one only, when the JWK names its ``alg``),
            each with the function that checks a signature: of the message, the material and the
            signature.
        material: what that function takes as its key.
    """

    __slots__ = ("algorithms", "key_id", "material")

    @property
    def mismatch(self) -> str:
        """What is said of a signature that does not verify."""
        return "the signature does not verify"

    def __init__(self, material: Any, *, key_id: str | None, algorithms: Iterable[str]) -> None:
        self.material = material
        self.key_id = key_id
        self.algorithms: Mapping[str, Check] = {name: CHECKS[name] for name in algorithms}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {', '.join(sorted(self.algorithms))}>"


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_octets(jwk, name), "big")


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        only = "; a certificate (`x5c`) is not read" if "x5c" in jwk else ""
        raise InvalidJWKError(f"`{name}` is missing or is not text{only}")
    try:
        return base64url.decode(value.encode("ascii"))
    except ValueError:
        state = "padded" if value.endswith("=") else "not base64url"
        raise InvalidJWKError(f"`{name}` is {state}: base64url without `=` is due") from None


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = _number(jwk, "n"), _number(jwk, "e")
    return _checked_rsa(rsa.RSAPublicNumbers(exponent, modulus))


def _checked_rsa(numbers: rsa.RSAPublicNumbers) -> rsa.RSAPublicKey:
    if numbers.n.bit_length() not in _RSA_BITS:
        raise InvalidJWKError("an RSA key must have 2048 to 16384 bits")
    if numbers.e < 3 or numbers.e % 2 == 0 or numbers.n % 2 == 0:
        raise InvalidJWKError("an RSA key must be odd, and its exponent odd and at least 3")
    if has_roca_fingerprint(numbers.n):
        raise InvalidJWKError("an RSA key is of a generator whose keys can be broken (ROCA)")
    return numbers.public_key()


def _elliptic_curve(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    curve = jwk["crv"]
    x, y = _octets(jwk, "x"), _octets(jwk, "y")
    if {len(x), len(y)} != {_COORDINATE_BYTES[curve]}:
        raise InvalidJWKError("the coordinates of an EC key must be as long as its curve says")
    return ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), _CURVES[curve]
    ).public_key()


def _ed25519(jwk: Mapping[str, Any]) -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(_octets(jwk, "x"))


_LOADERS: Final[dict[tuple[str, str | None], Callable[[Mapping[str, Any]], Any]]] = {
    ("RSA", None): _rsa,
    ("EC", "P-256"): _elliptic_curve,
    ("EC", "P-384"): _elliptic_curve,
    ("EC", "P-521"): _elliptic_curve,
    ("OKP", "Ed25519"): _ed25519,
}


def _algorithms_of(key_type: str, curve: str | None) -> frozenset[str]:
    return frozenset(
        name
        for name, algorithm in SUPPORTED.items()
        if (algorithm.key_type, algorithm.curve) == (key_type, curve)
    )


def _require_verifying(jwk: Mapping[str, Any]) -> None:
    if jwk.get("kty") == "oct" or "k" in jwk:
        raise InvalidJWKError("a symmetric key has no place in a key set")
    if "d" in jwk:
        raise InvalidJWKError("a private key has no place in a key set")
    if jwk.get("use", "sig") != "sig":
        raise InvalidJWKError(NOT_FOR_SIGNATURES, foreign=True)
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or not all(isinstance(one, str) for one in operations):
        raise InvalidJWKError("`key_ops` is not a list of texts", foreign=True)
    if "verify" not in operations:
        raise InvalidJWKError("`key_ops` does not hold `verify`", foreign=True)
    key_id = jwk.get("kid")
    if key_id is not None and (not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_LENGTH):
        raise InvalidJWKError(f"`kid` must be text of at most {MAX_KEY_ID_LENGTH} characters")


def load_jwk(jwk: Mapping[str, Any]) -> VerificationKey:
    """Prepare one public key.

    Checks ``kty`` and ``crv``, ``use``, ``key_ops``, ``alg``, the size and exponent of an RSA key,
    that it has no ROCA fingerprint (CVE-2017-15361), that an EC point is on its curve.  Refuses
    symmetric and private keys.  Does not read ``x5c``, ``x5u`` or any other certificate.

    Raises:
        InvalidJWKError: the key cannot be used.
    """
    _require_verifying(jwk)
    key_type, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(key_type, str) or not (curve is None or isinstance(curve, str)):
        raise InvalidJWKError("`kty` and `crv` must be text")
    curve = None if key_type == "RSA" else curve
    load = _LOADERS.get((key_type, curve))
    if load is None:
        raise InvalidJWKError("unknown `kty` or `crv`", foreign=True)
    algorithms = _algorithms_of(key_type, curve)
    algorithm = jwk.get("alg")
    if algorithm is not None:
        if not isinstance(algorithm, str) or algorithm not in algorithms:
            raise InvalidJWKError("`alg` does not fit the key", foreign=True)
        algorithms = frozenset({algorithm})
    try:
        material = load(jwk)
    except InvalidJWKError:
        raise
    # A point off its curve, numbers that are no key.
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidJWKError("not a valid key") from None
    return VerificationKey(material, key_id=jwk.get("kid"), algorithms=algorithms)


def from_pem(pem: bytes, *, key_id: str | None) -> VerificationKey:
    """Prepare one public key in PEM form, as an Application Load Balancer publishes it.

    Raises:
        InvalidJWKError: not a public key of a kind and size that is supported.
    """
    from cryptography.hazmat.primitives import serialization  # loads SSH keys and ciphers

    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidJWKError("not a public key in PEM form") from None
    if isinstance(key, rsa.RSAPublicKey):
        key = _checked_rsa(key.public_numbers())
        return VerificationKey(key, key_id=key_id, algorithms=_algorithms_of("RSA", None))
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _NAME_OF_CURVE:
        algorithms = _algorithms_of("EC", _NAME_OF_CURVE[key.curve.name])
        return VerificationKey(key, key_id=key_id, algorithms=algorithms)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return VerificationKey(key, key_id=key_id, algorithms=_algorithms_of("OKP", "Ed25519"))
    raise InvalidJWKError("unknown kind of key", foreign=True)


class KeyTable:
    """The usable keys of one key set, found by ``kid`` and ``alg``.  Immutable once built.

    Attributes:
        by_name: the keys that one ``(kid, alg)`` names without doubt.
        fingerprints: every usable key by the text of its JWK.
        skipped: what was wrong with the entries that are not used.
    """

    __slots__ = ("_key_ids", "_sole", "by_name", "fingerprints", "skipped")

    def __init__(
        self,
        keys: Iterable[tuple[str, VerificationKey]] = (),
        *,
        allow_missing_kid: bool = False,
        skipped: Iterable[InvalidJWKError] = (),
    ) -> None:
        self.fingerprints = dict(keys)
        self.skipped = tuple(skipped)
        self.by_name: dict[tuple[str | None, str], VerificationKey] = {}
        self._key_ids = {key.key_id for key in self.fingerprints.values() if key.key_id is not None}
        found = list(self.fingerprints.values())
        names = [(key.key_id, algorithm) for key in found for algorithm in key.algorithms]
        for key in found:
            for algorithm in key.algorithms:
                name = (key.key_id, algorithm)
                # Two keys of one name: neither is trusted.
                if key.key_id is not None and names.count(name) == 1:
                    self.by_name[name] = key
        self._sole = found[0] if allow_missing_kid and len(found) == 1 else None

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The one key of that ``kid`` that fits that ``alg``."""
        key = self.by_name.get((key_id, algorithm))
        if key is not None or self._sole is None:
            return key
        nameless = key_id is None or self._sole.key_id is None
        return self._sole if nameless and algorithm in self._sole.algorithms else None

    def why_not_found(self, key: VerificationKey) -> str | None:
        """Why no token can name a key of this set; ``None`` where one can."""
        if key is self._sole:
            return None
        if key.key_id is None:
            return "it has no `kid`, which takes `allow_missing_kid` and no other key"
        if any(self.by_name.get((key.key_id, name)) is key for name in key.algorithms):
            return None
        return "another entry has the same `kid` and differs: neither is used"

    @property
    def is_usable(self) -> bool:
        """Whether any token could be verified with it."""
        return bool(self.by_name) or self._sole is not None

    def names(self, key_id: str | None) -> bool:
        """Whether the set holds a key of that ``kid``, fitting or not."""
        return key_id in self._key_ids

    def __len__(self) -> int:
        return len(self.fingerprints)


def load_jwk_set(
    document: Mapping[str, Any],
    *,
    max_keys: int = 32,
    allow_missing_kid: bool = False,
    known: Mapping[str, VerificationKey] | None = None,
) -> KeyTable:
    """Prepare every usable key of a JWK Set (RFC 7517, section 5); unusable ones are skipped.

    Args:
        known: keys that were prepared before, by fingerprint: an unchanged JWK keeps its key
            object.

    Raises:
        InvalidJWKError: not a key set, or one of more than ``max_keys`` keys.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise InvalidJWKError("not a JWK Set: `keys` is missing or is not a list")
    if len(entries) > max_keys:
        raise InvalidJWKError(f"the key set holds more than {max_keys} keys")
    known = known or {}
    keys: dict[str, VerificationKey] = {}
    places: dict[str, int] = {}
    skipped: list[InvalidJWKError] = []
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            skipped.append(InvalidJWKError("it is not an object").at(position, None))
            continue
        fingerprint = json.dumps(entry, sort_keys=True)
        if fingerprint in keys:  # the same JWK twice is one
            continue
        try:
            keys[fingerprint] = known.get(fingerprint) or load_jwk(entry)
            places[fingerprint] = position
        except InvalidJWKError as error:
            skipped.append(error.at(position, entry.get("kid")))
    table = KeyTable(keys.items(), allow_missing_kid=allow_missing_kid, skipped=skipped)
    for fingerprint, key in keys.items():
        reason = table.why_not_found(key)
        if reason is not None:
            problem = InvalidJWKError(reason, foreign=True)
            table.skipped += (problem.at(places[fingerprint], key.key_id),)
    return table

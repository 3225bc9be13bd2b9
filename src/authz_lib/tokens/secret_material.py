"""From what is stored to the bytes of a shared secret, and what is refused as one.

A public key that is taken for a secret lets everyone sign (CVE-2022-29217).
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from typing import Final, Literal, TypeAlias

from authz_lib._support.strict_json import StrictJSONError, loads_object, require_shallow
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.algorithms import SUPPORTED

__all__ = [
    "ENCODINGS",
    "Encoding",
    "Secret",
    "require_secret",
    "require_signing_key",
    "taken_out",
]

Secret: TypeAlias = str | bytes
"""A shared secret, as text or as bytes."""

Encoding: TypeAlias = Literal["text", "base64"]
"""How the bytes of a secret are written where it is stored."""

ENCODINGS: Final = ("text", "base64")
"""Each of `Encoding`."""

_KEY_FILE: Final = re.compile(
    rb"-----BEGIN |---- BEGIN SSH2|^\s*(ssh-|ecdsa-|sk-|PuTTY-User-Key)", re.MULTILINE
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_\s-]++=*+\s*+")
_MIN_KEY_BYTES: Final = 40  # an Ed25519 public key, the smallest, has 44


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
    try:
        document = _from_base64(b"".join(secret.split()))
    except ValueError:
        return False
    return len(document) >= _MIN_KEY_BYTES and _is_der(document)


def _from_base64(text: bytes) -> bytes:
    """Of either alphabet (RFC 4648, sections 4 and 5), padded or not."""
    digits = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)


def _json_entries(secret: bytes) -> list[object] | None:
    """What a JSON object or list holds; ``None`` where the secret is neither."""
    try:
        require_shallow(secret)
        document = json.loads(secret)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict):
        return [document]
    return document if isinstance(document, list) else None


def _is_jwk(entry: object) -> bool:
    return isinstance(entry, dict) and ("kty" in entry or "keys" in entry)


def _is_key_file(secret: bytes) -> bool:
    if _KEY_FILE.search(secret.replace(b"\0", b"")):  # in UTF-16 too
        return True
    return _is_der(secret) or _is_base64_of_der(secret)


def require_secret(secret: object, algorithm: str) -> bytes:
    """A secret as bytes.

    Raises:
        ConfigurationError: it looks like a key file, is a JSON document, is too short for the
            algorithm (RFC 7518, section 3.2), or has fewer than 8 different bytes.
    """
    if not isinstance(secret, str | bytes):
        raise ConfigurationError(
            "`secret` must be text, bytes, a list of these, or a `SecretSource`"
        )
    try:
        material = secret.encode() if isinstance(secret, str) else bytes(secret)
    except UnicodeEncodeError:
        raise ConfigurationError("`secret` is not valid text") from None
    entries = _json_entries(material)
    if _is_key_file(material) or any(map(_is_jwk, entries or ())):
        raise ConfigurationError(
            "`secret` looks like a key file (PEM, SSH, DER or JWK), not like a secret"
        )
    if entries is not None:
        raise ConfigurationError(
            "`secret` is a JSON document, which holds the secret: name its member by `json_key`"
        )
    minimum = SUPPORTED[algorithm].min_secret_bytes
    if len(material) < minimum:
        raise ConfigurationError(f"`secret` must have at least {minimum} bytes for {algorithm}")
    if len(set(material)) < 8:
        raise ConfigurationError("`secret` has fewer than 8 different bytes: it can be guessed")
    return material


def require_signing_key(key: object) -> bytes:
    """An Ed25519 private key in PEM form, as bytes.

    Raises:
        ConfigurationError: it is none, or it is encrypted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        pem = key.encode() if isinstance(key, str) else key
        private = load_pem_private_key(pem, None) if isinstance(pem, bytes) else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey) or not isinstance(pem, bytes):
        raise ConfigurationError("`key` must be an Ed25519 private key in PEM form, not encrypted")
    return pem


def taken_out(stored: Secret, *, json_key: str | None, encoding: Encoding) -> Secret:
    """The secret of what is stored: a member of a JSON object, or the whole; base64 or as it is.

    Raises:
        ConfigurationError: there is no such member, it is not text, or it is not base64.

    >>> taken_out('{"key": "c2VjcmV0"}', json_key="key", encoding="base64")
    b'secret'
    """
    if not isinstance(stored, str | bytes):
        raise ConfigurationError("it is neither text nor bytes")
    found = stored if json_key is None else _member(stored, json_key)
    return found if encoding == "text" else _decoded(found)


def _member(stored: Secret, json_key: str) -> Secret:
    try:
        document = loads_object(stored if isinstance(stored, bytes) else stored.encode())
    except (StrictJSONError, UnicodeEncodeError):
        raise ConfigurationError(
            f"it is not a JSON object, so it has no member `{json_key}` (`json_key`)"
        ) from None
    value = document.get(json_key)
    if not isinstance(value, str):
        raise ConfigurationError(f"its JSON object has no text member `{json_key}` (`json_key`)")
    return value


def _decoded(text: Secret) -> bytes:
    try:
        return _from_base64((text if isinstance(text, bytes) else text.encode("ascii")).strip())
    except ValueError:  # what is not ASCII is one too
        raise ConfigurationError("it is not base64 (`encoding`)") from None

"""What came when a key set was fetched, and what of it is not used: in fixed words, for a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from authz_lib._support.strict_json import StrictJSONError, loads_document
from authz_lib.tokens.jwk import NOT_FOR_SIGNATURES, InvalidJWKError

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject
    from authz_lib.tokens.jwk import KeyTable

__all__ = ["any_json_object", "read_json_object", "without_usable_key", "worth_telling"]

_MAX_TOLD: Final = 8
_BEGINNINGS: Final = (
    (b"\x1f\x8b", "gzip bytes: it was compressed without being asked for"),
    (b"<", "HTML or XML: perhaps a sign-in page, a proxy or a firewall"),
    (b"-----BEGIN ", "PEM, not JSON"),
    (b"\xef\xbb\xbf", "text with a byte order mark, which JSON may not have"),
)


def read_json_object(document: bytes) -> JSONObject:
    """The JSON object that a document is, and that may be a key set.

    Raises:
        InvalidJWKError: it is something else; the message says what, in fixed words.

    >>> read_json_object(b'{"kty": "RSA"}')
    Traceback (most recent call last):
      ...
    authz_lib.tokens.jwk.InvalidJWKError: the answer is one JWK, not an object with `keys`
    """
    found = any_json_object(document, "an object with `keys`")
    if "keys" in found:
        return found
    if "jwks_uri" in found:
        raise InvalidJWKError(
            "the answer is a discovery document: the key set is at its `jwks_uri`"
        )
    if any(type(value) is str and value.startswith("-----BEGIN ") for value in found.values()):
        raise InvalidJWKError(
            "the answer holds PEM texts: a key set is wanted, which Google has at "
            "`/oauth2/v3/certs`, and Firebase below `/robot/v1/metadata/jwk/`"
        )
    if "kty" in found:
        raise InvalidJWKError("the answer is one JWK, not an object with `keys`")
    return found


def any_json_object(document: bytes, wanted: str, *, what: str = "the answer") -> JSONObject:
    """The JSON object that a document is; ``wanted`` is what it should be, ``what`` where it is.

    Raises:
        InvalidJWKError: it is something else; the message says what, in fixed words.

    >>> any_json_object(b"<html>", "an object")
    Traceback (most recent call last):
      ...
    authz_lib.tokens.jwk.InvalidJWKError: the answer is HTML or XML: perhaps a sign-in page, a proxy
    or a firewall
    """
    start = document[:64].lstrip()
    if not start and not document.strip():
        raise InvalidJWKError(f"{what} is empty")
    for beginning, words in _BEGINNINGS:
        if start.startswith(beginning):
            raise InvalidJWKError(f"{what} is {words}")
    try:
        found = loads_document(document)
    except StrictJSONError as error:
        is_json = start[:1] in (b"{", b"[", b'"')
        words = f"not strict JSON ({error})" if is_json else "not JSON"
        if not start.isascii():
            words = "not JSON, nor text: perhaps it was compressed without being asked for"
        raise InvalidJWKError(f"{what} is {words}") from None
    if type(found) is list:
        raise InvalidJWKError(f"{what} is a JSON list, not {wanted}")
    if type(found) is not dict:
        raise InvalidJWKError(f"{what} is a JSON value, not {wanted}")
    return found


def worth_telling(table: KeyTable) -> str:
    """The entries that are not used, each with its place and why; empty where all is well.

    An entry for encryption has its place in a key set, and is not told.

    >>> from authz_lib.tokens.jwk import load_jwk_set
    >>> worth_telling(load_jwk_set({"keys": [{"kty": "oct", "kid": "2024-01"}]}))
    'keys[0] (kid digest 73e4d27b45fe): a symmetric key has no place in a key set'
    """
    told = [
        f"keys[{error.position}]"
        f"{f' (kid digest {error.key_id_digest})' if error.key_id_digest else ''}: {error}"
        for error in table.skipped
        if str(error) != NOT_FOR_SIGNATURES
    ]
    more = len(told) - _MAX_TOLD
    return "; ".join([*told[:_MAX_TOLD], *([f"and {more} more"] if more > 0 else [])])


def without_usable_key(table: KeyTable) -> str:
    """Why no token could be verified with a set."""
    reasons = worth_telling(table)
    return f"the key set holds no usable key{f': {reasons}' if reasons else ''}"

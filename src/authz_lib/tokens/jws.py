"""The compact serialization of a token (RFC 7515, 7.1), read strictly, in one pass.

What this layer refuses before it looks for a key: more than 16 KiB, anything but three segments of
canonical base64url, a header that is not strict JSON, an ``alg`` outside the allow-list
(case-sensitive; ``none`` exists nowhere), ``crit`` and ``b64`` of any value, ``enc``, ``zip`` and
nested tokens.  Embedded keys (``jwk``, ``jku``, ``x5u``, ``x5c``) are never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from authz_lib._support import base64url
from authz_lib._support.memo import Memo
from authz_lib._support.strict_json import StrictJSONError, loads_frozen_object, memory_of
from authz_lib.errors import InvalidAlgorithmError, InvalidSignatureError, InvalidTokenError
from authz_lib.tokens.algorithms import require_algorithms
from authz_lib.tokens.jwk import MAX_KEY_ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from authz_lib.tokens.jwk import VerificationKey

__all__ = ["MAX_TOKEN_LENGTH", "Compact", "JOSEHeader", "Jws", "KeyFinder", "verify_compact"]

MAX_TOKEN_LENGTH: Final = 16 * 1024
"""The most characters of a token; a longer one is refused before it is read."""

_REFUSED_MEMBERS: Final = ("crit", "b64", "enc", "zip")
_MAX_REMEMBERED_HEADERS: Final = 256
_MAX_REMEMBERED_LENGTH: Final = 1024


class KeyFinder(Protocol):
    """What the JWS layer needs of a key set."""

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The key of that ``kid`` that fits that ``alg``; raises if there is none."""
        ...


class JOSEHeader:
    """A parsed and accepted protected header."""

    __slots__ = ("algorithm", "key_id", "members", "type")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.algorithm = _text(members, "alg")
        self.key_id: str | None = _text(members, "kid") if "kid" in members else None
        self.type: str | None = _text(members, "typ") if "typ" in members else None
        if self.key_id is not None and len(self.key_id) > MAX_KEY_ID_LENGTH:
            raise InvalidTokenError(f"`kid` is longer than {MAX_KEY_ID_LENGTH} characters")
        for name in _REFUSED_MEMBERS:
            if name in members:
                raise InvalidTokenError(f"a header with `{name}` is not supported")
        if "cty" in members and _text(members, "cty").lower() in {"jwt", "application/jwt"}:
            raise InvalidTokenError("a nested token is not supported")
        self.members = members


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if type(value) is not str:
        raise InvalidTokenError(f"header member `{name}` is missing or is not text")
    return value


# Parsing a header is a pure function of its bytes, and a key signs many tokens under one header.
# Only headers of tokens with a good signature are remembered, so a stranger can neither fill nor
# empty this.
_headers: Memo[bytes, JOSEHeader] = Memo(max_entries=_MAX_REMEMBERED_HEADERS)


class Compact:
    """A token taken apart: nothing in it is trusted until :meth:`verify` has returned."""

    __slots__ = (
        "_claims",
        "_header_segment",
        "_message",
        "_payload",
        "_payload_segment",
        "_signature",
        "header",
    )

    def __init__(self, token: str, padded: bool = False) -> None:
        if type(token) is not str:
            raise InvalidTokenError("the token is not text")
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidTokenError(f"the token is longer than {MAX_TOKEN_LENGTH} characters")
        try:
            message, _, signature = token.encode("ascii").rpartition(b".")
        except UnicodeEncodeError:
            raise InvalidTokenError("the token holds a character outside of base64url") from None
        head, dot, payload = message.partition(b".")
        if not dot:  # a third dot is no character of base64url: it is refused with the payload
            raise InvalidTokenError("the token does not have exactly three segments")
        self._message = message
        if padded:
            head, payload, signature = _unpad(head), _unpad(payload), _unpad(signature)
        self._header_segment = head
        self._payload_segment = payload
        try:
            self._signature = base64url.decode(signature)
        except ValueError:
            raise _not_canonical() from None
        self._claims: Mapping[str, Any] | None = None
        self._payload: bytes | None = None
        header = _headers.get(head)
        self.header = _parse_header(head) if header is None else header

    def verify(self, key: VerificationKey) -> None:
        """Check the signature; raises ``InvalidSignatureError``."""
        header = self.header
        check = key.algorithms.get(header.algorithm)
        if check is None:
            raise InvalidAlgorithmError("the token's `alg` does not fit its key")
        if not check(self._message, key.material, self._signature):
            raise InvalidSignatureError(key.mismatch)
        segment = self._header_segment
        if segment not in _headers and len(segment) <= _MAX_REMEMBERED_LENGTH:
            _headers.put(segment, header)

    def payload(self) -> bytes:
        """The payload's bytes, decoded."""
        return _decoded(self._payload_segment) if self._payload is None else self._payload

    def claims(self) -> Mapping[str, Any]:
        """The payload as a strict JSON object, parsed once."""
        claims = self._claims
        if claims is None:
            try:
                payload = self._payload = base64url.decode(self._payload_segment)
                claims = self._claims = loads_frozen_object(payload)
            except StrictJSONError:
                raise InvalidTokenError("the payload is not a strict JSON object") from None
            except ValueError:
                raise _not_canonical() from None
        return claims

    def memory(self) -> int:
        """About the bytes of memory that header and claims take; see `memory_of`."""
        payload = self._payload
        memory = memory_of(self.payload() if payload is None else payload)
        if len(self._header_segment) > _MAX_REMEMBERED_LENGTH:  # others share their header
            memory += memory_of(_decoded(self._header_segment))
        return memory


def _parse_header(segment: bytes) -> JOSEHeader:
    try:
        return JOSEHeader(loads_frozen_object(_decoded(segment)))
    except StrictJSONError:
        raise InvalidTokenError("the header is not a strict JSON object") from None


def _decoded(segment: bytes) -> bytes:
    try:
        return base64url.decode(segment)
    except ValueError:
        raise _not_canonical() from None


def _not_canonical() -> InvalidTokenError:
    return InvalidTokenError("a segment is not canonical base64url")


def _unpad(segment: bytes) -> bytes:
    bare = segment.rstrip(b"=")
    padding = len(segment) - len(bare)
    if padding and (padding > 2 or len(segment) % 4):
        raise InvalidTokenError("a segment is padded wrongly")
    return bare


class Jws(NamedTuple):
    """A token whose signature is good.  That says nothing about its claims."""

    header: Mapping[str, Any]
    payload: bytes


def verify_compact(token: str, keys: KeyFinder, *, algorithms: Iterable[str]) -> Jws:
    """Verify the signature of a compact JWS, and nothing else.

    Checks what the module says and the signature.  Does **not** look into the payload: neither
    expiry nor issuer nor audience are checked.  To accept a token from a caller use
    :class:`authz_lib.JWTVerifier`.

    Raises:
        InvalidTokenError: malformed or unsupported.
        InvalidAlgorithmError: ``alg`` is not allowed, or does not fit the key.
        UnknownKeyError: the key set does not hold the key.
        InvalidSignatureError: the signature does not verify.
        KeySetUnavailableError: the key set could not be fetched.
        ConfigurationError: ``algorithms`` is not a valid allow-list.

    >>> from authz_lib.testing.issuer import TestIssuer
    >>> issuer = TestIssuer(algorithm="ES256")
    >>> token = issuer.token({"sub": "alice"})
    >>> verify_compact(token, issuer.key_set(), algorithms=["ES256"]).header["alg"]
    'ES256'
    """
    allowed = require_algorithms(algorithms)
    compact = Compact(token)
    header = compact.header
    if header.algorithm not in allowed:
        raise InvalidAlgorithmError("the token's `alg` is not one of the allowed")
    compact.verify(keys.find(header.key_id, header.algorithm))
    return Jws(header.members, compact.payload())

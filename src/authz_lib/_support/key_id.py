"""A ``kid`` in a log: a stranger may have written it, so it is told by a digest."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from authz_lib._support import base64url
from authz_lib._support.strict_json import loads_object

__all__ = ["digest_of_key_id", "digest_of_tokens_key_id"]

_DIGITS: Final = 12
_MAX_HEADER_CHARACTERS: Final = 4096


def digest_of_key_id(key_id: object) -> str | None:
    """The first 12 hexadecimal digits of the SHA-256 of a ``kid``; ``None`` if it is no text.

    >>> digest_of_key_id("2024-01")
    '73e4d27b45fe'
    """
    if type(key_id) is not str:
        return None
    return sha256(key_id.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


def digest_of_tokens_key_id(token: str) -> str | None:
    """The same of the ``kid`` that a token's header names; ``None`` where it names none.

    Nothing about the token is checked: this is for a token that was refused.
    """
    segment = token.partition(".")[0]
    if len(segment) > _MAX_HEADER_CHARACTERS:
        return None
    try:
        header = loads_object(base64url.decode(segment.rstrip("=").encode("ascii")))
    except ValueError:  # also what is not ASCII, and what is not strict JSON
        return None
    return digest_of_key_id(header.get("kid"))

"""Unpadded base64url (RFC 4648, section 5), in its canonical form only: one text per value."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__all__ = ["decode", "encode"]

_TO_URL = bytes.maketrans(b"+/", b"-_")
_PLUS, _SLASH, _PAD = b"+/="
# By length modulo 4: the missing padding, and the last characters whose unused bits are zero.  With
# another last character, two texts would mean one value.
_ENDS: tuple[tuple[bytes, frozenset[int]], ...] = (
    (b"", frozenset()),
    (b"===", frozenset()),
    (b"==", frozenset(b"AQgw")),
    (b"=", frozenset(b"AEIMQUYcgkosw048")),
)


def decode(segment: bytes) -> bytes:
    """Decode canonical, unpadded base64url.

    Raises:
        ValueError: it has another character, such as white space or ``=``, an impossible length, or
            unused bits that are set.

    >>> decode(b"aGk")
    b'hi'
    """
    if _PLUS in segment or _SLASH in segment or _PAD in segment:
        raise ValueError("not base64url")
    # Faster than `translate`, since most texts have few of them.
    standard = segment.replace(b"-", b"+").replace(b"_", b"/")
    remainder = len(segment) & 3
    if not remainder:
        return a2b_base64(standard, strict_mode=True)
    padding, ends = _ENDS[remainder]
    if segment[-1] not in ends:
        raise ValueError("not canonical base64url")
    return a2b_base64(standard + padding, strict_mode=True)


def encode(data: bytes) -> bytes:
    """Encode as unpadded base64url.

    >>> encode(b"hi")
    b'aGk'
    """
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")

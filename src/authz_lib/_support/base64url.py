"""base64url as a verifier must read it (RFC 4648, section 5, unpadded): one text per value, nothing else accepted."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

__all__ = ["decode", "encode"]

# To the standard alphabet; its own two characters and the padding become invalid ones.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/\xff\xff\xff")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"", b"==", b"=")
# The last characters whose unused bits are zero, by length modulo 4.  With any other, two texts would mean one value.
_CANONICAL_ENDS: tuple[frozenset[int] | None, ...] = (
    None,
    frozenset(),
    frozenset(b"AQgw"),
    frozenset(b"AEIMQUYcgkosw048"),
)


def decode(segment: bytes) -> bytes:
    """Decode canonical, unpadded base64url.

    Raises:
        ValueError: other characters (white space and ``=`` included), an impossible length, unused bits that are set.

    >>> decode(b"aGk")
    b'hi'
    """
    remainder = len(segment) & 3
    ends = _CANONICAL_ENDS[remainder]
    if ends is not None and segment[-1] not in ends:
        raise ValueError("not canonical base64url")
    return a2b_base64(segment.translate(_TO_STANDARD) + _PADDING[remainder], strict_mode=True)


def encode(data: bytes) -> bytes:
    """Encode as unpadded base64url.

    >>> encode(b"hi")
    b'aGk'
    """
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")

"""Verified tokens, remembered by digest: the signature of a token is checked once per process, not
once per call.
"""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Memory"]

T = TypeVar("T")


class Memory(Generic[T]):
    """A map from a token's digest to what was found, bounded in entries and in bytes of tokens.

    The token itself is not kept.  The oldest entry goes first.  What may be handed out is for the
    caller to decide: nothing expires by itself.
    """

    __slots__ = ("_bytes", "_entries", "_lock", "_max_bytes", "_max_entries", "get")

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: dict[bytes, tuple[T, int]] = {}
        self._lock = threading.Lock()
        self.get: Callable[[bytes], tuple[T, int] | None] = self._entries.get

    @staticmethod
    def digest(token: str) -> bytes:
        """SHA-256 of the token; raises ``UnicodeEncodeError`` for what cannot be a token."""
        return sha256(token.encode("ascii")).digest()

    def put(self, digest: bytes, value: T, size: int) -> None:
        """Remember; forget the oldest until the bounds hold."""
        if size > self._max_bytes:
            return
        with self._lock:
            self._remove(digest)
            self._entries[digest] = (value, size)
            self._bytes += size
            while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
                self._remove(next(iter(self._entries)))

    def _remove(self, digest: bytes) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None:
            self._bytes -= entry[1]

    def __len__(self) -> int:
        return len(self._entries)

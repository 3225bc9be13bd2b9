"""The one memory of this library: bounded, and the oldest entry goes first."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from authz_lib._support.fork import reset_in_child

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Memo", "WeighedMemo"]

_WORD: Final = 16  # what a word of a key costs beside its characters

K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V], Generic[K, V]):
    """What ``make`` answered, by its argument: ``memo[key]`` makes what is not there.

    Bounds: ``max_entries``, and ``max_key_characters`` of text in one key: a longer one is not
    remembered.  Threads that put at the same moment may exceed the first by one each, until the
    next put.
    Eviction: the entry that was put first goes first; a hit does not renew it.
    Time: nothing expires by itself.

    A hit costs what a dictionary costs, and no lock is taken.  ``get`` makes nothing.

    Args:
        make: answers a key that is not there.  What it raises is raised, and not remembered.
        max_entries: how many entries are kept, at least 1.
        max_key_characters: how much text a key may hold: itself, or in its tuples and sets.  Each
            word counts 16 more.

    >>> squares = Memo(lambda number: number * number, max_entries=2)
    >>> [squares[number] for number in (1, 2, 3)], list(squares)
    ([1, 4, 9], [2, 3])
    """

    __slots__ = ("_make", "_max_entries", "_max_key_characters")

    def __init__(
        self,
        make: Callable[[K], V] | None = None,
        *,
        max_entries: int,
        max_key_characters: int = 1024,
    ) -> None:
        super().__init__()
        self._make = make
        self._max_entries = max_entries
        self._max_key_characters = max_key_characters

    def __missing__(self, key: K) -> V:
        if self._make is None:
            raise KeyError(key)
        value = self._make(key)
        self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember; forget the oldest where there is no room."""
        if key not in self:
            if _characters(key) > self._max_key_characters:
                return
            while len(self) >= self._max_entries:
                self._forget_oldest()
        self[key] = value

    def _forget_oldest(self) -> None:
        with suppress(KeyError, StopIteration, RuntimeError):  # another thread was faster
            del self[next(iter(self))]


def _characters(key: object) -> int:
    """How much text a key holds; each word in it takes memory of its own."""
    if isinstance(key, str):
        return len(key) + _WORD * (1 + key.count(" ") + key.count(","))
    if isinstance(key, bytes):
        return len(key)
    if isinstance(key, tuple | frozenset):
        return sum([_characters(part) for part in key])
    return 0  # a number, or an object of ours with a bound of its own


class WeighedMemo(Generic[K, V]):
    """A `Memo` whose entries weigh something: bounded in entries and in total weight.

    An entry that is heavier than the whole bound is not kept.

    Args:
        max_entries: how many entries are kept, at least 1.
        max_weight: how much they may weigh together, in the unit of `put`.

    >>> memo = WeighedMemo(max_entries=10, max_weight=100)
    >>> memo.put("a", 1, weight=60), memo.put("b", 2, weight=60)
    (None, None)
    >>> memo.get("a"), memo.get("b"), memo.weight
    (None, 2, 60)
    """

    __slots__ = (
        "__weakref__",
        "_entries",
        "_lock",
        "_max_entries",
        "_max_weight",
        "_weights",
        "get",
        "weight",
    )

    def __init__(self, *, max_entries: int, max_weight: int) -> None:
        self._max_entries = max_entries
        self._max_weight = max_weight
        self._entries: dict[K, V] = {}
        self._weights: dict[K, int] = {}
        self.get: Callable[[K], V | None] = self._entries.get
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget everything, as after a fork."""
        self._lock = threading.Lock()
        self._entries.clear()
        self._weights.clear()
        self.weight = 0

    def put(self, key: K, value: V, *, weight: int) -> None:
        """Remember; forget the oldest until the bounds hold."""
        entries, most = self._entries, self._max_weight
        with self._lock:
            if key in entries:
                self._remove(key)
            if weight > most:
                return
            entries[key], self._weights[key] = value, weight
            self.weight = total = self.weight + weight
            while total > most or len(entries) > self._max_entries:
                self._remove(next(iter(entries)))
                total = self.weight

    def _remove(self, key: K) -> None:
        if self._entries.pop(key, None) is not None:
            self.weight -= self._weights.pop(key)

    def __len__(self) -> int:
        return len(self._entries)

"""The one memory of this library: bounded, and the oldest entry goes first."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from weakref import ref

from authz_lib._support.fork import reset_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["LifetimeMemo", "Memo", "WeighedMemo", "is_short"]

_MOST_CHARACTERS: Final = 1024
_WORD: Final = 16

K = TypeVar("K")
V = TypeVar("V")
Owner = TypeVar("Owner")


class Memo(dict[K, V], Generic[K, V]):
    """What ``make`` answered, by its argument: ``memo[key]`` makes what is not there.

    Bound: ``max_entries``.  Threads that put at the same moment may exceed it by one each, until
    the next put.
    Eviction: the entry that was put first goes first; a hit does not renew it.
    Time: nothing expires by itself.

    A hit costs what a dictionary costs, and no lock is taken.  ``get`` makes nothing.

    Args:
        make: answers a key that is not there.  What it raises is raised, and not remembered.
        max_entries: how many entries are kept, at least 1.
        fits: whether what was made of a key is remembered; for keys that a stranger makes long.

    >>> squares = Memo(lambda number: number * number, max_entries=2)
    >>> [squares[number] for number in (1, 2, 3)], list(squares)
    ([1, 4, 9], [2, 3])
    """

    __slots__ = ("_fits", "_make", "_max_entries")

    def __init__(
        self,
        make: Callable[[K], V] | None = None,
        *,
        max_entries: int,
        fits: Callable[[K], bool] | None = None,
    ) -> None:
        super().__init__()
        self._make = make
        self._max_entries = max_entries
        self._fits = fits

    def __missing__(self, key: K) -> V:
        if self._make is None:
            raise KeyError(key)
        value = self._make(key)
        if self._fits is None or self._fits(key):
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember; forget the oldest where there is no room."""
        if key not in self:
            while len(self) >= self._max_entries:
                self._forget_oldest()
        self[key] = value

    def _forget_oldest(self) -> None:
        with suppress(KeyError, StopIteration, RuntimeError):  # another thread was faster
            del self[next(iter(self))]


def is_short(key: str | Iterable[str]) -> bool:
    """Whether a text, or texts together, may be remembered for everyone: at most 1024 characters.

    Each word counts 16 more: it takes memory of its own.

    >>> is_short("a" * 1000), is_short(["a"] * 60), is_short(["a"] * 61)
    (True, True, False)
    """
    if type(key) is str:
        words = 1 + key.count(" ") + key.count(",")
        return len(key) + _WORD * words <= _MOST_CHARACTERS
    return sum([len(text) + _WORD for text in key]) <= _MOST_CHARACTERS


class LifetimeMemo(Generic[Owner, V]):
    """What belongs to an object, for as long as that object lives; told apart by identity.

    It keeps no object alive: what is forgotten elsewhere is forgotten here.  An object that cannot
    be referenced weakly is not remembered.

    Args:
        max_entries: how many entries are kept, at least 1; the oldest goes first.

    >>> class Token: ...
    >>> token, memo = Token(), LifetimeMemo(max_entries=10)
    >>> memo.put(token, "alice"), memo.get(token), len(memo)
    (None, 'alice', 1)
    >>> del token
    >>> len(memo)
    0
    """

    __slots__ = ("_entries", "_max_entries")

    def __init__(self, *, max_entries: int) -> None:
        self._entries: dict[int, tuple[ref[Owner], V]] = {}
        self._max_entries = max_entries

    def get(self, owner: Owner) -> V | None:
        """What belongs to ``owner``; ``None`` where nothing does."""
        found = self._entries.get(id(owner))
        return found[1] if found is not None and found[0]() is owner else None

    def put(self, owner: Owner, value: V) -> None:
        """Remember for as long as ``owner`` lives."""
        entries, place = self._entries, id(owner)

        def forget(gone: ref[Owner]) -> None:
            found = entries.get(place)
            if found is not None and found[0] is gone:  # else the place is another's by now
                entries.pop(place, None)

        try:
            reference = ref(owner, forget)
        except TypeError:
            return
        while len(entries) >= self._max_entries:
            with suppress(KeyError, StopIteration, RuntimeError):  # another thread was faster
                del entries[next(iter(entries))]
        entries[place] = (reference, value)

    def __len__(self) -> int:
        return len(self._entries)


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
        with self._lock:
            if key in self._entries:
                self._remove(key)
            if weight > self._max_weight:
                return
            self._entries[key], self._weights[key] = value, weight
            self.weight += weight
            while len(self._entries) > self._max_entries or self.weight > self._max_weight:
                self._remove(next(iter(self._entries)))

    def _remove(self, key: K) -> None:
        if self._entries.pop(key, None) is not None:
            self.weight -= self._weights.pop(key)

    def __len__(self) -> int:
        return len(self._entries)

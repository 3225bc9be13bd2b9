"""How deep entities stand in one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

__all__ = ["MAX_HIERARCHY_DEPTH", "is_too_deep"]

MAX_HIERARCHY_DEPTH: Final = 64
"""How many entities may stand in one another: files in folders, users in groups.

Cedar calls itself once for each on a chain: 1,500 end the process on a stack of 1 MB.
"""

K = TypeVar("K", bound="Hashable")


def is_too_deep(parents: Mapping[K, Iterable[K]]) -> bool:
    """Whether more than `MAX_HIERARCHY_DEPTH` of these entities stand in one another.

    So do those of a circle, where there are that many entities; Cedar refuses the other circles.
    Takes time linear in the number of entities and parents.

    >>> is_too_deep({number: [number + 1] for number in range(64)})
    False
    >>> is_too_deep({number: [number + 1] for number in range(65)})
    True
    """
    if len(parents) <= MAX_HIERARCHY_DEPTH:
        return False
    children: dict[K, list[K]] = {}
    missing: dict[K, int] = {}  # how many of its parents are on no level yet
    for uid, above in parents.items():
        known = [parent for parent in above if parent in parents]
        missing[uid] = len(known)
        for parent in known:
            children.setdefault(parent, []).append(uid)
    level = [uid for uid, count in missing.items() if count == 0]
    placed = 0
    for _ in range(MAX_HIERARCHY_DEPTH):
        placed += len(level)
        below = []
        for child in [child for uid in level for child in children.get(uid, ())]:
            missing[child] -= 1
            if missing[child] == 0:
                below.append(child)
        level = below
    return placed < len(parents)

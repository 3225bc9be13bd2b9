"""How deep entities stand in one another, and in how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

__all__ = ["MAX_HIERARCHY_DEPTH", "MAX_HIERARCHY_STEPS", "is_too_deep", "is_too_wide"]

MAX_HIERARCHY_DEPTH: Final = 64
"""How many entities may stand in one another: files in folders, users in groups.

Cedar calls itself once for each on a chain: 1,500 end the process on a stack of 1 MB.
"""
MAX_HIERARCHY_STEPS: Final = 100_000
"""How many ancestors of parents Cedar may add up; see `is_too_wide`."""

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
    return sum(map(len, _levels(parents, _children(parents)))) < len(parents)


def is_too_wide(parents: Mapping[K, Iterable[K]]) -> bool:
    """Whether it takes more steps to find what these entities are in than there may be.

    Cedar adds the ancestors of each parent to each entity, one by one.  Without a bound that is the
    cube of a number of folders that all stand in one another's parents.  `MAX_HIERARCHY_STEPS` are
    allowed, or 64 for each entity where that is more: one parent each never takes so many.  Ask
    `is_too_deep` first.

    >>> above = [f"above {number}" for number in range(400)]
    >>> is_too_wide({number: above for number in range(400)})
    True
    >>> is_too_wide({number: ["root"] for number in range(100_000)})
    False
    """
    left = max(MAX_HIERARCHY_STEPS, MAX_HIERARCHY_DEPTH * len(parents))
    children = _children(parents)
    ancestors: dict[K, set[K]] = {}
    for level in _levels(parents, children):
        for uid in level:
            above = tuple(parents[uid])
            left -= sum([1 + len(ancestors.get(parent, ())) for parent in above])
            if left < 0:
                return True
            if uid in children:
                ancestors[uid] = set(above).union(*[ancestors.get(p, ()) for p in above])
    return False


def _children(parents: Mapping[K, Iterable[K]]) -> dict[K, list[K]]:
    children: dict[K, list[K]] = {}
    for uid, above in parents.items():
        for parent in above:
            if parent in parents:
                children.setdefault(parent, []).append(uid)
    return children


def _levels(parents: Mapping[K, Iterable[K]], children: Mapping[K, list[K]]) -> Iterator[list[K]]:
    """The entities whose parents are all on levels before, level by level, not deeper than may be.

    Those of a circle, and what is in them, are on none.
    """
    # How many of its parents are on no level yet.
    missing = {uid: sum([p in parents for p in above]) for uid, above in parents.items()}
    level = [uid for uid, count in missing.items() if count == 0]
    for _ in range(MAX_HIERARCHY_DEPTH):
        yield level
        below = []
        for child in [child for uid in level for child in children.get(uid, ())]:
            missing[child] -= 1
            if missing[child] == 0:
                below.append(child)
        level = below

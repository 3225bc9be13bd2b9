"""What a forked process must not inherit: a lock that a thread of its parent holds."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Resettable", "reset_in_child"]


class Resettable(Protocol):
    """Something with a lock; it can be referenced weakly."""

    def reset(self) -> None:
        """Start anew: with a free lock, and without what was being changed under it."""


_EVERY: WeakSet[Resettable] = WeakSet()


def reset_in_child(holder: Resettable) -> None:
    """Reset ``holder`` in every process that is forked from now on, for as long as it lives."""
    _EVERY.add(holder)


def _reset_all() -> None:
    for holder in list(_EVERY):
        holder.reset()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_reset_all)

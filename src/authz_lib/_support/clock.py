"""The wall clock.  It is injected, and no timer runs by itself: Lambda freezes processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Clock", "system_clock"]

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch.  It may jump.  Where it ran backwards, caches are emptied."""

system_clock: Clock = time.time

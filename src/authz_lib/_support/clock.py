"""The wall clock, injected everywhere: Lambda freezes processes, so nothing may rely on a timer
that runs by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Clock", "system_clock"]

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch.  It may jump: a clock that ran backwards empties caches."""

system_clock: Clock = time.time

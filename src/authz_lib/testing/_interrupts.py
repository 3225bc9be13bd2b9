"""Ctrl-C, SIGTERM and SIGHUP: one way out, and nothing half started or half stopped."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["interruptible", "interrupts_held_back"]

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_ONE_INTERRUPT_SECONDS = 1.0


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Python runs handlers in the main thread only; what is ignored (``nohup``, a job of a script)
    stays ignored.
    """
    in_main = threading.current_thread() is threading.main_thread()
    numbers = (
        [n for n in _SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]
        if in_main
        else []
    )
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, former in before:
            signal.signal(number, former)


@contextmanager
def interruptible(*, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[], None]]:
    """A signal is a ``KeyboardInterrupt``, and those that follow within a second are the same one.

    What it yields raises the interrupt again, for safe places: Python drops what is raised inside a
    finalizer.
    """
    arrived: list[float] = []

    def interrupt(*_: object) -> None:
        now = clock()
        if not arrived or now - arrived[-1] > _ONE_INTERRUPT_SECONDS:
            arrived.append(now)
            raise KeyboardInterrupt

    def check() -> None:
        if arrived:
            raise KeyboardInterrupt

    with _handled(interrupt):
        yield check


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Signals wait until the block is done; then the first of them goes where it would have
    gone.
    """
    arrived: list[int] = []
    try:
        with _handled(lambda number, _: arrived.append(number)):
            yield
    finally:
        if arrived:
            signal.raise_signal(arrived[0])

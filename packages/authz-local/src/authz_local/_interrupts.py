"""Ctrl-C, SIGTERM and SIGHUP end the command in one way, never between two steps of a start."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["EndOfServing", "interruptible", "interrupts_held_back", "serving"]

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_ONE_INTERRUPT_SECONDS = 1.0
_AGAIN_SECONDS = 0.05


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle the signals in the main thread; Python runs handlers in no other.

    A signal that is ignored stays ignored (``nohup``, a background job of a script).
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


class _Interrupt(KeyboardInterrupt):
    """The one that `interruptible` raises."""


@contextmanager
def interruptible(*, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Make a signal a ``KeyboardInterrupt``; those that follow within a second are the same one.

    Python drops what is raised inside a finalizer or a callback of C code.  An interrupt that is
    dropped comes again, and nothing is printed about it.
    """
    arrived: list[float] = []
    again: list[threading.Timer] = []
    thread = threading.get_ident()

    def interrupt(*_: object) -> None:
        now = clock()
        if not arrived or now - arrived[-1] > _ONE_INTERRUPT_SECONDS:
            arrived.append(now)
            raise _Interrupt

    def dropped(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, _Interrupt):
            former(unraisable)
            return
        arrived.clear()
        # not from here: what is raised in this hook is dropped too
        timer = threading.Timer(_AGAIN_SECONDS, _interrupt_thread, [thread])
        again.append(timer)
        timer.start()

    with _handled(interrupt):
        former, sys.unraisablehook = sys.unraisablehook, dropped
        try:
            yield
        finally:
            sys.unraisablehook = former
            for timer in again:
                timer.cancel()
                timer.join()


def _interrupt_thread(identifier: int) -> None:
    """Send Ctrl-C; where threads take signals, it also ends what the thread waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(identifier, signal.SIGINT)
    else:
        _thread.interrupt_main()


class EndOfServing(KeyboardInterrupt):
    """The interrupt that ends what served until then."""


@contextmanager
def serving() -> Iterator[None]:
    """What serves: an interrupt is its good end."""
    try:
        yield
    except KeyboardInterrupt:
        raise EndOfServing from None


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold signals back until the block is done; then deliver the first of them."""
    arrived: list[int] = []
    try:
        with _handled(lambda number, _: arrived.append(number)):
            yield
    finally:
        if arrived:
            signal.raise_signal(arrived[0])

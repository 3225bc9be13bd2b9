"""Ctrl-C, SIGTERM and SIGHUP end the command in one way, never between two steps of a start."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["EndOfServing", "interruptible", "interrupts_held_back", "serving"]

_AGAIN = getattr(signal, "SIGALRM", None)
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_ONE_INTERRUPT_SECONDS = 1.0
_AGAIN_SECONDS = 0.05


def _in_main_thread() -> bool:
    """Python runs the handlers of signals in no other."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _handled(numbers: list[int], handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle signals, in the main thread.

    A signal that is ignored stays ignored (``nohup``, a background job of a script), except the
    alarm, which is our own here.  One that is handled outside of Python is left alone.
    """
    formers = [(number, signal.getsignal(number)) for number in numbers]
    before = [
        (number, signal.signal(number, handler))
        for number, former in formers
        if former is not None and (former != signal.SIG_IGN or number == _AGAIN)
    ]
    try:
        yield
    finally:
        for number, former in before:
            signal.signal(number, former)


class _Interrupt(KeyboardInterrupt):
    """The one that `interruptible` raises."""


class _Handler:
    """Raises an interrupt, or keeps it while it is held back, as it is at first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.dropped = False
        self._clock = clock
        self._last = -inf  # it came, or was raised
        self._waits = False
        self._holds = 1

    def __call__(self, number: int, _: object) -> None:
        now = self._clock()
        is_new = self.dropped if number == _AGAIN else now - self._last > _ONE_INTERRUPT_SECONDS
        if not is_new:
            return
        self._last = now
        if self._holds:
            self._waits = True
        else:
            self._raise()

    def _raise(self) -> NoReturn:
        self.dropped = self._waits = False
        self._last = self._clock()
        raise _Interrupt

    def hold(self) -> None:
        """Keep what comes."""
        self._holds += 1

    def release(self) -> None:
        """Raise what was kept, at the end of the outermost hold."""
        self._holds -= 1
        if self._waits and not self._holds:
            self._raise()


_handlers: list[_Handler] = []


@contextmanager
def interruptible(*, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Make a signal a ``KeyboardInterrupt``; those that follow within a second are the same one.

    Python drops what is raised inside a finalizer or a callback of C code, and tells
    ``sys.unraisablehook``.  An interrupt of which it tells comes again after 0.05 seconds, and
    nothing is printed.
    """
    if not _in_main_thread():
        yield
        return
    handler = _Handler(clock)
    former = sys.unraisablehook
    armed = False

    def dropped(unraisable: sys.UnraisableHookArgs) -> None:
        nonlocal armed
        if _AGAIN is None:
            former(unraisable)
            return
        if not isinstance(unraisable.exc_value, _Interrupt):
            try:
                former(unraisable)
            except _Interrupt:  # it came meanwhile, and would be dropped from here
                pass
            else:
                return
        # By the system, since a thread would have to wait for this one.
        handler.dropped = armed = True
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    with _handled(_SIGNALS if _AGAIN is None else [*_SIGNALS, _AGAIN], handler):
        _handlers.append(handler)
        sys.unraisablehook = dropped
        try:
            try:
                handler.release()
                yield
            finally:
                handler.hold()  # for good: all is done
        finally:
            sys.unraisablehook = former
            _handlers.remove(handler)
            if armed:
                signal.setitimer(signal.ITIMER_REAL, 0)


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
    if not _in_main_thread():
        yield
    elif _handlers:
        handler = _handlers[-1]
        handler.hold()
        try:
            yield
        finally:
            handler.release()
    else:
        arrived: list[int] = []
        try:
            with _handled(_SIGNALS, lambda number, _: arrived.append(number)):
                yield
        finally:
            if arrived:
                signal.raise_signal(arrived[0])

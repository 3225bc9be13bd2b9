"""One call in flight per key: the first caller does the work, the others wait for its result."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["SingleFlight", "SingleFlightTimeoutError"]

T = TypeVar("T")


class SingleFlightTimeoutError(Exception):
    """A follower waited as long as it may and the leader had not come back, or was interrupted."""


class _Flight(Generic[T]):
    __slots__ = ("done", "error", "result", "started")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.started = time.monotonic()
        self.result: T
        self.error: BaseException | None = None


class SingleFlight(Generic[T]):
    """Collapse concurrent calls with the same key into one.  No lock is held while the work runs.

    Nothing is remembered: when the leader is back, the next caller starts anew.  A leader's failure
    is raised to its followers and never stored.

    >>> flights = SingleFlight[int]()
    >>> flights.run("answer", lambda: 42)
    42
    """

    __slots__ = ("_flights", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    def run(
        self, key: Hashable, work: Callable[[], T], *, timeout_seconds: float | None = None
    ) -> T:
        """Run ``work``, or wait for the caller that runs it already.

        Raises:
            SingleFlightTimeoutError: this caller is a follower and ``timeout_seconds`` passed since
                the leader began.
            Exception: whatever ``work`` raised, to the leader and to every follower.
        """
        with self._lock:
            flight = self._flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight[T]()
        if leads:
            return self._lead(key, flight, work)
        if timeout_seconds is not None:
            timeout_seconds = max(0.0, flight.started + timeout_seconds - time.monotonic())
        if not flight.done.wait(timeout_seconds):
            raise SingleFlightTimeoutError
        if flight.error is not None:
            raise flight.error
        return flight.result

    def run_if_idle(self, key: Hashable, work: Callable[[], T]) -> bool:
        """Run ``work`` unless a caller runs it already; never waits.  Says whether it ran.

        >>> SingleFlight[int]().run_if_idle("answer", lambda: 42)
        True
        """
        with self._lock:
            if key in self._flights:
                return False
            flight = self._flights[key] = _Flight[T]()
        self._lead(key, flight, work)
        return True

    def _lead(self, key: Hashable, flight: _Flight[T], work: Callable[[], T]) -> T:
        try:
            flight.result = work()
        except Exception as error:
            flight.error = error
            raise
        except (
            BaseException
        ):  # an interrupt is the leader's own: its followers only learn that nothing came of it
            flight.error = SingleFlightTimeoutError()
            raise
        else:
            return flight.result
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()

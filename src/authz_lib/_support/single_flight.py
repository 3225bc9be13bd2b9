"""One call in flight per key: the first caller does the work, the others wait for its result."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from authz_lib._support.fork import reset_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["SingleFlight", "SingleFlightTimeoutError", "twin_of"]

T = TypeVar("T")


class SingleFlightTimeoutError(Exception):
    """A follower waited as long as it may, or the leader was interrupted."""


class _Flight(Generic[T]):
    __slots__ = ("done", "error", "result", "started")

    def __init__(self) -> None:
        self.done: threading.Event | None = None  # made by the first follower
        self.started = time.monotonic()
        self.result: T
        self.error: Exception | None = None


class SingleFlight(Generic[T]):
    """Collapse concurrent calls with the same key into one.  No lock is held while the work runs.

    Nothing is remembered: when the leader is back, the next caller starts anew.  A leader's failure
    is raised to its followers too, to each as an error of its own without the leader's traceback.
    A forked process starts with no flight.

    >>> flights = SingleFlight[int]()
    >>> flights.run("answer", lambda: 42)
    42
    """

    __slots__ = ("__weakref__", "_flights", "_lock")

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget all flights: their leaders are gone, as after a fork."""
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    def run(
        self, key: Hashable, work: Callable[[], T], *, timeout_seconds: float | None = None
    ) -> T:
        """Run ``work``, or wait for the caller that runs it already.

        Raises:
            SingleFlightTimeoutError: this caller is a follower and ``timeout_seconds`` passed since
                the leader began, or the leader was interrupted.
            Exception: whatever ``work`` raised, to the leader and to every follower.
        """
        with self._lock:
            flight = self._flights.get(key)
            done = None
            if flight is None:
                flight = self._flights[key] = _Flight()
            else:
                done = flight.done = flight.done or threading.Event()
        if done is None:
            return self._lead(key, flight, work)
        if timeout_seconds is not None:
            timeout_seconds = max(0.0, flight.started + timeout_seconds - time.monotonic())
        if not done.wait(timeout_seconds):
            raise SingleFlightTimeoutError
        if flight.error is not None:
            raise twin_of(flight.error)
        return flight.result

    def run_if_idle(self, key: Hashable, work: Callable[[], T]) -> bool:
        """Run ``work`` unless a caller runs it already; never waits.  Says whether it ran.

        >>> SingleFlight[int]().run_if_idle("answer", lambda: 42)
        True
        """
        with self._lock:
            if key in self._flights:
                return False
            flight: _Flight[T] = _Flight()
            self._flights[key] = flight
        self._lead(key, flight, work)
        return True

    def _lead(self, key: Hashable, flight: _Flight[T], work: Callable[[], T]) -> T:
        try:
            flight.result = work()
        except Exception as error:
            flight.error = twin_of(error)
            raise
        except BaseException:  # the leader's own: its followers only learn that nothing came of it
            flight.error = SingleFlightTimeoutError()
            raise
        else:
            return flight.result
        finally:
            with self._lock:
                self._flights.pop(key, None)
                done = flight.done
            if done is not None:
                done.set()


def twin_of(error: Exception) -> Exception:
    """An equal error without what could show another's: traceback, cause, context, notes."""
    if _holds_error(error.args) or _holds_error(vars(error)):
        return SingleFlightTimeoutError(type(error).__name__)
    try:
        twin = copy.copy(error)
    except Exception:  # noqa: BLE001  # of a class that cannot be made again
        twin = error
    if twin is error or type(twin) is not type(error):
        return SingleFlightTimeoutError(type(error).__name__)
    twin.__cause__ = twin.__context__ = None
    vars(twin).pop("__notes__", None)  # one list for both
    return twin


def _holds_error(value: object, depth: int = 2) -> bool:
    """Whether an error stands in a value, or in its members' members: both would share it."""
    if isinstance(value, BaseException):
        return True
    members: Iterable[object] = ()
    if isinstance(value, Mapping):
        members = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        members = value
    return depth > 0 and any(_holds_error(member, depth - 1) for member in members)

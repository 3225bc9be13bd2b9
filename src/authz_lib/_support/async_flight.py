"""One call in flight per key for those who wait in event loops; they hold no thread."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from authz_lib._support.fork import reset_in_child
from authz_lib._support.single_flight import twin_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Hashable

    from authz_lib._support.workers import Workers

__all__ = ["AsyncFlights"]

T = TypeVar("T")


class AsyncFlights(Generic[T]):
    """Collapse concurrent calls with the same key into one, which a thread makes.

    The call has the context variables of the caller who came first.  Each caller waits for an
    outcome of its own: one who is cancelled stops nobody else, and a failure is to each an error of
    its own.  When all are cancelled before the call has begun, it is not made.  A forked process
    starts with no flight.

    >>> import asyncio
    >>> from authz_lib._support.workers import Workers
    >>> flights = AsyncFlights[int](Workers(max_threads=1))
    >>> asyncio.run(flights.run("answer", lambda: 42))
    42
    """

    __slots__ = ("__weakref__", "_flights", "_lock", "_workers")

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self.reset()
        reset_in_child(self)

    def __len__(self) -> int:
        """How many calls are in flight."""
        return len(self._flights)

    def reset(self) -> None:
        """Forget all flights, as after a fork."""
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, or what the call in flight for ``key`` does."""
        from asyncio import get_running_loop  # in use already where this runs

        loop = get_running_loop()
        if key not in self._flights:
            await self._workers.turn()
        waiter: _Waiter[T] = (loop, loop.create_future())
        with self._lock:
            flight = self._flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight(partial(copy_context().run, work))
            flight.waiters.append(waiter)
        if leads:
            try:
                self._workers.submit(partial(self._fly, key, flight))
            except Exception as failure:  # noqa: BLE001  no thread can be had: nobody waits for it
                self._settle(key, flight, (), failure)
        result, error = await waiter[1]
        if error is not None:
            raise error
        return result[0]

    def _fly(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._is_unwanted(key, flight):
            return
        result: tuple[T, ...] = ()
        error: BaseException | None = None
        try:
            result = (flight.work(),)
        except BaseException as raised:  # noqa: BLE001  it is its callers'
            error = raised
        self._settle(key, flight, result, error)

    def _settle(
        self, key: Hashable, flight: _Flight[T], result: tuple[T, ...], error: BaseException | None
    ) -> None:
        """End the flight; each of those who wait has the outcome."""
        with self._lock:
            self._flights.pop(key, None)
            waiters = flight.waiters
        for loop, outcome in waiters:
            with suppress(RuntimeError):  # the loop was closed: nobody waits
                loop.call_soon_threadsafe(_set, outcome, result, error)
            error = twin_of(error) if isinstance(error, Exception) else error

    def _is_unwanted(self, key: Hashable, flight: _Flight[T]) -> bool:
        """Whether nobody waits any more; then the flight is over, and a new caller starts anew."""
        with self._lock:
            if not all(outcome.cancelled() for _, outcome in flight.waiters):
                return False
            self._flights.pop(key, None)
            return True


class _Flight(Generic[T]):
    __slots__ = ("waiters", "work")

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.waiters: list[_Waiter[T]] = []


if TYPE_CHECKING:
    _Outcome = tuple[tuple[T, ...], BaseException | None]
    _Waiter = tuple[AbstractEventLoop, Future[_Outcome[T]]]


def _set(outcome: Future[_Outcome[T]], result: tuple[T, ...], error: BaseException | None) -> None:
    if not outcome.done():
        outcome.set_result((result, error))

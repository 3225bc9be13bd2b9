"""Threads of the library's own, for what would block an event loop.

asyncio's default executor is not used: it has few threads, and resolving a host name needs one.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from authz_lib._support.fork import reset_in_child
from authz_lib._support.turns import Turns

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Hashable
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["CALL_WORKERS", "DECISION_WORKERS", "HOOK_WORKERS", "WORKERS", "Workers"]

T = TypeVar("T")

_AT_A_TIME: Final = 16


class Workers:
    """A few threads, made when they are needed.

    What is run in one lane runs one after the other, so what waits in it costs no thread.  A forked
    process starts without threads and lanes.

    Args:
        max_threads: at least 1.

    >>> import asyncio
    >>> asyncio.run(Workers(max_threads=1).run(lambda: 42))
    42
    """

    __slots__ = ("__weakref__", "_lanes", "_lock", "_max_threads", "_pool", "_turns")

    def __init__(self, *, max_threads: int) -> None:
        self._max_threads = max_threads
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget threads and lanes, as after a fork."""
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._lanes: dict[Hashable, deque[_Job[object]]] = {}
        self._turns = Turns(_AT_A_TIME)

    async def run(self, work: Callable[[], T], *, lane: Hashable = None) -> T:
        """What ``work`` returns or raises, in a thread, with the context variables of the caller.

        A caller that is cancelled stops waiting.  Work that has begun goes on.

        Args:
            lane: ``None``: whenever a thread is free.
        """
        from asyncio import get_running_loop  # in use already where this runs

        loop = get_running_loop()
        await self.turn()
        job = _Job(work, loop)
        self._start(job, object() if lane is None else lane)
        result, error = await job.outcome
        if error is not None:
            raise error
        return result[0]

    async def turn(self) -> None:
        """Wait until another piece of work may begin: of many, 16 in each turn of the loop."""
        if self._turns.one_more():
            await self._turns.another()

    def submit(self, work: Callable[[], object]) -> None:
        """Run ``work``, which raises nothing, in a thread when one is free."""
        with self._lock:
            self._executor().submit(work)

    def is_busy(self, lane: Hashable) -> bool:
        """Whether something runs or waits in this lane."""
        return lane in self._lanes

    def _start(self, job: _Job[T], lane: Hashable) -> None:
        with self._lock:
            waiting = self._lanes.get(lane)
            if waiting is None:
                self._executor().submit(self._drain, lane)
                waiting = self._lanes[lane] = deque()
            waiting.append(job)  # type: ignore[arg-type]

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._max_threads, "authz-lib-worker")
        return self._pool

    def _drain(self, lane: Hashable) -> None:
        while True:
            with self._lock:
                waiting = self._lanes[lane]
                if not waiting:
                    del self._lanes[lane]
                    return
                job = waiting.popleft()
            job.run()


class _Job(Generic[T]):
    """One piece of work of one caller, who alone sees what comes of it."""

    __slots__ = ("_loop", "_work", "outcome")

    def __init__(self, work: Callable[[], T], loop: AbstractEventLoop) -> None:
        self._work: Callable[[], T] = partial(copy_context().run, work)
        self._loop = loop
        self.outcome: Future[tuple[tuple[T, ...], BaseException | None]] = loop.create_future()

    def run(self) -> None:
        if self.outcome.cancelled():
            return
        try:
            self._tell((self._work(),), None)
        except BaseException as error:  # noqa: BLE001  # it is its caller's
            self._tell((), error)

    def _tell(self, result: tuple[T, ...], error: BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: tuple[T, ...], error: BaseException | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result((result, error))


WORKERS: Final = Workers(max_threads=8)
"""For what this library waits for: key sets."""

HOOK_WORKERS: Final = Workers(max_threads=8)
"""For functions of others, so that slow ones keep no key set waiting."""

DECISION_WORKERS: Final = Workers(max_threads=32)
"""For questions to a policy store."""

CALL_WORKERS: Final = Workers(max_threads=32)
"""For signed calls."""

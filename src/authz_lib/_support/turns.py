"""Of many that begin together in an event loop, a few in each of its turns."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

__all__ = ["Turns"]


class _Queue:
    """Those who wait in one loop, and how many of them its present turn goes on with."""

    __slots__ = ("__weakref__", "places", "resuming")

    def __init__(self) -> None:
        self.places: deque[Future[None]] = deque()
        self.resuming = 0


class Turns:
    """Leaves room for all other tasks of a loop where a thousand begin together.

    Each that begins is counted with `one_more`, and waits for `another` turn when that says so:

    >>> import asyncio
    >>> turns = Turns(2)
    >>> async def begin(number):
    ...     if turns.one_more():
    ...         await turns.another()
    ...     print(number, end=" ")
    >>> async def main():
    ...     await asyncio.gather(*[begin(number) for number in range(5)])
    >>> asyncio.run(main())
    0 1 2 3 4

    Those who wait go in their order, before all that come later: one who begins much in a row
    keeps nobody waiting.  Counting looks at no loop, since most begin alone: who comes after many
    others gives way once.  The count is of all threads; the loop of each has its own turns.

    Args:
        at_a_time: how many begin in one turn; at least 1.
    """

    __slots__ = ("_at_a_time", "_begun", "_waiting")

    def __init__(self, at_a_time: int) -> None:
        self._at_a_time = at_a_time
        self._begun = 0
        # By the id of their loop, for as long as it is going to run their turn.
        self._waiting: WeakValueDictionary[int, _Queue] = WeakValueDictionary()

    def one_more(self) -> bool:
        """Count one that begins; whether it has to wait for `another` turn."""
        self._begun += 1
        return self._begun > self._at_a_time

    async def another(self) -> None:
        """Wait for a turn of the running loop that has room for one more.

        Where no loop of asyncio runs, nobody has to be left room for.
        """
        from asyncio import get_running_loop  # in use already where this runs

        try:
            loop = get_running_loop()
        except RuntimeError:
            self._begun = 0
            return
        await self._joined(loop)

    def _joined(self, loop: AbstractEventLoop) -> Future[None]:
        place = loop.create_future()
        queue = self._waiting.get(id(loop))
        if queue is None:
            queue = self._waiting[id(loop)] = _Queue()
            loop.call_soon(self._turn, loop, queue)
        queue.places.append(place)
        return place

    def _turn(self, loop: AbstractEventLoop, queue: _Queue) -> None:
        """Begin a turn of the loop: those who are woken now go on in the next one."""
        if not queue.places:
            self._begun = queue.resuming
            self._waiting.pop(id(loop), None)
            return
        self._begun = self._at_a_time  # who comes now, comes after them
        loop.call_soon(self._turn, loop, queue)  # before those who are woken
        queue.resuming = 0
        while queue.places and queue.resuming < self._at_a_time:
            place = queue.places.popleft()
            if not place.done():  # it was not cancelled
                place.set_result(None)
                queue.resuming += 1

"""Of many that begin together in an event loop, a few in each of its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Turns"]


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

    Counting looks at no loop, since most begin alone: those who come one after the other give way
    once in a while as well.  The count is of all threads; the loop of each begins its own turns.

    Args:
        at_a_time: how many begin in one turn; at least 1.
    """

    __slots__ = ("_at_a_time", "_begun", "_turning")

    def __init__(self, at_a_time: int) -> None:
        self._at_a_time = at_a_time
        self._begun = 0
        self._turning: WeakSet[AbstractEventLoop] = WeakSet()

    def one_more(self) -> bool:
        """Count one that begins; whether it has to wait for `another` turn."""
        self._begun += 1
        return self._begun > self._at_a_time

    async def another(self) -> None:
        """Wait for a turn of the running loop that has room for one more.

        Where no loop of asyncio runs, nobody has to be left room for.
        """
        from asyncio import get_running_loop, sleep  # in use already where this runs

        try:
            loop = get_running_loop()
        except RuntimeError:
            self._begun = 0
            return
        while True:
            if loop not in self._turning:
                self._turning.add(loop)
                loop.call_soon(self._turn, loop)
            await sleep(0)
            if not self.one_more():
                return

    def _turn(self, loop: AbstractEventLoop) -> None:
        self._turning.discard(loop)
        self._begun = 0

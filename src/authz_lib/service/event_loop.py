"""Runs the coroutine of an ``async def`` handler to its end: Lambda awaits none."""

from __future__ import annotations

import asyncio
import atexit
import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from authz_lib._support.fork import reset_in_child

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["run_to_end"]


class _Kept:
    """A runner with a loop, closed when nobody has it any more."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def close(self) -> None:
        self.runner.close()

    def __del__(self) -> None:
        with suppress(Exception):  # at the end of a thread or of Python
            self.close()


class _Loops(threading.local):
    """One loop for each thread."""

    kept: _Kept | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self.kept is None:
            self.kept = _Kept()
        # A context of its own: what one request sets, the next must not see.
        return self.kept.runner.run(coroutine, context=copy_context())

    def close(self) -> None:
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.close()

    def reset(self) -> None:
        """After a fork: the loop's selector is the parent's."""
        if self.kept is not None:
            _INHERITED.append(self.kept)  # closing it would change the parent's selector
        self.kept = None


_INHERITED: list[_Kept] = []
_LOOPS = _Loops()
reset_in_child(_LOOPS)
atexit.register(_LOOPS.close)


def run_to_end(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine; within a running loop the coroutine itself, to be awaited.

    The loop is kept for the next call, as a client keeps its connections: `asyncio.run` would close
    it, and an HTTP client made for an earlier request could not be used again.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _LOOPS.run(coroutine)
    return coroutine

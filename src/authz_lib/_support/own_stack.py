"""Calls that may need more stack than the thread that asks for them has."""

from __future__ import annotations

from operator import call as _call  # it adds no frame to those that a parser may take
from threading import Lock, Thread, stack_size
from typing import TYPE_CHECKING, TypeVar

from authz_lib._support.fork import reset_in_child
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["STACK_BYTES", "map_on_own_stack", "run_on_own_stack"]

STACK_BYTES = 16 * 1024 * 1024

_A = TypeVar("_A")
_T = TypeVar("_T")


class _Starter:
    """Starts threads with a stack of their own size, which is a setting of the whole process."""

    def __init__(self) -> None:
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        self._lock = Lock()

    def start(self, thread: Thread) -> None:
        with self._lock:
            usual = stack_size(STACK_BYTES)
            try:
                thread.start()
            finally:
                stack_size(usual)


_STARTER = _Starter()


def run_on_own_stack(call: Callable[[], _T]) -> _T:
    """What a call returns or raises, made in a thread with a stack of 16 MiB.

    For native parsers that call themselves: on a stack that is too small they end the process.  It
    takes about a tenth of a millisecond, so it is for what is read once.

    Raises:
        ConfigurationError: no thread could be started.

    >>> run_on_own_stack(lambda: 6 * 7)
    42
    """
    (result,) = map_on_own_stack(_call, [call])
    return result


def map_on_own_stack(call: Callable[[_A], _T], items: Iterable[_A]) -> list[_T]:
    """What a call returns of each item, or raises, made in one such thread for all of them.

    Where the caller is interrupted, the thread ends with the item that it is at.

    Raises:
        ConfigurationError: no thread could be started.

    >>> map_on_own_stack(len, ["a", "bc"])
    [1, 2]
    """
    results: list[_T] = []
    errors: list[BaseException] = []
    waiting = [True]

    def work() -> None:
        try:
            for item in items:
                if not waiting:
                    return
                results.append(call(item))
        except BaseException as error:  # noqa: BLE001  (raised again below)
            errors.append(error)

    thread = Thread(target=work, name="authz-lib-own-stack", daemon=True)
    try:
        _STARTER.start(thread)
        thread.join()
    except RuntimeError:
        raise ConfigurationError("no thread could be started to read policies in") from None
    finally:
        waiting.clear()
    for error in errors:
        raise error
    return results

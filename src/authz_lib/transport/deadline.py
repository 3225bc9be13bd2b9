"""One deadline for a call that bounds each of its steps, but not the whole."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["within"]

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call`` returns or raises, in a thread of its own: nothing can interrupt it.

    After the deadline it goes on by itself, and nobody learns what came of it.

    Raises:
        TimeoutError: it took longer.

    >>> within(5, lambda: 42)
    42
    """
    answers: list[T] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            answers.append(call())
        except Exception as error:  # noqa: BLE001  # a thread's error must reach its caller
            errors.append(error)

    context = copy_context()  # such as the span of a trace
    thread = threading.Thread(target=context.run, args=(work,), name="authz-lib-boto3", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]

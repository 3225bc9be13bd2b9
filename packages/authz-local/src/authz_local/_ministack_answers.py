"""What functions of ministack answered, for corrections that must know it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

__all__ = ["answers_noted", "note_answers"]

# A list, since a function runs in a thread with a copy of the context.
_answers: ContextVar[list[Any] | None] = ContextVar("answers", default=None)


def note_answers(lambdas: ModuleType) -> None:
    """Have ``ministack.services.lambda_svc`` note what functions answer."""
    functions: Any = lambdas
    execute = functions._execute_function_with_config_scope  # noqa: SLF001

    def executed(*args: Any, **kwargs: Any) -> Any:
        answer = execute(*args, **kwargs)
        answers = _answers.get()
        if answers is not None:
            answers.append(answer)
        return answer

    functions._execute_function_with_config_scope = executed  # noqa: SLF001


@contextmanager
def answers_noted() -> Iterator[list[Any]]:
    """What functions answer that are invoked in the block."""
    answers: list[Any] = []
    token = _answers.set(answers)
    try:
        yield answers
    finally:
        _answers.reset(token)

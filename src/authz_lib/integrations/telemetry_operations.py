"""One observed operation: its span, its histogram, and what both say.  Needs the extra
``opentelemetry``.

Nothing that goes wrong here reaches who is observed.
"""

from __future__ import annotations

import logging
import re
from contextlib import AbstractContextManager, suppress
from time import perf_counter, time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from authz_lib._support.extras import load_extra
from authz_lib.errors import AccessDeniedError, AuthenticationError, AuthzError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span, Tracer

__all__ = ["ObservedOperation", "Told", "plain_word", "told_of_error"]

T = TypeVar("T")

_WHAT: Final = "`authz_lib.integrations.telemetry_operations`"
_trace: Any = load_extra("opentelemetry.trace", extra="opentelemetry", what=_WHAT)
_context: Any = load_extra("opentelemetry.context", extra="opentelemetry", what=_WHAT)
_log = logging.getLogger("authz_lib.integrations")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Told(NamedTuple):
    """What is recorded of one operation."""

    result: str
    reason: str
    attributes: Mapping[str, Any] = _NOTHING
    on_span: Mapping[str, Any] = _NOTHING

    @property
    def metric_attributes(self) -> dict[str, Any]:
        """Few values each."""
        named = {"authz.result": self.result, "authz.reason": self.reason, **self.attributes}
        return named | ({"error.type": self.reason} if self.result == "error" else {})


class ObservedOperation(NamedTuple):
    """One kind of work: its span and its histogram."""

    name: str
    kind: Any
    tracer: Tracer
    durations: Histogram

    def run(self, work: Callable[[], T], tell: Callable[[Any], Told]) -> T:
        """What ``work`` returns or raises.  ``tell`` says it, of an answer or of an error."""
        begun = _Begun(self)
        try:
            answer = work()
        except BaseException as error:
            begun.end(tell, error)
            raise
        begun.end(tell, answer)
        return answer

    async def arun(self, work: Coroutine[Any, Any, T], tell: Callable[[Any], Told]) -> T:
        """The same, awaited."""
        begun = _Begun(self)
        try:
            answer = await work
        except BaseException as error:
            begun.end(tell, error)
            raise
        begun.end(tell, answer)
        return answer

    def note(self, told: Told, *, seconds: float) -> None:
        """Record what has ended already."""
        with _harmless():
            now = time_ns()
            span = self.tracer.start_span(
                self.name, kind=self.kind, start_time=now - int(seconds * 1e9)
            )
            self.record(span, told, seconds=seconds, end_time=now)

    def record(self, span: Span, told: Told, *, seconds: float, end_time: int | None) -> None:
        """Say it on the span and in the histogram."""
        attributes = told.metric_attributes
        try:
            if span.is_recording():
                span.set_attributes({**attributes, **told.on_span})
                if told.result == "error":
                    span.set_status(_trace.StatusCode.ERROR)
        finally:
            span.end(end_time)
            self.durations.record(seconds, attributes)


class _Begun:
    """An operation that is under way; its span is the current one.  Nothing here raises."""

    __slots__ = ("_operation", "_span", "_started", "_token")

    def __init__(self, operation: ObservedOperation) -> None:
        self._operation = operation
        self._span: Span | None = None
        self._token: Any = None
        self._started = perf_counter()
        with _harmless():
            self._span = operation.tracer.start_span(operation.name, kind=operation.kind)
            self._token = _context.attach(_trace.set_span_in_context(self._span))

    def end(self, tell: Callable[[Any], Told], answer: object) -> None:
        seconds = perf_counter() - self._started
        with _harmless():
            if self._token is not None:
                _context.detach(self._token)
        told = Told("unknown", "other")
        with _harmless():
            told = tell(answer)
        with _harmless():
            if self._span is not None:
                self._operation.record(self._span, told, seconds=seconds, end_time=None)


class _harmless(AbstractContextManager[None]):  # noqa: N801  reads as a statement
    """What goes wrong inside is one line in a log, without the text of the error."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        with suppress(Exception):
            _log.warning("telemetry was not recorded (%s)", kind.__name__)
        return True


def plain_word(text: str) -> str:
    """A code or the name of a class; a class of your own may have any text for a code."""
    return text if _WORD.fullmatch(text) else "other"


def told_of_error(error: BaseException) -> Told:
    """The code of an error, or the name of its class; never its text.

    >>> told_of_error(KeyError("alice")).reason
    'KeyError'
    """
    code = plain_word(error.code if isinstance(error, AuthzError) else type(error).__name__)
    refused = isinstance(error, AuthenticationError | AccessDeniedError)
    return Told("refused" if refused else "error", code)

"""Spans and metrics of OpenTelemetry.  Needs the extra ``opentelemetry``.

`AuthorizationTelemetry` wraps what verifies, fetches keys and decides, and listens to deliveries.
What is not wrapped costs nothing: no other module of this library knows OpenTelemetry.
"""

from __future__ import annotations

import hmac
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from authz_lib._support.checks import require_function, require_method
from authz_lib._support.extras import load_extra
from authz_lib._support.version import __version__
from authz_lib.decisions.point import DecisionPoint
from authz_lib.decisions.request import Decision
from authz_lib.entities.wire import uid_text
from authz_lib.errors import AccessDeniedError, ConfigurationError
from authz_lib.integrations.telemetry_operations import (
    ObservedOperation,
    Told,
    plain_word,
    told_of_error,
)
from authz_lib.transport.fetch import HTTPFetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from authz_lib.decisions.known_request import KnownRequest
    from authz_lib.decisions.request import Question
    from authz_lib.decisions.schema_names import SchemaNames
    from authz_lib.delivery import DeliveryEvent
    from authz_lib.errors import AuthzError
    from authz_lib.tokens.trusted_issuer import VerifiedToken
    from authz_lib.tokens.verifier import JWTVerifier
    from authz_lib.transport.fetch import Fetcher

__all__ = ["AuthorizationTelemetry", "ObservedDecisions", "ObservedVerifier"]

_WHAT: Final = "`authz_lib.integrations.opentelemetry`"
_trace: Any = load_extra("opentelemetry.trace", extra="opentelemetry", what=_WHAT)
_metrics: Any = load_extra("opentelemetry.metrics", extra="opentelemetry", what=_WHAT)

_MIN_KEY_BYTES: Final = 16
# Seconds: what an embedded engine takes up to what a client waits for a store.
_BOUNDARIES: Final = (0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class AuthorizationTelemetry:
    """What is verified, fetched, decided and delivered, as spans and metrics.

    ====================  ==========================  ==========================================
    span                  histogram, in seconds       around
    ====================  ==========================  ==========================================
    ``authz.verify``      ``authz.verify.duration``   `JWTVerifier.verify` and ``averify``
    ``authz.fetch_keys``  ``authz.fetch.duration``    a fetch of keys
    ``authz.decide``      ``authz.decide.duration``   a decision, or a batch
    ``authz.deliver``     ``authz.deliver.duration``  `Delivery.send`
    ====================  ==========================  ==========================================

    And the counter ``authz.decisions``: each decision, also those of a batch.

    ==============================  =========  ===================================================
    attribute                       of         what it says
    ==============================  =========  ===================================================
    ``authz.result``                all        ``verified``, ``fetched``, ``allow``, ``deny``,
                                               ``decided`` (a batch), ``delivered``;
                                               ``refused``; ``error``
    ``authz.reason``                all        ``ok``, or the code of the error
    ``error.type``                  all        only with ``error``: the code, or the class
    ``authz.cache_hit``             decisions  whether it was remembered
    ``authz.action``                spans      the id of the action that was asked about
    ``authz.batch.size``            spans      how many questions a batch has
    ``enduser.pseudo.id``           spans      only with ``hmac_key``
    ``server.address``              fetches    the host that has the keys
    ``authz.delivery.path``         delivery   ``primary`` or ``fallback``
    ``authz.delivery.outcome``      delivery   see `Delivery`
    ``http.response.status_code``   spans      of a delivery
    ==============================  =========  ===================================================

    Nothing else is recorded: no token, claim, id, ``kid``, path or query, and of an error neither
    its text nor its traceback.  A refusal is no error: the status of its span is not set.

    What goes wrong with telemetry changes no answer.  It is one line of the logger
    ``authz_lib.integrations``.

    Args:
        hmac_key: for ``enduser.pseudo.id``: HMAC-SHA-256 of the principal's type and id, as
            ``principal`` of a `DecisionLog` with the same key.  At least 16 bytes.  ``None``: no
            such attribute.
        tracer_provider: where spans go.  ``None``: the global one.
        meter_provider: where metrics go.  ``None``: the global one.

    Raises:
        ConfigurationError: the key is too short.

    See https://opentelemetry.io/docs/specs/semconv/registry/attributes/enduser/

    >>> from authz_lib import CedarEngine, EntityUid
    >>> telemetry = AuthorizationTelemetry()
    >>> engine = CedarEngine.from_text("permit(principal, action, resource);")
    >>> policies = telemetry.decisions(engine.cached())
    >>> alice, document = EntityUid("User", "alice"), EntityUid("Doc", "1")
    >>> policies.require(alice, "View", document).allowed
    True
    """

    def __init__(
        self,
        *,
        hmac_key: bytes | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        given: object = hmac_key
        if given is not None and not (isinstance(given, bytes) and len(given) >= _MIN_KEY_BYTES):
            raise ConfigurationError(f"`hmac_key` must have at least {_MIN_KEY_BYTES} bytes")
        self._key = hmac_key
        tracer = _trace.get_tracer("authz_lib", __version__, tracer_provider)
        meter = _metrics.get_meter("authz_lib", __version__, meter_provider)
        kinds = _trace.SpanKind

        def operation(span: str, histogram: str, kind: Any) -> ObservedOperation:
            durations = meter.create_histogram(
                histogram, unit="s", explicit_bucket_boundaries_advisory=list(_BOUNDARIES)
            )
            return ObservedOperation(span, kind, tracer, durations)

        self._verify = operation("authz.verify", "authz.verify.duration", kinds.INTERNAL)
        self._fetch = operation("authz.fetch_keys", "authz.fetch.duration", kinds.CLIENT)
        self._decide = operation("authz.decide", "authz.decide.duration", kinds.INTERNAL)
        self._deliver = operation("authz.deliver", "authz.deliver.duration", kinds.CLIENT)
        self._decisions = meter.create_counter("authz.decisions", unit="{decision}")

    def verifier(self, verifier: JWTVerifier) -> ObservedVerifier:
        """The verifier, with a span for each token.

        Wrap last: `JWTVerifier.any_of` takes verifiers that are not wrapped.

        Raises:
            ConfigurationError: it is no verifier.
        """
        require_method(verifier, "verifier", "verify", such_as="`JWTVerifier`")
        return ObservedVerifier(verifier, self._verify)

    def decisions(self, decisions: DecisionPoint) -> ObservedDecisions:
        """The decision point, with a span for each question that is asked of it.

        Wrap last, so that what a memory answers is seen: ``telemetry.decisions(point.cached())``.

        Raises:
            ConfigurationError: it is no `DecisionPoint`.
        """
        checked: object = decisions
        if not isinstance(checked, DecisionPoint):
            raise ConfigurationError("`decisions` must be a `DecisionPoint`")
        return ObservedDecisions(decisions, self)

    def fetcher(self, fetcher: Fetcher | None = None) -> Fetcher:
        """The ``fetcher`` of a key set or of a preset of `JWTVerifier`, with a span for each fetch.

        Args:
            fetcher: what fetches.  ``None``: ``HTTPFetcher()``.  Times and hosts of a key set's
                own fetcher are arguments of that, and have no effect here.

        Raises:
            ConfigurationError: it is not callable.
        """
        require_function(fetcher, "fetcher", optional=True)
        fetch = HTTPFetcher() if fetcher is None else fetcher

        def observed(url: str, /) -> bytes:
            return self._fetch.run(lambda: fetch(url), partial(_fetched, url))

        return observed

    def delivery(self, event: DeliveryEvent) -> None:
        """The ``on_event`` of a `Delivery`: a span when a delivery has ended."""
        step = event.name.rpartition("_")[2]
        if step not in {"success", "failed"}:
            return
        code = None if step == "success" else plain_word(event.error_code or "")
        attributes: dict[str, Any] = {"authz.delivery.path": event.path}
        if event.outcome is not None:
            attributes["authz.delivery.outcome"] = event.outcome.value
        on_span = {} if event.status is None else {"http.response.status_code": event.status}
        told = Told("delivered" if code is None else "error", code or "ok", attributes, on_span)
        self._deliver.note(told, seconds=event.elapsed_seconds)

    def decide(self, question: Question, work: Callable[[], Decision]) -> Decision:
        """What ``work`` decides about a question."""
        return self._decide.run(work, partial(self._decided, question))

    async def adecide(self, question: Question, work: Coroutine[Any, Any, Decision]) -> Decision:
        """The same, awaited."""
        return await self._decide.arun(work, partial(self._decided, question))

    def decide_batch(
        self, work: Callable[[], list[Decision | AuthzError]], count: int
    ) -> list[Decision | AuthzError]:
        """What ``work`` decides about several questions."""
        return self._decide.run(work, partial(self._decided_batch, count))

    async def adecide_batch(
        self, work: Coroutine[Any, Any, list[Decision | AuthzError]], count: int
    ) -> list[Decision | AuthzError]:
        """The same, awaited."""
        return await self._decide.arun(work, partial(self._decided_batch, count))

    def _decided(self, question: Question, answer: Decision | BaseException) -> Told:
        told = _told_of(answer)
        self._decisions.add(1, told.metric_attributes)
        on_span: dict[str, Any] = {"authz.action": question.action.id}
        if self._key is not None and question.principal is not None:
            text = uid_text(question.principal).encode()
            on_span["enduser.pseudo.id"] = hmac.new(self._key, text, "sha256").hexdigest()
        return told._replace(on_span=on_span)

    def _decided_batch(
        self, count: int, answers: Sequence[Decision | AuthzError] | BaseException
    ) -> Told:
        size = {"authz.batch.size": count}
        if isinstance(answers, BaseException):
            return told_of_error(answers)._replace(on_span=size)
        for answer in answers:
            self._decisions.add(1, _told_of(answer).metric_attributes)
        return Told("decided", "ok", {}, size)


class ObservedVerifier:
    """A verifier whose verifications are spans; see `AuthorizationTelemetry.verifier`."""

    __slots__ = ("_operation", "_verifier")

    def __init__(self, verifier: JWTVerifier, operation: ObservedOperation) -> None:
        self._verifier = verifier
        self._operation = operation

    def __repr__(self) -> str:
        return f"<ObservedVerifier of {self._verifier!r}>"

    @property
    def issuers(self) -> frozenset[str] | None:
        """The inner one's."""
        return self._verifier.issuers

    def verify(self, token: str) -> VerifiedToken:
        """What the inner one answers or raises."""
        return self._operation.run(lambda: self._verifier.verify(token), _verified)

    async def averify(self, token: str) -> VerifiedToken:
        """The same, without blocking the event loop."""
        return await self._operation.arun(self._verifier.averify(token), _verified)

    def prefetch(self, *, strict: bool = False) -> None:
        """As the inner one fetches."""
        self._verifier.prefetch(strict=strict)


class ObservedDecisions(DecisionPoint):
    """A decision point whose decisions are spans; see `AuthorizationTelemetry.decisions`."""

    def __init__(self, inner: DecisionPoint, telemetry: AuthorizationTelemetry) -> None:
        self._inner = inner
        self._telemetry = telemetry
        self.vocabulary = inner.vocabulary
        self.log = inner.log
        self.on_evaluation_error = inner.on_evaluation_error

    def __repr__(self) -> str:
        return f"<ObservedDecisions of {self._inner!r}>"

    @property
    def identity(self) -> str:
        """The inner one's."""
        return self._inner.identity

    @property
    def waits(self) -> bool:
        """As the inner one waits."""
        return self._inner.waits

    @property
    def schema_names(self) -> SchemaNames | None:
        """The inner one's."""
        return self._inner.schema_names

    def known(self, question: Question) -> KnownRequest | None:
        """As the inner one knows it."""
        return self._inner.known(question)

    def check(self, question: Question) -> None:
        """As the inner decision point checks."""
        self._inner.check(question)

    def recall(self, question: Question) -> Decision | None:
        """The remembered decision, if there is one."""
        found = self._inner.recall(question)
        return None if found is None else self._telemetry.decide(question, lambda: found)

    def decide(self, question: Question) -> Decision:
        """What the inner one decides or raises, settled."""
        return self._telemetry.decide(question, lambda: self.settle(self._inner.decide(question)))

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """The same for several."""
        return self._telemetry.decide_batch(
            lambda: self._settled(self._inner.decide_batch(questions)), len(questions)
        )

    async def adecide(self, question: Question) -> Decision:
        """What the inner one decides or raises, without blocking the event loop."""

        async def decided() -> Decision:
            return self.settle(await self._inner.adecide(question))

        return await self._telemetry.adecide(question, decided())

    async def adecide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        """The same for several."""

        async def decided() -> list[Decision | AuthzError]:
            return self._settled(await self._inner.adecide_batch(questions))

        return await self._telemetry.adecide_batch(decided(), len(questions))

    def _settled(self, results: Sequence[Decision | AuthzError]) -> list[Decision | AuthzError]:
        return [self.settle(one) if isinstance(one, Decision) else one for one in results]


def _told_of(answer: Decision | BaseException) -> Told:
    if not isinstance(answer, Decision):
        return told_of_error(answer)
    hit = {"authz.cache_hit": answer.source == "cache"}
    return Told("allow", "ok", hit) if answer.allowed else Told("deny", AccessDeniedError.code, hit)


def _verified(answer: VerifiedToken | BaseException) -> Told:
    return told_of_error(answer) if isinstance(answer, BaseException) else Told("verified", "ok")


def _fetched(url: str, answer: bytes | BaseException) -> Told:
    """The host alone: the rest of a URL may be a token's ``kid``."""
    told = told_of_error(answer) if isinstance(answer, BaseException) else Told("fetched", "ok")
    return told._replace(attributes={"server.address": urlsplit(url).hostname or "unknown"})

"""What goes wrong with telemetry changes no answer."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from authz_lib.errors import AccessDeniedError, PolicyStoreThrottledError
from authz_lib.integrations.telemetry_operations import ObservedOperation, Told, told_of_error


class Broken:
    """A tracer, a span, a histogram: whatever is done with it fails."""

    def __getattr__(self, name):
        raise RuntimeError("alice")


class BrokenSpan(Broken):
    def is_recording(self):
        return True


class TracerOfBroken:
    def start_span(self, *args, **options):
        return BrokenSpan()


class FailingExporter(SpanExporter):
    def export(self, spans):
        raise RuntimeError("alice")


def exporting(exporter):
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    return tracers.get_tracer("test")


def tell(answer):
    return told_of_error(answer) if isinstance(answer, BaseException) else Told("allow", "ok")


def fail_to_tell(answer):
    raise RuntimeError("alice")


DURATIONS = MeterProvider().get_meter("test").create_histogram("h")
CASES = {
    "tracer": (ObservedOperation("authz.x", None, Broken(), DURATIONS), tell),
    "span": (ObservedOperation("authz.x", None, TracerOfBroken(), DURATIONS), tell),
    "exporter": (
        ObservedOperation(
            "authz.x", trace.SpanKind.INTERNAL, exporting(FailingExporter()), DURATIONS
        ),
        tell,
    ),
    "histogram": (
        ObservedOperation(
            "authz.x", trace.SpanKind.INTERNAL, exporting(InMemorySpanExporter()), Broken()
        ),
        tell,
    ),
    "tell": (
        ObservedOperation(
            "authz.x", trace.SpanKind.INTERNAL, exporting(InMemorySpanExporter()), DURATIONS
        ),
        fail_to_tell,
    ),
}


async def awaited(work):
    return work()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("error", [None, AccessDeniedError("no"), ValueError("x")])
def test_an_answer_and_an_error_come_through(case, error, caplog):
    operation, told = CASES[case]
    before = context.get_current()

    def work():
        if error is not None:
            raise error
        return "answer"

    for run in (
        lambda: operation.run(work, told),
        lambda: asyncio.run(operation.arun(awaited(work), told)),
    ):
        if error is None:
            assert run() == "answer"
        else:
            with pytest.raises(type(error)) as caught:
                run()
            assert caught.value is error
    assert context.get_current() == before
    ours = [one for one in caplog.records if one.name == "authz_lib.integrations"]
    assert ours or case == "exporter"  # the SDK catches that itself
    assert all("alice" not in one.getMessage() and one.exc_info is None for one in ours)


def test_what_has_ended_already(caplog):
    CASES["tracer"][0].note(Told("delivered", "ok"), seconds=0.1)
    assert "telemetry was not recorded (RuntimeError)" in caplog.text


def test_an_interruption_is_no_fault_of_telemetry():
    class Interrupted:
        def start_span(self, *args, **options):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ObservedOperation("authz.x", None, Interrupted(), DURATIONS).run(dict, tell)


def test_the_span_is_current_meanwhile_and_ends_with_a_failing_tell():
    exporter = InMemorySpanExporter()
    operation = ObservedOperation(
        "authz.x", trace.SpanKind.INTERNAL, exporting(exporter), DURATIONS
    )
    name = operation.run(lambda: trace.get_current_span().name, fail_to_tell)
    assert name == "authz.x"
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes) == {"authz.result": "unknown", "authz.reason": "other"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AccessDeniedError("no"), Told("refused", "access_denied")),
        (PolicyStoreThrottledError("no"), Told("error", "policy_store_throttled")),
        (KeyError("alice"), Told("error", "KeyError")),
        (asyncio.CancelledError(), Told("error", "CancelledError")),
        (type("a b", (Exception,), {})(), Told("error", "other")),
    ],
)
def test_the_reason_is_a_code_or_a_class(error, told):
    assert told_of_error(error) == told

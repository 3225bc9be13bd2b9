"""What is observed answers as before; spans and metrics say what was done, and of whom nothing."""

from __future__ import annotations

import asyncio
import hmac
import json
import subprocess
import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    EntityUid,
    JWTVerifier,
    RemoteKeySet,
)
from authz_lib.decisions import DecisionLog, DecisionPoint
from authz_lib.delivery import Delivery
from authz_lib.entities.wire import uid_text
from authz_lib.errors import (
    AccessDeniedError,
    AuthzError,
    BatchIncompleteError,
    ConfigurationError,
    DeliveryError,
    DependencyError,
    InvalidSignatureError,
    PolicyStoreUnavailableError,
)
from authz_lib.integrations.opentelemetry import AuthorizationTelemetry
from authz_lib.testing.issuer import TestIssuer

POLICY = 'permit(principal == User::"alice", action, resource);'
DOCUMENT = EntityUid("Doc", "1")
ALICE, BOB = EntityUid("User", "alice"), EntityUid("User", "bob")
KEY = b"0123456789abcdef"
ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")


class Observed:
    """Telemetry, and what came of it."""

    def __init__(self, **options):
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        meters = MeterProvider(metric_readers=[self._reader])
        self.telemetry = AuthorizationTelemetry(
            tracer_provider=tracers, meter_provider=meters, **options
        )

    @property
    def spans(self):
        return self._spans.get_finished_spans()

    @property
    def told(self):
        """Name, result and reason of each span, in the order in which they ended."""
        return [
            (one.name, one.attributes["authz.result"], one.attributes["authz.reason"])
            for one in self.spans
        ]

    def points(self, metric):
        """Each point of a metric: its attributes, and how often it was recorded."""
        document = self._reader.get_metrics_data()
        found = [
            (dict(point.attributes), getattr(point, "count", getattr(point, "value", None)))
            for resource in document.resource_metrics
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
            for point in one.data.data_points
        ]
        return sorted(found, key=str)


@pytest.fixture
def observed():
    return Observed()


def request(principal=ALICE):
    return AuthorizationRequest(principal, "View", DOCUMENT)


def engine(**options):
    return CedarEngine.from_text(POLICY, **options)


class Failing(DecisionPoint):
    """A point of which every answer is an error."""

    identity = "failing"

    def __init__(self, error):
        other = engine()
        self.error = error
        self.vocabulary, self.log = other.vocabulary, other.log
        self.on_evaluation_error = other.on_evaluation_error

    def decide(self, question):
        raise self.error

    def decide_batch(self, questions):
        return [self.error for _ in questions]


class TestDecisions:
    def test_allow_and_deny(self, observed):
        point = observed.telemetry.decisions(engine())
        assert point.is_authorized(request()).allowed
        assert not point.is_authorized(request(BOB)).allowed
        assert observed.told == [
            ("authz.decide", "allow", "ok"),
            ("authz.decide", "deny", "access_denied"),
        ]
        for span in observed.spans:
            assert span.kind is SpanKind.INTERNAL
            assert span.status.status_code is StatusCode.UNSET
            assert span.attributes["authz.action"] == "View"
            assert span.events == ()
        allow = {"authz.result": "allow", "authz.reason": "ok", "authz.cache_hit": False}
        deny = {"authz.result": "deny", "authz.reason": "access_denied", "authz.cache_hit": False}
        assert observed.points("authz.decisions") == [(allow, 1), (deny, 1)]
        assert observed.points("authz.decide.duration") == [(allow, 1), (deny, 1)]

    def test_a_hit_is_seen(self, observed):
        point = observed.telemetry.decisions(engine().cached())
        sources = [point.is_authorized(request()).source for _ in range(3)]
        assert sources == ["cedar", "cache", "cache"]
        assert [span.attributes["authz.cache_hit"] for span in observed.spans] == [
            False,
            True,
            True,
        ]

    def test_in_an_event_loop(self, observed):
        point = observed.telemetry.decisions(engine().cached())

        async def ask():
            first = await point.ais_authorized(request())
            second = await point.ais_authorized(request())
            batch = await point.abatch_is_authorized([request(), request(BOB)])
            return [first.source, second.source, *(one.allowed for one in batch)]

        assert asyncio.run(ask()) == ["cedar", "cache", True, False]
        assert [result for _, result, _ in observed.told] == ["allow", "allow", "decided"]

    def test_a_batch(self, observed):
        point = observed.telemetry.decisions(engine())
        answers = point.batch_is_authorized([request(), request(BOB), request(BOB)])
        assert [one.allowed for one in answers] == [True, False, False]
        (span,) = observed.spans
        assert span.attributes["authz.batch.size"] == 3
        assert [count for _, count in observed.points("authz.decisions")] == [1, 2]

    def test_an_overruled_allow_is_a_deny(self, observed):
        forbid = "permit(principal, action, resource);\nforbid(principal, action, resource) when "
        point = observed.telemetry.decisions(CedarEngine.from_text(forbid + "{ resource.secret };"))
        decision = point.is_authorized(request())
        assert (decision.allowed, decision.overruled) == (False, True)
        assert observed.told == [("authz.decide", "deny", "access_denied")]
        assert observed.points("authz.decisions")[0][0]["authz.result"] == "deny"

    def test_errors_are_raised_as_they_came(self, observed):
        error = PolicyStoreUnavailableError("alice asked in vain")
        point = observed.telemetry.decisions(Failing(error))
        with pytest.raises(PolicyStoreUnavailableError) as caught:
            point.is_authorized(request())
        assert caught.value is error
        with pytest.raises(BatchIncompleteError):
            point.batch_is_authorized([request()])
        with pytest.raises(PolicyStoreUnavailableError):
            asyncio.run(point.ais_authorized(request()))
        code = "policy_store_unavailable"
        assert observed.told == [
            ("authz.decide", "error", code),
            ("authz.decide", "decided", "ok"),
            ("authz.decide", "error", code),
        ]
        span = observed.spans[0]
        assert span.attributes["error.type"] == code
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        assert span.events == ()
        assert observed.points("authz.decisions")[0][1] == 3

    def test_a_batch_that_fails_as_a_whole(self, observed):
        class Down(Failing):
            def decide_batch(self, questions):
                raise self.error

        point = observed.telemetry.decisions(Down(PolicyStoreUnavailableError("down")))
        with pytest.raises(PolicyStoreUnavailableError):
            point.batch_is_authorized([request()])
        (span,) = observed.spans
        assert span.attributes["error.type"] == "policy_store_unavailable"
        assert span.attributes["authz.batch.size"] == 1

    @pytest.mark.parametrize("name", ["alice@example.com", "", "x" * 80])
    def test_a_class_may_have_any_code(self, observed, name):
        class OwnError(DependencyError):
            code = name

        point = observed.telemetry.decisions(Failing(OwnError("no")))
        with pytest.raises(OwnError):
            point.is_authorized(request())
        assert observed.spans[0].attributes["error.type"] == "other"

    def test_the_pseudonym_is_that_of_the_decision_log(self):
        observed, records = Observed(hmac_key=KEY), []
        log = DecisionLog(on_decision=records.append, hmac_key=KEY, logger=None)
        point = observed.telemetry.decisions(engine(decision_log=log))
        point.is_authorized(request())
        (span,) = observed.spans
        digest = hmac.new(KEY, uid_text(ALICE).encode(), "sha256").hexdigest()
        assert span.attributes["enduser.pseudo.id"] == records[0]["principal"] == digest
        assert "enduser.pseudo.id" not in str(observed.points("authz.decide.duration"))

    def test_no_pseudonym_without_a_key(self, observed):
        observed.telemetry.decisions(engine()).is_authorized(request())
        assert "enduser.pseudo.id" not in observed.spans[0].attributes

    def test_it_stands_for_the_inner_one(self, observed):
        schema = (
            "entity User; entity Doc; action View appliesTo { principal: User, resource: Doc };"
        )
        inner = engine(schema=schema)
        point = observed.telemetry.decisions(inner)
        assert point.identity == inner.identity
        assert point.waits == inner.waits
        assert point.schema_names == inner.schema_names
        question = point.resolve(request())
        assert point.known(question).shapes.keys() == {"User", "Doc"}
        assert point.cached().is_authorized(request()).allowed

    def test_each_decision_is_logged_once(self, observed):
        records = []
        log = DecisionLog(on_decision=records.append, logger=None)
        observed.telemetry.decisions(engine(decision_log=log).cached()).is_authorized(request())
        assert len(records) == 1


class TestTokens:
    def verifier(self, observed, keys=None):
        return observed.telemetry.verifier(
            JWTVerifier(
                issuer="https://issuer.example",
                audience=None,
                algorithms=["EdDSA"],
                keys=keys or ISSUER.key_set(),
            )
        )

    def test_a_good_one_and_a_bad_one(self, observed):
        verifier = self.verifier(observed)
        token = ISSUER.token({"sub": "alice"})
        assert verifier.verify(token).claims["sub"] == "alice"
        assert verifier.issuers == {"https://issuer.example"}
        head, payload, signature = token.split(".")
        with pytest.raises(InvalidSignatureError):
            verifier.verify(f"{head}.{payload}.{signature[:-4]}AAAA")
        assert observed.told == [
            ("authz.verify", "verified", "ok"),
            ("authz.verify", "refused", "invalid_signature"),
        ]
        assert [span.status.status_code for span in observed.spans] == [StatusCode.UNSET] * 2
        assert [count for _, count in observed.points("authz.verify.duration")] == [1, 1]

    def test_in_an_event_loop(self, observed):
        verifier = self.verifier(observed)
        token = asyncio.run(verifier.averify(ISSUER.token({"sub": "alice"})))
        assert token.claims["sub"] == "alice"
        with pytest.raises(AuthzError):
            asyncio.run(verifier.averify("a.b.c"))
        assert [result for _, result, _ in observed.told] == ["verified", "refused"]

    def test_a_fetch_is_a_part_of_the_verification(self, observed):
        keys = RemoteKeySet(
            "https://keys.example/a/path?key=value",
            fetcher=observed.telemetry.fetcher(lambda url: json.dumps(ISSUER.jwks()).encode()),
        )
        self.verifier(observed, keys).verify(ISSUER.token({"sub": "alice"}))
        fetch, verify = observed.spans
        assert observed.told[0] == ("authz.fetch_keys", "fetched", "ok")
        assert fetch.parent.span_id == verify.context.span_id
        assert fetch.kind is SpanKind.CLIENT
        assert fetch.attributes["server.address"] == "keys.example"
        assert "path" not in fetch.to_json()
        assert observed.points("authz.fetch.duration")[0][1] == 1

    def test_a_fetch_that_fails(self, observed):
        def fail(url):
            raise OSError("alice is not at home")

        keys = RemoteKeySet("https://keys.example/", fetcher=observed.telemetry.fetcher(fail))
        verifier = self.verifier(observed, keys)
        with pytest.raises(DependencyError):
            verifier.verify(ISSUER.token({"sub": "alice"}))
        assert observed.told == [
            ("authz.fetch_keys", "error", "OSError"),
            ("authz.verify", "error", "key_set_unavailable"),
        ]
        assert [span.status.status_code for span in observed.spans] == [StatusCode.ERROR] * 2
        assert "alice" not in "".join(span.to_json() for span in observed.spans)

    def test_prefetch(self, observed):
        keys = RemoteKeySet(
            "https://keys.example/",
            fetcher=observed.telemetry.fetcher(lambda url: json.dumps(ISSUER.jwks()).encode()),
        )
        self.verifier(observed, keys).prefetch(strict=True)
        assert observed.told == [("authz.fetch_keys", "fetched", "ok")]

    def test_the_fetcher_of_the_library(self, observed, key_server):
        url = key_server({"/keys": ISSUER.jwks()})
        keys = RemoteKeySet(f"{url}/keys", fetcher=observed.telemetry.fetcher())
        self.verifier(observed, keys).verify(ISSUER.token({"sub": "alice"}))
        assert observed.spans[0].attributes["server.address"] == "127.0.0.1"


class Way:
    def __init__(self, error=None):
        self.error = error

    def deliver(self, parcel, *, timeout_seconds):
        if self.error:
            raise self.error
        return 202, b"{}"


class TestDeliveries:
    def test_one_that_arrives(self, observed):
        delivery = Delivery(primary=Way(), on_event=observed.telemetry.delivery)
        assert delivery.send({"to": "alice"}, idempotency_key="job-17").status == 202
        assert observed.told == [("authz.deliver", "delivered", "ok")]
        (span,) = observed.spans
        assert span.attributes["authz.delivery.path"] == "primary"
        assert span.attributes["authz.delivery.outcome"] == "delivered"
        assert span.attributes["http.response.status_code"] == 202
        assert span.start_time <= span.end_time

    def test_one_that_takes_the_other_way(self, observed):
        down = Way(DeliveryError("no connection", outcome="not_sent"))
        delivery = Delivery(primary=down, fallback=Way(), on_event=observed.telemetry.delivery)
        delivery.send({}, idempotency_key="job-17")
        (span,) = observed.spans
        assert span.attributes["authz.delivery.path"] == "fallback"

    @pytest.mark.parametrize(
        ("error", "reason", "outcome"),
        [
            (DeliveryError("alice", outcome="ambiguous"), "delivery", "ambiguous"),
            (ZeroDivisionError("alice"), "ZeroDivisionError", "ambiguous"),
        ],
    )
    def test_one_that_fails(self, observed, error, reason, outcome):
        delivery = Delivery(primary=Way(error), on_event=observed.telemetry.delivery)
        with pytest.raises(type(error)):
            delivery.send({}, idempotency_key="job-17")
        assert observed.told == [("authz.deliver", "error", reason)]
        (span,) = observed.spans
        assert span.attributes["authz.delivery.outcome"] == outcome
        assert "job-17" not in span.to_json()
        assert "alice" not in span.to_json()
        (point,) = observed.points("authz.deliver.duration")
        assert point[0]["error.type"] == reason


class TestConstruction:
    @pytest.mark.parametrize("key", [b"short", "0123456789abcdef", 16])
    def test_a_key_that_is_none(self, key):
        with pytest.raises(ConfigurationError, match="`hmac_key` must have at least 16 bytes"):
            AuthorizationTelemetry(hmac_key=key)

    def test_what_is_wrapped(self, observed):
        with pytest.raises(ConfigurationError, match="`verifier` must have a method"):
            observed.telemetry.verifier(None)
        with pytest.raises(ConfigurationError, match="`decisions` must be a `DecisionPoint`"):
            observed.telemetry.decisions(None)
        with pytest.raises(ConfigurationError, match="`fetcher` must be"):
            observed.telemetry.fetcher("https://keys.example/")

    def test_without_an_sdk_it_answers(self):
        point = AuthorizationTelemetry(hmac_key=KEY).decisions(engine())
        assert point.is_authorized(request()).allowed
        with pytest.raises(AccessDeniedError):
            point.require(BOB, "View", DOCUMENT)

    def test_a_repr_names_what_is_inside(self, observed):
        assert "CachedDecisions" in repr(observed.telemetry.decisions(engine().cached()))
        verifier = TestTokens().verifier(observed)
        assert repr(verifier).startswith("<ObservedVerifier of <JWTVerifier")


def test_nothing_imports_opentelemetry_by_itself():
    """But FastAPI, which does."""
    script = (
        "import sys, pkgutil, importlib, authz_lib\n"
        "for module in pkgutil.walk_packages(authz_lib.__path__, 'authz_lib.'):\n"
        "    if not any(word in module.name for word in ('telemetry', 'fastapi', '__main__')):\n"
        "        importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.strip() == "[]"

"""Nothing that a request says of its caller is in a span, a metric or a line of a log.

2,000 requests by default; ``uv run nox -s fuzz`` makes 10,000 new ones each time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import uuid
from contextlib import suppress
from random import Random
from urllib.parse import quote

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    Cookie,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    Principal,
    RemoteKeySet,
    principal_from_event,
    service_handler,
)
from authz_lib.delivery import Delivery
from authz_lib.errors import AuthzError, DeliveryError
from authz_lib.gateway.context import to_context
from authz_lib.integrations.opentelemetry import AuthorizationTelemetry
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.attributes import Attributes

REQUESTS = int(os.environ.get("AUTHZ_FUZZED_REQUESTS", "2000"))
IS_STEADY = os.environ.get("HYPOTHESIS_PROFILE", "steady") == "steady"
SEED = 8 if IS_STEADY else int.from_bytes(os.urandom(4))
ISSUER = "https://issuer.example"
BALANCER = (
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
)
POLICIES = """
    permit(principal in Group::"buyers", action == Action::"ListOrders", resource);
    permit(principal in Group::"buyers", action == Action::"GetOrder", resource is Order)
    when { context.day > 3 };
    forbid(principal, action, resource) when { principal has level && principal.level == "x" };
"""
ACTIONS = ActionMap.from_document(
    {
        "version": 1,
        "actions": [
            {"method": "GET", "route": "/orders", "action": "ListOrders"},
            {
                "method": "GET",
                "route": "/orders/{id}",
                "action": "GetOrder",
                "resource_type": "Order",
                "resource_id_label": "id",
            },
        ],
    }
)
CLAIMS = {"level": "level", "email": "email"}
ATTRIBUTES = Attributes(CLAIMS)
WORDS = re.compile(r"[A-Za-z0-9_-]{10,}")


class Secrets:
    """Every text that must not be told; each word is its own, so that a part is found too."""

    def __init__(self, random):
        self._random = random
        self.words = set()

    def word(self):
        word = f"s3cr{self._random.getrandbits(64):016x}"
        self.words.add(word)
        return word

    def keep(self, text):
        self.words.update(WORDS.findall(text))
        return text

    def kid(self):
        return self.keep(str(uuid.UUID(int=self._random.getrandbits(128))))

    def in_(self, text):
        return sorted(set(WORDS.findall(text)) & self.words)


class Lines(logging.Handler):
    """Each line as a text formatter and as one that writes all fields would write it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{self.format(record)} {vars(record)}")


class Site:
    """An authorizer, a service, a load balancer's verifier and a delivery, all observed."""

    def __init__(self, random, secrets):
        self.random, self.secrets = random, secrets
        self.told, self.fetches = [], 0  # what errors say of themselves
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.telemetry = AuthorizationTelemetry(
            hmac_key=secrets.word().encode(),
            tracer_provider=tracers,
            meter_provider=MeterProvider(metric_readers=[self.reader]),
        )
        self.issuer = TestIssuer(ISSUER, algorithm="EdDSA")
        self.stranger = TestIssuer(ISSUER, algorithm="EdDSA")
        self.balancer = TestIssuer(ISSUER, algorithm="ES256")
        self.verifier = self.telemetry.verifier(
            JWTVerifier(
                issuer=ISSUER,
                audience=None,
                algorithms=["EdDSA"],
                keys=RemoteKeySet(
                    "https://issuer.example/keys",
                    miss_cooldown_seconds=1,
                    fetcher=self.telemetry.fetcher(self.fetch),
                ),
                any_group=["buyers", "guests"],
                revoked=self.revoked,
            )
        )
        self.policies = self.telemetry.decisions(CedarEngine.from_text(POLICIES).cached())
        self.authorizer = LambdaAuthorizer(
            verifier=self.verifier,
            token_sources=[BearerToken(), Header("x-token"), Cookie("session")],
            actions=ACTIONS,
            decisions=self.policies,
            response="simple",
            gateway_cache=GatewayCache.OFF,
            application=EntityUid("Application", "orders"),
            tenant_claim="org",
            attributes=CLAIMS,
        )
        self.load_balancer = self.telemetry.verifier(
            JWTVerifier.alb(
                load_balancer_arn=BALANCER,
                client_id=None,
                issuer=None,
                fetcher=self.telemetry.fetcher(self.fetch),
            )
        )
        self.delivery = Delivery(primary=self, fallback=self, on_event=self.telemetry.delivery)
        none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
        gateway = ExpectedGateway(kind="http-lambda", attributes=CLAIMS, **none)

        @service_handler
        def service(event, context):
            caller = principal_from_event(event, gateway=gateway)
            order = EntityUid("Order", event["pathParameters"]["id"])
            self.policies.require(caller, "GetOrder", order, context={"day": context})
            return {"statusCode": 200}

        self.service = service

    def revoked(self, token):
        chance = self.random.random()
        if chance < 0.03:
            raise RuntimeError(f"no table for {token.claims['sub']}")
        return chance < 0.06

    def fetch(self, url):
        self.secrets.keep(url.rpartition("/")[2])
        self.fetches += 1  # there are few: the first is good, the second fails
        chance = {1: 1, 2: 0}.get(self.fetches, self.random.random())
        if chance < 0.2:
            raise OSError(self.secrets.word())
        if chance < 0.3:
            return self.secrets.word().encode()
        if "elb" in url:
            return self.balancer.pem(self.balancer.key_id)
        return json.dumps(self.issuer.jwks()).encode()

    def deliver(self, parcel, *, timeout_seconds):
        chance = self.random.random()
        if chance < 0.3:
            raise DeliveryError(self.secrets.word(), outcome="not_sent")
        if chance < 0.5:
            raise RuntimeError(self.secrets.word())
        return self.random.choice([202, 302, 403, 429, 500]), b"{}"

    # --- what a request may be ---

    def claims(self):
        pick, word = self.random.choice, self.secrets.word
        return {
            "sub": pick([word, word, word, word, word, word, lambda: "", lambda: 5])(),
            "org": pick([word(), word(), word(), None, [word()]]),
            "cognito:groups": pick([["buyers"]] * 4 + [["guests", word()], [word()], word()]),
            "scope": f"orders.read {word()}",
            "email": f"{word()}@example.com",
            "level": pick([word(), word(), word(), "x", 7]),
            "client_id": word(),
            "jti": word(),
            "nonce": {word(): [word()]},
            **pick([{}] * 8 + [{"iss": word()}, {"exp": 5}, {"exp": word()}, {"nbf": 10**11}]),
        }

    def token(self):
        issuer = self.random.choice([self.issuer] * 6 + [self.stranger])
        headers = self.random.choice(
            [{}] * 8 + [{"kid": self.secrets.kid()}, {"alg": self.secrets.word()}]
        )
        return self.secrets.keep(issuer.token(self.claims(), headers=headers))

    def spoilt(self, text):
        at = self.random.randrange(len(text) + 1)
        scrap = self.random.choice([self.secrets.word(), ".", " ", ",", "=", "\n", "é", "%00"])
        return text[:at] + scrap + text[at + self.random.choice([0, 1, 20]) :]

    def sent(self):
        """Headers, path and query of a request; a tenth of the texts is spoilt."""
        token = self.token()
        if self.random.random() < 0.1:
            token = self.secrets.keep(self.spoilt(token))
        place = self.random.choice(["authorization"] * 6 + ["x-token", "cookie", "none", "both"])
        headers = {"user-agent": self.secrets.word(), "x-forwarded-for": self.secrets.word()}
        if place in {"authorization", "both"}:
            headers["authorization"] = self.random.choice(["Bearer ", "bearer ", "Basic "]) + token
        if place in {"x-token", "both"}:
            headers["x-token"] = self.token() if place == "both" else token
        if place == "cookie":
            headers["cookie"] = f"{self.secrets.word()}={self.secrets.word()}; session={token}"
        return headers, [("q", self.secrets.word()), (self.secrets.word(), "1")]

    def ask_authorizer(self):
        headers, query = self.sent()
        order = self.secrets.word()
        route, path, labels = self.random.choice(
            [
                ("GET /orders", "/orders", {}),
                ("GET /orders/{id}", f"/orders/{order}", {"id": order}),
                ("GET /orders/{id}", f"/orders/{quote(self.spoilt(order))}", {"id": order}),
                ("$default", f"/{self.secrets.word()}", {}),
            ]
        )
        event = events.http_authorizer_event(
            route=route, path=path, headers=headers, query=query, path_parameters=labels
        )
        try:
            self.authorizer(event, None)
        except AuthzError as error:
            self.told.append(f"{error!r} {error}")
        except Exception as error:  # noqa: BLE001  `Unauthorized`
            self.told.append(repr(error))

    def ask_service(self):
        pick, word = self.random.choice, self.secrets.word
        caller = Principal(
            word(),
            ISSUER,
            word(),
            (word(), "buyers"),
            frozenset({word()}),
            word(),
            {},
            pick([4e9, 4e9, 4e9, 5.0]),
            {"level": pick([word(), "x"]), "email": word()},
        )
        context = to_context(caller, ATTRIBUTES)
        if self.random.random() < 0.3:
            context[pick(sorted(context))] = pick([word(), "", None, [word()]])
        event = events.http_event(
            route="GET /orders/{id}",
            path_parameters={"id": pick([word(), word(), "x" * 300 + word()])},
            headers={"cookie": word()},
            body=word(),
            authorizer={"lambda": context},
        )
        self.service(event, pick([5, 1, word()]))

    def ask_load_balancer(self):
        token = self.balancer.alb_token(
            load_balancer_arn=self.random.choice([BALANCER, BALANCER, self.secrets.word()]),
            client_id=self.secrets.word(),
            claims=self.claims(),
            headers={"kid": self.random.choice([self.secrets.kid(), self.secrets.word()])},
        )
        verify = self.random.choice(
            [self.load_balancer.verify, lambda text: asyncio.run(self.load_balancer.averify(text))]
        )
        try:
            verify(self.secrets.keep(token))
        except AuthzError as error:
            self.told.append(f"{error!r} {error}")

    def send(self):
        word = self.secrets.word
        with suppress(DeliveryError, AuthzError, RuntimeError):
            self.delivery.send(
                {word(): word()},
                idempotency_key=word(),
                idempotent=self.random.random() < 0.5,
                rollout_key=word(),
            )


@pytest.fixture
def lines():
    handler, ours = Lines(), logging.getLogger("authz_lib")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield handler.lines
    ours.removeHandler(handler)
    ours.setLevel(level)


@pytest.mark.parametrize("seed", [SEED])  # its name says it where it fails
def test_what_requests_say_is_told_nowhere(lines, seed):
    random = Random(seed)
    secrets = Secrets(random)
    site = Site(random, secrets)
    ways = [site.ask_authorizer] * 14 + [site.ask_service] * 4
    ways += [site.ask_load_balancer, site.send]
    for _ in range(REQUESTS):
        random.choice(ways)()

    spans = site.spans.get_finished_spans()
    metrics = site.reader.get_metrics_data().to_json()
    assert secrets.in_("\n".join(span.to_json(indent=None) for span in spans)) == []
    assert secrets.in_(metrics) == []
    assert secrets.in_("\n".join(lines)) == []
    assert secrets.in_("\n".join(site.told)) == []
    everything = "\n".join([*lines, *site.told, metrics, *(str(one.attributes) for one in spans)])
    assert "s3cr" not in everything
    assert "eyJ" not in everything

    # Each way was taken, and each came to each of its ends.
    ends = {(one.name, one.attributes["authz.result"]) for one in spans}
    assert ends >= {
        ("authz.verify", "verified"),
        ("authz.verify", "refused"),
        ("authz.verify", "error"),
        ("authz.fetch_keys", "fetched"),
        ("authz.fetch_keys", "error"),
        ("authz.decide", "allow"),
        ("authz.decide", "deny"),
        ("authz.deliver", "delivered"),
        ("authz.deliver", "error"),
    }
    assert len({one.attributes["authz.reason"] for one in spans}) >= 12
    assert any("enduser.pseudo.id" in one.attributes for one in spans)
    assert all(one.events == () for one in spans)
    points = metrics.count('"start_time_unix_nano"')
    assert points <= 100, "more rows than codes: a metric has an attribute of a request"


def test_a_secret_would_be_seen():
    secrets = Secrets(Random(1))
    word, token = secrets.word(), secrets.keep("eyJhbGciOiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl")
    assert secrets.in_(f'{{"user": "{word}"}}') == [word]
    assert secrets.in_(f"token={token};") == sorted(token.split("."))
    assert secrets.in_("issuer.example key_set_unavailable") == []

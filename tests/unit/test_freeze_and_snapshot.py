"""A Lambda that was frozen, or is one of many copies of a snapshot."""

from __future__ import annotations

import ast
import datetime as dt
import json
import random
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.credentials import RefreshableCredentials

import authz_lib
from authz_lib import (
    ActionMap,
    AuthorizationRequest,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    RemoteKeySet,
    SigV4Client,
    SigV4Signer,
    VerifiedPermissions,
    errors,
)
from authz_lib.decisions import DecisionLog
from authz_lib.decisions.avp_client import AVPResponse, ThinClient
from authz_lib.sigv4.credentials import DefaultCredentials
from authz_lib.testing.issuer import TestIssuer
from authz_lib.transport.pool import ConnectionPool
from authz_lib.transport.url import parse_url

FREEZE_SECONDS = 20
ALL = "permit(principal, action, resource);"
REQUEST = AuthorizationRequest(EntityUid("User", "a"), "View", EntityUid("Doc", "1"))
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"


class Provider:
    """An issuer, and how its key set is fetched; the process may be frozen meanwhile."""

    def __init__(self, clock):
        self.issuer = TestIssuer("https://issuer.example", algorithm="ES256", clock=clock)
        self.clock = clock
        self.fetches = 0
        self.frozen_seconds = 0.0
        self.is_down = False

    def __call__(self, url):
        self.fetches += 1
        if self.is_down:
            raise OSError("down")
        document = json.dumps(self.issuer.jwks()).encode()
        self.clock.advance(self.frozen_seconds)
        return document if url.endswith(".json") else self.issuer.pem(url.rpartition("/")[2])

    def verifier(self, **options):
        keys = RemoteKeySet("https://issuer.example/k.json", fetcher=self, clock=self.clock)
        return JWTVerifier(
            issuer=self.issuer.issuer,
            audience=None,
            algorithms=["ES256"],
            keys=keys,
            clock=self.clock,
            **options,
        )

    def alb(self):
        return JWTVerifier.alb(
            load_balancer_arn=ARN,
            client_id="web",
            issuer=self.issuer.issuer,
            fetcher=self,
            clock=self.clock,
        )


@pytest.fixture
def provider(clock):
    return Provider(clock)


class Store(ThinClient):
    """A store that permits everything; frozen while it is asked."""

    def __init__(self, clock):
        self.endpoint, self.clock = "https://store.example", clock
        self.asked, self.frozen_seconds = 0, 0.0

    def call(self, *_question):
        self.asked += 1
        self.clock.advance(self.frozen_seconds)
        return AVPResponse({"decision": "ALLOW", "determiningPolicies": [], "errors": []}, None)


class TestFrozen:
    def test_a_set_that_ended_is_fetched_once_in_the_next_request(self, provider, clock):
        verifier, token = provider.verifier(), provider.issuer.token(expires_in_seconds=9000)
        verifier.verify(token)
        clock.advance(3600 + FREEZE_SECONDS)
        assert [verifier.verify(token) for _ in range(2)]
        assert provider.fetches == 2

    def test_a_set_that_ended_while_the_issuer_is_down_is_a_503(self, provider, clock):
        verifier, token = provider.verifier(), provider.issuer.token(expires_in_seconds=9000)
        verifier.verify(token)
        provider.is_down = True
        clock.advance(3600 + FREEZE_SECONDS)
        with pytest.raises(errors.KeySetUnavailableError):
            verifier.verify(token)

    def test_a_key_that_was_withdrawn_meanwhile_is_refused(self, provider, clock):
        verifier, token = provider.verifier(), provider.issuer.token(expires_in_seconds=9000)
        verifier.verify(token)
        provider.issuer.rotate()
        clock.advance(300)
        with pytest.raises(errors.UnknownKeyError):
            verifier.verify(token)

    def test_in_the_middle_of_a_fetch_the_set_counts_from_its_start(self, provider, clock):
        verifier, token = provider.verifier(), provider.issuer.token(expires_in_seconds=9000)
        provider.frozen_seconds = FREEZE_SECONDS
        verifier.verify(token)
        provider.frozen_seconds = 0
        clock.advance(269 - FREEZE_SECONDS)
        verifier.verify(token)
        assert provider.fetches == 1
        clock.advance(1)
        verifier.verify(token)
        assert provider.fetches == 2

    def test_a_remembered_token_that_expired_meanwhile_is_refused(self, provider, clock):
        verifier, token = provider.verifier(), provider.issuer.token(expires_in_seconds=15)
        verifier.verify(token)
        clock.advance(FREEZE_SECONDS)
        with pytest.raises(errors.TokenExpiredError):
            verifier.verify(token)

    def test_a_remembered_decision_that_ended_is_asked_again(self, clock):
        store = Store(clock)
        point = VerifiedPermissions("PS1", client=store).cached(ttl_seconds=10, clock=clock)
        assert point.is_authorized(REQUEST)
        clock.advance(FREEZE_SECONDS)
        assert point.is_authorized(REQUEST).source == "verified_permissions"
        assert store.asked == 2

    def test_in_the_middle_of_a_decision_its_time_counts_from_the_question(self, clock):
        store = Store(clock)
        store.frozen_seconds = FREEZE_SECONDS
        point = VerifiedPermissions("PS1", client=store).cached(ttl_seconds=10, clock=clock)
        assert [point.is_authorized(REQUEST).source for _ in range(2)] == [
            "verified_permissions"
        ] * 2

    def test_a_connection_that_was_idle_for_20_seconds_is_not_used(self, serve, clock):
        assert self._connections(serve(), clock, FREEZE_SECONDS - 1) == 1
        assert self._connections(serve(), clock, FREEZE_SECONDS) == 2

    @staticmethod
    def _connections(server, clock, seconds):
        """How many connections two requests take, with that time between them."""
        pool = ConnectionPool(
            parse_url(server.url, argument="url"), connect_seconds=5, max_bytes=100, clock=clock
        )
        request = SimpleNamespace(method="GET", headers={"host": "x"}, body=None)
        for pause in (seconds, 0):
            assert pool.exchange(request, "/", deadline=time.monotonic() + 5).status == 200
            clock.advance(pause)
        pool.close()
        return server.connections

    def test_credentials_that_the_environment_exchanged_are_used(self):
        environ = {"AWS_ACCESS_KEY_ID": "A1", "AWS_SECRET_ACCESS_KEY": "S1"}
        signer = SigV4Signer(
            service="execute-api", region="eu-west-1", credentials=DefaultCredentials(environ)
        )
        assert "=A1/" in signer.sign("GET", "https://x.example/").headers["authorization"]
        environ.update(AWS_ACCESS_KEY_ID="A2", AWS_SECRET_ACCESS_KEY="S2")
        assert "=A2/" in signer.sign("GET", "https://x.example/").headers["authorization"]

    def test_credentials_that_expired_meanwhile_are_refreshed(self):
        def found(key, hours):
            expires = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
            return {
                "access_key": key,
                "secret_key": "S",
                "token": "T",
                "expiry_time": expires.isoformat(),
            }

        source = RefreshableCredentials.create_from_metadata(
            found("A1", -1), lambda: found("A2", 1), "test"
        )
        signer = SigV4Signer(service="execute-api", region="eu-west-1", credentials=source)
        assert "=A2/" in signer.sign("GET", "https://x.example/").headers["authorization"]

    def test_a_request_is_dated_when_it_is_signed(self, clock):
        signer = SigV4Signer(
            service="execute-api",
            region="eu-west-1",
            credentials=DefaultCredentials(
                {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"}
            ),
            clock=clock,
        )
        dates = []
        for _ in range(2):
            dates.append(signer.sign("GET", "https://x.example/").headers["x-amz-date"])
            clock.advance(FREEZE_SECONDS)
        assert [date[-3:-1] for date in dates] == ["00", "20"]


class TestTheClockRanBackwards:
    def test_the_keys_of_a_load_balancer_are_fetched_again(self, provider, clock):
        verifier = provider.alb()
        signed = provider.issuer.alb_token(
            load_balancer_arn=ARN, client_id="web", expires_in_seconds=9000
        )
        for _ in range(2):
            verifier.verify(signed)
        assert provider.fetches == 1
        clock.advance(-3600)
        verifier.verify(signed)
        assert provider.fetches == 2

    def test_a_failed_fetch_holds_nobody_up(self, provider, clock):
        verifier = provider.verifier()
        provider.is_down = True
        with pytest.raises(errors.KeySetUnavailableError):
            verifier.verify(provider.issuer.token())
        provider.is_down = False
        clock.advance(-3600)
        assert verifier.verify(provider.issuer.token())

    def test_a_cool_down_holds_nobody_up(self, provider, clock):
        verifier = provider.verifier()
        for step in (0, -3600):
            clock.advance(step)
            stranger = TestIssuer(provider.issuer.issuer, algorithm="ES256", clock=clock)
            with pytest.raises(errors.UnknownKeyError):
                verifier.verify(stranger.token())
        assert provider.fetches == 2

    def test_a_decision_is_asked_again_and_older_ones_do_not_come_back(self, clock):
        store = Store(clock)
        point = VerifiedPermissions("PS1", client=store).cached(ttl_seconds=60, clock=clock)
        point.is_authorized(REQUEST)
        clock.advance(-3600)
        point.is_authorized(REQUEST)
        clock.advance(3600)
        assert point.is_authorized(REQUEST).source == "verified_permissions"
        assert store.asked == 3

    def test_a_kept_connection_is_not_used(self, serve, clock):
        assert TestFrozen._connections(serve(), clock, -3600) == 2


class TestSnapshot:
    def test_what_is_built_opens_no_connection_and_leaves_no_thread(self, monkeypatch, provider):
        def refuse(*_arguments, **_options):
            raise AssertionError("something was opened while building")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        monkeypatch.setattr("botocore.session.Session.get_credentials", refuse)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        before = set(threading.enumerate())
        built = LambdaAuthorizer(
            verifier=JWTVerifier.cognito(
                user_pool_id="us-east-1_Abc123def", client_id="web", token_use="access"
            ),
            token_sources=[BearerToken()],
            actions=ActionMap.from_document(
                {
                    "version": 1,
                    "actions": [{"method": "GET", "route": "/orders", "action": "ListOrders"}],
                }
            ),
            decisions=VerifiedPermissions("PS1", region="eu-west-1").cached(),
            application=EntityUid("Application", "shop"),
            response="simple",
            gateway_cache=GatewayCache.OFF,
            tenant_claim=None,
            groups_claim=None,
        )
        assert built
        assert provider.alb()
        assert CedarEngine.from_text(ALL).cached()
        assert SigV4Client("https://x.example", region="eu-west-1")
        assert provider.fetches == 0
        assert set(threading.enumerate()) <= before

    def test_a_set_that_was_fetched_before_it_is_used_for_its_time_only(self, provider, clock):
        verifier = provider.verifier()
        verifier.prefetch()
        token = provider.issuer.token(expires_in_seconds=90_000)
        clock.advance(60)
        verifier.verify(token)
        assert provider.fetches == 1
        clock.advance(86_400)  # restored a day later
        verifier.verify(token)
        assert provider.fetches == 2

    def test_copies_give_different_ids(self):
        """A copy has the state of `random`; what must be unique does not use it."""
        records = []
        log = DecisionLog(on_decision=records.append, log_ids=False)
        point = CedarEngine.from_text(ALL, decision_log=log)
        for _ in range(2):
            random.seed(1)
            point.is_authorized(REQUEST)
        assert len({record["decision_id"] for record in records}) == 2

    def test_only_jitter_uses_the_state_of_random(self):
        root = Path(authz_lib.__file__).parent
        found = {
            path.relative_to(root).as_posix()
            for path in root.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import) and "random" in {name.name for name in node.names}
        }
        assert found == {"decisions/avp_client.py"}  # the pause before a second attempt

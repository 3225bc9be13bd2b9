"""The one line of a refusal: who writes it, what it holds, and what nobody can put into it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    RemoteKeySet,
    principal_from_event,
    service_handler,
)
from authz_lib.decisions import DecisionLog
from authz_lib.errors import AccessDeniedError, DependencyError, InvalidClaimError
from authz_lib.gateway.refusals import EventNames, Refusal, log_refusal
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = "https://issuer.example"
LOGGER = "authz_lib.refusals"
LINES = [
    {"method": "GET", "route": "/orders", "action": "List"},
    {"method": "GET", "route": "/scoped", "action": "Scoped", "scopes": ["orders/read"]},
    {"method": "GET", "route": "/forbidden", "action": "Forbidden"},
]
POLICIES = """
@id("open") permit(principal, action == Action::"List", resource);
@id("shut") forbid(principal, action == Action::"Forbidden", resource);
"""


@pytest.fixture(scope="module")
def issuer():
    return TestIssuer(ISSUER, algorithm="EdDSA")


def verifier(issuer, **options):
    return JWTVerifier(
        **{
            "issuer": ISSUER,
            "audience": None,
            "algorithms": ["EdDSA"],
            "keys": issuer.key_set(),
            **options,
        }
    )


def authorizer(issuer, *, response="simple", cache=GatewayCache.OFF, log=None, **options):
    return LambdaAuthorizer(
        verifier=verifier(issuer, **options),
        token_sources=[BearerToken()],
        actions=ActionMap.from_document({"version": 1, "actions": LINES}),
        decisions=CedarEngine.from_text(POLICIES, decision_log=log),
        application=EntityUid("Application", "shop"),
        response=response,
        gateway_cache=cache,
    )


@pytest.fixture
def told(caplog):
    """The lines at the level that a Lambda shows, as text and as record."""

    def told():
        return [record for record in caplog.records if record.name == LOGGER]

    return told


def fields_of(record):
    return json.loads(record.getMessage()[record.getMessage().index(" {") :])


class TestAuthorizer:
    @pytest.mark.parametrize(
        ("route", "code", "text", "configured"),
        [
            ("GET /others", "unknown_route", "the action map has no line for the route", None),
            (
                "GET /scoped",
                "insufficient_scope",
                "the token lacks a scope of the route",
                {"action": "Scoped", "scopes": ["orders/read"]},
            ),
            (
                "GET /forbidden",
                "access_denied",
                "a policy forbids it",
                {"action": "Forbidden", "policies": ["shut"]},
            ),
        ],
    )
    def test_a_known_caller_who_may_not(self, issuer, told, route, code, text, configured):
        event = events.http_authorizer_event(issuer.token({"sub": "alice"}), route=route)
        answer = authorizer(issuer)(event)
        (record,) = told()
        assert (record.levelno, record.code, record.status) == (logging.WARNING, code, 403)
        assert answer["context"]["reason"] == code
        assert record.getMessage().startswith(f"refused: 403 {code}: {text} {{")
        assert fields_of(record).get("configured") == configured
        assert (record.route, record.request_id) == (route, event["requestContext"]["requestId"])

    def test_an_allowed_request_writes_none(self, issuer, told):
        event = events.http_authorizer_event(issuer.token({"sub": "alice"}))
        assert authorizer(issuer)(event)["isAuthorized"] is True
        assert told() == []

    @pytest.mark.parametrize(
        ("make", "route"),
        [
            (events.rest_request_authorizer_event, "GET /orders"),
            (events.rest_token_authorizer_event, None),
            (events.websocket_authorizer_event, "GET /$connect"),
        ],
    )
    def test_a_401_is_exactly_unauthorized_and_one_line(self, issuer, told, make, route):
        with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
            authorizer(issuer, response="iam")(make("a.b.c"))
        assert caught.value.__cause__ is caught.value.__context__ is None
        (record,) = told()
        assert (record.status, record.code) == (401, "invalid_token")
        assert getattr(record, "route", None) == route

    def test_what_could_not_be_found_out_is_raised_and_one_line(self, issuer, told):
        def down(url):
            raise OSError

        keys = RemoteKeySet(f"{ISSUER}/jwks", fetcher=down)
        with pytest.raises(DependencyError):
            authorizer(issuer, keys=keys)(events.http_authorizer_event(issuer.token()))
        (record,) = told()
        assert (record.status, record.code) == (503, "key_set_unavailable")
        assert "`issuer.example`" in record.getMessage()

    def test_an_event_that_is_none_is_raised_and_one_line(self, issuer, told):
        with pytest.raises(Exception, match="not an authorizer event"):
            authorizer(issuer)({"secret": "text"})
        (record,) = told()
        assert record.code == "untrusted_event"
        assert "secret" not in record.getMessage()

    def test_a_path_that_no_policy_can_name(self, issuer, told):
        handler = LambdaAuthorizer(
            verifier=verifier(issuer),
            token_sources=[BearerToken()],
            actions=None,
            decisions=None,
            response="iam",
            gateway_cache=GatewayCache.OFF,
        )
        event = events.rest_request_authorizer_event(
            issuer.token({"sub": "alice"}), path="/orders/*", resource="/orders/{id}"
        )
        answer = handler(event)
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
        (record,) = told()
        assert (record.code, record.status) == ("invalid_request", 400)
        assert "wildcard" in record.getMessage()

    @pytest.mark.parametrize(
        ("route", "code"),
        [
            ("/others", "unknown_route"),
            ("/scoped", "insufficient_scope"),
            ("/forbidden", "access_denied"),
            ("/orders", None),
        ],
    )
    def test_one_policy_for_every_route_says_why_this_one_is_not_in_it(
        self, issuer, told, route, code
    ):
        cache = GatewayCache(
            identity_sources=["method.request.header.Authorization"],
            ttl_seconds=60,
            no_resource_policy=True,
        )
        event = events.rest_request_authorizer_event(issuer.token({"sub": "alice"}), path=route)
        authorizer(issuer, response="iam", cache=cache)(event)
        assert [record.code for record in told()] == ([code] if code else [])

    def test_the_decision_log_names_the_request_alike(self, issuer, told):
        records = []
        log = DecisionLog(on_decision=records.append)
        event = events.http_authorizer_event(issuer.token({"sub": "a"}), route="GET /forbidden")
        authorizer(issuer, log=log)(event)
        (record,) = told()
        names = {name: getattr(record, name) for name in ("code", "route", "request_id")}
        assert names.items() <= records[0].items()
        assert "policy_store_request_id" not in records[0]


class TestService:
    @pytest.fixture
    def handler(self, issuer):
        gateway = ExpectedGateway(
            kind="http-lambda",
            api_id=events.API_ID,
            account_id=None,
            issuer=ISSUER,
            client_ids=["orders-web"],
            token_use=None,
        )

        @service_handler
        def handler(event, context):
            principal_from_event(
                event,
                gateway=gateway,
                verifier=verifier(issuer),
                token_sources=[BearerToken()],
            )
            raise AccessDeniedError("only the owner may cancel an order")

        return handler

    def test_a_claim_that_a_gateway_let_pass(self, handler, issuer, told):
        token = issuer.token({"sub": "alice", "client_id": "other"}, headers={"kid": issuer.key_id})
        event = events.http_event(headers={"authorization": f"Bearer {token}"})
        assert handler(event, None)["statusCode"] == 401
        (record,) = told()
        assert (record.code, record.claim) == ("invalid_claim", "client_id")
        assert record.configured == {"client_ids": ["orders-web"]}
        assert len(record.key_id_digest) == 12
        assert record.route == "GET /orders"
        assert token not in record.getMessage()
        assert "other" not in record.getMessage()

    def test_a_refusal_of_its_own(self, handler, issuer, told):
        token = issuer.token({"sub": "alice", "client_id": "orders-web"})
        event = events.http_event(headers={"authorization": f"Bearer {token}"})
        assert handler(event, None)["statusCode"] == 403
        (record,) = told()
        assert record.getMessage().startswith("refused: 403 access_denied: only the owner may")

    def test_an_event_of_another_api(self, handler, told):
        event = events.http_event(authorizer={"lambda": {"sub": "alice"}})
        event["requestContext"]["apiId"] = "stranger"
        assert handler(event, None)["statusCode"] == 401
        (record,) = told()
        assert record.configured == {"api_id": events.API_ID}
        assert "stranger" not in record.getMessage()

    def test_decisions_of_the_handler_are_named_and_no_later_ones(self, told):
        records = []
        engine = CedarEngine.from_text(
            POLICIES, decision_log=DecisionLog(on_decision=records.append)
        )
        document = EntityUid("Doc", "1")

        @service_handler
        def handler(event, context):
            engine.require(EntityUid("User", "a"), "Forbidden", document)

        handler(events.http_event(route="GET /docs/{id}"), None)
        assert (records[0]["route"], records[0]["code"]) == ("GET /docs/{id}", "access_denied")
        with pytest.raises(AccessDeniedError):
            engine.require(EntityUid("User", "a"), "Forbidden", document)
        assert "route" not in records[1]
        assert len(told()) == 1

    @pytest.mark.parametrize("in_a_loop", [False, True])
    def test_an_async_handler_too(self, told, in_a_loop):
        records = []
        engine = CedarEngine.from_text(
            POLICIES, decision_log=DecisionLog(on_decision=records.append)
        )

        @service_handler
        async def handler(event, context):
            await asyncio.sleep(0)
            engine.require(EntityUid("User", "a"), "Forbidden", EntityUid("Doc", "1"))

        async def call():
            return await handler(events.http_event(), None)

        answer = asyncio.run(call()) if in_a_loop else handler(events.http_event(), None)
        assert answer["statusCode"] == 403
        (record,) = told()
        assert record.route == records[0]["route"] == "GET /orders"
        assert record.request_id == records[0]["request_id"]


class Names:
    def __init__(self, route=None, request_id=None):
        self.route_name, self.request_id = route, request_id


class TestLine:
    @pytest.mark.parametrize(
        "stranger",
        ["a\nrefused: 401 forged", "a\r\n", "\x1b[2J", "\u2028", "a" * 300, "\ud800", 7, None, []],
    )
    def test_what_is_no_name_of_a_request_is_left_out(self, told, stranger):
        log_refusal(Refusal("c", 401, "text"), Names(stranger, stranger))
        (record,) = told()
        assert record.getMessage() == "refused: 401 c: text {}"

    def test_a_text_is_one_line(self, told):
        log_refusal(Refusal("c", 403, "one\ntwo\u2028three\x00"), None)
        assert told()[0].getMessage() == "refused: 403 c: one two three  {}"

    @pytest.mark.parametrize(("length", "cut"), [(512, False), (513, True)])
    def test_a_text_has_at_most_512_characters(self, told, length, cut):
        log_refusal(Refusal("c", 403, "x" * length), None)
        assert len(told()[0].text) == 512
        assert told()[0].text.endswith("...") is cut

    @pytest.mark.parametrize(("length", "cut"), [(256, False), (257, True)])
    def test_a_name_has_at_most_256_characters(self, told, length, cut):
        log_refusal(Refusal("c", 401, "t", configured={"issuer": "x" * length}), None)
        assert len(told()[0].configured["issuer"]) == 256
        assert told()[0].configured["issuer"].endswith("...") is cut

    @pytest.mark.parametrize(("count", "last"), [(8, "n7"), (9, "and 1 more"), (30, "and 22 more")])
    def test_at_most_8_names_are_told(self, told, count, last):
        names = frozenset(f"n{number}" for number in range(count))
        log_refusal(Refusal("c", 401, "t", configured={"client_id": names}), None)
        found = told()[0].configured["client_id"]
        assert (len(found), found[-1] if count < 10 else last) == (min(count, 9), last)

    @pytest.mark.parametrize(("length", "there"), [(128, True), (129, False)])
    def test_a_request_id_has_at_most_128_characters(self, told, length, there):
        log_refusal(Refusal("c", 401, "t"), Names("GET /", "x" * length))
        assert hasattr(told()[0], "request_id") is there

    def test_nobody_listens(self, told, caplog):
        caplog.set_level(logging.ERROR, LOGGER)
        log_refusal(Refusal("c", 401, "t"), None)
        assert told() == []

    def test_what_an_error_says(self):
        error = InvalidClaimError("`aud` is missing", claim="aud", configured={"audience": "a"})
        assert Refusal.of(error) == Refusal(
            "invalid_claim", 401, "`aud` is missing", "aud", {"audience": "a"}, None
        )

    @pytest.mark.parametrize(
        ("event", "route"),
        [
            ({"routeKey": "GET /a"}, "GET /a"),
            ({"requestContext": {"routeKey": "$default"}}, "$default"),
            ({"httpMethod": "GET", "resource": "/a/{id}", "path": "/a/7"}, "GET /a/{id}"),
            ({"httpMethod": "GET", "path": "/a/7"}, None),
            ({"routeKey": 7}, None),
            ("text", None),
            (None, None),
        ],
    )
    def test_the_route_of_a_services_event(self, event, route):
        assert EventNames(event, None).route_name == route

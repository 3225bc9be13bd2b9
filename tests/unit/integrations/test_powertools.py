"""A route runs only when what it asks for is met; what refuses is an answer of its own."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import logging

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    CORSConfig,
    LambdaFunctionUrlResolver,
    Response,
    VPCLatticeV2Resolver,
)
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from authz_lib import BearerToken, CedarEngine, EntityUid, ExpectedGateway, JWTVerifier, Principal
from authz_lib.decisions import DecisionLog, DecisionPoint
from authz_lib.errors import (
    AccessDeniedError,
    ConfigurationError,
    PolicyStoreUnavailableError,
    UntrustedEventError,
)
from authz_lib.gateway.context import to_context
from authz_lib.integrations.powertools import (
    ResolverAuthorization,
    any_caller,
    principal_of,
    public,
    requires,
)
from authz_lib.service.principal_headers import SecretHeader, principal_to_headers
from authz_lib.smithy import errors as smithy
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = "https://issuer.example"
ALICE = Principal(
    "alice",
    issuer=ISSUER,
    client_id="web",
    scopes=frozenset({"orders.read"}),
    expires_at=4_000_000_000,
)
POLICIES = """
    permit(principal == User::"alice", action == Action::"List", resource);
    permit(principal == User::"alice", action == Action::"Get", resource == Order::"7");
"""
ORDERS = EntityUid("Application", "orders")
ISSUERS_KEYS = TestIssuer(ISSUER, algorithm="EdDSA")


def gateway(kind="http-lambda"):
    return ExpectedGateway(
        kind=kind,
        api_id=events.API_ID,
        account_id=events.ACCOUNT_ID,
        issuer=ISSUER,
        client_ids=["web"],
        token_use=None,
    )


def verifier():
    return JWTVerifier(
        issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=ISSUERS_KEYS.key_set()
    )


def http(path="/orders", caller=ALICE, **options):
    known = {} if caller is None else {"authorizer": {"lambda": to_context(caller)}}
    options = {"route": "$default", **options}
    return events.http_event(path=path, **known, **options)


def status_of(answer):
    return answer["statusCode"]


def code_of(answer):
    return json.loads(answer["body"])["__type"]


class Down(DecisionPoint):
    """A store that does not answer."""

    def __init__(self):
        engine = CedarEngine.from_text(POLICIES)
        self.vocabulary, self.log = engine.vocabulary, engine.log
        self.on_evaluation_error = engine.on_evaluation_error

    identity = "down"

    def decide(self, question):
        raise PolicyStoreUnavailableError("the store did not answer")

    def decide_batch(self, questions):
        raise PolicyStoreUnavailableError("the store did not answer")


def an_app(resolver=APIGatewayHttpResolver, *, decisions=None, make=None, **options):
    """A resolver with one route of each kind, and what its routes were called with."""
    app = resolver(**options.pop("app", {}))
    point = CedarEngine.from_text(POLICIES) if decisions is None else decisions
    settings = {"decisions": point, "application": ORDERS, **options}
    authorization = (
        ResolverAuthorization.behind_gateway(app, gateway(), **settings)
        if make is None
        else make(app, **settings)
    )
    ran = []

    @app.get("/health", middlewares=[public()])
    def health():
        ran.append("health")
        return {"ok": True}

    @app.get("/me", middlewares=[any_caller()])
    def me():
        ran.append("me")
        return {"sub": principal_of(app).subject}

    @app.get("/orders", middlewares=[requires("List", scopes=["orders.read"])])
    def orders():
        ran.append("orders")
        return {"orders": [], "sub": principal_of(app).subject}

    def order_of(path):
        if path["order_id"] == "0":
            raise smithy.not_found("no such order")
        return EntityUid("Order", path["order_id"])

    @app.get("/orders/<order_id>", middlewares=[requires("Get", resource=order_of)])
    def order(order_id):
        ran.append(order_id)
        return {"order": order_id}

    return app, authorization, ran


class TestRoutes:
    def test_a_route_runs_with_its_caller(self):
        _, authorization, ran = an_app()
        answer = authorization.handler()(http(), None)
        assert (status_of(answer), ran) == (200, ["orders"])
        assert json.loads(answer["body"])["sub"] == "alice"

    @pytest.mark.parametrize("path", ["/me", "/orders", "/orders/7"])
    def test_without_a_caller_it_is_401_and_nothing_runs(self, path):
        _, authorization, ran = an_app()
        answer = authorization.handler()(http(path, caller=None), None)
        assert (status_of(answer), ran) == (401, [])
        assert code_of(answer) == "UnauthorizedException"
        assert answer["headers"]["X-Amzn-Errortype"] == "UnauthorizedException"
        assert answer["headers"]["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "caller",
        [
            Principal("alice", issuer=ISSUER, client_id="web", expires_at=1_000_000_000),
            Principal("alice", issuer="https://other.example", client_id="web", expires_at=4e9),
            Principal("alice", issuer=ISSUER, client_id="other", expires_at=4e9),
        ],
        ids=["expired", "issuer", "client"],
    )
    def test_a_caller_that_the_gateway_does_not_vouch_for(self, caller):
        _, authorization, ran = an_app()
        assert status_of(authorization.handler()(http("/me", caller), None)) == 401
        assert ran == []

    def test_the_policies_say_no(self):
        _, authorization, ran = an_app()
        answer = authorization.handler()(http("/orders/8"), None)
        assert (status_of(answer), code_of(answer), ran) == (403, "AccessDeniedException", [])
        assert status_of(authorization.handler()(http("/orders/7"), None)) == 200
        assert ran == ["7"]

    def test_a_missing_scope(self):
        _, authorization, ran = an_app()
        caller = Principal("alice", issuer=ISSUER, client_id="web", expires_at=4e9)
        answer = authorization.handler()(http("/orders", caller), None)
        assert (status_of(answer), ran) == (403, [])
        assert answer["headers"]["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'

    def test_a_store_that_does_not_answer(self):
        _, authorization, ran = an_app(decisions=Down())
        answer = authorization.handler()(http("/orders"), None)
        assert (status_of(answer), code_of(answer)) == (503, "ServiceUnavailableException")
        assert ran == []

    def test_a_public_route_has_no_caller(self):
        app, authorization, ran = an_app()

        @app.get("/mistaken", middlewares=[public()])
        def mistaken():
            return {"sub": principal_of(app).subject}

        handle = authorization.handler()
        assert status_of(handle(http("/health", caller=None), None)) == 200
        assert ran == ["health"]
        assert status_of(handle(http("/mistaken"), None)) == 500

    def test_what_makes_the_resource_may_say_that_there_is_none(self):
        _, authorization, ran = an_app()
        answer = authorization.handler()(http("/orders/0"), None)
        assert (status_of(answer), code_of(answer)) == (404, "ResourceNotFoundException")
        assert ran == []

    def test_what_makes_the_resource_fails(self):
        app, authorization, ran = an_app()

        @app.get("/broken", middlewares=[requires("Get", resource=lambda path: path["x"])])
        def broken():
            ran.append("broken")

        @app.exception_handler(Exception)
        def hide(error):
            return Response(200, "application/json", "{}")

        assert status_of(authorization.handler()(http("/broken"), None)) == 500
        assert ran == []

    def test_the_other_shape_of_errors(self):
        _, authorization, _ = an_app(errors="standard")
        answer = authorization.handler()(http("/me", caller=None), None)
        assert json.loads(answer["body"])["code"] == "UNTRUSTED_EVENT"

    def test_a_request_id_and_a_line_in_the_log(self, caplog):
        _, authorization, _ = an_app()
        answer = authorization.handler()(http("/orders/8"), None)
        (record,) = [one for one in caplog.records if one.name == "authz_lib.refusals"]
        assert record.code == "access_denied"
        assert record.request_id == answer["headers"]["x-amzn-requestid"]

    def test_decisions_are_logged_with_the_request(self):
        records = []
        point = CedarEngine.from_text(
            POLICIES, decision_log=DecisionLog(on_decision=records.append)
        )
        app, _, _ = an_app(decisions=point)
        app.resolve(http("/orders"), None)
        assert records[0]["request_id"] == http()["requestContext"]["requestId"]


CLAIMS = {"sub": "alice", "iss": ISSUER, "client_id": "web", "exp": "4000000000"}
ROLE = "arn:aws:sts::123456789012:assumed-role/App/alice"


class TestGateways:
    """Each kind of gateway whose events a resolver reads, and the same event without its word."""

    @pytest.mark.parametrize(
        ("resolver", "kind", "event", "subject"),
        [
            (
                APIGatewayHttpResolver,
                "http-jwt",
                lambda: http("/me", None, authorizer={"jwt": {"claims": CLAIMS, "scopes": None}}),
                "alice",
            ),
            (
                APIGatewayRestResolver,
                "rest-lambda",
                lambda: events.rest_event(path="/me", authorizer=to_context(ALICE)),
                "alice",
            ),
            (
                APIGatewayRestResolver,
                "http-lambda",
                lambda: events.http_event_v1(path="/me", authorizer=to_context(ALICE)),
                "alice",
            ),
            (
                APIGatewayRestResolver,
                "rest-iam",
                lambda: events.rest_event(path="/me", identity={"userArn": ROLE}),
                ROLE,
            ),
            (
                LambdaFunctionUrlResolver,
                "function-url-iam",
                lambda: events.function_url_event(path="/me", iam={"userArn": ROLE}),
                ROLE,
            ),
        ],
    )
    def test_the_caller_is_read(self, resolver, kind, event, subject):
        pinned = {"api_id": events.API_ID, "account_id": events.ACCOUNT_ID, "token_use": None}
        claims = (
            {"issuer": None, "client_ids": None}
            if kind.endswith("-iam")
            else {"issuer": ISSUER, "client_ids": ["web"]}
        )
        app = resolver()
        authorization = ResolverAuthorization.behind_gateway(
            app, ExpectedGateway(kind=kind, **pinned, **claims)
        )
        app.get("/me", middlewares=[any_caller()])(lambda: {"sub": principal_of(app).subject})
        handle = authorization.handler()
        answer = handle(event(), None)
        assert (status_of(answer), json.loads(answer["body"])) == (200, {"sub": subject})
        other_api, no_word = event(), event()
        other_api["requestContext"]["apiId"] = "another"
        no_word["requestContext"].pop("authorizer", None)
        no_word["requestContext"].pop("identity", None)
        assert status_of(handle(other_api, None)) == 401
        assert status_of(handle(no_word, None)) == 401


class TestConstruction:
    @pytest.mark.parametrize(
        ("middlewares", "count"), [(None, 0), ([], 0), ([public(), any_caller()], 2)]
    )
    def test_a_route_says_what_it_asks_for_once(self, middlewares, count):
        app, authorization, ran = an_app()

        @app.get("/open", middlewares=middlewares)
        def open_route():
            ran.append("open")

        with pytest.raises(ConfigurationError, match=rf"`GET /open` must have .* it has {count}"):
            authorization.handler()
        # Without `handler`, the first event finds it, whatever route that is for.
        assert status_of(authorization.resolve(http("/me"), None)) == 500
        assert status_of(app.resolve(http("/open"), None)) == 500
        assert ran == []

    def test_a_route_that_is_added_later_does_not_run_either(self):
        app, authorization, ran = an_app()
        handle = authorization.handler()

        @app.get("/open")
        def open_route():
            ran.append("open")

        assert status_of(handle(http("/open"), None)) == 500
        assert ran == []

    def test_a_requirement_without_authorization_lets_nothing_run(self):
        app = APIGatewayHttpResolver()
        ran = []

        @app.get("/orders", middlewares=[any_caller()])
        def orders():
            ran.append("orders")

        with pytest.raises(ConfigurationError, match="whose resolver has"):
            app.resolve(http(), None)
        assert ran == []

    def test_an_action_needs_somebody_who_decides(self):
        app = APIGatewayHttpResolver()
        authorization = ResolverAuthorization.behind_gateway(app, gateway())
        app.get("/orders", middlewares=[requires("List")])(dict)
        with pytest.raises(ConfigurationError, match="requires an action, without `decisions`"):
            authorization.handler()

    def test_an_action_needs_a_resource(self):
        app = APIGatewayHttpResolver()
        authorization = ResolverAuthorization.behind_gateway(
            app, gateway(), decisions=CedarEngine.from_text(POLICIES)
        )
        app.get("/orders", middlewares=[requires("List")])(dict)
        with pytest.raises(ConfigurationError, match="requires an action on nothing"):
            authorization.handler()

    @pytest.mark.parametrize(
        ("resolver", "kind"),
        [
            (ALBResolver, "http-lambda"),
            (LambdaFunctionUrlResolver, "http-lambda"),
            (APIGatewayRestResolver, "function-url-iam"),
            (APIGatewayHttpResolver, "rest-lambda"),
        ],
    )
    def test_a_gateway_whose_events_the_resolver_does_not_read(self, resolver, kind):
        expected = ExpectedGateway(
            kind=kind,
            **dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"]),
        )
        with pytest.raises(ConfigurationError, match="reads no event of a gateway"):
            ResolverAuthorization.behind_gateway(resolver(), expected)

    @pytest.mark.parametrize("app", [VPCLatticeV2Resolver(), APIGatewayHttpRouter(), None])
    def test_another_resolver(self, app):
        with pytest.raises(ConfigurationError, match="the resolver must be one of"):
            ResolverAuthorization.behind_gateway(app, gateway())

    def test_nothing_runs_before_it(self):
        app = APIGatewayHttpResolver()
        app.use([lambda app, following: following(app)])
        with pytest.raises(ConfigurationError, match="before other middlewares"):
            ResolverAuthorization.behind_gateway(app, gateway())

    def test_once_for_a_resolver(self):
        app, _, _ = an_app()
        with pytest.raises(ConfigurationError, match="before other middlewares"):
            ResolverAuthorization.behind_gateway(app, gateway())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"errors": "html"}, "`errors` must be"),
            ({"decisions": object()}, "`decisions` must have a method"),
            ({"application": "orders"}, "`application` must be an `EntityUid`"),
            ({"logger": object()}, "`logger` must have a method"),
            ({"metrics": object()}, "`metrics` must have a method"),
            ({"decision": None}, "unknown argument: `decision`"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ConfigurationError, match=message):
            ResolverAuthorization.behind_gateway(APIGatewayHttpResolver(), gateway(), **options)

    def test_a_gateway_is_none(self):
        with pytest.raises(ConfigurationError, match="must be an `ExpectedGateway`"):
            ResolverAuthorization.behind_gateway(APIGatewayHttpResolver(), None)


class TestOneWayToReadTheCaller:
    """A request that names a caller in another way names nobody."""

    secret = "only-the-gateway-knows"

    def proxied(self, app, **options):
        proof = SecretHeader("x-gateway-proof", [self.secret])
        return ResolverAuthorization.behind_proxy(app, proof=proof, **options)

    def tokens(self, app, **options):
        return ResolverAuthorization.with_tokens(
            app,
            verifier=verifier(),
            token_sources=[BearerToken()],
            tenant_claim=None,
            **options,
        )

    def token(self, **claims):
        return {"authorization": "Bearer " + ISSUERS_KEYS.token({"sub": "alice", **claims})}

    def headers(self):
        return {**principal_to_headers(ALICE), "x-gateway-proof": self.secret}

    @pytest.mark.parametrize(
        ("resolver", "event"),
        [
            (ALBResolver, events.alb_event),
            (LambdaFunctionUrlResolver, events.function_url_event),
            (APIGatewayRestResolver, events.rest_event),
            (APIGatewayHttpResolver, http),
        ],
    )
    def test_headers_with_a_proof(self, resolver, event):
        _, authorization, ran = an_app(resolver, make=self.proxied)
        handle = authorization.handler()
        assert status_of(handle(event(path="/orders", headers=self.headers()), None)) == 200
        assert ran == ["orders"]
        for headers in (
            principal_to_headers(ALICE),
            {**self.headers(), "x-gateway-proof": "guessed-by-somebody"},
            self.token(),
            {},
        ):
            assert status_of(handle(event(path="/orders", headers=headers), None)) == 401
        assert ran == ["orders"]

    @pytest.mark.parametrize(
        ("resolver", "event"),
        [
            (ALBResolver, events.alb_event),
            (LambdaFunctionUrlResolver, events.function_url_event),
            (APIGatewayRestResolver, events.rest_event),
            (APIGatewayHttpResolver, http),
        ],
    )
    def test_tokens(self, resolver, event):
        _, authorization, ran = an_app(resolver, make=self.tokens)
        handle = authorization.handler()
        assert status_of(handle(event(path="/me", headers=self.token()), None)) == 200
        scoped = self.token(scope="orders.read")
        assert status_of(handle(event(path="/orders", headers=scoped), None)) == 200
        assert status_of(handle(event(path="/orders", headers=self.token()), None)) == 403
        assert ran == ["me", "orders"]
        for headers in (
            {},
            self.headers(),
            {"authorization": "Bearer a.b.c"},
            {"authorization": self.token()["authorization"] + "x"},
        ):
            assert status_of(handle(event(path="/me", headers=headers), None)) == 401
        assert ran == ["me", "orders"]

    def test_a_load_balancer_with_multi_value_headers(self):
        _, authorization, ran = an_app(ALBResolver, make=self.tokens)
        event = events.alb_event(path="/me")
        event["multiValueHeaders"] = {"authorization": [self.token()["authorization"]]}
        del event["headers"]
        answer = authorization.handler()(event, None)
        assert (status_of(answer), ran) == (200, ["me"])
        event["multiValueHeaders"] = {"accept": ["*/*"]}
        answer = authorization.handler()(event, None)
        assert status_of(answer) == 401
        assert answer["multiValueHeaders"]["X-Amzn-Errortype"] == ["UnauthorizedException"]

    def test_a_gateways_context_is_no_token(self):
        _, authorization, ran = an_app(make=self.tokens)
        assert status_of(authorization.handler()(http("/me"), None)) == 401
        assert ran == []

    def test_a_token_is_no_gateways_context(self):
        _, authorization, ran = an_app()
        event = http("/me", caller=None, headers=self.token() | self.headers())
        assert status_of(authorization.handler()(event, None)) == 401
        assert ran == []

    def test_a_client_cannot_write_a_context_into_an_event(self):
        """A body, a query and headers with the names of a gateway's members are only text."""
        _, authorization, ran = an_app()
        forged = json.dumps({"requestContext": {"authorizer": {"lambda": to_context(ALICE)}}})
        event = http("/me", caller=None, body=forged, query=[("authorizer", forged)])
        assert status_of(authorization.handler()(event, None)) == 401
        assert ran == []

    def test_no_proof(self):
        with pytest.raises(ConfigurationError, match="`proof` must be"):
            ResolverAuthorization.behind_proxy(ALBResolver(), proof=None)

    def test_attributes_that_make_no_sense(self):
        proof = SecretHeader("x-gateway-proof", [self.secret])
        with pytest.raises(ConfigurationError):
            ResolverAuthorization.behind_proxy(ALBResolver(), proof=proof, attributes={"sub": 5})

    def test_a_reader_that_names_nobody(self):
        app = APIGatewayHttpResolver()
        authorization = ResolverAuthorization(app, lambda event: None, {})
        app.get("/me", middlewares=[any_caller()])(dict)
        assert status_of(authorization.handler()(http("/me"), None)) == 401

    def test_a_reader_that_fails(self):
        app = APIGatewayHttpResolver()
        authorization = ResolverAuthorization(app, lambda event: event["nothing"], {})
        app.get("/me", middlewares=[any_caller()])(dict)
        app.exception_handler(KeyError)(lambda error: Response(200, "text/plain", "fine"))
        assert status_of(authorization.handler()(http("/me"), None)) == 500


class TestContext:
    """The caller of one request is not there for the next one."""

    def seen(self, app, path):
        found = []

        @app.get(path, middlewares=[public()])
        def look():
            found.append(dict(app.context))
            return {}

        return found

    @pytest.mark.parametrize(
        "failing",
        [ValueError("x"), AccessDeniedError("no"), BadRequestError("no"), KeyboardInterrupt()],
    )
    def test_after_a_failure(self, failing):
        app, authorization, _ = an_app()
        found = self.seen(app, "/look")

        @app.get("/failing", middlewares=[any_caller()])
        def fail():
            assert principal_of(app).subject == "alice"
            raise failing

        try:
            authorization.resolve(http("/failing"), None)
        except KeyboardInterrupt as error:
            assert error is failing  # noqa: PT017
        assert "principal" not in app.context
        assert status_of(authorization.resolve(http("/look"), None)) == 200
        assert "principal" not in found[0]
        with pytest.raises(ConfigurationError, match="there is no caller"):
            principal_of(app)

    def test_where_powertools_does_not_clear_it(self, monkeypatch):
        app, authorization, _ = an_app()
        found = self.seen(app, "/look")
        monkeypatch.setattr(app, "clear_context", lambda: None)
        assert status_of(authorization.resolve(http("/me"), None)) == 200
        assert status_of(authorization.resolve(http("/look"), None)) == 200
        assert "principal" not in found[0]

    def test_what_somebody_put_there_before_is_nobody(self):
        app, authorization, _ = an_app()
        found = self.seen(app, "/look")
        app.append_context(principal=ALICE)
        authorization.resolve(http("/look", caller=None), None)
        assert "principal" not in found[0]
        app.append_context(principal=ALICE)
        assert status_of(authorization.resolve(http("/me", caller=None), None)) == 401

    def test_another_request_meanwhile_is_refused(self):
        app, authorization, ran = an_app()
        inner = []

        @app.get("/outer", middlewares=[any_caller()])
        def outer():
            inner.append(app.resolve(http("/me"), None))
            return {}

        authorization.resolve(http("/outer"), None)
        assert (status_of(inner[0]), ran) == (500, [])

    def test_another_request_while_the_first_is_checked_is_refused(self):
        app, authorization, ran = an_app()
        inner = []

        def resource(path):
            inner.append(app.resolve(http("/me"), None))
            return ORDERS

        app.get("/outer", middlewares=[requires("List", resource=resource)])(dict)
        authorization.resolve(http("/outer"), None)
        assert (status_of(inner[0]), ran) == (500, [])


class TestErrorsOfRoutes:
    def raising(self, error, **options):
        app, authorization, _ = an_app(**options)

        @app.get("/raising", cors=True, compress=True, middlewares=[any_caller()])
        def route():
            raise error

        return app, authorization.handler()

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (AccessDeniedError("not yours"), 403),
            (UntrustedEventError("no"), 401),
            (PolicyStoreUnavailableError("down"), 503),
            (smithy.not_found("no such order"), 404),
            (BadRequestError("Powertools' own"), 400),
            (ValueError("secret"), 500),
        ],
    )
    def test_they_are_answers(self, error, status):
        answer = self.raising(error)[1](http("/raising"), None)
        assert status_of(answer) == status
        assert "secret" not in answer["body"]

    @pytest.mark.parametrize("caught", [Exception, AccessDeniedError, ConfigurationError])
    def test_no_exception_handler_makes_a_yes_of_a_no(self, caught):
        app, handle = self.raising(AccessDeniedError("not yours"))
        app.exception_handler(caught)(lambda error: Response(200, "text/plain", "all is well"))
        assert status_of(handle(http("/raising"), None)) == 403
        assert status_of(handle(http("/orders/8"), None)) == 403
        assert status_of(handle(http("/me", caller=None), None)) == 401

    def test_an_exception_handler_sees_what_is_the_routes_own(self):
        app, handle = self.raising(ValueError("x"))
        app.exception_handler(ValueError)(lambda error: Response(422, "text/plain", "mended"))
        assert status_of(handle(http("/raising"), None)) == 422

    def test_no_traceback_in_an_answer_of_the_debug_mode(self):
        answer = self.raising(AccessDeniedError("not yours"), app={"debug": True})[1](
            http("/raising"), None
        )
        assert status_of(answer) == 403
        assert "Traceback" not in answer["body"]

    def test_cors_and_compression_are_the_resolvers(self):
        cors = CORSConfig(allow_origin="https://app.example", expose_headers=["X-Amzn-Errortype"])
        _, handle = self.raising(AccessDeniedError("not yours"), app={"cors": cors})
        headers = {"origin": "https://app.example", "accept-encoding": "gzip"}
        answer = handle(http("/raising", headers=headers), None)
        assert status_of(answer) == 403
        assert answer["headers"]["Access-Control-Allow-Origin"] == "https://app.example"
        body = gzip.decompress(base64.b64decode(answer["body"]))
        assert json.loads(body)["__type"] == "AccessDeniedException"

    def test_a_dependency_that_refuses(self):
        depends = pytest.importorskip("aws_lambda_powertools.event_handler.depends")
        app, authorization, ran = an_app()

        def refuse():
            raise AccessDeniedError("not yours")

        def route(value):
            ran.append("depends")

        route.__annotations__ = {
            "value": __import__("typing").Annotated[str, depends.Depends(refuse)]
        }
        app.get("/depends", middlewares=[any_caller()])(route)
        app.exception_handler(Exception)(lambda error: Response(200, "text/plain", "fine"))
        assert status_of(authorization.handler()(http("/depends"), None)) == 403
        assert ran == []

    def test_an_event_that_is_none(self):
        answer = an_app()[1].handler()({}, None)
        assert status_of(answer) in {401, 500}


class TestNoRoute:
    def test_a_404(self):
        _, authorization, ran = an_app()
        answer = authorization.handler()(http("/nowhere", caller=None), None)
        assert (status_of(answer), ran) == (404, [])

    def test_a_handler_for_it(self):
        app, authorization, _ = an_app()

        @app.not_found
        def missing(error):
            return Response(404, "text/plain", "nothing here")

        answer = authorization.handler()(http("/nowhere"), None)
        assert (status_of(answer), answer["body"]) == (404, "nothing here")

    def test_a_handler_for_it_is_no_open_route(self):
        app, authorization, _ = an_app()

        @app.exception_handler(NotFoundError)
        def everything(error):
            return Response(200, "text/plain", "the secret page")

        answer = authorization.handler()(http("/nowhere", caller=None), None)
        assert status_of(answer) == 500
        assert "secret" not in answer["body"]

    def test_a_preflight_needs_no_caller(self):
        cors = CORSConfig(allow_origin="https://app.example")
        _, authorization, ran = an_app(app={"cors": cors})
        event = http(
            "/orders", caller=None, method="OPTIONS", headers={"origin": "https://app.example"}
        )
        answer = authorization.handler()(event, None)
        assert (status_of(answer), ran) == (204, [])
        assert "GET" in answer["headers"]["Access-Control-Allow-Methods"]

    def test_another_method(self):
        _, authorization, ran = an_app()
        assert status_of(authorization.handler()(http("/orders", method="POST"), None)) == 404
        assert status_of(authorization.handler()(http("/orders", method="HEAD"), None)) == 404
        assert ran == []


class TestRouters:
    def test_its_routes_say_what_they_ask_for(self):
        app, authorization, ran = an_app()
        router = APIGatewayHttpRouter()

        @router.get("/invoices", middlewares=[requires("List")])
        def invoices():
            ran.append(principal_of(router).subject)
            return {}

        app.include_router(router, prefix="/v1")
        handle = authorization.handler()
        assert status_of(handle(http("/v1/invoices"), None)) == 200
        assert ran == ["alice"]
        assert status_of(handle(http("/v1/invoices", caller=None), None)) == 401
        assert ran == ["alice"]

    def test_a_route_of_it_without_a_requirement(self):
        app, authorization, ran = an_app()
        router = APIGatewayHttpRouter()

        @router.get("/invoices")
        def invoices():
            ran.append("invoices")

        app.include_router(router)
        with pytest.raises(ConfigurationError, match="`GET /invoices`"):
            authorization.handler()

    def test_a_requirement_of_a_whole_router_is_none_of_its_routes(self):
        """Powertools makes middlewares of a router those of the resolver."""
        app, authorization, ran = an_app()
        router = APIGatewayHttpRouter()
        router.use([any_caller()])

        @router.get("/invoices")
        def invoices():
            ran.append("invoices")

        app.include_router(router)
        with pytest.raises(ConfigurationError, match="`GET /invoices`"):
            authorization.handler()
        assert status_of(app.resolve(http("/invoices"), None)) == 500
        assert ran == []

    def test_its_exception_handlers_and_context(self):
        app, authorization, ran = an_app()
        router = APIGatewayHttpRouter()
        router.append_context(principal=ALICE)

        @router.exception_handler(Exception)
        def hide(error):
            return Response(200, "text/plain", "fine")

        app.include_router(router)
        assert status_of(authorization.handler()(http("/me", caller=None), None)) == 401
        assert ran == []


class TestMiddlewares:
    def test_others_run_after_it(self):
        app, authorization, _ = an_app()
        seen = []

        def audit(app, following):
            seen.append(principal_of(app).subject)
            return following(app)

        app.use([audit])
        handle = authorization.handler()
        handle(http("/me"), None)
        handle(http("/me", caller=None), None)
        assert seen == ["alice"]

    def test_a_route_is_guarded_without_our_handler(self):
        app, _, ran = an_app()
        assert status_of(app.resolve(http("/me", caller=None), None)) == 401
        assert status_of(app(http("/orders/8"), None)) == 403
        assert ran == []

    def test_an_event_loop(self):
        app, _, ran = an_app()
        if not hasattr(app, "resolve_async"):
            pytest.skip("this Powertools has no `resolve_async`")

        @app.get("/later", middlewares=[any_caller()])
        async def later():
            await asyncio.sleep(0)
            return {"sub": principal_of(app).subject}

        answer = asyncio.run(app.resolve_async(http("/later"), None))
        assert json.loads(answer["body"]) == {"sub": "alice"}
        assert status_of(asyncio.run(app.resolve_async(http("/later", caller=None), None))) == 401
        assert status_of(asyncio.run(app.resolve_async(http("/orders/8"), None))) == 403
        assert ran == []

    def test_validation_says_nothing_of_data(self):
        """Powertools validates before any middleware; a stranger may learn the request's shape."""
        app, authorization, ran = an_app(app={"enable_validation": True})

        @app.get("/count/<number>", middlewares=[any_caller()])
        def count(number: int) -> dict:
            ran.append(number)
            return {}

        handle = authorization.handler()
        assert status_of(handle(http("/count/many", caller=None), None)) == 422
        assert status_of(handle(http("/count/7", caller=None), None)) == 401
        assert ran == []
        assert status_of(handle(http("/count/7"), None)) == 200
        assert ran == [7]


class TestLogger:
    def test_keys_of_one_request(self):
        stream = io.StringIO()
        logger = Logger(service="test-powertools-keys", stream=stream)
        app, authorization, _ = an_app(logger=logger)

        @app.get("/logging", middlewares=[any_caller()])
        def log():
            logger.info("running")
            return {}

        handle = authorization.handler()
        handle(http("/logging"), None)
        logger.info("between")
        running, between = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert (running["authz_result"], running["authz_reason"]) == ("allow", "allowed")
        assert "authz_result" not in between
        assert "alice" not in stream.getvalue()

    def test_the_line_of_a_refusal(self):
        stream = io.StringIO()
        logger = Logger(service="test-powertools-refusals", stream=stream)
        refusals = logging.getLogger("authz_lib.refusals")
        _, authorization, _ = an_app(logger=logger)
        refusals.addHandler(logger.registered_handler)
        try:
            authorization.handler()(http("/orders/8"), None)
        finally:
            refusals.removeHandler(logger.registered_handler)
        (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert (line["authz_result"], line["authz_reason"]) == ("deny", "access_denied")
        assert (line["status"], line["configured"]) == (403, {"action": "Get"})
        assert "alice" not in stream.getvalue()

"""The middleware around Starlette and plain ASGI applications, over real sockets too."""

from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from authz_lib import CedarEngine, EntityUid, errors
from authz_lib.integrations.asgi import (
    AppAuthorization,
    AuthorizationMiddleware,
    AuthorizedRequest,
    DecidedApp,
    authorized_request,
    principal_from_scope,
)
from authz_lib.smithy.errors import conflict

POLICIES = CedarEngine.from_text(
    """permit(principal == User::"alice", action == Action::"Cancel", resource);"""
)
SET_OUTSIDE = ContextVar("set_outside", default=None)


async def who(request):
    return PlainTextResponse(principal_from_scope(request.scope).subject)


async def cancel(request):
    caller = principal_from_scope(request.scope)
    await POLICIES.arequire(caller, "Cancel", EntityUid("Order", "7"))
    raise conflict("it was shipped")


async def health(request):
    return PlainTextResponse("ok")


async def talk(websocket):
    await websocket.accept()
    await websocket.send_text(principal_from_scope(websocket.scope).subject)
    if await websocket.receive_text() == "deny":
        raise errors.AccessDeniedError("not this")
    raise errors.PolicyStoreUnavailableError("no answer")


ROUTES = [
    Route("/who", who, methods=["GET", "POST"]),
    Route("/cancel", cancel, methods=["POST"]),
    Route("/health", health),
    WebSocketRoute("/talk", talk),
    Mount("/admin", routes=[Route("/who", who)]),
]


@pytest.fixture
def authorization(tokens):
    return AppAuthorization.standalone(verifier=tokens.verifier, tenant_claim=None)


@pytest.fixture
def app(authorization):
    guard = Middleware(AuthorizationMiddleware, authorization=authorization, public=["GET /health"])
    return Starlette(routes=ROUTES, middleware=[guard])


class TestHTTP:
    def test_a_known_caller_passes(self, app, served, tokens):
        url = served(app).url
        assert httpx.get(f"{url}/who", headers=tokens.bearer()).text == "alice"
        assert httpx.get(f"{url}/admin/who", headers=tokens.bearer("bob")).text == "bob"

    def test_nobody_else_does(self, app, served):
        url = served(app).url
        said = httpx.get(f"{url}/who")
        assert said.status_code == 401
        assert said.headers["www-authenticate"] == "Bearer"
        assert said.json()["__type"] == said.headers["x-amzn-errortype"] == "UnauthorizedException"
        assert said.json()["requestId"] == said.headers["x-amzn-requestid"]

    def test_a_bad_token_is_told_so_and_not_repeated(self, app, ask):
        said = ask(app, "GET", "/who", {"Authorization": "Bearer a.b.c"})
        assert said.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert "a.b.c" not in said.text

    def test_what_the_application_raises_is_answered(self, app, ask, tokens):
        assert ask(app, "POST", "/cancel", tokens.bearer("bob")).status_code == 403
        said = ask(app, "POST", "/cancel", tokens.bearer("alice"))
        assert (said.status_code, said.json()["message"]) == (409, "it was shipped")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/health"),
            ("HEAD", "/health"),
            ("OPTIONS", "/health"),
            ("GET", "/health/"),
            ("GET", "//health"),
            ("GET", "/Health"),
            ("GET", "/health/../who"),
            ("GET", "/health%2f"),
            ("GET", "/"),
        ],
    )
    def test_only_what_is_public_is(self, app, ask, method, path):
        assert ask(app, "GET", "/health").text == "ok"
        assert ask(app, method, path).status_code == 401

    def test_an_outage_of_the_keys_is_no_401(self, ask, tokens):
        class Down:
            issuers = frozenset({"https://issuer.example"})

            def verify(self, token):
                raise errors.KeySetUnavailableError("no answer")

        authorization = AppAuthorization.standalone(
            verifier=Down(), tenant_claim=None, errors="standard"
        )
        said = ask(AuthorizationMiddleware(health, authorization), "GET", "/", tokens.bearer())
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        assert said.json() == {
            "status": 503,
            "code": "SERVICE_UNAVAILABLE",
            "message": "Service Unavailable",
        }


class TestWebSockets:
    def test_a_known_caller_passes(self, app, served, tokens):
        with connect(f"{served(app).ws_url}/talk", additional_headers=tokens.bearer()) as socket:
            assert socket.recv() == "alice"

    def test_nobody_else_does(self, app, served):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{served(app).ws_url}/talk")
        answer = refused.value.response
        assert answer.status_code == 401
        assert json.loads(answer.body)["__type"] == "UnauthorizedException"
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(("word", "code"), [("deny", 1008), ("wait", 1013)])
    def test_an_open_one_is_closed_with_a_code(self, app, served, tokens, word, code):
        with connect(f"{served(app).ws_url}/talk", additional_headers=tokens.bearer()) as socket:
            socket.recv()
            socket.send(word)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
        assert closed.value.rcvd.code == code
        assert closed.value.rcvd.reason == ""


class TestTheScope:
    def run(self, app, scope):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        asyncio.run(app(scope, receive, send))
        return sent

    def test_a_lifespan_is_passed_on(self, authorization):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope["type"])

        self.run(AuthorizationMiddleware(app, authorization), {"type": "lifespan"})
        assert seen == ["lifespan"]

    def test_another_protocol_is_not(self, authorization):
        async def app(scope, receive, send):
            raise AssertionError("it is never asked")

        scope = {"type": "carrier-pigeon", "path": "/", "method": "GET", "headers": []}
        (start, _) = self.run(AuthorizationMiddleware(app, authorization), scope)
        assert start["status"] == 500

    def test_an_application_without_the_middleware_knows_nobody(self):
        with pytest.raises(errors.ConfigurationError, match="not protected"):
            principal_from_scope({"type": "http"})

    @pytest.mark.parametrize("planted", ["alice", {"subject": "alice"}, None])
    def test_only_the_middleware_says_who_calls(self, planted):
        with pytest.raises(errors.ConfigurationError, match="not protected"):
            authorized_request({"authz_lib": planted})

    def test_a_public_path_has_no_caller(self, authorization):
        async def app(scope, receive, send):
            principal_from_scope(scope)

        protected = AuthorizationMiddleware(app, authorization, public=["GET /a"])
        scope = {"type": "http", "path": "/a", "method": "GET", "headers": []}
        (start, _) = self.run(protected, scope)
        assert start["status"] == 500

    def test_the_scope_of_the_server_is_not_changed(self, authorization):
        async def app(scope, receive, send):
            scope["route"] = "mine"

        scope = {"type": "http", "path": "/a", "method": "GET", "headers": []}
        before = dict(scope)
        self.run(AuthorizationMiddleware(app, authorization, public=["GET /a"]), scope)
        assert scope == before

    def test_context_variables_are_the_callers(self, authorization, tokens):
        seen = []

        async def app(scope, receive, send):
            seen.append(SET_OUTSIDE.get())
            SET_OUTSIDE.set("inside")

        async def outside(scope, receive, send):
            SET_OUTSIDE.set("outside")
            await AuthorizationMiddleware(app, authorization)(scope, receive, send)
            seen.append(SET_OUTSIDE.get())

        pairs = tokens.bearer().items()
        headers = [(name.lower().encode(), value.encode()) for name, value in pairs]
        self.run(outside, {"type": "http", "path": "/", "method": "GET", "headers": headers})
        assert seen == ["outside", "inside"]


class TestADecidedApp:
    def ask_mounted(self, ask, authorization, decided, headers=()):
        async def app(scope, receive, send):
            request = AuthorizedRequest(authorization, scope)

            async def nothing():
                pass

            await request.serve(decided, receive, send, nothing)

        return ask(app, "GET", "/", headers)

    async def page(self, scope, receive, send):
        await PlainTextResponse("page")(scope, receive, send)

    def test_a_public_one_asks_nobody(self, ask, authorization):
        decided = DecidedApp(self.page, is_public=True)
        assert self.ask_mounted(ask, authorization, decided).text == "page"

    def test_another_one_asks_who_calls(self, ask, authorization, tokens):
        decided = DecidedApp(self.page, is_public=False)
        assert self.ask_mounted(ask, authorization, decided).status_code == 401
        assert self.ask_mounted(ask, authorization, decided, tokens.bearer()).text == "page"

    def test_one_without_a_decision_is_kept_back(self, ask, authorization, tokens):
        said = self.ask_mounted(ask, authorization, self.page, tokens.bearer())
        assert (said.status_code, "page" in said.text) == (500, False)

    @pytest.mark.parametrize("other", [health, "app", lambda scope: None])
    def test_it_is_an_application(self, other):
        with pytest.raises(errors.ConfigurationError, match="ASGI application"):
            DecidedApp(other, is_public=True)


class TestConfiguration:
    @pytest.mark.parametrize("decisions", ["engine", CedarEngine, object()])
    def test_decisions_are_a_decision_point(self, decisions):
        with pytest.raises(errors.ConfigurationError, match="`decisions`"):
            AppAuthorization(None, decisions=decisions)

    def test_errors_have_one_of_two_shapes(self):
        with pytest.raises(errors.ConfigurationError, match="`errors`"):
            AppAuthorization(None, errors="html")

    @pytest.mark.parametrize("other", [None, "standalone", AppAuthorization])
    def test_the_middleware_needs_an_authorization(self, other):
        with pytest.raises(errors.ConfigurationError, match="`authorization`"):
            AuthorizationMiddleware(health, other)

    @pytest.mark.parametrize(
        "public", ["GET /health", ["/health"], ["get /health"], ["GET health"], ["*"], [7]]
    )
    def test_public_is_a_list_of_methods_and_paths(self, authorization, public):
        with pytest.raises(errors.ConfigurationError, match="`public`"):
            AuthorizationMiddleware(health, authorization, public=public)

    def test_an_action_needs_decisions(self, authorization, tokens):
        request = AuthorizedRequest(authorization, {"type": "http"})
        with pytest.raises(errors.ConfigurationError, match="`decisions`"):
            asyncio.run(request.require(None, "Cancel", EntityUid("Order", "7")))

    def test_its_text_names_the_way(self, authorization):
        assert repr(authorization) == "<AppAuthorization by TokenCallers>"

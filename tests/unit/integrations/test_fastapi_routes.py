"""Every way to add a route: without an explicit decision, none is ever asked."""

from __future__ import annotations

from typing import Annotated

import fastapi.routing
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute

from authz_lib import CedarEngine, Entity, EntityUid, Principal
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.asgi import AuthorizationMiddleware
from authz_lib.integrations.fastapi import (
    AppAuthorization,
    CurrentPrincipal,
    Requires,
    authenticated,
    protect,
    public,
)
from authz_lib.integrations.fastapi_routes import CheckedRoutes, checked_routes_of

POLICIES = CedarEngine.from_text(
    "permit(principal, action, resource);",
    """entity User; entity Order;
    action "Get" appliesTo { principal: User, resource: Order };""",
)
ORDER = EntityUid("Order", "7")
ASKED = []


@pytest.fixture(autouse=True)
def nothing_was_asked():
    """No function of a route ran in the test."""
    ASKED.clear()
    yield
    assert ASKED == []


def page():
    ASKED.append("page")
    return "page"


async def plain(request):
    ASKED.append("plain")
    return PlainTextResponse("page")


async def socket(websocket: WebSocket):
    await websocket.accept()
    ASKED.append("socket")


async def asgi(scope, receive, send):
    ASKED.append("asgi")
    await PlainTextResponse("page")(scope, receive, send)


@pytest.fixture
def authorization(tokens):
    return AppAuthorization.standalone(
        verifier=tokens.verifier, tenant_claim=None, decisions=POLICIES
    )


@pytest.fixture
def app(authorization):
    app = FastAPI(openapi_url=None)
    protect(app, authorization)
    return app


def check(app):
    (routes,) = checked_routes_of(app)
    routes.check()


def problem(app):
    with pytest.raises(ConfigurationError) as refused:
        check(app)
    return str(refused.value)


def router_with(*dependencies, path="/page"):
    router = APIRouter()
    router.add_api_route(path, page, dependencies=list(dependencies))
    return router


def nested(app):
    outer, inner = APIRouter(prefix="/b"), router_with()
    outer.include_router(inner, prefix="/c")
    app.include_router(outer, prefix="/a")


def within(app, *routes):
    router = APIRouter(routes=list(routes))
    app.include_router(router, prefix="/a")


class OwnRoute(APIRoute):
    """A class of an application's own."""


def own_class(app):
    router = APIRouter(route_class=OwnRoute)
    router.add_api_route("/page", page)
    app.include_router(router)


def decided_elsewhere(app):
    app.include_router(router_with(public()), prefix="/ok")
    app.include_router(router_with(), prefix="/not")


# How a route comes to be there, and what the message must say of it.
WAYS = {
    "decorator": (lambda app: app.get("/page")(page), "`GET /page`"),
    "add_api_route": (lambda app: app.add_api_route("/page", page), "`GET /page`"),
    "api_route": (
        lambda app: app.api_route("/page", methods=["PUT", "POST"])(page),
        "`POST or PUT /page`",
    ),
    "head": (lambda app: app.head("/page")(page), "`HEAD /page`"),
    "options": (lambda app: app.options("/page")(page), "`OPTIONS /page`"),
    "router": (lambda app: app.include_router(router_with(), prefix="/a"), "`GET /a/page`"),
    "nested routers": (nested, "`GET /a/b/c/page`"),
    "a route class": (own_class, "`GET /page`"),
    "beside a decided one": (decided_elsewhere, "`GET /not/page`"),
    "caller alone": (
        lambda app: app.add_api_route("/page", page, dependencies=[CurrentPrincipal]),
        "`GET /page`",
    ),
    "other dependency": (
        lambda app: app.add_api_route("/page", page, dependencies=[Depends(lambda: 1)]),
        "`GET /page`",
    ),
    "plain route": (lambda app: app.add_route("/page", plain), "`GET or HEAD /page`"),
    "plain route in a router": (
        lambda app: within(app, Route("/page", plain)),
        "`GET or HEAD /a/page`",
    ),
    "websocket": (lambda app: app.websocket("/page")(socket), "`WebSocket /page`"),
    "add_api_websocket_route": (
        lambda app: app.add_api_websocket_route("/page", socket),
        "`WebSocket /page`",
    ),
    "plain websocket": (
        lambda app: app.router.routes.append(WebSocketRoute("/page", socket)),
        "`WebSocket /page`",
    ),
    "plain websocket in a router": (
        lambda app: within(app, WebSocketRoute("/page", socket)),
        "`WebSocket /a/page`",
    ),
    "mount": (lambda app: app.mount("/page", asgi), "mounted at `/page`"),
    "mount in a router": (lambda app: within(app, Mount("/page", asgi)), "mounted at `/a/page`"),
    "mounted routes": (
        lambda app: app.router.routes.append(Mount("/a", routes=[Route("/page", plain)])),
        "`GET or HEAD /a/page`",
    ),
    "mounted router": (lambda app: app.mount("/a", router_with()), "`GET /a/page`"),
    "mounted FastAPI": (
        lambda app: app.mount("/page", FastAPI()),
        "mounted at `/page` is an application that is not protected",
    ),
    "mounted Starlette": (
        lambda app: app.mount("/page", Starlette()),
        "mounted at `/page` is an application that is not protected",
    ),
    "mounted default": (lambda app: app.mount("/a", Router(default=asgi)), "the default of `/a/`"),
    "default": (lambda app: setattr(app.router, "default", asgi), "the default of `/`"),
    "host": (lambda app: app.router.routes.append(Host("x.example", asgi)), "`x.example`"),
    "host in a router": (lambda app: within(app, Host("x.example", asgi)), "x.example"),
}
# Older versions of FastAPI leave out what is mounted in a router.
if not hasattr(fastapi.routing, "_IncludedRouter"):
    del WAYS["mount in a router"], WAYS["host in a router"]


@pytest.mark.parametrize("way", WAYS)
class TestWithoutADecision:
    def test_it_is_found(self, app, way):
        add, expected = WAYS[way]
        add(app)
        assert expected in problem(app)

    def test_the_application_does_not_start(self, app, way, served):
        WAYS[way][0](app)
        assert not served(app).started

    def test_no_route_is_asked_without_a_start(self, app, way, ask, tokens):
        WAYS[way][0](app)
        for path in ("/page", "/a/page", "/a/b/c/page", "/not/page"):
            for headers in ({}, tokens.bearer(), {"Host": "x.example"}):
                assert ask(app, "GET", path, headers).status_code == 500

    def test_one_that_is_added_later_is_not_asked(self, app, way, ask, tokens):
        app.add_api_route("/first", lambda: "first", dependencies=[public()])
        assert ask(app, "GET", "/first").json() == "first"
        WAYS[way][0](app)
        for path in ("/first", "/page", "/a/page"):
            assert ask(app, "GET", path, tokens.bearer()).status_code == 500


class TestAddedLater:
    """To a router that was included before; older versions of FastAPI have copied its routes."""

    def test_to_an_included_router(self, app, ask, tokens):
        outer, inner = APIRouter(), router_with(public(), path="/ok")
        outer.include_router(inner, prefix="/b")
        app.include_router(outer, prefix="/a")
        check(app)
        inner.add_api_route("/page", page)
        assert ask(app, "GET", "/a/b/page", tokens.bearer()).status_code in {404, 500}

    def test_in_the_place_of_another(self, app, ask, tokens):
        app.add_api_route("/page", page, dependencies=[authenticated()])
        check(app)
        app.router.routes[-1] = APIRoute("/page", page)
        assert ask(app, "GET", "/page", tokens.bearer()).status_code == 500

    def test_a_decided_one_is_asked(self, app, ask, tokens):
        check(app)
        app.add_api_route("/late", lambda: "late", dependencies=[authenticated()])
        assert ask(app, "GET", "/late").status_code == 401
        assert ask(app, "GET", "/late", tokens.bearer()).json() == "late"

    def test_an_undecided_one_that_is_taken_away_again(self, app, ask):
        app.add_api_route("/ok", lambda: "ok", dependencies=[public()])
        app.add_api_route("/page", page)
        assert ask(app, "GET", "/ok").status_code == 500
        app.router.routes.pop()
        assert ask(app, "GET", "/ok").json() == "ok"

    def test_unchanged_routes_are_read_once(self, app, monkeypatch):
        app.add_api_route("/ok", lambda: "ok", dependencies=[public()])
        check(app)
        monkeypatch.setattr("authz_lib.integrations.fastapi_routes._Reading", None)
        check(app)


class TestDecided:
    @pytest.mark.parametrize("decision", [public, authenticated, lambda: Requires(scopes=["a"])])
    def test_each_way_to_say_it(self, authorization, decision):
        for place in ("app", "router", "include", "route"):
            at = {name: [decision()] if name == place else [] for name in ("app", "router")}
            app = FastAPI(openapi_url=None, dependencies=at["app"])
            protect(app, authorization)
            router = APIRouter(dependencies=at["router"])
            given = [decision()] if place == "route" else []
            router.add_api_route("/page", page, dependencies=given)
            router.add_api_websocket_route("/socket", socket, dependencies=given)
            included = [decision()] if place == "include" else []
            app.include_router(router, dependencies=included)
            check(app)

    def test_a_parameter_says_it(self, app):
        def get(caller: Annotated[Principal, authenticated()]):
            pass

        app.add_api_route("/page", get)
        app.add_api_websocket_route("/socket", get)
        check(app)

    def test_a_dependency_of_a_dependency_says_it(self, app):
        def inner(caller: Annotated[Principal, Requires(scopes=["a"])]):
            return caller

        def get(caller: Annotated[Principal, Depends(inner)] = None):
            pass

        get.__annotations__["caller"] = Annotated[Principal, Depends(inner)]
        app.add_api_route("/page", get)
        check(app)

    def test_what_is_mounted(self, app, tmp_path, ask, tokens):
        (tmp_path / "a.txt").write_text("a")
        app.mount("/site", public(StaticFiles(directory=tmp_path)))
        app.mount("/files", authenticated(StaticFiles(directory=tmp_path)))
        check(app)
        assert ask(app, "GET", "/site/a.txt").text == "a"
        assert ask(app, "GET", "/files/a.txt").status_code == 401
        assert ask(app, "GET", "/files/a.txt", tokens.bearer()).text == "a"

    def test_a_plain_route(self, app, ask):
        app.add_route("/page", public(PlainTextResponse("a")))
        assert ask(app, "GET", "/page").text == "a"

    def test_a_mounted_application_is_protected_by_itself(self, app, authorization, ask, tokens):
        inner = FastAPI(openapi_url=None)
        protect(inner, authorization)
        inner.add_api_route("/me", lambda: "me", dependencies=[authenticated()])
        app.mount("/inner", inner)
        check(app)
        assert ask(app, "GET", "/inner/me").status_code == 401
        assert ask(app, "GET", "/inner/me", tokens.bearer()).json() == "me"
        inner.add_api_route("/page", page)
        assert ask(app, "GET", "/inner/page", tokens.bearer()).status_code == 500
        app.add_api_route("/ok", lambda: "ok", dependencies=[public()])  # all is read again
        assert "`GET /page`" in problem(app)

    def test_a_mounted_starlette_with_the_middleware(self, app, authorization, ask, tokens):
        async def me(request):
            return PlainTextResponse("me")

        guard = Middleware(AuthorizationMiddleware, authorization=authorization)
        app.mount("/inner", Starlette(routes=[Route("/me", me)], middleware=[guard]))
        app.mount("/other", AuthorizationMiddleware(Router([Route("/me", me)]), authorization))
        check(app)
        for prefix in ("/inner", "/other"):
            assert ask(app, "GET", f"{prefix}/me").status_code == 401
            assert ask(app, "GET", f"{prefix}/me", tokens.bearer()).text == "me"


class TestContradictions:
    @pytest.mark.parametrize(
        "others",
        [
            [authenticated()],
            [Requires(scopes=["a"])],
            [Requires("Get", resource=ORDER)],
            [CurrentPrincipal],
        ],
        ids=["authenticated", "scopes", "action", "caller"],
    )
    def test_public_beside_another(self, app, others):
        app.include_router(router_with(*others), dependencies=[public()])
        assert "`GET /page` is public and asks who calls" in problem(app)

    def test_public_twice_is_none(self, app):
        app.include_router(router_with(public()), dependencies=[public()])
        check(app)

    def test_an_action_that_the_schema_does_not_know(self, app):
        app.include_router(router_with(Requires("Gett", resource=ORDER)))
        assert "`GET /page`: the schema has no action `Gett`" in problem(app)

    def test_an_action_without_decisions(self, tokens):
        app = FastAPI(openapi_url=None)
        protect(app, AppAuthorization.standalone(verifier=tokens.verifier, tenant_claim=None))
        app.include_router(router_with(Requires("Get", resource=ORDER)))
        assert "there are no `decisions`" in problem(app)

    def test_an_action_that_it_knows(self, app):
        def load():
            return Entity(ORDER)

        app.include_router(router_with(Requires("Get", resource=load)))
        check(app)

    def test_every_problem_is_named(self, app):
        app.add_api_route("/a", page)
        app.add_api_route("/b", page)
        assert problem(app).endswith(
            "`GET /a` has no explicit decision; `GET /b` has no explicit decision"
        )


class TestFrontends:
    """Pages that FastAPI serves where no other route fits, since 0.138."""

    @pytest.fixture
    def site(self, tmp_path):
        if not hasattr(APIRouter, "frontend"):
            pytest.skip("this FastAPI has none")
        (tmp_path / "index.html").write_text("page")
        return tmp_path

    def test_one_without_a_decision_is_found(self, app, site, ask):
        app.frontend("/", directory=site)
        assert "a frontend of `/`" in problem(app)
        assert ask(app, "GET", "/").status_code == 500

    def test_also_in_a_router(self, app, site):
        router = APIRouter()
        router.frontend("/", directory=site)
        app.include_router(router, prefix="/site")
        assert "a frontend of `/`" in problem(app)

    def test_the_router_decides(self, app, site, ask):
        group = getattr(fastapi.routing, "_FrontendRouteGroup", None)
        if not hasattr(group, "_solve_dependencies"):
            pytest.skip("this FastAPI asks no dependencies of a router for its frontend")
        router = APIRouter(dependencies=[public()])
        router.frontend("/", directory=site)
        app.include_router(router)
        check(app)
        assert ask(app, "GET", "/index.html").text == "page"


class TestUnreadable:
    def test_a_route_of_an_unknown_kind(self, app):
        class Strange:
            path = "/page"

        app.router.routes.append(Strange())
        assert "`any method of /page` has no explicit decision" in problem(app)

    def test_an_included_router_of_an_unknown_kind(self, app):
        class Included:
            original_router = APIRouter()

        app.router.routes.append(Included())
        assert "cannot be read" in problem(app)

    def test_what_the_check_cannot_see_is_kept_back(self, app, ask, tokens):
        """A handler that goes around the dependencies of its route."""

        class Around(APIRoute):
            def get_route_handler(self):
                async def handler(request):
                    return PlainTextResponse("page")

                return handler

        router = APIRouter(route_class=Around)
        router.add_api_route("/page", page, dependencies=[authenticated()])
        app.include_router(router)
        check(app)
        said = ask(app, "GET", "/page", tokens.bearer())
        assert (said.status_code, "page" in said.text) == (500, False)

    def test_a_failed_reading_is_not_remembered(self, app, authorization, monkeypatch):
        app.add_api_route("/ok", lambda: "ok", dependencies=[public()])
        routes = CheckedRoutes(app, authorization)
        monkeypatch.setattr(app.router, "routes", None)
        for _ in range(2):
            with pytest.raises(TypeError):
                routes.check()

"""Whether each route of a FastAPI application has an explicit decision.  Needs the extra
``fastapi``.

What cannot be read counts as a route without one.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.asgi import AuthorizationMiddleware, DecidedApp
from authz_lib.integrations.fastapi_decisions import CALLER, RequiredAction, RouteDecision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.integrations.asgi import AppAuthorization

load_extra("fastapi", extra="fastapi", what="`authz_lib.integrations.fastapi`")

from fastapi import FastAPI, routing  # noqa: E402  after the error that names the extra
from starlette.applications import Starlette  # noqa: E402
from starlette.routing import Host, Mount, Router, WebSocketRoute  # noqa: E402

__all__ = ["CheckedRoutes", "checked_routes_of", "is_documentation"]

_NOTHING = "has no explicit decision"


class CheckedRoutes:
    """The routes of an application, which are read again where one was added or taken away.

    Args:
        application: whose routes are read; those of applications that are mounted too.
        authorization: what the routes are asked by.
    """

    __slots__ = ("_application", "_authorization", "_seen")

    def __init__(self, application: FastAPI, authorization: AppAuthorization) -> None:
        self._application = application
        self._authorization = authorization
        self._seen: list[tuple[Router, list[Any]]] | None = None

    def check(self) -> None:
        """Refuse an application with a route that nobody has decided upon.

        Raises:
            ConfigurationError: names each such route.
        """
        if self._seen is not None and all(map(_is_unchanged, self._seen)):
            return
        reading = _Reading(self._authorization)
        reading.router(self._application.router, "")
        if reading.problems:
            raise ConfigurationError(
                "each route needs `Requires(...)`, `authenticated()` or `public()`: "
                + "; ".join(dict.fromkeys(reading.problems))
            )
        self._seen = reading.seen


def checked_routes_of(application: Starlette) -> list[CheckedRoutes]:
    """What stands before the routes of a protected application; nothing for another one."""
    given = [one.kwargs.get("routes") for one in application.user_middleware]
    return [routes for routes in given if isinstance(routes, CheckedRoutes)]


def is_documentation(route: Any) -> bool:
    """Whether FastAPI has added the route for its own documentation."""
    return getattr(getattr(route, "endpoint", None), "__module__", None) == FastAPI.__module__


class _Reading:
    """One reading of all routes: the routers that they stand in, and what is wrong with them."""

    def __init__(self, authorization: AppAuthorization) -> None:
        self._authorization = authorization
        self.seen: list[tuple[Router, list[Any]]] = []
        self.problems: list[str] = []

    def router(self, router: Router, prefix: str) -> None:
        """A router, and all below it."""
        self.seen.append((router, _held_by(router)))
        if router.default != router.not_found:
            self._app(router.default, f"the default of `{prefix}/`", prefix)
        for route in router.routes:
            if hasattr(route, "original_router"):
                self._included(route, prefix)
            else:
                self._route(route, route, prefix)
        for route in _frontends_of(router):
            self._dependencies(getattr(route, "dependant", None), f"a frontend of `{prefix}/`")

    def _included(self, included: Any, prefix: str) -> None:
        """A router that FastAPI keeps as one route, instead of a copy of each of its routes."""
        self._watch_included(included.original_router)
        contexts = getattr(included, "effective_route_contexts", None)
        if contexts is None:
            self.problems.append(f"the routes of a router in `{prefix}/` cannot be read")
            return
        for context in contexts():
            # What is no route of FastAPI's own is made anew, with the prefix of the router.
            effective = getattr(context, "starlette_route", None) or context
            self._route(context.original_route, effective, prefix)
        for frontend in getattr(included, "effective_low_priority_routes", tuple)():
            self._dependencies(getattr(frontend, "dependant", None), f"a frontend of `{prefix}/`")

    def _watch_included(self, router: Any) -> None:
        self.seen.append((router, _held_by(router)))
        for route in router.routes:
            if hasattr(route, "original_router"):
                self._watch_included(route.original_router)

    def _route(self, declared: Any, effective: Any, prefix: str) -> None:
        """One route: as it was declared, and as it is where its router was included."""
        path = f"{prefix}{getattr(effective, 'path', None) or getattr(effective, 'host', '')}"
        if isinstance(declared, Mount | Host):
            app = getattr(effective, "_base_app", None) or effective.app
            self._app(app, f"what is mounted at `{path}`", path)
            return
        methods = sorted(getattr(effective, "methods", None) or ["any method of"])
        kind = "WebSocket" if isinstance(declared, WebSocketRoute) else " or ".join(methods)
        where = f"`{kind} {path}`"
        if isinstance(declared, routing.APIRoute | routing.APIWebSocketRoute):
            self._dependencies(effective.dependant, where)
        elif not any(
            isinstance(getattr(effective, name, None), DecidedApp) for name in ("app", "endpoint")
        ):
            more = ": `protect` needs `docs`" if is_documentation(declared) else ""
            self.problems.append(f"{where} {_NOTHING}{more}")

    def _app(self, app: Any, where: str, prefix: str) -> None:
        """An application in the place of a route."""
        if isinstance(app, DecidedApp | AuthorizationMiddleware):
            return
        if isinstance(app, Starlette):
            self._application(app, where)
        elif isinstance(app, Router):
            self.router(app, prefix)
        else:
            self.problems.append(f"{where} {_NOTHING}")

    def _application(self, app: Starlette, where: str) -> None:
        """An application with middleware of its own, which would answer our errors with 500."""
        own = checked_routes_of(app)
        for routes in own:
            routes.check()
        kinds: list[Any] = [one.cls for one in app.user_middleware]
        if not own and AuthorizationMiddleware not in kinds:
            self.problems.append(f"{where} is an application that is not protected itself")

    def _dependencies(self, dependant: Any, where: str) -> None:
        """A route with dependencies, of which one must be a decision."""
        calls = list(_calls(dependant))
        decisions = [call for call in calls if isinstance(call, RouteDecision)]
        is_public = [decision.is_public for decision in decisions]
        if not decisions:
            self.problems.append(f"{where} {_NOTHING}")
        elif any(is_public) and (not all(is_public) or CALLER in calls):
            self.problems.append(f"{where} is public and asks who calls")
        for decision in decisions:
            if isinstance(decision, RequiredAction) and decision.action is not None:
                self._action(decision.action, where)

    def _action(self, action: str, where: str) -> None:
        decisions = self._authorization.decisions
        if decisions is None:
            self.problems.append(f"{where} requires an action, and there are no `decisions`")
            return
        names = decisions.schema_names
        if names and (decisions.vocabulary.action_type, action) not in names.actions:
            self.problems.append(f"{where}: the schema has no action `{action}`")


def _frontends_of(router: Any) -> list[Any]:
    """Where FastAPI looks after all routes: the pages of `frontend`."""
    return list(getattr(router, "_low_priority_routes", ()))


def _held_by(router: Any) -> list[Any]:
    """All that a router may hand a request to."""
    return [router.default, *router.routes, *_frontends_of(router)]


def _is_unchanged(seen: tuple[Router, list[Any]]) -> bool:
    router, before = seen
    now = _held_by(router)
    return len(now) == len(before) and all(map(is_, now, before))


def _calls(dependant: Any) -> Iterator[Any]:
    """All that FastAPI calls before the function of a route."""
    waiting = list(getattr(dependant, "dependencies", ()))
    while waiting:
        one = waiting.pop()
        yield one.call
        waiting.extend(one.dependencies)

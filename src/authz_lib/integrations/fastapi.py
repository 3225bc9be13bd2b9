"""Authorization of a FastAPI application, as its dependencies.  Needs the extra ``fastapi``.

=============================================  ============================  ==================
a route says                                   who is let pass               what it gives
=============================================  ============================  ==================
``Requires("CancelOrder", resource=load)``     whom the policies allow it    what ``load`` gave
``Requires(scopes=["orders/read"])``           tokens with the scopes        the caller
``authenticated()``                            every known caller            the caller
``public()``                                   everybody                     nothing
=============================================  ============================  ==================

A route that says none of these is refused when the application starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from authz_lib._support.checks import require_one_of
from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.asgi import AppAuthorization, AuthorizedRequest, DecidedApp
from authz_lib.integrations.fastapi_decisions import (
    CALLER,
    AnyCaller,
    Everybody,
    RequiredAction,
)
from authz_lib.integrations.fastapi_openapi import AuthorizedOpenAPI
from authz_lib.integrations.fastapi_routes import (
    CheckedRoutes,
    checked_routes_of,
    is_documentation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from authz_lib.entities import Entity, EntityUid
    from authz_lib.integrations.asgi import ASGIApp, Receive, Scope, Send

load_extra("fastapi", extra="fastapi", what="`authz_lib.integrations.fastapi`")

from fastapi import Depends, FastAPI, Security  # noqa: E402  after the error that names the extra
from starlette.middleware import Middleware  # noqa: E402
from starlette.routing import Route  # noqa: E402

__all__ = [
    "AppAuthorization",
    "CurrentPrincipal",
    "Requires",
    "authenticated",
    "protect",
    "public",
]

CurrentPrincipal: Final[Any] = Depends(CALLER)
"""Who calls: ``caller: Annotated[Principal, CurrentPrincipal]``.  By itself it decides nothing."""


def Requires(  # noqa: N802  a dependency, written as FastAPI's own `Depends`
    action: str | None = None,
    *,
    resource: Callable[..., Any] | Entity | EntityUid | None = None,
    entity: Callable[[Any], Entity | EntityUid] | None = None,
    context: Callable[..., Any] | None = None,
    scopes: Collection[str] = (),
) -> Any:
    """A dependency that lets pass whom the policies allow the action, and gives the resource.

    The order is fixed: who calls, the scopes, ``resource`` and ``context``, the policies, and then
    the function of the route.  A failure of any of them ends the request.

    Not checked: other dependencies of the route, which FastAPI may call before this one.

    Args:
        action: the id of the action; ``None`` where the scopes decide.
        resource: on what: a dependency of FastAPI that loads it, ``def`` or ``async def``, or one
            and the same `EntityUid` or `Entity` for all requests.  ``None`` from it is a 404.
        entity: makes the `Entity` of what was loaded; without it, it must be one.
        context: a dependency of FastAPI that gives the context of the question.
        scopes: what the caller's token must have, all of them.

    Raises:
        ConfigurationError: an action without a resource, or other arguments without an action.

    >>> from typing import Annotated
    >>> from fastapi import FastAPI
    >>> from authz_lib import Entity, EntityUid
    >>> app = FastAPI()
    >>> def load_order(order_id: str) -> Entity:
    ...     owner = EntityUid("User", "alice")
    ...     return Entity(EntityUid("Order", order_id), attrs={"owner": owner})
    >>> CancelledOrder = Annotated[
    ...     Entity, Requires("commercial:CancelOrder", resource=load_order)
    ... ]
    >>> @app.delete("/orders/{order_id}")
    ... def cancel(order: CancelledOrder) -> str:
    ...     return order.uid.id
    """
    required = RequiredAction(
        action, resource=resource, entity=entity, context=context, scopes=scopes
    )
    return Security(required, scopes=sorted(required.scopes))


def public(app: ASGIApp | None = None) -> Any:
    """A dependency that lets everybody pass; or an ASGI application that everybody may ask.

    Beside `Requires`, `authenticated` or `CurrentPrincipal` it is an error when the application
    starts.

    Args:
        app: an application to mount, such as ``StaticFiles(directory="site")``.

    Raises:
        ConfigurationError: ``app`` is no ASGI application.
    """
    return Depends(Everybody()) if app is None else DecidedApp(app, is_public=True)


def authenticated(app: ASGIApp | None = None) -> Any:
    """A dependency that lets every known caller pass; or an ASGI application for them.

    What each of them may see is for the function of the route to find out.

    Args:
        app: an application to mount.

    Raises:
        ConfigurationError: ``app`` is no ASGI application.
    """
    return Depends(AnyCaller()) if app is None else DecidedApp(app, is_public=False)


def protect(
    app: FastAPI,
    authorization: AppAuthorization,
    *,
    docs: Literal["public", "authenticated"] | None = None,
) -> None:
    """Authorize the requests of an application; call it once, when the application is made.

    - Refusals are answered in the shape of ``authorization.errors``, with ``WWW-Authenticate`` and
      ``Retry-After``.
    - When the application starts, each of its routes must have an explicit decision: also those of
      routers and of what is mounted, WebSockets too.  Without one it does not start.
    - A route that is added later is held against the same rule with the next request; until it has
      a decision, every request is answered with 500.
    - OpenAPI names the security schemes, and the answers 401, 403 and 503.

    An application that is mounted in this one is protected by itself.

    Args:
        app: the application.
        authorization: how callers are known.
        docs: who may read ``/docs``, ``/redoc`` and ``/openapi.json``; they need a word, unless the
            application has none (``FastAPI(openapi_url=None)``).

    Raises:
        ConfigurationError: an argument makes no sense, the application is protected already, or it
            has started.

    >>> from authz_lib import ExpectedGateway
    >>> from fastapi import FastAPI
    >>> app = FastAPI()
    >>> gateway = ExpectedGateway(
    ...     kind="http-jwt",
    ...     api_id="a1b2c3",
    ...     account_id="123456789012",
    ...     issuer="https://issuer.example",
    ...     client_ids=["web"],
    ...     token_use="access",
    ... )
    >>> protect(app, AppAuthorization.mangum(gateway=gateway), docs="public")
    >>> @app.get("/health", dependencies=[public()])
    ... def health() -> str:
    ...     return "ok"
    """
    given: Any = app
    if not isinstance(given, FastAPI):
        raise ConfigurationError("`app` must be a `FastAPI`; for others: `AuthorizationMiddleware`")
    given = authorization
    if not isinstance(given, AppAuthorization):
        raise ConfigurationError("`authorization` must be an `AppAuthorization`")
    require_one_of(docs, "docs", ("public", "authenticated", None))
    if checked_routes_of(app):
        raise ConfigurationError("the application is protected already")
    if app.middleware_stack is not None:
        raise ConfigurationError("the application has started: protect it where it is made")
    if docs is not None:
        _decide_docs(app, is_public=docs == "public")
    routes = CheckedRoutes(app, authorization)
    # The innermost: what other middleware adds, such as CORS headers, refusals have too.
    app.user_middleware.append(Middleware(_Guard, authorization=authorization, routes=routes))
    app.openapi = AuthorizedOpenAPI(  # type: ignore[method-assign]  # as FastAPI documents it
        app.openapi,
        placeholder=CALLER.scheme_name,
        schemes=authorization.callers.schemes,
        error_format=authorization.errors,
    )


def _decide_docs(app: FastAPI, *, is_public: bool) -> None:
    """Decide upon the routes that FastAPI itself adds for its documentation."""
    for route in app.router.routes:
        if isinstance(route, Route) and is_documentation(route):
            route.app = DecidedApp(route.app, is_public=is_public)


class _Guard:
    """Stands before the routes: none is asked before all of them are decided upon."""

    def __init__(
        self, app: ASGIApp, *, authorization: AppAuthorization, routes: CheckedRoutes
    ) -> None:
        self._app = app
        self._authorization = authorization
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._start(scope, receive, send)
            return
        request = AuthorizedRequest(self._authorization, scope)
        await request.serve(self._app, receive, send, self._admit)

    async def _admit(self) -> None:
        self._routes.check()

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start the application, or tell the server why not: it would go on after an error."""
        try:
            self._routes.check()
        except ConfigurationError as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await self._app(scope, receive, send)

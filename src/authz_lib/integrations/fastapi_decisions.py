"""The decisions of a FastAPI route, as its dependencies.  Needs the extra ``fastapi``.

Each is an object that FastAPI calls.  What it depends on itself stands in its signature: the caller
first, then the scopes, then what the application loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter, Signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.checks import require_function, require_names, require_text
from authz_lib._support.extras import load_extra
from authz_lib.entities import Entity, EntityUid
from authz_lib.errors import ConfigurationError, InsufficientScopeError
from authz_lib.integrations.asgi import authorized_request
from authz_lib.smithy.errors import not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from authz_lib.principal import Principal

load_extra("fastapi", extra="fastapi", what="`authz_lib.integrations.fastapi`")

from fastapi import Depends  # noqa: E402  after the error that names the extra
from fastapi.openapi.models import HTTPBearer  # noqa: E402
from fastapi.requests import HTTPConnection  # noqa: E402
from fastapi.security.base import SecurityBase  # noqa: E402

__all__ = ["CALLER", "AnyCaller", "Everybody", "KnownCaller", "RequiredAction", "RouteDecision"]

_NO_CONTEXT: Mapping[str, object] = MappingProxyType({})


def _signature(**dependencies: Any) -> Signature:
    """Of a call with the request and what these dependencies give."""
    connection = Parameter("connection", Parameter.KEYWORD_ONLY, annotation=HTTPConnection)
    others = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=Depends(given), annotation=Any)
        for name, given in dependencies.items()
    ]
    return Signature([connection, *others])


class KnownCaller(SecurityBase):
    """Who calls; for FastAPI a security scheme, so that OpenAPI names it."""

    scheme_name = "authz_lib caller"
    """Replaced by the schemes of the application, see `fastapi_openapi`."""

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.__signature__ = _signature()

    async def __call__(self, *, connection: HTTPConnection) -> Principal:
        """Called by FastAPI."""
        return await authorized_request(connection.scope).principal()


CALLER: Final = KnownCaller()


class RouteDecision:
    """Why a request is let pass; a route without one is refused when the application starts."""

    is_public = False


class Everybody(RouteDecision):
    """Everybody is let pass."""

    is_public = True

    def __init__(self) -> None:
        self.__signature__ = _signature()

    async def __call__(self, *, connection: HTTPConnection) -> None:
        """Called by FastAPI."""
        authorized_request(connection.scope).let_pass()


class AnyCaller(RouteDecision):
    """Every known caller is let pass."""

    def __init__(self) -> None:
        self.__signature__ = _signature(principal=CALLER)

    async def __call__(self, *, connection: HTTPConnection, principal: Principal) -> Principal:
        """Called by FastAPI."""
        authorized_request(connection.scope).let_pass()
        return principal


class _ScopedCaller:
    """Who calls, with a token that has the scopes: asked before anything is loaded."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self._scopes = scopes
        self.__signature__ = _signature(principal=CALLER)

    async def __call__(self, *, connection: HTTPConnection, principal: Principal) -> Principal:
        del connection
        if not self._scopes <= principal.scopes:
            raise InsufficientScopeError(
                "the token lacks a scope that the route requires",
                configured={"scopes": self._scopes},
            )
        return principal


class RequiredAction(RouteDecision):
    """Callers are let pass whose token has the scopes, and whom the policies allow the action.

    Raises:
        ConfigurationError: the arguments make no sense together.
    """

    def __init__(
        self,
        action: str | None,
        *,
        resource: Callable[..., Any] | Entity | EntityUid | None,
        entity: Callable[[Any], Entity | EntityUid] | None,
        context: Callable[..., Any] | None,
        scopes: Collection[str],
    ) -> None:
        self.scopes = frozenset(require_names(scopes, "scopes")) if scopes else frozenset[str]()
        self.action = None if action is None else require_text(action, "action")
        if action is None and not (self.scopes and resource is entity is context is None):
            raise ConfigurationError("without an action, `Requires` takes `scopes` and no other")
        if action is not None and resource is None:
            raise ConfigurationError(
                "an action needs a `resource`: a function that loads it, or an `EntityUid`"
            )
        self._fixed = resource if isinstance(resource, Entity | EntityUid) else None
        if self._fixed is not None and entity is not None:
            raise ConfigurationError("`entity` is for a `resource` that is loaded")
        require_function(entity, "entity", optional=True)
        self._entity = entity
        loaders: dict[str, Any] = {}
        if self._fixed is None and resource is not None:
            loaders["resource"] = _require_loader(resource, "resource")
        if context is not None:
            loaders["context"] = _require_loader(context, "context")
        caller = _ScopedCaller(self.scopes) if self.scopes else CALLER
        self.__signature__ = _signature(principal=caller, **loaders)

    async def __call__(
        self,
        *,
        connection: HTTPConnection,
        principal: Principal,
        resource: Any = None,
        context: Any = _NO_CONTEXT,
    ) -> Any:
        """Called by FastAPI; what the function has loaded, or the caller where nothing is."""
        request = authorized_request(connection.scope)
        if self.action is not None:
            if not isinstance(context, Mapping):
                raise ConfigurationError(f"`context` of `{self.action}` must give a mapping")
            await request.require(principal, self.action, self._entity_of(resource), context)
        request.let_pass()
        return principal if resource is None else resource

    def _entity_of(self, loaded: Any) -> Entity | EntityUid:
        if self._fixed is not None:
            return self._fixed
        if loaded is None:
            raise not_found()
        found = loaded if self._entity is None else self._entity(loaded)
        if not isinstance(found, Entity | EntityUid):
            raise ConfigurationError(
                f"`resource` of `{self.action}` must give an `Entity`, an `EntityUid` or `None`; "
                "anything else needs `entity`, which makes one of it"
            )
        return found


def _require_loader(loader: object, argument: str) -> object:
    if not callable(loader):
        raise ConfigurationError(f"`{argument}` must be a function that loads it")
    return loader

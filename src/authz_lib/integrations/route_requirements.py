"""What a route of a Powertools resolver asks of its caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from authz_lib._support.checks import require_function, require_names, require_text
from authz_lib.entities import Entity, EntityUid
from authz_lib.errors import ConfigurationError
from authz_lib.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Collection

    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, BaseRouter

__all__ = [
    "MET_KEY",
    "PRINCIPAL_KEY",
    "Next",
    "ResourceOfRoute",
    "RouteRequirement",
    "any_caller",
    "principal_of",
    "public",
    "requires",
]

ResourceOfRoute: TypeAlias = EntityUid | Entity | Callable[[Mapping[str, Any]], EntityUid | Entity]
"""The resource of a route, or what makes it of the route's arguments."""

Next: TypeAlias = "Callable[[ApiGatewayResolver], Response[Any]]"
"""What a middleware of Powertools calls to go on."""

PRINCIPAL_KEY: Final = "principal"
"""Where ``app.context`` holds the caller."""

MET_KEY: Final = "authz_requirement"
"""Where it holds the requirement that was met."""


class RouteRequirement:
    """What one route asks for.  Made by `requires`, `any_caller` and `public`.

    It is a middleware of the route: where no `ResolverAuthorization` has met it, the route does not
    run.
    """

    def __init__(
        self,
        *,
        is_public: bool = False,
        action: str | None = None,
        resource: ResourceOfRoute | None = None,
        scopes: Collection[str] = (),
    ) -> None:
        self.is_public = is_public
        self.action = action
        self.resource = resource
        self.scopes = frozenset(scopes)
        self.__name__ = "public" if is_public else "requires"  # Powertools asks a middleware for it

    def __call__(self, app: ApiGatewayResolver, next_middleware: Next) -> Response[Any]:
        """Go on, if this requirement was met."""
        if app.context.get(MET_KEY) is not self:
            raise ConfigurationError(
                "a requirement is for a route whose resolver has a `ResolverAuthorization`"
            )
        return next_middleware(app)

    def resource_for(
        self, arguments: Mapping[str, Any], application: EntityUid | None
    ) -> EntityUid | Entity:
        """The resource that is asked about."""
        if callable(self.resource):
            return self.resource(arguments)
        found = application if self.resource is None else self.resource
        if found is None:  # every route is checked for this
            raise ConfigurationError("an action is on `resource`, or on the `application`")
        return found


def public() -> RouteRequirement:
    """The route is for everybody: no caller is read, and `principal_of` refuses to name one.

    >>> public().is_public
    True
    """
    return RouteRequirement(is_public=True)


def any_caller() -> RouteRequirement:
    """The route is for every caller that is known.

    So it is where an authorizer in front has decided, or where the route decides itself.

    >>> any_caller().action is None
    True
    """
    return RouteRequirement()


def requires(
    action: str | None = None,
    *,
    resource: ResourceOfRoute | None = None,
    scopes: Collection[str] = (),
) -> RouteRequirement:
    """The caller must have the scopes, and the policies must allow the action.

    Args:
        action: the id of the action.  ``None``: the scopes are enough.
        resource: what the action is on: an entity, or a function that makes one of the arguments
            of the route (``{"order_id": "7"}``).  They are the caller's own text.  What it raises
            is an answer, as in the route.  ``None``: the ``application`` of the resolver.
        scopes: OAuth scopes, all of which the caller must have.

    Raises:
        ConfigurationError: neither an action nor scopes, or a resource without an action.

    >>> def order(path):
    ...     return EntityUid("Order", path["order_id"])
    >>> requires("CancelOrder", resource=order).action
    'CancelOrder'
    """
    names = frozenset(require_names(scopes, "scopes")) if scopes else frozenset()
    if action is None and not names:
        raise ConfigurationError("`requires` needs an action or `scopes`; else say `any_caller()`")
    if action is not None:
        require_text(action, "action")
    elif resource is not None:
        raise ConfigurationError("`resource` needs an action")
    if resource is not None and not isinstance(resource, EntityUid | Entity):
        require_function(resource, "resource")
    return RouteRequirement(action=action, resource=resource, scopes=names)


def principal_of(app: BaseRouter) -> Principal:
    """The caller of the request that a resolver, or a `Router` that it includes, is answering.

    Raises:
        ConfigurationError: there is none: the route is `public`, or no request is being answered.
    """
    found = app.context.get(PRINCIPAL_KEY)
    if not isinstance(found, Principal):
        raise ConfigurationError("there is no caller: the route is public, or nothing is answered")
    return found

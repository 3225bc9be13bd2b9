"""The routes of a Powertools resolver, and what each asks for.  Needs the extra ``powertools``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.route_requirements import RouteRequirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, Route

__all__ = ["added_routes", "kinds_of", "matched_route", "require_no_success", "requirement_of"]

_powertools: Any = load_extra(
    "aws_lambda_powertools.event_handler",
    extra="powertools",
    what="`authz_lib.integrations.resolver_routes`",
)

# Which kinds of proxy event a resolver reads, as `VERIFIED_AT` names them.
_KINDS: Mapping[str, frozenset[str]] = {
    "APIGatewayRestResolver": frozenset({"rest", "http-1.0"}),
    "APIGatewayHttpResolver": frozenset({"http-2.0"}),
    "LambdaFunctionUrlResolver": frozenset({"function-url"}),
    "ALBResolver": frozenset(),
}


def kinds_of(app: object) -> frozenset[str]:
    """The kinds of events that a resolver reads, as `VERIFIED_AT` names them.

    Raises:
        ConfigurationError: it is none of the four.
    """
    for name, kinds in _KINDS.items():
        if isinstance(app, getattr(_powertools, name)):
            return kinds
    raise ConfigurationError(f"the resolver must be one of {', '.join(f'`{n}`' for n in _KINDS)}")


def added_routes(app: ApiGatewayResolver) -> list[Route]:
    """Every route that was added; Powertools has no public list."""
    return [*app._static_routes, *app._dynamic_routes]  # noqa: SLF001


def require_no_success(app: ApiGatewayResolver, response: Response[Any]) -> None:
    """Where no route matches, what serves more than a 404 or a preflight is a route in disguise.

    Raises:
        ConfigurationError: it is such an answer.
    """
    is_preflight = app.current_event.http_method.upper() == "OPTIONS" and not response.body
    if response.status_code < 300 and not is_preflight:
        raise ConfigurationError(
            "the handler for what is not found answers with success: make it a route, which says "
            "whom it is for"
        )


def matched_route(app: ApiGatewayResolver) -> Route | None:
    """The route that answers the request; ``None`` where the request matches none."""
    route: Route = app.context["_route"]
    if not route.middlewares and not any(one is route for one in added_routes(app)):
        return None
    return route


def requirement_of(route: Route, *, has_decisions: bool, has_application: bool) -> RouteRequirement:
    """What a route asks for.

    Raises:
        ConfigurationError: it says nothing or several things, or something that cannot be found
            out here.
    """
    found = [one for one in route.middlewares or () if isinstance(one, RouteRequirement)]
    name = f"`{route.method} {route.path}`"
    if len(found) != 1:
        raise ConfigurationError(
            f"the route {name} must have exactly one of `requires(...)`, `any_caller()` and "
            f"`public()` in its `middlewares`; it has {len(found)}"
        )
    (requirement,) = found
    if requirement.action is not None and not has_decisions:
        raise ConfigurationError(f"the route {name} requires an action, without `decisions`")
    if requirement.action is not None and requirement.resource is None and not has_application:
        raise ConfigurationError(
            f"the route {name} requires an action on nothing: it needs `resource`, or the "
            "resolver `application`"
        )
    return requirement

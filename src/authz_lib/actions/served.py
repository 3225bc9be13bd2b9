"""The routes that an API serves, as its own description says: OpenAPI or a template."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib.errors import ConfigurationError
from authz_lib.routes.uri import Segment, UriPattern
from authz_lib.smithy.lint import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from authz_lib.actions.entry import ActionEntry

__all__ = ["ANY", "ServedRoute", "compare_routes", "serves"]

ANY = "ANY"
DEFAULT = "$default"
_NOTHING = Segment("literal", "")  # the root has no segments


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """One route of an API.

    Attributes:
        method: upper case; `ANY` for all.
        path: such as ``/orders/{orderId}``, or ``$default``.
        where: the place in the description, for messages.
        operation: the name that the description gives the operation.
        is_open: whether the gateway asks nobody; ``None`` where the description does not tell.
        scopes: OAuth scopes that the gateway asks for.
        overrides: the members of ``x-authz``, which count before all else.
    """

    method: str
    path: str
    where: str
    operation: str | None = None
    is_open: bool | None = None
    scopes: frozenset[str] = frozenset()
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def compare_routes(
    entries: Sequence[ActionEntry], routes: Sequence[ServedRoute]
) -> Iterator[Finding]:
    """Where an action map and the routes of an API do not fit each other.

    ============== ====================================================================
    rule           what is wrong
    ============== ====================================================================
    no-line        the authorizer refuses all requests of a route: the map lacks it
    no-route       no route serves a line of the map
    open-gateway   the gateway asks nobody, and the map has the route as protected
    ============== ====================================================================
    """
    lines = [(entry, UriPattern.parse(entry.route)) for entry in entries]
    served: set[int] = set()
    for route in routes:
        own = [number for number, line in enumerate(lines) if serves(route, *line)]
        served.update(own)
        if route.is_open is True:
            protected = [number for number in own if not entries[number].public]
            if protected and "+}" not in route.path and route.path != DEFAULT:
                message = (
                    f"the gateway asks nobody, and `actions[{protected[0]}]` has it as protected"
                )
                yield Finding("error", "open-gateway", str(route), message)
        elif not own:
            message = f"the map has no line for this route of {route.where}: it is refused"
            yield Finding("error", "no-line", str(route), message)
    for number, (entry, _) in enumerate(lines):
        if number not in served:
            where = f"{entry.method} {entry.route}"
            message = f"no route serves `actions[{number}]`"
            yield Finding("error", "no-route", where, message)


def serves(route: ServedRoute, entry: ActionEntry, line: UriPattern) -> bool:
    """Whether a route takes the requests of a line of the map."""
    if route.method not in {ANY, entry.method}:
        return False
    if route.path == DEFAULT:
        return True
    try:
        pattern = UriPattern.parse(route.path)
    except ConfigurationError:
        return False
    if pattern.shape == line.shape:
        return True
    *before, last = pattern.segments or (_NOTHING,)
    return (
        last.kind == "greedy"
        and len(line.segments) > len(before)
        and all(
            own.kind == "label" or own == other
            for own, other in zip(before, line.segments, strict=False)
        )
    )

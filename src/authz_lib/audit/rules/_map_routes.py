"""What an action map and a template say of one route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.actions.served import ServedRoute, serves
from authz_lib.audit.rules._words import API_SURFACES
from authz_lib.routes.uri import UriPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.actions.entry import ActionEntry
    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["deployed_routes", "lines_of", "routed_points"]


def routed_points(inventory: Inventory) -> list[EntryPoint]:
    """The entry points that a line of a map can mean."""
    return [
        point
        for point in inventory.entry_points
        if point.surface in API_SURFACES
        and point.is_seen
        and not point.is_preflight
        and point.path is not None
    ]


def deployed_routes(inventory: Inventory) -> list[ServedRoute]:
    """The routes of a template, as `authz actions check` compares them."""
    return [_served(point) for point in routed_points(inventory)]


def _served(point: EntryPoint) -> ServedRoute:
    scopes = frozenset(point.authorization.scopes)
    return ServedRoute(
        point.method, point.path or "", f"`{point.api}`", None, point.is_open, scopes
    )


def lines_of(inventory: Inventory, point: EntryPoint) -> Iterator[tuple[int, ActionEntry]]:
    """The lines of the map whose requests an entry point takes, with their numbers."""
    if inventory.actions is None:
        return
    route = _served(point)
    for number, entry in enumerate(inventory.actions.entries):
        if serves(route, entry, UriPattern.parse(entry.route)):
            yield number, entry

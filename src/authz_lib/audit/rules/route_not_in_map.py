"""A deployed route that the application does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._map_routes import lines_of, routed_points
from authz_lib.audit.rules._samples import ONE_CLOSED_ROUTE, TWO_CLOSED_ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["ROUTE_NOT_IN_MAP"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    if inventory.actions is None:
        return
    for point in routed_points(inventory):
        if next(lines_of(inventory, point), None) is None:
            message = f"the action map has no line for `{point.place}`"
            yield Sight(
                point.api,
                point.line,
                message,
                point,
                "high" if point.is_open else None,
                fix="a line of the map, or no such route",
            )


ROUTE_NOT_IN_MAP = AuditRule(
    id="route-not-in-map",
    title="A deployed route is unknown to the action map",
    severity="medium",
    confidence="high",
    why="""
No line of the action map means this route. An authorizer that reads the map refuses it. Behind any
other authorizer, or none, the application gets requests whose action nobody has named, so no policy
decides about them. It is `high` where the route is open.
""",
    before=TWO_CLOSED_ROUTES,
    after=ONE_CLOSED_ROUTE,
    check=_check,
    actions=({"method": "GET", "route": "/orders/{orderId}", "action": "orders:GetOrder"},),
)

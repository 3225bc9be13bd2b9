"""A line of the action map that no route serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.actions.served import serves
from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._samples import ONE_CLOSED_ROUTE, TWO_CLOSED_ROUTES
from authz_lib.routes.uri import UriPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["MAP_LINE_NOT_DEPLOYED"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    if inventory.actions is None or inventory.deployed is None:
        return
    for number, entry in enumerate(inventory.actions.entries):
        line = UriPattern.parse(entry.route)
        if not any(serves(route, entry, line) for route in inventory.deployed):
            message = f"no route serves `actions[{number}]`, `{entry.method} {entry.route}`"
            yield Sight(f"actions[{number}]", 1, message)


MAP_LINE_NOT_DEPLOYED = AuditRule(
    id="map-line-not-deployed",
    title="A line of the action map is deployed nowhere",
    severity="low",
    confidence="high",
    why="""
No route of the audited files serves this line. Either it is left over, or the route has another
method or path than everybody thinks: then `route-not-in-map` names it.
The finding stands at the first line of the first file, since no line of a template has it.
""",
    before=ONE_CLOSED_ROUTE,
    after=TWO_CLOSED_ROUTES,
    check=_check,
    actions=(
        {"method": "GET", "route": "/orders/{orderId}", "action": "orders:GetOrder"},
        {"method": "DELETE", "route": "/orders/{orderId}", "action": "orders:DeleteOrder"},
    ),
)

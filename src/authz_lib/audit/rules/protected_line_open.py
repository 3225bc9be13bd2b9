"""A route that is protected for the application, and open for the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._map_routes import lines_of, routed_points
from authz_lib.audit.rules._samples import ONE_CLOSED_ROUTE, ONE_OPEN_ROUTE
from authz_lib.audit.rules._words import softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["PROTECTED_LINE_OPEN"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in routed_points(inventory):
        if not point.is_open:
            continue
        for number, entry in lines_of(inventory, point):
            if not entry.public:
                message = (
                    f"`{point.place}` is open, and `actions[{number}]` (`{entry.action}`) has it "
                    f"as protected{when(inventory, point)}"
                )
                severity = softened(inventory, point, "high")
                yield Sight(point.api, point.line, message, point, severity)


PROTECTED_LINE_OPEN = AuditRule(
    id="protected-line-open",
    title="A protected line of the action map is open",
    severity="high",
    confidence="high",
    why="""
The application's own table says that a caller must be known and allowed. The gateway asks nobody.
An `Authorizer: NONE` beside the route explains nothing here: the two say the opposite.
""",
    before=ONE_OPEN_ROUTE,
    after=ONE_CLOSED_ROUTE,
    check=_check,
    actions=({"method": "GET", "route": "/orders/{orderId}", "action": "orders:GetOrder"},),
)

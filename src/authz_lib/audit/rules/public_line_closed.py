"""A route that is public for the application, and closed for the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._map_routes import lines_of, routed_points
from authz_lib.audit.rules._samples import ONE_CLOSED_ROUTE, ONE_OPEN_ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["PUBLIC_LINE_CLOSED"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in routed_points(inventory):
        if point.is_open or not _asks_first(inventory, point):
            continue
        for number, entry in lines_of(inventory, point):
            if entry.public:
                message = (
                    f"`actions[{number}]` is public, and `{point.place}` asks for "
                    f"{point.authorization.kind}: callers without credentials get a 401"
                )
                yield Sight(point.api, point.line, message, point)


def _asks_first(inventory: Inventory, point: EntryPoint) -> bool:
    """Whether the gateway refuses who shows nothing: a Lambda authorizer may be asked first."""
    gateway = inventory.gateways.get(point.gateway or "")
    use = gateway.authorizers.get(point.authorization.authorizer or "") if gateway else None
    return use is None or use.cache is None or bool(use.cache.identity_sources)


PUBLIC_LINE_CLOSED = AuditRule(
    id="public-line-closed",
    title="A public line of the action map is behind an authorizer",
    severity="low",
    confidence="high",
    why="""
The application's own table lets callers without credentials in. The gateway refuses them before the
application or its authorizer is asked. It is safe, and it is not what somebody meant.
""",
    before=ONE_CLOSED_ROUTE,
    after=ONE_OPEN_ROUTE,
    check=_check,
    actions=(
        {
            "method": "GET",
            "route": "/orders/{orderId}",
            "action": "orders:GetOrder",
            "public": True,
        },
    ),
)

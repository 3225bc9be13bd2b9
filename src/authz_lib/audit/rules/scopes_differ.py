"""Gateway and application ask for other scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._map_routes import lines_of, routed_points
from authz_lib.audit.rules._samples import ONE_JWT_ROUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["SCOPES_DIFFER"]

_READ_SCOPES = frozenset({"COGNITO_USER_POOLS", "JWT"})


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in routed_points(inventory):
        if point.authorization.kind not in _READ_SCOPES:
            continue
        deployed = set(point.authorization.scopes)
        for number, entry in lines_of(inventory, point):
            if deployed != entry.scopes and not entry.public:
                message = (
                    f"`{point.place}` asks for {_listed(deployed)}, and `actions[{number}]` for "
                    f"{_listed(entry.scopes)}"
                )
                yield Sight(point.api, point.line, message, point)


def _listed(scopes: set[str] | frozenset[str]) -> str:
    return ", ".join(f"`{scope}`" for scope in sorted(scopes)) or "no scope"


SCOPES_DIFFER = AuditRule(
    id="scopes-differ",
    title="Gateway and action map ask for other scopes",
    severity="medium",
    confidence="high",
    why="""
A JWT or Cognito authorizer lets a token in that has *one* of the deployed scopes. The action map
asks for *all* of its own. Where the sets differ, one of the two is wrong, and the gateway may let
in what the application believes to be kept out.
""",
    before=ONE_JWT_ROUTE.replace("SCOPE", "orders/read"),
    after=ONE_JWT_ROUTE.replace("SCOPE", "orders/write"),
    check=_check,
    actions=(
        {
            "method": "GET",
            "route": "/orders/{orderId}",
            "action": "orders:GetOrder",
            "scopes": ["orders/write"],
        },
    ),
)

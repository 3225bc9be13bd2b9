"""An open route that takes what a closed one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import API_SURFACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["WIDE_OPEN_ROUTE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for name, gateway in inventory.gateways.items():
        if gateway.surface not in API_SURFACES:
            continue
        routes = inventory.routes_of(name)
        closed = [one for one in routes if one.is_seen and not one.is_open]
        for wide in routes:
            beside = next((one for one in closed if wide.is_open and _is_around(wide, one)), None)
            if beside is not None:
                message = (
                    f"`{wide.place}` is open, and takes what the closed `{beside.place}` leaves"
                )
                yield Sight(wide.api, wide.line, message, wide)


def _is_around(wide: EntryPoint, closed: EntryPoint) -> bool:
    """Whether an open route takes requests beside a closed one: other methods, or other paths."""
    if wide.path is None or closed.path is None:
        return False
    if wide.method == "ANY" and wide.path == closed.path and closed.method != "ANY":
        return True
    if wide.method not in {"ANY", closed.method}:
        return False
    if wide.path == "$default":
        return closed.path != "$default"
    before, greedy, _ = wide.path.rpartition("/{")
    is_greedy = bool(greedy) and wide.path.endswith("+}")
    return is_greedy and wide.path != closed.path and closed.path.startswith(f"{before}/")


WIDE_OPEN_ROUTE = AuditRule(
    id="wide-open-route",
    title="An open route goes around a closed one",
    severity="medium",
    confidence="medium",
    why="""
An open `ANY` or `{proxy+}` route takes each method and path that no other route takes. Where the
application behind it has a router of its own, `POST /orders` goes around a closed `GET /orders`,
and `/orders/` or `/Orders` around `/orders`.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /orders, AuthorizationType: AWS_IAM}
  Rest:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: "ANY /{proxy+}"}
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /orders, AuthorizationType: AWS_IAM}
  Rest:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Api, RouteKey: "ANY /{proxy+}", AuthorizationType: AWS_IAM}
""",
    check=_check,
)

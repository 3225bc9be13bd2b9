"""An HTTP API that makes an open catch-all route of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["QUICK_CREATE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for gateway in inventory.gateways.values():
        if gateway.surface in {"http", "websocket"} and "Target" in gateway.properties:
            key = inventory.template.values.plain(gateway.properties.get("RouteKey", "$default"))
            message = f"`Target` makes the route `{key}`, which asks nobody who they are"
            line = inventory.template.origins.line_of_resource(gateway.name, "Properties", "Target")
            yield Sight(gateway.name, line, message, fix="routes of their own, with an authorizer")


QUICK_CREATE = AuditRule(
    id="quick-create",
    title="An HTTP API has an open catch-all route",
    severity="high",
    confidence="high",
    why="""
`Target` of an HTTP API is the "quick create": API Gateway makes an integration, the route
`$default` (or `RouteKey`) and a stage. The route takes every method and every path, and cannot have
an authorizer. No resource of the template shows it.
""",
    before="""
Resources:
  Orders:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP, Target: https://example.com}
""",
    after="""
Resources:
  Orders:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Orders
      RouteKey: GET /orders
      AuthorizationType: AWS_IAM
""",
    check=_check,
)

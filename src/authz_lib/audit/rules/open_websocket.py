"""A WebSocket API to which everybody may connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["OPEN_WEBSOCKET"]

_CONNECT = "$connect"


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        if point.surface != "websocket" or not point.is_open:
            continue
        if point.path != _CONNECT and _is_connected_closed(inventory, point):
            message = f"the route `{point.path}` is behind the authorizer of `{_CONNECT}`"
            yield Sight(point.api, point.line, message, point, "info", on_purpose=True)
            continue
        what = "connects" if point.path == _CONNECT else "sends messages to"
        message = f"everybody {what} `{point.path}` of a WebSocket API{when(inventory, point)}"
        yield Sight(
            point.api,
            point.line,
            message,
            point,
            softened(inventory, point, "high"),
            fix="AuthorizationType: CUSTOM, with an `AuthorizerId`, on the route `$connect`",
        )


def _is_connected_closed(inventory: Inventory, point: EntryPoint) -> bool:
    """Whether whoever sends a message was authorized when connecting."""
    connects = [
        one
        for one in inventory.routes_of(point.gateway or "")
        if one.surface == "websocket" and one.path == _CONNECT
    ]
    is_always_there = any(one.present_if in {None, point.present_if} for one in connects)
    return is_always_there and all(one.is_seen and not one.is_open for one in connects)


OPEN_WEBSOCKET = AuditRule(
    id="open-websocket",
    title="Everybody may connect to a WebSocket API",
    severity="high",
    confidence="high",
    why="""
API Gateway authorizes a WebSocket once, at the route `$connect`. No other route can have an
authorizer. Where `$connect` has none, or is not there, every route of the API is open. Where it has
one, the other routes are listed with the severity `info`, and count as explained.
""",
    before="""
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: chat
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Chat, RouteKey: $connect}
""",
    after="""
Resources:
  Chat:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: chat
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Chat, RouteKey: $connect, AuthorizationType: AWS_IAM}
""",
    check=_check,
)

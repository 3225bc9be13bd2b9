"""A route that nobody authorizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import API_SURFACES, narrowed_by, softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["OPEN_ROUTE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        is_route = point.surface in API_SURFACES and point.method != "OPTIONS"
        is_without = point.authorization.kind == "NONE" and not point.authorization.api_key
        if not is_route or not is_without:
            continue
        if point.on_purpose:
            message = f"`{point.place}` is open on purpose: its event says `Authorizer: NONE`"
            yield Sight(point.api, point.line, message, point, "info", on_purpose=True)
            continue
        message = f"`{point.place}` asks nobody who they are{when(inventory, point)}"
        yield Sight(
            point.api,
            point.line,
            message + narrowed_by(inventory, point),
            point,
            softened(inventory, point, "high"),
            fix=_fix(inventory, point),
        )


def _fix(inventory: Inventory, point: EntryPoint) -> str:
    event = inventory.template.origins.event(point.api, point.method, point.path or "")
    if event is None:
        return "name an authorizer, or say in an ignore why it is meant"
    return "name an authorizer, or say `Auth: {Authorizer: NONE}` where it is meant"


OPEN_ROUTE = AuditRule(
    id="open-route",
    title="A route is open to everybody",
    severity="high",
    confidence="high",
    why="""
API Gateway invokes the application for whoever sends a request. It asks for no token, no signature
and no certificate. The application alone stands between the Internet and its data.

A route is open where the *deployed* method or route has no authorizer. The template may look
closed all the same: see `event-auth-ignored` and
`conditional-event-auth`.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties: {Path: /orders, Method: get}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties: {Path: /orders, Method: get, Auth: {Authorizer: AWS_IAM}}
""",
    check=_check,
)

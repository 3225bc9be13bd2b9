"""An event whose ``Auth`` is an intrinsic function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.audit.intrinsics import one_member
from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["CONDITIONAL_EVENT_AUTH"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for event in inventory.template.origins.events:
        function = _function_in(event.auth)
        if function is None:
            continue
        routes = [
            point
            for point in inventory.routes_of(event.api or "")
            if (point.method, point.path) == (event.method, event.path)
        ]
        opened = next((point for point in routes if point.is_open), None)
        outcome = "and the route is open" if opened is not None else "and the default counts"
        message = f"SAM does not read `{function}` in `Auth` of the event `{event.name}`, {outcome}"
        yield Sight(
            event.resource,
            event.auth_line,
            message,
            opened or next(iter(routes), None),
            None if opened is not None else "medium",
        )


def _function_in(auth: Any) -> str | None:
    """The function that stands for ``Auth``, or for its authorizer."""
    written = [auth, auth.get("Authorizer") if isinstance(auth, dict) else None]
    found = [function for function in map(one_member, written) if function is not None]
    return next((name for name, _ in found if name != "Ref"), None)


CONDITIONAL_EVENT_AUTH = AuditRule(
    id="conditional-event-auth",
    title="A condition in an event's `Auth` is dropped",
    severity="high",
    confidence="high",
    why="""
SAM reads `Auth` of an event before CloudFormation decides conditions. It drops an `!If` there
without a word, and the API's default counts: under both sides of the condition. Without a default
the route is open. What depends on a condition is written with resources of CloudFormation, such as
`AuthorizationType: !If [AuthEnabled, JWT, NONE]` of an `AWS::ApiGatewayV2::Route`.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
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
          Properties:
            Path: /orders
            Method: get
            Auth: !If [IsProduction, {Authorizer: AWS_IAM}, {Authorizer: NONE}]
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
          Properties:
            Path: /orders
            Method: get
            Auth: {Authorizer: AWS_IAM}
""",
    check=_check,
)

"""A function URL that everybody may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["OPEN_FUNCTION_URL"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        if point.surface == "function-url" and point.is_open:
            message = f"the function URL `{point.api}` asks nobody who they are"
            yield Sight(
                point.api,
                point.line,
                message + when(inventory, point),
                point,
                softened(inventory, point, "high"),
                fix="AuthType: AWS_IAM",
            )


OPEN_FUNCTION_URL = AuditRule(
    id="open-function-url",
    title="A function URL is open to everybody",
    severity="high",
    confidence="high",
    why="""
`AuthType: NONE` publishes the function on the Internet. SAM adds the permission that it needs, with
`Principal: "*"`. A function URL has no authorizers, no throttling of its own and no WAF.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Report:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      FunctionUrlConfig: {AuthType: NONE}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Report:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      FunctionUrlConfig: {AuthType: AWS_IAM}
""",
    check=_check,
)

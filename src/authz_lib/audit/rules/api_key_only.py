"""A route where an API key stands for an authorization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import API_SURFACES, softened, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["API_KEY_ONLY"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        is_open = point.authorization.api_key and point.is_open
        if point.surface not in API_SURFACES or not is_open or point.is_preflight:
            continue
        message = f"`{point.place}` asks for an API key and for nobody{when(inventory, point)}"
        yield Sight(
            point.api,
            point.line,
            message,
            point,
            "info" if point.on_purpose else softened(inventory, point, "medium"),
            on_purpose=point.on_purpose,
            fix="name an authorizer beside the key",
        )


API_KEY_ONLY = AuditRule(
    id="api-key-only",
    title="An API key is all that a route asks for",
    severity="medium",
    confidence="high",
    why="""
An API key says which usage plan a request counts for. It says nothing about who is calling: it has
no expiry, it is sent in clear to every client of an app, and it is not meant for authorization, as
the API Gateway developer guide says.
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
          Properties: {Path: /orders, Method: get, Auth: {ApiKeyRequired: true}}
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
            Auth: {ApiKeyRequired: true, Authorizer: AWS_IAM}
""",
    check=_check,
)

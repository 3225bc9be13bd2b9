"""A Cognito authorizer that takes every token of its pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["COGNITO_WITHOUT_SCOPES"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        asked = point.authorization
        if asked.kind == "COGNITO_USER_POOLS" and not asked.scopes:
            message = f"`{point.place}` takes ID tokens of every client of the user pool"
            yield Sight(
                point.api,
                point.line,
                message + when(inventory, point),
                point,
                fix="AuthorizationScopes: a scope that this API asks for",
            )


COGNITO_WITHOUT_SCOPES = AuditRule(
    id="cognito-without-scopes",
    title="A Cognito authorizer has no scopes",
    severity="low",
    confidence="high",
    why="""
Without scopes, a Cognito authorizer of a REST API takes ID tokens, of *any* app client of the user
pool: a token that was made for one app opens another. With a scope it wants an access token that
has it.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            UserPoolArn: arn:aws:cognito-idp:us-east-1:111122223333:userpool/x
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /orders, Method: get}
""",
    after="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            UserPoolArn: arn:aws:cognito-idp:us-east-1:111122223333:userpool/x
            AuthorizationScopes: [orders/read]
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src/
      Events:
        List:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /orders, Method: get}
""",
    check=_check,
)

"""An authorizer that no route uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["UNUSED_AUTHORIZER"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for gateway in inventory.gateways.values():
        routes = inventory.routes_of(gateway.name)
        if any(not point.is_seen for point in routes):
            continue  # what was not seen may use it
        used = {point.authorization.authorizer for point in routes}
        for use in gateway.authorizers.values():
            if use.name not in used:
                message = f"no route of `{gateway.name}` uses the authorizer `{use.name}`"
                yield Sight(gateway.name, use.line, message)


UNUSED_AUTHORIZER = AuditRule(
    id="unused-authorizer",
    title="An authorizer is used by no route",
    severity="medium",
    confidence="high",
    why="""
Somebody wrote an authorizer and meant it for something. A scanner that only looks whether one is
there is content. API Gateway asks it for nothing: each route names its authorizer, or the API has a
`DefaultAuthorizer`.
""",
    before="""
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
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

"""A route behind a JWT authorizer that asks for no scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight
from authz_lib.audit.rules._words import when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["JWT_WITHOUT_SCOPES"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for point in inventory.entry_points:
        if point.authorization.kind == "JWT" and not point.authorization.scopes:
            message = f"`{point.place}` asks for no scope{when(inventory, point)}"
            fix = "AuthorizationScopes: a scope that this API asks for"
            yield Sight(point.api, point.line, message, point, fix=fix)


JWT_WITHOUT_SCOPES = AuditRule(
    id="jwt-without-scopes",
    title="A route behind a JWT authorizer asks for no scope",
    severity="low",
    confidence="high",
    why="""
Without scopes, every token of the issuer for the audience passes, ID tokens too: a JWT authorizer
does not look at `token_use` or `typ`. With a scope, only access tokens that were granted it do.
""",
    before="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: users
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Issuer: https://issuer.example.com, Audience: [orders-web]}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders
      AuthorizationType: JWT
      AuthorizerId: !Ref Users
""",
    after="""
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: users
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {Issuer: https://issuer.example.com, Audience: [orders-web]}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders
      AuthorizationType: JWT
      AuthorizerId: !Ref Users
      AuthorizationScopes: [orders/read]
""",
    check=_check,
)

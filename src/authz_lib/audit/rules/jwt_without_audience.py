"""A JWT authorizer that takes tokens for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.audit.rule import AuditRule, Sight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.entry_points import Inventory

__all__ = ["JWT_WITHOUT_AUDIENCE"]


def _check(inventory: Inventory) -> Iterator[Sight]:
    for gateway in inventory.gateways.values():
        for use in gateway.authorizers.values():
            if use.kind == "JWT" and use.audience == ():
                message = f"the JWT authorizer `{use.name}` names no audience"
                yield Sight(
                    gateway.name, use.line, message, fix="Audience: the client ids of this API"
                )


JWT_WITHOUT_AUDIENCE = AuditRule(
    id="jwt-without-audience",
    title="A JWT authorizer has no audience",
    severity="high",
    confidence="high",
    why="""
An issuer makes tokens for many applications. Only the audience says for which one. Without it, a
token that a user gave to another application is taken here.
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
      JwtConfiguration: {Issuer: https://issuer.example.com}
  List:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders
      AuthorizationType: JWT
      AuthorizerId: !Ref Users
      AuthorizationScopes: [orders/read]
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

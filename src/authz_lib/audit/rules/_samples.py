"""Templates that the pages of several rules show."""

from __future__ import annotations

from typing import Final

__all__ = [
    "AUTHORIZER_WITH_SETTINGS",
    "CACHED_LAMBDA_AUTHORIZER",
    "ONE_CLOSED_ROUTE",
    "ONE_JWT_ROUTE",
    "ONE_OPEN_ROUTE",
    "TWO_CLOSED_ROUTES",
]

_HTTP_API: Final = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: orders, ProtocolType: HTTP}
"""

ONE_OPEN_ROUTE: Final = f"""{_HTTP_API}  Get:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref Api, RouteKey: "GET /orders/{{orderId}}"}}
"""

ONE_CLOSED_ROUTE: Final = f"""{_HTTP_API}  Get:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders/{{orderId}}
      AuthorizationType: AWS_IAM
"""

TWO_CLOSED_ROUTES: Final = f"""{ONE_CLOSED_ROUTE}  Delete:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: DELETE /orders/{{orderId}}
      AuthorizationType: AWS_IAM
"""

ONE_JWT_ROUTE: Final = f"""{_HTTP_API}  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: users
      AuthorizerType: JWT
      IdentitySource: [$request.header.Authorization]
      JwtConfiguration: {{Issuer: https://issuer.example.com, Audience: [web]}}
  Get:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders/{{orderId}}
      AuthorizationType: JWT
      AuthorizerId: !Ref Users
      AuthorizationScopes: [SCOPE]
"""

_LAMBDA_AUTHORIZER: Final = f"""{_HTTP_API}  Tokens:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: tokens
      AuthorizerType: REQUEST
      AuthorizerPayloadFormatVersion: "2.0"
      EnableSimpleResponses: true
      AuthorizerResultTtlInSeconds: 60
      IdentitySource:
        SOURCES
      AuthorizerUri: !GetAtt Authorizer.Arn
  Get:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders/{{orderId}}
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Tokens
"""

CACHED_LAMBDA_AUTHORIZER: Final = f"""{_LAMBDA_AUTHORIZER}  Authorizer:
    Type: AWS::Lambda::Function
    Properties: {{Code: {{ZipFile: pass}}, Role: "arn:aws:iam::111122223333:role/x"}}
"""

AUTHORIZER_WITH_SETTINGS: Final = f"""{
    _LAMBDA_AUTHORIZER.replace(
        "SOURCES", "[$request.header.Authorization, $context.routeKey, $context.path]"
    )
}  Authorizer:
    Type: AWS::Lambda::Function
    Properties:
      Code: {{ZipFile: pass}}
      Role: arn:aws:iam::111122223333:role/x
      Environment:
        Variables:
          AUTHZ_USER_POOL_ID: us-east-1_EXAMPLE
          AUTHZ_CLIENT_IDS: web
          AUTHZ_TOKEN_USE: access
          AUTHZ_TENANT_CLAIM: none
          AUTHZ_ACTIONS: actions.json
          AUTHZ_POLICIES: policies
          AUTHZ_RESPONSE: simple
          AUTHZ_GATEWAY_TTL_SECONDS: SECONDS_HERE
"""

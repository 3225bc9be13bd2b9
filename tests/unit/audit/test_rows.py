"""Entry points in words."""

from __future__ import annotations

from authz_lib.audit.rows import api_rows

TEXT = """
Conditions: {C: !Equals [!Ref AWS::Region, x]}
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: JWT
      JwtConfiguration: {Issuer: https://issuer.example, Audience: [web]}
  Tokens:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      {ApiId: !Ref Api, AuthorizerType: REQUEST, AuthorizerResultTtlInSeconds: 5,
       IdentitySource: [$request.header.A]}
  Later:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      {ApiId: !Ref Api, AuthorizerType: REQUEST, AuthorizerResultTtlInSeconds: !ImportValue x}
  A:
    Type: AWS::ApiGatewayV2::Route
    Condition: C
    Properties:
      {ApiId: !Ref Api, RouteKey: GET /a, AuthorizationType: JWT, AuthorizerId: !Ref Users,
       AuthorizationScopes: [s, t]}
  B:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Api, RouteKey: GET /b, AuthorizationType: CUSTOM, AuthorizerId: !Ref Tokens}
  D:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {ApiId: !Ref Api, RouteKey: GET /d, AuthorizationType: CUSTOM, AuthorizerId: !Ref Later}
  Rest: {Type: AWS::ApiGateway::RestApi, Properties: {Name: rest}}
  Options:
    Type: AWS::ApiGateway::Method
    Properties:
      {RestApiId: !Ref Rest, ResourceId: !GetAtt Rest.RootResourceId, HttpMethod: OPTIONS,
       Integration: {Type: MOCK}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      {RestApiId: !Ref Rest, ResourceId: !GetAtt Rest.RootResourceId, HttpMethod: GET,
       AuthorizationType: AWS_IAM, ApiKeyRequired: true}
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      AuthenticationType: AWS_IAM
      AdditionalAuthenticationProviders: [{AuthenticationType: OPENID_CONNECT}]
"""


def test_each_is_told_in_words(audit):
    groups = {group.title: group.rows for group in api_rows(audit(TEXT))}
    assert {
        title: [(row.openness, row.place, row.asks, row.details, row.condition) for row in rows]
        for title, rows in groups.items()
    } == {
        "Api (HTTP API)": [
            (
                "closed",
                "GET /a",
                "JWT authorizer",
                "Users, scopes s t, audience web, issuer https://issuer.example",
                "present if C",
            ),
            ("closed", "GET /b", "Lambda authorizer", "Tokens, cache 5 s by $request.header.A", ""),
            ("closed", "GET /d", "Lambda authorizer", "Later, cache ? s by -", ""),
        ],
        "Rest (REST API)": [
            (
                "on purpose",
                "OPTIONS /",
                "nobody",
                "preflight, answered by the gateway",
                "",
            ),
            ("closed", "GET /", "AWS_IAM", "and an API key", ""),
        ],
        "Graph (AppSync GraphQL)": [("closed", "GRAPHQL", "AWS_IAM", "or OPENID_CONNECT", "")],
    }

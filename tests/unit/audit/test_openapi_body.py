"""Operations of OpenAPI bodies, as API Gateway imports them."""

from __future__ import annotations

import pytest

SCHEMES = """
      components:
        securitySchemes:
          sigv4: {type: apiKey, name: a, in: header, x-amazon-apigateway-authtype: awsSigv4}
          users:
            type: apiKey
            name: Authorization
            in: header
            x-amazon-apigateway-authorizer: {type: cognito_user_pools, providerARNs: [arn]}
          jwt:
            type: oauth2
            x-amazon-apigateway-authorizer:
              type: jwt
              jwtConfiguration: {issuer: https://issuer.example, audience: [web]}
          tokens:
            type: apiKey
            name: X-Token
            in: header
            x-amazon-apigateway-authtype: custom
            x-amazon-apigateway-authorizer: {type: token, authorizerUri: arn}
          request:
            type: apiKey
            name: Unused
            in: header
            x-amazon-apigateway-authorizer:
              type: request
              identitySource: method.request.header.A, context.path
              authorizerResultTtlInSeconds: 30
          key: {type: apiKey, name: x-api-key, in: header}
          plain: {type: http, scheme: bearer}
          sometimes: !If [C, {x-amazon-apigateway-authtype: awsSigv4}, {type: http}]
          empty: {type: oauth2, x-amazon-apigateway-authorizer: {}}
          later: {type: oauth2, x-amazon-apigateway-authorizer: !Transform {Name: x}}
"""
BODY = """
Conditions:
  C: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        security: [{sigv4: []}]
        paths:
          /orders:
            get: {GET}
""" + SCHEMES.replace("\n  ", "\n    ")


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("{}", ["NONE"]),
        ("{security: []}", ["NONE"]),
        ("{security: [{NONE: []}]}", ["NONE"]),
        ("{security: [{plain: []}]}", ["NONE"]),
        ("{security: [{sigv4: []}]}", ["AWS_IAM"]),
        ("{security: [{users: [a]}]}", ["COGNITO_USER_POOLS"]),
        ("{security: [{jwt: []}]}", ["JWT"]),
        ("{security: [{tokens: []}]}", ["CUSTOM"]),
        ("{security: [{key: []}]}", ["API_KEY"]),
        ("{security: [{key: []}, {tokens: []}]}", ["CUSTOM"]),
        ("{security: [{key: [], tokens: []}]}", ["CUSTOM"]),
        ("{security: [{}, {tokens: []}]}", ["UNKNOWN"]),  # nobody has to
        ("{security: [{sigv4: []}, {}]}", ["UNKNOWN"]),
        ("{security: [{}]}", ["NONE"]),
        ("{security: [{tokens: !Ref AWS::NoValue}]}", ["NONE"]),
        ("{security: [{tokens: !If [C, [], !Ref AWS::NoValue]}]}", ["UNKNOWN"]),
        ("{security: [{tokens: !Ref AWS::NoValue}, {sigv4: []}]}", ["UNKNOWN"]),
        ("{security: [{later: []}]}", ["UNKNOWN"]),
        ("{security: [{empty: []}]}", ["NONE"]),
        ("{security: [{sometimes: []}]}", ["UNKNOWN"]),
        ("{security: !FindInMap [a, b, c]}", ["UNKNOWN"]),
        ("{security: [!If [C, {sigv4: []}, {key: []}]]}", ["AWS_IAM", "API_KEY"]),
        ("{security: !If [C, [{sigv4: []}], !Ref AWS::NoValue]}", ["AWS_IAM", "NONE"]),
        ("!If [C, {security: [{sigv4: []}]}, {}]", ["AWS_IAM", "NONE"]),
        ("!If [C, {security: [{sigv4: []}]}, !Ref AWS::NoValue]", ["AWS_IAM"]),
        ("{x-amazon-apigateway-auth: {type: AWS_IAM}}", ["AWS_IAM"]),
        ("{x-amazon-apigateway-auth: {type: NONE}}", ["NONE"]),
    ],
)
def test_who_is_let_in_to_an_operation(points, operation, expected):
    assert [one[2] for one in points(BODY.replace("{GET}", operation))] == expected


def test_what_is_told_of_an_operation(audit):
    file = audit(BODY.replace("{GET}", "{security: [{key: []}, {users: [a/b]}]}"))
    (point,) = file.inventory.entry_points
    asked = point.authorization
    assert (asked.authorizer, asked.scopes, asked.names) == ("users", ("a/b",), ("key", "users"))
    assert asked.api_key is True
    assert (point.api, point.method, point.path, point.line) == ("Api", "GET", "/orders", 12)


def test_what_is_told_of_authorizers(audit):
    text = BODY.replace("{GET}", "{}").lstrip("\n")
    uses = audit(text).inventory.gateways["Api"].authorizers
    assert {name: use.kind for name, use in uses.items()} == {
        "jwt": "JWT",
        "request": "CUSTOM",
        "tokens": "CUSTOM",
        "users": "COGNITO_USER_POOLS",
        "later": "UNKNOWN",
    }
    assert uses["tokens"].cache.identity_sources == ("method.request.header.X-Token",)
    assert uses["tokens"].cache.ttl_seconds == 300
    assert uses["request"].cache.identity_sources == ("method.request.header.A", "context.path")
    assert uses["request"].cache.ttl_seconds == 30
    assert (uses["jwt"].audience, uses["jwt"].issuer) == (("web",), "https://issuer.example")
    assert text.splitlines()[uses["users"].line - 1].strip() == "users:"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}}", "OPAQUE_BODY"),
        ("{paths: {Fn::Transform: {Name: x}}}", "OPAQUE_BODY"),
        ("{paths: {/x: {Fn::Transform: {Name: x}}}}", "OPAQUE_BODY"),
        ("{this: is none}", "OPAQUE_BODY"),
        ("text", "OPAQUE_BODY"),
    ],
)
def test_what_is_not_here_is_not_seen(audit, body, expected):
    text = f"Resources: {{Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Body: {body}}}}}}}"
    file = audit(text)
    (point,) = file.inventory.entry_points
    assert (point.authorization.kind, point.method) == (expected, "*")
    assert [finding.rule for finding in file.findings if finding.rule == "not-seen"] == ["not-seen"]


def test_a_body_under_a_condition(points):
    text = """
    Conditions: {C: !Equals [!Ref AWS::Region, x]}
    Resources:
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties:
          Body: !If
            - C
            - {paths: {/a: {get: {}}}}
            - {paths: {/$default: {x-amazon-apigateway-any-method: {}}}}
    """
    assert points(text) == [("ANY", "$default", "NONE", "!C"), ("GET", "/a", "NONE", "C")]


def test_swagger_and_other_members_of_a_path(points):
    text = """
    Resources:
      Api:
        Type: AWS::ApiGateway::RestApi
        Properties:
          Body:
            swagger: "2.0"
            paths:
              /a: {parameters: [], x-own: {}, PUT: {security: [{s: []}]}, summary: x, head: 5}
            securityDefinitions:
              s: {type: apiKey, name: a, in: header, x-amazon-apigateway-authtype: awsSigv4}
    """
    assert points(text) == [("PUT", "/a", "AWS_IAM", "")]


def test_an_openapi_document_by_itself(audit):
    text = """
    openapi: 3.0.1
    paths:
      /a:
        get: {security: [{jwt: []}]}
    components:
      securitySchemes:
        jwt: {type: oauth2, x-amazon-apigateway-authorizer: {jwtConfiguration: {issuer: i}}}
    """
    file = audit(text, name="openapi.yaml")
    (point,) = file.inventory.entry_points
    assert (point.surface, point.authorization.kind, point.line) == ("http", "JWT", 4)
    assert file.inventory.gateways["openapi"].authorizers["jwt"].line == 7


@pytest.mark.parametrize(
    ("integration", "expected"),
    [
        ("{type: mock}", True),
        ("{type: MOCK}", True),
        ("{type: http}", False),
        ("{}", False),
        ("!If [C, {type: mock}, {type: http}]", False),
        ("!If [C, {type: mock}, !Ref AWS::NoValue]", True),
        ("!Ref AWS::NoValue", False),
    ],
)
def test_a_preflight_is_one_under_each_condition(audit, integration, expected):
    text = BODY.replace(
        "get: {GET}", f"options: {{x-amazon-apigateway-integration: {integration}}}"
    )
    (point,) = audit(text).inventory.entry_points
    assert (point.method, point.is_preflight) == ("OPTIONS", expected)


MADE = """
Transform: AWS::LanguageExtensions
Conditions:
  C: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths: {paths}
"""
LOOP = '"Fn::ForEach::Names": [Name, [a, b], {"${Name}": {get: {}}}]'
INCLUDE = '"Fn::Transform": {Name: AWS::Include, Parameters: {Location: s3://a/b}}'


@pytest.mark.parametrize(
    "paths",
    [
        f"{{{LOOP}}}",
        f"{{/a: {{{LOOP}}}}}",
        f"{{/a: {{get: {{{LOOP}}}}}}}",
        f"!If [C, {{{INCLUDE}}}, {{}}]",
        f"{{/a: !If [C, {{{INCLUDE}}}, {{}}]}}",
        "{/a: {$ref: '#/components/pathItems/a'}}",
        "{/a: {get: !If [C]}}",
        "!If [C, !If [C], {}]",
        '{"Fn::FindInMap": [M, a, b]}',
    ],
)
def test_routes_that_a_function_makes_are_not_seen(audit, paths):
    file = audit(MADE.replace("{paths}", paths))
    assert any(not point.is_seen for point in file.inventory.entry_points)
    assert "not-seen" in {finding.rule for finding in file.findings}


SIDES = """
Parameters: {Stage: {Type: String, Default: prod}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        components:
          securitySchemes:
            sigv4:
              type: apiKey
              name: Authorization
              in: header
              x-amazon-apigateway-authtype: !If [IsDev, !Ref AWS::NoValue, awsSigv4]
        paths:
          /a:
            get: {security: [{sigv4: []}]}
            options:
              x-amazon-apigateway-integration: {type: !If [IsDev, aws_proxy, mock]}
"""


def test_the_side_that_is_not_the_default_counts_too(audit):
    file = audit(SIDES)
    read, preflight = file.inventory.entry_points
    assert (read.method, read.authorization.kind) == ("GET", "UNKNOWN")
    assert (preflight.method, preflight.is_preflight) == ("OPTIONS", False)


@pytest.mark.parametrize(
    ("extension", "kinds"),
    [
        ("{type: NONE}", {"UNKNOWN"}),
        ("{type: AWS_IAM}", {"AWS_IAM"}),
        ("!If [IsDev, {type: NONE}, !Ref AWS::NoValue]", {"UNKNOWN", "AWS_IAM"}),
        ("{type: !If [IsDev, NONE, AWS_IAM]}", {"UNKNOWN", "AWS_IAM"}),
    ],
)
def test_what_says_open_beside_what_says_closed_is_not_closed(points, extension, kinds):
    """Which of the two API Gateway takes is documented nowhere."""
    text = SIDES.replace("!If [IsDev, !Ref AWS::NoValue, awsSigv4]", "awsSigv4").replace(
        "{security: [{sigv4: []}]}",
        f"{{security: [{{sigv4: []}}], x-amazon-apigateway-auth: {extension}}}",
    )
    assert {one[2] for one in points(text) if one[0] == "GET"} == kinds

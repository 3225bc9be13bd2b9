"""Which key tells requests apart."""

from __future__ import annotations

import pytest

HTTP = """
Resources:
  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{ProtocolType: HTTP}}}}
  Tokens:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: REQUEST
      EnableSimpleResponses: {simple}
      AuthorizerResultTtlInSeconds: {ttl}
      IdentitySource: {key}
"""
ROUTE = """
  R{number}:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {{ApiId: !Ref Api, RouteKey: "{route}", AuthorizationType: CUSTOM, AuthorizerId: !Ref Tokens}}
"""
TOKEN = "$request.header.Authorization"


@pytest.fixture
def found(audit):
    def findings(*routes, key=TOKEN, ttl="60", simple="true"):
        text = HTTP.format(key=f'["{key}"]'.replace(",", '", "'), ttl=ttl, simple=simple)
        for number, route in enumerate(routes):
            text += ROUTE.format(number=number, route=route)
        return [one for one in audit(text).findings if one.rule == "cache-key-too-narrow"]

    return findings


@pytest.mark.parametrize(
    ("routes", "key", "what"),
    [
        (["GET /a", "GET /b"], TOKEN, "no routes apart"),
        (["GET /a/{id}"], TOKEN, "no ids apart"),
        (["ANY /a"], TOKEN, "no routes apart"),
        (["$default"], f"{TOKEN},$context.routeKey", "no ids apart"),
        (["GET /a/{id}"], f"{TOKEN},$context.routeKey", "no ids apart"),
        (["GET /a", "GET /b"], f"{TOKEN},$context.path", "no routes apart"),
        (["GET /a", "GET /b"], f"{TOKEN},$stageVariables", "no routes apart"),
    ],
)
def test_too_narrow(found, routes, key, what):
    (finding,) = found(*routes, key=key)
    assert what in finding.message
    assert (finding.line, finding.severity) == (3, "high")


@pytest.mark.parametrize(
    ("routes", "key", "ttl"),
    [
        (["GET /a", "GET /b"], f"{TOKEN},$context.routeKey", "60"),
        (["GET /a/{id}", "GET /b"], f"{TOKEN},$context.routeKey,$context.path", "60"),
        (["GET /a", "PUT /a"], f"{TOKEN},$context.httpMethod,$context.path", "60"),
        (["GET /a"], TOKEN, "60"),
        (["GET /a/{id}"], TOKEN, "0"),
        ([], TOKEN, "60"),
    ],
)
def test_wide_enough(found, routes, key, ttl):
    assert found(*routes, key=key, ttl=ttl) == []


def test_without_an_identity_source_nothing_is_remembered(audit):
    text = HTTP.format(key="!Ref AWS::NoValue", ttl=60, simple="true")
    text += ROUTE.format(number=1, route="GET /a/{id}")
    assert [one.rule for one in audit(text).findings] == []


def test_a_policy_may_name_every_route(found):
    (finding,) = found("GET /a", "GET /b", simple="false")
    assert finding.severity == "medium"


def test_a_time_that_only_a_deployment_knows(found):
    (finding,) = found("GET /a/{id}", ttl="!ImportValue x")
    assert "a time that only a deployment tells" in finding.message

"""A body as SAM makes it becomes routes, integrations and authorizers."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.http_api import with_written_out_apis

PROXY = {
    "x-amazon-apigateway-integration": {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "payloadFormatVersion": "2.0",
        "uri": {"Fn::Sub": "arn:.../${Orders.Arn}/invocations"},
    }
}
SCHEMES = {
    "Users": {
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["web"]},
        },
    },
    "My-Lambda": {
        "type": "apiKey",
        "x-amazon-apigateway-authorizer": {
            "type": "request",
            "authorizerUri": "arn:...",
            "authorizerPayloadFormatVersion": "2.0",
            "identitySource": "$request.header.Authorization, $context.routeKey",
            "enableSimpleResponses": True,
            "authorizerResultTtlInSeconds": 60,
        },
    },
    "Signed": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"},
    "Plain": {"type": "apiKey", "in": "header", "name": "x"},
}


def written(paths, *, schemes=None, conditions=None, **more):
    body = {
        "openapi": "3.0.1",
        "info": {"title": "orders"},
        "paths": paths,
        "components": {"securitySchemes": SCHEMES if schemes is None else schemes},
        **more.pop("body", {}),
    }
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}, **more}
    template = {"Resources": {"Api": api}}
    if conditions:
        template["Conditions"] = conditions
    return with_written_out_apis(template)


def of_kind(template, kind):
    return [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == f"AWS::ApiGatewayV2::{kind}"
    ]


def test_paths_and_methods_are_routes():
    paths = {
        "/orders": {"get": PROXY, "post": PROXY, "parameters": []},
        "/orders/{id}": {"x-amazon-apigateway-any-method": PROXY},
        "/$default": {"x-amazon-apigateway-any-method": PROXY},
    }
    template = written(paths)
    routes = of_kind(template, "Route")
    assert [route["RouteKey"] for route in routes] == [
        "GET /orders",
        "POST /orders",
        "ANY /orders/{id}",
        "$default",
    ]
    assert {route["AuthorizationType"] for route in routes} == {"NONE"}
    assert routes[0]["Target"] == {"Fn::Sub": "integrations/${ApiIntegration0}"}
    assert of_kind(template, "Integration")[0] == {
        "ApiId": {"Ref": "Api"},
        "IntegrationType": "AWS_PROXY",
        "IntegrationMethod": "POST",
        "PayloadFormatVersion": "2.0",
        "IntegrationUri": {"Fn::Sub": "arn:.../${Orders.Arn}/invocations"},
    }
    assert template["Resources"]["Api"]["Properties"] == {"ProtocolType": "HTTP", "Name": "orders"}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"security": [{"Users": []}]}, ("JWT", None)),
        ({"security": [{"Users": ["orders/read"]}]}, ("JWT", ["orders/read"])),
        ({"security": [{"My-Lambda": []}]}, ("CUSTOM", None)),
        ({"security": [{"Signed": []}]}, ("AWS_IAM", None)),
        ({"x-amazon-apigateway-authtype": "awsSigv4"}, ("AWS_IAM", None)),
        ({"security": []}, ("NONE", None)),
        ({"security": [{"NONE": []}]}, ("NONE", None)),
        ({}, ("CUSTOM", None)),  # that of all operations
    ],
)
def test_the_authorizer_of_a_route(operation, expected):
    template = written(
        {"/x": {"get": {**PROXY, **operation}}}, body={"security": [{"My-Lambda": []}]}
    )
    (route,) = of_kind(template, "Route")
    assert (route["AuthorizationType"], route.get("AuthorizationScopes")) == expected
    assert ("AuthorizerId" in route) is (expected[0] in {"JWT", "CUSTOM"})


def test_an_authorizer_is_made_once_and_only_when_a_route_asks():
    asked = {"security": [{"My-Lambda": []}]}
    template = written({"/x": {"get": {**PROXY, **asked}, "put": {**PROXY, **asked}}})
    assert of_kind(template, "Authorizer") == [
        {
            "ApiId": {"Ref": "Api"},
            "Name": "My-Lambda",
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": "arn:...",
            "AuthorizerPayloadFormatVersion": "2.0",
            "IdentitySource": ["$request.header.Authorization", "$context.routeKey"],
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": 60,
        }
    ]
    (jwt,) = of_kind(written({"/x": {"get": {**PROXY, "security": [{"Users": []}]}}}), "Authorizer")
    assert jwt["JwtConfiguration"] == {"Issuer": "https://issuer.example", "Audience": ["web"]}
    assert jwt["AuthorizerType"] == "JWT"


def test_conditions_of_paths_and_of_the_api_are_kept():
    item = {"Fn::If": ["InTest", {"get": PROXY}, {"Ref": "AWS::NoValue"}]}
    template = written({"/x": item}, Condition="HasApi", conditions={"InTest": 1, "HasApi": 2})
    route = template["Resources"]["ApiRoute0"]
    both = template["Conditions"][route["Condition"]]
    assert both == {"Fn::And": [{"Condition": "HasApi"}, {"Condition": "InTest"}]}
    alone = written({"/x": item}, conditions={"InTest": 1})["Resources"]["ApiRoute0"]
    assert alone["Condition"] == "InTest"


def test_cors_shared_integrations_and_operations_without_one():
    body = {
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example"], "maxAge": 6},
        "components": {
            "securitySchemes": {},
            "x-amazon-apigateway-integrations": {
                "proxy": {"type": "HTTP_PROXY", "httpMethod": "ANY", "uri": "http://127.0.0.1:1"}
            },
        },
    }
    shared = {"$ref": "#/components/x-amazon-apigateway-integrations/proxy"}
    paths = {"/x": {"get": {"x-amazon-apigateway-integration": shared}, "put": {}}}
    template = written(paths, body=body)
    assert template["Resources"]["Api"]["Properties"]["CorsConfiguration"] == {
        "AllowOrigins": ["https://a.example"],
        "MaxAge": 6,
    }
    (integration,) = of_kind(template, "Integration")
    assert (integration["IntegrationType"], integration["IntegrationUri"]) == (
        "HTTP_PROXY",
        "http://127.0.0.1:1",
    )
    assert "Target" not in of_kind(template, "Route")[1]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"security": [{"Nobody": []}]}, "no security scheme `Nobody`"),
        ({"security": [{"Plain": []}]}, "`Plain` is no authorizer"),
        ({"security": [{"Users": []}, {"My-Lambda": []}]}, "asks for two authorizers"),
    ],
)
def test_what_cannot_be_written_out_is_refused_by_name(operation, message):
    with pytest.raises(ConfigurationError, match=message):
        written({"/x": {"get": {**PROXY, **operation}}})


def test_a_body_in_s3_is_refused_and_an_api_without_one_is_left_alone():
    api = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"BodyS3Location": {"Bucket": "b"}}}
    with pytest.raises(ConfigurationError, match="`Api`"):
        with_written_out_apis({"Resources": {"Api": api}})
    plain = {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "x"}}}}
    assert with_written_out_apis(plain) == plain

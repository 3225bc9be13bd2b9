"""What is put right in the local AWS's REST APIs, without the local AWS."""

from __future__ import annotations

import json
import types

import pytest

from authz_lib.testing._ministack import correct


@pytest.fixture
def rest():
    """The functions of ministack that are replaced, as they are without."""
    module = types.ModuleType("apigateway_v1")
    module.put = []
    module._resources = {"api": {"r0": {"path": "/"}, "r1": {"path": "/a/{id}"}}}
    module._build_lambda_event_v1 = lambda *args, **kwargs: {
        "version": "1.0",
        "resource": args[0],
        **kwargs,
    }
    module._stringify_claims = lambda claims: {name: str(value) for name, value in claims.items()}
    module._import_rest_api = lambda spec, base=None: "api"
    module._put_gateway_response = lambda *words: module.put.append(("gateway", *words))
    module._put_method_response = lambda *words: module.put.append(("method", *words))
    module._put_integration_response = lambda *words: module.put.append(("integration", *words))
    module._create_model = lambda *words: module.put.append(("model", *words))
    module._create_request_validator = lambda api, settings: (
        201,
        {},
        json.dumps({"id": "v1", **settings}),
    )
    correct(module)
    return module


def test_an_event_of_a_rest_api_has_no_version(rest):
    assert rest._build_lambda_event_v1("/a", body=None) == {"resource": "/a", "body": None}


def test_claims_are_written_as_a_rest_api_writes_them(rest):
    claims = {"sub": "x", "exp": 1469818373, "iat": 0, "cognito:groups": ["a", "b"], "level": 3}
    assert rest._stringify_claims(claims) == {
        "sub": "x",
        "exp": "Fri Jul 29 18:52:53 UTC 2016",
        "iat": "Thu Jan 01 00:00:00 UTC 1970",
        "cognito:groups": "a,b",
        "level": "3",
    }


def test_a_body_brings_gateway_responses_and_what_mocks_answer(rest):
    response = {"statusCode": "200", "responseParameters": {"method.response.header.X": "'x'"}}
    mock = {
        "type": "mock",
        "responses": {"default": response, "4..": {**response, "statusCode": "400"}},
    }
    proxy = {"type": "aws_proxy", "responses": {"default": response}}
    spec = {
        "x-amazon-apigateway-gateway-responses": {"UNAUTHORIZED": {"statusCode": 401}},
        "paths": {
            "/a/{id}": {
                "options": {"x-amazon-apigateway-integration": mock},
                "get": {"x-amazon-apigateway-integration": proxy},
                "post": {},
                "parameters": [],
            }
        },
    }
    assert rest._import_rest_api(spec) == "api"
    assert rest.put == [
        ("gateway", "api", "UNAUTHORIZED", {"statusCode": 401}),
        ("method", "api", "r1", "OPTIONS", "200", {}),
        ("integration", "api", "r1", "OPTIONS", "200", {**response, "selectionPattern": ""}),
        ("method", "api", "r1", "OPTIONS", "400", {}),
        (
            "integration",
            "api",
            "r1",
            "OPTIONS",
            "400",
            {**response, "statusCode": "400", "selectionPattern": "4.."},
        ),
    ]


def test_a_body_brings_request_validators_and_the_models_they_check(rest):
    post = rest._resources["api"]["r1"]["resourceMethods"] = {
        "POST": {"requestModels": {}},
        "GET": {"requestModels": {}},
    }
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}
    spec = {
        "components": {"schemas": {"New": {"type": "object"}}},
        "x-amazon-apigateway-request-validators": {"body": {"validateRequestBody": True}},
        "paths": {
            "/a/{id}": {
                "post": {
                    "x-amazon-apigateway-request-validator": "body",
                    "requestBody": {"content": body},
                },
                "get": {},
            }
        },
    }
    assert rest._import_rest_api(spec) == "api"
    assert rest.put == [("model", "api", {"name": "New", "schema": {"type": "object"}})]
    assert post["POST"] == {
        "requestValidatorId": "v1",
        "requestModels": {"application/json": "New"},
    }
    assert post["GET"] == {"requestModels": {}}


def test_a_body_without_any_of_it_is_imported_as_it_is(rest):
    assert rest._import_rest_api({}) == "api"
    assert rest.put == []


def test_a_name_that_is_gone_ends_it_at_once():
    with pytest.raises(AttributeError):
        correct(types.ModuleType("apigateway_v1"))

"""A client that was written from document 002 alone: invoke the invoker, or call `/hello`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.stack
EXAMPLE = "hello_invoker"


def test_every_row_of_requests_yaml_is_answered_as_it_says(example):
    assert example.local.scenario.requests
    assert example.differences() == []


def test_the_invoker_says_hello(example):
    assert example.invoke("apigw-invoker", {}) == {"statusCode": 200, "body": "Hello, world!"}


def test_an_expired_token_is_unauthorized(example):
    expired = {"token": example.local.variables["expired"]}
    assert example.invoke("apigw-invoker", expired) == {"errorMessage": "Unauthorized"}


def test_the_api_wants_a_fresh_token(example):
    url, fresh = example.outputs["HelloUrl"], example.local.variables["fresh"]
    answer = example.http("GET", url, Authorization=f"Bearer {fresh}")
    assert (answer.status, answer.json) == (200, "Hello, world!")
    assert example.http("GET", url).status == 401
    other = example.local.variables["other_secret"]
    assert example.http("GET", url, Authorization=f"Bearer {other}").status == 401  # README


def test_the_names_of_the_document(example):
    aws = example.local.aws
    assert aws.region == "ap-southeast-3"
    functions = {f["FunctionName"]: f for f in aws.client("lambda").list_functions()["Functions"]}
    assert set(functions) == {"hello-world", "lambda-authorizer", "apigw-invoker"}
    assert {f["Runtime"] for f in functions.values()} == {"python3.12"}
    assert {f["Role"].rpartition("/")[2] for f in functions.values()} == {"lambda-exec-role"}
    (api,) = aws.client("apigateway").get_rest_apis()["items"]
    assert api["name"] == "hello-api"
    (stage,) = aws.client("apigateway").get_stages(restApiId=api["id"])["item"]
    assert stage["stageName"] == "prod"
    resources = aws.client("apigateway").get_resources(restApiId=api["id"], embed=["methods"])
    (hello,) = [item for item in resources["items"] if item["path"] == "/hello"]
    method = hello["resourceMethods"]["GET"]
    assert method["authorizationType"] == "CUSTOM"
    assert method["methodIntegration"]["type"] == "AWS_PROXY"

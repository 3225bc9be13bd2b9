"""What is corrected in the REST APIs of ministack, over its real application."""

from __future__ import annotations

import types

import pytest

from authz_local import _ministack

URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:service/invocations"
)
PROXY = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": URI}}


@pytest.fixture
def deployed(ministack):
    """The id of a REST API that an OpenAPI document made, deployed to the stage `prod`."""
    ministack.answer = {"statusCode": 200, "body": "{}"}

    def deploy(document):
        api = ministack.rest._import_rest_api({"info": {"title": "orders"}, **document})
        ministack.make(f"/restapis/{api}/deployments", {"stageName": "prod"})
        return api

    return deploy


def send(ministack, api, method, path, body=None):
    return ministack.call(method, f"/prod{path}", body, host=f"{api}.execute-api.localhost")[0]


def resource_id(ministack, api, path):
    listed = ministack.call("GET", f"/restapis/{api}/resources")[1]["item"]
    return next(resource["id"] for resource in listed if resource["path"] == path)


def test_an_event_of_a_rest_api_has_no_version(ministack, deployed):
    ministack.answer = lambda event: {"body": {"statusCode": 200, "body": "{}"}}
    api = deployed({"paths": {"/a": {"get": PROXY}}})
    assert send(ministack, api, "GET", "/a") == 200
    [event] = ministack.events
    assert event["resource"] == "/a"
    assert "version" not in event


def test_claims_are_written_as_a_rest_api_writes_them(ministack):
    claims = {"sub": "x", "exp": 1469818373, "iat": 0, "cognito:groups": ["a", "b"], "level": 3}
    assert ministack.rest._stringify_claims(claims) == {
        "sub": "x",
        "exp": "Fri Jul 29 18:52:53 UTC 2016",
        "iat": "Thu Jan 01 00:00:00 UTC 1970",
        "cognito:groups": "a,b",
        "level": "3",
    }


def test_a_document_brings_gateway_responses_and_what_mocks_answer(ministack, deployed):
    default = {"statusCode": "204", "responseParameters": {"method.response.header.X": "'x'"}}
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {"default": default, "4..": {"statusCode": "400"}},
    }
    api = deployed(
        {
            "x-amazon-apigateway-gateway-responses": {"UNAUTHORIZED": {"statusCode": 418}},
            "paths": {
                "/a/{id}": {
                    "options": {"x-amazon-apigateway-integration": mock},
                    "get": PROXY,
                    "parameters": [],
                }
            },
        }
    )
    unauthorized = ministack.call("GET", f"/restapis/{api}/gatewayresponses/UNAUTHORIZED")[1]
    assert str(unauthorized["statusCode"]) == "418"
    assert send(ministack, api, "OPTIONS", "/a/1") == 204
    path = f"/restapis/{api}/resources/{resource_id(ministack, api, '/a/{id}')}/methods"
    for status, pattern in (("204", ""), ("400", "4..")):
        answered = ministack.call("GET", f"{path}/OPTIONS/integration/responses/{status}")
        assert (answered[0], answered[1]["selectionPattern"]) == (200, pattern)
    assert ministack.call("GET", f"{path}/GET/integration/responses/204")[0] == 404


def test_a_document_brings_request_validators_and_the_models_they_check(ministack, deployed):
    validator = "x-amazon-apigateway-request-validator"
    schema = {"type": "object", "required": ["item"]}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}
    api = deployed(
        {
            "components": {"schemas": {"New": schema}},
            f"{validator}s": {"body": {"validateRequestBody": True}},
            "paths": {
                "/a": {
                    "post": {**PROXY, validator: "body", "requestBody": {"content": content}},
                    "put": PROXY,
                }
            },
        }
    )
    ministack.answer = lambda event: {"body": {"statusCode": 200, "body": "{}"}}
    assert send(ministack, api, "POST", "/a", {"item": "anvil"}) == 200
    assert send(ministack, api, "POST", "/a", {"itme": "anvil"}) == 400
    assert send(ministack, api, "PUT", "/a", {"itme": "anvil"}) == 200
    assert len(ministack.events) == 2


def test_a_document_without_any_of_it_is_imported_as_it_is(ministack):
    api = ministack.rest._import_rest_api({})
    assert len(ministack.call("GET", f"/restapis/{api}/resources")[1]["item"]) == 1


def test_a_name_that_is_gone_ends_it_at_once():
    with pytest.raises(AttributeError):
        _ministack.correct_events_and_import(types.ModuleType("apigateway_v1"))


def test_services_are_loaded_when_they_are_used():
    """CloudFormation's handlers name all of them; a process that uses none runs none."""
    import subprocess
    import sys

    code = """
from authz_local._ministack_loading import load_services_late
load_services_late()
import sys, threading
from ministack.services import sqs
from ministack.services.cloudformation import provisioners
kind = lambda name: type(sys.modules[f"ministack.services.{name}"]).__name__
assert kind("iot") == kind("rds") == kind("sqs") == "_LateModule"
assert "duckdb" not in sys.modules
threads = [threading.Thread(target=lambda: found.append(sqs._queues)) for _ in range(8)]
found = []
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(found) == 8 and all(one is sqs._queues for one in found)
assert kind("sqs") == "module" and kind("iot") == "_LateModule"
assert sqs.__file__.endswith("sqs.py")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr

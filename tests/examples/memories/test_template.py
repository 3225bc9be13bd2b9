"""What the template says, before anything runs: who gets in where, and for how long."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from authz_lib.smithy.error_answers import EXPOSED_HEADERS
from authz_lib.smithy.gateway_responses import GATEWAY_RESPONSES, gateway_responses
from authz_local.template import load_template

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
PUBLIC = {("/auth/start", "post"), ("/auth/verify", "post"), ("/auth/handoff", "post")}
OWN = {
    ("/memories/audio", "post"),
    ("/memories/audio-metadata", "post"),
    ("/memories/video", "post"),
}
NAMED = [f"Memories{name}Function" for name in ("Audio", "AudioMetadata", "Video")]
SCOPE = "aws.cognito.signin.user.admin"


@pytest.fixture
def resources():
    return load_template(EXAMPLE / "template.yaml")["Resources"]


@pytest.fixture
def transformed(monkeypatch):
    """What SAM's own transform makes of it."""
    from samtranslator.translator.transform import transform

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    policies = type(
        "Policies",
        (),
        {"load": lambda self: {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/x"}},
    )

    def resources(**parameters):
        template = load_template(EXAMPLE / "template.yaml")
        template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
        template["Resources"]["VideoEncoder"]["Properties"]["CodeUri"] = "s3://bucket/key"
        template["Resources"]["Library"]["Properties"]["ContentUri"] = "s3://bucket/layer"
        return transform(template, parameters, policies())["Resources"]

    return resources


@pytest.fixture
def body(transformed):
    """The OpenAPI body of the API."""
    return transformed()["Api"]["Properties"]["Body"]


def events(resources):
    for resource in resources.values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            yield event["Type"], event["Properties"]


def test_every_event_says_its_own_auth(resources):
    found = {}
    for kind, event in events(resources):
        assert kind == "Api"
        found[event["Path"], event["Method"]] = event["Auth"]
    protected = {"Authorizer": "CognitoAuth", "AuthorizationScopes": [SCOPE]}
    assert {route for route, auth in found.items() if auth == {"Authorizer": "NONE"}} == PUBLIC
    assert {route for route, auth in found.items() if auth == protected} == OWN
    assert set(found) == PUBLIC | OWN


def test_a_forgotten_auth_would_be_closed_and_a_preflight_open(resources):
    auth = resources["Api"]["Properties"]["Auth"]
    assert auth["DefaultAuthorizer"] == "CognitoAuth"
    assert auth["AddDefaultAuthorizerToCorsPreflight"] is False


def test_the_pool_is_named_by_a_dynamic_reference(resources):
    pool = resources["Api"]["Properties"]["Auth"]["Authorizers"]["CognitoAuth"]["UserPoolArn"][
        "Fn::Sub"
    ]
    issuer = resources["MemoriesAudioFunction"]["Properties"]["Environment"]["Variables"]["ISSUER"][
        "Fn::Sub"
    ]
    assert pool.endswith(":userpool/{{resolve:ssm:/encache/auth/user_pool_id${PoolIdVersion}}}")
    assert issuer.endswith("/{{resolve:ssm:/encache/auth/user_pool_id${PoolIdVersion}}}")


@pytest.mark.stack
def test_another_version_of_the_pools_id_is_another_deployment_of_the_api(transformed):
    def deployment(version):
        resources = transformed(PoolIdVersion=version)
        (name,) = [
            name
            for name, resource in resources.items()
            if resource["Type"] == "AWS::ApiGateway::Deployment"
        ]
        return name

    assert deployment("") == deployment("")
    assert len({deployment(version) for version in ("", ":1", ":2")}) == 3


def test_nobody_reaches_a_function_but_through_the_api(resources):
    types = [resource["Type"] for resource in resources.values()]
    assert "AWS::Lambda::Url" not in types
    # SAM makes one per event, with the API as its source.
    assert "AWS::Lambda::Permission" not in types
    functions = {
        name: r["Properties"]
        for name, r in resources.items()
        if r["Type"] == "AWS::Serverless::Function"
    }
    assert set(functions) == {
        *(f"Memories{name}Function" for name in ("Audio", "AudioMetadata", "Video")),
        *("VideoEncoder", "AuthFunction"),
    }
    assert not any("FunctionUrlConfig" in function for function in functions.values())
    assert "Events" not in functions["VideoEncoder"]


def test_the_function_ends_before_the_gateway_gives_up_and_the_encoder_long_after(resources):
    defaults = load_template(EXAMPLE / "template.yaml")["Globals"]["Function"]
    assert defaults["Timeout"] < 29
    assert not any("Timeout" in resources[name]["Properties"] for name in NAMED)
    assert resources["VideoEncoder"]["Properties"]["Timeout"] > 90


@pytest.mark.stack
def test_a_job_is_lost_only_when_no_encoder_of_it_can_still_run(resources, service):
    encoder = resources["VideoEncoder"]["Properties"]
    waiting = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert encoder["EventInvokeConfig"] == waiting
    lost = int(re.search(r"changed_at < now\(\) - interval '(\d+) s'", service().video.JOB)[1])
    asking = 2 * (2 + 5)  # of `patient_client`
    assert asking + waiting["MaximumEventAgeInSeconds"] + encoder["Timeout"] <= lost


def test_the_functions_have_the_documents_names_and_so_have_their_logs(resources):
    for name in NAMED:
        assert resources[name]["Properties"]["FunctionName"] == name


def test_a_video_is_kept_longer_than_it_is_handed_out(resources):
    (rule,) = resources["MediaBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("temp/", 1)  # `BEGIN` says 12 hours


def test_the_access_log_tells_the_gateways_refusals_from_the_lambdas(resources):
    form = resources["Api"]["Properties"]["AccessLogSetting"]["Format"]
    said = json.loads(form)
    assert said["error"] == "$context.error.responseType"
    assert said["integration"] == "$context.integration.status"


def test_no_variable_of_the_function_says_where_a_key_set_is(resources):
    assert not {"JWKS_URL", "USER_POOL_ID"} & set(
        resources["MemoriesAudioFunction"]["Properties"]["Environment"]["Variables"]
    )


@pytest.mark.stack
def test_in_the_deployed_api_only_the_named_routes_are_public(body):
    security = {
        (path, method): operation.get("security")
        for path, operations in body["paths"].items()
        for method, operation in operations.items()
    }
    preflight = {(path, "options") for path, _ in OWN | PUBLIC}
    assert {
        route for route, wanted in security.items() if wanted == [{"CognitoAuth": [SCOPE]}]
    } == OWN
    assert {route for route, wanted in security.items() if wanted == [{"NONE": []}]} == PUBLIC
    assert {route for route, wanted in security.items() if wanted is None} == preflight
    assert set(security) == OWN | PUBLIC | preflight


def test_what_the_gateway_says_is_what_the_library_has_it_say(resources):
    own = resources["Api"]["Properties"]["GatewayResponses"]
    headers = {
        "Access-Control-Allow-Origin": "https://app.example.com",
        "Access-Control-Expose-Headers": f"{EXPOSED_HEADERS},X-Answered-By",
        "X-Answered-By": "gateway",
    }
    generated = gateway_responses("sam", error_format="standard", headers=headers)[
        "GatewayResponses"
    ]
    # Which we answer as the 404 that it is.
    assert own.pop("MISSING_AUTHENTICATION_TOKEN")["StatusCode"] == 404
    del generated["MISSING_AUTHENTICATION_TOKEN"]
    for response in own.values():
        sent = response["ResponseParameters"]["Headers"]
        assert sent["Access-Control-Allow-Origin"] == {"Fn::Sub": "'${AllowedOrigin}'"}
        response["ResponseParameters"] = {
            "Headers": {**sent, "Access-Control-Allow-Origin": "'https://app.example.com'"}
        }
    assert own == generated


def test_the_status_in_a_body_is_the_status_of_the_answer(resources):
    responses = resources["Api"]["Properties"]["GatewayResponses"]
    assert set(responses) == set(GATEWAY_RESPONSES)
    for name, response in responses.items():
        template = response["ResponseTemplates"]["application/json"].replace(
            "$context.error.messageString", '""'
        )
        # For a type that is none of these: the status stays its own.
        if not name.startswith("DEFAULT_"):
            assert json.loads(template)["status"] == response["StatusCode"], name


@pytest.mark.stack
def test_the_gateway_says_that_it_was_the_gateway(body):
    responses = body["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "UNAUTHORIZED", "ACCESS_DENIED"} <= set(responses)
    for name, response in responses.items():
        assert (
            response["responseParameters"]["gatewayresponse.header.X-Answered-By"] == "'gateway'"
        ), name
        assert (
            "gatewayresponse.header.Access-Control-Allow-Origin" in response["responseParameters"]
        ), name

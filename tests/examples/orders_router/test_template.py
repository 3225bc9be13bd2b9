"""The template says what the library's constants and the code beside it say."""

from __future__ import annotations

import json

import pytest

from authz_lib.actions import ActionMap
from authz_lib.cli.main import main
from authz_lib.service.principal_headers import HTTP_API_PARAMETERS, header_parameters
from authz_local import stack

ASSERTION = header_parameters("http", assertion=True)


@pytest.fixture
def rest(template, monkeypatch):
    """What SAM makes of the REST API: the OpenAPI document that API Gateway imports."""
    from samtranslator.translator.transform import transform

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for function in resources(template, "AWS::Serverless::Function").values():
        function["CodeUri"] = "s3://bucket/key"
    template["Resources"]["Library"]["Properties"]["ContentUri"] = "s3://bucket/layer"
    policies = type(
        "Policies",
        (),
        {"load": lambda self: {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/x"}},
    )
    return transform(template, {"PolicyStoreId": "store"}, policies())["Resources"]["RestApi"][
        "Properties"
    ]["Body"]


def resources(template, kind):
    found = {n: r["Properties"] for n, r in template["Resources"].items() if r["Type"] == kind}
    assert found
    return found


def test_every_principal_header_and_the_assertion_are_overwritten(template):
    [aws] = [
        properties["RequestParameters"]
        for properties in resources(template, "AWS::ApiGatewayV2::Integration").values()
        if properties["IntegrationType"] == "HTTP_PROXY"
    ]
    assert aws == {**HTTP_API_PARAMETERS, **ASSERTION}


def test_the_secret_is_generated_and_no_default_of_a_parameter(template):
    secret = template["Resources"]["AssertionSecret"]["Properties"]
    assert secret.keys() == {"GenerateSecretString"}
    assert not [name for name in template["Parameters"] if "secret" in name.lower()]


def test_the_service_expects_what_the_authorizer_signs(template, folder):
    variables = resources(template, "AWS::Serverless::Function")["HttpAuthorizer"]["Environment"][
        "Variables"
    ]
    service = (folder / "services" / "support.py").read_text()
    assert f'issuer="{variables["AUTHZ_ASSERTION_ISSUER"]}"' in service
    assert f'audience="{variables["AUTHZ_ASSERTION_AUDIENCE"]}"' in service
    assert variables["AUTHZ_ASSERTION_ALGORITHM"] == "HS256"  # what `shared_secret` expects
    assert variables["AUTHZ_ASSERTION_SECRET_ID"] == {"Ref": "AssertionSecret"}


def test_the_gateway_responses_have_not_drifted(template, capsys):
    assert main(["gateway-responses", "--format", "sam", "--denied-message", "Not permitted"]) == 0
    generated = json.loads(capsys.readouterr().out)["GatewayResponses"]
    assert resources(template, "AWS::Serverless::Api")["RestApi"]["GatewayResponses"] == generated


def test_the_cache_that_is_declared_is_the_one_that_is_deployed(template, folder):
    authorizer = resources(template, "AWS::Serverless::Api")["RestApi"]["Auth"]["Authorizers"][
        "Orders"
    ]
    functions = resources(template, "AWS::Serverless::Function")
    declared = functions["RestAuthorizer"]["Environment"]["Variables"]
    header = f"method.request.header.{authorizer['Identity']['Header']}"
    assert declared["AUTHZ_IDENTITY_SOURCES"] == header
    assert int(declared["AUTHZ_GATEWAY_TTL_SECONDS"]) == authorizer["Identity"]["ReauthorizeEvery"]
    api = resources(template, "AWS::Serverless::Api")["RestApi"]
    assert (declared["AUTHZ_NO_RESOURCE_POLICY"] == "true") == ("ResourcePolicy" not in api["Auth"])
    http = resources(template, "AWS::ApiGatewayV2::Authorizer")["HttpApiAuthorizer"]
    assert (http["IdentitySource"], http["AuthorizerResultTtlInSeconds"]) == ([], 0)
    of_http = functions["HttpAuthorizer"]["Environment"]["Variables"]
    assert of_http["AUTHZ_GATEWAY_TTL_SECONDS"] == "0"


@pytest.mark.parametrize("name", ["HttpAuthorizer", "RestAuthorizer"])
def test_the_variables_of_an_authorizer_build_one(template, name, folder, monkeypatch):
    from authz_lib import LambdaAuthorizer

    function = resources(template, "AWS::Serverless::Function")[name]
    known = {
        "UserPool": "us-east-1_Abc123",
        "WebClient": "web",
        "PolicyStoreId": "PS1",
        "AssertionSecret": "arn",
    }
    monkeypatch.chdir(folder / function["CodeUri"])
    environ = {
        key: known[value["Ref"]] if isinstance(value, dict) else value
        for key, value in function["Environment"]["Variables"].items()
    }
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert callable(LambdaAuthorizer.from_env(environ))


def test_no_route_is_without_the_authorizer_and_every_route_is_in_the_map(template, rest, folder):
    known = {
        (e.method, e.route) for e in ActionMap.load(folder / "authorizer" / "actions.json").entries
    }
    routes = resources(template, "AWS::ApiGatewayV2::Route").values()
    assert {(r["AuthorizationType"], r["AuthorizerId"]["Ref"]) for r in routes} == {
        ("CUSTOM", "HttpApiAuthorizer")
    }
    http = {tuple(r["RouteKey"].split(" ")) for r in routes} - {("$default",)}
    assert http < known
    assert {
        (method.upper(), path) for path, methods in rest["paths"].items() for method in methods
    } < known
    assert (
        http | {(m.upper(), path) for path, methods in rest["paths"].items() for m in methods}
        == known
    )


def test_sam_keeps_authorizer_key_and_validator_on_the_rest_api(rest):
    assert rest["components"]["securitySchemes"].keys() == {"Orders", "api_key"}
    for path, methods in rest["paths"].items():
        for operation in methods.values():
            schemes = {name for requirement in operation["security"] for name in requirement}
            assert schemes == (
                {"Orders", "api_key"} if path.startswith("/api/users/profiles") else {"Orders"}
            )
    post = rest["paths"]["/api/commercial/orders"]["post"]
    assert rest["x-amazon-apigateway-request-validators"][
        post["x-amazon-apigateway-request-validator"]
    ] == {
        "validateRequestBody": True,
        "validateRequestParameters": False,
    }


def test_limits_are_set_for_both_apis_and_for_the_key(template):
    post = {"ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40}
    assert template["Resources"]["HttpStage"]["Properties"]["RouteSettings"] == {
        "POST /api/commercial/orders": post
    }
    settings = resources(template, "AWS::Serverless::Api")["RestApi"]["MethodSettings"]
    assert settings[1] == {
        "ResourcePath": "/~1api~1commercial~1orders",
        "HttpMethod": "POST",
        **post,
    }
    [plan] = resources(template, "AWS::ApiGateway::UsagePlan").values()
    assert plan["Quota"]["Limit"] > 0
    assert plan["Throttle"]["RateLimit"] > 0


def test_the_support_service_is_reached_over_tls_in_the_vpc_only(template):
    integration = template["Resources"]["SupportIntegration"]["Properties"]
    assert integration["ConnectionType"] == "VPC_LINK"
    assert integration["ConnectionId"] == {"Ref": "VpcLink"}
    assert integration["TlsConfig"] == {"ServerNameToVerify": {"Ref": "SupportServerName"}}


@pytest.mark.stack
def test_the_local_aws_is_the_corrected_one(monkeypatch, tmp_path):
    """The rows about gateway responses and validators need the corrections of `_ministack`."""
    started = []
    monkeypatch.setattr(stack.subprocess, "Popen", lambda command, **_: started.append(command))
    stack.LocalAWS()._launch(tmp_path)
    assert started[0][1:] == ["-m", "authz_local._ministack"]

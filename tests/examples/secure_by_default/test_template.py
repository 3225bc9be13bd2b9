"""What the template says, read without AWS: no route is open, no function has a URL, nothing is allowed needlessly.

Every check is shown to find what it looks for: each change below, made to the real template, is named as a fault.
"""

from __future__ import annotations

import copy
import re

import pytest

from authz_lib.testing.template import load_template


@pytest.fixture(scope="module")
def template(folder):
    return load_template(folder / "template.yaml")


ON_AWS = {"AllowedOrigin": "https://app.example.com", "DomainPrefix": "platform", "LocalEndpoint": ""}


def evaluated(template, **parameters):
    """The template as CloudFormation sees it: conditions decided, resources without theirs left out."""
    defaults = {name: value["Default"] for name, value in template["Parameters"].items() if "Default" in value}
    values = {**defaults, **ON_AWS, **parameters}
    conditions = {}

    def value_of(node):
        if isinstance(node, list):
            return [value for each in node if (value := value_of(each)) is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (name := next(iter(node))) in FUNCTIONS:
            return FUNCTIONS[name](node[name], value_of, values, conditions)
        return {key: value for key, each in node.items() if (value := value_of(each)) is not NOTHING}

    for name, condition in template["Conditions"].items():
        conditions[name] = value_of(condition)
    kept = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
    }
    return value_of(kept)


NOTHING = object()
FUNCTIONS = {
    "Ref": lambda name, _, values, __: NOTHING if name == "AWS::NoValue" else values.get(name, {"Ref": name}),
    "Fn::Equals": lambda pair, value_of, *_: value_of(pair[0]) == value_of(pair[1]),
    "Fn::Not": lambda one, value_of, *_: not value_of(one[0]),
    "Fn::If": lambda three, value_of, _, conditions: value_of(three[1] if conditions[three[0]] else three[2]),
    "Fn::Sub": lambda text, _, values, __: re.sub(r"\$\{(\w+)\}", lambda m: values.get(m[1], m[0]), text),
}


def of_type(resources, kind):
    return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}


def faults(resources):
    return [*open_routes(resources), *public_functions(resources), *wide_statements(resources), *open_logins(resources)]


def open_routes(resources):
    authorizers = of_type(resources, "AWS::ApiGatewayV2::Authorizer")
    good = {
        name
        for name, authorizer in authorizers.items()
        if authorizer["AuthorizerType"] == "JWT"
        and authorizer["IdentitySource"] == ["$request.header.Authorization"]
        and authorizer["JwtConfiguration"]["Audience"] == [{"Ref": "WebClient"}]
        and authorizer["JwtConfiguration"]["Issuer"].endswith("/${UserPool}")
    }
    for name, route in of_type(resources, "AWS::ApiGatewayV2::Route").items():
        if route.get("AuthorizationType") != "JWT" or route.get("AuthorizerId", {}).get("Ref") not in good:
            yield f"{name} is open"
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api").items():
        if {"Body", "BodyS3Location", "RouteKey", "Target"} & api.keys():
            yield f"{name} makes routes of its own"
    for kind in ["AWS::Serverless::HttpApi", "AWS::Serverless::Api", "AWS::ApiGateway::RestApi"]:
        yield from (f"{name} is another API" for name in of_type(resources, kind))


def public_functions(resources):
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        if {"FunctionUrlConfig", "Events"} & function.keys():
            yield f"{name} can be called past the API"
    yield from (f"{name} is a function URL" for name in of_type(resources, "AWS::Lambda::Url"))
    for name, permission in of_type(resources, "AWS::Lambda::Permission").items():
        named = permission["Principal"] in {"apigateway.amazonaws.com", "cognito-idp.amazonaws.com"}
        if not named or "SourceArn" not in permission or "FunctionUrlAuthType" in permission:
            yield f"{name} lets others call"


UNNARROWABLE = {"batch:ListJobs", "batch:DescribeJobs"}  # AWS defines no resource for these


def wide_statements(resources):
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        if "ManagedPolicyArns" in role:
            yield f"{name} has managed policies"
        for statement in (s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]):
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            resource = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if any("*" in action for action in actions):
                yield f"{name} allows a wildcard"
            if "*" in resource and not set(actions) <= UNNARROWABLE:
                yield f"{name} allows on everything"
            if "batch:SubmitJob" in actions and resource != [{"Ref": "JobQueueArn"}, {"Ref": "JobDefinitionArn"}]:
                yield f"{name} submits elsewhere"


def open_logins(resources):
    for name, pool in of_type(resources, "AWS::Cognito::UserPool").items():
        if pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly") is not True:
            yield f"anyone may sign up to {name}"
    for name, client in of_type(resources, "AWS::Cognito::UserPoolClient").items():
        if client.get("AllowedOAuthFlows") != ["code"] or client.get("GenerateSecret"):
            yield f"{name} has another flow than code"
        if client.get("CallbackURLs") != ["https://app.example.com/"] != client.get("LogoutURLs"):
            yield f"{name} answers to another address"
        if client.get("ExplicitAuthFlows") != ["ALLOW_REFRESH_TOKEN_AUTH"]:
            yield f"{name} takes passwords"
        if "custom:tenant_id" in client.get("WriteAttributes", ["custom:tenant_id"]):
            yield f"{name} lets users choose their tenant"


# -- the template as it is ---------------------------------------------------------------------------------------------


def test_as_deployed_without_a_word_it_has_no_fault(template):
    assert list(faults(evaluated(template))) == []
    routes = of_type(evaluated(template), "AWS::ApiGatewayV2::Route")
    assert sorted(route["RouteKey"] for route in routes.values()) == [
        "GET /jobs",
        "GET /jobs/{jobId}",
        "POST /orchestrate",
    ]
    assert of_type(evaluated(template), "AWS::Cognito::UserPoolDomain")["HostedLogin"]["Domain"] == "platform"


def change(path, value=NOTHING):
    def apply(resources):
        *parents, last = path.split(".")
        for name in parents:
            resources = resources[int(name)] if name.isdigit() else resources[name]
        if value is NOTHING:
            del resources[last]
        else:
            resources[last] = value

    return apply


URL = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}
POLICY = "OrchestrateRole.Properties.Policies.0.PolicyDocument.Statement"


@pytest.mark.parametrize(
    ("mutation", "fault"),
    [
        (change("OrchestrateRoute.Properties.AuthorizationType", "NONE"), "OrchestrateRoute is open"),
        (change("OrchestrateRoute.Properties.AuthorizationType"), "OrchestrateRoute is open"),
        (change("ListJobsRoute.Properties.AuthorizerId"), "ListJobsRoute is open"),
        (change("GetJobRoute.Properties.AuthorizerId", {"Ref": "Elsewhere"}), "GetJobRoute is open"),
        (change("JwtAuthorizer.Properties.JwtConfiguration.Audience", ["any"]), "GetJobRoute is open"),
        (change("JwtAuthorizer.Properties.JwtConfiguration.Issuer", "https://evil.example"), "GetJobRoute is open"),
        (change("HttpApi.Properties.Target", "arn"), "HttpApi makes routes of its own"),
        (change("Another", {"Type": "AWS::Serverless::HttpApi"}), "Another is another API"),
        (
            change("Orchestrate.Properties.FunctionUrlConfig", {"AuthType": "NONE"}),
            "Orchestrate can be called past the API",
        ),
        (
            change("Orchestrate.Properties.Events", {"Get": {"Type": "HttpApi"}}),
            "Orchestrate can be called past the API",
        ),
        (change("Url", URL), "Url is a function URL"),
        (change("OrchestratePermission.Properties.SourceArn"), "OrchestratePermission lets others call"),
        (change("OrchestratePermission.Properties.Principal", "*"), "OrchestratePermission lets others call"),
        (change(f"{POLICY}.0.Resource", "*"), "OrchestrateRole allows on everything"),
        (change(f"{POLICY}.0.Resource", [{"Ref": "JobQueueArn"}]), "OrchestrateRole submits elsewhere"),
        (change(f"{POLICY}.0.Action", "batch:*"), "OrchestrateRole allows a wildcard"),
        (
            change(f"{POLICY}.1.Action", ["batch:ListJobs", "batch:TerminateJob"]),
            "OrchestrateRole allows on everything",
        ),
        (change("OrchestrateRole.Properties.ManagedPolicyArns", ["arn"]), "OrchestrateRole has managed policies"),
        (change("UserPool.Properties.AdminCreateUserConfig"), "anyone may sign up to UserPool"),
        (
            change("WebClient.Properties.AllowedOAuthFlows", ["code", "implicit"]),
            "WebClient has another flow than code",
        ),
        (change("WebClient.Properties.WriteAttributes"), "WebClient lets users choose their tenant"),
        (change("WebClient.Properties.ExplicitAuthFlows", ["ALLOW_USER_PASSWORD_AUTH"]), "WebClient takes passwords"),
    ],
)
def test_every_check_finds_what_it_looks_for(template, mutation, fault):
    resources = copy.deepcopy(evaluated(template))
    mutation(resources)
    assert fault in faults(resources)


# -- its switch --------------------------------------------------------------------------------------------------------


def test_the_switch_is_on_unless_somebody_says_false(template):
    switch = template["Parameters"]["EnableAuth"]
    assert (switch["Default"], switch["AllowedValues"]) == ("true", ["true", "false"])


def test_switched_off_the_authorizer_is_detached_and_the_service_is_told_the_same_word(template):
    resources = evaluated(template, EnableAuth="false")
    assert of_type(resources, "AWS::ApiGatewayV2::Authorizer") == {}
    routes = of_type(resources, "AWS::ApiGatewayV2::Route").values()
    assert {route["AuthorizationType"] for route in routes} == {"NONE"}
    assert not [route for route in routes if "AuthorizerId" in route]
    service = of_type(resources, "AWS::Serverless::Function")["Orchestrate"]
    assert service["Environment"]["Variables"]["ENABLE_AUTH"] == "false"


# -- its one origin ----------------------------------------------------------------------------------------------------


def test_cors_is_for_one_origin_and_never_with_cookies(template):
    cors = of_type(evaluated(template), "AWS::ApiGatewayV2::Api")["HttpApi"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert cors["AllowMethods"] == ["GET", "POST"]
    assert not cors.get("AllowCredentials")


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://*", "https://a.example/", "https://a.example,https://b.example"]
)
def test_what_is_no_single_origin_is_refused(template, origin):
    parameter = template["Parameters"]["AllowedOrigin"]
    assert "Default" not in parameter
    assert re.fullmatch(parameter["AllowedPattern"], "https://app.example.com")
    assert not re.fullmatch(parameter["AllowedPattern"], origin)


def test_only_this_machine_is_an_origin_without_tls(template):
    pattern = template["Parameters"]["AllowedOrigin"]["AllowedPattern"]
    assert re.fullmatch(pattern, "http://localhost:8080")
    assert not re.fullmatch(pattern, "http://app.example.com")
    assert not re.fullmatch(pattern, "http://localhost:8080.evil.example")


# -- nothing of the local run on AWS -----------------------------------------------------------------------------------


def test_on_aws_nothing_of_the_local_run_is_left(template):
    resources = evaluated(template)
    assert "OtherClient" not in resources
    assert of_type(resources, "AWS::Serverless::Function")["Orchestrate"]["Environment"]["Variables"]["JWKS_URL"] == ""
    assert "OtherClient" in evaluated(template, LocalEndpoint="http://127.0.0.1:4566")

"""The template, read without AWS: no route is open, no function has a URL, rights are minimal.

Every check is shown to find what it looks for: each change below, made to the real template, is
named as a fault.
"""

from __future__ import annotations

import copy
import re

import pytest

from authz_local.template import load_template


@pytest.fixture(scope="module")
def template(folder):
    return load_template(folder / "template.yaml")


ON_AWS = {
    "AllowedOrigin": "https://app.example.com",
    "DomainPrefix": "platform",
}


def evaluated(template, **parameters):
    """The template as deployed: conditions decided, resources without theirs left out."""
    defaults = {
        name: value["Default"]
        for name, value in template["Parameters"].items()
        if "Default" in value
    }
    values = {**defaults, **ON_AWS, **parameters}
    conditions = {}

    def value_of(node):
        if isinstance(node, list):
            return [value for each in node if (value := value_of(each)) is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (name := next(iter(node))) in FUNCTIONS:
            return FUNCTIONS[name](node[name], value_of, values, conditions)
        return {
            key: value for key, each in node.items() if (value := value_of(each)) is not NOTHING
        }

    for name, condition in template["Conditions"].items():
        conditions[name] = value_of(condition)
    kept = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if conditions.get(resource.get("Condition"), True)
    }
    shared = template["Globals"]["Function"]
    for logical_id, resource in kept.items():
        if resource["Type"] == "AWS::Serverless::Function":
            kept[logical_id] = {**resource, "Properties": {**shared, **resource["Properties"]}}
    return value_of(kept)


NOTHING = object()
FUNCTIONS = {
    "Ref": lambda name, _, values, __: (
        NOTHING if name == "AWS::NoValue" else values.get(name, {"Ref": name})
    ),
    "Fn::Equals": lambda pair, value_of, *_: value_of(pair[0]) == value_of(pair[1]),
    "Fn::Not": lambda one, value_of, *_: not value_of(one[0]),
    "Fn::If": lambda three, value_of, _, conditions: value_of(
        three[1] if conditions[three[0]] else three[2]
    ),
    "Fn::Sub": lambda text, _, values, __: re.sub(
        r"\$\{(\w+)\}", lambda m: values.get(m[1], m[0]), text
    ),
}


def of_type(resources, kind):
    return {
        name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind
    }


def faults(resources):
    return [
        *foreign_parts(resources),
        *open_routes(resources),
        *needless_grants(resources),
        *open_logins(resources),
    ]


# Whatever else may stand in a template (a function URL, another API, a policy, a connector) is for
# somebody to look at.
KINDS = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
}


def foreign_parts(resources):
    for name, resource in resources.items():
        if resource["Type"] not in KINDS:
            yield f"{name} is of a kind that is not looked at"
        if resource.keys() - {"Type", "Properties", "Condition", "Metadata"}:
            yield f"{name} has a part that is not looked at"


ISSUER = "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}"


def open_routes(resources):
    authorizers = of_type(resources, "AWS::ApiGatewayV2::Authorizer")
    good = {
        name
        for name, authorizer in authorizers.items()
        if authorizer["AuthorizerType"] == "JWT"
        and authorizer["IdentitySource"] == ["$request.header.Authorization"]
        and authorizer["JwtConfiguration"] == {"Audience": [{"Ref": "WebClient"}], "Issuer": ISSUER}
    }
    for name, route in of_type(resources, "AWS::ApiGatewayV2::Route").items():
        if (
            route.get("AuthorizationType") != "JWT"
            or route.get("AuthorizerId", {}).get("Ref") not in good
        ):
            yield f"{name} is open"
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api").items():
        if {"Body", "BodyS3Location", "RouteKey", "Target"} & api.keys():
            yield f"{name} makes routes of its own"


def allow(action, resource):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def attribute(name):
    return {"Fn::GetAtt": [name, "Arn"]}


# All that may be done, and who may do it.  Anything more, less or other is a fault: no list of bad
# words is complete.
GRANTS = {
    "OrchestrateRole": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "Policies": [
            {
                "PolicyName": "jobs-and-log",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        allow(
                            "batch:SubmitJob", [{"Ref": "JobQueueArn"}, {"Ref": "JobDefinitionArn"}]
                        ),
                        # AWS defines no resource for these.
                        allow(["batch:ListJobs", "batch:DescribeJobs"], "*"),
                        allow(
                            ["logs:CreateLogStream", "logs:PutLogEvents"], attribute("ServiceLog")
                        ),
                    ],
                },
            }
        ],
    },
    "OrchestratePermission": {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "Orchestrate"},
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": "arn:${AWS::Partition}:execute-api:"
        "${AWS::Region}:${AWS::AccountId}:${HttpApi}/*",
    },
    "TenantClaimPermission": {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "TenantClaim"},
        "Principal": "cognito-idp.amazonaws.com",
        "SourceArn": attribute("UserPool"),
    },
    # Of a function: all but what says which code runs, and how.  The trigger has the role that SAM
    # makes: its log only.
    "Orchestrate": {"Role": attribute("OrchestrateRole")},
    "TenantClaim": {},
}
GRANTING = {"AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Serverless::Function"}
CODE = {
    "Architectures",
    "CodeUri",
    "Environment",
    "FunctionName",
    "Handler",
    "Layers",
    "MemorySize",
    "Runtime",
    "Timeout",
}


def needless_grants(resources):
    for name, resource in resources.items():
        if resource["Type"] not in GRANTING:
            continue
        ignored = CODE if resource["Type"] == "AWS::Serverless::Function" else set()
        grants = {key: value for key, value in resource["Properties"].items() if key not in ignored}
        if grants != GRANTS.get(name):
            yield f"{name} grants something else than is needed"


def open_logins(resources):
    for name, pool in of_type(resources, "AWS::Cognito::UserPool").items():
        if pool.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly") is not True:
            yield f"anyone may sign up to {name}"
    for name, client in of_type(resources, "AWS::Cognito::UserPoolClient").items():
        if client.get("AllowedOAuthFlows") != ["code"] or client.get("GenerateSecret"):
            yield f"{name} has another flow than code"
        if (
            not client.get("CallbackURLs")
            == client.get("LogoutURLs")
            == ["https://app.example.com/"]
        ):
            yield f"{name} answers to another address"
        if client.get("ExplicitAuthFlows") != ["ALLOW_REFRESH_TOKEN_AUTH"]:
            yield f"{name} takes passwords"
        if "custom:tenant_id" in client.get("WriteAttributes", ["custom:tenant_id"]):
            yield f"{name} lets users choose their tenant"


# -- the template as it is


def test_as_deployed_without_a_word_it_has_no_fault(template):
    assert list(faults(evaluated(template))) == []
    routes = of_type(evaluated(template), "AWS::ApiGatewayV2::Route")
    assert [route["RouteKey"] for route in routes.values()] == ["POST /orchestrate"]
    assert (
        of_type(evaluated(template), "AWS::Cognito::UserPoolDomain")["HostedLogin"]["Domain"]
        == "platform"
    )


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


def add(path, value):
    """Append to a list."""

    def apply(resources):
        for name in path.split("."):
            resources = resources[int(name)] if name.isdigit() else resources[name]
        resources.append(value)

    return apply


def resource(kind, **properties):
    return {"Type": kind, "Properties": properties}


EVERYTHING = {"Version": "2012-10-17", "Statement": [allow("*", "*")]}
INVOKE = {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "Orchestrate"}}
ROLE = "OrchestrateRole.Properties"
STATEMENTS = f"{ROLE}.Policies.0.PolicyDocument.Statement"
TRUST = f"{ROLE}.AssumeRolePolicyDocument.Statement"
ROLE_GRANTS = "OrchestrateRole grants something else than is needed"
PERMISSION_GRANTS = "OrchestratePermission grants something else than is needed"
FUNCTION_GRANTS = "Orchestrate grants something else than is needed"


@pytest.mark.parametrize(
    ("mutation", "fault"),
    [
        (
            change("OrchestrateRoute.Properties.AuthorizationType", "NONE"),
            "OrchestrateRoute is open",
        ),
        (change("OrchestrateRoute.Properties.AuthorizationType"), "OrchestrateRoute is open"),
        (change("OrchestrateRoute.Properties.AuthorizerId"), "OrchestrateRoute is open"),
        (
            change("OrchestrateRoute.Properties.AuthorizerId", {"Ref": "Elsewhere"}),
            "OrchestrateRoute is open",
        ),
        (
            change("JwtAuthorizer.Properties.JwtConfiguration.Audience", ["any"]),
            "OrchestrateRoute is open",
        ),
        (
            change(
                "JwtAuthorizer.Properties.JwtConfiguration.Issuer",
                "https://evil.example/${UserPool}",
            ),
            "OrchestrateRoute is open",
        ),
        (change("HttpApi.Properties.Target", "arn"), "HttpApi makes routes of its own"),
        (
            change("Another", resource("AWS::Serverless::HttpApi")),
            "Another is of a kind that is not looked at",
        ),
        (
            change("Url", resource("AWS::Lambda::Url", AuthType="NONE")),
            "Url is of a kind that is not looked at",
        ),
        (
            change(
                "More",
                resource(
                    "AWS::IAM::Policy",
                    PolicyDocument=EVERYTHING,
                    Roles=[{"Ref": "OrchestrateRole"}],
                ),
            ),
            "More is of a kind that is not looked at",
        ),
        (
            change("Orchestrate.Connectors", {"Jobs": {}}),
            "Orchestrate has a part that is not looked at",
        ),
        (change("Orchestrate.Properties.FunctionUrlConfig", {"AuthType": "NONE"}), FUNCTION_GRANTS),
        (change("Orchestrate.Properties.Events", {"Get": {"Type": "HttpApi"}}), FUNCTION_GRANTS),
        (change("Orchestrate.Properties.Policies", ["AdministratorAccess"]), FUNCTION_GRANTS),
        (
            change("Orchestrate.Properties.Role", "arn:aws:iam::123456789012:role/admin"),
            FUNCTION_GRANTS,
        ),
        (
            change("TenantClaim.Properties.Policies", ["AdministratorAccess"]),
            "TenantClaim grants something else than is needed",
        ),
        (
            change("Other", resource("AWS::Serverless::Function", CodeUri="service/")),
            "Other grants something else than is needed",
        ),
        (change("OrchestratePermission.Properties.SourceArn"), PERMISSION_GRANTS),
        (
            change("OrchestratePermission.Properties.SourceArn", "arn:aws:execute-api:*:*:*"),
            PERMISSION_GRANTS,
        ),
        (change("OrchestratePermission.Properties.Principal", "*"), PERMISSION_GRANTS),
        (
            change(
                "Other", resource("AWS::Lambda::Permission", **INVOKE, Principal="123456789012")
            ),
            "Other grants something else than is needed",
        ),
        (
            change("TenantClaimPermission.Properties.SourceArn", "arn:aws:cognito-idp:*:*:*"),
            "TenantClaimPermission grants something else than is needed",
        ),
        (change(f"{STATEMENTS}.0.Resource", "*"), ROLE_GRANTS),
        (change(f"{STATEMENTS}.0.Resource", [{"Ref": "JobQueueArn"}]), ROLE_GRANTS),
        (change(f"{STATEMENTS}.0.Action", "batch:*"), ROLE_GRANTS),
        (change(f"{STATEMENTS}.1.Action", ["batch:ListJobs", "batch:TerminateJob"]), ROLE_GRANTS),
        (
            add(STATEMENTS, allow("dynamodb:Scan", {"Fn::Sub": "arn:aws:dynamodb:*:*:table/*"})),
            ROLE_GRANTS,
        ),
        (
            add(f"{ROLE}.Policies", {"PolicyName": "more", "PolicyDocument": EVERYTHING}),
            ROLE_GRANTS,
        ),
        (
            change(f"{ROLE}.ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
            ROLE_GRANTS,
        ),
        (change(f"{TRUST}.0.Principal", "*"), ROLE_GRANTS),
        (
            add(TRUST, {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}),
            ROLE_GRANTS,
        ),
        (
            change("Other", resource("AWS::IAM::Role", AssumeRolePolicyDocument=EVERYTHING)),
            "Other grants something else than is needed",
        ),
        (change("UserPool.Properties.AdminCreateUserConfig"), "anyone may sign up to UserPool"),
        (
            change("WebClient.Properties.AllowedOAuthFlows", ["code", "implicit"]),
            "WebClient has another flow than code",
        ),
        (
            change("WebClient.Properties.WriteAttributes"),
            "WebClient lets users choose their tenant",
        ),
        (
            change("WebClient.Properties.LogoutURLs", ["https://evil.example/"]),
            "WebClient answers to another address",
        ),
        (
            change("WebClient.Properties.CallbackURLs", ["https://evil.example/"]),
            "WebClient answers to another address",
        ),
        (
            change("WebClient.Properties.ExplicitAuthFlows", ["ALLOW_USER_PASSWORD_AUTH"]),
            "WebClient takes passwords",
        ),
    ],
)
def test_every_check_finds_what_it_looks_for(template, mutation, fault):
    resources = copy.deepcopy(evaluated(template))
    mutation(resources)
    assert fault in faults(resources)


def test_what_all_functions_share_is_looked_at_too(template):
    changed = copy.deepcopy(template)
    changed["Globals"]["Function"]["FunctionUrlConfig"] = {"AuthType": "NONE"}
    assert FUNCTION_GRANTS in faults(evaluated(changed))


# -- its switch


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
    assert not [name for name, each in resources.items() if "Cognito" in each["Type"]]
    assert "TenantClaim" not in resources


# -- its one origin


def test_cors_is_for_one_origin_and_never_with_cookies(template):
    cors = of_type(evaluated(template), "AWS::ApiGatewayV2::Api")["HttpApi"]["CorsConfiguration"]
    assert cors["AllowOrigins"] == ["https://app.example.com"]
    assert cors["AllowMethods"] == ["POST"]
    assert not cors.get("AllowCredentials")


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*", "https://a.example/", "https://a.example,https://b.example"],
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

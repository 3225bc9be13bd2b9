"""The generated gateway responses on the local AWS: status, header and body of each case."""

from __future__ import annotations

import http.client
import json

import pytest

from authz_lib.smithy.gateway_responses import gateway_responses

pytestmark = pytest.mark.stack

AUTHORIZER = """
def handler(event, context):
    if event["authorizationToken"] == "broken":
        raise RuntimeError("no key set")
    effect = "Allow" if event["authorizationToken"] == "allow" else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "p", "policyDocument": policy}
"""


def template():
    invoke = (
        "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
        "${Authorizer.Arn}/invocations"
    )
    document = gateway_responses(
        "cloudformation", rest_api="RestApi", headers={"Access-Control-Allow-Origin": "*"}
    )
    responses = sorted(document["Resources"])
    role = {"Version": "2012-10-17", "Statement": []}
    document["Resources"] |= {
        "RestApi": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "orders"}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": role}},
        "Authorizer": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "index.handler",
                "Runtime": "python3.12",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": AUTHORIZER},
            },
        },
        "ApiAuthorizer": {
            "Type": "AWS::ApiGateway::Authorizer",
            "Properties": {
                "RestApiId": {"Ref": "RestApi"},
                "Name": "tokens",
                "Type": "TOKEN",
                "IdentitySource": "method.request.header.Authorization",
                "AuthorizerResultTtlInSeconds": 0,
                "AuthorizerUri": {"Fn::Sub": invoke},
            },
        },
        "Orders": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": {"Ref": "RestApi"},
                "ParentId": {"Fn::GetAtt": ["RestApi", "RootResourceId"]},
                "PathPart": "orders",
            },
        },
        "GetOrders": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "RestApi"},
                "ResourceId": {"Ref": "Orders"},
                "HttpMethod": "GET",
                "AuthorizationType": "CUSTOM",
                "AuthorizerId": {"Ref": "ApiAuthorizer"},
                "Integration": {
                    "Type": "MOCK",
                    "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                    "IntegrationResponses": [{"StatusCode": "200"}],
                },
                "MethodResponses": [{"StatusCode": "200"}],
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": ["GetOrders", *responses],
            "Properties": {"RestApiId": {"Ref": "RestApi"}, "StageName": "prod"},
        },
    }
    return document


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    pytest.importorskip("ministack")
    from authz_local.stack import LocalAWS

    path = tmp_path_factory.mktemp("stack") / "template.json"
    path.write_text(json.dumps(template()))
    with LocalAWS() as aws:
        stack = aws.deploy(path)
        yield aws.port, f"/restapis/{stack.resources['RestApi']}/prod/_user_request_"


@pytest.mark.parametrize(
    ("path", "token", "status", "header", "name"),
    [
        ("/orders", None, 401, "UnauthorizedException", "UnauthorizedException"),
        ("/orders", "deny", 403, "AccessDeniedException", "AccessDeniedException"),
        ("/orders", "broken", 500, "AuthorizerFailureException", "InternalServerException"),
        ('/or"ders', "allow", 403, "MissingAuthenticationTokenException", "AccessDeniedException"),
    ],
)
def test_a_refusal_of_the_gateway_looks_like_one_of_the_service(
    api, path, token, status, header, name
):
    port, prefix = api
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "GET", prefix + path.replace('"', "%22"), headers={"Authorization": token} if token else {}
    )
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == status
    assert body["__type"] == name
    assert isinstance(body["message"], str)
    assert answer.getheader("Access-Control-Allow-Origin") == "*"
    assert answer.getheader("x-amzn-ErrorType").startswith(header.removesuffix("FailureException"))
    if status == 401:
        assert answer.getheader("WWW-Authenticate") == "Bearer"


def test_who_may_pass_does(api):
    port, prefix = api
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"{prefix}/orders", headers={"Authorization": "allow"})
    assert connection.getresponse().status == 200
    connection.close()

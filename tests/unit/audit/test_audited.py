"""The audit of some files."""

from __future__ import annotations

import pytest

from authz_lib.actions.map import ActionMap
from authz_lib.audit.audited import audit_files
from authz_lib.errors import ConfigurationError

COGNITO = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.12, Handler: app.handler, CodeUri: api/}
  Api:
    Auth:
      DefaultAuthorizer: CognitoAuth
      Authorizers:
        CognitoAuth:
          UserPoolArn: !Sub "arn:aws:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/x"
      AddDefaultAuthorizerToCorsPreflight: false
Resources:
  Audio:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        MemoriesAudio:
          Type: Api
          Properties:
            Path: /memories/audio
            Method: post
"""
EXPLICIT = COGNITO + "            Auth: {Authorizer: CognitoAuth}\n"


@pytest.mark.parametrize("text", [COGNITO, EXPLICIT], ids=["inherited", "explicit"])
def test_the_two_templates_of_the_audio_endpoints_are_closed_alike(audit, text):
    """With a `DefaultAuthorizer` it makes no difference whether the event has its own `Auth`."""
    file = audit(text)
    (point,) = file.inventory.entry_points
    assert (point.authorization.kind, point.authorization.authorizer) == (
        "COGNITO_USER_POOLS",
        "CognitoAuth",
    )
    assert text.lstrip("\n").splitlines()[point.line - 1].strip() == "MemoriesAudio:"
    assert [(one.rule, one.severity) for one in file.findings] == [
        ("cognito-without-scopes", "low")
    ]


def test_one_that_somebody_opened_is_reported_as_that(audit):
    found = audit(COGNITO + "            Auth: {Authorizer: NONE}\n").findings
    (finding,) = [one for one in found if one.rule == "open-route"]
    assert (finding.severity, finding.on_purpose) == ("info", True)
    assert not finding.counts


@pytest.fixture
def templates(tmp_path):
    def write(**texts):
        paths = []
        for name, text in texts.items():
            paths.append(tmp_path / f"{name}.yaml")
            paths[-1].write_text(text)
        return paths

    return write


ROUTE = """
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  R:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /PATH, AuthorizationType: AWS_IAM}
"""


def actions(*paths):
    lines = [{"method": "GET", "route": path, "action": f"Get{path[1:]}"} for path in paths]
    return ActionMap.from_document({"version": 1, "actions": lines})


def test_a_line_of_the_map_may_be_deployed_by_any_of_the_files(templates):
    paths = templates(a=ROUTE.replace("PATH", "a"), b=ROUTE.replace("PATH", "b"))
    first, second = audit_files(paths, actions=actions("/a", "/b", "/c")).files
    assert [one.message for one in first.findings] == ["no route serves `actions[2]`, `GET /c`"]
    assert second.findings == ()


def test_a_line_is_not_missed_where_something_was_not_seen(templates):
    opaque = "Resources: {A: {Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: {}}}}"
    paths = templates(a=ROUTE.replace("PATH", "a"), b=opaque)
    first, _ = audit_files(paths, actions=actions("/a", "/c")).files
    assert first.findings == ()


def test_one_file_that_cannot_be_read_hides_no_other(templates):
    paths = templates(a="", b=ROUTE.replace("PATH", "b"))
    audit = audit_files(paths)
    assert audit.problems == ("`a.yaml` is empty",)
    assert [file.name for file in audit.files] == [str(paths[1])]


def test_a_parameter_that_no_file_has_is_refused(templates):
    with pytest.raises(ConfigurationError, match="no file has the parameter `Nothing`"):
        audit_files(templates(a=ROUTE), parameters={"Nothing": "x"})


def test_findings_are_in_the_order_of_lines_and_none_is_there_twice(audit):
    text = """
    Resources:
      A: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}
      B: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}
    """
    assert [(one.line, one.resource) for one in audit(text).findings] == [(2, "A"), (3, "B")]


def test_a_side_that_is_never_taken_is_only_told(audit):
    text = """
    Conditions: {Never: !Equals [a, b]}
    Resources:
      A: {Type: AWS::Lambda::Url, Properties: {AuthType: !If [Never, NONE, AWS_IAM]}}
    """
    assert [(one.severity, one.condition) for one in audit(text).findings] == [("info", "Never")]


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ("", "high"),
        (", EndpointConfiguration: {Types: [PRIVATE]}", "medium"),
        (", EndpointConfiguration: {Types: [REGIONAL]}", "high"),
        (", Policy: {Statement: [{Effect: Deny, Principal: x}]}", "medium"),
    ],
)
def test_an_open_route_of_a_private_api_is_less(audit, more, severity):
    text = f"""
    Resources:
      Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: x{more}}}}}
      Get:
        Type: AWS::ApiGateway::Method
        Properties:
          RestApiId: !Ref Api
          ResourceId: !GetAtt Api.RootResourceId
          HttpMethod: GET
    """
    assert [one.severity for one in audit(text).findings if one.rule == "open-route"] == [severity]

"""Where the source has what the transform has made."""

from __future__ import annotations

import pytest

from authz_lib.audit.audited import audit_files

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.12, Handler: a.b, CodeUri: src/}
  Api:
    Cors: "'*'"
    Auth:
      Authorizers:
        Shared: {UserPoolArn: arn}
Resources:
  Body:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /in-body:
            get: {}
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      Routes:
        $connect:
          FunctionArn: !GetAtt Function.Arn
        sendMessage:
          FunctionArn: !GetAtt Function.Arn
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionUrlConfig:
        AuthType: NONE
      Events:
        Implicit:
          Type: Api
          Properties: {Path: /implicit/, Method: any}
        Http:
          Type: HttpApi
        Other: {Type: S3, Properties: {Bucket: !Ref Bucket, Events: s3:ObjectCreated:*}}
  Bucket:
    Type: AWS::S3::Bucket
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("GET", "/in-body"), "get: {}"),
        (("OPTIONS", "/in-body"), "Cors:"),
        (("*", "$connect"), "$connect:"),
        (("*", "sendMessage"), "sendMessage:"),
        (("*", "FUNCTION_URL"), "FunctionUrlConfig:"),
        (("ANY", "/implicit/"), "Implicit:"),
        (("OPTIONS", "/implicit/"), "Cors:"),
        (("ANY", "$default"), "Http:"),
    ],
)
def test_each_has_the_line_of_what_it_was_made_from(audit, place, line):
    file = audit(SAM)
    lines = SAM.lstrip("\n").splitlines()
    found = {(one.method, one.path): one for one in file.inventory.entry_points}
    assert lines[found[place].line - 1].strip().startswith(line)


def test_an_authorizer_of_the_globals(audit):
    file = audit(SAM)
    lines = SAM.lstrip("\n").splitlines()
    found = [one for one in file.findings if one.rule == "unused-authorizer"]
    assert found
    assert {lines[one.line - 1].strip() for one in found} == {"Shared: {UserPoolArn: arn}"}


def test_the_resource_around_a_line(audit):
    origins = audit(SAM).inventory.template.origins
    lines = SAM.lstrip("\n").splitlines()
    assert origins.resource_at(lines.index("        sendMessage:") + 1) == "Chat"
    assert origins.resource_at(1) is None


def test_what_was_made_from_nothing_is_at_the_resources(audit):
    origins = audit(SAM).inventory.template.origins
    assert origins.line_of_resource("Unheard") == origins.line("Resources")
    assert origins.line_of_resource("ServerlessRestApi") == origins.line("Globals", "Api")
    assert origins.line_of_resource("FunctionRole") == origins.line("Resources", "Function")
    assert origins.line_of_resource("FunctionImplicitPermissionprod") == origins.line(
        "Resources", "Function", "Properties", "Events", "Implicit"
    )


def test_a_body_behind_a_condition(audit):
    text = """
    Conditions: {C: !Equals [!Ref AWS::Region, x]}
    Resources:
      Api:
        Type: AWS::ApiGateway::RestApi
        Properties:
          Body:
            paths:
              /a: !If
                - C
                - get: {}
                - post: {}
    """
    file = audit(text)
    assert [(one.method, one.line) for one in file.inventory.entry_points] == [
        ("GET", 10),
        ("POST", 11),
    ]


@pytest.mark.parametrize("kind", ["[]", "{}", "[AWS::Serverless::Function]", "3", "null"])
@pytest.mark.parametrize("resource", ["Fn::If: {{Type: {}}}", "Odd: {{Type: {}}}"])
def test_a_type_of_no_kind_ends_nothing(tmp_path, kind, resource):
    path = tmp_path / "template.yaml"
    path.write_text(f"Resources:\n  {resource.format(kind)}\n")
    audit_files([path])

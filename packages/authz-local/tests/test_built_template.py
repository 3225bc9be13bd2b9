"""A template with parts in other files becomes one document."""

from __future__ import annotations

import json

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.built_template import build_template

SAM = "Transform: AWS::Serverless-2016-10-31\n"


def build(folder, text=None, **parameters):
    if text is not None:
        (folder / "template.yaml").write_text(text)
    template = folder / "template.yaml"
    return build_template(template, parameters=parameters, region="eu-west-1", builder=None)


def kinds(document):
    return sorted(resource["Type"] for resource in document["Resources"].values())


def test_an_http_api_of_sam_becomes_native_resources(tmp_path):
    (tmp_path / "code").mkdir()
    text = (
        SAM
        + """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code/
      Handler: app.handler
      Runtime: python3.12
      Events:
        List: {Type: HttpApi, Properties: {Path: /orders, Method: get, ApiId: !Ref Api}}
        Health:
          Type: HttpApi
          Properties: {Path: /health, Method: get, ApiId: !Ref Api, Auth: {Authorizer: NONE}}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Users
        Authorizers:
          Users:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: https://issuer.example, audience: [web]}
"""
    )
    built = build(tmp_path, text)
    routes = {
        resource["Properties"]["RouteKey"]: resource["Properties"]["AuthorizationType"]
        for resource in built.document["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert routes == {"GET /orders": "JWT", "GET /health": "NONE"}
    assert "Transform" not in built.document
    assert len(built.uploads.archives) == 1


def test_a_status_is_a_text_beside_default(tmp_path):
    text = (
        SAM
        + """
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        openapi: 3.0.1
        info: {title: orders, version: "1"}
        paths: {/a: {get: {responses: {200: {description: ok}, default: {description: bad}}}}}
"""
    )
    body = build(tmp_path, text).document["Resources"]["Api"]["Properties"]["Body"]
    assert body["paths"]["/a"]["get"]["responses"].keys() == {"200", "default"}


def test_includes_and_definitions_are_put_in_their_place(tmp_path):
    (tmp_path / "paths.yaml").write_text(
        "/x: {get: {x-amazon-apigateway-integration: {type: mock}}}"
    )
    (tmp_path / "api.json").write_text('{"openapi": "3.0.1", "paths": {}}')
    (tmp_path / "flow.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass"}}}')
    text = """
Resources:
  Included:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body:
        openapi: 3.0.1
        paths: {"Fn::Transform": {Name: AWS::Include, Parameters: {Location: paths.yaml}}}
  Defined:
    Type: AWS::ApiGateway::RestApi
    Properties: {BodyS3Location: api.json}
"""
    resources = build(tmp_path, text).document["Resources"]
    assert list(resources["Included"]["Properties"]["Body"]["paths"]) == ["/x"]
    assert resources["Defined"]["Properties"] == {"Body": {"openapi": "3.0.1", "paths": {}}}
    machine = (
        SAM
        + """
Resources:
  Flow: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: flow.json, Role: arn}}
"""
    )
    flow = build(tmp_path, machine).document["Resources"]["Flow"]["Properties"]
    assert "StartAt" in json.dumps(flow["DefinitionString"])


def test_nested_applications_are_built_too(tmp_path):
    (tmp_path / "child" / "code").mkdir(parents=True)
    (tmp_path / "child" / "template.yaml").write_text(
        SAM + "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: "
        "{CodeUri: code/, Handler: a.b, Runtime: python3.12}}\n"
    )
    text = (
        SAM
        + """
Resources:
  Child: {Type: AWS::Serverless::Application, Properties: {Location: child/template.yaml}}
  Native: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: child}}
"""
    )
    built = build(tmp_path, text)
    assert kinds(built.document) == ["AWS::CloudFormation::Stack"] * 2
    (url,) = {
        resource["Properties"]["TemplateURL"] for resource in built.document["Resources"].values()
    }
    nested = json.loads(built.uploads.archives[url.rpartition("/")[2]])
    assert "AWS::Lambda::Function" in kinds(nested)
    assert len(built.uploads.archives) == 2  # the code, once, and the nested template, once


def test_language_extensions_come_before_sam(tmp_path):
    text = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Tables:
    - Name
    - [Orders, Invoices]
    - ${Name}Table:
        Type: AWS::Serverless::SimpleTable
"""
    with pytest.raises(ConfigurationError):  # a loop is no resource: said, never left out
        build(tmp_path, text)


def test_what_is_left_out_is_said(tmp_path):
    text = "Resources:\n  L: {Type: AWS::ApiGatewayV2::VpcLink}\n  B: {Type: AWS::S3::Bucket}\n"
    built = build(tmp_path, text)
    assert kinds(built.document) == ["AWS::S3::Bucket"]
    assert list(built.not_made) == ["L"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SAM + "Resources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: x}}",
            "`template.yaml` does not deploy: .*F",
        ),
        (
            (
                "Resources:\n  A: {Type: AWS::Serverless::Application, Properties: "
                "{Location: {ApplicationId: x, SemanticVersion: 1}}}"
            ),
            "`A`: an application of the Serverless Application Repository",
        ),
        (
            (
                "Resources:\n  A: {Type: AWS::CloudFormation::Stack, Properties: "
                "{TemplateURL: https://s3.amazonaws.com/b/k}}"
            ),
            "`A.TemplateURL`: only a local template",
        ),
        (
            "Resources:\n  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: .}}",
            "levels of stacks",
        ),
        (
            "Resources:\n  A: {Type: x, Properties: {Fn::Transform: {Name: Mine}}}",
            "`Fn::Transform` is supported with `AWS::Include` only",
        ),
        (
            (
                "Resources:\n  A: {Type: x, Properties: {Fn::Transform: "
                "{Name: AWS::Include, Parameters: {Location: s3://b/k}}}}"
            ),
            "`AWS::Include`: only a file beside the template",
        ),
        (
            (
                "Resources:\n  A: {Type: x, Properties: {Fn::Transform: "
                "{Name: AWS::Include, Parameters: {Location: gone.yaml}}}}"
            ),
            "gone.yaml` cannot be read",
        ),
    ],
)
def test_what_is_not_supported_is_one_line(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        build(tmp_path, text)
    assert "\n" not in str(caught.value)

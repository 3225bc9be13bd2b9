"""Bodies and nested stacks in files beside the template."""

from __future__ import annotations

import pytest

from authz_lib.audit.audited import audit_files

OPENAPI = """
openapi: 3.0.1
paths:
  /orders:
    get: {}
"""
BODIES = {
    "DefinitionUri of SAM": """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: prod, DefinitionUri: api/openapi.yaml}
""",
    "DefinitionUri of an HTTP API": """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {DefinitionUri: api/openapi.yaml}
""",
    "BodyS3Location": """
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {BodyS3Location: api/openapi.yaml}
""",
    "AWS::Include": """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        Fn::Transform: {Name: AWS::Include, Parameters: {Location: api/openapi.yaml}}
""",
}


@pytest.mark.parametrize("template", BODIES.values(), ids=BODIES)
def test_a_body_beside_the_template_is_read(points, tmp_path, template):
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "openapi.yaml").write_text(OPENAPI)
    assert points(template) == [("GET", "/orders", "NONE", "")]


@pytest.mark.parametrize("template", BODIES.values(), ids=BODIES)
def test_one_that_is_not_there_is_not_seen(points, template):
    ((method, path, kind, _),) = points(template)
    assert (method, path) == ("*", "*")
    assert kind in {"OPAQUE_S3", "OPAQUE_BODY"}


@pytest.mark.parametrize("location", ["/etc/hostname", "s3://b/k", "https://x/y", "!Ref X", "''"])
def test_what_is_no_relative_path_is_not_read(points, location):
    text = BODIES["BodyS3Location"].replace("api/openapi.yaml", location)
    assert [one[2] for one in points(text)] == ["OPAQUE_S3"]


def test_a_broken_body_is_not_seen(points, tmp_path):
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "openapi.yaml").write_text("a: [")
    assert [one[2] for one in points(BODIES["BodyS3Location"])] == ["OPAQUE_S3"]


PARENT = """
Parameters: {Kind: {Type: String, Default: AWS_IAM}}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: child.yaml, Parameters: {Kind: !Ref Kind}}
"""
CHILD = """
Parameters: {Kind: {Type: String, Default: NONE}}
Resources:
  Url: {Type: AWS::Lambda::Url, Properties: {AuthType: !Ref Kind}}
"""


@pytest.fixture
def nested(tmp_path):
    (tmp_path / "parent.yaml").write_text(PARENT)
    (tmp_path / "child.yaml").write_text(CHILD)
    return tmp_path


def test_a_nested_stack_is_audited_with_what_its_parent_hands_it(nested):
    parent, child = audit_files([nested / "parent.yaml"]).files
    assert parent.inventory.entry_points == ()
    assert parent.findings == ()
    assert child.name.endswith("child.yaml")
    assert [one.authorization.kind for one in child.inventory.entry_points] == ["AWS_IAM"]


def test_an_application_of_sam_and_an_asset_of_the_cdk(nested):
    (nested / "parent.yaml").write_text("""
Resources:
  App: {Type: AWS::Serverless::Application, Properties: {Location: ./child.yaml}}
  Asset:
    Type: AWS::CloudFormation::Stack
    Metadata: {aws:asset:path: child.yaml}
    Properties: {TemplateURL: !Sub "https://${AWS::Region}/x"}
""")
    files = audit_files([nested / "parent.yaml"]).files
    assert [file.name.rpartition("/")[2] for file in files] == [
        "parent.yaml",
        "child.yaml",
        "child.yaml",
    ]


def test_a_stack_that_nests_itself_is_refused(nested):
    (nested / "child.yaml").write_text(PARENT.replace("child.yaml", "parent.yaml"))
    audit = audit_files([nested / "parent.yaml"])
    assert audit.problems == ("`parent.yaml` is a nested stack of itself",)


def test_one_that_is_not_there_is_said(nested):
    (nested / "child.yaml").unlink()
    (file,) = audit_files([nested / "parent.yaml"]).files
    assert [(one.rule, one.severity, one.line) for one in file.findings] == [("not-seen", "low", 4)]


NESTED = """
Parameters:
  AuthType: {Type: String, Default: AWS_IAM}
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /orders, AuthorizationType: !Ref AuthType}
"""


@pytest.mark.parametrize(
    ("handed", "kind"),
    [
        ("NONE", "NONE"),
        ("!Ref Kind", "NONE"),
        ("!Ref Nothing", "UNKNOWN"),
        ("!ImportValue x", "UNKNOWN"),
        ("!If [IsDev, NONE, AWS_IAM]", "UNKNOWN"),
        ("!Ref Choice", "UNKNOWN"),
    ],
)
def test_what_a_nested_stack_is_handed_counts_and_not_its_default(tmp_path, handed, kind):
    (tmp_path / "nested.yaml").write_text(NESTED)
    (tmp_path / "template.yaml").write_text(f"""
Parameters:
  Kind: {{Type: String, Default: NONE}}
  Nothing: {{Type: String}}
  Choice: {{Type: String, Default: AWS_IAM, AllowedValues: [AWS_IAM, NONE]}}
Conditions:
  IsDev: !Equals [!Ref Kind, dev]
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {{TemplateURL: nested.yaml, Parameters: {{AuthType: {handed}}}}}
""")
    _, nested = audit_files([tmp_path / "template.yaml"]).files
    assert [one.authorization.kind for one in nested.inventory.entry_points] == [kind]


@pytest.mark.parametrize(
    "handed", ["{Public: true}", "!If [IsDev, {Public: true}, {}]", "{Public: !ImportValue x}"]
)
def test_a_switch_that_a_nested_stack_is_handed(tmp_path, handed):
    (tmp_path / "nested.yaml").write_text("""
Parameters:
  Public: {Type: String, Default: "false"}
Conditions:
  IsPublic: !Equals [!Ref Public, "true"]
Resources:
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: x, AuthType: !If [IsPublic, NONE, AWS_IAM]}
""")
    (tmp_path / "template.yaml").write_text(f"""
Conditions:
  IsDev: !Equals [!Ref AWS::Region, dev]
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {{TemplateURL: nested.yaml, Parameters: {handed}}}
""")
    _, nested = audit_files([tmp_path / "template.yaml"]).files
    assert "NONE" in {one.authorization.kind for one in nested.inventory.entry_points}

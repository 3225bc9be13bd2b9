"""Parameters that the transform of SAM reads."""

from __future__ import annotations

from authz_lib.audit.audited import audit_files

SAM = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Kind: {Type: String, AllowedValues: [NONE, AWS_IAM], Default: AWS_IAM}
  Stage: {Type: String, AllowedValues: [a, b], Default: a}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: a.b
      CodeUri: src/
      Description: !Ref Stage
      FunctionUrlConfig: {AuthType: !Ref Kind, InvokeMode: !Ref Stage}
"""


def test_each_allowed_value_is_tried(points):
    assert points(SAM) == [
        ("*", "FUNCTION_URL", "AWS_IAM", "Kind=AWS_IAM"),
        ("*", "FUNCTION_URL", "NONE", "Kind=NONE"),
    ] or points(SAM) == [
        ("*", "FUNCTION_URL", "NONE", "Kind=NONE"),
        ("*", "FUNCTION_URL", "AWS_IAM", "Kind=AWS_IAM"),
    ]


def test_a_given_value_is_the_one(points):
    assert points(SAM, parameters={"Kind": "NONE"}) == [("*", "FUNCTION_URL", "NONE", "")]


def test_the_default_is_told(audit):
    findings = [one for one in audit(SAM).findings if one.rule == "open-function-url"]
    assert [one.condition for one in findings] == ["Kind=NONE"]
    assert "`Kind` is `AWS_IAM` by default; so by default: no" in findings[0].message


def test_too_many_values_are_refused(tmp_path):
    path = tmp_path / "template.yaml"
    allowed = ", ".join(f"v{number}" for number in range(40))
    path.write_text(SAM.replace("NONE, AWS_IAM", f"AWS_IAM, {allowed}"))
    assert "give them with `--parameter`" in audit_files([path]).problems[0]


def test_too_many_entry_points_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("authz_lib.audit.entry_points.MAX_ENTRY_POINTS", 1)
    path = tmp_path / "template.yaml"
    path.write_text("""
Resources:
  A: {Type: AWS::ApiGateway::RestApi, Properties: {Body: {paths: {/a: {get: {}, put: {}}}}}}
""")
    assert "has more than 1 entry points" in audit_files([path]).problems[0]

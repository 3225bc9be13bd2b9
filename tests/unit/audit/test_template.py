"""What is a template, and what AWS would refuse."""

from __future__ import annotations

import textwrap

import pytest

from authz_lib.audit.audited import audit_files


def problem(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(textwrap.dedent(text))
    audit = audit_files([path])
    assert audit.files == ()
    (line,) = audit.problems
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Description: x", "has no `Resources`, and no `paths` of OpenAPI"),
        ("Resources: {}", "has no `Resources`"),
        ("Resources: [a]", "has no `Resources`"),
        ("Resources: {A: {Properties: {}}}", "`A` of `template.yaml` has no `Type`"),
        ("Resources: {A: text}", "has no `Type`"),
        (
            "Conditions: {A: !Not [!Condition A]}\nResources: {U: {Type: AWS::Lambda::Url}}",
            "the condition `A` stands for itself",
        ),
        (
            "Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, Properties: {X: !Sub '${A.B}'}}}",
            "need each other in a ring",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: 5}}}",
            "the SAM transform refuses `template.yaml`: ",
        ),
        (
            "Resources:\n" + "".join(f"  R{i}: {{Type: T}}\n" for i in range(501)),
            "has more than 500 resources",
        ),
        (
            "Resources:\n"
            + "".join(
                f"  F{i}: {{Type: AWS::Serverless::Function, Properties: "
                f"{{Events: {{E: {{Type: Api}}}}}}}}\n"
                for i in range(200)
            ),
            "has more than 500 resources",
        ),
    ],
)
def test_what_is_refused(tmp_path, text, reason):
    assert reason in problem(tmp_path, text)


def test_a_resource_may_depend_on_one_that_is_used_twice(points):
    text = """
    Resources:
      A: {Type: T, DependsOn: [B, C]}
      B: {Type: T, Properties: {X: !Ref C}}
      C: {Type: T, Properties: {X: !GetAtt D.Arn, Y: !Ref C}}
      D: {Type: T}
    """
    assert points(text) == []


def test_the_same_file_is_not_changed_by_the_transform(audit):
    text = """
    AWSTemplateFormatVersion: 2010-09-09
    Transform: AWS::Serverless-2016-10-31
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties: &shared
          Runtime: python3.12
          Handler: a.b
          CodeUri: ./src
          Events: {E: {Type: HttpApi}}
      G: {Type: AWS::Serverless::Function, Properties: {<<: *shared, Events: {}}}
    """
    source = audit(text).inventory.template.source
    assert source.document["Resources"]["F"]["Properties"]["CodeUri"] == "./src"

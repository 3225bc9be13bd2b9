"""Permissions for somebody, and for everybody."""

from __future__ import annotations

import pytest

TEXT = """
Resources:
  P:
    Type: AWS::Lambda::Permission
    Properties: {{Action: lambda:InvokeFunction, FunctionName: f, Principal: {principal}{more}}}
"""
ANYBODY, SERVICE = "public-permission", "permission-without-source"


@pytest.mark.parametrize(
    ("principal", "more", "expected"),
    [
        ("apigateway.amazonaws.com", "", [(SERVICE, "high")]),
        ("events.amazonaws.com", "", [(SERVICE, "medium")]),
        ("apigateway.amazonaws.com", ", SourceArn: !Ref AWS::NoValue", [(SERVICE, "high")]),
        ("apigateway.amazonaws.com", ', SourceArn: "*"', [(SERVICE, "high")]),
        ("apigateway.amazonaws.com", ", SourceArn: !ImportValue x", []),
        ("s3.amazonaws.com", ", SourceAccount: !Ref AWS::AccountId", []),
        ("alexa-appkit.amazon.com", ", EventSourceToken: amzn1.ask.skill.x", []),
        ('"111122223333"', "", []),
        ("!ImportValue x", "", []),
        ('"*"', "", [(ANYBODY, "high")]),
        ('"*"', ", PrincipalOrgID: o-a1b2c3d4e5", []),
        ('"*"', ", FunctionUrlAuthType: NONE", [(ANYBODY, "high")]),
    ],
)
def test_who_may_invoke(audit, principal, more, expected):
    found = audit(TEXT.format(principal=principal, more=more)).findings
    assert [(one.rule, one.severity) for one in found] == expected
    assert all(one.line == 2 for one in found)


def test_what_sam_makes_has_the_line_of_its_event(audit):
    text = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties:
          Runtime: python3.12
          Handler: a.b
          CodeUri: src/
          Events:
            A: {Type: HttpApi}
            Alexa: {Type: AlexaSkill}
    """
    (found,) = [one for one in audit(text).findings if one.rule == SERVICE]
    assert (found.line, found.severity) == (11, "medium")


SIDES = """
Parameters: {Stage: {Type: String, Default: prod}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {Action: lambda:InvokeFunction, FunctionName: f, %s}
"""


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ("Principal: !If [IsDev, '*', '123456789012']", "public-permission"),
        ("Principal: '*', SourceArn: !If [IsDev, !Ref AWS::NoValue, arn]", "public-permission"),
        (
            "Principal: apigateway.amazonaws.com, SourceArn: !If [IsDev, !Ref AWS::NoValue, arn]",
            "permission-without-source",
        ),
        (
            "Principal: !If [IsDev, apigateway.amazonaws.com, '123456789012']",
            "permission-without-source",
        ),
    ],
)
def test_the_side_that_is_not_the_default_counts_too(audit, members, rule):
    assert [finding.rule for finding in audit(SIDES % members).findings] == [rule]

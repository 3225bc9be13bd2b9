"""Resource policies that keep nobody out."""

from __future__ import annotations

import pytest

TEXT = """
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: x
      Policy: {{Statement: {statement}}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: GET
      AuthorizationType: {kind}
"""
ALL = '{Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "*"}'
SOME = ALL.replace("Resource", "Condition: {IpAddress: {aws:SourceIp: 192.0.2.0/24}}, Resource")
DENY = SOME.replace("Allow", "Deny")


@pytest.mark.parametrize(
    ("statement", "kind", "expected"),
    [
        (ALL, "NONE", True),
        (f"[{ALL}]", "AWS_IAM", True),
        (ALL.replace('"*", Act', '{AWS: "*"}, Act'), "NONE", True),
        (f"[{SOME}]", "AWS_IAM", True),
        (f"[{SOME}]", "CUSTOM", True),
        (f"[{SOME}]", "NONE", False),
        (f"[{SOME}]", "COGNITO_USER_POOLS", False),
        (f"[{ALL}, {DENY}]", "AWS_IAM", False),
        ("[]", "AWS_IAM", False),
        ("!ImportValue x", "AWS_IAM", False),
    ],
)
def test_what_only_allows(audit, statement, kind, expected):
    found = audit(TEXT.format(statement=statement, kind=kind)).findings
    own = [one for one in found if one.rule == "resource-policy-allow-only"]
    assert [(one.resource, one.line) for one in own] == ([("Api", 6)] if expected else [])


SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: AWS_IAM
        ResourcePolicy:
          CustomStatements:
            - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "*"}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: a.b
      CodeUri: src/
      Events: {E: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /, Method: get}}}
"""


def test_a_policy_of_sam_has_its_line(audit):
    (found,) = [one for one in audit(SAM).findings if one.rule == "resource-policy-allow-only"]
    assert SAM.lstrip("\n").splitlines()[found.line - 1].strip() == "ResourcePolicy:"


def test_one_of_the_globals_too(audit):
    head, _, rest = SAM.partition("      Auth:\n")
    policy, _, tail = rest.partition("  F:\n")
    text = head + "  F:\n" + tail + "Globals:\n  Api:\n    Auth:\n" + policy.replace("    ", "   ")
    (found,) = [one for one in audit(text).findings if one.rule == "resource-policy-allow-only"]
    assert text.lstrip("\n").splitlines()[found.line - 1].strip() == "ResourcePolicy:"

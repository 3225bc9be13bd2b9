"""Functions in an event's `Auth`."""

from __future__ import annotations

import pytest

SAM = """
Transform: AWS::Serverless-2016-10-31
Conditions: {{C: !Equals [!Ref AWS::Region, x]}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth: {{{default}}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: a.b
      CodeUri: src/
      Events:
        E:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /
            Method: get
            Auth: {auth}
"""
WHOLE = "!If [C, {Authorizer: AWS_IAM}, {Authorizer: NONE}]"


@pytest.mark.parametrize(
    ("default", "auth", "expected"),
    [
        ("", WHOLE, [("high", True)]),
        ("DefaultAuthorizer: AWS_IAM", WHOLE, [("medium", False)]),
        ("", "{Authorizer: AWS_IAM}", []),
    ],
)
def test_what_sam_drops_is_found_at_its_line(audit, default, auth, expected):
    text = SAM.format(default=default, auth=auth)
    file = audit(text)
    found = [one for one in file.findings if one.rule == "conditional-event-auth"]
    is_open = any(point.is_open for point in file.inventory.entry_points)
    assert [(one.severity, is_open) for one in found] == expected
    for one in found:
        assert "Auth: !If" in text.lstrip("\n").splitlines()[one.line - 1]

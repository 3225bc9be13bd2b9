"""Open routes beside closed ones."""

from __future__ import annotations

import pytest

TEXT = """
Resources:
  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{ProtocolType: HTTP}}}}
  Closed:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref Api, RouteKey: "{closed}", AuthorizationType: AWS_IAM}}
  Open:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref Api, RouteKey: "{opened}"}}
"""


@pytest.mark.parametrize(
    ("closed", "opened", "is_around"),
    [
        ("GET /a", "ANY /a", True),
        ("GET /a", "ANY /{proxy+}", True),
        ("GET /a", "GET /{proxy+}", True),
        ("GET /a", "PUT /{proxy+}", False),
        ("GET /a/b", "ANY /a/{proxy+}", True),
        ("GET /b", "ANY /a/{proxy+}", False),
        ("GET /a", "$default", True),
        ("ANY /a", "GET /a", False),
        ("GET /a", "GET /b", False),
        ("GET /a", "PUT /a", False),
        ("ANY /{proxy+}", "ANY /a", False),
    ],
)
def test_what_takes_the_rest(audit, closed, opened, is_around):
    found = audit(TEXT.format(closed=closed, opened=opened)).findings
    wide = [one for one in found if one.rule == "wide-open-route"]
    assert [one.resource for one in wide] == (["Open"] if is_around else [])


def test_a_path_that_is_not_known_is_around_nothing(audit):
    found = audit(TEXT.format(closed="GET /a", opened="x").replace('"x"', "!ImportValue x"))
    assert "wide-open-route" not in {one.rule for one in found.findings}

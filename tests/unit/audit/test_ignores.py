"""Ignores in a template's `Metadata`."""

from __future__ import annotations

import pytest

SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    {api}
    Properties: {{StageName: prod}}
  Health:
    Type: AWS::Serverless::Function
    {function}
    Properties:
      Runtime: python3.12
      Handler: a.b
      CodeUri: src/
      Events:
        Get: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /health, Method: get}}}}
        Put: {{Type: Api, Properties: {{RestApiId: !Ref Api, Path: /health, Method: put}}}}
"""


def metadata(ignore):
    return f"Metadata: {{authz-audit: {{ignore: {ignore}}}}}"


def reasons(audit, api="DependsOn: []", function="DependsOn: []"):
    file = audit(SAM.format(api=api, function=function))
    return {one.place: one.ignored for one in file.findings if one.rule == "open-route"}


def test_without_one_each_counts(audit):
    assert reasons(audit) == {"GET /health": None, "PUT /health": None}


@pytest.mark.parametrize("where", ["api", "function"])
def test_it_is_for_all_routes_of_the_resource(audit, where):
    ignore = metadata("[{rule: open-route, reason: it is public}]")
    assert set(reasons(audit, **{where: ignore}).values()) == {"it is public"}


def test_it_may_be_for_one_route(audit):
    ignore = metadata("[{rule: open-route, reason: probe, route: GET /health}]")
    assert reasons(audit, function=ignore) == {"GET /health": "probe", "PUT /health": None}


@pytest.mark.parametrize(
    "ignore",
    [
        "[{rule: open-route}]",
        "[{rule: open-route, reason: ' '}]",
        "[{reason: x}]",
        "[{rule: open-route, reason: x, why: y}]",
        "[open-route]",
        "open-route",
    ],
)
def test_one_that_is_not_whole_is_none_and_is_reported(audit, ignore):
    text = SAM.format(api="DependsOn: []", function=metadata(ignore))
    file = audit(text)
    assert [one.ignored for one in file.findings if one.rule == "open-route"] == [None, None]
    (finding,) = [one for one in file.findings if one.rule == "ignore-without-effect"]
    assert "Metadata" in text.lstrip("\n").splitlines()[finding.line - 1]


@pytest.mark.parametrize("ignore", ["[{rule: open-options, reason: x}]", "[]"])
def test_another_rule_is_not_meant(audit, ignore):
    assert reasons(audit, function=metadata(ignore)) == {"GET /health": None, "PUT /health": None}


def test_metadata_of_others_is_left_alone(audit):
    assert reasons(audit, function="Metadata: {cfn-lint: {config: {}}}") == {
        "GET /health": None,
        "PUT /health": None,
    }

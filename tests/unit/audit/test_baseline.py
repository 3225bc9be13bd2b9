"""Only what is new counts."""

from __future__ import annotations

import json

import pytest

from authz_lib.audit.audited import Audit, audit_files
from authz_lib.audit.baseline import against_baseline
from authz_lib.audit.report import audit_json
from authz_lib.errors import ConfigurationError

TEMPLATE = """
Resources:
  A: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}
"""
OTHER = "  B: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}\n"


@pytest.fixture
def known(tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    audit = audit_files([tmp_path / "template.yaml"])
    (tmp_path / "known.json").write_text(audit_json(audit))
    return tmp_path


def marked(folder):
    audit = against_baseline(audit_files([folder / "template.yaml"]), folder / "known.json")
    return [(one.resource, one.known, one.counts) for one in audit.files[0].findings]


def test_what_was_there_is_known_also_on_another_line(known):
    (known / "template.yaml").write_text(f"# moved\n\n{TEMPLATE}{OTHER}")
    assert marked(known) == [("A", True, False), ("B", False, True)]


def test_two_that_are_alike_are_known_where_there_were_two(known):
    document = json.loads((known / "known.json").read_text())
    document["files"][0]["findings"] *= 0
    (known / "known.json").write_text(json.dumps(document))
    assert marked(known) == [("A", False, True)]


def test_another_condition_is_new(known):
    (known / "template.yaml").write_text(
        TEMPLATE.replace("NONE", "!If [C, NONE, AWS_IAM]")
        + "Conditions: {C: !Equals [!Ref AWS::Region, x]}\n"
    )
    assert marked(known) == [("A", False, True)]


ROUTES = """
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {EndpointConfiguration: {Types: [%s]}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
"""


@pytest.mark.parametrize(
    ("before", "now", "is_known"),
    [
        ("PRIVATE", "PRIVATE", True),
        ("REGIONAL", "PRIVATE", True),
        ("PRIVATE", "REGIONAL", False),
    ],
)
def test_what_is_worse_than_it_was_is_new(tmp_path, before, now, is_known):
    """A route of a private API that the Internet reaches now."""
    template = tmp_path / "template.yaml"
    template.write_text(ROUTES % before)
    (tmp_path / "known.json").write_text(audit_json(audit_files([template])))
    template.write_text(ROUTES % now)
    assert ("Get", is_known, not is_known) in marked(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"files": [{"file": "x", "findings": [{"rule": "a", "resource": "b"}]}]}',
        '{"files": [{"file": "x", "findings": [{"rule": "a", "resource": "b", "severity": []}]}]}',
        "",
        "[]",
        "{}",
        '{"files": [5]}',
        '{"files": [{"file": "x"}]}',
        '{"files": [{"file": 5, "findings": [5]}]}',
        '{"files": [{"file": "x", "findings": [{"rule": [], "resource": "x"}]}]}',
    ],
)
def test_what_is_no_report_is_refused(known, text):
    (known / "known.json").write_text(text)
    with pytest.raises(ConfigurationError, match="baseline"):
        against_baseline(Audit(()), known / "known.json")

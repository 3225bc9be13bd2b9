"""The report in its five formats."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from authz_lib.audit import sarif_report
from authz_lib.audit.audited import Audit, audit_files
from authz_lib.audit.baseline import against_baseline
from authz_lib.audit.html_report import HTMLSection, audit_html
from authz_lib.audit.report import AUDIT_FORMATS, audit_json
from authz_lib.audit.sarif_report import audit_sarif
from authz_lib.audit.table_report import audit_table

# Of the npm package `@microsoft/jest-sarif` 1.0.0-beta.0 (MIT), which ships OASIS's schema.
SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-rtm.5.json").read_text())
TEMPLATE = """
Parameters:
  EnableAuth: {Type: String, Default: "true", AllowedValues: ["true", "false"]}
Conditions:
  AuthEnabled: !Equals [!Ref EnableAuth, "true"]
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: JWT
      JwtConfiguration: {Issuer: https://issuer.example, Audience: [web]}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /<b>orders</b>/{id}
      AuthorizationType: !If [AuthEnabled, JWT, NONE]
      AuthorizerId: !Ref Users
      AuthorizationScopes: [orders/read]
  Published:
    Type: AWS::Lambda::Url
    Metadata:
      authz-audit: {ignore: [{rule: open-function-url, reason: "it is | published"}]}
    Properties: {TargetFunctionArn: x, AuthType: NONE}
  Unseen: {Type: AWS::ApiGateway::RestApi, Properties: {BodyS3Location: {}}}
"""
GET = "GET /<b>orders</b>/{id}"
NOBODY = (
    f"`{GET}` asks nobody who they are under the condition `!AuthEnabled` "
    "(`EnableAuth` is `true` by default; so by default: no) [open-route]"
)
JWT = "JWT authorizer  Users, scopes orders/read, audience web, issuer https://issuer.example"
UNSEEN = "`Unseen` was not seen: its routes are in a file that is not here [not-seen]"
COLOURED = f"""\
my stack.yaml
  Api (HTTP API)
    \x1b[32mclosed      {GET}  {JWT}  if AuthEnabled   line 14\x1b[0m
    \x1b[1;31mopen        {GET}  {"nobody".ljust(len(JWT))}  if !AuthEnabled  line 14\x1b[0m
  Published (function URL)
    \x1b[36mon purpose  FUNCTION_URL  nobody  line 22\x1b[0m
  Unseen (REST API)
    \x1b[33mnot seen    *  not seen: a file in S3 holds the routes  line 27\x1b[0m

\x1b[1;31mmy stack.yaml:14: high: {NOBODY}\x1b[0m
    fix: name an authorizer, or say in an ignore why it is meant
\x1b[33mmy stack.yaml:27: medium: {UNSEEN}\x1b[0m

4 entry points: 1 open, 1 on purpose, 1 closed, 1 not seen. 2 findings; 1 explained or known.
"""
LINE = TEMPLATE.splitlines().index("  Route:") + 1


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my stack.yaml").write_text(TEMPLATE)
    return audit_files([Path("my stack.yaml"), Path("gone.yaml")])


def test_json_has_what_is_compared(report):
    (file,) = json.loads(audit_json(report))["files"]
    assert file["file"] == "my stack.yaml"
    closed, opened = (one for one in file["entry_points"] if one["api"] == "Route")
    assert (
        closed.items()
        >= {
            "method": "GET",
            "path": "/<b>orders</b>/{id}",
            "auth": "JWT",
            "scopes": ["orders/read"],
            "condition": "AuthEnabled",
            "line": LINE,
            "audience": ["web"],
            "issuer": "https://issuer.example",
        }.items()
    )
    assert (opened["auth"], opened["condition"]) == ("NONE", "!AuthEnabled")
    for finding in file["findings"]:
        wanted = {"rule", "severity", "confidence", "resource", "line", "message"}
        assert finding.keys() >= wanted
    (ignored,) = (one for one in file["findings"] if one["rule"] == "open-function-url")
    assert ignored["ignored"] == "it is | published"


def test_sarif_is_valid(report):
    sarif = json.loads(audit_sarif(report))
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    (run,) = sarif["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        location = result["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == "my%20stack.yaml"
    by_rule = {result["ruleId"]: result for result in run["results"]}
    assert by_rule["open-route"]["level"] == "error"
    assert by_rule["open-route"]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": LINE
    }
    assert by_rule["open-function-url"]["suppressions"] == [
        {"kind": "inSource", "justification": "it is | published"}
    ]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_the_schema_would_refuse_something_else(report):
    sarif = json.loads(audit_sarif(report))
    sarif["runs"][0]["results"][0]["level"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(sarif)


def test_sarif_keeps_the_most_severe_results(report, monkeypatch):
    monkeypatch.setattr(sarif_report, "MAX_SARIF_RESULTS", 1)
    (run,) = json.loads(audit_sarif(report))["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["open-route"]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert "results are left out" in notes[-1]["message"]["text"]


def test_sarif_tells_what_a_baseline_holds(report):
    Path("known.json").write_text(audit_json(report))
    sarif = json.loads(audit_sarif(against_baseline(report, Path("known.json"))))
    jsonschema.Draft4Validator(SCHEMA).validate(sarif)
    assert {one["baselineState"] for one in sarif["runs"][0]["results"]} == {"unchanged"}


def test_a_fingerprint_does_not_move_with_its_line(report):
    before = {one["partialFingerprints"]["authzAudit/v1"] for one in results(report)}
    Path("my stack.yaml").write_text("# a comment\n" + TEMPLATE)
    after = results(audit_files([Path("my stack.yaml")]))
    assert {one["partialFingerprints"]["authzAudit/v1"] for one in after} == before
    assert len(before) == len(after)


def results(report):
    return json.loads(audit_sarif(report))["runs"][0]["results"]


def test_an_absolute_path_is_told_from_where_the_audit_was_started(report, tmp_path):
    for path, uri in (
        (Path("my stack.yaml").resolve(), "my%20stack.yaml"),
        (tmp_path.parent / "elsewhere.yaml", (tmp_path.parent / "elsewhere.yaml").as_uri()),
    ):
        path.write_text(TEMPLATE)
        first, *_ = results(audit_files([path]))
        assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_the_table_groups_by_api(report):
    table = audit_table(report)
    assert re.search(r"Api \(HTTP API\)\n    closed +GET .* JWT authorizer .*if AuthEnabled", table)
    assert re.search(r"open +GET .* nobody .*if !AuthEnabled", table)
    assert re.search(r"on purpose +FUNCTION_URL", table)
    assert re.search(r"not seen +\*", table)
    assert f"my stack.yaml:{LINE}: high: " in table
    assert "[open-function-url]" not in table
    assert table.endswith(
        "4 entry points: 1 open, 1 on purpose, 1 closed, 1 not seen. "
        "2 findings; 1 explained or known.\n"
    )
    assert "\x1b" not in table


def test_the_table_is_coloured_on_demand(report):
    assert audit_table(report, coloured=True) == COLOURED
    assert audit_table(report) == re.sub(r"\x1b\[[0-9;]+m", "", COLOURED)


def test_a_low_finding_has_a_colour_of_its_own(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text("Metadata: {}\nMetadata: {}\nResources: {A: {Type: T}}")
    assert f"\x1b[36m{path}:2: low: " in audit_table(audit_files([path]), coloured=True)


@pytest.mark.parametrize("name", sorted(AUDIT_FORMATS))
def test_a_template_cannot_command_a_terminal(name, tmp_path):
    path = tmp_path / "template.json"
    url = {"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}
    path.write_text(json.dumps({"Resources": {"A\x1b[2J\nB\u202e": url}}))
    told = AUDIT_FORMATS[name](audit_files([path]))
    assert "\x1b" not in told
    if name in {"table", "markdown"}:
        assert "\u202e" not in told


def test_markdown_leaves_no_markup_of_the_template(report):
    text = AUDIT_FORMATS["markdown"](report)
    assert r"\<b\>orders\</b\>" in text
    assert "**open**" in text
    assert "**Not read:** \\`gone.yaml\\` cannot be read" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in {5, 7}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_needs_nothing_else(report):
    section = HTMLSection("Who may do <what>", "<table><tr><td>alice</td></tr></table>")
    text = audit_html(report, sections=[section])
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "b"} & set(page.seen) - {"b"}
    words = " ".join(page.words)
    for told in (
        "What is open",
        "What was not seen",
        "What is open on purpose",
        "What is closed, and by what",
        "GET /<b>orders</b>/{id}",
        "it is | published",
        "Who may do <what>",
        "alice",
        "`gone.yaml` cannot be read",
    ):
        assert told in words
    assert "<b>orders" not in text
    for query in ("prefers-color-scheme: dark", "@media print", "default-src 'none'"):
        assert query in text


def test_an_audit_of_nothing():
    for name, write in AUDIT_FORMATS.items():
        assert write(Audit(())), name
    assert "0 entry points: none. 0 findings." in audit_table(Audit(()))
    assert "Nothing." in audit_html(Audit(()))

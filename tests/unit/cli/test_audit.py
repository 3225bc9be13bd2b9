"""`authz audit`: its options and exit codes."""

from __future__ import annotations

import json

import pytest

from authz_lib.cli.main import main

OPEN = """
Parameters: {Kind: {Type: String, Default: NONE}}
Resources:
  A: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: x, AuthType: !Ref Kind}}
"""
CLOSED = OPEN.replace("NONE", "AWS_IAM")
KEY = "Resources: {A: {Type: AWS::AppSync::GraphQLApi, Properties: {AuthenticationType: API_KEY}}}"


@pytest.fixture
def template(tmp_path):
    def write(text, name="template.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (OPEN, [], 1),
        (CLOSED, [], 0),
        (OPEN, ["--fail-on", "never"], 0),
        (OPEN, ["--fail-on", "high"], 1),
        (KEY, ["--fail-on", "high"], 0),
        (KEY, ["--fail-on", "medium"], 1),
        (KEY, [], 1),
        (OPEN, ["--parameter", "Kind=AWS_IAM"], 0),
        (CLOSED, ["--parameter", "Kind=NONE"], 1),
        ("", [], 2),
    ],
)
def test_exit_codes(template, capsys, text, options, code):
    assert main(["audit", template(text), *options]) == code
    assert len(capsys.readouterr().err.splitlines()) == (1 if code == 2 else 0)


@pytest.mark.parametrize("name", ["json", "sarif", "markdown", "html", "table"])
def test_each_format_is_printed_or_written(template, tmp_path, capsys, name):
    words = ["audit", template(OPEN), "--format", name, "--fail-on", "never"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert printed
    assert main([*words, "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_text() == printed
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read_is_one_line_and_hides_no_other(template, capsys):
    words = [template("a: [", "broken.yaml"), template(OPEN)]
    assert main(["audit", *words, "--format", "json"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"authz audit: {words[0]}:1:5: the document is not YAML: ")
    assert [len(file["findings"]) for file in json.loads(told.out)["files"]] == [1]


@pytest.mark.parametrize("written", ["Kind", "=x", ""])
def test_a_parameter_has_a_name_and_a_value(template, capsys, written):
    assert main(["audit", template(OPEN), "--parameter", written]) == 2
    assert "`--parameter` must be `NAME=VALUE`" in capsys.readouterr().err


def test_an_unknown_parameter(template, capsys):
    assert main(["audit", template(OPEN), "--parameter", "Other=x"]) == 2
    assert "no file has the parameter `Other`" in capsys.readouterr().err


def test_only_what_is_new_counts(template, tmp_path):
    known = str(tmp_path / "known.json")
    path = template(OPEN)
    assert main(["audit", path, "--format", "json", "-o", known]) == 1
    assert main(["audit", path, "--baseline", known]) == 0
    template(OPEN + "  B: {Type: AWS::Lambda::Url, Properties: {AuthType: NONE}}\n")
    assert main(["audit", path, "--baseline", known]) == 1


def test_the_map_is_compared(template, tmp_path, capsys):
    line = {"method": "GET", "route": "/orders", "action": "List"}
    actions = template(json.dumps({"version": 1, "actions": [line]}), "actions.json")
    assert main(["audit", template(CLOSED), "--actions", actions, "--fail-on", "low"]) == 1
    assert "[map-line-not-deployed]" in capsys.readouterr().out


def test_colours_are_for_terminals(template, capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["audit", template(OPEN)])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    main(["audit", template(OPEN)])
    assert "\x1b[1;31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["audit", template(OPEN)])
    assert "\x1b" not in capsys.readouterr().out


def test_where_no_file_could_be_read_there_is_no_answer(template, capsys):
    path = template("a: [", "broken.yaml")
    assert main(["audit", path]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"authz audit: {path}:1:5: ")
    assert main(["audit", path, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["files"] == []


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
def test_colours_can_be_asked_for(template, capsys, monkeypatch, variable, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(variable, "1")
    main(["audit", template(OPEN)])
    assert ("\x1b[1;31m" in capsys.readouterr().out) is coloured

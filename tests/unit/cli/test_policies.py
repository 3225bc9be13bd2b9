"""`authz policies`: what it says about a directory, and its exit codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from authz_lib.cli import policies as cli
from authz_lib.cli.main import main

POLICIES = """
@id("owners-view")
permit(principal, action == Action::"View", resource is Order) when { resource.owner == principal };
@id("limit")
forbid(principal, action, resource) when { context.total > 5 };
"""
SCHEMA = """
entity User;
entity Order = { owner: User };
action View appliesTo { principal: User, resource: Order, context: { total: Long } };
"""
TESTS = """
entities:
  - uid: {type: Order, id: "1"}
    attrs: {owner: {__entity: {type: User, id: alice}}}
    parents: []
requests:
  - {name: owner, principal: 'User::"alice"', action: View, resource: 'Order::"1"',
     context: {total: 1}, expect: ALLOW, policies: [owners-view]}
  - {principal: 'User::"bob"', action: 'Action::"View"', resource: 'Order::"1"',
     context: {total: 1}, expect: DENY}
  - {name: no total, principal: 'User::"alice"', action: View, resource: 'Order::"1"',
     expect: DENY}
"""
GOOD = {
    "principal": 'User::"a"',
    "action": "View",
    "resource": 'Order::"1"',
    "context": {"total": 1},
    "expect": "DENY",
}


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "orders.cedar").write_text(POLICIES)
    (tmp_path / "schema.cedarschema").write_text(SCHEMA)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "orders.yaml").write_text(TESTS)
    return tmp_path


def test_a_good_directory(directory, capsys):
    assert main(["policies", "check", str(directory)]) == 0
    assert capsys.readouterr().out == "2 policies and templates: valid against the schema\n"
    assert main(["policies", "test", str(directory)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["owner", "ALLOW", "ALLOW", "owners-view", "-", "ok"]
    assert lines[3].split()[0] == "orders#2"
    assert lines[-1] == "3 as expected, 0 not"


def test_an_evaluation_error_can_be_read_as_cedar_reads_it(directory, capsys):
    assert main(["policies", "test", str(directory), "--on-evaluation-error", "cedar"]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_every_validation_error_has_its_place(directory, capsys):
    (directory / "more.cedar").write_text(
        'permit(principal, action == Action::"Nope", resource);\n\n'
        "permit(principal is Nobody, action, resource);"
    )
    assert main(["policies", "check", str(directory)]) == 1
    printed = capsys.readouterr().out
    assert "more.cedar:1:29: " in printed
    assert "more.cedar:3:1: " in printed


def test_a_policy_that_does_not_parse(directory, capsys):
    (directory / "more.cedar").write_text("\npermit(")
    assert main(["policies", "check", str(directory)]) == 1
    assert "more.cedar:2:7: the policy does not parse" in capsys.readouterr().out


def test_a_decision_other_than_expected(directory, capsys):
    rows = [
        {
            "principal": 'User::"a"',
            "action": "View",
            "resource": 'Order::"1"',
            "context": {"total": 1},
            "expect": "ALLOW",
        }
    ]
    (directory / "tests" / "more.json").write_text(json.dumps(rows))
    assert main(["policies", "test", str(directory)]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERENT" in printed
    assert "3 as expected, 1 not" in printed


@pytest.mark.parametrize(
    "row",
    [
        {},
        GOOD | {"principal": "alice"},
        GOOD | {"expect": "yes"},
        GOOD | {"contxt": {}},
        GOOD | {"context": {"a": 1.5}},
        GOOD | {"action": ""},
        GOOD | {"name": 5},
        GOOD | {"name": None},
        GOOD | {"name": ["a"]},
        GOOD | {"name": ""},
        GOOD | {"policies": "a"},
        GOOD | {"policies": {"a": 1}},
        GOOD | {"policies": [5]},
        GOOD | {"policies": None},
        GOOD | {"entities": 5},
        GOOD | {"expect": ["ALLOW"]},
        GOOD | {"principal": 5},
        "text",
    ],
    ids=repr,
)
def test_a_request_that_is_none_is_a_usage_error(directory, capsys, row):
    (directory / "tests" / "more.json").write_text(json.dumps([row]))
    assert main(["policies", "test", str(directory)]) == 2
    printed = capsys.readouterr().err
    assert re.search(r"more\.json:1:\d+: request 1: ", printed)
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (
            "more.yaml",
            "requests:\n  - action: View\n    principal: alice\n    expect: DENY\n    resource: x",
            'more.yaml:3:5: request 1: `principal`: an id is written `Type::"id"`',
        ),
        ("more.yaml", "# none\n- action: View\n", "more.yaml:2:3: request 1: a request needs `exp"),
        ("more.json", '[\n {"expect": "no"}]', "more.json:2:3: request 1: `expect` must be"),
        ("more.json", '{"requests": [\n  7]}', "more.json:2:3: request 1: not a request"),
    ],
)
def test_a_request_that_is_none_is_shown_where_it_stands(directory, capsys, name, text, place):
    (directory / "tests" / name).write_text(text)
    assert main(["policies", "test", str(directory)]) == 2
    assert place in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[{", "{}", '"x"', '{"requests": [], "entites": []}'])
def test_a_file_that_is_no_request_file(directory, text):
    (directory / "tests" / "more.json").write_text(text)
    assert main(["policies", "test", str(directory)]) == 2


def test_no_directory_and_no_requests(tmp_path, capsys):
    assert main(["policies", "check", str(tmp_path / "none")]) == 2
    (tmp_path / "a.cedar").write_text("permit(principal, action, resource);")
    assert main(["policies", "test", str(tmp_path)]) == 2
    assert main(["policies", "check", str(tmp_path)]) == 0
    assert "no schema" in capsys.readouterr().out


def test_a_request_file_that_cannot_be_read_is_a_usage_error(directory, capsys):
    (directory / "tests" / "more.json").write_bytes(b"\xff\xfe")
    assert main(["policies", "test", str(directory)]) == 2
    assert "more.json` cannot be read as UTF-8 text" in capsys.readouterr().err
    (directory / "tests" / "more.json").unlink()
    (directory / "tests" / "more.json").mkdir()
    assert main(["policies", "test", str(directory)]) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (  # two tests, the first of which would never run
            "more.yaml",
            "requests:\n- {principal: 1}\nrequests:\n- {principal: 1}\n",
            "more.yaml:3:1: the document is not YAML: the key `requests` is there twice",
        ),
        (
            "more.yml",
            "- {expect: DENY,\n   expect: ALLOW}",
            "more.yml:2:4: the document is not YAML: the key `expect`",
        ),
        ("more.yaml", "- a: [", "more.yaml:1:7: the document is not YAML: "),
        ("more.yaml", "- !!python/none x", "more.yaml:1:3: the document is not YAML: "),
        ("more.yaml", "- !!int x", "more.yaml: the document is not YAML"),
        ("more.yaml", "- !!bool maybe", "more.yaml: the document is not YAML"),
        ("more.yaml", "- !!int ''", "more.yaml: the document is not YAML"),
        ("more.yaml", "[" * 5000 + "]" * 5000, "more.yaml:1:65: the document is nested too deeply"),
        (
            "more.json",
            '{"requests": [], "requests": []}',
            ":1:18: the file is not strict JSON: duplicate",
        ),
        ("more.json", "[\n{]", "more.json:2:2: the file is not strict JSON: "),
        ("more.json", "[" * 200_000 + "]" * 200_000, "strict JSON: nested deeper than 64"),
    ],
)
def test_a_request_file_that_says_less_than_it_seems_to(directory, capsys, name, text, message):
    (directory / "tests" / name).write_text(text)
    assert main(["policies", "test", str(directory)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_what_cannot_be_asked_is_no_answer(directory, tmp_path, capsys, monkeypatch):
    (tmp_path / "empty").mkdir()
    for folder, cause in (
        (tmp_path / "none", "No such file"),
        (tmp_path / "orders.cedar", "Not a directory"),
    ):
        for command in ("check", "test"):
            assert main(["policies", command, str(folder)]) == 2
            assert f"`{folder}` cannot be listed: {cause}" in capsys.readouterr().err
    assert main(["policies", "check", str(tmp_path / "empty")]) == 2
    (directory / "more.cedar").mkdir()
    for command in ("check", "test"):
        assert main(["policies", command, str(directory)]) == 2
        assert "more.cedar` cannot be read: Is a directory" in capsys.readouterr().err
    (directory / "more.cedar").rmdir()

    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", denied)
        assert main(["policies", "check", str(directory)]) == 2
        assert capsys.readouterr().err.endswith("orders.cedar` cannot be read: Permission denied\n")
    monkeypatch.setattr("pathlib.Path.iterdir", denied)
    for command in ("check", "test"):
        assert main(["policies", command, str(directory)]) == 2
        assert (
            capsys.readouterr().err
            == f"authz policies: `{directory}` cannot be listed: Permission denied\n"
        )


def test_without_pyyaml_one_line_says_what_to_install(directory, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["policies", "test", str(directory)]) == 2
    file = directory / "tests" / "orders.yaml"
    told = capsys.readouterr().err
    assert told.startswith(f"authz policies: `{file}` needs ")
    assert "the extra `yaml` of authz-lib" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "test"])
def test_without_cedarpy_one_line_says_what_to_install(directory, capsys, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    assert main(["policies", command, str(directory)]) == 2
    assert capsys.readouterr().err == (
        "authz policies: Cedar on this machine needs the extra `cedar` of authz-lib\n"
    )


def test_a_policy_that_would_end_the_process(directory, capsys):
    (directory / "deep.cedar").write_text(
        "permit(principal, action, resource)\nwhen { " + "(" * 1000 + "true" + ")" * 1000 + " };"
    )
    assert main(["policies", "check", str(directory)]) == 1
    assert "deep.cedar:2: the policy is nested too deeply" in capsys.readouterr().out


def test_a_context_that_is_nested_too_deeply(directory, capsys):
    text = '{"a":' * 900 + "1" + "}" * 900
    (directory / "tests" / "more.json").write_text(json.dumps([GOOD]).replace('{"total": 1}', text))
    assert main(["policies", "test", str(directory)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_validation_error_names_the_policy_as_its_author_does(directory, capsys):
    (directory / "more.cedar").write_text(
        '\n@id("nope") permit(principal is Nobody, action, resource);'
    )
    assert main(["policies", "check", str(directory)]) == 1
    printed = capsys.readouterr().out
    assert "more.cedar:2:33: for policy `nope`, unrecognized entity type `Nobody`" in printed
    assert "policy0" not in printed


def test_the_help_has_the_format_and_the_exit_codes(directory, capsys):
    with pytest.raises(SystemExit):
        main(["policies", "--help"])
    printed = capsys.readouterr().out
    for word in (*cli._MEMBERS, "requests", "exit codes:"):
        assert word in printed
    example = printed[printed.index("  - name:") : printed.index("examples:")]
    (directory / "orders.cedar").write_text(POLICIES.replace("View", "ViewOrder"))
    (directory / "schema.cedarschema").unlink()
    (directory / "tests" / "orders.yaml").write_text(example)
    assert main(["policies", "test", str(directory)]) == 1
    assert "owners view their orders  ALLOW" in capsys.readouterr().out
    (directory / "orders.cedar").write_text(
        POLICIES.replace("View", "ViewOrder").partition('@id("limit")')[0]
    )
    assert main(["policies", "test", str(directory)]) == 0


def test_the_example_of_the_documentation(directory, capsys):
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "decisions.md").read_text(
        encoding="utf-8"
    )
    example = page.partition("```yaml\n")[2].partition("```")[0]
    (directory / "orders.cedar").write_text(
        POLICIES.replace("View", "ViewOrder").partition('@id("limit")')[0]
    )
    (directory / "schema.cedarschema").unlink()
    (directory / "tests" / "orders.yaml").write_text(example)
    assert main(["policies", "test", str(directory)]) == 0
    assert "1 as expected, 0 not" in capsys.readouterr().out


def test_a_check_for_machines(directory, capsys):
    words = ["policies", "check", str(directory), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == {
        "valid": True,
        "policies": 2,
        "schema": str(directory / "schema.cedarschema"),
        "errors": [],
    }
    (directory / "more.cedar").write_text("permit(principal is Nobody, action, resource);")
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["policies"]) == (False, 3)
    first = found["errors"][0]
    assert first.pop("message").startswith("for policy `more`, unrecognized entity type `Nobody`")
    assert first == {"file": str(directory / "more.cedar"), "line": 1, "column": 21}
    (directory / "more.cedar").write_text("permit(")
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["policies"], found["errors"][0]["line"]) == (False, None, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.cedar:3:7: no", {"file": "a.cedar", "line": 3, "column": 7, "message": "no"}),
        ("a.cedar:3: no: 5", {"file": "a.cedar", "line": 3, "column": None, "message": "no: 5"}),
        ("a.cedar: no", {"file": "a.cedar", "line": None, "column": None, "message": "no"}),
        ("no", {"file": None, "line": None, "column": None, "message": "no"}),
    ],
)
def test_a_message_is_told_apart_from_its_place(text, place):
    assert cli._error(text) == place


def test_requests_for_machines(directory, capsys):
    (directory / "tests" / "more.json").write_text(
        json.dumps([GOOD | {"name": "wrong", "expect": "ALLOW"}])
    )
    assert main(["policies", "test", str(directory), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["as_expected"], found["different"]) == (3, 1)
    assert {request["name"]: request["ok"] for request in found["requests"]} == {
        "owner": True,
        "orders#2": True,
        "no total": True,
        "wrong": False,
    }
    owner = next(one for one in found["requests"] if one["name"] == "owner")
    assert owner == {
        "name": "owner",
        "expected": "ALLOW",
        "decision": "ALLOW",
        "policies": ["owners-view"],
        "errors": [],
        "ok": True,
        "refused": None,
    }


def test_outcomes_are_coloured_where_somebody_looks(directory, capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["policies", "test", str(directory)]) == 0
    assert capsys.readouterr().out.count("\x1b[32mok\x1b[0m\n") == 3

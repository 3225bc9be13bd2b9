"""`authz policies ask` and `authz policies matrix`: what they print, and their exit codes."""

from __future__ import annotations

import csv
import json

import pytest

from authz_lib.cli.main import main

SCHEMA = """
entity Group;
entity User in [Group];
entity Bot;
entity Order = { owner: User };
action get appliesTo { principal: [User, Bot], resource: Order };
action cancel appliesTo { principal: User, resource: Order };
"""
POLICIES = """
@id("owners") permit(principal, action, resource) when { resource.owner == principal };
@id("support") permit(principal in Group::"support", action == Action::"get", resource);
"""
ACTIONS = {
    "version": 1,
    "actions": [{"method": "GET", "route": "/orders/{orderId}", "action": "get"}],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.cedar").write_text(POLICIES)
    (tmp_path / "schema.cedarschema").write_text(SCHEMA)
    (tmp_path / "actions.json").write_text(json.dumps(ACTIONS))
    return tmp_path


def test_never(folder, capsys):
    never = 'principal in Group::"support" && action == Action::"cancel"'
    assert main(["policies", "ask", ".", "--never", never]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"never {never}: not so"
    assert lines[1].startswith("  allowed: a User in Group support → cancel on an Order, owner the")
    assert main(["policies", "ask", ".", "--never", f"{never} && resource.owner != principal"]) == 0
    assert capsys.readouterr().out.endswith(": proved\n")


def test_answers_in_json(folder, capsys):
    words = ["--never", 'action == Action::"get"', "--never", "false", "--redundant"]
    assert main(["policies", "ask", ".", *words, "--actions", "actions.json", "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert [one["condition"] for one in found["never"]] == [words[1], "false"]
    verdicts = {(one["principal"], one["action"]): one for one in found["never"][0]["environments"]}
    assert verdicts["User", "get"]["verdict"] == "allowed"
    assert verdicts["User", "get"]["routes"] == ["GET /orders/{orderId}"]
    assert verdicts["Bot", "get"] == {
        "principal": "Bot",
        "action": "get",
        "resource": "Order",
        "verdict": "never",
        "counterexample": None,
        "routes": ["GET /orders/{orderId}"],
        "reason": None,
    }
    assert found["redundant"] == []


def test_redundant(folder, capsys):
    assert main(["policies", "ask", ".", "--redundant"]) == 0
    assert capsys.readouterr().out == "every policy makes a difference\n"
    (folder / "more.cedar").write_text(
        POLICIES.partition('@id("support")')[0].replace("@id", "@as")
    )
    assert main(["policies", "ask", ".", "--redundant"]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "no difference  more",
        "no difference  owners",
    ]


def test_nothing_is_asked(folder, capsys):
    assert main(["policies", "ask"]) == 2
    assert "`--never` or `--redundant`" in capsys.readouterr().err
    assert main(["policies", "ask", ".", "--never", "("]) == 2
    assert main(["policies", "ask", "orders.cedar", "--never", "true"]) == 2
    assert main(["policies", "matrix", "orders.cedar"]) == 2


def test_a_routed_answer_names_its_routes(folder, capsys):
    words = ["--never", 'action == Action::"get"', "--actions", "actions.json"]
    assert main(["policies", "ask", ".", *words]) == 1
    assert "(GET /orders/{orderId})" in capsys.readouterr().out


def test_the_matrix(folder, capsys):
    assert main(["policies", "matrix"]) == 0
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    lines = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert lines[0] == ["action", "principal", "resource", "anybody signed in", "Group support"]
    assert lines[2:] == [
        ["cancel", "User", "Order", "if owner", "if owner"],
        ["get", "Bot", "Order", "no", "no"],
        ["get", "User", "Order", "if owner", "yes"],
    ]


def test_the_matrix_of_routes(folder, capsys):
    words = ["policies", "matrix", "orders.cedar", "--schema", "schema.cedarschema"]
    assert main([*words, "--actions", "actions.json", "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["route"] for row in rows] == ["", "GET /orders/{orderId}", "GET /orders/{orderId}"]
    assert rows[2]["Group support"] == "yes"
    assert main([*words, "--format", "markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| action | principal | resource | anybody signed in | Group support |"
    assert lines[2] == "| cancel | User | Order | if owner | if owner |"


def test_the_matrix_for_machines(folder, capsys):
    assert main(["policies", "matrix", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {(row["principal"], row["action"]) for row in rows} == {
        ("User", "get"),
        ("Bot", "get"),
        ("User", "cancel"),
    }
    main(["policies", "matrix", "--format", "csv"])
    (headings, *_) = csv.reader(capsys.readouterr().out.splitlines())
    assert all(list(row) == headings for row in rows)


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ("principal = resource", "line 1, column 11: '=' is not a valid operator"),
        ("true &&\n  || false", "line 2, column 3: unexpected token `||`"),
        ("(" * 70 + ")" * 70, "line 1: the policy is nested too deeply"),
    ],
)
def test_a_condition_that_does_not_parse_is_shown_where(folder, capsys, condition, place):
    assert main(["policies", "ask", ".", "--never", condition]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"authz policies: the condition does not parse: {place}")

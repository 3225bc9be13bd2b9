"""`authz policies diff`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
from importlib import util

import pytest

from authz_lib.cli import policies_diff as cli
from authz_lib.cli.main import main

SCHEMA = """
entity Group;
entity User in [Group] = { tenant?: String };
entity Order = { owner: User, tenant: String };
action get, cancel appliesTo { principal: User, resource: Order };
"""
OWNERS = """
@id("owners") permit(principal, action, resource) when { resource.owner == principal };
"""
SUPPORT = (
    OWNERS
    + """
@id("support") permit(principal in Group::"sup|port", action == Action::"cancel", resource);
"""
)
ACTIONS = {
    "version": 1,
    "actions": [
        {"method": "DELETE", "route": "/orders/{orderId}", "action": "cancel"},
        {"method": "GET", "route": "/orders/{orderId}", "action": "get"},
    ],
}
WORDS = 'a User in Group "sup|port" → cancel on an Order, owner another User'


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("old", OWNERS), ("new", SUPPORT)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "orders.cedar").write_text(text)
        (folder / "schema.cedarschema").write_text(SCHEMA)
    (tmp_path / "actions.json").write_text(json.dumps(ACTIONS))
    return tmp_path


def diff(*words):
    return main(["policies", "diff", *words])


def test_json(folders, capsys):
    assert diff("old", "new", "--actions", "actions.json", "--format", "json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "environments": [
            {
                "principal": "User",
                "action": "cancel",
                "resource": "Order",
                "verdict": "opens",
                "counterexample": WORDS,
                "routes": ["DELETE /orders/{orderId}"],
                "reason": None,
            },
            {
                "principal": "User",
                "action": "get",
                "resource": "Order",
                "verdict": "same",
                "counterexample": None,
                "routes": ["GET /orders/{orderId}"],
                "reason": None,
            },
        ]
    }


def test_what_closes_is_fine(folders, capsys):
    assert diff("new", "old") == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[2].startswith("closes   User       cancel  Order     a User in")
    assert printed.out.splitlines()[-1] == "2 kinds of requests: 1 closes, 1 same (proved)"
    assert printed.err == ""


def test_nothing_differs(folders, capsys):
    assert diff("old", "old") == 0
    assert capsys.readouterr().out == "2 kinds of requests: 2 same (proved)\n"
    assert diff("old", "old", "--format", "markdown") == 0
    assert capsys.readouterr().out == "2 kinds of requests: 2 same (proved)\n"


def test_markdown_shows_what_it_is_given(folders, capsys):
    assert diff("old", "new", "--format", "markdown") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| verdict | principal | action | resource | for example | routes |"
    assert lines[1] == "|---|---|---|---|---|---|"
    assert r'Group "sup\|port"' in lines[2]
    assert lines[3:] == ["", "2 kinds of requests: 1 opens, 1 same (proved)"]


def test_both_has_two_examples(folders, capsys):
    (folders / "new" / "orders.cedar").write_text(SUPPORT.partition("@id")[2].partition("@id")[2])
    (folders / "new" / "orders.cedar").write_text("@id" + SUPPORT.split("@id")[2])
    assert diff("old", "new", "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)["environments"]
    assert [one["verdict"] for one in found] == ["both", "closes"]
    opens, closes = found[0]["counterexample"].split("; closes: ")
    assert opens == f"opens: {WORDS}"
    assert closes == "a User → cancel on an Order, owner the principal"


@pytest.mark.parametrize(
    ("globs", "code"),
    [
        (["cancel"], 1),
        (["can*"], 1),
        (["get"], 0),
        (["DELETE *"], 1),
        (["GET *", "POST *"], 0),
        (["GET *", "* /orders/*"], 1),
        (["*"], 1),
        (["CANCEL"], 0),
    ],
)
def test_openings_that_are_forbidden(folders, globs, code):
    options = [word for glob in globs for word in ("--forbid-opening", glob)]
    assert diff("old", "new", "--actions", "actions.json", *options) == code


def test_files_with_a_schema(folders, capsys):
    files = ["old/orders.cedar", "new/orders.cedar"]
    assert diff(*files) == 2
    assert "the policies have no schema" in capsys.readouterr().err
    assert diff(*files, "--schema", "new/schema.cedarschema") == 1
    assert diff("old", files[1]) == 1  # the schema of OLD
    assert diff(files[0], "new") == 1


def git(folder, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def test_git_revisions(folders, capsys):
    (folders / "policies").mkdir()
    for name in ("orders.cedar", "schema.cedarschema"):
        (folders / "policies" / name).write_text((folders / "old" / name).read_text())
    git(folders, "init")
    git(folders, "add", "policies")
    git(folders, "commit", "-m", "old")
    (folders / "policies" / "orders.cedar").write_text(SUPPORT)
    assert diff("HEAD:policies/", "policies/") == 1
    git(folders, "commit", "-am", "new")
    assert diff("HEAD~1:policies/", "HEAD:policies") == 1
    assert diff("HEAD:policies/", "policies/") == 0
    schema = ["--schema", "HEAD:policies/schema.cedarschema"]
    assert diff("HEAD~1:policies/orders.cedar", "policies/orders.cedar", *schema) == 1
    capsys.readouterr()
    assert diff("HEAD~7:policies/", "policies/") == 2
    assert capsys.readouterr().err == "authz policies: git knows no `HEAD~7:policies`\n"
    assert diff("HEAD:nowhere", "policies/") == 2
    assert main(["policies", "diff", "--", "-x:y", "policies/"]) == 2
    assert "must not start with `-`" in capsys.readouterr().err


def test_a_revision_that_is_no_text(folders, capsys):
    (folders / "bad.cedarschema").write_bytes(b"\xff\xfe")
    git(folders, "init")
    git(folders, "add", "bad.cedarschema")
    git(folders, "commit", "-m", "bad")
    assert diff("old", "new", "--schema", "HEAD:bad.cedarschema") == 2
    assert "is not UTF-8" in capsys.readouterr().err


def test_git_is_needed_for_a_revision(folders, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(folders))
    assert diff("HEAD:old", "new") == 2
    assert "`git` cannot be run" in capsys.readouterr().err


@pytest.mark.parametrize("old", ["nowhere", "a" * 5000 + ":x", "a\0b:c", "actions.json"])
def test_what_cannot_be_read(folders, capsys, old):
    assert diff(old, "new") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_policy_that_does_not_fit_the_schema_is_named_and_compared(folders, capsys):
    wrong = OWNERS + 'permit(principal, action, resource) when { principal.tenant == "a" };'
    (folders / "new" / "orders.cedar").write_text(wrong)
    assert diff("old", "new", "--on-evaluation-error", "cedar") == 1
    printed = capsys.readouterr()
    assert "authz policies: NEW: new/orders.cedar:3:54: for policy `orders#2`" in printed.err
    assert "opens" in printed.out


def test_the_mode_is_the_configured_one(folders):
    wrong = OWNERS + 'forbid(principal, action, resource) when { principal.tenant == "a" };'
    (folders / "new" / "orders.cedar").write_text(wrong)
    (folders / "old" / "orders.cedar").write_text(
        wrong.replace("principal.tenant ==", "principal has tenant && principal.tenant ==")
    )
    assert diff("new", "old") == 1  # what errs is denied, and errs no more
    assert diff("new", "old", "--on-evaluation-error", "cedar") == 0


def test_entities_may_be_missing(folders):
    for name, condition in (
        ("old", 'resource.owner.tenant == "a" || resource.tenant == "b"'),
        ("new", 'resource.tenant == "b" || resource.owner.tenant == "a"'),
    ):
        text = f"permit(principal, action, resource) when {{ {condition} }};"
        guarded = text.replace("{ resource.owner", "{ resource.owner has tenant && resource.owner")
        (folders / name / "orders.cedar").write_text(
            guarded.replace("|| resource.owner", "|| resource.owner has tenant && resource.owner")
        )
    assert diff("old", "new") == 0
    assert diff("old", "new", "--missing-entities") == 0  # `has` of one that is missing is false


def test_without_a_solver(folders, capsys, monkeypatch):
    assert diff("old", "new", "--no-solver") == 1
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "cvc5" else util.find_spec)
    assert diff("old", "new") == 1
    printed = capsys.readouterr()
    assert "nothing is proved: a proof needs the extra `analysis` of authz-lib" in printed.err
    assert WORDS in printed.out
    assert "whether it closes anything" in printed.out

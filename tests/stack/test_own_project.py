"""A project of one's own, unchanged: SAM's HTTP API, policies in the template, requirements."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from authz_lib.cli.main import main

TAKES_LONGEST = True  # each test starts a local AWS of its own
PROJECT = Path(__file__).parent / "project"
LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"
PERMIT = 'permit(principal in Group::"readers", action == Action::"ListNotes", resource);'


@pytest.fixture
def project(tmp_path):
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


def check(folder, capsys, *words):
    code = main(["local", str(folder), "--check", *words])
    return code, *capsys.readouterr()


def rows(folder, *names):
    """Leave these requests only."""
    from authz_lib._support.yaml_file import read_yaml

    document = read_yaml(folder / "requests.yaml")
    kept = [row for row in document["requests"] if row["name"] in names]
    (folder / "requests.yaml").write_text(json.dumps(document | {"requests": kept}))


@pytest.mark.stack
def test_the_template_is_aws_s_and_has_no_word_of_a_local_run():
    text = (PROJECT / "template.yaml").read_text()
    assert not re.search(r"local|jwks|endpoint|ministack", text, re.IGNORECASE)
    done = subprocess.run(
        [sys.executable, "-c", LINT, str(PROJECT / "template.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.stack
def test_it_is_green(project, capsys):
    code, printed, told = check(project, capsys, "--json")
    document = json.loads(printed)
    assert (code, document["failed"]) == (0, 0), printed
    assert document["passed"] == 8
    first = document["requests"][0]
    assert [one["function"] for one in first["invocations"]] == ["Authorizer", "Notes"]
    assert "answering /notes" in first["invocations"][1]["log"]
    assert re.search(r"^\[ *[\d.]+ s\] deploying template.yaml$", told, re.MULTILINE)


@pytest.mark.stack
def test_a_function_that_raises_and_a_wrong_policy_say_why_below_their_row(project, capsys):
    service = project / "service" / "app.py"
    service.write_text(
        service.read_text().replace("    print(", "    event['nothing']\n    print(")
    )
    template = project / "template.yaml"
    wrong = PERMIT.replace("ListNotes", "DeleteNote")
    template.write_text(template.read_text().replace(PERMIT, wrong))
    rows(project, "a reader lists", "an open route")
    code, printed, _ = check(project, capsys)
    assert code == 1
    assert "DIFFERENT  a reader lists: status 403, expected 200; decision DENY" in printed
    below = printed.partition("DIFFERENT  an open route: status ")[2].splitlines()
    assert "LOG        Notes | Traceback (most recent call last):" in below
    assert "LOG        Notes | KeyError: 'nothing'" in below


@pytest.mark.stack
def test_an_authorizer_that_cannot_reach_its_keys_or_does_not_start_says_so(project, capsys):
    authorizer = project / "authorizer" / "app.py"
    text = authorizer.read_text()
    authorizer.write_text(
        text.replace('token_use="access",', 'token_use="access", jwks_url="http://127.0.0.1:1/k",')
    )
    rows(project, "a reader lists")
    code, printed, _ = check(project, capsys)
    assert code == 1
    assert "DIFFERENT  a reader lists: status 500, expected 200" in printed
    assert re.search(
        r"^LOG        Authorizer \| .*KeySetUnavailableError.*$", printed, re.MULTILINE
    )
    authorizer.write_text("import no_such_package\n")
    code, printed, _ = check(project, capsys)
    assert code == 1
    assert (
        "LOG        Authorizer | ModuleNotFoundError: No module named 'no_such_package'" in printed
    )


@pytest.mark.stack
@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("AWS::Cognito::UserPool\n", "AWS::Kendra::Index\n", "the local AWS cannot make `Users`"),
        ("Runtime: python3.12", "Runtime: java21", "the runtime `java21` is not supported here"),
        ("Mode: STRICT", "Mode: LOOSE", "Policies: CreatePolicyStore was refused"),
        (PERMIT, "permit(principal is Nobody, action, resource);", "CreatePolicy was refused"),
        ("DefaultAuthorizer: Notes", "DefaultAuthorizer: Nobody", "does not deploy: "),
    ],
    ids=["type", "runtime", "store", "policy", "sam"],
)
def test_a_template_that_cannot_be_deployed_is_one_line_with_the_cause(
    project, capsys, old, new, line
):
    template = project / "template.yaml"
    text = template.read_text()
    assert old in text
    template.write_text(text.replace(old, new))
    code, _, told = check(project, capsys)
    last = told.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("authz local: `")
    assert line in last


@pytest.mark.stack
def test_a_first_requests_file_is_written_and_green(project, capsys):
    (project / "requests.yaml").unlink()
    (project / "groups.cedar").write_text(
        'permit(principal in Group::"readers", action, resource);'
    )
    assert main(["local", str(project), "--init"]) == 0
    assert capsys.readouterr().out.startswith("requests.yaml: ")
    code, printed, _ = check(project, capsys, "--json")
    document = json.loads(printed)
    assert code == 0, printed
    expected = {
        (row["name"], row["expected"]["status"], row["expected"].get("decision"))
        for row in document["requests"]
    }
    assert {
        ("ListNotes, readers-user", 200, "ALLOW"),
        ("ListNotes, stranger", 403, "DENY"),
        ("ListNotes, no token", 401, None),
        ("an expired token", 403, None),
        ("a token that a foreign key signed", 403, None),
    } <= expected

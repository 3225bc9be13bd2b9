"""The pre-commit hook and the GitHub Action, as their hosts run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
AUTHZ = Path(sys.executable).parent
OPEN = """
Resources:
  Report:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: report, AuthType: !Ref Kind}
Parameters:
  Kind: {Type: String, Default: NONE}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my stacks").mkdir()
    (tmp_path / "my stacks" / "template.yaml").write_text(OPEN)
    (tmp_path / "closed-template.yaml").write_text(OPEN.replace("NONE", "AWS_IAM"))
    return tmp_path


def run(command, folder, **environment):
    path = f"{AUTHZ}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_hook_is_for_templates():
    (hook,) = HOOKS
    pattern = re.compile(hook["files"])
    for name in ("template.yaml", "a/b/template.yml", "cdk.out/Stack.template.json"):
        assert pattern.search(name), name
    for name in ("template.yaml.j2", "README.md", "openapi.yaml", "templates/a.yaml"):
        assert not pattern.search(name), name


def test_the_hook_brings_what_the_extra_brings():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert HOOKS[0]["additional_dependencies"] == extras["audit"]


@pytest.mark.parametrize(
    ("files", "code"), [(["my stacks/template.yaml"], 1), (["closed-template.yaml"], 0)]
)
def test_the_hook_fails_where_something_is_open(folder, files, code):
    done = run([*HOOKS[0]["entry"].split(), *files], folder)
    assert (done.returncode, done.stderr) == (code, "")


def audit_step(folder, **inputs):
    """The last step of the action, with the inputs that a workflow gives."""
    (_, step) = ACTION["runs"]["steps"]
    assert "${{" not in step["run"]  # no input becomes a part of the script
    given = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()} | inputs
    environment = {
        name: given[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]
        for name, value in step["env"].items()
    }
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    bash = shutil.which("bash")
    command = [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    return run(command, folder, **environment, **files)


def test_the_action_fails_where_something_is_open(folder):
    done = audit_step(folder, files="*/template.yaml\n*-template.yaml\n")
    assert done.returncode == 1, done.stderr
    assert "open-function-url" in done.stdout
    assert (folder / "GITHUB_OUTPUT").read_text() == "sarif=authz-audit.sarif\n"
    assert "## my stacks/template" in (folder / "GITHUB_STEP_SUMMARY").read_text()
    sarif = json.loads((folder / "authz-audit.sarif").read_text())
    (result,) = sarif["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "my%20stacks/template.yaml"
    assert location["region"]["startLine"] == 3


@pytest.mark.parametrize(
    "inputs",
    [
        {"files": "closed-template.yaml"},
        {"files": "*/template.yaml", "fail-on": "never"},
        {"files": "*/template.yaml", "parameters": "Kind=AWS_IAM\n"},
        {"files": "*/template.yaml", "baseline": "known.json"},
    ],
)
def test_the_action_passes_where_nothing_new_is_open(folder, inputs):
    known = run(["authz", "audit", "--format", "json", "my stacks/template.yaml"], folder)
    (folder / "known.json").write_text(known.stdout)
    done = audit_step(folder, **inputs)
    assert done.returncode == 0, done.stderr


def test_the_action_fails_where_a_file_is_not_there(folder):
    done = audit_step(folder, files="nothing-here.yaml; rm -rf .")
    assert done.returncode == 2
    assert (folder / "closed-template.yaml").exists()


def test_the_action_installs_the_checkout_with_the_extra():
    (install, _) = ACTION["runs"]["steps"]
    assert install["run"].endswith('"${CHECKOUT}[audit]"')
    assert install["env"] == {"CHECKOUT": "${{ github.action_path }}"}

"""The workflows: every action by its commit, no permission that a job does not name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
FILES = [*sorted((CHECKOUT / ".github" / "workflows").glob("*.yml")), CHECKOUT / "action.yml"]
WORKFLOWS = [path for path in FILES if path.parent.name == "workflows"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_named_by_its_commit_and_its_version(path):
    used = re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8"))
    for text in used:
        assert text.startswith("./ ") or re.fullmatch(
            r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", text
        )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_names_its_permissions_and_keeps_no_credentials(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 30
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_one_action_has_one_commit_everywhere():
    seen = {}
    for path in FILES:
        for name, commit in re.findall(r"uses: ([\w/-]+)@(\S+)", path.read_text(encoding="utf-8")):
            assert seen.setdefault(name, commit) == commit


def test_only_what_is_attested_is_released():
    jobs = yaml.safe_load((CHECKOUT / ".github/workflows/release.yml").read_text())["jobs"]
    assert jobs["attest"]["needs"] == ["tests", "build"]
    assert jobs["github"]["needs"] == jobs["index"]["needs"] == ["attest"]
    may_write = {
        name: sorted(key for key, value in job["permissions"].items() if value == "write")
        for name, job in jobs.items()
    }
    assert may_write == {
        "tests": [],
        "build": [],
        "attest": ["attestations", "id-token"],
        "github": ["contents"],
        "index": ["id-token"],
    }
    (check, *_) = [
        step for step in jobs["build"]["steps"] if "check_release" in step.get("run", "")
    ]
    assert jobs["build"]["steps"].index(check) < 4

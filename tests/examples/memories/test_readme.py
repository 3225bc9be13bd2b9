"""What the README counts and lists is what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")


def lines(path):
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line.strip()[0] != "#")


def test_the_line_counts_are_those_of_the_files():
    counted = {name: int(count) for name, count in re.findall(r"^\| `([^`]+)` \| (\d+) \|", README, re.MULTILINE)}
    assert {f"service/{path.name}" for path in (EXAMPLE / "service").glob("*.py")} <= set(counted)
    assert counted == {name: lines(EXAMPLE / name) for name in counted}


def test_the_table_is_that_of_the_requests():
    rows = yaml.safe_load((EXAMPLE / "requests.yaml").read_text(encoding="utf-8"))["requests"]
    table = README.partition("## `--check`")[2]
    listed = re.findall(r"^\| (.+?) \| `[^`]+` \| [\w?]+ \| (\d+) \| ", table, re.MULTILINE)
    assert listed == [(row["name"], str(row["expect"]["status"])) for row in rows]


@pytest.mark.stack
def test_in_a_folder_of_ones_own_it_runs_by_the_command_that_is_said(tmp_path):
    command = re.search(r"`pip install PATH/TO/CHECKOUT -r requirements.txt`, then `authz (.+?)`", README)[1]
    copy = tmp_path / "copied"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "authz_lib.cli", *command.split()],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(" passed, 0 failed\n")

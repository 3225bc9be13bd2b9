"""What the README counts and lists is what is there."""

from __future__ import annotations

import re
from pathlib import Path

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

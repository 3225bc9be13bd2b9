"""A test that a page names as `path::name` exists; these pages name one for each promise."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+(?:::\w+)?)`")
LEAST = {"threat-model.md": 25, "fork-freeze-snapshot.md": 35}


@cache
def names_in(path):
    """`test` and `Class::test`, as pytest names them."""
    if not path.is_file():
        return frozenset()
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found |= {f"{node.name}::{each.name}" for each in inner}
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_test_exists(page):
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)] == []
    assert len(named) >= LEAST.get(page.name, 0)


def test_every_row_of_a_defence_names_its_test():
    text = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
    for title in ("Trust boundaries", "What each invariant defends"):
        rows = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
        rows = [line for line in rows.splitlines() if line.startswith("|")][2:]
        assert rows
        assert [row for row in rows if not NAMED.search(row)] == []


def test_a_test_that_is_not_there_is_seen():
    row = "| a | `tests/unit/test_x.py::test_y`, `tests/unit/test_x.py::TestA::test_z` |"
    assert [name for _, name in NAMED.findall(row)] == ["test_y", "TestA::test_z"]
    assert names_in(ROOT / "tests/unit/test_x.py") == frozenset()
    assert "test_a_test_that_is_not_there_is_seen" in names_in(Path(__file__))

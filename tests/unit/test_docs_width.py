"""Prose has 100 columns; code of a page and of a docstring fits the code box, which holds 88."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_COLUMNS = 84
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TEXTS = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *PAGES]
MOST_PROSE_COLUMNS = 100
FENCE = re.compile(r"(?P<indent> *)```(?P<language>\S*)")


def name(path):
    return path.relative_to(ROOT).as_posix()


def code_of_page(text):
    """Number and text of each line of code; a block in a list without the list's indentation."""
    opened = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is not None and fence is None and opened["language"] != "mermaid":
            yield number, line.removeprefix(opened["indent"])
        if fence is not None:
            opened = fence if opened is None else None


def examples_of_docstrings(text):
    """Number and text of each line of an example that a reader types."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r" *(>>>|\.\.\.)( |$)", line):
            yield number, line


def too_wide(lines):
    return [(number, len(line)) for number, line in lines if len(line) > MOST_COLUMNS]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_code_of_a_page_fits_its_box(path):
    assert too_wide(code_of_page(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_an_example_of_a_docstring_fits_its_box(path):
    assert too_wide(examples_of_docstrings(path.read_text(encoding="utf-8"))) == []


def prose(text):
    """Number and text of each line that is neither code, nor a table, nor one link alone."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code and not line.startswith("|") and " " in line.strip():
            yield number, line


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_prose_has_at_most_100_columns(path):
    lines = prose(path.read_text(encoding="utf-8"))
    assert [number for number, line in lines if len(line) > MOST_PROSE_COLUMNS] == []


def test_wide_prose_is_seen():
    wide = "x " * 51
    page = f"{wide}\n```\n{wide}\n```\n| {wide} |\n{'x' * 101}\n- {wide}\n"
    assert [number for number, _ in prose(page)] == [1, 7]


def test_a_wide_line_is_seen():
    wide = "x" * 85
    blocks = f"```python\n{wide}\n```\n{wide}\n   ```text\n   {wide}\n   ```\n"
    page = f"{wide}\n{blocks}```mermaid\n{wide}\n```\n"
    assert too_wide(code_of_page(page)) == [(3, 85), (7, 85)]
    assert too_wide(code_of_page(page.replace(wide, wide[1:]))) == []
    docstring = f">>> {wide}\n... {wide}\n{wide}\n"
    assert too_wide(examples_of_docstrings(docstring)) == [(1, 89), (2, 89)]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_each_block_of_code_is_closed(path):
    fences = [line for line in path.read_text(encoding="utf-8").splitlines() if FENCE.match(line)]
    assert len(fences) % 2 == 0
    assert all(FENCE.match(closing)["language"] == "" for _, closing in list(pairwise(fences))[::2])

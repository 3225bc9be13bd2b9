"""authz-lib is on no package index, so nothing may tell people to install it from one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTE = (
    "# authz-lib is on no package index: put the path of a checkout, "
    "or of its wheel (`uv build`), in its place.\n"
)
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").glob("*/README.md"),
]
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
REQUIREMENTS = [*(ROOT / "examples").rglob("requirements.txt")]


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=name)
def test_no_page_and_no_message_installs_it_by_name(path):
    assert not re.search(
        r"(install|add)[^\n]{0,40}[ `'\"]authz-lib\b(?! with)", path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("path", REQUIREMENTS, ids=name)
def test_requirements_that_name_it_say_so(path):
    text = path.read_text(encoding="utf-8")
    named = re.search(r"^authz-lib\b", text, re.MULTILINE)
    assert (NOTE in text) == bool(named)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_that_installs_requirements_brings_the_library_along(path):
    for command in re.findall(r"pip install [^`\n]*", path.read_text(encoding="utf-8")):
        if "-r requirements.txt" in command:
            assert "PATH/TO/CHECKOUT" in command

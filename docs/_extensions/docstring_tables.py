"""Sphinx extension: a Markdown table in a docstring is a table on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

__all__ = ["with_tables"]

_CELL = re.compile(r"(?<!\\)\|")


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each docstring before anything else does."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"parallel_read_safe": True}


def _process(
    _app: Sphinx,
    _what: str,
    _name: str,
    _value: Any,
    _options: Any,
    lines: list[str],
) -> None:
    lines[:] = with_tables(lines)


def with_tables(lines: list[str]) -> list[str]:
    """The lines, with each table in the form of reStructuredText."""
    return [*_rewritten(lines)]


def _rewritten(lines: list[str]) -> Iterator[str]:
    table: list[str] = []
    for line in [*lines, ""]:
        if line.lstrip().startswith("|"):
            table.append(line)
            continue
        yield from _list_table(table)
        table = []
        yield line


def _list_table(table: list[str]) -> Iterator[str]:
    if not table:
        return
    indent = " " * (len(table[0]) - len(table[0].lstrip()))
    rows = [_CELL.split(line.strip().strip("|")) for line in table]
    yield from (indent + line for line in ("", ".. list-table::", "   :header-rows: 1", ""))
    for row in (rows[0], *rows[2:]):
        for number, cell in enumerate(row):
            yield f"{indent}   {' ' if number else '*'} - {cell.strip()}".rstrip()
    yield ""

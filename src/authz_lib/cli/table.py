"""The tables that commands print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from authz_lib._support.terminal_text import in_columns
from authz_lib.cli.terminal import painted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["print_table"]

_STYLES: Final[Mapping[str, str]] = {
    "ok": "green",
    "DIFFERENT": "red",
    "opens": "red",
    "both": "red",
    "closes": "green",
    "undecided": "yellow",
}


def print_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, outcome: int | None = None
) -> None:
    """Print rows of text below their headings, each column as wide as its longest cell.

    A cell must not hold a line break.

    Args:
        headings: one for each column.
        rows: the cells.
        outcome: the column whose words are coloured on a terminal; None for none.

    >>> rows = [["own order", "ALLOW"], ["another's", "DENY"]]
    >>> print_table(["request", "expected"], rows)
    request    expected
    ---------  --------
    own order  ALLOW
    another's  DENY
    """
    lines = [headings, *rows]
    filled_lines = in_columns(lines)
    rule = "  ".join("-" * len(heading) for heading in filled_lines[0])
    for number, (line, cells) in enumerate(zip(lines, filled_lines, strict=True)):
        cells[-1] = cells[-1].rstrip()
        if number and outcome is not None:
            word = line[outcome]
            filled = cells[outcome].replace(word, painted(word, _STYLES.get(word), sys.stdout))
            cells[outcome] = filled
        print("  ".join(cells).rstrip())
        if number == 0:
            print(rule)

"""The tables that commands print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["print_table"]


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text below their headings, each column as wide as its longest cell.

    A cell must not hold a line break.

    >>> rows = [["own order", "ALLOW"], ["another's", "DENY"]]
    >>> print_table(["request", "expected"], rows)
    request    expected
    ---------  --------
    own order  ALLOW
    another's  DENY
    """
    lines = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))

"""Text for a terminal: columns and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["STYLES", "in_columns", "in_style"]

_RESET: Final = "\x1b[0m"
STYLES: Final[Mapping[str, str]] = {
    "bold red": "\x1b[1;31m",
    "cyan": "\x1b[36m",
    "dim": "\x1b[2m",
    "green": "\x1b[32m",
    "red": "\x1b[31m",
    "yellow": "\x1b[33m",
}
"""By name, what switches them on."""


def in_style(text: str, style: str) -> str:
    """The text in a style of `STYLES`.

    >>> in_style("ok", "green")
    '\\x1b[32mok\\x1b[0m'
    """
    return f"{STYLES[style]}{text}{_RESET}"


def in_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows, each cell filled with spaces to the width of its column.

    Raises:
        ValueError: a row has more cells than another.

    >>> in_columns([["own order", "ALLOW"], ["another's", "DENY"]])
    [['own order', 'ALLOW'], ["another's", 'DENY ']]
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]

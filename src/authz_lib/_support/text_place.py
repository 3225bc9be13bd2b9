"""Where something stands in a file, as editors and compilers write it: ``FILE:LINE:COLUMN``."""

from __future__ import annotations

__all__ = ["line_and_column", "place_in_file"]


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a character, both counted from 1.

    >>> line_and_column("a\\nbc", 3)
    (2, 2)
    """
    before = text.rfind("\n", 0, offset)
    return text.count("\n", 0, offset) + 1, offset - before


def place_in_file(name: object, text: str, offset: int) -> str:
    """``FILE:LINE:COLUMN`` of a character.

    >>> place_in_file("orders.cedar", "a\\nbc", 3)
    'orders.cedar:2:2'
    """
    line, column = line_and_column(text, offset)
    return f"{name}:{line}:{column}"

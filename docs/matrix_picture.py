"""Draws the matrix of `authz policies matrix` as an SVG picture."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authz_lib.analysis.matrix import PolicyMatrix

_COLOURS = {
    "yes": "#cdebd0",
    "if": "#fdf0c8",
    "no": "#f7d4d4",
    "undecided": "#dddddd",
}
_ROW, _SIGN = 30, 7.4  # pixels: the height of a row, the width of a letter


def draw(matrix: PolicyMatrix) -> str:
    """The picture: green is yes, yellow is if, red is no."""
    headings = ["action", "on", *matrix.columns]
    lines = [
        [row.action.rpartition(":")[2], row.resource, *map(str, row.cells)]
        for row in matrix.rows
    ]
    widths = [
        int(max(len(line[column]) for line in [headings, *lines]) * _SIGN) + 24
        for column in range(len(headings))
    ]
    size = f'width="{sum(widths)}" height="{_ROW * (len(lines) + 1)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    ]
    for number, line in enumerate([headings, *lines]):
        answers = [
            None,
            None,
            *(cell.answer for cell in matrix.rows[number - 1].cells),
        ]
        for column, text in enumerate(line):
            colour = (
                _COLOURS.get(answers[column] or "", "#ffffff")
                if number
                else "#eeeeee"
            )
            x, y = sum(widths[:column]), number * _ROW
            parts.append(
                f'<rect x="{x}" y="{y}" width="{widths[column]}" height="{_ROW}" '
                f'fill="{colour}" stroke="#999999"/>'
                f'<text x="{x + 10}" y="{y + 20}" font-size="13">'
                f"{escape(text)}</text>"
            )
    return "\n".join([*parts, "</svg>", ""])

"""Sphinx extension: the directive `flow` draws the steps of something as an SVG picture.

A step is a line; what is indented below it belongs to it:

    Verify the token
      signature, issuer, client, dates
      ! 401 a doubt about the token
      = Allow, when nothing is left to ask

A plain line is a detail of the step, `!` a refusal and `=` an answer that ends the way there. The
picture is a part of the page: it needs no network, and takes the colours of light and dark pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sphinx.application import Sphinx

__all__ = ["FlowStep", "draw_flow", "read_flow"]

# Pixels of the picture; it shrinks with a narrow page.
_WIDTH, _BOX, _EXIT_X = 520, 270, 304
_LINE, _PADDING, _GAP = 18, 10, 24
_BOX_LETTERS, _EXIT_LETTERS = 38, 30


@dataclass
class FlowStep:
    """A box, and the ways that leave it to the right."""

    title: str
    details: list[str] = field(default_factory=list)
    exits: list[tuple[str, str]] = field(default_factory=list)  # `refusal` or `answer`, and text


_EXITS: Final = {"!": "refusal", "=": "answer"}


def read_flow(lines: Sequence[str]) -> list[FlowStep]:
    """The steps of the directive's lines."""
    steps: list[FlowStep] = []
    for line in lines:
        text = line.strip()
        if not text:
            continue
        if not line.startswith(" "):
            steps.append(FlowStep(text))
        elif not steps:
            raise ValueError(f"`{text}` belongs to no step")
        elif text[0] in _EXITS:
            steps[-1].exits.append((_EXITS[text[0]], text[1:].strip()))
        else:
            steps[-1].details.append(text)
    return steps


def draw_flow(title: str, steps: Sequence[FlowStep]) -> str:
    """The picture, one box below the other."""
    y, parts = 0, []
    for number, step in enumerate(steps):
        if number:
            middle = _BOX // 2
            parts.append(_arrow(middle, y - _GAP, middle, y - 2))
        height = _height(step)
        parts += _drawn(step, y, height)
        y += height + _GAP
    label = escape(title)
    return (
        f'<svg class="authz-flow" role="img" aria-label="{label}" width="{_WIDTH}" '
        f'viewBox="-1 -1 {_WIDTH + 2} {y - _GAP + 2}" xmlns="http://www.w3.org/2000/svg">'
        f'<title>{label}</title><defs><marker id="authz-tip" viewBox="0 0 8 8" refX="7" '
        'refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


def _box_lines(step: FlowStep) -> list[str]:
    return [line for detail in step.details for line in wrap(detail, _BOX_LETTERS)]


def _exit_lines(step: FlowStep) -> Iterator[tuple[str, list[str]]]:
    for kind, text in step.exits:
        yield kind, wrap(text, _EXIT_LETTERS)


def _height(step: FlowStep) -> int:
    inside = 1 + len(_box_lines(step))
    beside = sum(len(lines) for _, lines in _exit_lines(step)) + len(step.exits) // 2
    return max(inside, beside) * _LINE + 2 * _PADDING


def _drawn(step: FlowStep, y: int, height: int) -> Iterator[str]:
    yield f'<rect x="0" y="{y}" width="{_BOX}" height="{height}" rx="6"/>'
    texts = [("step", step.title), *(("detail", line) for line in _box_lines(step))]
    top = y + (height - len(texts) * _LINE) // 2
    for number, (kind, text) in enumerate(texts):
        yield _text(kind, _PADDING + 2, top + number * _LINE, text)
    exits = [*_exit_lines(step)]
    rows = sum(len(lines) for _, lines in exits) + len(exits) // 2
    row = y + (height - rows * _LINE) // 2
    for kind, lines in exits:
        yield _arrow(_BOX, row + _LINE // 2, _EXIT_X - 6, row + _LINE // 2)
        for line in lines:
            yield _text(kind, _EXIT_X, row, line)
            row += _LINE
        row += _LINE // 2


def _text(kind: str, x: int, top: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{top + 13}">{escape(text)}</text>'


def _arrow(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#authz-tip)"/>'


class FlowDirective(SphinxDirective):
    """The picture in HTML; elsewhere its lines as they were written."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The picture as a figure of the page."""
        title = self.arguments[0]
        try:
            picture = draw_flow(title, read_flow([*self.content]))
        except ValueError as error:
            raise self.error(str(error)) from None
        html = f'<figure class="authz-flow">{picture}</figure>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """The directive."""
    app.add_directive("flow", FlowDirective)
    return {"parallel_read_safe": True}

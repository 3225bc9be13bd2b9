"""Long chains of ``||`` and ``&&``, written so that Cedar's JSON reader takes them.

In Cedar's JSON form, ``a || b || c || d`` is ``((a || b) || c) || d``.  Each operator opens two
more levels, and the reader stops at 128 levels: a chain of 60 would be too long.  `balance_chains`
writes ``(a || b) || (c || d)`` instead.

The answer is the same.  Both ways evaluate the operands from left to right, stop at the same one,
and demand a Boolean of the same ones.  Chains of ``+`` and ``*`` stay as they are: another order
could overflow elsewhere.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["balance_chains"]

# A chain with fewer operators needs no help.  A balanced one of 400 is 9 deep: not found again.
_LONG = 20
_OPENINGS = ('{"||":{"left":', '{"&&":{"left":')
_CHAIN = re.compile("|".join(f"(?:{re.escape(opening)}){{{_LONG},}}" for opening in _OPENINGS))
_RIGHT, _CLOSING = ',"right":', "}}"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}]')


def balance_chains(document: str) -> str:
    """Policies in Cedar's JSON form with their long chains balanced.

    What is not written as cedarpy writes it stays as it is.

    >>> balance_chains('{"staticPolicies":{}}')
    '{"staticPolicies":{}}'
    """
    if not any(opening * _LONG in document for opening in _OPENINGS):
        return document  # found many times faster than by the expression
    # From the last one on, so that a chain inside of another one comes first.
    written: list[_Written] = []
    for chain in reversed([*_CHAIN.finditer(document)]):
        operands, end = _operands(document, chain)
        if operands:
            texts = [_taken(document, *operand, written) for operand in operands]
            sign = document[chain.start() + 2 : chain.start() + 4]
            written.append(_Written(chain.start(), end, _balanced(sign, texts)))
    return _taken(document, 0, len(document), written)


class _Written(NamedTuple):
    """A chain of the document, and what stands in its place."""

    start: int
    end: int
    text: str


def _taken(document: str, start: int, end: int, written: list[_Written]) -> str:
    """A part of the document with its chains as they are written now.  They are taken off."""
    parts = []
    while written and written[-1].start < end:  # the last of them stands first
        chain = written.pop()
        parts += [document[start : chain.start], chain.text]
        start = chain.end
    return "".join([*parts, document[start:end]])


def _operands(document: str, chain: re.Match[str]) -> tuple[list[tuple[int, int]], int]:
    """Where its operands are and where it ends; none where it is written in another way."""
    at = _value_end(document, chain.end())
    operands = [(chain.end(), at)]
    for _ in range((chain.end() - chain.start()) // len(_OPENINGS[0])):
        start = at + len(_RIGHT)
        if document[at:start] != _RIGHT or document[start : start + 1] != "{":
            return [], 0
        at = _value_end(document, start)
        operands.append((start, at))
        if document[at : at + len(_CLOSING)] != _CLOSING:
            return [], 0
        at += len(_CLOSING)
    return operands, at


def _value_end(document: str, start: int) -> int:
    """Where the object ends that starts here."""
    depth = 0
    for token in _TOKEN.finditer(document, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(document)


def _balanced(sign: str, operands: list[str]) -> str:
    if len(operands) == 1:
        return operands[0]
    middle = len(operands) // 2
    left, right = _balanced(sign, operands[:middle]), _balanced(sign, operands[middle:])
    return f'{{"{sign}":{{"left":{left},"right":{right}}}}}'

"""Where in a text of policies or of a schema a fault stands.  Cedar's parser here does not tell.

| what Cedar says | the place |
|---|---|
| a token is not expected | that token: the first with which the text is no start of a right one |
| the text ends too early | its last token |
| `=` is no operator | the first `=` that stands alone |
| something else about a word of the text | that word, where it is there once |
| nothing of these | where the statement begins |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["place_of_fault"]

_HIDDEN = r'"(?:[^"\\]|\\.)*+"?|//[^\n\r]*'
_TOKEN = re.compile(rf"{_HIDDEN}|\w++|::|[=!<>]=|&&|\|\||\S", re.DOTALL)
_ENDS_EARLY = "unexpected end of input"
_LONE_SIGN = "'='"


def place_of_fault(
    text: str, start: int, end: int, problem: str, parse: Callable[[str], object]
) -> int:
    """Where the fault stands that a parser has found in ``text[start:end]``.

    Args:
        text: all of the text.
        start: where the statement begins.
        end: where it ends.
        problem: what the parser says.
        parse: the parser; it raises a ``ValueError``.  It is called about ten times, each time with
            a start of the statement.

    >>> text = "permit(principal, action, resourc);"
    >>> problem = "found an invalid variable in the policy scope: resourc"
    >>> place_of_fault(text, 0, len(text), problem, parse=len)
    26
    """
    tokens = [token for token in _TOKEN.finditer(text, start, end) if token[0][:2] != "//"]
    if not tokens:
        return start
    if problem.startswith(_ENDS_EARLY):
        return tokens[-1].start()
    if problem.startswith(("unexpected token", "invalid token")):
        wrong = _first_wrong([token.end() for token in tokens], text, start, parse)
        if wrong is None:
            return start
        named = _named(problem)[:1]  # the parser may notice it a token later
        near = [token for token in tokens[: wrong + 1] if token[0] in named]
        return (near or tokens[wrong : wrong + 1])[-1].start()
    return _place_of_word(tokens, text, start, end, problem)


def _first_wrong(
    ends: list[int], text: str, start: int, parse: Callable[[str], object]
) -> int | None:
    """The first token that no right text has behind those before it."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if _is_a_start(text[start : ends[middle]], parse):
            low = middle + 1
        else:
            high = middle
    return low if low < len(ends) else None


def _is_a_start(text: str, parse: Callable[[str], object]) -> bool:
    try:
        parse(text)
    except ValueError as error:
        return str(error).partition("\n")[0].endswith(_ENDS_EARLY)
    return True


def _place_of_word(
    tokens: list[re.Match[str]], text: str, start: int, end: int, problem: str
) -> int:
    if problem.startswith(_LONE_SIGN):
        return next((token.start() for token in tokens if token[0] == "="), start)
    for word in _named(problem):
        places = [token.start() for token in tokens if text.startswith(word, token.start())]
        whole = [place for place in places if not _goes_on(text, place + len(word), end)]
        if len(whole) == 1:
            return whole[0]
    return start


def _named(problem: str) -> list[str]:
    """The words of a message that are words of the text."""
    in_backticks = re.findall(r"`([^`]{1,256})`", problem)
    return in_backticks or [problem.rpartition(": ")[2]]


def _goes_on(text: str, at: int, end: int) -> bool:
    """Whether a name goes on behind the word: `own` of `owner`."""
    return at < end and text[at - 1 : at + 1].isidentifier()

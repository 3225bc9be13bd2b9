"""Cedar's parsers, and what must be known of a text before it is given to them.

The parsers call themselves for what is nested.  A text that is nested deeply enough ends the
process (SIGSEGV), where no ``except`` helps.  So each text is measured first, and then parsed on a
stack of its own: what the thread has that asks for it does not matter.

Measured with cedarpy 4.12, on threads with a stack of 512 KiB and of 1 MiB:

======================  =====================  ==========================
what                    stack that it takes    bound here
======================  =====================  ==========================
an open bracket         12.5 kB                `MAX_NESTING`, 64
an ``if``               2 kB                   as much as 64 brackets take
an operator of a chain  0.5 kB (984 on         `MAX_CHAIN`, 400: less than
                        512 KiB, 1997 on       half of what 512 KiB hold
                        1 MiB)
======================  =====================  ==========================

All that is open at one place may take 812 kB together.  Chains of membership in a schema or in
entities are not measured here.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from itertools import accumulate, compress
from typing import Any, NamedTuple

from authz_lib._support.extras import load_extra
from authz_lib._support.own_stack import run_on_own_stack
from authz_lib._support.text_place import place_in_file
from authz_lib.decisions.cedar_places import place_of_fault
from authz_lib.decisions.operator_chains import balance_chains
from authz_lib.errors import ConfigurationError

__all__ = [
    "MAX_CHAIN",
    "MAX_NESTING",
    "MAX_POLICY_CHARACTERS",
    "MAX_SCHEMA_CHARACTERS",
    "TOO_DEEP",
    "Piece",
    "check_nesting",
    "check_policies",
    "cut_policies",
    "load_cedarpy",
    "parse_schema",
    "policies_to_json",
]

MAX_POLICY_CHARACTERS = 16_000_000
"""Of one text with policies."""

MAX_SCHEMA_CHARACTERS = 1_000_000

MAX_NESTING = 64
"""How many brackets may be open at one place."""

MAX_CHAIN = 400
"""How many operators may follow one another without a bracket: ``a || b || c`` has two."""

TOO_DEEP = "is nested too deeply, or has too long a chain of operators"
"""What is wrong with a policy that Cedar's text reader takes and its JSON reader does not."""

# A text without an end takes all that follows: Cedar reads nothing after it, and to try again at
# each `\"` is quadratic.
_HIDDEN = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|//[^\n\r]*'
_TEXT_OR_COMMENT = re.compile(_HIDDEN, re.DOTALL)
# What is hidden, a bracket, what ends a chain, what lengthens one.
_TOKEN = re.compile(rf"{_HIDDEN}|[(\[{{<]|[)\]}}>]|[,;]|\|\||&&|[+*.-]|\bif\b", re.DOTALL)
# In a text: a bare carriage return, or an escape that Cedar does not know (and pairs that it does).
# The time that Cedar takes to say so grows with the square of their number.
_BAD_ESCAPE = re.compile(
    r"""\r|\\(?!["'\\nrt0*\n]|x[0-7][0-9A-Fa-f]|u\{[0-9A-Fa-f_]+\})|\\.""", re.DOTALL
)
_MAX_BAD_ESCAPES = 50
_STEP = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1, ";": 0}
_STEPS = re.compile(r"[()\[\]{};]")
_NOT_SPACE = re.compile(r"\S")
_BRACKET, _IF = 25, 4  # in half kilobytes of stack; an operator takes one
_MOST = (MAX_NESTING + 1) * _BRACKET - 1  # what is left is for the operators between them


def load_cedarpy() -> Any:
    """The module ``cedarpy``, loaded when it is first needed.

    Raises:
        ConfigurationError: it is not installed.
    """
    load = partial(load_extra, "cedarpy", extra="cedar", what="Cedar on this machine")
    # Loading it takes more than the smallest stack of Python 3.13.
    return load() if "cedarpy" in sys.modules else run_on_own_stack(load)


class Piece(NamedTuple):
    """Where one policy stands in a text, and on which line it starts."""

    line: int
    start: int
    end: int


def cut_policies(text: str) -> list[Piece]:
    """The places of the policies of a text; a comment before a policy is not part of it.

    >>> cut_policies("// a; b\\npermit(principal, action, resource);")
    [Piece(line=2, start=8, end=44)]
    """
    return _cut(text, _mask(text))


def _mask(text: str) -> str:
    """The text with as many characters, without what stands in its texts and comments."""
    return _TEXT_OR_COMMENT.sub(_filler, text)


def _filler(hidden: re.Match[str]) -> str:
    start, end = hidden.span()
    return ('"' if hidden[0][0] == '"' else " ") * (end - start)


def _cut(text: str, masked: str) -> list[Piece]:
    found: list[Piece] = []
    line, counted = 1, 0
    first = _NOT_SPACE.search(masked)
    while first is not None:
        start = first.start()
        line += text.count("\n", counted, start)
        counted = start
        end = masked.find(";", start) + 1 or len(text)
        found.append(Piece(line, start, end))
        first = _NOT_SPACE.search(masked, end)
    return found


def check_policies(text: str, name: str) -> list[Piece]:
    """`cut_policies`, and `check_nesting` of each.

    Most policies are short, and in a short one there is no place for much.  So only long ones are
    read token by token, or all where the brackets of the text do not fit together.

    Raises:
        ConfigurationError: as for `check_nesting`, or the text is too long.
    """
    _check_size(text, name, MAX_POLICY_CHARACTERS)
    _check_escapes(text, name)
    masked = _mask(text)
    pieces = _cut(text, masked)
    signs = _STEPS.findall(masked)
    open_brackets = list(accumulate(map(_STEP.__getitem__, signs)))
    ends = compress(open_brackets, map(";".__eq__, signs))
    if min(open_brackets, default=0) < 0 or any(ends):
        check_nesting(text, name, "policy")
        return pieces
    # No operator is shorter than one character, and an `if` has two and takes four.
    longest = min(MAX_CHAIN, (_MOST - _BRACKET * max(open_brackets, default=0)) // 2)
    for piece in pieces:
        if piece.end - piece.start > longest:
            _check_nesting(text, name, "policy", "()[]{}", piece.start, piece.end)
    return pieces


def _check_size(text: str, name: str, most: int) -> None:
    if len(text) > most:
        raise ConfigurationError(f"{name}: the text has more than {most} characters")


def _check_escapes(text: str, name: str) -> None:
    if "\\" not in text and "\r" not in text:
        return
    bad = 0
    for hidden in _TEXT_OR_COMMENT.finditer(text):
        if hidden[0][0] == '"':
            bad += sum(len(found[0]) == 1 for found in _BAD_ESCAPE.finditer(hidden[0]))
        if bad > _MAX_BAD_ESCAPES:
            line = text.count("\n", 0, hidden.start()) + 1
            raise ConfigurationError(
                f"{name}:{line}: the text has many escapes in its strings that Cedar does not know"
            )


def policies_to_json(text: str) -> str:
    """Policies in Cedar's JSON form, as short text.

    `check_nesting` comes first, and `run_on_own_stack` around it and around what reads the result.
    Long chains of ``||`` and ``&&`` are balanced, so that Cedar reads the form again.

    Raises:
        ValueError: the text does not parse.
    """
    document: str = load_cedarpy().policies_to_json_str(text)
    if not document.startswith('{"'):  # indented by another version of cedarpy
        document = json.dumps(json.loads(document), separators=(",", ":"))
    return balance_chains(document)


def check_nesting(text: str, name: str, what: str, brackets: str = "()[]{}") -> None:
    """Refuse a text that Cedar's parser might not survive.  Texts and comments count for nothing.

    Raises:
        ConfigurationError: it is nested too deeply, or has too long a chain of operators.  The
            message has the line.

    >>> check_nesting("entity User;", "shop.cedarschema", "schema")
    """
    _check_nesting(text, name, what, brackets, 0, len(text))


def _check_nesting(  # noqa: PLR0917  all of them are needed
    text: str, name: str, what: str, brackets: str, start: int, end: int
) -> None:
    place = _Place()
    readers = {
        **dict.fromkeys(brackets[::2], place.open),
        **dict.fromkeys(brackets[1::2], place.close),
        **dict.fromkeys(",;", place.end_chain),
        **dict.fromkeys(("||", "&&", "+", "-", "*"), place.operator),
        ".": place.member,
        "if": place.condition,
    }
    for token in _TOKEN.finditer(text, start, end):
        reader = readers.get(token[0])
        if reader is None:  # hidden, or a comparison
            continue
        reader()
        if place.weight > _MOST or place.chain > MAX_CHAIN:
            line = text.count("\n", 0, token.start()) + 1
            raise ConfigurationError(f"{name}:{line}: the {what} {_fault(place.chain)}")


class _Place:
    """What is open at one place of a text, in half kilobytes of stack."""

    def __init__(self) -> None:
        self.weight = 0
        self._outer: list[tuple[int, int, int, int]] = []
        # Of the chain at this place: its operators, its `if`s, the members of this operand
        # (`a.b.c`), and the most that an operand has.
        self._operators = self._ifs = self._members = self._most = 0

    @property
    def chain(self) -> int:
        """How many operators follow one another without a bracket."""
        return self._operators + self._most

    def open(self) -> None:
        self._outer.append((self._operators, self._ifs, self._members, self._most))
        self._operators = self._ifs = self._members = self._most = 0
        self.weight += _BRACKET

    def close(self) -> None:
        if self._outer:
            self.end_chain()
            self.weight -= _BRACKET
            self._operators, self._ifs, self._members, self._most = self._outer.pop()
            self.member()  # what was in brackets is one, too: `a["b"]["c"]`

    def end_chain(self) -> None:
        self.weight -= self.chain + self._ifs * _IF
        self._operators = self._ifs = self._members = self._most = 0

    def operator(self) -> None:
        self._operators += 1
        self._members = 0
        self.weight += 1

    def member(self) -> None:
        self._members += 1
        if self._members > self._most:
            self._most = self._members
            self.weight += 1

    def condition(self) -> None:
        self._ifs += 1
        self.weight += _IF


def _fault(chain: int) -> str:
    if chain > MAX_CHAIN:
        return f"has a chain of more than {MAX_CHAIN} operators"
    return f"is nested too deeply, more than {MAX_NESTING} levels"


def parse_schema(text: str, name: str | None = None) -> Any:
    """A schema in either of Cedar's two forms.

    Args:
        text: the schema.
        name: the file that it is of, for errors.

    Raises:
        ConfigurationError: it does not parse, is nested too deeply, or is too long.
    """
    schema = load_cedarpy().Schema
    _check_size(text, name or "<schema>", MAX_SCHEMA_CHARACTERS)
    try:
        if text.lstrip().startswith("{"):
            return run_on_own_stack(lambda: schema.from_json_str(text))  # it counts the levels
        _check_escapes(text, name or "<schema>")
        check_nesting(text, name or "<schema>", "schema", brackets="()[]{}<>")
        return run_on_own_stack(lambda: schema.from_str(text))
    except ConfigurationError:
        raise
    except ValueError as error:
        problem = str(error).splitlines()[0]
        where = "" if name is None else f"{_place_in_schema(text, name, problem)}: "
        raise ConfigurationError(f"{where}the schema does not parse: {problem}") from None


def _place_in_schema(text: str, name: str, problem: str) -> str:
    """The place of the fault; in the JSON form the parser's own words tell it."""
    if text.lstrip().startswith("{"):
        return name
    parse = load_cedarpy().Schema.from_str
    said = problem.removeprefix("error parsing schema: ")
    offset = run_on_own_stack(lambda: place_of_fault(text, 0, len(text), said, parse))
    return place_in_file(name, text, offset)

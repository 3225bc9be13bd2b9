"""Cedar's parsers, and what must be known of a text before it is given to them.

They call themselves for what is nested, so a text that is nested deeply enough ends the process
(SIGSEGV), where no ``except`` helps.  Measured with cedarpy 4.12: a bracket takes about 12.5 kB of
the thread's stack, an ``if`` 2 kB, another operator of a chain 0.5 kB.  What `check_nesting` lets
pass fits into 1 MB, the smallest stack that threads commonly have.  It does not know chains of
membership in a schema or in entities.
"""

from __future__ import annotations

import re
from typing import Any

from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError

__all__ = ["MAX_NESTING", "check_nesting", "load_cedarpy", "parse_schema"]

MAX_NESTING = 64
"""How many brackets may be open at one place."""

# A text, a comment, a bracket, what ends a chain, what lengthens one.  A text without an end takes
# all that follows: Cedar reads nothing after it, and to try again at each `\"` is quadratic.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|//[^\n\r]*|[(\[{<]|[)\]}>]|[,;]|\|\||&&|[+*.-]|\bif\b', re.DOTALL
)
_SEPARATE = frozenset(",;")
_BRACKET, _IF, _OPERATOR = 25, 4, 1  # in half kilobytes of stack
_MOST = MAX_NESTING * _BRACKET


def load_cedarpy() -> Any:
    """The module ``cedarpy``, loaded when it is first needed.

    Raises:
        ConfigurationError: it is not installed.
    """
    return load_extra("cedarpy", extra="cedar", what="Cedar on this machine")


def check_nesting(text: str, name: str, what: str, brackets: str = "()[]{}") -> None:
    """Refuse a text that Cedar's parser might not survive.  Texts and comments count for nothing.

    Raises:
        ConfigurationError: it is nested too deeply; the message has the line.

    >>> check_nesting("permit(principal, action, resource) when { " + "(" * 20 + "true" + ")" * 20 + " };", "f", "text")
    """
    outer: list[int] = []
    weight = chain = 0  # of all that is open, and of the chain at this place
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign[0] in '"/' or (sign in "<>" and sign not in brackets):
            continue
        if sign in _SEPARATE:
            weight, chain = weight - chain, 0
        elif sign in brackets[1::2]:
            if outer:  # what was in them lengthens the chain before them by one: `a["b"]["c"]`
                weight -= _BRACKET + chain - _OPERATOR
                chain = outer.pop() + _OPERATOR
        elif sign in brackets:
            outer.append(chain)
            weight, chain = weight + _BRACKET, 0
        else:
            cost = _IF if sign == "if" else _OPERATOR
            weight, chain = weight + cost, chain + cost
        if weight > _MOST:
            line = text.count("\n", 0, token.start()) + 1
            raise ConfigurationError(
                f"{name}:{line}: the {what} is nested too deeply, more than {MAX_NESTING} levels"
            )


def parse_schema(text: str, name: str | None = None) -> Any:
    """A schema in either of Cedar's two forms.

    Args:
        text: the schema.
        name: the file that it is of, for errors.

    Raises:
        ConfigurationError: it does not parse, or is nested too deeply.
    """
    cedarpy = load_cedarpy()
    try:
        if text.lstrip().startswith("{"):
            return cedarpy.Schema.from_json_str(text)  # which counts the levels itself
        check_nesting(text, name or "<schema>", "schema", brackets="()[]{}<>")
        return cedarpy.Schema.from_str(text)
    except ConfigurationError:
        raise
    except ValueError as error:
        where = "" if name is None else f"{name}: "
        raise ConfigurationError(
            f"{where}the schema does not parse: {str(error).splitlines()[0]}"
        ) from None

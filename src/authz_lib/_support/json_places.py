"""Where the members of a JSON text stand, and where a text stops being strict JSON.

The strict reader does not tell: it reads the tokens of strangers, and quotes nothing of them.  A
file on disk is its reader's own, and is read again here to say where it is wrong.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from authz_lib._support.strict_json import (
    MAX_NUMBER_LENGTH,
    StrictJSONError,
    loads_object,
    require_shallow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JSONFault", "JSONPath", "json_fault", "json_offsets"]

JSONPath: TypeAlias = "tuple[str | int, ...]"

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]++')
_NO_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})


class JSONFault(NamedTuple):
    """What is wrong with a text, and where; no ``offset`` where that is not known."""

    offset: int | None
    problem: str


def json_offsets(text: str, *, levels: int = 4) -> dict[JSONPath, int]:
    """Where each member and item of a valid text starts, down to some levels.

    A member starts with its name.

    >>> json_offsets('{"actions": [{"method": "GET"}]}')
    {('actions',): 1, ('actions', 0): 13, ('actions', 0, 'method'): 14}
    """
    found: dict[JSONPath, int] = {}
    for path, offset, _ in _walk(text):
        if len(path) <= levels:
            found.setdefault(path, offset)
    return found


def json_fault(data: bytes) -> JSONFault:
    """The first reason for which the strict reader refuses a text.

    >>> json_fault(b'{"a": 1, "a": 2}')
    JSONFault(offset=9, problem='duplicate member name')
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return JSONFault(len(data[: error.start].decode()), "it is not UTF-8")
    try:
        require_shallow(data)
        json.loads(text, parse_int=len, parse_float=len)
    except StrictJSONError as error:
        return JSONFault(None, str(error))
    except json.JSONDecodeError as error:
        problem = error.msg.partition(" (")[0]
        return JSONFault(error.pos, problem[:1].lower() + problem[1:])
    except RecursionError:
        return JSONFault(None, "it is nested too deeply")
    return _strict_fault(text) or JSONFault(None, _other_reason(data))


def _strict_fault(text: str) -> JSONFault | None:
    seen: set[JSONPath] = set()
    for path, offset, token in _walk(text):
        if path in seen:
            return JSONFault(offset, "duplicate member name")
        seen.add(path)
        if token in _NO_CONSTANTS:
            return JSONFault(offset, f"`{token}` is not JSON")
        if len(token) > MAX_NUMBER_LENGTH and not token.startswith('"'):
            return JSONFault(offset, "a number is too large")
    return None


def _other_reason(data: bytes) -> str:
    try:
        loads_object(data)
    except StrictJSONError as error:
        return str(error)
    return "not valid JSON"


def _walk(text: str) -> Iterator[tuple[JSONPath, int, str]]:
    """Path, place and first token of each member and item, in the order of the text."""
    path: list[str | int] = []
    name: tuple[str, int] | None = None  # of the member whose value comes next
    for token in _TOKEN.finditer(text):
        sign, start = token[0], token.start()
        if sign in {"]", "}"}:
            path.pop()
        elif sign == ",":
            if isinstance(path[-1], int):
                path[-1] += 1
        elif sign == ":":
            continue
        elif path and isinstance(path[-1], str) and name is None:
            name = json.loads(sign), start
        else:
            if name is not None:
                path[-1] = name[0]
            if path:
                yield tuple(path), start if name is None else name[1], sign
            name = None
            if sign in {"[", "{"}:
                path.append(0 if sign == "[" else "")

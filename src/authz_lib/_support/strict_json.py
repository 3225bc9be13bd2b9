"""JSON, read strictly.

Refused are a BOM, bytes that are not UTF-8, duplicate members, ``NaN`` and ``Infinity``, lone
surrogates, nesting of more than `MAX_JSON_DEPTH` levels, and numbers of more than
`MAX_NUMBER_LENGTH` characters.  The depth is known before anything is parsed, since the parser
calls itself: a deeper text would end the process, not raise.  All of it is linear.
"""

from __future__ import annotations

import json
import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "MAX_JSON_DEPTH",
    "MAX_NUMBER_LENGTH",
    "JSONObject",
    "StrictJSONError",
    "loads_document",
    "loads_frozen_object",
    "loads_object",
    "memory_of",
    "require_shallow",
]

MAX_JSON_DEPTH: Final = 64  # a stack of 32 KiB, the smallest there is, holds about 190
MAX_NUMBER_LENGTH: Final = 512
_TOO_LONG: Final = MAX_NUMBER_LENGTH + 1

JSONObject = dict[str, Any]
"""A JSON document whose root is an object."""


class StrictJSONError(ValueError):
    """The text is not strict JSON.  The message is fixed text and never quotes the input."""


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> JSONObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJSONError("duplicate member name")
    return members


def _refuse_duplicates_and_freeze(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJSONError("duplicate member name")
    for name, value in pairs:
        if type(value) is list:  # an object inside is frozen already
            members[name] = _frozen_list(value) if list in map(type, value) else tuple(value)
    return MappingProxyType(members)


def _frozen_list(values: list[Any]) -> tuple[Any, ...]:
    return tuple([_frozen_list(value) if type(value) is list else value for value in values])


def _refuse_constant(_: str) -> NoReturn:
    raise StrictJSONError("`NaN` and `Infinity` are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value) or len(text) > MAX_NUMBER_LENGTH:  # `1e999` is JSON, but infinity is not
        raise StrictJSONError("a number is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > MAX_NUMBER_LENGTH:  # the time to read one grows with the square of its length
        raise StrictJSONError("a number is too large")
    return int(text)


def require_shallow(data: bytes) -> None:
    """Refuse what nests deeper than `MAX_JSON_DEPTH`, without a parser and in linear time.

    Raises:
        StrictJSONError: it does.

    >>> require_shallow(b'{"brackets in a text do not count": "[[[["}')
    """
    if data.count(b"[") + data.count(b"{") <= MAX_JSON_DEPTH:
        return
    # A backslash outside of a text is where the parser stops.
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in data else data
    depth = 0
    for mark in b"".join(plain.split(b'"')[::2]).translate(_OPEN_OR_CLOSE, _NO_BRACKETS):
        depth += 1 if mark == _OPEN else -1
        if depth > MAX_JSON_DEPTH:
            raise StrictJSONError(f"nested deeper than {MAX_JSON_DEPTH} levels")


def memory_of(data: bytes) -> int:
    """At least the bytes of memory that a document takes once read, and what is derived from it.

    An estimate from its text, made in a moment: a value of two characters takes 30 times as much.

    >>> memory_of(b'{"sub":"alice","groups":["clerks"]}')
    760
    """
    is_narrow = data.isascii() and _BACKSLASH not in data  # a text has one width for all of it
    marks = data.translate(None, _UNMARKED)
    return len(data) * (2 if is_narrow else 5) + 110 * len(marks) + 140 * marks.count(b"{")


# All but what stands between members and between the scopes of a text.  An escape may be a wide
# character.
_UNMARKED: Final = bytes(set(range(256)) - set(b",:[{ "))
_BACKSLASH: Final = ord("\\")
_OPEN: Final = ord("[")
_OPEN_OR_CLOSE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def _require_whole_characters(text: str) -> None:
    """Refuse an escaped lone surrogate (RFC 7493, section 2.1): UTF-8 cannot encode it.

    ``text`` is valid JSON, so every backslash begins an escape.
    """
    if re.search(  # compiled by the first text with an escape
        r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
        r"|[c-fC-F](?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]))",
        text.replace("\\\\", "//"),
    ):
        raise StrictJSONError("half a character")


# Built once: `json.loads` with hooks builds a decoder per call.
_decoder = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_finite,
    parse_int=_whole,
)
_freezer = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates_and_freeze,
    parse_constant=_refuse_constant,
    parse_float=_finite,
    parse_int=_whole,
)
# For a text that has no place for a number that is too long.
_short_freezer = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates_and_freeze,
    parse_constant=_refuse_constant,
    parse_float=_finite,
)
# The scanner reads one value and tells where it ends.  The decoder also searches for white space,
# which the compact JSON of a token does not have.
_scan_frozen: Callable[[str, int], tuple[Any, int]] = _freezer.scan_once  # type: ignore[attr-defined]
_scan_short: Callable[[str, int], tuple[Any, int]] = _short_freezer.scan_once  # type: ignore[attr-defined]
# `ValueError`: bad UTF-8, a BOM or bad syntax.  `StopIteration`: the scanner found no value.
# `RecursionError`: the caller's own stack was nearly used up.
_REFUSALS = (ValueError, RecursionError, StopIteration)


def loads_document(data: bytes) -> Any:
    """Read one JSON document of any kind strictly.

    Raises:
        StrictJSONError: it is not strict JSON, nests too deep, or holds too large a number.

    >>> loads_document(b'["alice"]')
    ['alice']
    """
    require_shallow(data)
    try:
        text = data.decode()
        document = _decoder.decode(text)
        if "\\" in text:
            _require_whole_characters(text)
    except StrictJSONError:
        raise
    except _REFUSALS:
        raise StrictJSONError("not valid JSON") from None
    return document


def loads_object(data: bytes) -> JSONObject:
    """Read one JSON object strictly (RFC 8259; RFC 7515, section 4, for duplicate names).

    Raises:
        StrictJSONError: it is not strict JSON, nests too deep, holds too large a number, or is no
            object.

    >>> loads_object(b'{"sub": "alice"}')
    {'sub': 'alice'}
    """
    document = loads_document(data)
    if type(document) is not dict:
        raise StrictJSONError("not a JSON object")
    return document


def loads_frozen_object(data: bytes) -> Mapping[str, Any]:
    """Read one JSON object strictly.  What it holds is read-only: mapping proxies and tuples.

    Raises:
        StrictJSONError: as `loads_object`.

    >>> loads_frozen_object(b'{"groups": ["clerks"]}')["groups"]
    ('clerks',)
    """
    # With one object and lists so near each other there are no more than 64 brackets.
    if data.find(b"{", 1) >= 0 or data.rfind(b"[") - data.find(b"[") >= MAX_JSON_DEPTH - 1:
        require_shallow(data)
    try:
        text = data.decode()
        size = len(text)
        if text[:1] == "{":
            # Up to 1,025 characters: a number that is too long would leave no quote in the middle.
            is_short = size <= MAX_NUMBER_LENGTH or text.find('"', size - _TOO_LONG, _TOO_LONG) >= 0
            document, end = (_scan_short if is_short else _scan_frozen)(text, 0)
        else:
            document, end = None, -1
        if end != size:
            document = _freezer.decode(text)
        if "\\" in text:
            _require_whole_characters(text)
    except StrictJSONError:
        raise
    except _REFUSALS:
        raise StrictJSONError("not valid JSON") from None
    if type(document) is not MappingProxyType:
        raise StrictJSONError("not a JSON object")
    return document

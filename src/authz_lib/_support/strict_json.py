"""JSON as a verifier must read it: UTF-8 without BOM, no duplicate member, no NaN, no half
character, bounded depth.
"""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["JSONObject", "StrictJSONError", "loads_document", "loads_frozen_object", "loads_object"]

JSONObject = dict[str, Any]
"""A JSON document whose root is an object."""


class StrictJSONError(ValueError):
    """The text is not a strict JSON object.  The message is fixed text: it never quotes the
    input.
    """


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
        if type(value) is list:  # an object inside went through here already
            members[name] = _frozen_list(value) if list in map(type, value) else tuple(value)
    return MappingProxyType(members)


def _frozen_list(values: list[Any]) -> tuple[Any, ...]:
    return tuple([_frozen_list(value) if type(value) is list else value for value in values])


def _refuse_constant(_: str) -> NoReturn:
    raise StrictJSONError("`NaN` and `Infinity` are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):  # `1e999` is JSON, and what it becomes is not
        raise StrictJSONError("a number is too large")
    return value


def _require_whole_characters(text: str) -> None:
    """Refuse an escaped half of a surrogate pair (RFC 7493, section 2.1), which no one could encode
    again.

    ``text`` was read already, so what fails here is that.  Few documents have an escape, so few are
    read twice.
    """
    json.dumps(json.loads(text), ensure_ascii=False).encode()


# Built once: `json.loads` with hooks builds a decoder per call.
_decoder = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant, parse_float=_finite
)
_freezer = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates_and_freeze,
    parse_constant=_refuse_constant,
    parse_float=_finite,
)
# The scanner reads one value and says where it ends; the decoder around it adds two searches for
# white space, which the compact JSON of a token has none of.
_scan_frozen: Callable[[str, int], tuple[Any, int]] = _freezer.scan_once  # type: ignore[attr-defined]
# `ValueError` is bad UTF-8, a BOM, bad syntax, a number of too many digits; `StopIteration` is the
# scanner's "nothing here".
_REFUSALS = (ValueError, RecursionError, StopIteration)


def loads_document(data: bytes) -> Any:
    """Read one JSON document of any kind as strictly as `loads_object` reads an object.

    Raises:
        StrictJSONError: for anything else, deep nesting included.

    >>> loads_document(b'["alice"]')
    ['alice']
    """
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
    """Read one JSON object strictly (RFC 8259; duplicate names refused as RFC 7515, section 4,
    allows).

    Raises:
        StrictJSONError: for anything else, deep nesting included.

    >>> loads_object(b'{"sub": "alice"}')
    {'sub': 'alice'}
    """
    document = loads_document(data)
    if type(document) is not dict:
        raise StrictJSONError("not a JSON object")
    return document


def loads_frozen_object(data: bytes) -> Mapping[str, Any]:
    """Read one JSON object as strictly, and deeply read-only: objects are mapping proxies, arrays
    are tuples.

    Raises:
        StrictJSONError: as :func:`loads_object`.

    >>> loads_frozen_object(b'{"groups": ["clerks"]}')["groups"]
    ('clerks',)
    """
    try:
        text = data.decode()
        document, end = _scan_frozen(text, 0) if text[:1] == "{" else (None, -1)
        if end != len(text):
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

"""JSON, read strictly.

Refused are a BOM, bytes that are not UTF-8, duplicate members, ``NaN`` and ``Infinity``, lone
surrogates, and nesting that is too deep.
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
    if math.isinf(value):  # `1e999` is JSON, but infinity is not
        raise StrictJSONError("a number is too large")
    return value


def _require_whole_characters(text: str) -> None:
    """Refuse an escaped lone surrogate (RFC 7493, section 2.1): UTF-8 cannot encode it.

    ``text`` is valid JSON, so nothing else can fail here.  Only a document with an escape is read
    twice.
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
# The scanner reads one value and tells where it ends.  The decoder also searches for white space,
# which the compact JSON of a token does not have.
_scan_frozen: Callable[[str, int], tuple[Any, int]] = _freezer.scan_once  # type: ignore[attr-defined]
# `ValueError`: bad UTF-8, a BOM, bad syntax, or a number with too many digits.
# `StopIteration`: the scanner found no value.
_REFUSALS = (ValueError, RecursionError, StopIteration)


def loads_document(data: bytes) -> Any:
    """Read one JSON document of any kind strictly.

    Raises:
        StrictJSONError: it is not strict JSON, or nests too deep.

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
    """Read one JSON object strictly (RFC 8259; RFC 7515, section 4, for duplicate names).

    Raises:
        StrictJSONError: it is not a strict JSON object, or nests too deep.

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

"""JSON as a verifier must read it: UTF-8 without BOM, no duplicate member, no NaN, bounded depth."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["JSONObject", "StrictJSONError", "loads_frozen_object", "loads_object"]

JSONObject = dict[str, Any]
"""A JSON document whose root is an object."""


class StrictJSONError(ValueError):
    """The text is not a strict JSON object.  The message is fixed text: it never quotes the input."""


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
            members[name] = _frozen_list(value)
    return MappingProxyType(members)


def _frozen_list(values: list[Any]) -> tuple[Any, ...]:
    return tuple([_frozen_list(value) if type(value) is list else value for value in values])


def _refuse_constant(_: str) -> NoReturn:
    raise StrictJSONError("`NaN` and `Infinity` are not JSON")


# Built once: `json.loads` with hooks builds a decoder per call.
_decoder = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant)
_freezer = json.JSONDecoder(object_pairs_hook=_refuse_duplicates_and_freeze, parse_constant=_refuse_constant)
# The scanner reads one value and says where it ends; the decoder around it adds two searches for white space, which the
# compact JSON of a token has none of.
_scan_frozen: Callable[[str, int], tuple[Any, int]] = _freezer.scan_once  # type: ignore[attr-defined]
# `ValueError` is bad UTF-8, a BOM, bad syntax, a number of too many digits; `StopIteration` is the scanner's "nothing
# here".
_REFUSALS = (ValueError, RecursionError, StopIteration)


def loads_object(data: bytes) -> JSONObject:
    """Read one JSON object strictly (RFC 8259; duplicate names refused as RFC 7515, section 4, allows).

    Raises:
        StrictJSONError: for anything else, deep nesting included.

    >>> loads_object(b'{"sub": "alice"}')
    {'sub': 'alice'}
    """
    try:
        document = _decoder.decode(data.decode())
    except StrictJSONError:
        raise
    except _REFUSALS:
        raise StrictJSONError("not valid JSON") from None
    if type(document) is not dict:
        raise StrictJSONError("not a JSON object")
    return document


def loads_frozen_object(data: bytes) -> Mapping[str, Any]:
    """Read one JSON object as strictly, and deeply read-only: objects are mapping proxies, arrays are tuples.

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
    except StrictJSONError:
        raise
    except _REFUSALS:
        raise StrictJSONError("not valid JSON") from None
    if type(document) is not MappingProxyType:
        raise StrictJSONError("not a JSON object")
    return document

"""JSON as a verifier must read it: UTF-8 without BOM, no duplicate member, no NaN, bounded depth."""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["JSONObject", "StrictJSONError", "loads_object"]

JSONObject = dict[str, Any]
"""A JSON document whose root is an object."""


class StrictJSONError(ValueError):
    """The text is not a strict JSON object.  The message is fixed text: it never quotes the input."""


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> JSONObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictJSONError("duplicate member name")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise StrictJSONError("`NaN` and `Infinity` are not JSON")


# Built once: `json.loads` with hooks builds a decoder per call.
_decode = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant).decode


def loads_object(data: bytes) -> JSONObject:
    """Read one JSON object strictly (RFC 8259; duplicate names refused as RFC 7515, section 4, allows).

    Raises:
        StrictJSONError: for anything else, deep nesting included.

    >>> loads_object(b'{"sub": "alice"}')
    {'sub': 'alice'}
    """
    try:
        document = _decode(data.decode("utf-8"))
    except StrictJSONError:
        raise
    except (ValueError, RecursionError):  # ValueError: bad UTF-8, BOM, syntax, integers of too many digits
        raise StrictJSONError("not valid JSON") from None
    if type(document) is not dict:
        raise StrictJSONError("not a JSON object")
    return document

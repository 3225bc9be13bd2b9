"""Headers, query and labels as the maps of an event hold them, each within its bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from authz_lib.errors import UntrustedEventError

__all__ = [
    "MAX_HEADER_CHARACTERS",
    "MAX_LINE_CHARACTERS",
    "headers_of_maps",
    "list_of_texts",
    "query_of_maps",
    "read_query",
    "text_map",
    "text_member",
]

MAX_HEADER_CHARACTERS = 65_536
"""The most that a header may hold, and the names of all headers.  A load balancer sends 64 KiB of
headers, API Gateway 10 KiB.
"""
MAX_LINE_CHARACTERS = 16_384
"""The most that a path may hold, and a query.  A load balancer sends a request line of 16 KiB, API
Gateway one of 10 KiB.
"""

_NO_LABELS: Mapping[str, str] = MappingProxyType({})

# VPC Lattice, version 1.0, spells the last one so.
_QUERY_MAPS = (
    "multiValueQueryStringParameters",
    "queryStringParameters",
    "query_string_parameters",
)
_HEADER_MAPS = ("multiValueHeaders", "headers", "requestHeaders")


def headers_of_maps(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """The list of values of each header, by its name in lower case."""
    found: dict[str, list[Any]] = {}
    for member in _HEADER_MAPS:
        _merge(found, _lists(raw, member, lower=True))
    return found


def query_of_maps(raw: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[Any]] = {}
    for member in _QUERY_MAPS:
        _merge(found, _lists(raw, member))
    what = f"`{' or '.join(_QUERY_MAPS)}`"
    query = {name: list_of_texts(values, what) for name, values in found.items()}
    # Written as `name=value&`, once for each value.
    size = sum([sum(map(len, v)) + (len(name) + 2) * len(v) for name, v in query.items()])
    if size > MAX_LINE_CHARACTERS + 1:
        raise UntrustedEventError(f"{what} of the event is too large")
    return query


def _merge(found: dict[str, list[Any]], more: Mapping[str, list[Any]]) -> None:
    """Add what is not there yet: the maps of one event tell the same request twice."""
    for name, values in more.items():
        known = found.setdefault(name, [])
        told = {value for value in known if type(value) is str}
        known.extend([value for value in values if type(value) is not str or value not in told])


def _lists(raw: Mapping[str, Any], member: str, *, lower: bool = False) -> dict[str, list[Any]]:
    """A map of the event with a list of values for each name."""
    values = raw.get(member)
    if values is None:
        return {}
    _check_names(values, member, MAX_HEADER_CHARACTERS if lower else MAX_LINE_CHARACTERS)
    found: dict[str, list[Any]] = {}
    for name, value in values.items():
        items = value if isinstance(value, list | tuple) else [value]
        if lower:  # a header
            name = name.lower()  # noqa: PLW2901
            items = [item.strip(" \t") if type(item) is str else item for item in items]
        found.setdefault(name, []).extend(items)
    return found


def text_map(raw: Mapping[str, Any], member: str) -> Mapping[str, str]:
    """A map of the event with one text for each name."""
    values = raw.get(member)
    if values is None:
        return _NO_LABELS
    _check_names(values, member, MAX_LINE_CHARACTERS)
    size = _characters(values.values())
    if size is None:
        raise UntrustedEventError(f"`{member}` of the event is not an object of strings")
    if size > MAX_LINE_CHARACTERS:
        raise UntrustedEventError(f"`{member}` of the event is too large")
    return values  # type: ignore[no-any-return]


def _check_names(values: object, member: str, max_characters: int) -> None:
    """Require a map whose names are texts, and together no longer than a gateway sends."""
    size = _characters(values) if isinstance(values, (dict, Mapping)) else None
    if size is None:
        raise UntrustedEventError(f"`{member}` of the event is not an object")
    if size > max_characters:
        raise UntrustedEventError(f"`{member}` of the event is too large")


def list_of_texts(values: Any, what: str) -> tuple[str, ...]:
    """All texts of a list."""
    size = _characters(values) if isinstance(values, (list, tuple)) else None
    if size is None:
        raise UntrustedEventError(f"{what} of the event is not a string or a list of strings")
    if size + len(values) > MAX_HEADER_CHARACTERS + 1:  # with what is between two of them
        raise UntrustedEventError(f"{what} of the event is too large")
    return tuple(values)


def text_member(holder: Mapping[str, Any], name: str, prefix: str = "") -> str:
    """A member that is text, and not empty; ``prefix`` is the way to it, for the message."""
    value = holder.get(name)
    if type(value) is str and value:
        return value
    raise UntrustedEventError(f"`{prefix}{name}` of the event is missing or not a string")


def _characters(texts: Iterable[Any]) -> int | None:
    """How many characters the texts have together; ``None`` if one of them is no text."""
    try:
        return len("".join(texts))
    except TypeError:
        return None


def read_query(text: str) -> Mapping[str, tuple[str, ...]]:
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in query.items()}

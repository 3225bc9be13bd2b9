"""The values that a policy writes out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from authz_lib.analysis.terms import UnsupportedError
from authz_lib.analysis.values import (
    BOOL,
    LONG,
    STRING,
    LiteralSet,
    RecordValue,
    Scalar,
    SymbolicValue,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.analysis.request_terms import RequestTerms

__all__ = ["literal_value", "record_of"]


def literal_value(request: RequestTerms, value: Any) -> SymbolicValue:
    """A ``Value`` of Cedar's JSON form.

    Raises:
        UnsupportedError: it is of another form.
    """
    if isinstance(value, bool):
        return Scalar(BOOL, value)
    if isinstance(value, int):
        return Scalar(LONG, value)
    if isinstance(value, str):
        return Scalar(STRING, value)
    if isinstance(value, list):
        return LiteralSet(tuple(literal_value(request, one) for one in value))
    if isinstance(value, dict) and value.keys() == {"__entity"}:
        return request.entity(value["__entity"]["type"], value["__entity"]["id"])
    if isinstance(value, dict) and not any(name.startswith("__") for name in value):
        return record_of({name: literal_value(request, one) for name, one in value.items()})
    raise UnsupportedError("a literal of a form that is not read")


def record_of(values: Mapping[str, Any]) -> RecordValue:
    """A record whose attributes are all there."""
    return RecordValue({name: (True, partial(_same, value)) for name, value in values.items()})


def _same(value: SymbolicValue) -> SymbolicValue:
    return value

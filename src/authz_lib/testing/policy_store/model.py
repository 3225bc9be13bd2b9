"""The service's own model, from botocore: what a request may hold, and what an answer holds.

| of a request | answered with |
|---|---|
| a missing member, an unknown one, two members of a union | ``ValidationException`` |
| a length, a pattern, an enum of the model | ``ValidationException`` |
| another JSON type than the model's | ``SerializationException`` |

A member of an answer that the model does not have is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from authz_lib.testing.policy_store.state import OperationError, invalid

__all__ = ["check_request", "operation_names", "shape_answer"]

Checker: TypeAlias = Callable[[Any, str], None]
Shaper: TypeAlias = Callable[[Any], Any]

_SERVICE = "verifiedpermissions"
_ANYTHING = ".*"
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "timestamp": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
}
# Of the local endpoint alone: a test's issuer is on this machine.
_LOCAL_ISSUER = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?")
_ISSUERS = frozenset({"Issuer", "DiscoveryUrl"})


@cache
def _model() -> Any:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(_SERVICE, "service-2"), _SERVICE)


def operation_names() -> frozenset[str]:
    """The operations that the installed botocore knows."""
    return frozenset(_model().operation_names)


def check_request(operation: str, document: object) -> None:
    """Check a request against the model.

    Raises:
        OperationError: as the table above says.  The message names the member, never its value.
    """
    if operation in _model().operation_names:
        _checker(_model().operation_model(operation).input_shape.name)(document, "")


def shape_answer(operation: str, document: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer that the model has."""
    if operation not in _model().operation_names:
        return document
    shape = _model().operation_model(operation).output_shape
    shaped: dict[str, Any] = _shaper(shape.name)(document)
    return shaped


@cache
def _checker(name: str) -> Checker:
    shape = _model().shape_for(name)
    kinds = _JSON_TYPES[shape.type_name]
    inner = _INNER.get(shape.type_name, _text)(shape)

    def check(value: Any, path: str) -> None:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise OperationError(
                "SerializationException", f"`{path or 'request'}` is not a {shape.type_name}"
            )
        inner(value, path)

    return check


def _structure(shape: Any) -> Checker:
    names = {member: inner.name for member, inner in shape.members.items()}
    required = tuple(shape.required_members)
    is_union = bool(shape.is_tagged_union)

    def check(value: dict[str, Any], path: str) -> None:
        before = f"{path}." if path else ""
        for member in required:
            if value.get(member) is None:
                raise invalid("the member is missing", before + member)
        given = [member for member, item in value.items() if item is not None]
        if is_union and len(given) != 1:
            raise invalid(f"exactly one member of {', '.join(sorted(names))} is needed", path)
        for member in given:
            if member not in names:
                raise invalid("there is no such member", f"{path}.*" if path else "*")
            _checker(names[member])(value[member], before + member)

    return check


def _listed(shape: Any) -> Checker:
    least, most = _bounds(shape)
    inner = shape.member.name

    def check(value: list[Any], path: str) -> None:
        _require_between(len(value), least, most, path, "items")
        check_item = _checker(inner)
        for index, item in enumerate(value):
            check_item(item, f"{path}.{index}")

    return check


def _mapped(shape: Any) -> Checker:
    least, most = _bounds(shape)
    key, item = shape.key.name, shape.value.name

    def check(value: dict[str, Any], path: str) -> None:
        _require_between(len(value), least, most, path, "entries")
        for name, inner in value.items():
            _checker(key)(name, path)
            _checker(item)(inner, path)

    return check


def _text(shape: Any) -> Checker:
    least, most = _bounds(shape)
    allowed = frozenset(getattr(shape, "enum", ()) or ())
    text = shape.metadata.get("pattern", _ANYTHING)
    pattern = None if text == _ANYTHING else re.compile(text)
    may_be_local = shape.name in _ISSUERS

    def check(value: str, path: str) -> None:
        _require_between(len(value), least, most, path, "characters")
        if allowed and value not in allowed:
            raise invalid(f"not one of {', '.join(sorted(allowed))}", path)
        if pattern is None or pattern.fullmatch(value):
            return
        if not (may_be_local and _LOCAL_ISSUER.fullmatch(value)):
            raise invalid(f"does not match `{text}`", path)

    return check


def _number(shape: Any) -> Checker:
    least, most = _bounds(shape)
    return lambda value, path: _require_between(value, least, most, path, "")


def _bounds(shape: Any) -> tuple[int | None, int | None]:
    return shape.metadata.get("min"), shape.metadata.get("max")


def _require_between(
    number: int, least: int | None, most: int | None, path: str, unit: str
) -> None:
    if least is not None and number < least:
        raise invalid(f"less than {least} {unit}".rstrip(), path)
    if most is not None and number > most:
        raise invalid(f"more than {most} {unit}".rstrip(), path)


_INNER: dict[str, Callable[[Any], Checker]] = {
    "structure": _structure,
    "list": _listed,
    "map": _mapped,
    "string": _text,
    "integer": _number,
    "long": _number,
    "boolean": lambda _shape: lambda _value, _path: None,
    "timestamp": lambda _shape: lambda _value, _path: None,
}


@cache
def _shaper(name: str) -> Shaper:
    shape = _model().shape_for(name)
    if shape.type_name == "structure":
        names = {member: inner.name for member, inner in shape.members.items()}
        return lambda value: {
            member: _shaper(names[member])(item)
            for member, item in value.items()
            if member in names and item is not None
        }
    if shape.type_name == "list":
        inner = shape.member.name
        return lambda value: [_shaper(inner)(item) for item in value]
    return lambda value: value

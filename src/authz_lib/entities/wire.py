"""The two ways a Cedar value is written: Cedar's JSON, and the unions of Verified Permissions."""

from __future__ import annotations

import json
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.entities.uid import EntityUid
from authz_lib.entities.values import (
    MAX_DEPTH,
    RESERVED_KEYS,
    CedarDatetime,
    CedarDecimal,
    CedarDuration,
    CedarIp,
    CedarValue,
    freeze_record,
    freeze_value,
)
from authz_lib.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "JSONValue",
    "canonical_json",
    "record_text",
    "shape_of",
    "uid_from_document",
    "uid_text",
    "uid_to_avp",
    "value_from_avp",
    "value_from_cedar_json",
    "value_to_avp",
    "value_to_cedar_json",
]

JSONValue: TypeAlias = Any
"""A JSON document, as ``json.loads`` gives it."""

_quote = json.encoder.encode_basestring
_EXTENSIONS: dict[str, Callable[[str], CedarValue]] = {
    "ip": CedarIp,
    "decimal": CedarDecimal,
    "datetime": CedarDatetime,
    "duration": CedarDuration,
}
_EXTENSION_NAMES: dict[type, str] = {
    CedarIp: "ip",
    CedarDecimal: "decimal",
    CedarDatetime: "datetime",
    CedarDuration: "duration",
}


def uid_text(uid: EntityUid) -> str:
    """An entity id as canonical JSON text."""
    return f'{{"id":{_quote(uid.id)},"type":"{uid.type}"}}'


def _set_text(values: tuple[CedarValue, ...]) -> str:
    return f"[{','.join(sorted({canonical_json(value) for value in values}))}]"


def record_text(values: Mapping[str, CedarValue]) -> str:
    """A frozen record as canonical JSON text."""
    if not values:
        return "{}"
    members = [f"{_quote(key)}:{canonical_json(values[key])}" for key in sorted(values)]
    return f"{{{','.join(members)}}}"


def _extension_text(name: str, value: CedarIp) -> str:
    return f'{{"__extn":{{"arg":"{value.text}","fn":"{name}"}}}}'


_TEXT: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    str: _quote,
    EntityUid: lambda uid: f'{{"__entity":{uid_text(uid)}}}',
    tuple: _set_text,
    MappingProxyType: record_text,
    **{kind: partial(_extension_text, name) for kind, name in _EXTENSION_NAMES.items()},
}


def canonical_json(value: CedarValue) -> str:
    """A frozen value as Cedar JSON text that is the same for equal values.

    Keys and sets are sorted, and there are no spaces.

    >>> canonical_json(freeze_value({"b": {2, 1}, "a": EntityUid("User", "x")}))
    '{"a":{"__entity":{"id":"x","type":"User"}},"b":[1,2]}'
    """
    return _TEXT[type(value)](value)


_ANY_TEXT = "-"  # no address, number, date, length of time or type name


def shape_of(value: CedarValue) -> CedarValue:
    """A frozen value with another text for each text: it has the same Cedar type.

    With a schema, Cedar reads a text where the schema wants a date as a date, and a record of
    ``type`` and ``id`` where it wants an entity as an entity.  Of a shape it can read neither, so
    a shape fits a schema only if the value has the type that the schema says.

    >>> shape_of("2026-11-20")
    '-'
    """
    kind = type(value)
    if kind is str:
        return _ANY_TEXT
    if kind is tuple:
        return tuple([shape_of(item) for item in value])
    if kind is MappingProxyType:
        return MappingProxyType({key: shape_of(item) for key, item in value.items()})
    return value


def value_to_cedar_json(value: CedarValue) -> JSONValue:
    """A frozen value in Cedar's JSON format, with the explicit ``__entity`` and ``__extn`` forms.

    >>> value_to_cedar_json(CedarDecimal("1.5"))
    {'__extn': {'arg': '1.5', 'fn': 'decimal'}}
    """
    return json.loads(canonical_json(value))


def value_from_cedar_json(document: JSONValue) -> CedarValue:
    """The value that a Cedar JSON document means.

    It is for documents of your own, never for what a caller sent.  Only the explicit forms are
    read: without a schema, Cedar's implicit ones cannot be told from records and strings.

    Raises:
        InvalidRequestError: the document is no Cedar value, or is nested too deeply.

    >>> value_from_cedar_json({"__entity": {"type": "User", "id": "alice"}})
    EntityUid(type='User', id='alice')
    """
    return _from_cedar_json(document, MAX_DEPTH)


def _require_levels(left: int) -> None:
    if left <= 0:
        raise InvalidRequestError(
            f"`value`: a value may be nested {MAX_DEPTH} levels deep", field="value"
        )


def _from_cedar_json(document: JSONValue, levels: int) -> CedarValue:
    if type(document) is list:
        _require_levels(levels)
        return tuple([_from_cedar_json(item, levels - 1) for item in document])
    if type(document) is not dict:
        return freeze_value(document)
    marks = RESERVED_KEYS.intersection(document)
    if not marks:
        _require_levels(levels)
        return freeze_record(
            {key: _from_cedar_json(item, levels - 1) for key, item in document.items()},
            where="value",
        )
    if document.keys() == {"__entity"}:
        return uid_from_document(document["__entity"], ("type", "id"))
    extension = document.get("__extn")
    if (
        document.keys() != {"__extn"}
        or type(extension) is not dict
        or extension.keys() != {"fn", "arg"}
    ):
        raise InvalidRequestError("`value`: not a Cedar JSON value", field="value")
    build = _EXTENSIONS.get(extension["fn"]) if type(extension["fn"]) is str else None
    if build is None:
        raise InvalidRequestError("`value`: not an extension function of Cedar", field="value")
    return build(extension["arg"])


def uid_from_document(document: JSONValue, names: tuple[str, str]) -> EntityUid:
    """The entity id of an object with exactly these two members.

    Raises:
        InvalidRequestError: it is no such object.
    """
    if type(document) is not dict or document.keys() != set(names):
        raise InvalidRequestError("`uid`: not an entity id", field="uid")
    return EntityUid(document[names[0]], document[names[1]])


# ---- The AttributeValue union of Verified Permissions ----

_AVP_NAMES = {
    bool: "boolean",
    int: "long",
    str: "string",
    CedarIp: "ipaddr",
    CedarDecimal: "decimal",
} | {
    CedarDatetime: "datetime",
    CedarDuration: "duration",
}
_AVP_WRAPPERS: dict[str, Callable[[str], CedarValue]] = {
    "ipaddr": CedarIp,
    "decimal": CedarDecimal,
    "datetime": CedarDatetime,
    "duration": CedarDuration,
}
_AVP_PLAIN = {"boolean": bool, "long": int, "string": str}


def uid_to_avp(uid: EntityUid) -> dict[str, str]:
    """The ``EntityIdentifier`` of Verified Permissions."""
    return {"entityType": uid.type, "entityId": uid.id}


def value_to_avp(value: CedarValue) -> dict[str, Any]:
    """A frozen value as the ``AttributeValue`` union of Verified Permissions.

    >>> value_to_avp(freeze_value([1]))
    {'set': [{'long': 1}]}
    """
    kind = type(value)
    if kind is tuple:
        return {"set": [value_to_avp(item) for item in value]}
    if kind is MappingProxyType:
        return {"record": {key: value_to_avp(item) for key, item in value.items()}}
    if kind is EntityUid:
        return {"entityIdentifier": uid_to_avp(value)}
    return {_AVP_NAMES[kind]: value.text if kind in _EXTENSION_NAMES else value}


def value_from_avp(union: JSONValue) -> CedarValue:
    """The value that an ``AttributeValue`` union holds.

    Raises:
        InvalidRequestError: it does not hold exactly one member of the right type, or is nested too
            deeply.

    >>> value_from_avp({"set": [{"long": 1}]})
    (1,)
    """
    return _from_avp(union, MAX_DEPTH)


def _from_avp(union: JSONValue, levels: int) -> CedarValue:
    if type(union) is not dict or len(union) != 1:
        raise InvalidRequestError(
            "`value`: an attribute value has exactly one member", field="value"
        )
    ((name, item),) = union.items()
    if name in _AVP_WRAPPERS:
        return _AVP_WRAPPERS[name](item)
    if name == "entityIdentifier":
        return uid_from_document(item, ("entityType", "entityId"))
    if name == "set" and type(item) is list:
        _require_levels(levels)
        return tuple([_from_avp(member, levels - 1) for member in item])
    if name == "record" and type(item) is dict:
        _require_levels(levels)
        return freeze_record(
            {key: _from_avp(member, levels - 1) for key, member in item.items()}, where="value"
        )
    if type(item) is not _AVP_PLAIN.get(name):
        raise InvalidRequestError("`value`: not an attribute value", field="value")
    return freeze_value(item)

"""The two forms in which a Cedar schema is written: text and JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from authz_lib.entities.uid import IDENTIFIER, RESERVED_WORDS

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "AttributeForm",
    "EntityForm",
    "schema_document",
    "schema_text",
]

_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class AttributeForm:
    type: JSONObject  # as in the JSON form
    required: bool


@dataclass(slots=True)
class EntityForm:
    parents: list[str] = field(default_factory=list)
    attributes: dict[str, AttributeForm] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def schema_document(
    types: dict[str, EntityForm], actions: dict[str, list[str]], principal_type: str
) -> JSONObject:
    entity_types: JSONObject = {}
    for name, entity_type in types.items():
        entity_types[name] = {"memberOfTypes": entity_type.parents} if entity_type.parents else {}
        if entity_type.attributes:
            attributes = {
                key: {**one.type, "required": one.required}
                for key, one in entity_type.attributes.items()
            }
            entity_types[name]["shape"] = {"type": "Record", "attributes": attributes}
    action_types = {
        name: {"appliesTo": {"principalTypes": [principal_type], "resourceTypes": applies}}
        for name, applies in sorted(actions.items())
    }
    return {"": {"entityTypes": entity_types, "actions": action_types}}


def schema_text(
    service_id: str,
    types: dict[str, EntityForm],
    actions: dict[str, list[str]],
    principal_type: str,
) -> str:
    made_by = f"// Made from {service_id} by `authz smithy cedar-schema`"
    lines = [f"{made_by}: change the model, not this file."]
    for name, entity_type in types.items():
        lines += [
            f"// `{name}.{left}` is of a type that Cedar does not have."
            for left in entity_type.left_out
        ]
        parents = f" in [{', '.join(entity_type.parents)}]" if entity_type.parents else ""
        attributes = {key: (one.type, one.required) for key, one in entity_type.attributes.items()}
        lines.append(
            f"entity {name}{parents}{' = ' + _record_text(attributes) if attributes else ''};"
        )
    for name, applies in sorted(actions.items()):
        lines += [
            "",
            f"action {_quoted(name)} appliesTo {{",
            f"  principal: {principal_type},",
            f"  resource: {applies[0] if len(applies) == 1 else '[' + ', '.join(applies) + ']'},",
            "};",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A string as Cedar writes it, whose escapes are not those of JSON."""
    escaped = _ESCAPED.sub(
        lambda found: f"\\{found[0]}" if found[0] in '"\\' else f"\\u{{{ord(found[0]):x}}}", text
    )
    return f'"{escaped}"'


def _record_text(attributes: dict[str, tuple[JSONObject, bool]]) -> str:
    parts = []
    for name, (kind, required) in attributes.items():
        key = _quoted(name) if name in RESERVED_WORDS or not IDENTIFIER.fullmatch(name) else name
        parts.append(f"{key}{'' if required else '?'}: {_type_text(kind)}")
    return f"{{ {', '.join(parts)} }}" if parts else "{}"


def _type_text(kind: JSONObject) -> str:
    name: Any = kind["type"]
    if name == "Entity":
        return str(kind["name"])
    if name == "Set":
        return f"Set<{_type_text(kind['element'])}>"
    if name == "Record":
        return _record_text(
            {key: (one, one["required"]) for key, one in kind["attributes"].items()}
        )
    return str(name)

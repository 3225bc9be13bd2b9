"""A Cedar schema from a Smithy service: its actions, its resources, its callers and their groups.

===================== ===================================================================
Smithy                Cedar
===================== ===================================================================
operation             action ``<prefix>:<name>``
resource              entity type, below that of the resource that it is nested in
property              attribute; optional where the output of ``read`` may leave it out
string, enum          ``String``; with ``@references`` to one resource, its entity type
integer, long, ...    ``Long``
boolean               ``Bool``
list                  ``Set``
structure             record
others                left out, with a comment: Cedar has no such types
===================== ===================================================================

A member of a structure that is of the structure's own type is left out: a record of Cedar is not
recursive.

See https://docs.cedarpolicy.com/schema/human-readable-schema.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from authz_lib.entities.uid import is_action_id
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.shapes import members, named, shape_name, targets, traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.model import Operation, Resource, ResourceForm, Service
    from authz_lib.smithy.shapes import Shapes

__all__ = ["MAX_TYPES", "CedarSchema", "SchemaFormat", "cedar_schema"]

SchemaFormat = Literal["cedar", "json"]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_NAMES = frozenset(
    {"Action", "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"}
)
_WORDS = frozenset({"__cedar", "else", "false", "has", "if", "in", "is", "like", "then", "true"})
_KINDS = {
    **dict.fromkeys(["string", "enum"], "String"),
    **dict.fromkeys(["byte", "short", "integer", "long", "intEnum"], "Long"),
    "boolean": "Bool",
}
_PRELUDE = {
    "smithy.api#String": "String",
    "smithy.api#Boolean": "Bool",
    "smithy.api#PrimitiveBoolean": "Bool",
    **dict.fromkeys(
        [
            f"smithy.api#{prefix}{kind}"
            for prefix in ("", "Primitive")
            for kind in ("Byte", "Short", "Integer", "Long")
        ],
        "Long",
    ),
}
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')
_MAX_DEPTH = 8
MAX_TYPES = 20_000
"""Of the attributes of all resources, with structures written out."""


@dataclass(frozen=True, slots=True)
class _Attribute:
    type: JSONObject  # as in the JSON form
    required: bool


@dataclass(slots=True)
class _EntityType:
    parents: list[str] = field(default_factory=list)
    attributes: dict[str, _Attribute] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CedarSchema:
    """A schema in both of Cedar's forms.

    Attributes:
        text: the human-readable form.
        document: the JSON form, which Verified Permissions takes; without a namespace.
    """

    text: str
    document: JSONObject


def cedar_schema(
    service: Service,
    *,
    prefix: str | None = None,
    resources: ResourceForm = "path",
    principal_type: str = "User",
    group_type: str = "Group",
    application_type: str = "Application",
) -> CedarSchema:
    """Make the schema of a service.

    Args:
        service: from `authz_lib.smithy.model.Model.service`.
        prefix: the part of action ids before the colon; None for the service's name in lower
            case.
        resources: as for the action map.  With ``"application"`` an action on an instance applies
            to the application too.
        principal_type: the type of callers, with groups as parents and an attribute ``tenant_id``.
        group_type: the type of groups.
        application_type: the type of the application, for actions on no particular resource.

    Raises:
        ConfigurationError: two resources have one name, Cedar does not allow a name, the attributes
            have more than `MAX_TYPES` types, or the model is broken.
    """
    types = _entity_types(service, principal_type, group_type, application_type)
    prefix = service.name.lower() if prefix is None else prefix
    if prefix and not is_action_id(prefix):
        raise ConfigurationError("`prefix` must be at most 512 characters on one line")
    actions: dict[str, list[str]] = {}
    for operation in service.operations:
        name = f"{prefix}:{operation.action_name}" if prefix else operation.action_name
        if not is_action_id(name):
            raise ConfigurationError(
                f"the action of `{operation.id}` has, with `prefix`, more than 512 characters"
            )
        applies = actions.setdefault(name, [])  # two operations may share an action
        applies += [
            kind
            for kind in _applies_to(operation, resources, application_type)
            if kind not in applies
        ]
    return CedarSchema(
        _text(service, types, actions, principal_type), _document(types, actions, principal_type)
    )


def _entity_types(
    service: Service, principal_type: str, group_type: str, application_type: str
) -> dict[str, _EntityType]:
    types = {
        group_type: _EntityType(),
        principal_type: _EntityType([group_type]),
        application_type: _EntityType(),
    }
    if len(types) != 3:
        raise ConfigurationError(
            "the types of callers, groups and the application must differ: change `principal_type` "
            "(`--principal-type`), `group_type` (`--group-type`) or `application_type` "
            "(`--application-type`)"
        )
    types[principal_type].attributes["tenant_id"] = _Attribute({"type": "String"}, required=False)
    seen: dict[str, str] = {}
    ours = {group_type: "group_type", application_type: "application_type"}
    for resource in service.resources:
        if resource.name in ours:
            argument = ours[resource.name]
            raise ConfigurationError(
                f"two entity types would be called `{resource.name}`: the resource `{resource.id}` "
                f"and `{argument}`; give the latter another name with "
                f"`--{argument.replace('_', '-')}`"
            )
        first = seen.setdefault(resource.name, resource.id)
        if first != resource.id:
            raise ConfigurationError(
                f"two entity types would be called `{resource.name}`: the resources `{first}` and "
                f"`{resource.id}`; rename one in the model"
            )
        entity_type = types.setdefault(resource.name, _EntityType())
        if resource.parent is not None:
            entity_type.parents.append(resource.parent.name)
    reader = _Attributes(
        service.shapes, {principal_type: None} | {one.name: one.id for one in service.resources}
    )
    for resource in service.resources:
        reader.read(resource, types[resource.name])
    for name in types:
        if not _IDENTIFIER.fullmatch(name) or name in _NOT_NAMES | _WORDS:
            raise ConfigurationError(
                f"Cedar does not allow the entity type `{name}`: it is a reserved word, or not an "
                "identifier"
            )
    return types


def _applies_to(
    operation: Operation, resources: ResourceForm, application_type: str
) -> Iterator[str]:
    asks_about_application = (
        operation.subject is None or operation.subject_label is None or resources == "application"
    )
    if asks_about_application:
        yield application_type
    if operation.subject is not None:
        yield operation.subject.name


class _Attributes:
    """Reads the properties of resources as Cedar attributes."""

    def __init__(self, shapes: Shapes, entity_types: Mapping[str, str | None]) -> None:
        self._shapes = shapes
        # The structures that are being read, each with the member that led to it.
        self._open: list[tuple[str, str]] = []
        self._left_out: list[str] = []
        self._entity_types = entity_types
        self._types = 0

    def read(self, resource: Resource, into: _EntityType) -> None:
        shape = self._shapes.get(resource.id, "resource")
        properties = named(shape, "properties", resource.id)
        optional = self._optional(shape, resource.id)
        for name, reference in properties.items():
            (target,) = targets({"target": [reference]}, "target", f"{resource.id}${name}")
            self._shapes.require(target, wanted_by=resource.id)
            found = self._named(name, target, {}, 0)
            if found is not None:
                into.attributes[name] = _Attribute(found, required=name not in optional)
        into.left_out, self._left_out = self._left_out, []

    def _named(self, name: str, target: str, marks: JSONObject, depth: int) -> JSONObject | None:
        """The type of a property or member.  Where there is none, its whole name is noted."""
        found = self._type(target, marks, depth, name)
        if found is None:
            self._left_out.append(".".join([*(member for _, member in self._open), name]))
        return found

    def _optional(self, shape: JSONObject, resource_id: str) -> set[str]:
        """The properties that the output of the ``read`` operation may leave out."""
        if "read" not in shape:
            return set()
        (read,) = targets({"read": [shape["read"]]}, "read", resource_id)
        operation = self._shapes.get(read, "operation", wanted_by=resource_id)
        found: set[str] = set()
        for output in targets(
            {"output": [operation["output"]]} if "output" in operation else {}, "output", read
        ):
            found |= self._optional_members(output, read)
        return found

    def _optional_members(
        self, structure_id: str, wanted_by: str, *, nested: bool = False
    ) -> set[str]:
        if structure_id not in self._shapes:
            self._shapes.require(structure_id, wanted_by=wanted_by)
            return set()
        found = set()
        for name, member in members(self._shapes.get(structure_id, "structure"), structure_id):
            marks = traits(member, f"{structure_id}${name}")
            if "smithy.api#nestedProperties" in marks and not nested:
                target = str(member.get("target"))
                found |= self._optional_members(target, structure_id, nested=True)
            if "smithy.api#required" in marks:
                continue
            property_name = marks.get("smithy.api#property")
            found.add(property_name.get("name", name) if isinstance(property_name, dict) else name)
        return found

    def _type(self, target: str, marks: JSONObject, depth: int, name: str) -> JSONObject | None:
        """The Cedar type; None where there is none."""
        self._types += 1
        if self._types > MAX_TYPES:
            raise ConfigurationError(
                f"the attributes have more than {MAX_TYPES} types, with structures written out"
            )
        if target in _PRELUDE:
            return self._entity(marks) or {"type": _PRELUDE[target]}
        if (
            target not in self._shapes
            or depth > _MAX_DEPTH
            or target in {structure for structure, _ in self._open}
        ):
            return None
        shape = self._shapes.get(target, None)
        kind = shape["type"]
        if kind in _KINDS:
            return self._entity({**traits(shape, target), **marks}) or {"type": _KINDS[kind]}
        if kind == "list":
            return self._set(shape, target, depth, name)
        return self._record(shape, target, depth, name) if kind == "structure" else None

    def _entity(self, marks: JSONObject) -> JSONObject | None:
        """The entity type that ``@references`` names; None unless it is exactly one."""
        references = marks.get("smithy.api#references")
        if (
            not isinstance(references, list)
            or len(references) != 1
            or not isinstance(references[0], dict)
        ):
            return None
        resource_id = str(references[0].get("resource"))
        name = shape_name(resource_id)
        # None: an entity type that is not a resource of the service, such as that of callers.
        known = self._entity_types.get(name, "")
        return {"type": "Entity", "name": name} if known in {None, resource_id} else None

    def _set(self, shape: JSONObject, target: str, depth: int, name: str) -> JSONObject | None:
        (element,) = targets({"member": [shape.get("member")]}, "member", target)
        self._shapes.require(element, wanted_by=target)
        found = self._type(element, traits(shape["member"], f"{target}$member"), depth + 1, name)
        return None if found is None else {"type": "Set", "element": found}

    def _record(self, shape: JSONObject, target: str, depth: int, led_here: str) -> JSONObject:
        attributes: JSONObject = {}
        self._open.append((target, led_here))
        for name, member in members(shape, target):
            marks = traits(member, f"{target}${name}")
            kind = str(member.get("target"))
            self._shapes.require(kind, wanted_by=target)
            found = self._named(name, kind, marks, depth + 1)
            if found is not None:
                attributes[name] = {**found, "required": "smithy.api#required" in marks}
        self._open.pop()
        return {"type": "Record", "attributes": attributes}


def _document(
    types: dict[str, _EntityType], actions: dict[str, list[str]], principal_type: str
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


def _text(
    service: Service,
    types: dict[str, _EntityType],
    actions: dict[str, list[str]],
    principal_type: str,
) -> str:
    made_by = f"// Made from {service.id} by `authz smithy cedar-schema`"
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
        key = _quoted(name) if name in _WORDS or not _IDENTIFIER.fullmatch(name) else name
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

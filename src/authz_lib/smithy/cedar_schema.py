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

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from authz_lib.entities.uid import IDENTIFIER, RESERVED_WORDS, is_action_id
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema_forms import (
    AttributeForm,
    EntityForm,
    schema_document,
    schema_text,
)
from authz_lib.smithy.shapes import members, named, shape_name, targets, traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib._support.strict_json import JSONObject
    from authz_lib.smithy.model import Operation, Resource, ResourceForm, Service
    from authz_lib.smithy.shapes import Shapes

__all__ = ["MAX_TYPES", "CedarSchema", "SchemaFormat", "cedar_schema"]

SchemaFormat = Literal["cedar", "json"]
"""The two forms of a Cedar schema."""

_NOT_NAMES = frozenset(
    {"Action", "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"}
)
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
_CALLERS_TYPES: Mapping[str, JSONObject] = {
    "text": {"type": "String"},
    "number": {"type": "Long"},
    "bool": {"type": "Bool"},
    "texts": {"type": "Set", "element": {"type": "String"}},
}
_MAX_DEPTH = 8
MAX_TYPES = 20_000
"""Of the attributes of all resources, with structures written out."""


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
    attributes: Mapping[str, str] | None = None,
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
        attributes: the names of the attributes that the authorizer declares for callers, each with
            its type: ``text``, ``number``, ``bool`` or ``texts``.  A token may lack its claim, so
            each is optional: a policy asks ``principal has email`` first.

    Raises:
        ConfigurationError: two resources have one name, Cedar does not allow a name, the attributes
            have more than `MAX_TYPES` types, or the model is broken.
    """
    types = _entity_types(service, principal_type, group_type, application_type)
    _declare(attributes or {}, types[principal_type])
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
        schema_text(service.id, types, actions, principal_type),
        schema_document(types, actions, principal_type),
    )


def _entity_types(
    service: Service, principal_type: str, group_type: str, application_type: str
) -> dict[str, EntityForm]:
    types = {
        group_type: EntityForm(),
        principal_type: EntityForm([group_type]),
        application_type: EntityForm(),
    }
    if len(types) != 3:
        raise ConfigurationError(
            "the types of callers, groups and the application must differ: change `principal_type` "
            "(`--principal-type`), `group_type` (`--group-type`) or `application_type` "
            "(`--application-type`)"
        )
    types[principal_type].attributes["tenant_id"] = AttributeForm(
        {"type": "String"}, required=False
    )
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
        entity_type = types.setdefault(resource.name, EntityForm())
        if resource.parent is not None:
            entity_type.parents.append(resource.parent.name)
    reader = _Attributes(
        service.shapes, {principal_type: None} | {one.name: one.id for one in service.resources}
    )
    for resource in service.resources:
        reader.read(resource, types[resource.name])
    for name in types:
        if not IDENTIFIER.fullmatch(name) or name in _NOT_NAMES | RESERVED_WORDS:
            raise ConfigurationError(
                f"Cedar does not allow the entity type `{name}`: it is a reserved word, or not an "
                "identifier"
            )
    return types


def _declare(attributes: Mapping[str, str], caller: EntityForm) -> None:
    """Add what the authorizer declares; the resource that is the caller may have it too."""
    for name, kind in attributes.items():
        if type(name) is not str or not IDENTIFIER.fullmatch(name) or name == "tenant_id":
            raise ConfigurationError(
                "a name in `attributes` must be an identifier, and not `tenant_id`"
            )
        if kind not in _CALLERS_TYPES:
            raise ConfigurationError(
                f"the type of `{name}` in `attributes` must be `text`, `number`, `bool` or `texts`"
            )
        form = AttributeForm(dict(_CALLERS_TYPES[kind]), required=False)
        known = caller.attributes.setdefault(name, form)
        if known.type != form.type:
            raise ConfigurationError(f"the model and `attributes` give `{name}` another type")
        caller.attributes[name] = form


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

    def read(self, resource: Resource, into: EntityForm) -> None:
        shape = self._shapes.get(resource.id, "resource")
        properties = named(shape, "properties", resource.id)
        optional = self._optional(shape, resource.id)
        for name, reference in properties.items():
            (target,) = targets({"target": [reference]}, "target", f"{resource.id}${name}")
            self._shapes.require(target, wanted_by=resource.id)
            found = self._named(name, target, {}, 0)
            if found is not None:
                into.attributes[name] = AttributeForm(found, required=name not in optional)
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

"""What a Cedar schema says of one entity type: its attributes and what it may be directly in."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from authz_lib.decisions.cedar_schema import EntityType, Primitive, read_parsed_schema
from authz_lib.decisions.row_condition import RowField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.decisions.cedar_schema import CedarType, EntityShape
    from authz_lib.decisions.row_condition import FieldKind

__all__ = ["ResourceShape", "read_resource_shapes"]

_PRIMITIVES: Mapping[str, FieldKind] = {"Bool": "Bool", "Long": "Long", "String": "String"}


@dataclass(frozen=True, slots=True)
class ResourceShape:
    """One entity type.

    Attributes:
        name: with its namespace.
        attributes: the field of each attribute.
        required: the names of those that are not optional.
        parents: the entity types that an entity of it may be directly in.
    """

    name: str
    attributes: Mapping[str, RowField]
    required: frozenset[str]
    parents: tuple[str, ...]


def read_resource_shapes(schema: Any) -> Mapping[str, ResourceShape]:
    """The entity types of a schema that cedarpy has parsed, by name.

    There are none where Cedar's schema syntax cannot say what a schema in JSON says.

    >>> from authz_lib.decisions.cedar_text import parse_schema
    >>> text = "entity User; entity Order { owner: User, total?: Long };"
    >>> shape = read_resource_shapes(parse_schema(text))["Order"]
    >>> shape.attributes["owner"].entity_type, sorted(shape.required)
    ('User', ['owner'])
    """
    if str(schema).startswith("<"):  # cedarpy says why it cannot be written
        return {}
    entities = read_parsed_schema(schema).entities
    return MappingProxyType({name: _shape_of(one) for name, one in entities.items()})


def _shape_of(one: EntityShape) -> ResourceShape:
    fields = one.attrs.fields
    return ResourceShape(
        one.name,
        MappingProxyType({name: _field(name, type_) for name, (type_, _) in fields.items()}),
        frozenset(name for name, (_, required) in fields.items() if required),
        one.parents,
    )


def _field(attribute: str, type_: CedarType) -> RowField:
    if isinstance(type_, EntityType):
        return RowField("attribute", attribute, "Entity", type_.name)
    kind = _PRIMITIVES.get(type_.name, "Other") if isinstance(type_, Primitive) else "Other"
    return RowField("attribute", attribute, kind)

"""What a partial evaluation knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from authz_lib.decisions.row_condition import RowField

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from authz_lib.decisions.known_entities import KnownEntities
    from authz_lib.decisions.resource_shape import ResourceShape
    from authz_lib.entities import EntityUid

__all__ = ["Expression", "PartialRequest"]

Expression: TypeAlias = Any
"""An expression in Cedar's JSON form."""


@dataclass(frozen=True, slots=True)
class PartialRequest:
    """All of a request but the fields of its resource.

    Attributes:
        shape: of the resource's type, from the schema.
        attributes: the names of the attributes that there are fields for.
        parents: the types of parents that there are fields for.
        ask: Cedar's answer to an expression without the resource; ``None`` where it errs.
    """

    principal: EntityUid
    action: EntityUid
    context: Mapping[str, Any]
    entities: KnownEntities
    shape: ResourceShape
    attributes: Collection[str]
    parents: Collection[str]
    ask: Callable[[Expression], bool | None]

    @property
    def id(self) -> RowField:
        """The resource itself."""
        return RowField("id", self.shape.name, "Entity", self.shape.name)

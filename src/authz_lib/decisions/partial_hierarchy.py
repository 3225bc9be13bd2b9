"""What is in what, where the row and what its fields name are not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.decisions.partial_values import UntranslatableError, equal
from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
    RowCondition,
    RowField,
    conjunction,
    disjunction,
    one_of,
)
from authz_lib.entities import EntityUid

if TYPE_CHECKING:
    from collections.abc import Collection

    from authz_lib.decisions.known_entities import KnownEntities
    from authz_lib.decisions.resource_shape import ResourceShape
    from authz_lib.decisions.slicing import Uid

__all__ = ["Hierarchy"]


class Hierarchy:
    """Answers ``left in right``.

    The known entities have the parents that they have; others have none.  The row is in what its
    fields for parents name, and in what that is in.
    """

    def __init__(
        self, entities: KnownEntities, shape: ResourceShape, parents: Collection[str]
    ) -> None:
        self._entities = entities
        self._shape = shape
        self._parents = parents

    def inside(self, left: EntityUid | RowField, right: EntityUid | RowField) -> RowCondition:
        """Where an entity is in another one, or is it.

        Raises:
            UntranslatableError: it depends on a parent that there is no column for, or on what
                other rows are in.
        """
        itself = equal(left, right)
        if itself == EVERY_ROW:
            return EVERY_ROW
        if isinstance(left, RowField) and left.source == "id":
            return disjunction([itself, *self._through_parents(right)])
        return disjunction([itself, self._through_known(left, right)])

    def _through_parents(self, right: EntityUid | RowField) -> list[RowCondition]:
        found = []
        for name in self._shape.parents:
            if name in self._parents:
                parent = RowField("parent", name, "Entity", name)
                found += [equal(parent, right), self._known_pairs(parent, right)]
            elif self._may_be_in(name, right):
                raise UntranslatableError(
                    f"it asks what the resource is in, and there is no column for its `{name}`"
                )
        return found

    def _may_be_in(self, entity_type: str, right: EntityUid | RowField) -> bool:
        target = right.type if isinstance(right, EntityUid) else right.entity_type
        return target == entity_type or any(
            above[0] == target
            for uid in self._entities.of_type(entity_type)
            for above in self._entities.above(uid)
        )

    def _through_known(
        self, left: EntityUid | RowField, right: EntityUid | RowField
    ) -> RowCondition:
        # What the row is in does not matter to what is in the row.
        through_row = isinstance(right, EntityUid) or right.source != "id"
        if isinstance(left, EntityUid):
            uid = (left.type, left.id)
            above = self._entities.above(uid)
            if through_row:
                self._refuse_rows([uid, *above])
            if isinstance(right, EntityUid):
                return EVERY_ROW if (right.type, right.id) in above else NO_ROW
            return one_of(right, [id_ for type_, id_ in above if type_ == right.entity_type])
        if self._shape.parents and through_row:
            self._refuse_type(left.entity_type)
            for uid in self._entities.of_type(left.entity_type):
                self._refuse_rows(self._entities.above(uid))
        return self._known_pairs(left, right)

    def _refuse_rows(self, uids: Collection[Uid]) -> None:
        """What is in a row is also in what the row is in."""
        if self._shape.parents:
            for type_, _ in uids:
                self._refuse_type(type_)

    def _refuse_type(self, entity_type: str) -> None:
        if entity_type == self._shape.name:
            raise UntranslatableError("it asks what another entity of the resource's type is in")

    def _known_pairs(self, left: RowField, right: EntityUid | RowField) -> RowCondition:
        """Where what a field names is a known entity, and in the other one."""
        if isinstance(right, EntityUid):
            below = self._entities.below((right.type, right.id))
            return one_of(left, [id_ for type_, id_ in below if type_ == left.entity_type])
        pairs = []
        for uid in self._entities.of_type(left.entity_type):
            above = self._entities.above(uid)
            ids = [id_ for type_, id_ in above if type_ == right.entity_type]
            pairs.append(conjunction([one_of(left, [uid[1]]), one_of(right, ids)]))
        return disjunction(pairs)

"""The rows of a table that a caller may see, as a condition of SQLAlchemy.  Needs the extra
``sqlalchemy``.

`where` evaluates the policies for one caller, and writes what is left of them as SQL: the database
chooses the rows, in one query.  `authz_lib.decisions.residual` says which rows those are.

The condition is true or false for each row, never NULL.  It compares exactly:

=======================  =====================================================================
what                     how
=======================  =====================================================================
texts and ids            by their characters, whatever the collation of the column: case and
                         trailing spaces count
``like``                 ``LIKE`` with an escape in PostgreSQL, ``GLOB`` in SQLite
a value of another type  SQLite lets one into any column: such a row is left out, and so is one
                         with a NUL in a text that ``like`` reads
=======================  =====================================================================

PostgreSQL (with UTF-8) and SQLite are known.  For another database the condition does not compile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from authz_lib._support.checks import require_mapping
from authz_lib._support.extras import load_extra
from authz_lib.decisions.residual import (
    AllOf,
    AnyOf,
    Constant,
    Less,
    Matches,
    Negation,
    OneOf,
    Present,
    RowCondition,
    RowField,
    SameValue,
    fields_of,
    nodes_of,
    residual,
)
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.sql_columns import LIKE_ESCAPE, SqlColumn, TextForm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import sqlalchemy as sa

    from authz_lib.decisions.point import DecisionPoint
    from authz_lib.entities import Entity, EntityUid
    from authz_lib.principal import Principal
else:
    sa = load_extra("sqlalchemy", extra="sqlalchemy", what="`authz_lib.integrations.sqlalchemy`")

__all__ = ["where"]

_LIKE_SIGNS = re.compile(r"[%_/]")
_GLOB_SIGNS = re.compile(r"[*?\[]")
_MAX_PATTERN = 10_000  # SQLite takes 50,000 bytes


def where(
    engine: DecisionPoint,
    caller: EntityUid | Principal,
    action: str,
    *,
    resource_type: str,
    columns: Mapping[str, Any],
    resource_id: Any = None,
    parents: Mapping[str, Any] | None = None,
    context: Mapping[str, object] | None = None,
    entities: Iterable[Entity] = (),
) -> sa.ColumnElement[bool]:
    """The rows on which the caller may do the action: those that `DecisionPoint.filter` keeps.

    | the schema says | the column is |
    |---|---|
    | ``Bool`` | ``Boolean`` |
    | ``Long`` | ``Integer``, ``SmallInteger``, ``BigInteger`` |
    | ``String`` | ``String``, ``Text``, ``Unicode``; no ``CHAR``, no ``Enum`` |
    | an entity | the entity's id: one of the texts above, a whole number or ``Uuid`` |
    | anything else | any; only ``has`` is translated |

    Args:
        engine: an embedded engine with a schema; see `authz_lib.decisions.residual.residual`.
        caller: who asks.
        action: the id of the action.
        resource_type: the entity type that a row is.
        columns: attribute to column.  Attributes that no policy reads may be left out.
        resource_id: the column of the resource's own id.  It is needed where policies name
            resources or ask what is in a resource, and where the resource may be the caller.
        parents: the type of a parent to the column of its id, such as ``{"Folder": folder_id}``.
        context: as for `DecisionPoint.filter`.
        entities: as for `DecisionPoint.filter`.

    Raises:
        InvalidRequestError: a policy that can matter cannot be translated, and the message names
            it; or the request breaks a limit of the engine.
        ConfigurationError: the engine has no schema or is in another process, the schema does not
            know a name, or a column has another type.

    >>> from sqlalchemy import Column, MetaData, String, Table, select
    >>> from authz_lib import CedarEngine, EntityUid
    >>> engine = CedarEngine.from_text(
    ...     '''permit(principal, action, resource)
    ...     when { resource.owner == principal };''',
    ...     '''entity User; entity Order { owner: User };
    ...     action Get appliesTo { principal: User, resource: Order };''',
    ... )
    >>> orders = Table(
    ...     "orders", MetaData(), Column("id", String), Column("owner", String)
    ... )
    >>> mine = where(
    ...     engine,
    ...     EntityUid("User", "alice"),
    ...     "Get",
    ...     resource_type="Order",
    ...     columns={"owner": orders.c.owner},
    ... )
    >>> query = select(orders).where(mine)
    """
    columns = require_mapping(columns, "columns", of="of attributes to columns")
    parents = require_mapping(parents or {}, "parents", of="of entity types to columns")
    condition = residual(
        engine,
        caller,
        action,
        resource_type=resource_type,
        attributes=columns.keys(),
        parents=parents.keys(),
        has_id=resource_id is not None,
        refuse=_refusal,
        context=context,
        entities=entities,
    )
    by_source = {"attribute": columns, "parent": parents, "id": {resource_type: resource_id}}
    return _Writer(lambda field: by_source[field.source][field.name]).whole(condition)


def _refusal(node: RowCondition) -> str:
    """Why a part of a condition cannot be SQL."""
    if not isinstance(node, Matches):
        return ""
    if sum(map(len, node.pieces)) > _MAX_PATTERN:
        return f"a pattern of `like` has more than {_MAX_PATTERN} characters"
    # SQLite would end the pattern there.
    return "a pattern of `like` has a NUL" if any("\0" in one for one in node.pieces) else ""


class _Writer:
    """Writes a condition as SQL."""

    def __init__(self, column_of: Callable[[RowField], Any]) -> None:
        self._column_of = column_of
        self._columns: dict[RowField, SqlColumn] = {}

    def whole(self, condition: RowCondition) -> sa.ColumnElement[bool]:
        """The condition, for rows whose columns hold what they should."""
        matched = {part.field for part in nodes_of(condition) if isinstance(part, Matches)}
        guards = [
            self._column(field).well_typed(without_nul=field in matched)
            for field in dict.fromkeys(fields_of(condition))
        ]
        return sa.and_(self._written(condition), *guards)

    def _column(self, field: RowField) -> SqlColumn:
        if field not in self._columns:
            self._columns[field] = SqlColumn(self._column_of(field), field)
        return self._columns[field]

    def _written(self, condition: RowCondition) -> Any:
        return self._WRITERS[type(condition)](self, condition)

    def _constant(self, condition: Constant) -> Any:
        return sa.true() if condition.value else sa.false()

    def _present(self, condition: Present) -> Any:
        return self._column(condition.field).present()

    def _one_of(self, condition: OneOf) -> Any:
        return self._column(condition.field).one_of(condition.values)

    def _same(self, condition: SameValue) -> Any:
        left, right = self._column(condition.left), self._column(condition.right)
        if left.form != right.form:
            raise ConfigurationError(
                f"the columns for `{condition.left.name}` and `{condition.right.name}` must be of "
                "one type: the policies compare them"
            )
        return sa.and_(left.present(), right.present(), left.compared == right.compared)

    def _less(self, condition: Less) -> Any:
        present, sides = [], []
        for side in (condition.left, condition.right):
            if isinstance(side, RowField):
                present.append(self._column(side).present())
                sides.append(self._column(side).column)
            else:
                sides.append(sa.literal(side, sa.BigInteger()))
        left, right = sides
        return sa.and_(*present, left <= right if condition.equal else left < right)

    def _matches(self, condition: Matches) -> Any:
        column, pieces = self._column(condition.field), condition.pieces
        like = sa.literal(
            "%".join([_LIKE_SIGNS.sub(rf"{LIKE_ESCAPE}\g<0>", one) for one in pieces])
        )
        glob = sa.literal("*".join([_GLOB_SIGNS.sub(r"[\g<0>]", one) for one in pieces]))
        return sa.and_(column.present(), TextForm(column.compared, like, glob))

    def _negation(self, condition: Negation) -> Any:
        return sa.not_(self._written(condition.part))

    def _all_of(self, condition: AllOf) -> Any:
        return sa.and_(*map(self._written, condition.parts))

    def _any_of(self, condition: AnyOf) -> Any:
        return sa.or_(*map(self._written, condition.parts))

    _WRITERS: ClassVar[Mapping[type, Callable[[_Writer, Any], Any]]] = {
        Constant: _constant,
        Present: _present,
        OneOf: _one_of,
        SameValue: _same,
        Less: _less,
        Matches: _matches,
        Negation: _negation,
        AllOf: _all_of,
        AnyOf: _any_of,
    }

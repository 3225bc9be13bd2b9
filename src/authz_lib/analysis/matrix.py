"""Who may do what: routes down, groups across, and in each cell yes, no, or under what condition.

These are values only, without solver or engine.
`authz_lib.analysis.access_rows.policy_matrix` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ANYBODY", "CellAnswer", "MatrixCell", "MatrixRow", "PolicyMatrix"]

CellAnswer: TypeAlias = Literal["yes", "no", "if", "undecided"]
"""Always, never, under a condition; ``"undecided"`` within the bounds of the search."""

ANYBODY = "anybody signed in"
"""The first column: a caller who is in none of the groups that the policies name."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """Whether the callers of a column may do what a row says.

    Attributes:
        answer: ``yes``: every such request is allowed; ``no``: none is; ``if``: those that fulfil
            `words`; ``undecided``: it could not be found out.
        words: of ``if`` the condition, of ``undecided`` the reason; else empty.

    >>> str(MatrixCell("if", "owner, same tenant")), str(MatrixCell("no"))
    ('if owner, same tenant', 'no')
    """

    answer: CellAnswer
    words: str = ""

    def __str__(self) -> str:
        if self.answer == "undecided":
            return f"not decided: {self.words}"
        return f"{self.answer} {self.words}".strip()


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One action on one type of resource, or on one resource that the policies name.

    Attributes:
        principal: the type of the caller, such as ``User``.
        action: such as ``commercial:GetOrder``; with its type where that is not ``Action``.
        resource: such as ``Order``, or ``Application "orders"``.
        routes: those that mean the action, such as ``GET /orders/{orderId}``; empty without an
            action map.
        cells: one for each of the matrix's columns, in their order.
    """

    principal: str
    action: str
    resource: str
    routes: tuple[str, ...]
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class PolicyMatrix:
    """All rows, sorted by action.

    Attributes:
        columns: `ANYBODY`, then each group that a policy names, such as ``Group "support"``.
        rows: see `MatrixRow`.

    >>> routes, cells = ("GET /orders/{id}",), (MatrixCell("no"),)
    >>> row = MatrixRow("User", "GetOrder", "Order", routes, cells)
    >>> matrix = PolicyMatrix((ANYBODY,), (row,))
    >>> matrix.of_route("GET /orders/{id}") == (row,)
    True
    """

    columns: tuple[str, ...]
    rows: tuple[MatrixRow, ...]

    def of_route(self, route: str) -> tuple[MatrixRow, ...]:
        """The rows of a route, such as ``GET /orders/{orderId}``."""
        return tuple(row for row in self.rows if route in row.routes)

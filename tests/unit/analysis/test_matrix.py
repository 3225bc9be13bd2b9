"""The values of a matrix."""

from __future__ import annotations

import pytest

from authz_lib.analysis.matrix import ANYBODY, MatrixCell, MatrixRow, PolicyMatrix


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (MatrixCell("yes"), "yes"),
        (MatrixCell("no"), "no"),
        (MatrixCell("if", "owner, same tenant"), "if owner, same tenant"),
        (MatrixCell("undecided", "`ip()` is not read"), "not decided: `ip()` is not read"),
    ],
)
def test_a_cell_reads_as_a_sentence(cell, text):
    assert str(cell) == text


def test_a_route_has_the_rows_of_its_action():
    def row(action, *routes):
        return MatrixRow("User", action, "Order", routes, (MatrixCell("no"),))

    get, both = row("GetOrder", "GET /orders/{id}"), row("Any", "GET /orders/{id}", "PUT /orders")
    matrix = PolicyMatrix((ANYBODY,), (get, both, row("Other")))
    assert matrix.of_route("GET /orders/{id}") == (get, both)
    assert matrix.of_route("PUT /orders") == (both,)
    assert matrix.of_route("GET /") == ()

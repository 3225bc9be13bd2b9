"""Conditions that leave out what cannot matter."""

from __future__ import annotations

import pytest

from authz_lib.decisions.row_condition import (
    EVERY_ROW,
    NO_ROW,
    AllOf,
    AnyOf,
    Less,
    Negation,
    OneOf,
    Present,
    RowField,
    SameValue,
    conjunction,
    disjunction,
    fields_of,
    negation,
    nodes_of,
    one_of,
)

OWNER = RowField("attribute", "owner", "Entity", "User")
OTHER = RowField("attribute", "reviewer", "Entity", "User")
TOTAL = RowField("attribute", "total", "Long")
ALICE, BOTH = OneOf(OWNER, frozenset({"alice"})), OneOf(OWNER, frozenset({"alice", "bob"}))
BOB = OneOf(OWNER, frozenset({"bob"}))
SMALL = Less(TOTAL, 3)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], EVERY_ROW),
        ([SMALL, EVERY_ROW], SMALL),
        ([SMALL, NO_ROW], NO_ROW),
        ([SMALL, SMALL], SMALL),
        ([AllOf((SMALL, ALICE)), SMALL], AllOf((SMALL, ALICE))),
        ([ALICE, BOTH], ALICE),
        ([ALICE, BOB], NO_ROW),
        ([ALICE, Present(OWNER)], ALICE),
        ([ALICE, Negation(Present(OWNER))], NO_ROW),
        ([ALICE, Negation(ALICE)], NO_ROW),
        ([Present(OWNER), Negation(Present(OWNER))], NO_ROW),
        ([SameValue(OWNER, OTHER), Negation(Present(OTHER))], NO_ROW),
        ([ALICE, SMALL], AllOf((ALICE, SMALL))),
    ],
)
def test_a_conjunction(parts, whole):
    assert conjunction(parts) == whole


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], NO_ROW),
        ([SMALL, NO_ROW], SMALL),
        ([SMALL, EVERY_ROW], EVERY_ROW),
        ([ALICE, BOB], BOTH),
        ([AnyOf((SMALL, ALICE)), BOB], AnyOf((SMALL, BOTH))),
        ([ALICE, Negation(ALICE)], EVERY_ROW),
        ([ALICE, Negation(Present(OWNER))], AnyOf((ALICE, Negation(Present(OWNER))))),
    ],
)
def test_a_disjunction(parts, whole):
    assert disjunction(parts) == whole


@pytest.mark.parametrize(
    ("part", "opposite"),
    [
        (EVERY_ROW, NO_ROW),
        (NO_ROW, EVERY_ROW),
        (ALICE, Negation(ALICE)),
        (Negation(ALICE), ALICE),
        (AllOf((ALICE, SMALL)), AnyOf((Negation(ALICE), Negation(SMALL)))),
        (AnyOf((ALICE, SMALL)), AllOf((Negation(ALICE), Negation(SMALL)))),
    ],
)
def test_a_negation(part, opposite):
    assert negation(part) == opposite


def test_no_value_is_no_row():
    assert one_of(OWNER, []) == NO_ROW


def test_the_fields_and_nodes_of_a_condition():
    whole = AllOf((Negation(ALICE), AnyOf((SMALL, SameValue(OWNER, OTHER)))))
    assert sorted(fields_of(whole)) == [OWNER, OWNER, OTHER, TOTAL]
    assert len([*nodes_of(whole)]) == 6

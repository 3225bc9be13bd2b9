"""The one printer of tables."""

from __future__ import annotations

import pytest

from authz_lib.cli.table import print_table


def test_a_column_is_as_wide_as_its_longest_cell(capsys):
    print_table(["request", "", "ms"], [["a", "ok", "1"], ["a long name", "", ""]])
    assert capsys.readouterr().out.splitlines() == [
        "request          ms",
        "-----------  --  --",
        "a            ok  1",
        "a long name",
    ]


def test_headings_alone(capsys):
    print_table(["a", "b"], [])
    assert capsys.readouterr().out == "a  b\n-  -\n"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        print_table(["a", "b"], [["1"]])

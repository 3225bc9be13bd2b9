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


def test_an_outcome_is_coloured_where_it_stands(capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    rows = [["ok", "ok", "1"], ["b", "DIFFERENT", "2"], ["c", "undecided", ""], ["d", "other", ""]]
    print_table(["request", "outcome", "ms"], rows, outcome=1)
    assert capsys.readouterr().out.splitlines() == [
        "request  outcome    ms",
        "-------  ---------  --",
        "ok       \x1b[32mok\x1b[0m         1",
        "b        \x1b[31mDIFFERENT\x1b[0m  2",
        "c        \x1b[33mundecided\x1b[0m",
        "d        other",
    ]
    print_table(["outcome"], [["opens"]], outcome=0)
    assert capsys.readouterr().out == "outcome\n-------\n\x1b[31mopens\x1b[0m\n"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        print_table(["a", "b"], [["1"]])

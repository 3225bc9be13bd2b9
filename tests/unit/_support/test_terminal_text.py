"""Columns and colours, for the report of an audit and for the tables of commands."""

from __future__ import annotations

import re

import pytest

from authz_lib._support.terminal_text import STYLES, in_columns, in_style


def test_each_cell_is_as_wide_as_its_column():
    assert in_columns([["a", "", "bb"], ["aaa", "", ""]]) == [["a  ", "", "bb"], ["aaa", "", "  "]]
    assert in_columns([]) == []


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="zip"):
        in_columns([["a", "b"], ["1"]])


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_switched_on_and_off(style):
    assert re.fullmatch(r"\x1b\[[0-9;]+mok\x1b\[0m", in_style("ok", style))


def test_no_two_styles_look_alike():
    assert len(set(STYLES.values())) == len(STYLES)

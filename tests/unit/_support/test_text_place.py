"""Lines and columns, both from 1."""

from __future__ import annotations

import pytest

from authz_lib._support.text_place import line_and_column, place_in_file


@pytest.mark.parametrize(
    ("offset", "place"), [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1))]
)
def test_a_line_break_belongs_to_its_line(offset, place):
    assert line_and_column("ab\n\nc", offset) == place


def test_it_is_written_as_compilers_write_it(tmp_path):
    assert place_in_file(tmp_path / "a.json", "{\n 1", 3) == f"{tmp_path}/a.json:2:2"

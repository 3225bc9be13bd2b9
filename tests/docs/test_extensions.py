"""The Sphinx extensions of `docs/_extensions` by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sphinx")
from command_line import command_line, parsers
from docstring_tables import with_tables
from flow_diagram import draw_flow, read_flow
from site_versions import versions_of

FLOW = ["Token", "  of <one> source", "  ! 401 none", "Decision", "  = Allow"]


def test_a_flow_has_steps_with_details_and_ways_out():
    token, decision = read_flow(FLOW)
    assert (token.title, token.details) == ("Token", ["of <one> source"])
    assert token.exits == [("refusal", "401 none")]
    assert decision.exits == [("answer", "Allow")]


def test_a_detail_without_a_step_is_an_error():
    with pytest.raises(ValueError, match="belongs to no step"):
        read_flow(["  ! 401"])


def test_a_picture_has_a_box_for_each_step_and_no_markup_of_the_text():
    picture = draw_flow("A & B", read_flow(FLOW))
    assert picture.count("<rect") == 2
    assert "of &lt;one&gt; source" in picture
    assert "<title>A &amp; B</title>" in picture
    assert 'class="refusal"' in picture
    assert 'class="answer"' in picture


def test_a_table_of_a_docstring_becomes_one_of_sphinx():
    lines = with_tables(
        ["Text.", "", "    | a | b |", "    |---|---|", r"    | 1 \| 2 | |", "", "End."]
    )
    assert [line.strip() for line in lines if line.strip()] == [
        *["Text.", ".. list-table::", ":header-rows: 1", "* - a", "- b"],
        *[r"* - 1 \| 2", "-", "End."],
    ]
    assert with_tables(["no table", "at all"])[:2] == ["no table", "at all"]


def test_each_command_has_its_section_with_all_its_words():
    text = command_line()
    for parser in parsers():
        section = text.partition(f"# `{parser.prog}`\n")[2].partition("\n#")[0]
        words = [word for action in parser._actions for word in action.option_strings]
        assert section
        assert [word for word in words if word not in section and "help" not in word] == []
    assert "# `authz local`" in text
    assert "# `authz token verify`" in text


def test_the_version_switch_marks_the_version_that_is_shown():
    from jinja2 import Template

    folder = Path(__file__).parents[2] / "docs" / "_templates" / "sidebar"
    template = Template((folder / "versions.html").read_text(encoding="utf-8"))
    shown = template.render(versions=versions_of("1.1=/1.1/ 1.0=/1.0/"), current_version="1.0")
    assert '<a href="/1.1/">1.1</a>' in shown
    assert '<a href="/1.0/" aria-current="true">1.0</a>' in shown
    assert template.render(versions=[], current_version="1.0").strip() == ""

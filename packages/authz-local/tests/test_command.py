"""`authz local --help`: what it is for, examples that parse, exit codes."""

from __future__ import annotations

import argparse
import shlex

import pytest

from authz_local import command


@pytest.fixture
def parser():
    made = argparse.ArgumentParser(prog="authz local")
    command.add_arguments(made)
    return made


def test_each_word_has_its_help_and_each_code_its_meaning(parser):
    for action in parser._actions:
        assert action.help, action.dest
    text = parser.format_help()
    for code in ("0", "1", "2", "130"):
        assert f"\n{code:>5}  " in text


def test_each_example_is_a_command_line_that_parses(parser):
    text = parser.format_help().partition("examples:\n")[2].partition("\n\n")[0]
    examples = [line for line in text.splitlines() if not line.startswith("  #")]
    assert len(examples) == 5
    for line in examples:
        name, subcommand, *words = shlex.split(line)
        assert (name, subcommand) == ("authz", "local")
        assert parser.parse_args(words).path

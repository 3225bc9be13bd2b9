"""The help of every command: what it is for, examples that parse, exit codes, and each option."""

from __future__ import annotations

import argparse
import shlex
from importlib import import_module

import pytest

from authz_lib.cli import main as cli
from authz_lib.cli.command_help import add_json_option, give_help


def parsers(parser, words):
    """A command, and all below it."""
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from parsers(below, (*words, name))


def whole(name):
    parser = argparse.ArgumentParser(prog=f"authz {name}")
    import_module(cli._SUBCOMMANDS[name].module).add_arguments(parser)
    return parser


BUILT_IN = [name for name, subcommand in cli._SUBCOMMANDS.items() if subcommand.module]
COMMANDS = [
    pytest.param(words, parser, id=" ".join(words))
    for name in BUILT_IN
    for words, parser in parsers(whole(name), (name,))
]


@pytest.mark.parametrize(("words", "parser"), COMMANDS)
def test_it_says_what_it_is_for_and_what_its_codes_mean(words, parser):
    text = parser.format_help()
    assert parser.description
    for code in "012":
        assert f"\n    {code}  " in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(("words", "parser"), COMMANDS)
def test_each_word_and_option_has_its_help(words, parser):
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, action.dest


def lines_of_examples(text):
    """The command lines, without what explains them, feeds them or takes their output."""
    lines = text.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    commands = [line.strip() for line in lines if not line.startswith("  #")]
    return [shlex.split(line.rpartition("| ")[2].partition(" > ")[0]) for line in commands]


@pytest.mark.parametrize(("words", "parser"), COMMANDS)
def test_each_example_is_a_command_line_that_parses(words, parser):
    examples = lines_of_examples(parser.epilog)
    assert examples
    for line in examples:
        assert line[: 1 + len(words)] == ["authz", *words]
        assert whole(words[0]).parse_args(line[2:]) is not None


def test_the_examples_of_the_whole_command_are_of_its_commands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    examples = lines_of_examples(text)
    assert len(examples) == 5
    for _, name, *words in examples:
        assert name in cli._SUBCOMMANDS
        if name in BUILT_IN:
            assert whole(name).parse_args(words) is not None
    for code in ("0", "1", "2", "130"):
        assert f"\n{code:>5}  " in text
    assert "NO_COLOR" in text


def test_json_is_short_for_the_format_where_there_is_one():
    with_format, alone = argparse.ArgumentParser(), argparse.ArgumentParser()
    with_format.add_argument("--format", default="table")
    for parser in (with_format, alone):
        add_json_option(parser)
    assert with_format.parse_args(["--json"]).format == "json"
    assert with_format.parse_args([]).format == "table"
    assert alone.parse_args(["--json"]).json is True
    assert alone.parse_args([]).json is False


def test_what_an_example_does_stands_above_it():
    parser = argparse.ArgumentParser(prog="x")
    give_help(parser, "Do it.", examples=["x one # the first", "x two"], exit_codes={"1": "no"})
    assert parser.format_help().endswith(
        "examples:\n  # the first\n  x one\n  x two\n\n"
        "exit codes:\n    0  fine\n    1  no\n    2  it could not be asked\n"
    )

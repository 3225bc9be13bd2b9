"""`authz`: a table of subcommands, exit codes, one clear line."""

from __future__ import annotations

from importlib import import_module

import pytest

from authz_lib.cli import main as cli


def test_help_names_every_subcommand(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for name in cli._SUBCOMMANDS:
        assert name in printed


@pytest.mark.parametrize("name", cli._SUBCOMMANDS)
def test_every_subcommand_can_be_asked_for_help(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["no-such-command"]])
def test_a_wrong_word_is_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: authz" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli._SUBCOMMANDS)
def test_every_subcommand_has_its_two_functions(name):
    module = import_module(cli._SUBCOMMANDS[name].module)
    assert callable(module.add_arguments)
    assert callable(module.run)

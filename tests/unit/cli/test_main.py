"""`authz`: a table of subcommands, exit codes, one clear line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "words", [["--help"], ["policies", "--help"], ["gateway-responses", "--format", "sam"]]
)
def test_output_that_cannot_be_written_is_one_line(words):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "authz_lib.cli", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 2
    assert ended.stderr.endswith(": standard output failed: No space left on device\n")
    assert ended.stderr.count("\n") == 1


def test_output_that_fails_while_it_is_written_is_one_line(monkeypatch, capsys):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.main(["gateway-responses", "--format", "sam"]) == 2
    assert capsys.readouterr().err == (
        "authz gateway-responses: standard output failed: No space left on device\n"
    )


def test_a_fault_of_something_else_is_not_taken_for_one_of_the_output(monkeypatch, capfd):
    """It has a place, which a line about the output would hide; and the caller may go on
    printing.
    """
    module = import_module(cli._SUBCOMMANDS["gateway-responses"].module)

    def unreachable(arguments):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(module, "run", unreachable)
    with pytest.raises(ConnectionRefusedError):
        cli.main(["gateway-responses", "--format", "sam"])
    os.write(1, b"goes on\n")
    assert capfd.readouterr() == ("goes on\n", "")


def test_without_standard_input_no_token_can_be_read(monkeypatch, capsys, tmp_path):
    from authz_lib.testing.issuer import TestIssuer

    (tmp_path / "jwks.json").write_text(json.dumps(TestIssuer("https://issuer.example").jwks()))
    words = [
        "token",
        "verify",
        "-",
        "--jwks",
        str(tmp_path / "jwks.json"),
        "--issuer",
        "i",
        "--any-audience",
    ]
    closed = io.StringIO()
    closed.close()
    for stdin in (None, closed):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert cli.main(words) == 2
        assert (
            capsys.readouterr().err
            == "authz token: standard input is closed: there is no token to read\n"
        )
    read, write = os.pipe()
    with os.fdopen(write):  # a descriptor that is not open for reading
        os.close(read)
        ended = subprocess.run(
            [sys.executable, "-m", "authz_lib.cli", *words],
            stdin=write,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)

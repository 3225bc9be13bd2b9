"""`authz`: a table of subcommands, exit codes, one clear line."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import authz_lib
from authz_lib.cli import main as cli

BUILT_IN = [name for name, subcommand in cli._SUBCOMMANDS.items() if subcommand.module]


def test_help_names_every_subcommand(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for name in cli._SUBCOMMANDS:
        assert name in printed


@pytest.mark.parametrize("name", BUILT_IN)
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


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_subcommand_has_its_two_functions(name):
    module = import_module(cli._SUBCOMMANDS[name].module)
    assert callable(module.add_arguments)
    assert callable(module.run)


@pytest.fixture
def entry_points(monkeypatch):
    """The entry points of the environment, as the test fills them in."""
    found = []

    def select(*, group, name):
        return [point for point in found if (point.group, point.name) == (group, name)]

    monkeypatch.setattr(importlib.metadata, "entry_points", select)
    return found


@pytest.mark.parametrize("words", [["examples/x", "--check"], ["--help"], []])
def test_a_subcommand_that_is_not_installed_says_how_to_get_it(words, capsys, entry_points):
    assert cli.main(["local", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "authz local: the distribution `authz-local` is not installed: get it by "
        "`uv pip install CHECKOUT/packages/authz-local`, with a checkout of authz-lib\n"
    )


def test_a_subcommand_of_another_distribution_is_found_by_its_entry_point(
    monkeypatch, tmp_path, capsys, entry_points
):
    (tmp_path / "its_command.py").write_text(
        "def add_arguments(parser): parser.add_argument('path')\n"
        "def run(arguments): print('ran', arguments.path); return 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    group = cli.COMMANDS_GROUP
    entry_points.append(importlib.metadata.EntryPoint("local", "its_command", group))
    assert cli.main(["local", "here"]) == 1
    assert capsys.readouterr().out == "ran here\n"


def test_an_entry_point_cannot_replace_a_subcommand(entry_points):
    group = cli.COMMANDS_GROUP
    entry_points.append(importlib.metadata.EntryPoint("token", "no_such_module", group))
    assert cli._load("token").__name__ == "authz_lib.cli.token"


def test_the_version_is_that_of_the_metadata(capsys, monkeypatch):
    def version(distribution):
        if distribution != "authz-local":
            raise AssertionError
        raise importlib.metadata.PackageNotFoundError

    assert authz_lib.__version__ == importlib.metadata.version("authz-lib")
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.2.3")
    for expected in ("\nauthz-local 1.2.3\n", "\n"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["--version"])
        assert ended.value.code == 0
        assert capsys.readouterr().out == f"authz-lib {authz_lib.__version__}{expected}"
        monkeypatch.setattr(importlib.metadata, "version", version)


def test_the_metadata_is_read_only_when_it_is_asked_for():
    code = (
        "import sys, authz_lib; print('importlib.metadata' in sys.modules);"
        "print(authz_lib.__version__); print('importlib.metadata' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["False", importlib.metadata.version("authz-lib"), "True"]


def test_a_copy_without_metadata_has_no_known_version(monkeypatch):
    def version(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.delitem(sys.modules, "authz_lib._support.version", raising=False)
    assert import_module("authz_lib._support.version").__version__ == "unknown"
    monkeypatch.delitem(sys.modules, "authz_lib._support.version")


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [
        (["--help"], ""),
        (["gateway-responses", "--format", "sam"], ""),
        (["gateway-responses", "--format", "sam"], "1"),
    ],
)
def test_a_reader_that_has_read_enough_ends_it_quietly(words, unbuffered):
    """As `authz … | head` does, whether Python writes at once or at its end."""
    read, write = os.pipe()
    os.close(read)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "authz_lib.cli", *words],
            stdout=write,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_a_broken_pipe_of_something_else_is_not_taken_for_the_output(monkeypatch, capsys):
    module = import_module(cli._SUBCOMMANDS["gateway-responses"].module)

    def broken(arguments):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(module, "run", broken)
    assert cli.main(["gateway-responses", "--format", "sam"]) == 2
    assert "BrokenPipeError: [Errno 32] Broken pipe\n" in capsys.readouterr().err


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
    """It says where it comes from, the caller may go on printing, and it is no "no"."""
    module = import_module(cli._SUBCOMMANDS["gateway-responses"].module)

    def unreachable(arguments):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(module, "run", unreachable)
    assert cli.main(["gateway-responses", "--format", "sam"]) == 2
    os.write(1, b"goes on\n")
    out, err = capfd.readouterr()
    assert out == "goes on\n"
    assert err.startswith("Traceback (most recent call last):\n")
    assert "in unreachable\n" in err
    assert err.endswith(
        "\nConnectionRefusedError: [Errno 111] Connection refused\n"
        "authz gateway-responses: this is a fault of authz: please report the lines above\n"
    )


def test_an_interrupt_is_quiet(monkeypatch, capsys):
    module = import_module(cli._SUBCOMMANDS["gateway-responses"].module)

    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", interrupted)
    assert cli.main(["gateway-responses", "--format", "sam"]) == 130
    assert capsys.readouterr() == ("", "")


_READY_BEFORE_READING = """
import signal
import sys
from authz_lib.cli.main import main

class Stdin:
    def read(self, size):
        print("reading", flush=True)
        return sys.__stdin__.read(size)

sys.stdin = Stdin()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")
def test_ctrl_c_while_a_token_is_awaited_is_quiet():
    words = ["token", "verify", "--oidc", "https://id.example.com", "--any-audience"]
    with subprocess.Popen(
        [sys.executable, "-c", _READY_BEFORE_READING, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


_WAITS_AT_ITS_END = """
import atexit
import signal
import sys
from authz_lib.cli.main import run_as_process

def wait():
    print("ending", flush=True)
    sys.stdin.read()

atexit.register(wait)
signal.signal(signal.SIGINT, signal.{handler})
run_as_process({command})
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")
@pytest.mark.parametrize("command", ["lambda: 130", "lambda: sys.exit(0)"])  # `--help` exits itself
def test_ctrl_c_after_the_answer_is_quiet(command):
    program = _WAITS_AT_ITS_END.format(handler="default_int_handler", command=command)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")
def test_ctrl_c_that_is_ignored_stays_ignored_after_the_answer():
    program = _WAITS_AT_ITS_END.format(handler="SIG_IGN", command="lambda: 130")
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ending\n"
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait(timeout=60) == 130


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

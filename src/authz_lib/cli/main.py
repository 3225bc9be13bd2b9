"""The entry point of `authz`: a table of subcommands, each loaded only when it is called."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, cast

from authz_lib.cli.command_help import give_help
from authz_lib.errors import AuthzError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

__all__ = ["COMMANDS_GROUP", "Command", "main", "run_as_process"]

COMMANDS_GROUP = "authz_lib.commands"
"""The group of entry points by which another distribution brings a subcommand of the table."""

_CLOSED_PIPE = 141  # 128 + SIGPIPE, what a shell sees when `… | head` ends other commands
_INTERRUPTED = 130  # 128 + SIGINT


class Command(Protocol):
    """What a subcommand is: a module with these two functions.

    An entry point of the group `COMMANDS_GROUP` names such a module.  Its name is the subcommand's.
    """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the words that the subcommand takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; the exit code.  An `AuthzError` is printed as one line, with exit code 2."""


class _Subcommand(NamedTuple):
    summary: str
    module: str | None  # `None`: an entry point of `distribution` names it
    distribution: str = "authz-lib"


_SUBCOMMANDS: dict[str, _Subcommand] = {
    "actions": _Subcommand(
        "make an action map from OpenAPI or a template, or check one", "authz_lib.cli.actions"
    ),
    "audit": _Subcommand(
        "list what is open in templates, and closed by what", "authz_lib.cli.audit"
    ),
    "gateway-responses": _Subcommand(
        "print what a REST API's gateway answers itself, in the shape of your errors",
        "authz_lib.cli.gateway_responses",
    ),
    "layer": _Subcommand(
        "build a Lambda layer of this library, for the functions' architecture",
        "authz_lib.cli.layer",
    ),
    "local": _Subcommand(
        "deploy a template on a local AWS, and serve or check it (distribution `authz-local`)",
        None,
        "authz-local",
    ),
    "policies": _Subcommand(
        "validate Cedar policies, test what they decide, or prove something of them",
        "authz_lib.cli.policies",
    ),
    "revoke": _Subcommand(
        "refuse a token, a sign-in or a subject from now on, in a table of DynamoDB",
        "authz_lib.cli.revoke",
    ),
    "smithy": _Subcommand(
        "make the action map and the Cedar schema that a Smithy model implies",
        "authz_lib.cli.smithy",
    ),
    "token": _Subcommand(
        "check a token: which checks it passes, and which it fails", "authz_lib.cli.token"
    ),
}

_EXAMPLES = (
    "authz audit template.yaml # what is open in a template, before it is deployed",
    "authz policies test policies/ # what the policies decide, beside what they should",
    "authz local examples/orders_router --check # a template on a local AWS, asked over HTTP",
    "pbpaste | authz token verify --oidc https://id.example.com --any-audience # why a 401?",
    "authz policies diff HEAD:policies/ policies/ # what a change opens and closes",
)
_EXIT_CODES = {
    "0": "fine",
    "1": "the answer is no: something was found, refused, or is different",
    "2": "it could not be asked: a wrong word, a file, a service, a fault of authz itself",
    "130": "interrupted by Ctrl-C",
}
_DETAILS = """\
`authz COMMAND --help` has examples of each command.

NO_COLOR and FORCE_COLOR switch colours off and on; else a terminal has them.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``authz``.

    | exit code | meaning |
    |---|---|
    | 0 | fine |
    | 1 | the answer is "no" |
    | 2 | the question was wrong, or could not be asked; also a fault of this program |
    | 130 | Ctrl-C |
    | 141 | the reader of the output has closed it, such as ``head`` |
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run_quietly(words)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception:  # noqa: BLE001  Python's own exit code would be 1: "the answer is no"
        import traceback

        traceback.print_exc()
        _complain(words, "this is a fault of authz: please report the lines above")
        return 2


def run_as_process(command: Callable[[], int] = main) -> NoReturn:
    """Answer, and end this process; after the answer Ctrl-C ends it at once, and quietly.

    Python's own end would print a traceback.  An interrupt that is ignored stays ignored.
    """
    try:
        sys.exit(command())
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run_quietly(words: Sequence[str]) -> int:
    """The exit code, also where the output has no reader or cannot be written."""
    try:
        code = _run(words)
    except BrokenPipeError:
        if any(map(_has_no_reader, (sys.stdout, sys.stderr))):
            return _end_quietly()
        raise  # it is somebody else's, and says where it comes from
    except (OSError, SystemExit):
        problem = _output_problem()
        if problem is None:
            raise
    else:
        problem = _output_problem()
        if problem is None:
            return code
    if isinstance(problem, BrokenPipeError):
        return _end_quietly()
    _drop(sys.stdout)
    reason = problem.strerror or type(problem).__name__
    _complain(words, f"standard output failed: {reason}")
    return 2


def _output_problem() -> OSError | None:
    """Why what was printed did not get out; here, where it can still be told."""
    try:
        if sys.stdout is not None:  # a process may be started without one
            sys.stdout.flush()
    except OSError as error:
        return error
    return None


def _end_quietly() -> int:
    _drop(sys.stdout)
    _drop(sys.stderr)
    return _CLOSED_PIPE


def _has_no_reader(stream: TextIO | None) -> bool:
    """Whether a stream is a pipe whose reader has closed it."""
    with suppress(OSError, ValueError, AttributeError):  # no file; no `poll` on Windows
        poll = select.poll()
        poll.register(stream.fileno(), 0)  # type: ignore[union-attr]
        return bool(poll.poll(0))
    return False


def _run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="authz")
    give_help(
        parser,
        "Authorization for services behind Amazon API Gateway.",
        examples=_EXAMPLES,
        exit_codes=_EXIT_CODES,
        details=_DETAILS,
    )
    parser.add_argument(
        "--version", action=_PrintVersions, nargs=0, help="print the installed versions and end"
    )
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    try:
        for name, subcommand in _SUBCOMMANDS.items():
            summary = subcommand.summary
            subparser = subparsers.add_parser(name, help=summary)
            if words and words[0] == name:  # no other module is needed for a help line
                _load(name).add_arguments(subparser)
        arguments = parser.parse_args(words)
        return int(_load(arguments.subcommand).run(arguments))
    except AuthzError as error:
        _complain(words, str(error))
        return 2


def _load(name: str) -> Command:
    """The module of a subcommand.

    Raises:
        ConfigurationError: another distribution brings it, and is not installed.
    """
    subcommand = _SUBCOMMANDS[name]
    if subcommand.module is not None:
        return cast("Command", import_module(subcommand.module))
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=COMMANDS_GROUP, name=name):
        return cast("Command", entry_point.load())
    distribution = subcommand.distribution
    raise ConfigurationError(
        f"the distribution `{distribution}` is not installed: get it by "
        f"`uv pip install CHECKOUT/packages/{distribution}`, with a checkout of authz-lib"
    )


class _PrintVersions(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        from authz_lib._support.version import __version__

        print(f"authz-lib {__version__}")
        for subcommand in _SUBCOMMANDS.values():
            if subcommand.module is None:
                with suppress(PackageNotFoundError):
                    print(f"{subcommand.distribution} {version(subcommand.distribution)}")
        parser.exit()


def _complain(words: Sequence[str], problem: str) -> None:
    subcommand = f" {words[0]}" if words and words[0] in _SUBCOMMANDS else ""
    print(f"authz{subcommand}: {problem}", file=sys.stderr)


def _drop(stream: TextIO | None) -> None:
    """Forget what could not be written: Python would try again at its end, with a traceback."""
    with suppress(OSError, ValueError, AttributeError):  # an output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]

"""The entry point of `authz`: a table of subcommands, each in a module of its own, loaded only when
it is called.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from authz_lib.errors import AuthzError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


class _Subcommand(NamedTuple):
    module: str  # has `add_arguments(parser)` and `run(arguments) -> int`
    summary: str


_SUBCOMMANDS: dict[str, _Subcommand] = {
    "gateway-responses": _Subcommand(
        "authz_lib.cli.gateway_responses",
        "print what a REST API's gateway answers itself, in the shape of your errors",
    ),
    "local": _Subcommand(
        "authz_lib.cli.local", "deploy an example on a local AWS and serve or check it"
    ),
    "token": _Subcommand(
        "authz_lib.cli.token", "check a token: which checks it passes, and which it fails"
    ),
    "smithy": _Subcommand(
        "authz_lib.cli.smithy",
        "make the action map and the Cedar schema that a Smithy model implies",
    ),
    "policies": _Subcommand(
        "authz_lib.cli.policies", "validate Cedar policies, or test what they decide"
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``authz``; exit code 0: fine, 1: the answer is "no", 2: the question was wrong or could
    not be asked.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
    except (OSError, SystemExit):
        problem = _output_problem()
        if problem is None:  # it is somebody else's, and says where it comes from
            raise
    else:
        problem = _output_problem()
        if problem is None:
            return code
    _drop_output()
    _complain(words, f"standard output failed: {problem}")
    return 2


def _output_problem() -> str | None:
    """Why what was printed did not get out; here, where it can still be told."""
    try:
        if sys.stdout is not None:  # a process may be started without one
            sys.stdout.flush()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _run(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="authz", description="Authorization for services behind Amazon API Gateway."
    )
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for name, subcommand in _SUBCOMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=subcommand.summary, description=subcommand.summary
        )
        if (
            words and words[0] == name
        ):  # the others' modules (and what they import) are not needed for a help line
            import_module(subcommand.module).add_arguments(subparser)
    arguments = parser.parse_args(words)
    try:
        return int(import_module(_SUBCOMMANDS[arguments.subcommand].module).run(arguments))
    except AuthzError as error:
        _complain(words, str(error))
        return 2


def _complain(words: Sequence[str], problem: str) -> None:
    subcommand = f" {words[0]}" if words and words[0] in _SUBCOMMANDS else ""
    print(f"authz{subcommand}: {problem}", file=sys.stderr)


def _drop_output() -> None:
    """What could not be written must not be tried again when the process ends: that would be a
    traceback.
    """
    with suppress(OSError, ValueError, AttributeError):  # an output that is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

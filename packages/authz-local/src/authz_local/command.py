"""`authz local PATH`: deploy a template on a local AWS and serve it, or `--check` its answers."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from authz_lib.cli.command_help import give_help
from authz_lib.cli.main import main as authz
from authz_lib.cli.main import run_as_process
from authz_lib.errors import ConfigurationError
from authz_local._interrupts import EndOfServing, interruptible, serving
from authz_local.report import as_json, log_lines, print_results
from authz_local.serving import describe, print_description

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from authz_local.local_scenario import LocalScenario

__all__ = ["add_arguments", "main", "run", "run_local_as_process"]

_ERROR_LINES = 10
_WATCH_SECONDS = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``authz-local``, which is ``authz local``."""
    words = list(sys.argv[1:] if argv is None else argv)
    return authz(words if words == ["--version"] else ["local", *words])


def run_local_as_process() -> NoReturn:
    """Run ``authz-local``, and end this process."""
    run_as_process(main)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words that `authz local` takes."""
    give_help(
        parser,
        "Deploy a SAM or CloudFormation template on a local AWS, and serve it or check its "
        "answers.  Or serve Cedar policies as a policy store.",
        examples=[
            "authz local examples/orders_router # URLs, tokens and lines to paste",
            "authz local examples/orders_router --check # each request of requests.yaml",
            "authz local examples/orders_router --check --json --logs",
            "authz local my_service --init # write a first requests.yaml",
            "authz local store policies/ # a Verified Permissions endpoint",
        ],
        exit_codes={
            "0": "every answer was the expected one, or it was served until Ctrl-C",
            "1": "an answer was another one, or there was no request",
            "130": "Ctrl-C before it served, or while it checked",
        },
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a folder with `template.yaml` and `requests.yaml`; or the word `store`",
    )
    parser.add_argument(
        "policies",
        type=Path,
        metavar="POLICIES",
        nargs="?",
        help="after `store`: a folder of Cedar policies, served as a policy store",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="send every request of `requests.yaml`, compare, and end",
    )
    parser.add_argument(
        "--init",
        action="store_true",
        help="write a first `requests.yaml` from the template and the action map, and end",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document instead of text"
    )
    parser.add_argument(
        "--logs",
        action="store_true",
        help="print what each function writes, not only behind a difference",
    )
    parser.add_argument(
        "--port", type=int, help="port of the local AWS on 127.0.0.1 (default: a free one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve, or check.

    | exit code | meaning |
    |---|---|
    | 0 | served until Ctrl-C, or every answer was the expected one |
    | 1 | an answer was another one, or there was no request |
    | 130 | it was interrupted before it served, or while it checked |

    Raises:
        ConfigurationError: it could not be asked.
    """
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", file=sys.stderr, flush=True)

    with interruptible():
        try:
            return _run(arguments, say)
        except KeyboardInterrupt as interrupt:
            say("stopped")
            return 0 if isinstance(interrupt, EndOfServing) else 130


def _run(arguments: argparse.Namespace, progress: Callable[[str], None]) -> int:
    if arguments.policies is not None:
        return _other(arguments)
    if arguments.init:
        from authz_local.first_requests import write_requests

        print(write_requests(arguments.path, say=progress))
        return 0
    from authz_local.local_scenario import LocalScenario  # `--help` needs none of it

    with LocalScenario(arguments.path, port=arguments.port, on_event=progress) as scenario:
        if not arguments.check:
            _serve(scenario, arguments)
        progress(f"sending the {len(scenario.scenario.requests)} requests of requests.yaml")
        return _check(scenario, arguments)


def _other(arguments: argparse.Namespace) -> int:
    """`authz local store POLICIES`."""
    if str(arguments.path) != "store":
        raise ConfigurationError(
            f"`{arguments.policies}`: one folder is meant, or `store POLICIES`"
        )
    from authz_local.store_command import serve_store

    serve_store(arguments.policies, arguments.port)
    return 0


def _check(scenario: LocalScenario, arguments: argparse.Namespace) -> int:
    results = []
    rows = scenario.scenario.requests
    with _counter(len(rows)) as count:
        for row in rows:
            count(row.name)
            results.append(scenario.run(row))
    names = {function: name for name, function in scenario.stack.functions.items()}
    errors = scenario.aws.error_lines()[-_ERROR_LINES:]
    if arguments.json:
        print(json.dumps(as_json(results, names, errors), indent=2))
    else:
        print_results(results, names, errors, all_logs=arguments.logs)
    return 1 if not results or any(result.differences for result in results) else 0


@contextmanager
def _counter(total: int) -> Iterator[Callable[[str], None]]:
    """Shows on a terminal which request is on its way."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    numbers = iter(range(1, total + 1))

    def show(name: str) -> None:
        print(f"\r\x1b[K{next(numbers)}/{total}  {name}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _serve(scenario: LocalScenario, arguments: argparse.Namespace) -> NoReturn:
    described = describe(scenario)
    with serving():  # from the first line on: whoever has read it may interrupt
        if arguments.json:
            print(json.dumps(described, indent=2), flush=True)
        else:
            print_description(described)
            print("\nserving; Ctrl-C ends it", flush=True)
        _watch(scenario, all_logs=arguments.logs)


def _watch(scenario: LocalScenario, *, all_logs: bool) -> NoReturn:
    """Until an interrupt: print what fails, and with ``--logs`` what the functions write.

    Raises:
        ConfigurationError: the local AWS is gone.
    """
    aws = scenario.aws
    names = {function: name for name, function in scenario.stack.functions.items()}
    printed: set[str] = set()
    position = 0
    while True:
        aws.require_running()
        invoked, position = aws.invocations(position)
        shown = [one for one in invoked if all_logs or one.failed]
        lines = [f"LOG        {text}" for text in log_lines(shown, names, whole=all_logs)]
        errors = dict.fromkeys(f"LOGGED     {line}" for line in aws.error_lines())
        lines += [line for line in errors if line not in printed]
        printed.update(errors)
        for line in lines:
            print(line, file=sys.stderr, flush=True)
        time.sleep(_WATCH_SECONDS)

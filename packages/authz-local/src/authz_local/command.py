"""`authz local PATH`: deploy a template on a local AWS and serve it, or `--check` its answers."""

from __future__ import annotations

import re
import shlex
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from authz_lib.cli.main import main as authz
from authz_lib.cli.table import print_table
from authz_local._interrupts import interruptible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from authz_local.local_scenario import LocalScenario
    from authz_local.row_result import RowResult
    from authz_local.scenario import RequestRow
    from authz_local.stack import LocalAWS

__all__ = ["add_arguments", "main", "run"]

_CURL_ROWS = 8
_ERROR_LINES = 10
_WATCH_SECONDS = 0.5
_HEADINGS = (
    "request", "call", "caller", "expected", "actual", "decision", "policy", "service", "ms", ""
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``authz-local``, which is ``authz local``."""
    words = list(sys.argv[1:] if argv is None else argv)
    return authz(words if words == ["--version"] else ["local", *words])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words that `authz local` takes."""
    parser.add_argument("path", type=Path, help="a folder with `template.yaml` and `requests.yaml`")
    parser.add_argument(
        "--check",
        action="store_true",
        help="send every request of `requests.yaml`, compare, and end",
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
    | 130 | a check was interrupted |

    Raises:
        ConfigurationError: it could not be asked.
    """
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", file=sys.stderr, flush=True)

    with interruptible() as check_interrupt:

        def progress(text: str) -> None:
            check_interrupt()
            say(text)

        try:
            return _run(arguments, progress, check_interrupt)
        except KeyboardInterrupt:
            say("stopped")
            return 130 if arguments.check else 0


def _run(
    arguments: argparse.Namespace,
    progress: Callable[[str], None],
    check_interrupt: Callable[[], None],
) -> int:
    from authz_local.local_scenario import LocalScenario  # `--help` needs none of it

    with LocalScenario(arguments.path, port=arguments.port, on_event=progress) as scenario:
        if not arguments.check:
            _serve(scenario, check_interrupt)
        progress(f"sending the {len(scenario.scenario.requests)} requests of requests.yaml")
        return _check(scenario, check_interrupt)


def _check(scenario: LocalScenario, check_interrupt: Callable[[], None]) -> int:
    results = []
    for row in scenario.scenario.requests:
        check_interrupt()
        results.append(scenario.run(row))
    print_table(_HEADINGS, [_cells(result) for result in results])
    failed = [result for result in results if result.differences]
    for result in failed:
        print(f"DIFFERENT  {result.row.name}: {'; '.join(result.differences)}")
    if failed:
        for line in scenario.aws.error_lines()[-_ERROR_LINES:]:
            print(f"LOGGED     {line}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not results else 0


def _cells(result: RowResult) -> tuple[str, ...]:
    row = result.row
    return (
        row.name,
        _target(row),
        _caller(row),
        str(row.expect.status),
        "-" if result.status is None else str(result.status),
        _runs(result.decisions) or "-",
        ", ".join(result.policies) or "-",
        "reached" if result.reached else "-",
        f"{result.milliseconds:.0f}",
        "DIFFERENT" if result.differences else "ok",
    )


def _runs(words: Iterable[str]) -> str:
    """`ALLOW ALLOW DENY` as `2 ALLOW, DENY`."""
    counted = [(word, len(list(run))) for word, run in groupby(words)]
    return ", ".join(word if count == 1 else f"{count} {word}" for word, count in counted)


def _target(row: RequestRow) -> str:
    if row.call is None:
        return f"invoke {row.invoke}"
    return row.call.replace("${", "", 1).replace("}", "", 1)


def _caller(row: RequestRow) -> str:
    recipe = row.recipe()
    if recipe is None:
        return "nobody"
    return recipe.user or "?"


def _serve(scenario: LocalScenario, check_interrupt: Callable[[], None]) -> NoReturn:
    for name, value in scenario.stack.outputs.items():
        print(f"{name} = {value}")
    rows = [
        row for row in scenario.scenario.requests if row.as_user and row.call and not row.headers
    ][:_CURL_ROWS]
    for user in sorted({row.as_user for row in rows if row.as_user}):
        print(f"\n{_variable(user)}='{scenario.token(user)}'")
    for row in rows:
        print(f"\n# {row.name}\n{_curl(scenario, row)}")
    print("\nserving; Ctrl-C ends it", flush=True)
    _watch(scenario.aws, check_interrupt)


def _curl(scenario: LocalScenario, row: RequestRow) -> str:
    method, url, _, body = scenario.request_of(row)
    words = [f'curl -i -X {method} -H "Authorization: Bearer ${_variable(str(row.as_user))}"']
    if body:
        words.append(f"-H 'Content-Type: application/json' -d {shlex.quote(body.decode())}")
    return " ".join([*words, shlex.quote(url)])


def _variable(user: str) -> str:
    return re.sub(r"\W", "_", user).upper()


def _watch(aws: LocalAWS, check_interrupt: Callable[[], None]) -> NoReturn:
    """Until an interrupt: print what the local AWS logs as errors.

    Raises:
        ConfigurationError: the local AWS is gone.
    """
    printed: set[str] = set()
    while True:
        check_interrupt()
        aws.require_running()
        for line in aws.error_lines():
            if line not in printed:
                printed.add(line)
                print(f"LOGGED     {line}", file=sys.stderr, flush=True)
        time.sleep(_WATCH_SECONDS)

"""`authz local PATH`: deploy an example on a local AWS and serve it, or `--check` its answers."""

from __future__ import annotations

import re
import shlex
import sys
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from authz_lib.errors import ConfigurationError
from authz_lib.testing._interrupts import interruptible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from authz_lib.testing.local import LocalScenario
    from authz_lib.testing.outcome import Outcome
    from authz_lib.testing.scenario import RequestRow
    from authz_lib.testing.stack import LocalAWS

__all__ = ["add_arguments", "run"]

_CURL_ROWS = 8
_ERROR_LINES = 10
_WATCH_SECONDS = 0.5


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
    """Returns 0 when it was served until Ctrl-C or every answer was the expected one, 1 on any
    difference.
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
    try:
        from authz_lib.testing.local import LocalScenario
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"`{error.name}` is not installed: run from a checkout of the repository with `uv run authz local ...`"
        ) from None
    with LocalScenario(arguments.path, port=arguments.port, on_event=progress) as scenario:
        if not arguments.check:
            _serve(scenario, check_interrupt)
        progress(f"sending the {len(scenario.scenario.requests)} requests of requests.yaml")
        return _check(scenario, check_interrupt)


def _check(scenario: LocalScenario, check_interrupt: Callable[[], None]) -> int:
    outcomes = []
    for row in scenario.scenario.requests:
        check_interrupt()
        outcomes.append(scenario.run(row))
    _print_table([_HEADING, *(_cells(outcome) for outcome in outcomes)])
    failed = [outcome for outcome in outcomes if outcome.differences]
    for outcome in failed:
        print(f"DIFFERENT  {outcome.row.name}: {'; '.join(outcome.differences)}")
    if failed:
        for line in scenario.aws.error_lines()[-_ERROR_LINES:]:
            print(f"LOGGED     {line}")
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not outcomes else 0


_HEADING = (
    "request",
    "call",
    "caller",
    "expected",
    "actual",
    "decision",
    "policy",
    "service",
    "ms",
    "",
)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    row = outcome.row
    return (
        row.name,
        _target(row),
        _caller(row.recipe()),
        str(row.expect.status),
        "-" if outcome.status is None else str(outcome.status),
        _runs(outcome.decisions) or "-",
        ", ".join(outcome.policies) or "-",
        "reached" if outcome.reached else "-",
        f"{outcome.milliseconds:.0f}",
        "DIFFERENT" if outcome.differences else "ok",
    )


def _runs(words: Iterable[str]) -> str:
    """`ALLOW ALLOW DENY` as `2 ALLOW, DENY`."""
    counted = [(word, len(list(run))) for word, run in groupby(words)]
    return ", ".join(word if count == 1 else f"{count} {word}" for word, count in counted)


def _target(row: RequestRow) -> str:
    if row.call is None:
        return f"invoke {row.invoke}"
    return row.call.replace("${", "", 1).replace("}", "", 1)


def _caller(recipe: object) -> str:
    user = getattr(recipe, "user", None)
    return user or ("?" if recipe is not None else "nobody")


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for index, row in enumerate(rows):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
        if index == 0:
            print("  ".join("-" * width for width in widths))


def _serve(scenario: LocalScenario, check_interrupt: Callable[[], None]) -> NoReturn:
    for name, value in scenario.stack.outputs.items():
        print(f"{name} = {value}")
    rows = [
        row for row in scenario.scenario.requests if row.as_user and row.call and not row.headers
    ][:_CURL_ROWS]
    for user in sorted({row.as_user for row in rows if row.as_user}):
        print(f"\n{_variable(user)}='{scenario.token(user)}'")
    for row in rows:
        method, url, _, body = scenario.request_of(row)
        data = (
            f" -H 'Content-Type: application/json' -d {shlex.quote(body.decode())}" if body else ""
        )
        print(f"\n# {row.name}")
        print(
            f'curl -i -X {method} -H "Authorization: Bearer ${_variable(str(row.as_user))}"{data} {shlex.quote(url)}'
        )
    print("\nserving; Ctrl-C ends it", flush=True)
    _watch(scenario.aws, check_interrupt)


def _variable(user: str) -> str:
    return re.sub(r"\W", "_", user).upper()


def _watch(aws: LocalAWS, check_interrupt: Callable[[], None]) -> NoReturn:
    """Until an interrupt: say what the local AWS logs as errors (a Lambda that does not start), and
    when it is gone.
    """
    said: set[str] = set()
    while True:
        check_interrupt()
        aws.require_running()
        for line in aws.error_lines():
            if line not in said:
                said.add(line)
                print(f"LOGGED     {line}", file=sys.stderr, flush=True)
        time.sleep(_WATCH_SECONDS)

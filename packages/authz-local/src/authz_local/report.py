"""What a check prints: the table, each difference with the log of what it invoked, or JSON."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any

from authz_lib.cli.table import print_table
from authz_lib.cli.terminal import painted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from authz_local.row_result import RowResult
    from authz_local.scenario import RequestRow
    from authz_local.stack import Invocation

__all__ = ["as_json", "caller_name", "log_lines", "print_results"]

_HEADINGS = (
    "request", "call", "caller", "expected", "actual", "decision", "policy", "service", "ms", ""
)  # fmt: skip
_LOG_LINES = 12
_TRACEBACK = "Traceback (most recent call last):"


def print_results(
    results: Sequence[RowResult],
    names: Mapping[str, str],
    errors: Sequence[str],
    *,
    all_logs: bool,
) -> None:
    """Print the table, the differences and the sum.

    Args:
        results: one per request.
        names: function name to logical id.
        errors: what the local AWS itself logged; printed where something differs.
        all_logs: print the log of each invocation, not only of those behind a difference.
    """
    print_table(_HEADINGS, [_cells(result) for result in results], outcome=len(_HEADINGS) - 1)
    failed = [result for result in results if result.differences]
    for result in results:
        if result.differences:
            word = painted("DIFFERENT", "red", sys.stdout)
            print(f"{word}  {result.row.name}: {'; '.join(result.differences)}")
        if all_logs or result.differences:
            if not result.differences:
                print(f"LOGS       {result.row.name}")
            for text in log_lines(result.invocations, names, whole=all_logs):
                print(f"LOG        {painted(text, 'dim', sys.stdout)}")
    for line in errors if failed else ():
        print(f"LOGGED     {line}")
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed")


def log_lines(
    invocations: Iterable[Invocation], names: Mapping[str, str], *, whole: bool
) -> Iterator[str]:
    """The logs of invocations, a line each, behind the function's logical id.

    Of a log that is not wanted whole: the last traceback, else the last lines.
    """
    for invocation in invocations:
        name = names.get(invocation.function, invocation.function)
        lines = invocation.log.splitlines()
        for line in lines if whole else _last(lines):
            yield f"{name} | {line}"
        if invocation.failed and not lines:
            yield f"{name} | it failed, and wrote nothing"


def _last(lines: Sequence[str]) -> Sequence[str]:
    starts = [number for number, line in enumerate(lines) if line.startswith(_TRACEBACK)]
    return lines[starts[-1] :] if starts else lines[-_LOG_LINES:]


def _cells(result: RowResult) -> tuple[str, ...]:
    row = result.row
    return (
        row.name,
        _target(row),
        caller_name(row),
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


def caller_name(row: RequestRow) -> str:
    """Whose token a row carries."""
    recipe = row.recipe()
    if recipe is None:
        return "nobody"
    return recipe.user or "?"


def as_json(
    results: Sequence[RowResult], names: Mapping[str, str], errors: Sequence[str]
) -> dict[str, Any]:
    """The results as one JSON document."""
    failed = sum(bool(result.differences) for result in results)
    return {
        "requests": [_row_as_json(result, names) for result in results],
        "passed": len(results) - failed,
        "failed": failed,
        "logged": list(errors),
    }


def _row_as_json(result: RowResult, names: Mapping[str, str]) -> dict[str, Any]:
    row = result.row
    expected = row.expect.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    return {
        "name": row.name,
        "call": row.call,
        "invoke": row.invoke,
        "caller": caller_name(row),
        "expected": {"status": row.expect.status, **expected},
        "actual": {
            "status": result.status,
            "decisions": list(result.decisions),
            "policies": list(result.policies),
            "reached": result.reached,
            "body": _text_or_json(result.content),
        },
        "milliseconds": round(result.milliseconds, 1),
        "differences": list(result.differences),
        "invocations": [
            {
                "function": names.get(one.function, one.function),
                "failed": one.failed,
                "log": one.log,
            }
            for one in result.invocations
        ],
    }


def _text_or_json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")

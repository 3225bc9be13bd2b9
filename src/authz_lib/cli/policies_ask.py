"""`authz policies ask DIR` and `authz policies matrix DIR`: what policies allow, and to whom."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from authz_lib.cli.command_help import add_json_option
from authz_lib.cli.policies_diff import add_question_arguments, print_markdown, proves
from authz_lib.cli.policy_versions import read_version, with_schema
from authz_lib.cli.table import print_table
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from authz_lib.actions import ActionMap
    from authz_lib.analysis.ask import NeverVerdict, RedundantPolicy
    from authz_lib.analysis.matrix import PolicyMatrix
    from authz_lib.decisions.policy_files import PolicySources

__all__ = ["add_ask_arguments", "add_matrix_arguments", "run_ask", "run_matrix"]


def add_ask_arguments(command: argparse.ArgumentParser) -> None:
    """The words that `authz policies ask` takes."""
    _add_policies(command)
    command.add_argument(
        "--never",
        metavar="CONDITION",
        action="append",
        help="what must hold of no allowed request, as it would stand in a `when`; may be repeated",
    )
    command.add_argument(
        "--redundant",
        action="store_true",
        help="policies that are never true, always err, or make no difference",
    )
    command.add_argument(
        "--format", choices=["table", "json"], default="table", help="default: table"
    )
    add_json_option(command)


def add_matrix_arguments(command: argparse.ArgumentParser) -> None:
    """The words that `authz policies matrix` takes."""
    _add_policies(command)
    command.add_argument(
        "--format",
        choices=["table", "csv", "json", "markdown"],
        default="table",
        help="default: table",
    )
    add_json_option(command)


def _add_policies(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "policies",
        nargs="?",
        default=".",
        metavar="POLICIES",
        help="a `*.cedar` file, a folder with them, or either in a git revision (default: here)",
    )
    add_question_arguments(command)


def run_ask(arguments: argparse.Namespace) -> int:
    """Ask; 0: proved, and nothing found, 1: something found or undecided.

    Raises:
        ConfigurationError: it could not be asked.
    """
    from authz_lib.analysis.ask import ask_never, redundant_policies

    if not arguments.never and not arguments.redundant:
        raise ConfigurationError("nothing is asked: give `--never` or `--redundant`")
    sources, actions = _read(arguments)
    mode = arguments.on_evaluation_error
    never = {
        condition: list(
            ask_never(
                sources,
                condition,
                actions=actions,
                on_evaluation_error=mode,
                prove=proves(no_solver=False),
            )
        )
        for condition in arguments.never or ()
    }
    redundant = (
        list(redundant_policies(sources, on_evaluation_error=mode)) if arguments.redundant else None
    )
    printed = _print_json if arguments.format == "json" else _print_answers
    printed(never, redundant)
    allowed = any(one.verdict != "never" for found in never.values() for one in found)
    return int(allowed or bool(redundant))


def run_matrix(arguments: argparse.Namespace) -> int:
    """Print who may do what.

    Raises:
        ConfigurationError: it could not be asked.
    """
    from authz_lib.analysis.access_rows import policy_matrix

    sources, actions = _read(arguments)
    matrix = policy_matrix(
        sources, actions=actions, on_evaluation_error=arguments.on_evaluation_error
    )
    headings, rows = _lines(matrix)
    if arguments.format == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows([headings, *rows])
    elif arguments.format == "json":
        listed = [dict(zip(headings, row, strict=True)) for row in rows]
        print(json.dumps({"rows": listed}, indent=2, ensure_ascii=False))
    elif arguments.format == "markdown":
        print_markdown(headings, rows)
    else:
        print_table(headings, rows)
    return 0


def _read(arguments: argparse.Namespace) -> tuple[PolicySources, ActionMap | None]:
    from authz_lib.actions import ActionMap

    sources = with_schema(read_version(arguments.policies), arguments.schema)
    return sources, None if arguments.actions is None else ActionMap.load(arguments.actions)


def _lines(matrix: PolicyMatrix) -> tuple[list[str], list[list[str]]]:
    """One line a route, or an action where no routes are known."""
    has_routes = any(row.routes for row in matrix.rows)
    has_types = len({row.principal for row in matrix.rows}) > 1
    headings = [*(["route"] if has_routes else []), "action"]
    headings += [*(["principal"] if has_types else []), "resource", *matrix.columns]
    rows = [
        [
            *([route] if has_routes else []),
            row.action,
            *([row.principal] if has_types else []),
            row.resource,
            *map(str, row.cells),
        ]
        for row in matrix.rows
        for route in row.routes or ("",)
    ]
    return headings, [[" ".join(cell.split()) for cell in row] for row in rows]


def _print_json(
    never: dict[str, list[NeverVerdict]], redundant: list[RedundantPolicy] | None
) -> None:
    document: dict[str, Any] = {
        "never": [
            {
                "condition": condition,
                "environments": [
                    {
                        "principal": one.principal,
                        "action": one.action,
                        "resource": one.resource,
                        "verdict": one.verdict,
                        "counterexample": one.counterexample,
                        "routes": list(one.routes),
                        "reason": one.reason or None,
                    }
                    for one in found
                ],
            }
            for condition, found in never.items()
        ]
    }
    if redundant is not None:
        document["redundant"] = [
            {"id": one.id, "finding": one.finding, "reason": one.reason or None}
            for one in redundant
        ]
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _print_answers(
    never: dict[str, list[NeverVerdict]], redundant: Sequence[RedundantPolicy] | None
) -> None:
    for condition, found in never.items():
        others = [one for one in found if one.verdict != "never"]
        print(f"never {condition}: {'not so' if others else 'proved'}")
        for one in others:
            routes = f" ({', '.join(one.routes)})" if one.routes else ""
            words = one.counterexample or f"{one.action} on {one.resource}: {one.reason}"
            print(f"  {one.verdict}: {words}{routes}")
    if redundant:
        rows = [(one.finding, one.id, one.reason) for one in redundant]
        print_table(("finding", "policy", ""), rows)
    elif redundant is not None:
        print("every policy makes a difference")

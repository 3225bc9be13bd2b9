"""`authz policies diff OLD NEW`: what a change of policies opens and closes."""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from authz_lib.cli.command_help import add_json_option
from authz_lib.cli.policy_versions import read_version, with_schema
from authz_lib.cli.table import print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from authz_lib.analysis.diff import EnvironmentVerdict
    from authz_lib.decisions.policy_files import PolicySources

__all__ = ["add_diff_arguments", "add_question_arguments", "print_markdown", "proves", "run_diff"]


def add_question_arguments(command: argparse.ArgumentParser) -> None:
    """What every question about policies takes."""
    command.add_argument("--schema", metavar="FILE", help="instead of the folder's own schema")
    command.add_argument("--actions", metavar="FILE", help="the action map: names the routes")
    command.add_argument(
        "--on-evaluation-error",
        choices=["deny", "cedar"],
        default="deny",
        help="what an ALLOW with evaluation errors means (default: deny)",
    )


def add_diff_arguments(command: argparse.ArgumentParser) -> None:
    """The words that `authz policies diff` takes."""
    for name in ("old", "new"):
        command.add_argument(
            name,
            metavar=name.upper(),
            help="a `*.cedar` file, a folder with them, or either in a git revision: "
            "`HEAD~1:policies/`",
        )
    add_question_arguments(command)
    command.add_argument(
        "--format", choices=["table", "json", "markdown"], default="table", help="default: table"
    )
    add_json_option(command)
    command.add_argument(
        "--forbid-opening",
        metavar="GLOB",
        action="append",
        help="exit code 1 only where what may open fits: an action (`commercial:Cancel*`) or a "
        "route (`DELETE *`); may be repeated",
    )
    command.add_argument(
        "--missing-entities",
        action="store_true",
        help="look at requests too that leave out an entity which a policy reads",
    )
    command.add_argument(
        "--no-solver", action="store_true", help="try requests out; finds, and proves nothing"
    )


def run_diff(arguments: argparse.Namespace) -> int:
    """Compare; 0: nothing opens, 1: something opens or is undecided.

    Raises:
        ConfigurationError: it could not be asked.
    """
    from authz_lib.actions import ActionMap
    from authz_lib.analysis.diff import compare_policies

    old = with_schema(read_version(arguments.old), arguments.schema)
    new = with_schema(read_version(arguments.new), arguments.schema)
    if new.schema is None:
        new = _with_schema_of(new, old)
    _note_invalid(new)
    actions = None if arguments.actions is None else ActionMap.load(arguments.actions)
    verdicts = list(
        compare_policies(
            old,
            new,
            actions=actions,
            on_evaluation_error=arguments.on_evaluation_error,
            missing_entities=arguments.missing_entities,
            prove=proves(arguments.no_solver),
        )
    )
    _PRINTERS[arguments.format](verdicts)
    globs = arguments.forbid_opening
    return int(any(one.may_open and (not globs or _fits(one, globs)) for one in verdicts))


def proves(no_solver: bool) -> bool:
    """Whether there is a solver to ask; says so where there is none."""
    if no_solver or find_spec("cvc5") is not None:
        return not no_solver
    print(
        "authz policies: requests are tried out, and nothing is proved: a proof needs the extra "
        "`analysis` of authz-lib",
        file=sys.stderr,
    )
    return False


def _with_schema_of(new: PolicySources, old: PolicySources) -> PolicySources:
    from dataclasses import replace

    return replace(new, schema=old.schema, schema_file=old.schema_file)


def _note_invalid(new: PolicySources) -> None:
    from authz_lib.decisions.policy_validation import validation_errors

    for error in validation_errors(new):
        print(f"authz policies: NEW: {error}", file=sys.stderr)


def _fits(verdict: EnvironmentVerdict, globs: Sequence[str]) -> bool:
    names = [verdict.action, *verdict.routes]
    return any(fnmatchcase(name, glob) for name in names for glob in globs)


def _words(verdict: EnvironmentVerdict) -> str | None:
    """The counterexample in words; of ``both``, the two of them."""
    found = verdict.counterexamples
    if len(found) < 2:
        return found[0].words if found else None
    return "; ".join(f"{'opens' if one.allowed_now else 'closes'}: {one.words}" for one in found)


def _print_json(verdicts: Sequence[EnvironmentVerdict]) -> None:
    environments: list[dict[str, Any]] = [
        {
            "principal": one.principal,
            "action": one.action,
            "resource": one.resource,
            "verdict": one.verdict,
            "counterexample": _words(one),
            "routes": list(one.routes),
            "reason": one.reason or None,
        }
        for one in verdicts
    ]
    print(json.dumps({"environments": environments}, indent=2, ensure_ascii=False))


_HEADINGS = ("verdict", "principal", "action", "resource", "for example", "routes")


def _rows(verdicts: Sequence[EnvironmentVerdict]) -> list[tuple[str, ...]]:
    return [
        (
            one.verdict,
            one.principal,
            one.action,
            one.resource,
            "; ".join(filter(None, [_words(one), one.reason])),
            ", ".join(one.routes),
        )
        for one in verdicts
        if one.verdict != "same"
    ]


def _summary(verdicts: Sequence[EnvironmentVerdict]) -> str:
    words = {"same": "same (proved)", "undecided": "not decided"}
    counts = {
        name: sum(one.verdict == name for one in verdicts)
        for name in ("opens", "closes", "both", "undecided", "same")
    }
    found = [f"{count} {words.get(name, name)}" for name, count in counts.items() if count]
    return f"{len(verdicts)} kinds of requests: {', '.join(found) or 'none'}"


def _print_table(verdicts: Sequence[EnvironmentVerdict]) -> None:
    if rows := _rows(verdicts):
        print_table(_HEADINGS, [[_one_line(cell) for cell in row] for row in rows], outcome=0)
    print(_summary(verdicts))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _print_markdown(verdicts: Sequence[EnvironmentVerdict]) -> None:
    if rows := _rows(verdicts):
        print_markdown(_HEADINGS, rows)
        print()
    print(_summary(verdicts))


def print_markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of Markdown; what stands in a cell means nothing there.

    >>> print_markdown(["route"], [["GET /a|b"]])
    | route |
    |---|
    | GET /a\\|b |
    """
    for line in (headings, ["---"] * len(headings), *rows):
        cells = line if line[0] == "---" else [_escaped(cell) for cell in line]
        print("|---" * len(cells) + "|" if line[0] == "---" else f"| {' | '.join(cells)} |")


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_|<>[]~" else sign for sign in _one_line(text))


_PRINTERS = {"table": _print_table, "json": _print_json, "markdown": _print_markdown}

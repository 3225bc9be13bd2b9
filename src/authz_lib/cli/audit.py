"""`authz audit`: what is open in templates, before they are deployed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib._support.text_file import replace_text
from authz_lib.actions.map import ActionMap
from authz_lib.audit.audited import audit_files
from authz_lib.audit.baseline import against_baseline
from authz_lib.audit.report import AUDIT_FORMATS
from authz_lib.audit.rule import SEVERITIES
from authz_lib.audit.table_report import audit_table
from authz_lib.cli.command_help import add_json_option, give_help
from authz_lib.cli.terminal import is_coloured
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from authz_lib.audit.audited import Audit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz audit``."""
    give_help(
        parser,
        "List who is let in to each entry point of templates: what is open, and closed by what.",
        examples=[
            "authz audit template.yaml",
            "authz audit cdk.out --fail-on high",
            "authz audit template.yaml --actions actions.json --format sarif -o audit.sarif",
            "authz audit template.yaml --json > known.json # what is open now, as a baseline",
            "authz audit template.yaml --baseline known.json # only what is new counts",
        ],
        exit_codes={"1": "something counts, see `--fail-on`", "2": "a file could not be read"},
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a SAM or CloudFormation template, an OpenAPI document, or the folder `cdk.out`",
    )
    parser.add_argument(
        "--format", default="table", choices=sorted(AUDIT_FORMATS), help="default: table"
    )
    add_json_option(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: standard output")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the value of a parameter, which decides conditions",
    )
    parser.add_argument(
        "--actions", type=Path, metavar="FILE", help="the action map, to compare routes with"
    )
    parser.add_argument(
        "--policies",
        metavar="DIR",
        help="Cedar policies with their schema: adds who may do what to the page of "
        "`--format html`; needs `--actions`",
    )
    parser.add_argument(
        "--fail-on",
        default="medium",
        choices=[*SEVERITIES, "never"],
        help="the least severity that makes the exit code 1 (default: medium)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="a JSON report: what it holds is known, and only what is new counts",
    )


def run(arguments: argparse.Namespace) -> int:
    """Audit; the exit code is 1 where something counts, 2 where a file could not be read."""
    actions = ActionMap.load(arguments.actions) if arguments.actions is not None else None
    if arguments.policies is not None and (arguments.format != "html" or actions is None):
        raise ConfigurationError("`--policies` needs `--format html` and `--actions`")
    audit = audit_files(
        arguments.files, parameters=_parameters(arguments.parameter), actions=actions
    )
    if arguments.baseline is not None:
        audit = against_baseline(audit, arguments.baseline)
    if audit.problems and not audit.files and arguments.format == "table":
        pass  # "0 findings" would look like an answer
    elif arguments.policies is not None and actions is not None:
        _write(_with_matrix(audit, arguments.policies, actions), arguments.output)
    elif arguments.format == "table" and arguments.output is None and is_coloured(sys.stdout):
        sys.stdout.write(audit_table(audit, coloured=True))
    else:
        _write(AUDIT_FORMATS[arguments.format](audit), arguments.output)
    for problem in audit.problems:
        print(f"authz audit: {problem}", file=sys.stderr)
    return 2 if audit.problems else int(_fails(audit, arguments.fail_on))


def _with_matrix(audit: Audit, policies: str, actions: ActionMap) -> str:
    """The page with who may do what at its end."""
    from authz_lib.analysis.access_rows import policy_matrix
    from authz_lib.audit.access_matrix import access_section
    from authz_lib.audit.html_report import audit_html
    from authz_lib.cli.policy_versions import read_version

    matrix = policy_matrix(read_version(policies), actions=actions)
    return audit_html(audit, sections=[access_section(audit, matrix, actions)])


def _parameters(written: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in written]
    if not all(name and equals for name, equals, _ in pairs):
        raise ConfigurationError("`--parameter` must be `NAME=VALUE`")
    return {name: value for name, _, value in pairs}


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        replace_text(output, text)


def _fails(audit: Audit, threshold: str) -> bool:
    if threshold == "never":
        return False
    counting = SEVERITIES[SEVERITIES.index(threshold) :]
    return any(
        finding.counts and finding.severity in counting
        for file in audit.files
        for finding in file.findings
    )

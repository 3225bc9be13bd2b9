"""`authz smithy`: make or compare the action map and the Cedar schema of a Smithy model."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from authz_lib._support.json_file import place_in_document
from authz_lib._support.strict_json import StrictJSONError, loads_document
from authz_lib._support.text_file import read_bounded, replace_text
from authz_lib.actions.document import compile_actions
from authz_lib.actions.map import ActionMap
from authz_lib.cli.attribute_options import add_attribute_option, attribute_types
from authz_lib.cli.command_help import add_command, give_help
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema import cedar_schema
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model

if TYPE_CHECKING:
    import argparse

    from authz_lib.smithy.model import Service

__all__ = ["add_arguments", "run"]

_MAX_COMPARED = 64_000_000
_EXAMPLES = {
    "actions": [
        "authz smithy actions model.json -o actions.json",
        "authz smithy actions model.json -o actions.json --check # in CI: 1 where they differ",
        "authz smithy actions model.json --target http",
    ],
    "cedar-schema": [
        "authz smithy cedar-schema model.json -o policies/schema.cedarschema",
        "authz smithy cedar-schema model.json --format json --attribute level=number",
    ],
}
_EXIT_CODES = {"1": "the file differs, or the API cannot be deployed"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz smithy``."""
    give_help(
        parser,
        "Make the action map and the Cedar schema that a Smithy model implies, or compare them "
        "with what is there.",
        examples=[*_EXAMPLES["actions"], *_EXAMPLES["cedar-schema"]],
        exit_codes=_EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    actions = add_command(
        commands,
        "actions",
        "which action each route means: the map that `ActionMap.load` reads",
        examples=_EXAMPLES["actions"],
        exit_codes=_EXIT_CODES,
    )
    _add_common(actions)
    actions.add_argument(
        "--target", choices=["http", "rest"], help="also print what this kind of API cannot deploy"
    )
    schema = add_command(
        commands,
        "cedar-schema",
        "the Cedar schema of the service's actions and resources",
        examples=_EXAMPLES["cedar-schema"],
        exit_codes=_EXIT_CODES,
    )
    _add_common(schema)
    schema.add_argument(
        "--format",
        default="cedar",
        choices=["cedar", "json"],
        help="`json` is for Verified Permissions",
    )
    for name, default, whose in (
        ("principal", "User", "callers"),
        ("group", "Group", "their groups"),
        ("application", "Application", "the application as a whole"),
    ):
        schema.add_argument(
            f"--{name}-type",
            default=default,
            metavar="TYPE",
            help=f"the Cedar type of {whose} (default: {default})",
        )
    add_attribute_option(schema)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="the JSON AST of the model, as `smithy ast` prints it",
    )
    parser.add_argument(
        "--service", metavar="ID", help="the service's shape id or name; default: the only one"
    )
    parser.add_argument("--prefix", metavar="P", help="what stands before the colon of action ids")
    parser.add_argument(
        "--resources",
        default="path",
        choices=["path", "application"],
        help="what the authorizer asks about: the instance in the path, or the application",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: standard output"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare with the file instead; exit code 1 if they differ",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make a document, or compare it with ``--check``.

    The findings of ``--target`` go to standard error.  The exit code is 1 for a finding that is an
    error, and for a difference.
    """
    if arguments.check and arguments.output is None:
        raise ConfigurationError("`--check` needs `-o FILE`: the file to compare with")
    model = Model.load(arguments.model)
    try:
        made, failed = _COMMANDS[arguments.command](model.service(arguments.service), arguments)
    except ConfigurationError as error:
        where = place_in_document(arguments.model, str(error))
        raise ConfigurationError(f"{where}: {error}" if where else str(error)) from None
    if arguments.check:
        return max(failed, _compare(arguments.output, made))
    if failed:
        return failed
    if arguments.output is None:
        sys.stdout.write(made)
    else:
        replace_text(arguments.output, made)
    return 0


def _actions(service: Service, arguments: argparse.Namespace) -> tuple[str, int]:
    findings = lint(service, arguments.target) if arguments.target else []
    for finding in findings:
        print(finding, file=sys.stderr)
    document = compile_actions(service, prefix=arguments.prefix, resources=arguments.resources)
    ActionMap.from_document(document)  # refuses what only the whole table shows: duplicate routes
    lines = ",\n".join(f"    {json.dumps(line)}" for line in document.pop("actions"))
    head = json.dumps(document, indent=2).removesuffix("\n}")
    made = f'{head},\n  "actions": [\n{lines}\n  ]\n}}\n'
    return made, int(any(finding.level == "error" for finding in findings))


def _schema(service: Service, arguments: argparse.Namespace) -> tuple[str, int]:
    schema = cedar_schema(
        service,
        prefix=arguments.prefix,
        resources=arguments.resources,
        principal_type=arguments.principal_type,
        group_type=arguments.group_type,
        application_type=arguments.application_type,
        attributes=attribute_types(arguments.attribute),
    )
    return (
        schema.text if arguments.format == "cedar" else json.dumps(schema.document, indent=2) + "\n"
    ), 0


_COMMANDS = {"actions": _actions, "cedar-schema": _schema}


def _compare(path: Path, made: str) -> int:
    found = read_bounded(path, path.name, max_characters=_MAX_COMPARED)
    if _same(found, made):
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(
            found.splitlines(True), made.splitlines(True), path.name, f"{path.name} from the model"
        )
    )
    return 1


def _same(found: str, made: str) -> bool:
    """Equal as text, or as JSON in another layout."""
    if found == made:
        return True
    try:
        return bool(loads_document(found.encode()) == loads_document(made.encode()))
    except StrictJSONError:
        return False

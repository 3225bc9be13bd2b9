"""`authz actions`: make an action map without a Smithy model, or check one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.json_file import places_in_document
from authz_lib._support.text_file import read_bounded, replace_text
from authz_lib.actions.made import make_document
from authz_lib.actions.map import ActionMap
from authz_lib.actions.openapi import openapi_routes, require_openapi
from authz_lib.actions.served import compare_routes
from authz_lib.actions.template import template_routes
from authz_lib.cli.attribute_options import add_attribute_option, attribute_types
from authz_lib.cli.command_help import add_command, add_json_option, give_help
from authz_lib.cli.template_file import description_places, read_description
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from authz_lib.actions.served import ServedRoute
    from authz_lib.smithy.lint import Finding

__all__ = ["add_arguments", "run"]

_EXAMPLES = {
    "check": [
        "authz actions check --actions actions.json --schema policies/schema.cedarschema",
        "authz actions check --actions actions.json --template template.yaml --api OrdersApi",
    ],
    "from-openapi": ["authz actions from-openapi openapi.yaml --prefix orders -o actions.json"],
    "from-template": ["authz actions from-template template.yaml --prefix orders -o actions.json"],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``authz actions``."""
    give_help(
        parser,
        "Make an action map from an OpenAPI document or a template, or check one.",
        examples=_EXAMPLES["from-template"] + _EXAMPLES["check"],
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_check(
        add_command(
            commands,
            "check",
            "whether an action map fits the schema, and the routes that are deployed",
            examples=_EXAMPLES["check"],
            exit_codes={"1": "something does not fit"},
        )
    )
    codes = {"1": "a route has no line in the map; standard error says why"}
    openapi = add_command(
        commands,
        "from-openapi",
        "the action map of an OpenAPI document",
        examples=_EXAMPLES["from-openapi"],
        exit_codes=codes,
    )
    openapi.add_argument("file", type=Path, metavar="FILE", help="OpenAPI 3.0 or 3.1, JSON or YAML")
    template = add_command(
        commands,
        "from-template",
        "the action map of an API in a template",
        examples=_EXAMPLES["from-template"],
        exit_codes=codes,
    )
    template.add_argument(
        "file", type=Path, metavar="FILE", help="a SAM or CloudFormation template"
    )
    _add_api(template)
    for made in (openapi, template):
        made.add_argument("--prefix", default="", metavar="P", help="what action ids start with")
        made.add_argument(
            "--resources",
            default="path",
            choices=["path", "application"],
            help="what the authorizer asks about: the instance in the path, or the application",
        )
        made.add_argument(
            "-o", "--output", type=Path, metavar="FILE", help="default: standard output"
        )


def _add_check(check: argparse.ArgumentParser) -> None:
    check.add_argument("--actions", type=Path, required=True, metavar="FILE", help="the action map")
    check.add_argument("--schema", type=Path, metavar="FILE", help="a Cedar schema, either form")
    check.add_argument(
        "--template",
        type=Path,
        metavar="FILE",
        help="a SAM or CloudFormation template, or an OpenAPI document",
    )
    _add_api(check)
    for name, default, whose in (
        ("action", "Action", "actions"),
        ("principal", "User", "callers"),
        ("application", "Application", "the application as a whole"),
    ):
        check.add_argument(
            f"--{name}-type",
            default=default,
            metavar="TYPE",
            help=f"the Cedar type of {whose} (default: {default})",
        )
    add_attribute_option(check)
    add_json_option(check)


def _add_api(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--api", metavar="ID", help="the API's logical id; default: the only one")


def run(arguments: argparse.Namespace) -> int:
    """Make or check; the exit code is 1 where something is wrong, or has no line."""
    return _check(arguments) if arguments.command == "check" else _make(arguments)


def _check(arguments: argparse.Namespace) -> int:
    if arguments.schema is None and arguments.template is None:
        raise ConfigurationError("`check` needs `--schema FILE`, `--template FILE` or both")
    attributes = attribute_types(arguments.attribute)
    if attributes and arguments.schema is None:
        raise ConfigurationError("`--attribute` goes with `--schema FILE`")
    actions = ActionMap.load(arguments.actions)
    problems = list(_problems(actions, arguments))
    if arguments.json:
        listed = [problem._asdict() for problem in problems]
        print(json.dumps({"lines": len(actions.entries), "problems": listed}, indent=2))
        return int(bool(problems))
    for problem in problems:
        place = f"{problem.place}: " if problem.place else ""
        print(f"{place}error: {problem.message} [{problem.rule}]")
    if not problems:
        print(f"{len(actions.entries)} lines, nothing wrong")
    return int(bool(problems))


class _Problem(NamedTuple):
    rule: str
    message: str
    place: str | None = None


def _problems(actions: ActionMap, arguments: argparse.Namespace) -> Iterable[_Problem]:
    if not actions.entries:
        yield _Problem("map", "the action map is empty: every route would be refused")
        return
    in_map = places_in_document(arguments.actions)
    if arguments.schema is not None:
        for problem in _schema_problems(actions, arguments):
            yield _Problem("schema", problem, in_map(problem))
    if arguments.template is not None:
        found: list[Finding] = []
        routes = _routes(arguments.template, found, arguments.api)
        found += compare_routes(actions.entries, routes)
        in_template = description_places(arguments.template)
        for finding in found:
            if finding.level == "error":
                message = f"{finding.where}: {finding.message}"
                place = in_map(finding.message) or in_template(finding.where)
                yield _Problem(finding.rule, message, place)


def _schema_problems(actions: ActionMap, arguments: argparse.Namespace) -> Iterable[str]:
    from authz_lib.authorizer.schema_check import attribute_problems, schema_problems
    from authz_lib.decisions.cedar_text import MAX_SCHEMA_CHARACTERS, parse_schema
    from authz_lib.decisions.schema_names import read_schema_names

    path: Path = arguments.schema
    text = read_bounded(path, str(path), max_characters=MAX_SCHEMA_CHARACTERS)
    names = read_schema_names(parse_schema(text, str(path)))
    found = schema_problems(
        actions.entries,
        names,
        action_type=arguments.action_type,
        principal_type=arguments.principal_type,
        application_type=arguments.application_type,
    )
    declared = attribute_types(arguments.attribute)
    yield from found
    yield from attribute_problems(declared, names, arguments.principal_type)


def _routes(path: Path, found: list[Finding], api: str | None) -> list[ServedRoute]:
    document = read_description(path, "template")
    if "Resources" in document:
        return template_routes(document, found, api=api)
    return list(openapi_routes(require_openapi(document), found))


def _make(arguments: argparse.Namespace) -> int:
    found: list[Finding] = []
    if arguments.command == "from-openapi":
        document = require_openapi(read_description(arguments.file, "OpenAPI document"))
        routes = list(openapi_routes(document, found))
    else:
        template = read_description(arguments.file, "template")
        routes = template_routes(template, found, api=arguments.api)
    made = make_document(routes, found, prefix=arguments.prefix, resources=arguments.resources)
    ActionMap.from_document(made)  # refuses what an `x-authz` has made wrong
    place = description_places(arguments.file)
    for finding in sorted(found, key=lambda one: (one.level, one.where, one.rule)):
        where = place(finding.where)
        print(f"{where}: {finding}" if where else finding, file=sys.stderr)
    text = _layout(made)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        replace_text(arguments.output, text)
    return int(any(finding.level == "error" for finding in found))


def _layout(document: dict[str, Any]) -> str:
    """One line of the map a line, as ``authz smithy actions`` lays it out."""
    lines = ",\n".join(f"    {json.dumps(line)}" for line in document["actions"])
    head = {name: value for name, value in document.items() if name != "actions"}
    opening = json.dumps(head, indent=2).removesuffix("\n}")
    listed = f"[\n{lines}\n  ]" if lines else "[]"
    return f'{opening},\n  "actions": {listed}\n}}\n'

"""`authz policies`: validate policies, try them out, or reason about them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from authz_lib._support.checks import require_one_of, require_text
from authz_lib._support.extras import load_extra
from authz_lib._support.json_file import not_strict_json
from authz_lib._support.strict_json import StrictJSONError, loads_document
from authz_lib._support.text_place import place_in_file
from authz_lib.cli.command_help import add_command, add_json_option, give_help
from authz_lib.cli.policies_ask import (
    add_ask_arguments,
    add_matrix_arguments,
    run_ask,
    run_matrix,
)
from authz_lib.cli.policies_diff import add_diff_arguments, run_diff
from authz_lib.cli.table import print_table
from authz_lib.decisions.request import AuthorizationRequest
from authz_lib.entities import Entity, EntityUid, value_from_cedar_json
from authz_lib.errors import AuthzError, ConfigurationError, InvalidRequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from authz_lib.decisions.cedar import CedarEngine
    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.decisions.request import ErrorMode

__all__ = ["add_arguments", "run"]

_UID = re.compile(r'([\w:]+)::("(?:[^"\\]|\\.)*")')
_PLACED = re.compile(r"([^\n:]+):(?:(\d+):(?:(\d+):)?)? (.*)", re.DOTALL)
_MEMBERS = frozenset(
    {"name", "principal", "action", "resource", "context", "entities", "expect", "policies"}
)


_REQUEST_FILES = """\
DIR/tests/*.yaml, *.yml and *.json hold requests: a list, or an object with

  requests   the list
  entities   what each of them may read; optional

A request:

  - name: owners view their orders        # optional
    principal: User::"alice"
    action: ViewOrder                     # or Shop::Action::"ViewOrder"
    resource: Order::"1"
    context: {mfa: true}                  # optional; Cedar JSON (`__entity`, `__extn`)
    entities:                             # optional; beside those of entities.json
      - uid: {type: Order, id: "1"}
        attrs: {owner: {__entity: {type: User, id: alice}}}
        parents: []
    expect: ALLOW                         # or DENY
    policies: [owners-view]               # optional: the determining policies, exactly
"""

_EXAMPLES = {
    "check": ["authz policies check policies/"],
    "test": ["authz policies test policies/", "authz policies test policies/ --json"],
    "diff": [
        "authz policies diff HEAD:policies/ policies/ # what this change opens",
        "authz policies diff old/ new/ --actions actions.json --forbid-opening 'DELETE *'",
    ],
    "ask": [
        "authz policies ask policies/ --never 'principal.suspended'",
        "authz policies ask policies/ --redundant",
    ],
    "matrix": ["authz policies matrix policies/ --actions actions.json --format markdown"],
}


_QUESTIONS = {"ask": run_ask, "diff": run_diff, "matrix": run_matrix}


class _Row(NamedTuple):
    name: str
    action_type: str
    request: AuthorizationRequest
    expect: str
    policies: tuple[str, ...] | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words that `authz policies` takes."""
    give_help(
        parser,
        "Validate Cedar policies, test what they decide, or prove something of them.",
        examples=[example for lines in _EXAMPLES.values() for example in lines[:1]],
        exit_codes={
            "1": "a policy is not valid, a request is decided otherwise, something opens",
        },
        details=_REQUEST_FILES,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    check = add_command(
        commands,
        "check",
        "parse the policies and validate them against their schema",
        examples=_EXAMPLES["check"],
        exit_codes={
            "0": "the policies are valid",
            "1": "a policy does not parse or is not valid",
            "2": "no such folder, no policies, or cedarpy is not installed",
        },
    )
    test = add_command(
        commands,
        "test",
        "decide the requests in DIR/tests and compare with what they expect",
        examples=_EXAMPLES["test"],
        exit_codes={
            "0": "every request is decided as expected",
            "1": "a request is decided otherwise, or refused",
            "2": "a policy is not valid, a file holds no requests, or an extra is missing",
        },
        details=_REQUEST_FILES,
    )
    for command in (check, test):
        command.add_argument(
            "directory", type=Path, metavar="DIR", help="a folder with `*.cedar` files"
        )
        add_json_option(command)
    test.add_argument(
        "--on-evaluation-error",
        choices=["deny", "cedar"],
        default="deny",
        help="what an ALLOW with evaluation errors means (default: deny)",
    )
    could_not = "a policy does not parse, there is no schema, or an extra is missing"
    add_diff_arguments(
        add_command(
            commands,
            "diff",
            "what a change opens and closes",
            examples=_EXAMPLES["diff"],
            exit_codes={
                "0": "nothing opens",
                "1": "something opens, or is undecided",
                "2": could_not,
            },
        )
    )
    add_ask_arguments(
        add_command(
            commands,
            "ask",
            "prove that something is never allowed, or find who may",
            examples=_EXAMPLES["ask"],
            exit_codes={
                "0": "proved, and nothing found",
                "1": "something is found, or undecided",
                "2": could_not,
            },
        )
    )
    add_matrix_arguments(
        add_command(
            commands,
            "matrix",
            "who may do what, and under which condition",
            examples=_EXAMPLES["matrix"],
            exit_codes={"1": "never", "2": could_not},
        )
    )


def run(arguments: argparse.Namespace) -> int:
    """Check, test or ask; the exit codes are those of each command's help.

    Raises:
        ConfigurationError: it could not be asked.
    """
    from authz_lib.decisions.cedar_text import load_cedarpy

    load_cedarpy()
    if arguments.command in _QUESTIONS:
        return _QUESTIONS[arguments.command](arguments)
    directory: Path = arguments.directory
    if arguments.command == "check":
        return _check(directory, as_json=arguments.json)
    return _test(directory, arguments.on_evaluation_error, as_json=arguments.json)


def _check(directory: Path, *, as_json: bool) -> int:
    from authz_lib.decisions.cedar import CedarEngine
    from authz_lib.decisions.policy_files import UnreadableError, read_directory
    from authz_lib.decisions.policy_validation import validation_errors

    sources = None
    try:
        sources = read_directory(directory)
        errors = validation_errors(sources)
        if not errors:
            CedarEngine(sources, entities=sources.entities or (), validate_policies=False)
    except UnreadableError:
        raise
    except ConfigurationError as error:
        errors = [str(error)]
    if as_json:
        print(json.dumps(_checked(sources, errors), indent=2, ensure_ascii=False))
        return int(bool(errors))
    for text in errors:
        print(text)
    if sources is None or errors:
        return 1
    how = "no schema to validate against" if sources.schema is None else "valid against the schema"
    print(f"{len(sources.policies)} policies and templates: {how}")
    return 0


def _checked(sources: PolicySources | None, errors: list[str]) -> dict[str, Any]:
    """What a check found, for machines; ``policies`` is null where a text does not parse."""
    return {
        "valid": not errors,
        "policies": None if sources is None else len(sources.policies),
        "schema": None if sources is None else sources.schema_file,
        "errors": [_error(text) for text in errors],
    }


def _error(text: str) -> dict[str, Any]:
    """A message as its place and the rest; a place that is not known is null."""
    found = _PLACED.fullmatch(text)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": text}
    file, line, column, message = found.groups()
    numbers = {"line": line and int(line), "column": column and int(column)}
    return {"file": file, **numbers, "message": message}


def _test(directory: Path, on_evaluation_error: ErrorMode, *, as_json: bool) -> int:
    from authz_lib.decisions.cedar import CedarEngine
    from authz_lib.decisions.policy_files import list_folder

    found = list_folder(directory)
    tests = list_folder(found["tests"]) if "tests" in found else {}
    files = [file for file in tests.values() if file.suffix in {".yaml", ".yml", ".json"}]
    rows = [row for file in files for row in _read(file)]
    if not rows:
        raise ConfigurationError(f"`{directory / 'tests'}` holds no requests")
    engines: dict[str, CedarEngine] = {}
    for row in rows:
        if row.action_type not in engines:
            engines[row.action_type] = CedarEngine.from_directory(
                directory, action_type=row.action_type, on_evaluation_error=on_evaluation_error
            )
    results = [_decide(engines[row.action_type], row) for row in rows]
    failed = sum(not result.ok for result in results)
    if as_json:
        listed = [result._asdict() for result in results]
        sums = {"as_expected": len(results) - failed, "different": failed}
        print(json.dumps({"requests": listed, **sums}, indent=2, ensure_ascii=False))
        return int(bool(failed))
    headings = ("request", "expected", "decision", "policies", "errors", "")
    print_table(headings, [_cells(result) for result in results], outcome=len(headings) - 1)
    print(f"{len(results) - failed} as expected, {failed} not")
    return int(bool(failed))


class _Result(NamedTuple):
    name: str
    expected: str
    decision: str
    policies: tuple[str, ...]
    errors: tuple[str, ...]
    ok: bool
    refused: str | None = None


def _decide(engine: CedarEngine, row: _Row) -> _Result:
    try:
        decision = engine.is_authorized(row.request)
    except InvalidRequestError as error:
        return _Result(row.name, row.expect, "INVALID", (), (), False, str(error))
    made = "ALLOW" if decision.allowed else "DENY"
    determining = decision.determining_policies
    ok = made == row.expect and row.policies in {None, determining}
    errors = tuple(map(str, decision.errors))
    return _Result(row.name, row.expect, made, tuple(determining), errors, ok)


def _cells(result: _Result) -> tuple[str, ...]:
    return (
        result.name,
        result.expected,
        result.decision,
        ", ".join(result.policies) or "-",
        str(len(result.errors) or "-"),
        result.refused or ("ok" if result.ok else "DIFFERENT"),
    )


def _read(file: Path) -> Iterable[_Row]:
    from authz_lib.decisions.policy_files import read_text

    text = read_text(file)
    document = _load(file, text)
    if isinstance(document, dict) and (unknown := document.keys() - {"entities", "requests"}):
        raise ConfigurationError(
            f"`{file}`: `{min(map(str, unknown))}` is neither `entities` nor `requests`"
        )
    shared = document.get("entities", []) if isinstance(document, dict) else []
    items = document.get("requests") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise ConfigurationError(f"`{file}` must be a list of requests, or hold one as `requests`")
    for number, item in enumerate(items, start=1):
        try:
            yield _row(f"{file.stem}#{number}", item, shared)
        except AuthzError as error:
            problem = str(error)
        except KeyError as error:
            problem = f"a request needs `{error.args[0]}`, see `authz policies --help`"
        except (TypeError, AttributeError, ValueError, RecursionError):
            problem = "not a request, see `authz policies --help`"
        else:
            continue
        at = ("requests", number - 1) if isinstance(document, dict) else (number - 1,)
        where = _place(file, text, at, problem)
        raise ConfigurationError(f"{where}: request {number}: {problem}")


def _place(file: Path, text: str, at: tuple[str | int, ...], problem: str) -> str:
    """Where the member stands that the words name, or else the request."""
    places: Mapping[tuple[str | int, ...], str]
    if file.suffix == ".json":
        from authz_lib._support.json_places import json_offsets

        places = {
            path: place_in_file(file, text, offset) for path, offset in json_offsets(text).items()
        }
    else:
        from authz_lib._support.yaml_file import yaml_places

        places = yaml_places(text, str(file))
    named = [(*at, name) for name in re.findall(r"`(\w{1,64})`", problem)]
    return next((places[path] for path in (*named, at) if path in places), str(file))


def _load(file: Path, text: str) -> Any:
    if file.suffix == ".json":
        return _load_json(file, text)
    load_extra("yaml", extra="yaml", what=f"`{file}`")
    from authz_lib._support.yaml_file import parse_yaml

    return parse_yaml(text, str(file))


def _load_json(file: Path, text: str) -> Any:
    try:
        return loads_document(text.encode())
    except StrictJSONError:
        raise ConfigurationError(not_strict_json(file, "file", text.encode())) from None


def _row(default_name: str, item: dict[str, Any], shared: list[Any]) -> _Row:
    unknown = item.keys() - _MEMBERS
    if unknown:
        raise ConfigurationError(f"`{min(map(str, unknown))}` is not a member of a request")
    require_one_of(item["expect"], "expect", ("ALLOW", "DENY"))
    name = item["action"]
    action = _uid(name, "action") if _UID.fullmatch(name) else EntityUid("Action", name)
    request = AuthorizationRequest(
        _uid(item["principal"], "principal"),
        action.id,
        _uid(item["resource"], "resource"),
        value_from_cedar_json(item.get("context", {})),
        [Entity.from_cedar_json(entity) for entity in [*shared, *item.get("entities", [])]],
    )
    return _Row(_name(item, default_name), action.type, request, item["expect"], _policies(item))


def _name(item: dict[str, Any], default_name: str) -> str:
    return require_text(item.get("name", default_name), "name")


def _policies(item: dict[str, Any]) -> tuple[str, ...] | None:
    if "policies" not in item:
        return None
    policies = item["policies"]
    if not isinstance(policies, list) or not all(isinstance(policy, str) for policy in policies):
        raise ConfigurationError("`policies` must be a list of policy ids")
    return tuple(sorted(policies))


def _uid(text: str, member: str) -> EntityUid:
    found = _UID.fullmatch(text)
    if found is None:
        raise ConfigurationError(f'`{member}`: an id is written `Type::"id"`')
    return EntityUid(found[1], json.loads(found[2]))

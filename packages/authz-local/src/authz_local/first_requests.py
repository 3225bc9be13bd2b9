"""`authz local --init`: a first `requests.yaml`, so that the first table costs nothing.

The routes are the template's, the groups of the users those that the policies name.  The template
is deployed once: what is answered now becomes what is expected, which is for the reader to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from authz_lib.actions import ActionMap
from authz_lib.actions.template import template_routes
from authz_lib.errors import AuthzError, ConfigurationError
from authz_local.built_template import build_template
from authz_local.template import find_template, load_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from authz_lib._support.strict_json import JSONObject
    from authz_local.row_result import RowResult

__all__ = ["write_requests"]

_NAME = "requests.yaml"
_APIS = ("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi", "AWS::Serverless::Api")
_GROUP = re.compile(r'\b\w*(?:Group|Role|Team)\w*::"([^"|\\]+\|)?([\w .-]+)"')
_MADE = re.compile(r"SP[A-Za-z0-9]{20}$")
_LABEL = re.compile(r"\{(\w+)(\+?)\}")
_LEFT_OUT = {".venv", "node_modules", ".aws-sam", ".git"}
_MOST_ROUTES = 40
_ASKS = {"AuthorizerUri", "authorizerUri", "LambdaConfig"}
_STRANGER = "stranger"
_TAMPERED = {
    "an expired token": {"change": "expired"},
    "a token that a foreign key signed": {"change": "foreign_key"},
}
_HEAD = """\
# Written by `authz local --init`.  Each `expect` is what was answered then: read them, since
# nobody has said yet that these answers are right.
"""


@dataclass(slots=True)
class _Found:
    """What a project tells of itself."""

    setup: JSONObject
    urls: dict[str, str]
    """API to the output with its URL."""
    routes: list[tuple[str, str, str]] = field(default_factory=list)
    """API, method, path."""
    users: list[str] = field(default_factory=list)
    guards: set[str] = field(default_factory=set)
    """The functions that are authorizers or triggers."""


def write_requests(folder: Path, *, say: Callable[[str], None] = lambda _: None) -> str:
    """Write `requests.yaml` into a folder, and say what is in it.

    Raises:
        ConfigurationError: there is one already, the template lacks an output that is needed, or it
            does not deploy.
    """
    from authz_local.local_scenario import LocalScenario

    path = folder / _NAME
    template = find_template(folder)
    if path.exists():
        raise ConfigurationError(f"`{_NAME}` is there already: it is not written over")
    found = _look(folder, template)
    rows = list(_rows(found, _actions(folder)))
    if not rows:
        raise ConfigurationError(f"`{template.name}` has no route")
    draft = found.setup | {"requests": [row | {"expect": {"status": 200}} for _, row in rows]}
    document = folder / f".{_NAME}.init"
    document.write_text(yaml.safe_dump(draft, sort_keys=False), encoding="utf-8")
    try:
        with LocalScenario(folder, on_event=say, document=document) as scenario:
            results = [scenario.run(row) for row in scenario.scenario.requests]
            functions = {name: logical for logical, name in scenario.stack.functions.items()}
    finally:
        document.unlink(missing_ok=True)
    services = sorted(_services(results, functions) - found.guards)
    kept = [_kept(row, result, services, functions) for row, result in _chosen(rows, results)]
    written = found.setup | ({"services": services} if services else {}) | {"requests": kept}
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)
    path.write_text(_HEAD + text, encoding="utf-8")
    return f"{_NAME}: {len(kept)} requests, {len(found.users)} users; `--check` sends them"


# ---- The project ----


def _look(folder: Path, template: Path) -> _Found:
    document = build_template(template, parameters={}, region="us-east-1", builder=None).document
    resources = document["Resources"]
    found = _Found({}, {})
    for logical_id, resource in resources.items():
        if resource["Type"] in _APIS:
            found.urls[logical_id] = _output(document, logical_id, "execute-api", "its URL")
            found.routes += _routes_of(document, logical_id)
    found.setup |= _store(folder, template, document)
    found.setup |= _pool(document, found, _groups(folder))
    found.guards = _guards(resources)
    return found


def _routes_of(document: JSONObject, api: str) -> list[tuple[str, str, str]]:
    try:
        listed = template_routes(document, [], api=api)
    except ConfigurationError:  # it has no routes
        return []
    return [(api, route.method, route.path) for route in listed][:_MOST_ROUTES]


def _output(document: JSONObject, logical_id: str, word: str, what: str) -> str:
    """The output whose value names a resource."""
    for name, output in (document.get("Outputs") or {}).items():
        text = str(output.get("Value"))
        if logical_id in re.findall(r"\w+", text) and word in text:
            return str(name)
    raise ConfigurationError(f"the template needs an output with {what}: `{logical_id}`")


def _store(folder: Path, template: Path, document: JSONObject) -> JSONObject:
    """The policy store of a folder of policies, and the parameter that takes its id."""
    parameter = next(
        (name for name in document.get("Parameters") or {} if "policystore" in name.lower()), None
    )
    directory = next((path.parent for path in _files(folder, "*.cedar")), None)
    missing = [
        name
        for name, definition in (load_template(template).get("Parameters") or {}).items()
        if "Default" not in definition and name != parameter
    ]
    parameters = {"parameters": dict.fromkeys(missing, "local")} if missing else {}
    if parameter is None or directory is None:
        return parameters
    relative = directory.relative_to(folder).as_posix()
    return {"policy_store": {"directory": relative, "parameter": parameter}} | parameters


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.rglob(pattern) if not _LEFT_OUT & set(path.parts[:-1]))


def _groups(folder: Path) -> list[str]:
    texts = [
        path.read_text(encoding="utf-8", errors="replace") for path in _files(folder, "*.cedar")
    ]
    return sorted({match[2] for text in texts for match in _GROUP.finditer(text)})


def _pool(document: JSONObject, found: _Found, groups: list[str]) -> JSONObject:
    resources = document["Resources"]
    pool = next((n for n, r in resources.items() if r["Type"] == "AWS::Cognito::UserPool"), None)
    clients = [n for n, r in resources.items() if r["Type"] == "AWS::Cognito::UserPoolClient"]
    if pool is None or not clients:
        return {}
    users = {f"{re.sub(r'[^a-z0-9]', '-', name.lower())}-user": [name] for name in groups}
    found.users = [*users, _STRANGER]
    return {
        "user_pool": {
            "output": _output(document, pool, "Ref", "the user pool's id"),
            "clients": {
                name.lower(): _output(document, name, "Ref", "the client's id")
                for name in clients[:1]
            },
            "users": {
                **{user: {"groups": listed} for user, listed in users.items()},
                _STRANGER: {"groups": []},
            },
        }
    }


def _guards(resources: JSONObject) -> set[str]:
    """The functions that authorizers and user pools call."""
    text = " ".join(_texts_of(resources))
    return {
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Lambda::Function" and name in re.findall(r"\w+", text)
    }


def _texts_of(value: Any) -> Iterator[str]:
    """What stands behind the members that name a function to ask."""
    if isinstance(value, list):
        for item in value:
            yield from _texts_of(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _ASKS:
                yield str(item)
            else:
                yield from _texts_of(item)


def _actions(folder: Path) -> ActionMap | None:
    """The action map among the project's files, if there is one."""
    for path in _files(folder, "*.json"):
        try:
            return ActionMap.load(path)
        except (AuthzError, ValueError, OSError):
            continue
    return None


# ---- The requests ----


def _rows(found: _Found, actions: ActionMap | None) -> Iterator[tuple[str, JSONObject]]:
    """What is asked, each with the key of what it shows."""
    for api, method, route in found.routes:
        verb = "GET" if method in {"ANY", "*"} else method
        path = "/" if route in {"$default", "/$default"} else _LABEL.sub("1", route)
        call = f"{verb} ${{{found.urls[api]}}}{path}"
        what = _what(actions, verb, path) or f"{verb} {path}"
        body: JSONObject = {"body": {}} if verb in {"POST", "PUT", "PATCH"} else {}
        for user in found.users:
            yield f"{call} user", {"name": f"{what}, {user}", "call": call, "as": user, **body}
        yield f"{call} nobody", {"name": f"{what}, no token", "call": call, **body}
    if not found.users or not found.routes:
        return
    api, method, route = next((one for one in found.routes if one[1] == "GET"), found.routes[0])
    verb = "GET" if method in {"ANY", "*"} else method
    call = f"{verb} ${{{found.urls[api]}}}{_LABEL.sub('1', route)}"
    for name, change in _TAMPERED.items():
        yield name, {"name": name, "call": call, "token": {"user": found.users[0], **change}}


def _what(actions: ActionMap | None, method: str, path: str) -> str | None:
    if actions is None:
        return None
    entry = next(
        (
            entry
            for entry in actions.entries
            if entry.method == method and _LABEL.sub("1", entry.route) == path
        ),
        None,
    )
    return None if entry is None else entry.action


def _chosen(
    rows: list[tuple[str, JSONObject]], results: list[RowResult]
) -> Iterator[tuple[JSONObject, RowResult]]:
    """Of each route's users the first who may and the first who may not; all the rest."""
    seen: set[tuple[str, bool]] = set()
    for (key, row), result in zip(rows, results, strict=True):
        if not key.endswith(" user"):
            yield row, result
            continue
        outcome = (key, result.status in {401, 403})
        if outcome not in seen:
            seen.add(outcome)
            yield row, result


def _services(results: list[RowResult], functions: dict[str, str]) -> set[str]:
    return {
        functions[one.function]
        for result in results
        for one in result.invocations
        if one.function in functions
    }


def _kept(
    row: JSONObject, result: RowResult, services: list[str], functions: dict[str, str]
) -> JSONObject:
    expect: dict[str, Any] = {"status": result.status or 500}
    if result.decision is not None:
        expect["decision"] = result.decision
    # An id of `CreatePolicy` is another one in the next run.
    if result.decision is not None and result.policies and not _MADE.match(result.policies[0]):
        expect["policy"] = result.policies[0]
    if services:
        invoked = {functions.get(one.function) for one in result.invocations}
        expect["reached"] = bool(invoked & set(services))
    return row | {"expect": expect}

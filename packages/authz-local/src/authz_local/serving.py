"""What is printed while a scenario is served: URLs, tokens, and lines to paste."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from authz_local.local_scenario import LocalScenario
    from authz_local.scenario import RequestRow

__all__ = ["describe", "print_description"]

_MOST_ROWS = 8
_API_URL = re.compile(r"http://(?P<api>\w+)\.execute-api\.localhost:(?P<port>\d+)(?P<path>.*)")

_FUNCTION_URL = re.compile(
    r"http://(?P<id>\w+)\.lambda-url\.[\w-]+\.localhost:(?P<port>\d+)(?P<path>/.*)?"
)


def describe(scenario: LocalScenario) -> dict[str, Any]:
    """All that is printed, as one JSON document."""
    rows = [row for row in scenario.scenario.requests if not row.headers and _is_plain(row)]
    called = [row for row in rows if row.as_user and row.call][:_MOST_ROWS]
    invoked = [row for row in rows if row.invoke in scenario.stack.functions][:_MOST_ROWS]
    users = sorted({row.as_user for row in called if row.as_user})
    outputs = dict(scenario.stack.outputs)
    return {
        "outputs": outputs,
        "loopback": {name: url for name in outputs if (url := _loopback(outputs[name]))},
        "tokens": {variable(user): scenario.token(user) for user in users},
        "requests": [
            {"name": row.name, "line": _curl(scenario, row) if row.call else _invoke(scenario, row)}
            for row in [*called, *invoked]
        ],
    }


def _is_plain(row: RequestRow) -> bool:
    return row.as_user is not None or row.invoke is not None


def _loopback(value: str) -> str | None:
    """The same API on 127.0.0.1, for a resolver that does not know `*.localhost`."""
    function = _FUNCTION_URL.fullmatch(value)
    if function is not None:
        there = f"127.0.0.1:{function['port']}/_aws/lambda-url/{function['id']}"
        return f"http://{there}{function['path'] or '/'}"
    match = _API_URL.fullmatch(value)
    if match is None:
        return None
    path = match["path"] or "/$default"
    return f"http://127.0.0.1:{match['port']}/_aws/execute-api/{match['api']}{path}"


def print_description(described: dict[str, Any]) -> None:
    """Print it, a line each."""
    for name, value in described["outputs"].items():
        print(f"{name} = {value}")
    for name, url in described["loopback"].items():
        print(f"# {name}, where `*.localhost` does not resolve: {url}")
    for name, token in described["tokens"].items():
        print(f"\n{name}='{token}'")
    for request in described["requests"]:
        print(f"\n# {request['name']}\n{request['line']}")


def variable(user: str) -> str:
    """The name of the shell's variable with a user's token."""
    return re.sub(r"\W", "_", user).upper()


def _curl(scenario: LocalScenario, row: RequestRow) -> str:
    method, url, _, body = scenario.request_of(row)
    words = [f'curl -i -X {method} -H "Authorization: Bearer ${variable(str(row.as_user))}"']
    if body:
        words.append(f"-H 'Content-Type: application/json' -d {shlex.quote(body.decode())}")
    return " ".join([*words, shlex.quote(url)])


def _invoke(scenario: LocalScenario, row: RequestRow) -> str:
    function = scenario.stack.functions[str(row.invoke)]
    payload = json.dumps(row.body if row.body is not None else {})
    url = f"{scenario.aws.url}/2015-03-31/functions/{function}/invocations"
    return f"curl -i -X POST -d {shlex.quote(scenario.substituted(payload))} {shlex.quote(url)}"

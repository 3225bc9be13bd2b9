"""`Input`: one input of a request, in the words of identity sources, and how it is read from an
event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.gateway.events import AuthorizerEvent
    from authz_lib.gateway.sources import TokenSource

__all__ = ["Input"]

_INPUT = re.compile(
    r"(?:\$request|method\.request)\.(?P<part>header|querystring)\.(?P<name>[!-~]+)"
    r"|(?:\$context|context)\.(?P<context>[A-Za-z][A-Za-z0-9_.]*)"
    r"|(?:\$stageVariables|stageVariables)\.(?P<variable>[A-Za-z0-9_]+)"
)


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a request, as API Gateway names it in an identity source.

    >>> Input.parse("method.request.header.Authorization") == Input.parse("$request.header.authorization")
    True
    >>> Input.parse("$context.path")
    Input(part='context', name='path')
    """

    part: Literal["header", "querystring", "context", "stage-variable"]
    name: str

    @classmethod
    def parse(cls, expression: str) -> Input:
        """Read the form of HTTP APIs (``$request.header.X``, ``$context.X``) or of REST APIs
        (``method.request...``).

        Raises:
            ConfigurationError: it is none of these, or a context value that this library cannot
                read from an event.
        """
        match = _INPUT.fullmatch(expression) if type(expression) is str else None
        if match is None:
            raise ConfigurationError(
                "an identity source is `$request.header.X`, `$request.querystring.X`, `$context.X` or "
                "`$stageVariables.X`"
            )
        if match["part"] == "header":
            return cls("header", match["name"].lower())
        if match["part"] == "querystring":
            return cls("querystring", match["name"])
        if match["variable"] is not None:
            return cls("stage-variable", match["variable"])
        if match["context"] not in _CONTEXT:
            raise ConfigurationError(
                f"`$context.{match['context']}` is not one of {', '.join(sorted(_CONTEXT))}"
            )
        return cls("context", match["context"])

    @classmethod
    def of_source(cls, source: TokenSource) -> Input | None:
        """The input that a token source reads; ``None`` where it is not one input of the
        request.
        """
        parts = {"header": source.name, "cookie": "cookie", "querystring": source.name}
        if source.kind not in parts:
            return None
        return cls("querystring" if source.kind == "querystring" else "header", parts[source.kind])

    def __str__(self) -> str:
        head = {"context": "$context", "stage-variable": "$stageVariables"}.get(
            self.part, f"$request.{self.part}"
        )
        return f"{head}.{self.name}"

    def read(self, event: AuthorizerEvent) -> tuple[str, ...]:
        """All values that the event holds for this input; empty where it holds none."""
        if self.part == "header":
            found = event.headers.get(self.name, ())
            return found or (_cookies(event) if self.name == "cookie" else ())
        if self.part == "querystring":
            return tuple((event.query or {}).get(self.name, ()))
        if self.part == "stage-variable":
            variables = event.raw.get("stageVariables")
            value = variables.get(self.name) if isinstance(variables, dict) else None
        else:
            value = _CONTEXT[self.name](event)
        return (value,) if type(value) is str else ()

    def is_told(self, event: AuthorizerEvent) -> bool:
        """Whether an event of this kind would hold the input if the request had it."""
        if self.part == "context":
            return bool(self.read(event)) or (
                self.name == "operationName" and event.kind == "appsync"
            )
        if self.part == "header":
            return event.kind != "rest-token"
        return event.kind not in {"rest-token", "appsync"}


def _cookies(event: AuthorizerEvent) -> tuple[str, ...]:
    """The header ``Cookie`` of a 2.0 event, which holds it in parts."""
    parts = event.raw.get("cookies")
    if not isinstance(parts, list) or not parts or not all(type(part) is str for part in parts):
        return ()
    return ("; ".join(parts),)


def _request_context(event: AuthorizerEvent, *names: str) -> Any:
    value: Any = event.raw.get("requestContext")
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _source_ip(event: AuthorizerEvent) -> Any:
    return _request_context(event, "identity", "sourceIp") or _request_context(
        event, "http", "sourceIp"
    )


_CONTEXT: dict[str, Callable[[AuthorizerEvent], Any]] = {
    "domainName": lambda event: _request_context(event, "domainName"),
    "httpMethod": lambda event: event.method,
    "operationName": lambda event: _request_context(event, "operationName"),
    "identity.sourceIp": _source_ip,
    "path": lambda event: (
        _request_context(event, "http", "path") or _request_context(event, "path")
    ),
    "resourcePath": lambda event: _request_context(event, "resourcePath"),
    "routeKey": lambda event: (
        event.route if event.kind == "http-2.0" else _request_context(event, "routeKey")
    ),
    "stage": lambda event: event.arn.stage if event.arn else None,
}

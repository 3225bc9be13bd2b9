"""`IdentitySource`: one input of a request, as API Gateway names it, and how an event tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.gateway.events import AuthorizerEvent
    from authz_lib.gateway.sources import TokenSource

__all__ = [
    "CONTEXT_DOMAIN",
    "CONTEXT_METHOD",
    "CONTEXT_PATH",
    "CONTEXT_ROUTE_KEY",
    "IdentitySource",
]

_FORM = re.compile(
    r"(?:\$request|method\.request)\.(?P<part>header|querystring)\.(?P<name>[!-~]+)"
    r"|(?:\$context|context)\.(?P<context>[A-Za-z][A-Za-z0-9_.]*)"
    r"|(?:\$stageVariables|stageVariables)\.(?P<variable>[A-Za-z0-9_]+)"
)


@dataclass(frozen=True, slots=True)
class IdentitySource:
    """One input of a request, as an identity source names it.

    >>> rest = IdentitySource.parse("method.request.header.Authorization")
    >>> rest == IdentitySource.parse("$request.header.authorization")
    True
    >>> IdentitySource.parse("$context.path")
    IdentitySource(part='context', name='path')
    """

    part: Literal["header", "querystring", "context", "stage-variable"]
    name: str

    @classmethod
    def parse(cls, expression: str) -> IdentitySource:
        """Read the form of HTTP APIs or of REST APIs.

        | HTTP APIs | REST APIs |
        |---|---|
        | ``$request.header.X`` | ``method.request.header.X`` |
        | ``$request.querystring.X`` | ``method.request.querystring.X`` |
        | ``$context.X`` | ``context.X`` |
        | ``$stageVariables.X`` | ``stageVariables.X`` |

        Raises:
            ConfigurationError: it is none of these, or a context value that no event tells.
        """
        match = _FORM.fullmatch(expression) if type(expression) is str else None
        if match is None:
            raise ConfigurationError(
                "an identity source is `$request.header.X`, `$request.querystring.X`, "
                "`$context.X` or `$stageVariables.X`"
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
    def of_token_source(cls, source: TokenSource) -> IdentitySource | None:
        """The input that a token source reads; ``None`` where it is not one input."""
        if source.kind == "header":
            return cls("header", source.name)
        if source.kind == "cookie":
            return cls("header", "cookie")
        return cls("querystring", source.name) if source.kind == "querystring" else None

    def __str__(self) -> str:
        heads = {"context": "$context", "stage-variable": "$stageVariables"}
        return f"{heads.get(self.part, f'$request.{self.part}')}.{self.name}"

    def read(self, event: AuthorizerEvent) -> tuple[str, ...]:
        """All values that the event holds for this input; empty where it holds none."""
        if self.part == "header":
            if self.name == "cookie":
                texts = event.cookie_texts
                return ("; ".join(texts),) if event.kind == "http-2.0" and texts else texts
            return event.header(self.name)
        if self.part == "context":
            value = _CONTEXT[self.name](event)
        elif self.part == "querystring":
            return (event.query or {}).get(self.name, ())
        else:
            value = event.stage_variables.get(self.name)
        return (value,) if type(value) is str else ()

    def is_told(self, event: AuthorizerEvent) -> bool:
        """Whether an event of this kind would hold the input if the request had it."""
        if self.part == "context":
            has_no_value = self.name == "operationName" and event.kind == "appsync"
            return bool(self.read(event)) or has_no_value
        if self.part == "header":
            return event.kind != "rest-token"
        return event.kind not in {"rest-token", "appsync", "appsync-events"}


CONTEXT_DOMAIN = IdentitySource("context", "domainName")
CONTEXT_METHOD = IdentitySource("context", "httpMethod")
CONTEXT_PATH = IdentitySource("context", "path")
CONTEXT_ROUTE_KEY = IdentitySource("context", "routeKey")


def _source_ip(event: AuthorizerEvent) -> Any:
    return event.request_context("identity", "sourceIp") or event.request_context(
        "http", "sourceIp"
    )


_CONTEXT: dict[str, Callable[[AuthorizerEvent], Any]] = {
    "domainName": lambda event: event.request_context("domainName"),
    "httpMethod": lambda event: event.method,
    "identity.sourceIp": _source_ip,
    "operationName": lambda event: event.request_context("operationName"),
    "path": lambda event: event.request_context("http", "path") or event.request_context("path"),
    "resourcePath": lambda event: event.request_context("resourcePath"),
    "routeKey": lambda event: (
        event.route if event.kind == "http-2.0" else event.request_context("routeKey")
    ),
    "stage": lambda event: event.arn.stage if event.arn else None,
}

"""What OpenAPI says of the authorization of a FastAPI application."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.integrations.asgi_callers import SecurityScheme
    from authz_lib.smithy.error_answers import ErrorFormat

__all__ = ["AuthorizedOpenAPI"]

_SCHEMA = "AuthorizationError"
_TEXT = {"type": "string"}
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "smithy": {"__type": _TEXT, "message": _TEXT, "requestId": _TEXT},
    "standard": {"status": {"type": "integer"}, "code": _TEXT, "message": _TEXT},
}
_ANSWERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "401": ("Nobody knows who calls.", ("WWW-Authenticate",)),
    "403": ("The caller may not do this.", ("WWW-Authenticate",)),
    "503": ("Nobody could find out whether the caller may do this.", ("Retry-After",)),
}


class AuthorizedOpenAPI:
    """The document of an application, with its security schemes and with what refusals look like.

    Args:
        made: makes the document without them.
        placeholder: the scheme that FastAPI has named, for which the others stand.
        schemes: the schemes by name; each is a way by itself.
        error_format: the shape of error bodies.
    """

    __slots__ = ("_done", "_error_format", "_made", "_placeholder", "_schemes")

    def __init__(
        self,
        made: Callable[[], dict[str, Any]],
        *,
        placeholder: str,
        schemes: Mapping[str, SecurityScheme],
        error_format: ErrorFormat,
    ) -> None:
        self._made = made
        self._placeholder = placeholder
        self._schemes = schemes
        self._error_format = error_format
        self._done: tuple[dict[str, Any], dict[str, Any]] | None = None

    def __call__(self) -> dict[str, Any]:
        """The document; the same one until the application makes another."""
        plain = self._made()
        if self._done is None or self._done[0] is not plain:
            self._done = plain, self._completed(deepcopy(plain))
        return self._done[1]

    def _completed(self, document: dict[str, Any]) -> dict[str, Any]:
        components = document.get("components", {})
        if components.get("securitySchemes", {}).pop(self._placeholder, None) is None:
            return document
        components["securitySchemes"] |= deepcopy(dict(self._schemes))
        schema = {"type": "object", "properties": _BODIES[self._error_format]}
        components.setdefault("schemas", {})[_SCHEMA] = deepcopy(schema)
        for path in [*document.get("paths", {}).values(), *document.get("webhooks", {}).values()]:
            for operation in path.values():
                if isinstance(operation, dict) and "security" in operation:
                    self._complete(operation)
        return document

    def _complete(self, operation: dict[str, Any]) -> None:
        required: list[dict[str, list[str]]] = []
        for one in operation["security"]:
            scopes = one.get(self._placeholder)
            required += [one] if scopes is None else [{name: scopes} for name in self._schemes]
        if required == operation["security"]:
            return  # another scheme of the application's own
        operation["security"] = required
        answers = operation.setdefault("responses", {})
        for status, (description, headers) in _ANSWERS.items():
            answers.setdefault(status, _answer(description, headers))


def _answer(description: str, headers: tuple[str, ...]) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {name: {"schema": dict(_TEXT)} for name in headers},
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_SCHEMA}"}}},
    }

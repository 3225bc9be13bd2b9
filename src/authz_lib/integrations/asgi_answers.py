"""What an ASGI application answers to who may not, over HTTP and WebSocket."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.current_request import CURRENT_REQUEST
from authz_lib.errors import AuthzError, ConfigurationError
from authz_lib.gateway.events import Event
from authz_lib.gateway.refusals import EventNames, Refusal, log_refusal
from authz_lib.integrations.asgi_callers import mangum_event
from authz_lib.smithy.errors import SmithyError, from_authz_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from authz_lib._support.current_request import NamedRequest
    from authz_lib.smithy.error_answers import ErrorFormat

__all__ = ["ASGIReply", "names_of_scope"]

_METHODS: Final = frozenset(
    {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "WebSocket"}
)
# RFC 6455, section 7.4.1, and the IANA registry: policy violation, internal error, try again later.
_POLICY, _INTERNAL, _LATER = 1008, 1011, 1013
_LAST: Final = frozenset({"websocket.close", "websocket.http.response.start"})


class _ScopeNames:
    """Route and request id of a request without an event; the id is made here."""

    __slots__ = ("_scope", "request_id")

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self.request_id = str(uuid.uuid4())

    @property
    def route_name(self) -> str | None:
        """The path as the route declares it; a client's own is in no log."""
        method = "WebSocket" if self._scope["type"] == "websocket" else self._scope.get("method")
        path = _declared_path(self._scope)
        return f"{method} {path}" if type(path) is str and method in _METHODS else None


def _declared_path(scope: Mapping[str, Any]) -> object:
    """With the prefix of the routers that it was included with, where FastAPI says so."""
    known = scope.get("fastapi")
    effective = known.get("effective_route_context") if isinstance(known, dict) else None
    return getattr(effective, "path", None) or getattr(scope.get("route"), "path", None)


def names_of_scope(scope: Mapping[str, Any]) -> NamedRequest:
    """How a log names the request: as the gateway does, where there is one."""
    event = mangum_event(scope)
    if event is None:
        return _ScopeNames(scope)
    found = (
        Event.of(event).request_context("requestId"),
        getattr(scope.get("aws.context"), "aws_request_id", None),
    )
    given = (text for text in found if type(text) is str and text)
    return EventNames(event, next(given, None) or str(uuid.uuid4()))


class ASGIReply:
    """One request of an application, and what is sent back for it.

    Args:
        scope: of the request; the application changes it while it routes.
        send: of the server.
        error_format: the shape of bodies.
        is_decided: asked before an answer begins; ``False`` keeps a success back.
    """

    __slots__ = ("_begun", "_ended", "_format", "_is_decided", "_names", "_scope", "_send")

    def __init__(
        self,
        scope: MutableMapping[str, Any],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        *,
        error_format: ErrorFormat,
        is_decided: Callable[[], bool],
    ) -> None:
        self._scope = scope
        self._send = send
        self._format = error_format
        self._is_decided = is_decided
        self._names = names_of_scope(scope)
        self._begun = False
        self._ended = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Pass a message on.

        Raises:
            ConfigurationError: it would begin a success that nobody has decided.
        """
        kind = message["type"]
        is_success = kind == "websocket.accept" or (
            kind == "http.response.start" and 200 <= message["status"] < 300
        )
        if is_success and not self._is_decided():
            raise ConfigurationError(
                "the answer is kept back: its route has no explicit decision, or was not asked"
            )
        self._begun = self._begun or kind in {"http.response.start", "websocket.accept"}
        self._ended = self._ended or kind in _LAST
        await self._send(message)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work; an `AuthzError` or `SmithyError` that it raises is answered.

        What it raises after the answer has begun is raised here, as is any other error.
        """
        before = CURRENT_REQUEST.set(self._names)
        try:
            await work()
        except (AuthzError, SmithyError) as error:
            is_websocket = self._scope["type"] == "websocket"
            if self._ended or (self._begun and not is_websocket):
                raise
            said = self._said(error)
            await (self._close(said) if is_websocket else self._answer("http", said))
        finally:
            CURRENT_REQUEST.reset(before)

    def _said(self, error: AuthzError | SmithyError) -> SmithyError:
        """What the client is told; the log is told why."""
        if isinstance(error, SmithyError):
            return error
        log_refusal(Refusal.of(error), self._names, error=error if error.status >= 500 else None)
        return from_authz_error(error)

    async def _close(self, said: SmithyError) -> None:
        """Refuse a WebSocket, or end it."""
        if not self._begun and "websocket.http.response" in self._scope.get("extensions", {}):
            await self._answer("websocket.http", said)
            return
        code = {4: _POLICY, 5: _INTERNAL}.get(said.status // 100, _INTERNAL)
        code = _LATER if said.status == 503 else code
        await self._send({"type": "websocket.close", "code": code, "reason": ""})

    async def _answer(self, kind: str, said: SmithyError) -> None:
        made = said.to_response(request_id=self._names.request_id, error_format=self._format)
        body = made["body"].encode()
        headers = {**made["headers"], "Cache-Control": "no-store"}
        if kind == "http":  # a server writes the length of a refused handshake itself, or twice
            headers["Content-Length"] = str(len(body))
        start = {
            "type": f"{kind}.response.start",
            "status": made["statusCode"],
            "headers": [
                (name.lower().encode("ascii"), value.encode("ascii"))
                for name, value in headers.items()
            ],
        }
        self._begun = True
        await self._send(start)
        await self._send({"type": f"{kind}.response.body", "body": body})

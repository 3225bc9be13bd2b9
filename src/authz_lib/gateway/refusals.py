"""The one line that says why a request was refused, for the operator who sees nothing else.

A line holds fixed texts and configured names.  Nothing in it was written by who sent the request,
so nobody outside can forge one, and a request writes one at most.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from authz_lib._support.current_request import names_of
from authz_lib.gateway.events import Event

if TYPE_CHECKING:
    from authz_lib._support.current_request import NamedRequest
    from authz_lib.errors import AuthzError

__all__ = ["EventNames", "Refusal", "log_refusal"]

_LOGGER: Final = logging.getLogger("authz_lib.refusals")
_NOTHING: Mapping[str, object] = MappingProxyType({})
_MAX_NAMES: Final = 8
_MAX_NAME_CHARACTERS: Final = 256
_MAX_TEXT_CHARACTERS: Final = 512


class Refusal(NamedTuple):
    """Why a request was refused.

    Attributes:
        code: the stable name, which the ``reason`` of an answer has too.
        status: 401, 403 or 503, and 400 or 500 where the request or the configuration is wrong.
        text: fixed text.
        claim: the name of the claim that was wrong.
        configured: what was expected, by the name of the argument that says so.
        key_id_digest: see `AuthzError`.
    """

    code: str
    status: int
    text: str
    claim: str | None = None
    configured: Mapping[str, object] = _NOTHING
    key_id_digest: str | None = None

    @classmethod
    def of(cls, error: AuthzError) -> Refusal:
        """What an error says."""
        claim = getattr(error, "claim", None)
        return cls(
            error.code, error.status, str(error), claim, error.configured, error.key_id_digest
        )


class EventNames:
    """Route and request id of a service's event, read when they are asked for."""

    __slots__ = ("_event", "request_id")

    def __init__(self, event: object, request_id: str | None) -> None:
        self._event = event
        self.request_id = request_id

    @property
    def route_name(self) -> str | None:
        """Method and route, as the gateway was configured with them; ``None`` where it has none."""
        event = Event.of(self._event)
        key = event.get("routeKey") or event.request_context("routeKey")
        if type(key) is str:
            return key
        method, resource = event.get("httpMethod"), event.get("resource")
        return f"{method} {resource}" if type(method) is type(resource) is str else None


def log_refusal(
    refusal: Refusal, request: NamedRequest | None, *, error: Exception | None = None
) -> None:
    """Write the line: logger ``authz_lib.refusals``, level WARNING.

    The message alone says everything.  The same is in the fields of the record, for a formatter
    that writes JSON.

    Args:
        refusal: what is said.
        request: which one was refused.
        error: its traceback is added.
    """
    if not _LOGGER.isEnabledFor(logging.WARNING):
        return
    fields: dict[str, Any] = {
        "claim": refusal.claim,
        "configured": {name: _names(value) for name, value in refusal.configured.items()},
        **names_of(request),
        "key_id_digest": refusal.key_id_digest,
    }
    text = _text(refusal.text, _MAX_TEXT_CHARACTERS)
    known = {name: value for name, value in fields.items() if value}
    _LOGGER.warning(
        "refused: %d %s: %s %s",
        refusal.status,
        refusal.code,
        text,
        json.dumps(known, ensure_ascii=True),
        exc_info=error,
        extra={"code": refusal.code, "status": refusal.status, "text": text, **known},
    )


def _names(value: object) -> object:
    """A configured value as JSON: names in order, and how many more there are."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) or not isinstance(value, Iterable):
        return _text(str(value), _MAX_NAME_CHARACTERS)
    names = sorted(str(item) for item in value)
    told = [_text(name, _MAX_NAME_CHARACTERS) for name in names[:_MAX_NAMES]]
    more = len(names) - _MAX_NAMES
    return [*told, f"and {more} more"] if more > 0 else told


def _text(text: str, most: int) -> str:
    """On one line, and no longer than that."""
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else " " for mark in text[:most])
    return text if len(text) <= most else f"{text[: most - 3]}..."

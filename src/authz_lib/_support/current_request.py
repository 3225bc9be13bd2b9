"""How a log names a request: by its configured route, and by the id that the gateway gave it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Final, Protocol

__all__ = ["CURRENT_REQUEST", "NamedRequest", "names_of"]

# Compiled by the first line that is written, not by a cold start.
_REQUEST_ID: Final = r"[0-9A-Za-z=_/+-]{1,128}"
_ROUTE: Final = r"[!-~]{1,16} ?[!-~]{0,256}"


class NamedRequest(Protocol):
    """What a log says about a request; read only when something is written."""

    @property
    def route_name(self) -> str | None:
        """Method and route, as the gateway was configured with them."""

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the request."""


CURRENT_REQUEST: ContextVar[NamedRequest | None] = ContextVar("authz_request", default=None)
"""Set by an authorizer and by a service's handler, for as long as they answer one request."""


def names_of(request: NamedRequest | None) -> dict[str, str]:
    """``route`` and ``request_id`` of a request, where it has them and they look like it."""
    if request is None:
        return {}
    found = (("route", _ROUTE, request.route_name), ("request_id", _REQUEST_ID, request.request_id))
    return {
        name: text for name, form, text in found if type(text) is str and re.fullmatch(form, text)
    }

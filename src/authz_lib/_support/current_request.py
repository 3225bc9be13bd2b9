"""How a log names a request: by its configured route, and by the id that the gateway gave it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Protocol

__all__ = ["CURRENT_REQUEST", "NamedRequest", "names_of"]


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
    route, request_id = request.route_name, request.request_id
    names = {}
    # Compiled by the first line that is written, not by a cold start.
    if type(route) is str and re.fullmatch(r"[!-~]{1,16} ?[!-~]{0,256}", route):
        names["route"] = route
    if type(request_id) is str and re.fullmatch(r"[0-9A-Za-z=_/+-]{1,128}", request_id):
        names["request_id"] = request_id
    return names

"""What an Event API of AppSync asks about: an operation on a channel, as a method and a path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway.event_maps import text_member

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONNECT", "asks_about_channels", "method_and_channel"]

CONNECT = "/$connect"
"""The path of a connection, which has no channel yet."""

_OF_CHANNELS = frozenset({"operation", "channel", "channelNamespaceName"})
_CHANNEL = re.compile(r"/?[A-Za-z0-9-]{1,50}(?:/[A-Za-z0-9-]{1,50}){0,4}(?:/\*)?")


def asks_about_channels(context: Mapping[str, Any]) -> bool:
    """Whether the request context is that of an Event API, not of a GraphQL API."""
    return not _OF_CHANNELS.isdisjoint(context)


def method_and_channel(context: Mapping[str, Any]) -> tuple[str, str]:
    """``GET`` to connect and to subscribe, ``POST`` to publish; and `CONNECT` or the channel.

    Raises:
        UntrustedEventError: no such operation, or no channel.

    See the AppSync Events developer guide, "Configuring authorization and authentication to secure
    Event APIs".

    >>> method_and_channel({"operation": "EVENT_PUBLISH", "channel": "/news/eu"})
    ('POST', '/news/eu')
    """
    operation = text_member(context, "operation", "requestContext.")
    if operation == "EVENT_CONNECT":
        return "GET", CONNECT
    method = {"EVENT_SUBSCRIBE": "GET", "EVENT_PUBLISH": "POST"}.get(operation)
    if method is None:
        raise UntrustedEventError(
            "`requestContext.operation` of the event is none of `EVENT_CONNECT`, "
            "`EVENT_SUBSCRIBE`, `EVENT_PUBLISH`"
        )
    channel = text_member(context, "channel", "requestContext.")
    if not _CHANNEL.fullmatch(channel):
        raise UntrustedEventError("`requestContext.channel` of the event is not a channel")
    return method, channel if channel.startswith("/") else f"/{channel}"

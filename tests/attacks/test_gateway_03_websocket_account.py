"""gateway.md 3: a pinned account refused every WebSocket message, which names no account."""

from __future__ import annotations

import pytest

from authz_lib import ExpectedGateway
from authz_lib.errors import ConfigurationError
from authz_lib.testing import events

PINS = {"api_id": "a1b2c3d4e5", "issuer": None, "client_ids": None, "token_use": None}


def test_a_websocket_gateway_with_an_account_is_refused_when_built():
    with pytest.raises(ConfigurationError, match="`account_id` must be `None`"):
        ExpectedGateway(kind="websocket-lambda", account_id="123456789012", **PINS)
    ExpectedGateway(kind="websocket-lambda", account_id=None, **PINS)


@pytest.mark.parametrize("event_type", ["CONNECT", "MESSAGE", "DISCONNECT"])
def test_the_factory_names_no_account(event_type):
    assert "accountId" not in events.websocket_event(event_type=event_type)["requestContext"]
    assert "accountId" not in events.websocket_authorizer_event("x")["requestContext"]

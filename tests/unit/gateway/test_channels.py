"""`authz_lib.gateway.channels`: what an Event API of AppSync asks about."""

from __future__ import annotations

import pytest

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway import parse_authorizer_event
from authz_lib.gateway.channels import asks_about_channels, method_and_channel

# The example of the AppSync Events developer guide, "Configuring authorization and authentication
# to secure Event APIs".
DOCUMENTED = {
    "authorizationToken": "ExampleAUTHtoken123123123",
    "requestContext": {
        "apiId": "aaaaaa123123123example123",
        "accountId": "111122223333",
        "requestId": "f4081827-1111-4444-5555-5cf4695f339f",
        "operation": "EVENT_PUBLISH",
        "channelNamespaceName": "news",
        "channel": "/news/latest",
    },
    "requestHeaders": {"header": "value"},
}


def test_the_documented_event():
    event = parse_authorizer_event(DOCUMENTED)
    assert (event.kind, event.api_id, event.account_id) == (
        "appsync-events", "aaaaaa123123123example123", "111122223333"
    )  # fmt: skip
    assert (event.method, event.path, event.route) == ("POST", "/news/latest", None)
    assert event.request_id == "f4081827-1111-4444-5555-5cf4695f339f"
    assert event.token_header("authorization") == ("ExampleAUTHtoken123123123",)


@pytest.mark.parametrize(
    ("context", "asked"),
    [
        ({"operation": "EVENT_CONNECT"}, ("GET", "/$connect")),
        ({"operation": "EVENT_CONNECT", "channel": None}, ("GET", "/$connect")),
        ({"operation": "EVENT_CONNECT", "channel": ""}, ("GET", "/$connect")),
        ({"operation": "EVENT_SUBSCRIBE", "channel": "news/eu"}, ("GET", "/news/eu")),
        ({"operation": "EVENT_SUBSCRIBE", "channel": "/news/*"}, ("GET", "/news/*")),
        ({"operation": "EVENT_PUBLISH", "channel": "/news/eu"}, ("POST", "/news/eu")),
    ],
)
def test_operation_and_channel_are_a_method_and_a_path(context, asked):
    assert asks_about_channels(context)
    assert method_and_channel(context) == asked


@pytest.mark.parametrize(
    ("context", "member"),
    [
        ({"channel": "/news/eu"}, "operation"),
        ({"operation": "event_publish", "channel": "/news/eu"}, "operation"),
        ({"operation": ["EVENT_CONNECT"]}, "operation"),
        ({"operation": "EVENT_PUBLISH"}, "channel"),
        ({"operation": "EVENT_PUBLISH", "channel": ["/news"]}, "channel"),
        ({"operation": "EVENT_PUBLISH", "channel": "/news/../admin"}, "channel"),
        ({"operation": "EVENT_PUBLISH", "channel": "/news//eu"}, "channel"),
        ({"operation": "EVENT_PUBLISH", "channel": "/news/eu/"}, "channel"),
        ({"operation": "EVENT_PUBLISH", "channel": "/news/eu\n"}, "channel"),
        ({"operation": "EVENT_SUBSCRIBE", "channel": "/*/eu"}, "channel"),
        ({"operation": "EVENT_SUBSCRIBE", "channel": "/*"}, "channel"),
    ],
)
def test_what_is_no_operation_on_a_channel_is_refused(context, member):
    with pytest.raises(UntrustedEventError, match=f"`requestContext.{member}` of the event"):
        method_and_channel(context)


def test_a_graphql_api_asks_about_none():
    assert not asks_about_channels({"queryString": "", "operationName": None, "variables": {}})

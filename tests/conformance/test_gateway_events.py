"""AWS's sample events: each is read as its kind, or its missing member is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway import parse_authorizer_event, proxy_kind

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        "AUTHZ_VECTORS" not in os.environ, reason="AUTHZ_VECTORS names the folder of the vectors"
    ),
]

EVENTS = Path(os.environ.get("AUTHZ_VECTORS", ".")) / "gateway" / "events" / "aws-lambda-go"

AUTHORIZER = {
    "apigw-custom-auth-request.json": ("rest-token", "/", None),
    "apigw-custom-auth-request-type-request.json": ("rest-request", "/request", "/request"),
    "apigw-v2-custom-authorizer-v1-request.json": ("http-1.0", "/request", "/request"),
    "apigw-v2-custom-authorizer-v2-request.json": ("http-2.0", "/my/path", "$default"),
    "appsync-lambda-auth-request.json": ("appsync", "/graphql", "/graphql"),
}
PROXY = {
    "alb-lambda-target-request-headers-only.json": "alb",
    "alb-lambda-target-request-multivalue-headers.json": "alb",
    "apigw-request.json": "rest",
    "apigw-restapi-openapi-request.json": "rest",
    "apigw-v2-request-iam.json": "http-2.0",
    "apigw-v2-request-jwt-authorizer.json": "http-2.0",
    "apigw-v2-request-lambda-authorizer.json": "http-2.0",
    "apigw-v2-request-no-authorizer.json": "http-2.0",
    "apigw-websocket-request-disconnect.json": "websocket",
    "apigw-websocket-request-send-message.json": "websocket",
    "apigw-websocket-request.json": "websocket",
    "lambda-urls-request.json": "function-url",
}
NEITHER = {
    "alb-lambda-target-response.json",
    "apigw-custom-auth-response.json",
    "apigw-response.json",
    "appsync-identity-cognito.json",
    "appsync-identity-iam.json",
    "appsync-lambda-auth-response.json",
    "cognito-event-userpools-pretokengen-v2.json",
    "cognito-event-userpools-pretokengen-v2_0.json",
    "cognito-event-userpools-pretokengen.json",
    "lambda-urls-response.json",
}


def load(name):
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def test_every_vector_is_spoken_for():
    assert {path.name for path in EVENTS.glob("*.json")} <= {*AUTHORIZER, *PROXY, *NEITHER}
    assert len([*AUTHORIZER, *PROXY, *NEITHER]) >= 26


@pytest.mark.parametrize("name", AUTHORIZER)
def test_authorizer_events_parse(name):
    event = parse_authorizer_event(load(name))
    assert (event.kind, event.path, event.route) == AUTHORIZER[name]
    with pytest.raises(UntrustedEventError, match="authorizer's"):
        proxy_kind(load(name))


@pytest.mark.parametrize("name", PROXY)
def test_proxy_events_are_told_apart_and_are_no_authorizer_events(name):
    assert proxy_kind(load(name)) == PROXY[name]
    with pytest.raises(UntrustedEventError, match="`type`"):
        parse_authorizer_event(load(name))


@pytest.mark.parametrize("name", sorted(NEITHER))
def test_everything_else_is_refused(name):
    with pytest.raises(UntrustedEventError, match="`type`"):
        parse_authorizer_event(load(name))
    with pytest.raises(UntrustedEventError):
        proxy_kind(load(name))

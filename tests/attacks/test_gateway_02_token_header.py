"""gateway.md 2 and tokens.md 9: TOKEN authorizers on any header, raw and prefixed tokens."""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, GatewayCache, Header, JWTVerifier, LambdaAuthorizer
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.sources import Subprotocol, read_token
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")


def authorizer(*sources, cached_on=None):
    cache = GatewayCache.OFF
    if cached_on is not None:
        key = [f"method.request.header.{cached_on}"]
        cache = GatewayCache(identity_sources=key, ttl_seconds=60, no_resource_policy=True)
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer="https://issuer.example",
            audience=None,
            algorithms=["EdDSA"],
            keys=ISSUER.key_set(),
        ),
        token_sources=list(sources),
        actions=None,
        decisions=None,
        response="iam",
        gateway_cache=cache,
    )


def token_event(text):
    return {**events.rest_token_authorizer_event("x"), "authorizationToken": text}


def subject(handler, text):
    return handler(token_event(text))["context"]["sub"]


@pytest.mark.parametrize("cached_on", [None, "x-api-token"])
@pytest.mark.parametrize(
    ("source", "scheme"),
    [
        (Header("x-api-token"), ""),
        (Header("x-api-token", prefix="my-"), "my-"),
        (BearerToken(header="X-Api-Token"), "Bearer "),
        (BearerToken(header="x-api-token", scheme="Token"), "token "),
        (BearerToken(header="x-api-token", scheme="JWT", required=False), "JWT "),
        (BearerToken(header="x-api-token", required=False), ""),
    ],
)
def test_any_header_with_the_true_cache(cached_on, source, scheme):
    handler = authorizer(source, cached_on=cached_on)
    assert subject(handler, scheme + ISSUER.token({"sub": "alice"})) == "alice"
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        handler(token_event("Basic abc"))


def test_another_header_than_the_key_is_refused():
    with pytest.raises(ConfigurationError, match="is not an identity source"):
        authorizer(BearerToken(), cached_on="x-api-token")


@pytest.mark.parametrize("text", ["abc", "Bearer abc", "bearer abc"])
@pytest.mark.parametrize(
    "sources",
    [
        [BearerToken(required=False)],
        [BearerToken(), Header("authorization")],
        [Header("authorization"), BearerToken()],
    ],
)
def test_raw_and_prefixed_tokens_in_one_header(sources, text):
    assert read_token({"headers": {"Authorization": text}}, sources) == "abc"
    assert read_token(token_event(text), sources) == "abc"
    authorizer(*sources, cached_on="authorization")


def test_several_sources_read_the_one_header_of_a_token_event():
    sources = [Header("x-amzn-oidc-accesstoken"), BearerToken()]
    assert read_token(token_event("Bearer abc"), sources) == "abc"
    with pytest.raises(ConfigurationError, match="two token sources"):
        authorizer(*sources, cached_on="authorization")


def test_a_token_among_subprotocols():
    headers = {"sec-websocket-protocol": "chat, bearer, " + ISSUER.token({"sub": "alice"})}
    event = events.websocket_authorizer_event(headers=headers)
    handler = authorizer(Subprotocol("bearer"), cached_on="Sec-WebSocket-Protocol")
    assert handler(event)["context"]["sub"] == "alice"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("bearer", BearerToken()),
        ("bearer:X-Token", BearerToken(header="x-token")),
        ("bearer-or-raw", BearerToken(required=False)),
        ("bearer-or-raw:x-token", BearerToken(header="x-token", required=False)),
        ("scheme:JWT", BearerToken(scheme="JWT")),
        ("scheme:Token:x-token", BearerToken(header="x-token", scheme="Token")),
        ("header:x-token", Header("x-token")),
        ("header:authorization:my-", Header("authorization", prefix="my-")),
        ("subprotocol:bearer", Subprotocol("bearer")),
    ],
)
def test_text_forms(text, source):
    from authz_lib.authorizer.setting_texts import token_source_of

    assert repr(token_source_of(text)) == repr(source)


@pytest.mark.parametrize("text", ["", "bearer:", "scheme:", "scheme:a:", "header:x:", "jwt", "a:b"])
def test_other_texts_are_refused(text):
    from authz_lib.authorizer.setting_texts import token_source_of

    with pytest.raises(ConfigurationError):
        token_source_of(text)

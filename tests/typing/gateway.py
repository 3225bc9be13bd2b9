"""Types of the gateway, the authorizer and the service; pyright reads this file only."""

# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from authz_lib import (
    ActionMap,
    BearerToken,
    Cookie,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    Principal,
    QueryParameter,
    VerifiedPermissions,
    principal_from_event,
    principal_from_headers,
    service_handler,
)
from authz_lib.gateway import (
    AppSyncResponse,
    AuthorizerEvent,
    MethodArn,
    PolicyResponse,
    SimpleResponse,
)
from authz_lib.gateway import parse_authorizer_event as parse
from authz_lib.gateway.events import AuthorizerKind
from authz_lib.gateway.sources import read_token
from authz_lib.service import api_id_from_parameter_store
from authz_lib.service.principal_headers import MutualTLS, SecretHeader

if TYPE_CHECKING:
    from authz_lib.gateway.proxy_events import ProxyKind

# Events and ARNs.
event: dict[str, Any] = {}
asked = parse(event)
assert_type(asked, AuthorizerEvent)
assert_type(asked.kind, AuthorizerKind)
assert_type(asked.arn, MethodArn | None)
assert_type(asked.headers, dict[str, tuple[str, ...]])
assert_type(asked.identity, tuple[str, ...] | None)
arn = MethodArn.parse("arn:aws-cn:execute-api:cn-north-1:123456789012:abc/prod/GET/orders")
assert_type(arn.resource, str)
assert_type(arn.path, str | None)
assert_type(
    read_token(event, [BearerToken(), Header("x-token"), Cookie("session"), QueryParameter("t")]),
    str,
)

# Answers: a real bool, and flat context values.
assert_type(
    SimpleResponse(True, context={"sub": "alice", "n": 1, "ok": True}).to_dict(), dict[str, Any]
)
PolicyResponse("alice", allow=[arn.resource], usage_identifier_key="key")
AppSyncResponse(False, denied_fields=["Query.orders"], ttl_override_seconds=0)
SimpleResponse("no")  # pyright: ignore[reportArgumentType]
SimpleResponse(True, context={"groups": ["a"]})  # pyright: ignore[reportArgumentType]
SimpleResponse(True, {"sub": "alice"})  # pyright: ignore[reportCallIssue]

# The gateway in front of a service: each check is given, or skipped by an explicit None.
gateway = ExpectedGateway(
    kind="http-lambda",
    api_id=lambda: "abc",
    account_id=None,
    issuer="i",
    client_ids=["web"],
    token_use="access",
)
assert_type(principal_from_event(event, gateway=gateway), Principal)
ExpectedGateway(
    kind="rest-lambda",
    api_id=api_id_from_parameter_store("/orders/rest-api-id"),
    account_id=None,
    issuer=None,
    client_ids=None,
    token_use=None,
)
ExpectedGateway(kind="http-lambda", api_id="abc")  # pyright: ignore[reportCallIssue]
ExpectedGateway(
    kind="anything",  # pyright: ignore[reportArgumentType]
    api_id=None,
    account_id=None,
    issuer=None,
    client_ids=None,
    token_use="refresh",  # pyright: ignore[reportArgumentType]
)
principal_from_event(event)  # pyright: ignore[reportCallIssue]

# Principal headers: no proof is a choice that is written down.
assert_type(
    principal_from_headers(event, proof=SecretHeader("x-proof", ["0123456789abcdef"])), Principal
)
principal_from_headers(event, proof=MutualTLS("CN=gateway", "CN=ca"))
principal_from_headers(event, proof=None)
principal_from_headers(event)  # pyright: ignore[reportCallIssue]
principal_from_headers(event, proof="0123456789abcdef")  # pyright: ignore[reportArgumentType]

# The authorizer: what is deployed as a cache is said, and the answer has three forms.
verifier = JWTVerifier.oidc("https://issuer.example", audience="shop")
actions = ActionMap.load("actions.json")
cache = GatewayCache(identity_sources=["$request.header.Authorization"], ttl_seconds=60)
assert_type(GatewayCache.OFF, GatewayCache)
handler = LambdaAuthorizer(
    verifier=verifier,
    token_sources=[BearerToken()],
    actions=actions,
    decisions=VerifiedPermissions("PSEXAMPLEabcdefg111111").cached(),
    response="iam",
    gateway_cache=cache,
    application=EntityUid("Application", "shop"),
    tenant_claim={"https://issuer.example": "org"},
    context={"ip": "$context.identity.sourceIp"},
)
assert_type(handler(event, None), dict[str, Any])
assert_type(LambdaAuthorizer.from_env({"AUTHZ_RESPONSE": "iam"}), LambdaAuthorizer)
LambdaAuthorizer(  # pyright: ignore[reportCallIssue]
    verifier=verifier,
    token_sources=[BearerToken()],
    actions=actions,
    decisions=None,
    response="simple",
)
LambdaAuthorizer(
    verifier=verifier,
    token_sources=["bearer"],  # pyright: ignore[reportArgumentType]
    actions=actions,
    decisions=None,
    response="policy",  # pyright: ignore[reportArgumentType]
    gateway_cache=None,  # pyright: ignore[reportArgumentType]
)


# The service: with and without parentheses.
@service_handler
def plain(event: dict[str, Any], context: object) -> dict[str, Any]:
    assert_type(principal_from_event(event, gateway=gateway).groups, tuple[str, ...])
    return {"statusCode": 200}


@service_handler(errors="standard", cors_origin="https://app.example.com")
def other(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 204}


@service_handler
async def asynchronous(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}


@service_handler(errors="standard")
async def asynchronous_too(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"statusCode": 200}


# The answer, or within a running loop what gives it.
assert_type(asynchronous(event, None), Any)
assert_type(asynchronous_too(event, None), Any)
asynchronous("event", None)  # pyright: ignore[reportArgumentType]
assert_type(plain(event, None), dict[str, Any])  # a decorated handler keeps its own type
assert_type(other(event, None), dict[str, Any])
plain("event", None)  # pyright: ignore[reportArgumentType]
service_handler(5)  # pyright: ignore[reportArgumentType, reportCallIssue]
service_handler(errors="json")  # pyright: ignore[reportArgumentType]


def front_door(kind: ProxyKind) -> bool:
    return kind == "alb"


front_door("nginx")  # pyright: ignore[reportArgumentType]

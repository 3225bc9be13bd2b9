"""What API Gateway and function URLs send to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from authz_lib.testing.events._parts import (
    ACCOUNT_ID,
    API_ID,
    REGION,
    TIME,
    TIME_TEXT,
    api_domain,
    body_text,
    joined,
    multiple,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What `identity` of a REST API holds of who signed the request; `null` where nobody has.
_SIGNED_BY = (
    "accessKey",
    "accountId",
    "apiKey",
    "apiKeyId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "user",
    "userArn",
)


def rest_event(
    *,
    method: str = "GET",
    path: str = "/orders",
    resource: str | None = None,
    stage: str = "prod",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    identity: Mapping[str, Any] | None = None,
    body: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """What a REST API sends to a proxy integration; ``authorizer`` is its authorizer's context.

    >>> event = rest_event(authorizer={"principalId": "alice"})
    >>> event["requestContext"]["authorizer"]
    {'principalId': 'alice'}
    """
    given = dict(headers or {})
    context: dict[str, Any] = {
        "accountId": options.get("account_id", ACCOUNT_ID),
        "apiId": options.get("api_id", API_ID),
        "domainName": api_domain(options),
        "domainPrefix": options.get("api_id", API_ID),
        "httpMethod": method,
        "extendedRequestId": "TWegAcC4EowCHnA=",
        "identity": {
            **dict.fromkeys(_SIGNED_BY),
            "sourceIp": "192.0.2.1",
            "userAgent": "curl/8",
            **(identity or {}),
        },
        "path": f"/{stage}{path}",
        "protocol": "HTTP/1.1",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTime": TIME_TEXT,
        "requestTimeEpoch": TIME * 1000,
        "resourceId": "123456",
        "resourcePath": resource or path,
        "stage": stage,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {
        "resource": resource or path,
        "path": path,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "queryStringParameters": single(query),
        "multiValueQueryStringParameters": multiple(query),
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": None,
        "requestContext": context,
        "body": body_text(body),
        "isBase64Encoded": False,
    }


def http_event(
    *,
    route: str = "GET /orders",
    method: str | None = None,
    path: str | None = None,
    stage: str = "$default",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    authorizer: Mapping[str, Any] | None = None,
    body: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """What an HTTP API sends to an integration with payload format 2.0.

    >>> event = http_event(authorizer={"lambda": {"sub": "alice"}})
    >>> event["requestContext"]["authorizer"]["lambda"]["sub"]
    'alice'
    """
    verb, _, template = route.partition(" ")
    raw_path = path or template or "/"
    # The paths of a custom domain have no stage.
    if stage != "$default" and "domain_name" not in options:
        raw_path = f"/{stage}{raw_path}"
    context: dict[str, Any] = {
        "accountId": options.get("account_id", ACCOUNT_ID),
        "apiId": options.get("api_id", API_ID),
        "domainName": api_domain(options),
        "domainPrefix": options.get("api_id", API_ID),
        "http": {
            "method": method or (verb if verb.isalpha() and verb != "ANY" else "GET"),
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "curl/8",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": route,
        "stage": stage,
        "time": TIME_TEXT,
        "timeEpoch": TIME * 1000,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    given = {name.lower(): value for name, value in (headers or {}).items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw_path,
        "rawQueryString": urlencode(query),
        "headers": {name: value for name, value in given.items() if name != "cookie"},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    optional = {
        "cookies": [text.strip() for text in given.get("cookie", "").split(";") if text.strip()],
        "queryStringParameters": joined(query),
        "pathParameters": dict(path_parameters or {}),
        "body": body_text(body),
    }
    return event | {name: value for name, value in optional.items() if value}


def http_event_v1(
    *, claims: Mapping[str, Any] | None = None, scopes: Sequence[str] | None = None, **options: Any
) -> dict[str, Any]:
    """What an HTTP API sends to an integration with payload format 1.0.

    Without an authorizer it says ``{"claims": null, "scopes": null}``.

    >>> http_event_v1()["requestContext"]["authorizer"]
    {'claims': None, 'scopes': None}
    """
    authorizer = {
        "claims": None if claims is None else dict(claims),
        "scopes": None if scopes is None else list(scopes),
    }
    event = rest_event(**{"authorizer": authorizer, "stage": "$default", **options})
    event["requestContext"]["resourceId"] = None
    return {"version": "1.0", **event}


def function_url_event(*, iam: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """What a function URL sends; ``iam`` is who signed the request, with ``AWS_IAM``.

    >>> function_url_event()["requestContext"]["domainName"].endswith(".on.aws")
    True
    """
    return http_event(
        route="$default",
        domain_name=f"{API_ID}.lambda-url.{REGION}.on.aws",
        authorizer=None if iam is None else {"iam": dict(iam)},
        **options,
    )


def websocket_event(
    *,
    event_type: str = "MESSAGE",
    route: str = "$default",
    stage: str = "prod",
    authorizer: Mapping[str, Any] | None = None,
    body: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """What a WebSocket API sends to an integration.  It names no account.

    >>> event = websocket_event()
    >>> event["requestContext"]["eventType"], "accountId" in event["requestContext"]
    ('MESSAGE', False)
    """
    context: dict[str, Any] = {
        "apiId": options.get("api_id", API_ID),
        "connectedAt": TIME * 1000,
        "connectionId": "R1kmxc2VNjMCFIA=",
        "domainName": api_domain(options),
        "eventType": event_type,
        "extendedRequestId": "R1knPH17NjMFftw=",
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "curl/8"},
        "messageDirection": "IN",
        "requestId": "R1knPH17NjMFftw=",
        "requestTime": TIME_TEXT,
        "requestTimeEpoch": TIME * 1000,
        "routeKey": route,
        "stage": stage,
        **_OF_EVENT_TYPE.get(event_type, {}),
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    event: dict[str, Any] = {"requestContext": context, "isBase64Encoded": False}
    if event_type == "MESSAGE":
        return event | {"body": body_text(body)}
    given = {"Host": api_domain(options), **(options.get("headers") or {})}
    return {
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        **event,
    }


_OF_EVENT_TYPE: dict[str, dict[str, Any]] = {
    "MESSAGE": {"messageId": "R1knPc2ntjMCFIA="},
    "DISCONNECT": {"disconnectReason": "", "disconnectStatusCode": 1001},
}

"""Events for tests: what API Gateway, AppSync, load balancers and VPC Lattice send.

Each is complete.  Arguments replace its parts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "alb_event",
    "appsync_authorizer_event",
    "function_url_event",
    "http_authorizer_event",
    "http_authorizer_event_v1",
    "http_event",
    "lattice_event",
    "rest_event",
    "rest_request_authorizer_event",
    "rest_token_authorizer_event",
    "websocket_authorizer_event",
    "websocket_event",
]

API_ID = "a1b2c3d4e5"
ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"
_TIME = 1_700_000_000


def _arn(method: str, path: str, stage: str, options: Mapping[str, Any]) -> str:
    partition, region = options.get("partition", "aws"), options.get("region", REGION)
    api, account = options.get("api_id", API_ID), options.get("account_id", ACCOUNT_ID)
    return f"arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{method}{path}"


def _authorization(token: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    given = {} if token is None else {"authorization": f"Bearer {token}"}
    return {
        "host": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
        "user-agent": "curl/8",
        **given,
        **(headers or {}),
    }


def _single(query: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    return dict(query) or None


def _multiple(query: Sequence[tuple[str, str]]) -> dict[str, list[str]] | None:
    return {name: [v for n, v in query if n == name] for name, _ in query} or None


def _joined(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in (_multiple(query) or {}).items()}


def rest_token_authorizer_event(
    token: str, *, method: str = "GET", path: str = "/orders", stage: str = "prod", **options: Any
) -> dict[str, Any]:
    """What a REST API sends to a TOKEN authorizer.

    >>> rest_token_authorizer_event("abc")["type"]
    'TOKEN'
    """
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {token}",
        "methodArn": _arn(method, path, stage, options),
    }


def rest_request_authorizer_event(
    token: str | None = None,
    *,
    method: str = "GET",
    path: str = "/orders",
    resource: str | None = None,
    stage: str = "prod",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What a REST API sends to a REQUEST authorizer.

    >>> event = rest_request_authorizer_event("abc", resource="/orders/{id}")
    >>> event["resource"]
    '/orders/{id}'
    """
    event = rest_event(
        method=method,
        path=path,
        resource=resource,
        stage=stage,
        headers=_authorization(token, headers),
        query=query,
        path_parameters=path_parameters,
        **options,
    )
    del event["body"], event["isBase64Encoded"]
    return {"type": "REQUEST", "methodArn": _arn(method, path, stage, options), **event}


def http_authorizer_event_v1(
    token: str | None = None, *, identity: str | None = None, **options: Any
) -> dict[str, Any]:
    """What an HTTP API sends to an authorizer with payload format 1.0.

    >>> http_authorizer_event_v1("abc")["version"]
    '1.0'
    """
    event = rest_request_authorizer_event(token, **options)
    identity = identity if identity is not None or token is None else f"Bearer {token}"
    return {"version": "1.0", **event, "identitySource": identity, "authorizationToken": identity}


def http_authorizer_event(
    token: str | None = None,
    *,
    route: str = "GET /orders",
    method: str | None = None,
    path: str | None = None,
    stage: str = "$default",
    headers: Mapping[str, str] | None = None,
    query: Sequence[tuple[str, str]] = (),
    path_parameters: Mapping[str, str] | None = None,
    identity: Sequence[str] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What an HTTP API sends to an authorizer with payload format 2.0.

    >>> event = http_authorizer_event("abc", path="/orders/7")
    >>> event["rawPath"]
    '/orders/7'
    """
    event = http_event(
        route=route,
        method=method,
        path=path,
        stage=stage,
        headers=_authorization(token, headers),
        query=query,
        path_parameters=path_parameters,
        **options,
    )
    del event["isBase64Encoded"]
    http = event["requestContext"]["http"]
    below = path or route.partition(" ")[2] or "/"
    given = identity if identity is not None or token is None else [f"Bearer {token}"]
    return {
        **event,
        "type": "REQUEST",
        "routeArn": _arn(http["method"], below, stage, options),
        "identitySource": None if given is None else list(given),
    }


def websocket_authorizer_event(
    token: str | None = None,
    *,
    query: Sequence[tuple[str, str]] = (),
    stage: str = "prod",
    **options: Any,
) -> dict[str, Any]:
    """What a WebSocket API sends to the authorizer of ``$connect``.

    >>> websocket_authorizer_event("abc")["requestContext"]["routeKey"]
    '$connect'
    """
    headers = _authorization(token, None)
    return {
        "type": "REQUEST",
        "methodArn": _arn("$connect", "", stage, options),
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": _single(query),
        "multiValueQueryStringParameters": _multiple(query),
        "stageVariables": None,
        "requestContext": websocket_event(
            stage=stage, event_type="CONNECT", route="$connect", **options
        )["requestContext"],
    }


def appsync_authorizer_event(
    token: str,
    *,
    query: str = "query Orders { orders { id } }",
    operation: str | None = "Orders",
    **options: Any,
) -> dict[str, Any]:
    """What AppSync sends to a Lambda authorizer.

    >>> appsync_authorizer_event("abc")["requestContext"]["operationName"]
    'Orders'
    """
    return {
        "authorizationToken": f"Bearer {token}",
        "requestContext": {
            "apiId": options.get("api_id", API_ID),
            "accountId": options.get("account_id", ACCOUNT_ID),
            "requestId": "f4081827-1111-4444-5555-5cf4695f339f",
            "queryString": query,
            "operationName": operation,
            "variables": {},
        },
        "requestHeaders": _authorization(token, options.get("headers")),
    }


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
        "domainName": options.get(
            "domain_name", f"{options.get('api_id', API_ID)}.execute-api.{REGION}.amazonaws.com"
        ),
        "domainPrefix": options.get("api_id", API_ID),
        "httpMethod": method,
        "identity": {
            "sourceIp": "192.0.2.1",
            "userAgent": "curl/8",
            "userArn": None,
            **(identity or {}),
        },
        "path": f"/{stage}{path}",
        "protocol": "HTTP/1.1",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "requestTimeEpoch": _TIME * 1000,
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
        "queryStringParameters": _single(query),
        "multiValueQueryStringParameters": _multiple(query),
        "pathParameters": dict(path_parameters) if path_parameters else None,
        "stageVariables": None,
        "requestContext": context,
        "body": _body(body),
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
        "domainName": options.get(
            "domain_name", f"{options.get('api_id', API_ID)}.execute-api.{REGION}.amazonaws.com"
        ),
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
        "time": "14/Nov/2023:22:13:20 +0000",
        "timeEpoch": _TIME * 1000,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw_path,
        "rawQueryString": urlencode(query),
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    optional = {
        "queryStringParameters": _joined(query),
        "pathParameters": dict(path_parameters or {}),
        "body": _body(body),
    }
    return event | {name: value for name, value in optional.items() if value}


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
    """What a WebSocket API sends to an integration.

    >>> websocket_event()["requestContext"]["eventType"]
    'MESSAGE'
    """
    context: dict[str, Any] = {
        "apiId": options.get("api_id", API_ID),
        "accountId": options.get("account_id", ACCOUNT_ID),
        "connectedAt": _TIME * 1000,
        "connectionId": "R1kmxc2VNjMCFIA=",
        "domainName": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
        "eventType": event_type,
        "identity": {"sourceIp": "192.0.2.1"},
        "messageDirection": "IN",
        "requestId": "R1knPH17NjMFftw=",
        "routeKey": route,
        "stage": stage,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return {"requestContext": context, "body": _body(body), "isBase64Encoded": False}


def alb_event(
    *, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What an Application Load Balancer sends to a Lambda target.

    >>> list(alb_event()["requestContext"])
    ['elb']
    """
    group = (
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/orders/49e9d65c45c6791a"
    )
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": dict(headers or {}),
        "body": "",
        "isBase64Encoded": False,
    }


def lattice_event(
    *, method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What VPC Lattice sends with event structure 2.0, whose ``version`` is that of an HTTP API.

    >>> lattice_event()["version"]
    '2.0'
    """
    arn = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT_ID}"
    return {
        "version": "2.0",
        "path": path,
        "method": method,
        "headers": {name.lower(): [value] for name, value in (headers or {}).items()},
        "isBase64Encoded": False,
        "requestContext": {
            "serviceNetworkArn": f"{arn}:servicenetwork/sn-0bf3f2882e9cc805a",
            "serviceArn": f"{arn}:service/svc-0a40eebed65f8d69c",
            "targetGroupArn": f"{arn}:targetgroup/tg-6d0ecf831eec9f09",
            "region": REGION,
            "timeEpoch": str(_TIME * 1_000_000),
        },
    }


def _body(body: Any) -> str | None:
    return body if body is None or isinstance(body, str) else json.dumps(body)

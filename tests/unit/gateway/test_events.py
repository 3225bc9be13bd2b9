"""What gateways send, and the member that is named when it is missing."""

from __future__ import annotations

import copy

import pytest

from authz_lib.errors import UntrustedEventError
from authz_lib.gateway import parse_authorizer_event, proxy_kind
from authz_lib.testing import events

TOKEN = events.rest_token_authorizer_event("abc")
REQUEST = events.rest_request_authorizer_event("abc", path="/orders/7", resource="/orders/{id}")
HTTP_1 = events.http_authorizer_event_v1("abc")
HTTP_2 = events.http_authorizer_event(
    "abc", route="GET /orders/{id}", path="/orders/7", stage="prod"
)
SOCKET = events.websocket_authorizer_event("abc")
APPSYNC = events.appsync_authorizer_event("abc")


@pytest.mark.parametrize(
    ("event", "kind", "method", "route", "path"),
    [
        (TOKEN, "rest-token", "GET", None, "/orders"),
        (REQUEST, "rest-request", "GET", "/orders/{id}", "/orders/7"),
        (HTTP_1, "http-1.0", "GET", "/orders", "/orders"),
        (HTTP_2, "http-2.0", "GET", "GET /orders/{id}", "/orders/7"),
        (SOCKET, "websocket", "GET", "/$connect", "/$connect"),
        (APPSYNC, "appsync", "POST", "/graphql", "/graphql"),
    ],
)
def test_each_kind_is_read(event, kind, method, route, path):
    parsed = parse_authorizer_event(event)
    assert (parsed.kind, parsed.method, parsed.route, parsed.path) == (kind, method, route, path)
    assert parsed.api_id == events.API_ID
    assert parsed.account_id == events.ACCOUNT_ID
    assert "abc" not in repr(parsed)


MEMBERS = [
    (TOKEN, "methodArn"),
    (TOKEN, "authorizationToken"),
    (REQUEST, "methodArn"),
    (REQUEST, "requestContext"),
    (REQUEST, "requestContext.apiId"),
    (REQUEST, "resource"),
    (REQUEST, "httpMethod"),
    (HTTP_1, "resource"),
    (HTTP_2, "routeArn"),
    (HTTP_2, "routeKey"),
    (HTTP_2, "rawPath"),
    (HTTP_2, "requestContext.http"),
    (HTTP_2, "requestContext.http.method"),
    (SOCKET, "requestContext.routeKey"),
    (APPSYNC, "requestContext.apiId"),
    (APPSYNC, "requestContext.accountId"),
]


@pytest.mark.parametrize(("event", "member"), MEMBERS)
@pytest.mark.parametrize("value", ["absent", None, "", 7, [], {}])
def test_a_missing_or_wrong_member_is_named(event, member, value):
    broken = copy.deepcopy(event)
    *holders, name = member.split(".")
    holder = broken
    for step in holders:
        holder = holder[step]
    if value == "absent":
        del holder[name]
    elif type(holder[name]) is dict and value == {}:
        holder[name] = {}
    else:
        holder[name] = value
    with pytest.raises(UntrustedEventError, match=name):
        parse_authorizer_event(broken)


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "TOKEN",
        {},
        {"type": "token"},
        {"type": "TOKEN"},
        {"type": "REQUEST", "version": "3.0"},
        {"type": "REQUEST", "version": 2.0},
        {"type": ["TOKEN"]},
        {**TOKEN, "methodArn": "arn:aws:s3:::bucket"},
        {**REQUEST, "httpMethod": "DELETE"},
        {**REQUEST, "methodArn": REQUEST["methodArn"].replace(events.API_ID, "other")},
    ],
)
def test_anything_else_is_refused(event):
    with pytest.raises(UntrustedEventError):
        parse_authorizer_event(event)


def test_headers_and_query_keep_every_value():
    event = parse_authorizer_event(
        {
            **REQUEST,
            "headers": None,
            "multiValueHeaders": {"X-A": ["1"], "x-a": ["2"]},
            "multiValueQueryStringParameters": {"q": ["1", "2"]},
        }
    )
    assert event.headers == {"x-a": ("1", "2")}
    assert event.query == {"q": ("1", "2")}
    event = parse_authorizer_event({**HTTP_2, "rawQueryString": "q=1&q=2%20&e="})
    assert event.query == {"q": ("1", "2 "), "e": ("",)}


@pytest.mark.parametrize(
    ("member", "value", "read"),
    [
        ("headers", {"a": 1}, "headers"),
        ("headers", ["a"], "headers"),
        ("rawQueryString", 1, "query"),
        ("pathParameters", {"id": None}, "path_parameters"),
        ("identitySource", [1], "identity"),
        ("identitySource", {"a": "b"}, "identity"),
    ],
)
def test_what_is_read_late_is_refused_late(member, value, read):
    event = parse_authorizer_event({**HTTP_2, member: value})
    with pytest.raises(UntrustedEventError, match=member):
        getattr(event, read)


@pytest.mark.parametrize(
    ("stage", "raw", "path"),
    [
        ("$default", "/orders", "/orders"),
        ("prod", "/prod/orders", "/orders"),
        ("prod", "/prod", "/"),
        ("prod", "/production/orders", "/production/orders"),
        ("prod", "/orders", "/orders"),
        ("prod", "/prod/prod/x", "/prod/x"),
    ],
)
def test_the_path_below_the_stage(stage, raw, path):
    event = {
        **HTTP_2,
        "rawPath": raw,
        "routeArn": HTTP_2["routeArn"].replace("/prod/", f"/{stage}/"),
    }
    assert parse_authorizer_event(event).path == path


def with_resource_id(resource_id):
    event = {**events.rest_event(), "version": "1.0"}
    return {**event, "requestContext": {**event["requestContext"], "resourceId": resource_id}}


def test_a_local_gateway_that_adds_a_version_to_rest_events_is_told_by_the_resource():
    assert proxy_kind(with_resource_id("5290806b")) == "rest"


@pytest.mark.parametrize(
    ("raw", "below", "path"),
    [
        # The stage is called `admin` too, and is not in the path.
        (
            "/admin/users",
            "/admin/users",
            "/admin/users",
        ),
        ("/v1/orders", "/orders", "/orders"),  # a mapping's key
        ("/v1/orders", "/elsewhere", "/v1/orders"),
    ],
)
def test_on_a_custom_domain_nothing_is_cut_off_that_is_the_path(raw, below, path):
    event = events.http_authorizer_event(
        "abc", route="$default", stage="admin", domain_name="api.example.com", path=raw
    )
    event["rawPath"] = raw
    event["routeArn"] = (
        f"arn:aws:execute-api:eu-west-1:{events.ACCOUNT_ID}:{events.API_ID}/admin/GET{below}"
    )
    assert parse_authorizer_event(event).path == path


def test_front_doors_are_told_apart():
    found = {
        "rest": events.rest_event(),
        "http-1.0": with_resource_id(None),
        "http-2.0": events.http_event(),
        "websocket": events.websocket_event(),
        "function-url": events.function_url_event(),
        "alb": events.alb_event(),
        "lattice": events.lattice_event(),
    }
    assert {kind: proxy_kind(event) for kind, event in found.items()} == {
        kind: kind for kind in found
    }


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"requestContext": []},
        {"requestContext": {}},
        TOKEN,
        REQUEST,
        HTTP_2,
        SOCKET,
        APPSYNC,
    ],
)
def test_what_is_no_proxy_event_is_refused(event):
    with pytest.raises(UntrustedEventError):
        proxy_kind(event)


def test_an_event_of_two_kinds_is_of_none():
    event = events.http_event()
    event["requestContext"]["elb"] = {}
    with pytest.raises(UntrustedEventError, match="more than one"):
        proxy_kind(event)


@pytest.mark.parametrize("domain", [None, 7, ["abc.execute-api"]])
def test_a_stage_in_the_path_is_not_cut_off_where_the_domain_is_not_told(domain):
    """On a custom domain `/admin/users` is not `/users` of a stage called `admin`."""
    event = events.http_authorizer_event("abc", route="GET /users", path="/users", stage="admin")
    assert parse_authorizer_event(event).path == "/users"
    event["requestContext"]["domainName"] = domain
    with pytest.raises(UntrustedEventError, match="domainName"):
        parse_authorizer_event(event)
    plain = events.http_authorizer_event("abc", route="GET /users", path="/users")
    del plain["requestContext"]["domainName"]
    assert parse_authorizer_event(plain).path == "/users"


@pytest.mark.parametrize("domain", [None, 7])
def test_without_a_domain_an_http_api_and_a_function_url_are_not_told_apart(domain):
    event = events.function_url_event()
    event["requestContext"]["domainName"] = domain
    with pytest.raises(UntrustedEventError, match="no known kind"):
        proxy_kind(event)

"""What an authorizer cannot know is refused or raised, never taken for the harmless case."""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    Cookie,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
)
from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
TOKEN = "$request.header.Authorization"
REST_TOKEN = "method.request.header.Authorization"
ORDER = {"resource_type": "Order", "resource_id_label": "orderId"}


def token(subject="alice", **claims):
    return ISSUER.token({"sub": subject, **claims})


def build(lines, policy="permit (principal, action, resource);", **options):
    settings = {
        "verifier": JWTVerifier(
            issuer="https://issuer.example",
            audience=None,
            algorithms=["EdDSA"],
            keys=ISSUER.key_set(),
        ),
        "token_sources": [BearerToken()],
        "actions": ActionMap.from_document({"version": 1, "actions": lines}),
        "decisions": CedarEngine.from_text(policy),
        "application": EntityUid("Application", "shop"),
        "response": "simple",
        "gateway_cache": GatewayCache.OFF,
    }
    return LambdaAuthorizer(**(settings | options))


def effect(answer):
    return answer["policyDocument"]["Statement"][0]["Effect"], answer["context"]["reason"]


# -- the query of a TOKEN event

DISCRIMINATED = [
    {"method": "POST", "route": "/orders", "action": "Create"},
    {"method": "POST", "route": "/orders", "query": {"approve": ""}, "action": "Approve"},
    {"method": "GET", "route": "/orders", "action": "List"},
]


def test_a_token_event_does_not_tell_the_query_so_a_route_that_it_decides_is_denied():
    """The gateway lets `POST /orders?approve` through on an Allow of `POST/orders`."""
    authorizer = build(DISCRIMINATED, response="iam")
    answer = authorizer(events.rest_token_authorizer_event(token(), method="POST", path="/orders"))
    assert effect(answer) == ("Deny", "unknown_route")
    assert effect(authorizer(events.rest_token_authorizer_event(token(), path="/orders"))) == (
        "Allow",
        "",
    )
    request = {"method": "POST", "path": "/orders", "resource": "/orders"}
    assert effect(authorizer(events.rest_request_authorizer_event(token(), **request))) == (
        "Allow",
        "",
    )


# -- labels that the service reads otherwise


def http(route, raw_path, handed):
    event = events.http_authorizer_event(token(), route=route, method="GET", path=raw_path)
    return event | {"rawPath": raw_path, "pathParameters": handed}


@pytest.mark.parametrize(
    ("route", "raw_path", "handed", "decided"),
    [
        ("GET /orders/{orderId}", "/orders/7", {"orderId": "7"}, "7"),
        ("GET /orders/{id}", "/orders/7", {"id": "7"}, "7"),
        ("GET /orders/{id}", "/orders/a b", {"id": "a b"}, "a b"),
        ("GET /orders/{id}", "/orders/a%20b", {"id": "a%20b"}, None),
        ("GET /orders/{id}", "/orders/7", {"id": "8"}, None),
        # Sent as `7%3Fx`: HTTP APIs cut the path off there.
        (
            "GET /orders/{id}",
            "/orders/7",
            {"id": "7?x"},
            None,
        ),
        ("GET /orders/{id}", "/orders/7", None, "7"),
        ("GET /orders/{id}", "/orders/a%20b", None, None),
        ("ANY /{proxy+}", "/orders/7", {"proxy": "orders/7"}, "7"),
        ("ANY /{proxy+}", "/orders/7/", {"proxy": "orders/7"}, "7"),
        ("ANY /{proxy+}", "/orders/7", {"proxy": "orders/7?x"}, None),
        ("ANY /{proxy+}", "/orders/a%20b", {"proxy": "orders/a%20b"}, None),
        ("ANY /orders/{rest+}", "/orders/7", {"rest": "7"}, "7"),
        ("$default", "/orders/7", {}, "7"),
        ("$default", "/orders/a%20b", {}, None),
    ],
)
def test_a_right_to_one_order_opens_no_other_however_the_api_names_its_labels(
    route, raw_path, handed, decided
):
    lines = [{"method": "GET", "route": "/orders/{orderId}", "action": "Get", **ORDER}]
    policy = """permit (principal, action, resource)
        when { [Order::"7", Order::"a b"].contains(resource) };"""
    context = build(lines, policy)(http(route, raw_path, handed))["context"]
    assert context["reason"] == ("" if decided else "ambiguous_path")


@pytest.mark.parametrize("route", ["GET /orders/{id}", "ANY /{proxy+}", "$default"])
@pytest.mark.parametrize("handed", [{"other": 1}, {"id": None}, ["id"]])
def test_labels_of_another_type_are_refused_whatever_the_route_has(route, handed):
    lines = [{"method": "GET", "route": "/orders/{orderId}", "action": "Get", **ORDER}]
    assert build(lines)(http(route, "/orders/7", handed))["context"]["reason"] == "untrusted_event"


def test_two_labels_are_compared_in_their_order():
    lines = [
        {
            "method": "GET",
            "route": "/a/{x}/b/{y}",
            "action": "Get",
            "resource_type": "B",
            "resource_id_label": "x/y",
        }
    ]
    authorizer = build(lines)
    for handed, reason in (({"y": "1", "x": "2"}, ""), ({"x": "1", "y": "2"}, "ambiguous_path")):
        event = http("GET /a/{y}/b/{x}", "/a/1/b/2", handed)
        assert authorizer(event)["context"]["reason"] == reason


# -- inputs of policies that an event cannot hold


@pytest.mark.parametrize(
    "source",
    [
        "$context.identity.sourceIp",
        "$request.header.x-dept",
        "$request.header.authorization",
        "$request.querystring.d",
    ],
)
def test_a_policy_that_forbids_by_an_input_is_not_asked_without_it(source):
    forbids = """permit (principal, action, resource);
        forbid (principal, action, resource) when { context has it };"""
    lines = [{"method": "GET", "route": "/orders", "action": "List"}]
    authorizer = build(lines, forbids, response="iam", context={"it": source})
    request = {
        "path": "/orders",
        "resource": "/orders",
        "headers": {"x-dept": "x"},
        "query": [("d", "x")],
    }
    assert effect(authorizer(events.rest_request_authorizer_event(token(), **request))) == (
        "Deny",
        "access_denied",
    )
    with pytest.raises(ConfigurationError, match="in no event of this kind"):
        authorizer(events.rest_token_authorizer_event(token(), path="/orders"))


@pytest.mark.parametrize("source", ["$context.resourcePath", "$context.operationName"])
def test_an_input_that_no_event_of_the_api_holds_is_refused_while_building(source):
    with pytest.raises(ConfigurationError, match="in no event"):
        build([{"method": "GET", "route": "/orders", "action": "List"}], context={"it": source})


@pytest.mark.parametrize("name", ["__extn", "__entity", "", 1])
def test_a_name_that_cedar_reads_otherwise_is_refused_while_building(name):
    with pytest.raises(ConfigurationError, match="a name in `context`"):
        build(
            [{"method": "GET", "route": "/orders", "action": "List"}],
            context={name: "$context.path"},
        )


def test_the_route_key_is_the_gateways_own():
    policy = 'permit (principal, action, resource) unless { context.route == "$connect" };'
    options = {"response": "iam", "context": {"route": "$context.routeKey"}}
    socket = build(
        [{"method": "GET", "route": "/$connect", "action": "Connect"}], policy, **options
    )
    assert effect(socket(events.websocket_authorizer_event(token()))) == ("Deny", "access_denied")
    rest = build([{"method": "GET", "route": "/orders", "action": "List"}], policy, **options)
    with pytest.raises(ConfigurationError, match="in no event of this kind"):  # a REST API has none
        rest(events.rest_request_authorizer_event(token(), path="/orders", resource="/orders"))


@pytest.mark.parametrize(
    ("named_", "missing"), [("is_authorized", False), ("batch_is_authorized", True)]
)
def test_half_a_decision_point_is_refused_while_building(named_, missing):
    half = type("Half", (), {named_: lambda self, request: None})()
    if missing:
        with pytest.raises(ConfigurationError, match="`is_authorized`"):
            build([{"method": "GET", "route": "/orders", "action": "List"}], decisions=half)
    else:
        cache = GatewayCache(identity_sources=[TOKEN], ttl_seconds=60, no_resource_policy=True)
        with pytest.raises(ConfigurationError, match="`batch_is_authorized`"):
            build(
                [{"method": "GET", "route": "/orders", "action": "List"}],
                decisions=half, response="iam", gateway_cache=cache,
            )  # fmt: skip


def test_appsync_reads_the_token_that_it_keys_on():
    cache = GatewayCache(identity_sources=[TOKEN], ttl_seconds=60)
    lines = [{"method": "POST", "route": "/graphql", "action": "Query"}]
    authorizer = build(lines, response="appsync", gateway_cache=cache)
    alice, bob = token(), token("bob")
    event = events.appsync_authorizer_event(f"Bearer {alice}")
    assert authorizer(event)["resolverContext"]["sub"] == "alice"
    assert authorizer({**event, "requestHeaders": {}})["resolverContext"]["sub"] == "alice"
    for keyed in ("junk", f"Bearer {bob}", " ", "\t"):
        answer = authorizer({**event, "authorizationToken": keyed})
        assert (answer["isAuthorized"], answer["resolverContext"]["reason"]) == (
            False,
            "ambiguous_token",
        )


# -- one policy for every route

TABLE = [
    {"method": "GET", "route": "/orders/{id}", "action": "Get"},
    {"method": "GET", "route": "/orders/{id}/lines", "action": "Lines"},
]


def table(policy="permit (principal, action, resource);", lines=TABLE):
    cache = GatewayCache(identity_sources=[REST_TOKEN], ttl_seconds=60, no_resource_policy=True)
    return build(lines, policy, response="iam", gateway_cache=cache)


def named(answer, wanted):
    return {
        resource.partition("/prod/")[2]
        for statement in answer["policyDocument"]["Statement"]
        if statement["Effect"] == wanted
        for resource in statement["Resource"]
    }


@pytest.mark.parametrize(
    "path",
    [
        "/orders/7/secrets",
        "/orders/7%252Flines",
        "/orders/%252e%252e",
        "/orders/%ff",
        "/orders/7%",
        "/none",
    ],
)
def test_the_request_itself_is_denied_by_name_where_it_means_no_route(path):
    answer = table()(events.rest_token_authorizer_event(token(), path=path))
    assert f"GET{path}" in named(answer, "Deny")


def test_the_request_itself_is_denied_by_name_where_no_pattern_can():
    """A Deny of `orders/*` would refuse the lines that are allowed."""
    authorizer = table('permit (principal, action == Action::"Lines", resource);')
    answer = authorizer(events.rest_token_authorizer_event(token(), path="/orders/7"))
    assert "GET/orders/7" in named(answer, "Deny")
    assert "GET/orders/7" not in named(
        authorizer(events.rest_token_authorizer_event(token())), "Deny"
    )


@pytest.mark.parametrize(
    "path", ["/nope*", "/orders/7/x*", f"/{'a' * 500}", "/favicon/*", "/x${y}/z"]
)
def test_an_odd_request_does_not_lock_its_caller_out(path):
    """The answer is remembered for the token: a page with `<img src=".../x*">` could refuse a
    visitor everything.
    """
    answer = table(lines=TABLE[:1])(events.rest_token_authorizer_event(token(), path=path))
    assert named(answer, "Allow") == {"GET/orders/*"}
    assert not named(answer, "Deny") & {"*", f"GET{path}"}


def test_a_request_that_no_policy_can_refuse_by_name_is_not_remembered():
    """`orders/*/lines` reaches it, a Deny of what is deeper would refuse the lines of lines."""
    lines = [
        {"method": "GET", "route": "/orders/{id}", "action": "Get"},
        {"method": "GET", "route": "/orders/{id}/lines/{line}", "action": "Line"},
    ]
    with pytest.raises(ConfigurationError, match="cannot be refused in a policy"):
        table(lines=lines)(events.rest_token_authorizer_event(token(), path="/orders/7/x*"))


def test_a_route_that_no_policy_can_name_is_refused_while_building():
    with pytest.raises(ConfigurationError, match="longer than a policy's"):
        table(lines=[{"method": "GET", "route": f"/{'a' * 450}", "action": "Get"}])


def test_an_iam_answer_is_right_on_a_greedy_route_without_the_domain_in_the_key():
    sources = [TOKEN, "$context.httpMethod", "$context.path", "$context.routeKey"]
    cache = GatewayCache(identity_sources=sources, ttl_seconds=60, no_resource_policy=True)
    authorizer = build(
        [{"method": "GET", "route": "/orders", "action": "List"}],
        response="iam",
        gateway_cache=cache,
    )
    bearer = token()
    event = events.http_authorizer_event(
        bearer,
        route="GET /{proxy+}",
        path="/orders",
        identity=[f"Bearer {bearer}", "GET", "/orders", "GET /{proxy+}"],
    )
    [statement] = authorizer(event)["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert [resource.rpartition("/$default/")[2] for resource in statement["Resource"]] == [
        "GET/orders"
    ]


# -- the cache's key


@pytest.mark.parametrize(
    "written", ["session={}; theme=dark", "session={};theme=dark", "session={},theme=dark"]
)
def test_cookies_that_a_2_0_event_holds_in_parts_are_the_declared_header(written):
    good = token()
    authorizer = build(
        [{"method": "GET", "route": "/orders", "action": "List"}],
        token_sources=[Cookie("session")],
        gateway_cache=GatewayCache(
            identity_sources=["$request.header.Cookie", "$context.routeKey"], ttl_seconds=60
        ),
    )
    event = events.http_authorizer_event(identity=[written.format(good), "GET /orders"])
    assert (
        authorizer({**event, "cookies": [f"session={good}", "theme=dark"]})["isAuthorized"] is True
    )
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        authorizer({**event, "cookies": [f"session={good}"]})
    with pytest.raises(UntrustedEventError, match="`cookies` of the event"):
        authorizer({**event, "cookies": [7]})


# -- a path that is decoded means another route than the gateway's
# -----------------------------------------------------

ITEMS = [
    {"method": "GET", "route": "/items/{id}", "action": "List"},
    {"method": "GET", "route": "/items/new", "action": "Create"},
    {"method": "GET", "route": "/items/{id}/new", "action": "List"},
]


@pytest.mark.parametrize(
    ("route", "raw_path", "reason"),
    [
        ("GET /items/{id}", "/items/7", ""),
        ("GET /items/{id}", "/items/items", ""),  # a literal, and of no route at this place
        ("GET /items/new", "/items/new", ""),
        ("GET /items/{id}", "/items/new", "ambiguous_path"),  # sent as `/items/%256Eew`
        ("ANY /items/{name}", "/items/new", "ambiguous_path"),
        ("GET /items/{id}/new", "/items/new/new", ""),
        ("$default", "/items/new", ""),
    ],
)
def test_a_path_that_means_another_route_than_the_one_that_was_matched_is_denied(
    route, raw_path, reason
):
    """Who dispatches by path behind an HTTP API would do what nobody has decided about."""
    answer = build(ITEMS)(http(route, raw_path, None))
    assert answer["context"]["reason"] == reason
    assert answer["isAuthorized"] is (reason == "")


def test_a_rest_api_hands_over_what_was_sent_so_its_route_decides():
    request = {"method": "GET", "resource": "/items/{id}", "path": "/items/new"}
    answer = build(ITEMS, response="iam")(events.rest_request_authorizer_event(token(), **request))
    assert effect(answer) == ("Allow", "")


def test_a_policy_for_every_route_is_not_replayed_on_such_a_path():
    """It would name the path that both routes have, so none is written for an HTTP API."""
    cache = GatewayCache(identity_sources=[REST_TOKEN], ttl_seconds=60, no_resource_policy=True)
    authorizer = build(ITEMS, response="iam", gateway_cache=cache)
    event = http("GET /items/{id}", "/items/new", None)
    event["identitySource"] = [event["headers"]["authorization"]]
    with pytest.raises(ConfigurationError, match="every route of an HTTP API"):
        authorizer(event)


# -- one request cannot make a refusal of all the others


def test_a_path_that_is_too_long_beside_the_rest_of_a_policy_is_left_to_silence_or_raised():
    """As JSON an emoji is twelve bytes, so a path that a policy may name can be larger than the
    policy.
    """
    cache = GatewayCache(
        identity_sources=[REST_TOKEN],
        ttl_seconds=60,
        no_resource_policy=True,
        max_policy_bytes=5000,
    )
    lines = [{"method": "GET", "route": "/files/{path+}", "action": "List"}]
    authorizer = build(lines, response="iam", gateway_cache=cache)

    def ask(method, path):
        event = events.rest_request_authorizer_event(
            token(), method=method, path=path, resource="/{proxy+}"
        )
        return authorizer(event)["policyDocument"]["Statement"], event["methodArn"]

    long = "/" + "\N{GRINNING FACE}" * 370
    statements, arn = ask("DELETE", "/short")
    assert arn in statements[1]["Resource"]
    statements, arn = ask("DELETE", long)
    assert len(arn) < 512
    assert [line["Effect"] for line in statements] == ["Allow", "Deny"], (
        "the policy that every request gets"
    )
    assert arn not in statements[1]["Resource"]
    assert not any(resource.endswith("/prod/*") for resource in statements[1]["Resource"])
    with pytest.raises(ConfigurationError, match="cannot be refused in a policy"):
        ask("GET", f"/files/%zz{long}")  # which the policy would allow

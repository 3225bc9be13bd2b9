"""A remembered answer is right for every replay, or the authorizer is not built."""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    Cookie,
    EntityUid,
    GatewayCache,
    Header,
    LambdaAuthorizer,
    QueryParameter,
)
from authz_lib.authorizer import gateway_cache
from authz_lib.authorizer.cache_key import http_api_gap, require_covered
from authz_lib.authorizer.gateway_cache import DeployedKey
from authz_lib.authorizer.identity_source import IdentitySource
from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.gateway.events import parse_authorizer_event
from authz_lib.testing import events

TOKEN = "$request.header.Authorization"
METHOD, PATH, ROUTE = "$context.httpMethod", "$context.path", "$context.routeKey"
DOMAIN = "$context.domainName"
# As a REST API writes them.
REST_TOKEN = "method.request.header.Authorization"
REST_METHOD, REST_PATH, REST_DOMAIN = "context.httpMethod", "context.path", "context.domainName"
IP = "$context.identity.sourceIp"


def actions(*lines):
    return ActionMap.from_document({"version": 1, "actions": [dict(line) for line in lines]})


PLAIN = actions(
    {"method": "GET", "route": "/orders", "action": "List"},
    {"method": "POST", "route": "/orders", "action": "Create"},
)
LABEL = actions(
    {
        "method": "GET",
        "route": "/orders/{id}",
        "action": "Get",
        "resource_type": "Order",
        "resource_id_label": "id",
    }
)
ANY_ID = actions({"method": "GET", "route": "/orders/{id}", "action": "Get"})
GREEDY_ID = actions({"method": "GET", "route": "/files/{name+}", "action": "Get"})
QUERY = actions(
    {"method": "GET", "route": "/orders", "query": {"view": "full"}, "action": "ListFull"}
)


class Anyone:
    issuers = None

    def verify(self, token):
        raise AssertionError("not asked while building")


def build(
    sources,
    *,
    table=PLAIN,
    response="simple",
    token_sources=None,
    ttl_seconds=60,
    alone=True,
    **options,
):
    return LambdaAuthorizer(
        verifier=Anyone(),
        token_sources=token_sources or [BearerToken()],
        actions=table,
        decisions=None,
        application=EntityUid("Application", "shop"),
        response=response,
        gateway_cache=GatewayCache(
            identity_sources=sources, ttl_seconds=ttl_seconds, no_resource_policy=alone
        ),
        **options,
    )


WRONG = [
    # the token alone: one yes for all routes
    ("simple", PLAIN, [TOKEN], {}, r"the route is not covered"),
    # the method is an input too: `ANY /orders` serves POST with GET's answer
    ("simple", PLAIN, [TOKEN, PATH], {}, r"the route is not covered"),
    ("simple", PLAIN, [TOKEN, METHOD], {}, r"the route is not covered"),
    # the route key is the template: one order's Allow serves another order
    (
        "simple",
        LABEL,
        [TOKEN, ROUTE],
        {},
        r"`\$context\.path` \(the label of `GET /orders/\{id\}`\)",
    ),
    # no event of an HTTP API's 2.0 format holds the resource's path
    (
        "simple",
        LABEL,
        [TOKEN, METHOD, "$context.resourcePath"],
        {},
        r"resourcePath` is in no event",
    ),
    ("simple", PLAIN, [TOKEN, "$context.operationName"], {}, r"operationName` is in no event"),
    # on another domain the same path is another ARN, about which the answer is silent
    (
        "iam",
        PLAIN,
        [REST_TOKEN, REST_METHOD, REST_PATH],
        {"alone": False},
        r"two routes on two domains",
    ),
    # ... a refusal too, and who is refused can depend on the token alone
    ("iam", None, [TOKEN, METHOD, PATH], {"alone": False}, r"two routes on two domains"),
    # a label whose value decides nothing: its path may still read as two, which is refused
    (
        "simple",
        ANY_ID,
        [TOKEN, ROUTE],
        {},
        r"`\$context\.path` \(the label of `GET /orders/\{id\}`\)",
    ),
    ("simple", GREEDY_ID, [TOKEN, ROUTE], {}, r"the label of `GET /files/\{name\+\}`"),
    (
        "iam",
        PLAIN,
        [TOKEN, METHOD, PATH, DOMAIN, ROUTE, "$request.header.x-dept"],
        {"context": {"dept": "$request.header.x-dept"}},
        r"repeated header",
    ),
    # a stage or a mapping before the path: one path is two routes on two domains; and HTTP APIs
    # decode it
    ("simple", PLAIN, [TOKEN, METHOD, PATH], {}, r"add `\$context\.routeKey`"),
    ("simple", PLAIN, [TOKEN, METHOD, PATH, DOMAIN], {}, r"add `\$context\.routeKey`"),
    ("simple", LABEL, [TOKEN, METHOD, PATH, DOMAIN], {}, r"add `\$context\.routeKey`"),
    # a repeated parameter: which of its values is the key?
    ("simple", QUERY, [TOKEN, ROUTE], {}, r"`\$request\.querystring\.view` \(the query of"),
    (
        "simple",
        QUERY,
        [TOKEN, ROUTE, PATH, "$request.querystring.view"],
        {},
        r"repeated header or parameter",
    ),
    (
        "iam",
        QUERY,
        [TOKEN, METHOD, PATH, ROUTE, "$request.querystring.view"],
        {},
        r"repeated header or parameter",
    ),
    (
        "simple",
        PLAIN,
        [TOKEN, ROUTE, "$request.querystring.dept"],
        {"context": {"dept": "$request.querystring.dept"}},
        r"`\$request\.querystring\.dept` \(a context value\)",
    ),
    # an API's resource policy makes an Allow of what such a policy is silent about
    ("iam", PLAIN, [TOKEN], {"alone": False}, r"no_resource_policy=True"),
    # AppSync has one key, whatever is declared
    (
        "appsync",
        None,
        ["$request.header.x-token"],
        {"token_sources": [Header("x-token")]},
        r"authorizationToken",
    ),
    ("appsync", None, [TOKEN, "$request.header.x-token"], {}, r"authorizationToken"),
    ("appsync", None, [TOKEN], {"context": {"q": "$request.querystring.q"}}, r"is in no event"),
    # without the token: everybody has the first caller's answer
    (
        "simple",
        PLAIN,
        [METHOD, PATH],
        {},
        r"`\$request\.header\.authorization` \(the token source\)",
    ),
    ("iam", PLAIN, ["$request.header.x-tenant"], {}, r"\(the token source\)"),
    ("appsync", None, ["$request.header.x-tenant"], {}, r"\(the token source\)"),
    ("simple", PLAIN, [TOKEN, ROUTE], {"token_sources": [QueryParameter("t")]}, r"querystring\.t"),
    ("simple", PLAIN, [TOKEN, ROUTE], {"token_sources": [Cookie("t")]}, r"header\.cookie"),
    # all sources must be present, so the second one is never asked about
    (
        "simple",
        PLAIN,
        [TOKEN, "$request.header.x-amzn-oidc-accesstoken", METHOD, PATH],
        {"token_sources": [BearerToken(), Header("x-amzn-oidc-accesstoken")]},
        r"two token sources cannot be cached",
    ),
    # what the policies read beyond token and route
    (
        "simple",
        PLAIN,
        [TOKEN, METHOD, PATH],
        {"context": {"ip": "$context.identity.sourceIp"}},
        r"sourceIp` \(a context value\)",
    ),
    (
        "iam",
        PLAIN,
        [TOKEN],
        {"context": {"ip": "$context.identity.sourceIp"}},
        r"sourceIp` \(a context value\)",
    ),
    # a policy for the whole table cannot know labels and queries
    ("iam", LABEL, [REST_TOKEN], {}, r"decided by its query or label"),
    ("iam", QUERY, [TOKEN], {}, r"decided by its query or label"),
    ("iam", LABEL, [REST_TOKEN, "context.stage"], {}, r"decided by its query or label"),
    # an HTTP API decodes the path: `/docs/{id}` and `/{secret}`, sent as `/docs%252F7`, have one
    ("iam", PLAIN, [TOKEN, METHOD, PATH, DOMAIN], {}, r"add `\$context\.routeKey`"),
    ("iam", LABEL, [TOKEN, METHOD, PATH], {}, r"add `\$context\.routeKey`"),
    ("iam", LABEL, [REST_TOKEN, REST_METHOD, PATH], {}, r"add `\$context\.routeKey`"),
    # ... and a policy for every route is asked about the decoded path too
    ("iam", ANY_ID, [TOKEN], {}, r"no policy is right for every route of an HTTP API"),
    ("iam", ANY_ID, [TOKEN, ROUTE], {}, r"no policy is right for every route of an HTTP API"),
    ("iam", LABEL, [TOKEN, PATH], {}, r"no policy is right for every route of an HTTP API"),
]


@pytest.mark.parametrize(("response", "table", "sources", "options", "message"), WRONG)
def test_a_cache_that_does_not_cover_the_decision_is_refused(
    response, table, sources, options, message
):
    with pytest.raises(ConfigurationError, match=message):
        build(sources, table=table, response=response, **options)


RIGHT = [
    ("simple", PLAIN, [TOKEN, METHOD, PATH, DOMAIN, ROUTE], {}),
    ("simple", PLAIN, [TOKEN, ROUTE], {}),
    ("simple", LABEL, [TOKEN, METHOD, PATH, DOMAIN, ROUTE], {}),
    ("simple", LABEL, [TOKEN, ROUTE, PATH], {}),
    ("simple", ANY_ID, [TOKEN, ROUTE, PATH], {}),
    ("iam", None, [TOKEN, METHOD, PATH], {}),
    ("iam", None, [TOKEN, METHOD, PATH, DOMAIN], {"alone": False}),
    ("simple", None, [TOKEN, METHOD, PATH], {"alone": False}),
    ("simple", None, [TOKEN], {}),
    ("iam", PLAIN, [TOKEN], {}),
    ("iam", PLAIN, ["method.request.header.authorization"], {}),
    (
        "iam",
        PLAIN,
        [REST_TOKEN, REST_METHOD, REST_PATH, REST_DOMAIN],
        {"alone": False},
    ),
    ("iam", PLAIN, [REST_TOKEN, REST_METHOD, REST_PATH, "context.operationName"], {}),
    ("iam", PLAIN, [TOKEN, METHOD, PATH, DOMAIN, ROUTE], {"alone": False}),
    ("iam", LABEL, [TOKEN, METHOD, PATH, ROUTE], {}),
    ("iam", ANY_ID, [REST_TOKEN], {}),
    ("iam", LABEL, [REST_TOKEN, REST_METHOD, REST_PATH], {}),
    ("iam", None, [TOKEN], {"alone": False}),
    ("appsync", None, [TOKEN], {}),
    ("simple", PLAIN, [TOKEN, ROUTE, IP], {"context": {"ip": IP}}),
    ("simple", PLAIN, ["$request.querystring.t", ROUTE], {"token_sources": [QueryParameter("t")]}),
]


@pytest.mark.parametrize(("response", "table", "sources", "options"), RIGHT)
def test_a_cache_that_covers_the_decision_is_accepted(response, table, sources, options):
    assert build(sources, table=table, response=response, **options) is not None


def test_off_covers_everything():
    inputs = {
        "context": {"ip": IdentitySource.parse("$context.identity.sourceIp")},
        "actions": QUERY,
    }
    coverage = require_covered(GatewayCache.OFF, tokens=[None, None], response="simple", **inputs)
    assert coverage == "one-request"


@pytest.mark.parametrize(
    "values",
    [
        {"identity_sources": [], "ttl_seconds": 60},
        {"identity_sources": TOKEN, "ttl_seconds": 60},
        {"identity_sources": [TOKEN, "$request.header.authorization"], "ttl_seconds": 60},
        {"identity_sources": ["Authorization"], "ttl_seconds": 60},
        {"identity_sources": ["$request.body.token"], "ttl_seconds": 60},
        {"identity_sources": ["$context.made.up"], "ttl_seconds": 60},
        {"identity_sources": [7], "ttl_seconds": 60},
        {"identity_sources": [TOKEN], "ttl_seconds": 0},
        {"identity_sources": [TOKEN], "ttl_seconds": 3601},
        {"identity_sources": [TOKEN], "ttl_seconds": True},
        {"identity_sources": [TOKEN], "ttl_seconds": 1.5},
        {"identity_sources": None, "ttl_seconds": 60},
        {"identity_sources": [TOKEN], "ttl_seconds": 60, "max_policy_bytes": "8192"},
        {"identity_sources": [TOKEN], "ttl_seconds": 60, "max_policy_bytes": 0},
        {"identity_sources": [TOKEN], "ttl_seconds": 60, "no_resource_policy": "yes"},
    ],
)
def test_a_cache_that_cannot_be_deployed_is_refused(values):
    with pytest.raises(ConfigurationError):
        GatewayCache(**values)


def test_off_and_on_say_what_they_are():
    assert GatewayCache.OFF.is_off
    assert repr(GatewayCache.OFF) == "GatewayCache.OFF"
    cache = GatewayCache(identity_sources=[TOKEN, METHOD], ttl_seconds=60)
    assert not cache.is_off
    assert repr(cache) == f"GatewayCache(identity_sources={[TOKEN, METHOD]!r}, ttl_seconds=60)"
    assert [str(item) for item in cache.parsed_sources] == ["$request.header.authorization", METHOD]


def http(identity, *, route="GET /orders", **options):
    return parse_authorizer_event(
        events.http_authorizer_event("abc", route=route, identity=identity, **options)
    )


def check_key(cache, event, *, reads_route=True, names_route=False):
    key = DeployedKey(cache, reads_route=reads_route, names_route=names_route)
    for _ in range(2):  # what was found out about a route is remembered
        key.check(event)


KEY = GatewayCache(identity_sources=[TOKEN, METHOD, PATH], ttl_seconds=60)


@pytest.mark.parametrize(
    "identity",
    [["Bearer abc", "GET", "/orders"], ["GET", "/orders", "Bearer abc"]],
)
def test_the_deployed_key_is_the_declared_one(identity):
    check_key(KEY, http(identity))


@pytest.mark.parametrize(
    "identity",
    [
        ["Bearer abc"],
        ["Bearer abc", "GET"],
        ["Bearer abc", "GET", "/orders", "192.0.2.1"],
        ["Bearer abd", "GET", "/orders"],
        ["Bearer abc", "Bearer abc", "/orders"],
        [],
    ],
)
def test_another_key_than_the_declared_one_is_raised(identity):
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(KEY, http(identity))


@pytest.mark.parametrize(
    ("source", "query"),
    [
        ("$request.header.x-tenant", ""),
        ("$request.querystring.t", ""),
        ("$request.querystring.t", "t=1&t=2"),
        ("$stageVariables.tier", ""),
    ],
    ids=["no header", "no parameter", "a parameter twice", "no stage variable"],
)
def test_a_key_that_holds_a_source_less_is_raised_also_when_the_source_has_not_one_value(
    source, query
):
    """Who may leave a source out, or repeat it, would turn the check off."""
    cache = GatewayCache(identity_sources=[TOKEN, METHOD, PATH, source], ttl_seconds=60)
    raw = {**http(["Bearer abc", "GET", "/orders"]).raw, "rawQueryString": query}
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(cache, parse_authorizer_event(raw))


@pytest.mark.parametrize(
    "sent", ["/orders/a b", "/orders/a%20b", "/orders/a%2520b", "/orders%2Fa%20b"]
)
def test_a_path_may_be_in_the_key_as_it_was_sent(sent):
    """An HTTP API's event holds it decoded; which of them the key holds is documented nowhere."""
    check_key(KEY, http(["Bearer abc", "GET", sent], route="GET /orders/{id}", path="/orders/a b"))
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(
            KEY,
            http(["Bearer abc", "GET", f"{sent}c"], route="GET /orders/{id}", path="/orders/a b"),
        )
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(
            KEY, http(["Bearer%20abc", "GET", sent], route="GET /orders/{id}", path="/orders/a b")
        )


def test_with_the_stage_in_the_path():
    check_key(KEY, http(["Bearer abc", "GET", "/prod/orders"], stage="prod"))
    check_key(KEY, http(["Bearer abc", "GET", "/orders"], stage="prod"))


@pytest.mark.parametrize("route", ["ANY /orders", "$default"])
def test_a_route_key_that_names_no_method_tells_nothing_apart(route):
    cache = GatewayCache(identity_sources=[TOKEN, ROUTE], ttl_seconds=60)
    check_key(cache, http(["Bearer abc", "GET /orders"]))
    with pytest.raises(ConfigurationError, match="does not name a method"):
        check_key(cache, http(["Bearer abc", route], route=route, path="/orders"))


GREEDY = "GET /{proxy+}"


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([TOKEN, ROUTE], "many paths"),
        ([TOKEN, METHOD, ROUTE], "many paths"),
        ([TOKEN, ROUTE, PATH], "domainName"),
    ],
)
def test_an_allow_for_one_path_of_a_greedy_route_is_not_replayed_on_the_others(sources, message):
    """The map tells its paths apart, the key of the gateway does not."""
    authorizer = build(sources, table=PLAIN, response="simple")
    values = {TOKEN: "Bearer abc", METHOD: "GET", ROUTE: GREEDY, PATH: "/orders"}
    event = events.http_authorizer_event(
        "abc", route=GREEDY, path="/orders", identity=[values[s] for s in sources]
    )
    with pytest.raises(ConfigurationError, match=message):
        authorizer(event)


def test_a_greedy_route_of_a_rest_api_needs_the_path_in_the_key():
    cache = GatewayCache(identity_sources=[TOKEN, METHOD, "context.resourcePath"], ttl_seconds=60)
    event = parse_authorizer_event(
        events.rest_request_authorizer_event("abc", resource="/{proxy+}", path="/orders")
    )
    with pytest.raises(ConfigurationError, match="many paths"):
        check_key(cache, event)
    check_key(KEY, event)


def test_what_does_not_read_the_route_is_right_on_a_greedy_one():
    """No map, or one policy for the whole map: nothing depends on what the gateway matched."""
    event = http(["Bearer abc", GREEDY], route=GREEDY, path="/orders")
    check_key(
        GatewayCache(identity_sources=[TOKEN, ROUTE], ttl_seconds=60), event, reads_route=False
    )
    everything = GatewayCache(identity_sources=[TOKEN, METHOD, PATH, DOMAIN], ttl_seconds=60)
    domain = event.raw["requestContext"]["domainName"]
    check_key(
        everything, http(["Bearer abc", "GET", "/orders", domain], route=GREEDY, path="/orders")
    )


@pytest.mark.parametrize("value", [7, "x", [None], True, {"zone": None}, {None: "x"}])
def test_stage_variables_of_another_shape_are_refused(value):
    event = events.rest_request_authorizer_event("abc", path="/orders")
    with pytest.raises(UntrustedEventError, match="`stageVariables` of the event"):
        IdentitySource.parse("$stageVariables.zone").read(
            parse_authorizer_event({**event, "stageVariables": value})
        )


@pytest.mark.parametrize("value", [7, {"a": 1}, [None], ["Bearer abc", 1], True])
def test_an_identity_of_another_shape_is_refused(value):
    event = events.http_authorizer_event("abc") | {"identitySource": value}
    with pytest.raises(UntrustedEventError, match="`identitySource` of the event"):
        check_key(KEY, parse_authorizer_event(event))


def test_an_empty_identity_is_not_the_declared_one():
    with pytest.raises(ConfigurationError, match="identity sources"):
        check_key(
            KEY,
            parse_authorizer_event(events.http_authorizer_event_v1("abc") | {"identitySource": []}),
        )


@pytest.mark.parametrize("sources", [["$request.header.Cookie"], [TOKEN, "$request.querystring.q"]])
def test_an_identity_source_that_is_there_twice_is_not_remembered_on_rest(sources):
    """Which of them a REST API keys on is documented nowhere: `Cookie: t=dark` would be the key of
    somebody's token.
    """
    headers = {"Cookie": "s=abc", "Authorization": "Bearer abc"}
    event = events.rest_request_authorizer_event(headers=headers, query=[("q", "1")])
    cache = GatewayCache(identity_sources=sources, ttl_seconds=60, no_resource_policy=True)
    check_key(cache, parse_authorizer_event(event), reads_route=False, names_route=True)
    event["multiValueHeaders"]["Cookie"] = ["s=abc", "t=dark"]
    event["multiValueQueryStringParameters"]["q"] = ["1", "2"]
    with pytest.raises(ConfigurationError, match="more than once"):
        check_key(cache, parse_authorizer_event(event), reads_route=False, names_route=True)


@pytest.mark.parametrize("sources", [[TOKEN], [TOKEN, METHOD, PATH, DOMAIN, ROUTE]])
def test_an_arn_that_stands_for_every_route_is_not_remembered(sources):
    authorizer = build(sources, response="iam")
    event = events.http_authorizer_event("abc", route="$default", path="/orders")
    event["routeArn"] = f"{event['routeArn'].partition('/GET/')[0]}/$default"
    with pytest.raises(ConfigurationError, match="no method and path"):
        authorizer(event)


def test_a_token_authorizer_has_one_key_whatever_was_declared():
    with pytest.raises(ConfigurationError, match="TOKEN authorizer"):
        check_key(KEY, parse_authorizer_event(events.rest_token_authorizer_event("abc")))


class TestDeclared:
    @pytest.mark.parametrize("ttl_seconds", [1, 3600])
    def test_the_shortest_and_the_longest_time(self, ttl_seconds):
        cache = GatewayCache(identity_sources=[TOKEN], ttl_seconds=ttl_seconds)
        assert (cache.ttl_seconds, cache.max_policy_bytes) == (ttl_seconds, 8192)
        assert cache.no_resource_policy is False

    @pytest.mark.parametrize("name", ["max_policy_bytes", "no_resource_policy"])
    def test_a_wrong_argument_is_named(self, name):
        with pytest.raises(ConfigurationError, match=f"^`{name}`"):
            GatewayCache(identity_sources=[TOKEN], ttl_seconds=60, **{name: "x"})


class TestDeployed:
    """Sources that an event holds once, not at all, twice, or in another spelling."""

    @staticmethod
    def check(sources, event, **options):
        check_key(GatewayCache(identity_sources=sources, ttl_seconds=60), event, **options)

    def refused(self, sources, event, message="not the declared ones"):
        with pytest.raises(ConfigurationError, match=message):
            self.check(sources, event)

    @pytest.mark.parametrize("sources", [[TOKEN, METHOD, ROUTE], [TOKEN, PATH]])
    def test_a_route_of_every_method_beside_the_method_or_without_its_key(self, sources):
        values = {TOKEN: "Bearer abc", METHOD: "GET", ROUTE: "ANY /orders", PATH: "/orders"}
        event = http([values[source] for source in sources], route="ANY /orders", path="/orders")
        self.check(sources, event)

    def test_the_default_route_takes_many_paths(self):
        event = http(["Bearer abc", "GET"], route="$default", path="/orders")
        self.refused([TOKEN, METHOD], event, "many paths")
        event = http(["Bearer abc", "GET", "GET /orders"])
        self.check([TOKEN, METHOD, ROUTE], event)

    def test_a_token_authorizer_is_cached_on_one_source(self):
        event = parse_authorizer_event(events.rest_token_authorizer_event("abc"))
        self.check([TOKEN], event)
        self.refused([TOKEN, METHOD], event, "TOKEN authorizer")
        self.refused([ROUTE], event, "does not name a method")

    def test_a_route_is_looked_at_once_and_at_most_1024_are_remembered(self, monkeypatch):
        looked = []
        monkeypatch.setattr(
            gateway_cache, "_check_route_is_told", lambda _, event: looked.append(event.route)
        )
        cache = GatewayCache(identity_sources=[TOKEN], ttl_seconds=60)
        key = DeployedKey(cache, reads_route=True, names_route=False)
        routes = [f"GET /{number}" for number in range(1030)]
        for route in [*routes, *reversed(routes[6:])]:
            key.check(http(["Bearer abc"], route=route))
        assert looked == routes
        key.check(http(["Bearer abc"], route=routes[5]))
        assert looked == [*routes, routes[5]]

    def test_the_usual_event_is_compared_without_its_other_spellings(self, monkeypatch):
        monkeypatch.setattr(gateway_cache, "_is_same_identity", lambda *_: pytest.fail("not asked"))
        check_key(KEY, http(["Bearer abc", "GET", "/orders"]))

    @pytest.mark.parametrize(
        ("token", "same"),
        [
            (" Bearer abc", True),
            ("\tBearer abc \t", True),
            ("Bearer abc\n", False),
            ("\u2003Bearer abc", False),
            ("XBearer abc", False),
            ("Bearer abcX", False),
        ],
    )
    def test_white_space_around_a_value_is_none_of_it(self, token, same):
        event = http([token, "GET", "/orders"])
        if same:
            check_key(KEY, event)
        else:
            self.refused([TOKEN, METHOD, PATH], event)

    def test_a_parameter_that_is_there_twice(self):
        source, query = "$request.querystring.t", [("t", "1"), ("t", "2")]
        self.check([TOKEN, source], http(["Bearer abc", "1,2"], query=query))
        for identity in (["Bearer abc", "1"], ["Bearer abc", "2"], ["Bearer abc", "12"]):
            self.refused([TOKEN, source], http(identity, query=query))
        self.refused([source], http(["1"], query=query))

    @pytest.mark.parametrize("value", ["", "GET /orders", "GET GET /orders", "x"])
    def test_a_header_that_is_not_there_has_no_value(self, value):
        self.refused([TOKEN, "$request.header.x-tenant"], http(["Bearer abc", value]))
        first = events.http_authorizer_event_v1("abc", identity=f"Bearer abc,{value}")
        self.refused([TOKEN, "$request.header.x-tenant"], parse_authorizer_event(first))

    @pytest.mark.parametrize("value", ["GET GET /orders", "ANY GET /orders", "/orders"])
    def test_a_route_key_has_one_spelling(self, value):
        self.check([TOKEN, ROUTE], http(["Bearer abc", "GET /orders"]))
        self.refused([TOKEN, ROUTE], http(["Bearer abc", value]))

    def test_a_path_may_be_the_raw_one_with_its_stage(self):
        raw = http(["Bearer abc", "GET", "/prod/orders"], stage="prod").raw
        raw["requestContext"]["http"]["path"] = "/orders"
        check_key(KEY, parse_authorizer_event({**raw, "rawPath": "/prod/orders"}))
        self.refused([TOKEN, METHOD, PATH], parse_authorizer_event({**raw, "rawPath": "/orders"}))

    @pytest.mark.parametrize("path", ["", "x", "XXXX", "None"])
    def test_a_path_that_was_not_sent_is_refused(self, path):
        self.refused([TOKEN, METHOD, PATH], http(["Bearer abc", "GET", path]))
        first = events.http_authorizer_event_v1("abc", identity=f"Bearer abc,{path}")
        self.refused([TOKEN, PATH], parse_authorizer_event(first))

    @pytest.mark.parametrize("by", ["; ", ";", ",", ", "])
    def test_cookies_are_joined_in_one_of_four_ways(self, by):
        def event(*identity):
            raw = {**http(identity).raw, "cookies": ["s=abc", "t=dark", "u=1"]}
            return parse_authorizer_event(raw)

        text = by.join(["s=abc", "t=dark", "u=1"])
        self.check(["$request.header.cookie"], event(text))
        self.check(["$request.header.cookie", METHOD, PATH], event("GET", text, "/orders"))
        for text in ("s=abc", by.join(["s=abc", "t=dark"]), "s=abct=darku=1", "s=abc t=dark u=1"):
            self.refused(["$request.header.cookie"], event(text))


class TestCoverage:
    """What `require_covered` tells the authorizer to do."""

    @pytest.mark.parametrize(
        ("response", "sources", "tokens", "coverage"),
        [
            ("simple", [TOKEN], [TOKEN], "one-request"),
            ("appsync", [TOKEN], [TOKEN], "one-request"),
            ("iam", [TOKEN, METHOD, PATH], [TOKEN], "one-request"),
            ("iam", [METHOD, PATH], [], "one-request"),
            ("iam", [TOKEN, METHOD], [TOKEN], "every-route"),
            ("iam", [TOKEN], [TOKEN], "every-route"),
        ],
    )
    def test_one_request_or_every_route(self, response, sources, tokens, coverage):
        cache = GatewayCache(identity_sources=sources, ttl_seconds=60, no_resource_policy=True)
        read = [IdentitySource.parse(token) for token in tokens]
        found = require_covered(cache, tokens=read, actions=None, context={}, response=response)
        assert found == coverage


def test_payload_1_0_joins_the_key_with_commas():
    cache = GatewayCache(identity_sources=[TOKEN, METHOD], ttl_seconds=60)
    good = events.http_authorizer_event_v1("abc", identity="Bearer abc,GET")
    check_key(cache, parse_authorizer_event(good))
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(cache, parse_authorizer_event({**good, "identitySource": "Bearer abc"}))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("sources", "identity", "message"),
    [
        ([REST_TOKEN, REST_METHOD, REST_PATH], ["Bearer abc", "GET", "/docs/7"], "routeKey"),
        ([REST_TOKEN], ["Bearer abc"], "no policy is right"),
    ],
)
def test_an_http_api_shows_itself_where_its_sources_are_written_as_a_rest_apis(
    version, sources, identity, message
):
    authorizer = build(sources, table=ANY_DOC, response="iam")
    if version == "2.0":
        event = events.http_authorizer_event(
            "abc", route="GET /docs/{id}", path="/docs/7", identity=identity
        )
    else:
        event = events.http_authorizer_event_v1(
            "abc", resource="/docs/{id}", path="/docs/7", identity=",".join(identity)
        )
    with pytest.raises(ConfigurationError, match=message):
        authorizer(event)


def test_a_key_of_method_and_path_alone_does_not_cover_the_route():
    key = GatewayCache(identity_sources=[METHOD, PATH], ttl_seconds=60)
    assert http_api_gap(key, PLAIN).startswith("the route is not covered")


ANY_DOC = actions({"method": "GET", "route": "/docs/{id}", "action": "Get"})


@pytest.mark.parametrize("route", ["GET /docs/{id}", "ANY /docs/{id}", "/docs/{id}"])
def test_payload_1_0_tells_the_route_key_without_its_verb(route):
    cache = GatewayCache(identity_sources=[TOKEN, METHOD, PATH, ROUTE], ttl_seconds=60)
    sent = {"resource": "/docs/{id}", "path": "/docs/7"}
    event = events.http_authorizer_event_v1(
        "abc", identity=f"Bearer abc,GET,/docs/7,{route}", **sent
    )
    event["requestContext"]["path"] = "/docs/7"
    check_key(cache, parse_authorizer_event(event), reads_route=False, names_route=True)
    event["identitySource"] = "Bearer abc,GET,/docs/7,GET /{secret}"
    with pytest.raises(ConfigurationError, match="not the declared ones"):
        check_key(cache, parse_authorizer_event(event), reads_route=False, names_route=True)

"""What each wrong cache would replay, on the local AWS; the constructor refuses each.

The deployed authorizer claims `GatewayCache.OFF` while its API caches: that is the lie which the
constructor cannot see.  Told the truth, it refuses.
"""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, Cookie, Header, QueryParameter
from authz_lib.testing.policy_store import Fault, PolicyStoreServer

pytestmark = pytest.mark.stack

TOKEN, METHOD, PATH, ROUTE, DOMAIN = (
    "$request.header.Authorization",
    "$context.httpMethod",
    "$context.path",
    "$context.routeKey",
    "$context.domainName",
)


def table(*lines):
    return {
        "version": 1,
        "actions": [dict(zip(("method", "route", "action"), line, strict=False)) for line in lines],
    }


LIST, CREATE = ("GET", "/orders", "List"), ("POST", "/orders", "Create")
PLAIN = table(LIST, CREATE, ("GET", "/items", "Create"))
IDS = table(("GET", "/orders/{id}", "Get"))
IDS["actions"][0] |= {"resource_type": "Order", "resource_id_label": "id"}
NAMES = table(("GET", "/items/{id}", "List"), ("GET", "/items/new", "Create"))
VIEWS = table(("GET", "/items", "List"), ("GET", "/items", "Create"))
VIEWS["actions"][1]["query"] = {"view": "full"}
REPORT = table(("GET", "/report", "Read"))
FILES = table(("GET", "/files/{id}/meta", "List"), ("GET", "/files/{id}", "Create"))
REQUEST = [TOKEN, METHOD, PATH, DOMAIN]
WHOLE = [TOKEN, ROUTE, PATH]
ROUTE_IS_OPEN = "the route is not covered"

#: name -> identity sources, map, context, the request that is allowed, the one that is not and is
# served, the refusal
REPLAYS = {
    "the token alone": (
        [TOKEN],
        PLAIN,
        None,
        ("GET", "/orders"),
        ("POST", "/orders"),
        ROUTE_IS_OPEN,
    ),
    "without the method": (
        [TOKEN, PATH, DOMAIN],
        PLAIN,
        None,
        ("GET", "/orders"),
        ("POST", "/orders"),
        ROUTE_IS_OPEN,
    ),
    "without the path": (
        [TOKEN, METHOD, DOMAIN],
        PLAIN,
        None,
        ("GET", "/orders"),
        ("GET", "/items"),
        ROUTE_IS_OPEN,
    ),
    "the route for an id": (
        [TOKEN, ROUTE],
        IDS,
        None,
        ("GET", "/orders/1"),
        ("GET", "/orders/2"),
        "the label of `GET /orders/{id}`",
    ),
    "the route for a path that reads as two": (
        [TOKEN, ROUTE],
        NAMES,
        None,
        ("GET", "/items/7"),
        ("GET", "/items/%256Eew"),
        "the label of `GET /items/{id}`",
    ),
    "the path for a route": (
        REQUEST,
        FILES,
        None,
        ("GET", "/files/x/meta"),
        ("GET", "/files/x%252Fmeta"),
        ROUTE_IS_OPEN,
    ),
    "without the query": (
        WHOLE,
        VIEWS,
        None,
        ("GET", "/items"),
        ("GET", "/items?view=full"),
        "(the query of `GET /items`)",
    ),
    "with the query, of which one value is the key": (
        [*WHOLE, "$request.querystring.view"],
        VIEWS,
        None,
        ("GET", "/items?view=x"),
        ("GET", "/items?view=x&view=full"),
        "(the query of `GET /items`)",
    ),
    "without a parameter of the context": (
        WHOLE,
        REPORT,
        {"dept": "$request.querystring.dept"},
        ("GET", "/report?dept=sales"),
        ("GET", "/report?dept=legal"),
        "(a context value) is not an identity source",
    ),
    "with a parameter of the context, of which one value is the key": (
        [*WHOLE, "$request.querystring.dept"],
        REPORT,
        {"dept": "$request.querystring.dept"},
        ("GET", "/report?dept=sales"),
        ("GET", "/report?dept=sales&dept=legal"),
        "(a context value) cannot be a safe",
    ),
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_key_that_leaves_an_input_out_serves_what_is_denied(name, deployment):
    sources, actions, context, allowed, denied, refusal = REPLAYS[name]
    lying = deployment.authorizer("simple", actions=actions, context=context)
    routes = [f"{entry['method']} {entry['route']}" for entry in actions["actions"]]
    routes = (
        ["ANY /orders"]
        if METHOD not in sources and ROUTE not in sources
        else list(dict.fromkeys(routes))
    )
    send = deployment.http_api(lying, routes=routes, identity_sources=sources, ttl_seconds=300)
    assert send(*denied, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send(*allowed, token) == 200
    assert send(*denied, token) == 200, "the replay"
    assert refusal in deployment.refuses(sources, actions=actions, context=context)


CARRIED = {
    "header": (
        ["bearer", ""],
        BearerToken(),
        lambda token: ("/orders", {"Authorization": f"Bearer {token}"}),
    ),
    "parameter": (["query", "t"], QueryParameter("t"), lambda token: (f"/orders?t={token}", {})),
    "cookie": (["cookie", "t"], Cookie("t"), lambda token: ("/orders", {"cookie": f"t={token}"})),
}


@pytest.mark.parametrize("by", CARRIED)
def test_a_key_without_the_token_serves_everybody(by, deployment):
    kind, source, carry = CARRIED[by]
    sources = [ROUTE, PATH]
    lying = deployment.authorizer("simple", actions=table(LIST), sources=[kind])
    send = deployment.http_api(
        lying, routes=["GET /orders"], identity_sources=sources, ttl_seconds=300
    )
    fresh = deployment.http_api(lying, routes=["GET /orders"])

    def ask(api, user):
        path, headers = carry(deployment.token(user))
        return api("GET", path, **headers)

    assert ask(fresh, "mallory") == 403, "a fresh answer"
    assert ask(send, "alice") == 200
    assert ask(send, "mallory") == 200, "the replay"
    refusal = deployment.refuses(sources, actions=table(LIST), token_sources=[source])
    assert "(the token source) is not an identity source" in refusal


def test_a_key_without_a_context_value_serves_every_value(deployment):
    context = {"dept": "$request.header.x-dept"}
    lying = deployment.authorizer("simple", actions=REPORT, context=context)
    send = deployment.http_api(
        lying, routes=["GET /report"], identity_sources=WHOLE, ttl_seconds=300
    )
    assert send("GET", "/report", deployment.token(), x_dept="legal") == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/report", token, x_dept="sales") == 200
    assert send("GET", "/report", token, x_dept="legal") == 200, "the replay"
    refusal = deployment.refuses(WHOLE, actions=REPORT, context=context)
    assert "(a context value) is not an identity source" in refusal


def test_without_an_identity_source_an_http_api_remembers_nothing(deployment):
    """So a cache is declared that cannot be; the constructor would have nothing to prove."""
    with PolicyStoreServer() as store:
        function = deployment.authorizer(
            "simple",
            actions=PLAIN,
            endpoint=store.url,
            store=store.create_store(deployment.policies),
        )
        send = deployment.http_api(
            function, routes=["GET /orders"], identity_sources=[], ttl_seconds=300
        )
        token = deployment.token()
        assert send("GET", "/orders", token) == 200
        store.inject(Fault(status=503), times=2)
        assert send("GET", "/orders", token) == 500, "asked again"
    assert "must not be empty" in deployment.refuses([], actions=PLAIN)


def test_a_route_key_of_any_tells_no_methods_apart_and_the_event_shows_it(deployment):
    plain = table(LIST, CREATE)
    lying = deployment.authorizer("simple", actions=plain)
    send = deployment.http_api(
        lying, routes=["ANY /orders"], identity_sources=[TOKEN, ROUTE], ttl_seconds=300
    )
    assert send("POST", "/orders", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("POST", "/orders", token) == 200, "the replay"
    honest = deployment.authorizer("simple", actions=plain, cache=[TOKEN, ROUTE])
    send = deployment.http_api(
        honest, routes=["ANY /orders"], identity_sources=[TOKEN, ROUTE], ttl_seconds=300
    )
    assert send("GET", "/orders", deployment.token()) == 500, "nothing that could be remembered"
    send = deployment.http_api(
        honest,
        routes=["GET /orders", "POST /orders"],
        identity_sources=[TOKEN, ROUTE],
        ttl_seconds=300,
    )
    token = deployment.token()
    assert [send("GET", "/orders", token), send("POST", "/orders", token)] == [200, 403]


def test_a_route_that_takes_many_paths_has_one_key_for_them_all_and_the_event_shows_it(deployment):
    plain = table(LIST, ("GET", "/items", "Create"))
    greedy = ["GET /{proxy+}"]
    lying = deployment.authorizer("simple", actions=plain)
    send = deployment.http_api(
        lying, routes=greedy, identity_sources=[TOKEN, ROUTE], ttl_seconds=300
    )
    assert send("GET", "/items", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/items", token) == 200, "the replay"
    honest = deployment.authorizer("simple", actions=plain, cache=[TOKEN, ROUTE])
    send = deployment.http_api(
        honest, routes=greedy, identity_sources=[TOKEN, ROUTE], ttl_seconds=300
    )
    token = deployment.token()
    assert [send("GET", path, token) for path in ("/orders", "/items", "/orders")] == [
        500,
        500,
        500,
    ]
    covered = deployment.authorizer("simple", actions=plain, cache=[*REQUEST, ROUTE])
    send = deployment.http_api(
        covered, routes=greedy, identity_sources=[*REQUEST, ROUTE], ttl_seconds=300
    )
    token = deployment.token()
    assert [send("GET", path, token) for path in ("/orders", "/items", "/orders")] == [
        200,
        403,
        200,
    ]


TWO = [["bearer", ""], ["header", "x-amzn-oidc-accesstoken"]]
TWO_SOURCES = [BearerToken(), Header("x-amzn-oidc-accesstoken")]


def test_two_token_sources_with_a_cache_never_reach_the_authorizer(deployment):
    sources = [TOKEN, "$request.header.x-amzn-oidc-accesstoken", ROUTE]
    function = deployment.authorizer("simple", actions=PLAIN, sources=TWO)
    send = deployment.http_api(
        function, routes=["GET /orders"], identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 401
    send = deployment.http_api(function, routes=["GET /orders"])
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 200
    assert "two token sources" in deployment.refuses(
        sources, actions=PLAIN, token_sources=TWO_SOURCES
    )


def test_of_two_token_sources_one_in_the_key_lets_the_other_be_anybodys(deployment):
    sources = [TOKEN, ROUTE]
    lying = deployment.authorizer("simple", actions=PLAIN, sources=TWO)
    send = deployment.http_api(
        lying, routes=["GET /orders"], identity_sources=sources, ttl_seconds=300
    )
    other = deployment.token("mallory")
    assert send("GET", "/orders", deployment.token(), x_amzn_oidc_accesstoken=other) == 403, (
        "a fresh answer"
    )
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/orders", token, x_amzn_oidc_accesstoken=other) == 200, "the replay"
    assert "two token sources" in deployment.refuses(
        sources, actions=PLAIN, token_sources=TWO_SOURCES
    )


def test_a_token_that_is_not_one_input_is_not_in_the_key(deployment):
    """Here it is in two headers, and the key has room for what is declared: the one."""
    head, tail = deployment.token().rsplit(".", 1)
    sources = ["$request.header.x-head", ROUTE]
    lying = deployment.authorizer("simple", actions=PLAIN, sources=[["split", ""]])
    send = deployment.http_api(
        lying, routes=["GET /orders"], identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/orders", x_head=head, x_tail="forged") == 403, "a fresh answer"
    head, tail = deployment.token().rsplit(".", 1)
    assert send("GET", "/orders", x_head=head, x_tail=tail) == 200
    assert send("GET", "/orders", x_head=head, x_tail="forged") == 200, "the replay"

    class Split:
        kind, name = "split", "x-head"

        def read(self, event):
            raise AssertionError("not asked while building")

    assert "not one input" in deployment.refuses(sources, actions=PLAIN, token_sources=[Split()])


@pytest.mark.parametrize("sources", [WHOLE, [*REQUEST, ROUTE]])
def test_a_key_that_covers_everything_replays_only_what_is_right(deployment, sources):
    actions = {
        "version": 1,
        "actions": [*PLAIN["actions"], *IDS["actions"], *NAMES["actions"], *FILES["actions"]],
    }
    routes = [f"{entry['method']} {entry['route']}" for entry in actions["actions"]]
    function = deployment.authorizer("simple", actions=actions, cache=sources)
    send = deployment.http_api(function, routes=routes, identity_sources=sources, ttl_seconds=300)
    token = deployment.token()
    for _ in range(2):
        assert send("GET", "/orders", token) == 200
        assert send("POST", "/orders", token) == 403
        assert send("GET", "/orders/1", token) == 200
        assert send("GET", "/orders/2", token) == 403
        assert send("GET", "/items/7", token) == 200
        assert send("GET", "/items/new", token) == 403
        assert send("GET", "/items/%256Eew", token) == 403
        assert send("GET", "/files/x/meta", token) == 200
        assert send("GET", "/files/x%252Fmeta", token) == 403


def test_another_key_than_the_declared_one_is_an_error_that_is_not_remembered(deployment):
    function = deployment.authorizer("simple", actions=table(LIST), cache=[TOKEN, ROUTE, PATH])
    send = deployment.http_api(
        function, routes=["GET /orders"], identity_sources=[TOKEN], ttl_seconds=300
    )
    assert send("GET", "/orders", deployment.token()) == 500


@pytest.mark.parametrize("name", ["$context.resourcePath", "$context.operationName"])
def test_a_key_that_no_event_holds_never_reaches_the_authorizer(name, deployment):
    sources = [TOKEN, METHOD, name]
    function = deployment.authorizer("simple", actions=PLAIN)
    send = deployment.http_api(
        function, routes=["GET /orders"], identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/orders", deployment.token()) == 401
    assert "in no event" in deployment.refuses(sources, actions=PLAIN)


ADMIN = table(("GET", "/users", "List"), ("GET", "/admin/users", "Create"))
ADMIN_ROUTES = ["GET /users", "GET /admin/users"]


def test_one_path_is_two_routes_on_two_domains(deployment):
    """Below the stage `admin`, `/admin/users` is `/users`; on the other domain it is itself."""
    sources = [TOKEN, METHOD, PATH]
    lying = deployment.authorizer("simple", actions=ADMIN)
    own = deployment.http_api(
        lying, routes=ADMIN_ROUTES, identity_sources=sources, ttl_seconds=300, stage="admin"
    )
    other = own.at("replayed.example.com")
    assert other("GET", "/admin/users", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert own("GET", "/users", token) == 200, "asked for as `/admin/users`"
    assert other("GET", "/admin/users", token) == 200, "the replay"
    assert ROUTE_IS_OPEN in deployment.refuses(sources, actions=ADMIN)


@pytest.mark.parametrize("sources", [[TOKEN, ROUTE], WHOLE, [*REQUEST, ROUTE]])
def test_with_the_route_in_the_key_the_two_are_told_apart(sources, deployment):
    honest = deployment.authorizer("simple", actions=ADMIN, cache=sources)
    own = deployment.http_api(
        honest, routes=ADMIN_ROUTES, identity_sources=sources, ttl_seconds=300, stage="admin"
    )
    other = own.at(f"told{len(sources)}.example.com")
    token = deployment.token()
    for _ in range(2):
        assert own("GET", "/users", token) == 200
        assert own("GET", "/admin/users", token) == 403
        assert other("GET", "/admin/users", token) == 403
        assert other("GET", "/users", token) == 200


def test_route_and_path_are_one_key_for_two_domains_of_a_greedy_route_and_the_event_shows_it(
    deployment,
):
    sources = [TOKEN, ROUTE, PATH]
    options = {
        "routes": ["GET /{proxy+}"],
        "identity_sources": sources,
        "ttl_seconds": 300,
        "stage": "admin",
    }
    own = deployment.http_api(deployment.authorizer("simple", actions=ADMIN), **options)
    other = own.at("greedy.example.com")
    assert other("GET", "/admin/users", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert own("GET", "/users", token) == 200
    assert other("GET", "/admin/users", token) == 200, "the replay"
    own = deployment.http_api(
        deployment.authorizer("simple", actions=ADMIN, cache=sources), **options
    )
    other = own.at("told-greedy.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [500, 500]

"""What each wrong cache would replay, over HTTP on the local AWS; and that the constructor refuses it.

The deployed authorizer claims `GatewayCache.OFF` while its API caches: that is the lie which the constructor cannot
see.  Told the truth, it refuses.
"""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, Header

pytestmark = pytest.mark.stack

TOKEN, METHOD, PATH, ROUTE, DOMAIN = (
    "$request.header.Authorization", "$context.httpMethod", "$context.path", "$context.routeKey", "$context.domainName",
)  # fmt: skip
ROUTES = ["GET /orders", "POST /orders", "GET /items", "GET /report", "GET /orders/{id}", "DELETE /orders/{id}"]
ANY = ["ANY /orders", "ANY /orders/{id}", "GET /report"]

LIST = {"method": "GET", "route": "/orders", "action": "List"}
CREATE = {"method": "POST", "route": "/orders", "action": "Create"}

#: name -> identity sources, routes, the request that is allowed, the one that is not and is served
REPLAYS = {
    "the token alone": ([TOKEN], ROUTES, ("GET", "/orders"), ("POST", "/orders")),
    "without the method": ([TOKEN, PATH], ANY, ("GET", "/orders/1"), ("DELETE", "/orders/1")),
    "without the path": ([TOKEN, METHOD], ROUTES, ("GET", "/orders"), ("GET", "/orders/2")),
    "the route key for a label": ([TOKEN, ROUTE], ROUTES, ("GET", "/orders/1"), ("GET", "/orders/2")),
    "without the query": ([TOKEN, METHOD, PATH, DOMAIN], ROUTES, ("GET", "/orders/1"), ("GET", "/orders/1?view=full")),
    "with the query, of which one value is the key": (
        [TOKEN, METHOD, PATH, DOMAIN, "$request.querystring.view"], ROUTES,
        ("GET", "/orders/1?view=x"), ("GET", "/orders/1?view=x&view=full"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLAYS)
def test_a_key_that_leaves_an_input_out_serves_what_is_denied(name, deployment):
    sources, routes, allowed, denied = REPLAYS[name]
    send = deployment.http_api(
        deployment.authorizer("simple"), routes=routes, identity_sources=sources, ttl_seconds=300
    )
    assert send(*denied, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send(*allowed, token) == 200
    assert send(*denied, token) == 200, "the replay"
    assert "identity source" in deployment.refuses(sources)


def test_a_key_without_the_token_serves_everybody(deployment):
    sources = [METHOD, PATH]
    send = deployment.http_api(
        deployment.authorizer("simple"), routes=ROUTES, identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/items", deployment.token("mallory")) == 403
    assert send("GET", "/orders", deployment.token("alice")) == 200
    assert send("GET", "/orders", deployment.token("mallory")) == 200, "the replay"
    assert "the token source" in deployment.refuses(sources)


def test_a_key_without_a_context_value_serves_every_value(deployment):
    sources = [TOKEN, METHOD, PATH, DOMAIN]
    context = {"dept": "$request.header.x-dept"}
    send = deployment.http_api(
        deployment.authorizer("simple", context=context), routes=ROUTES, identity_sources=[TOKEN, METHOD, PATH],
        ttl_seconds=300,
    )  # fmt: skip
    assert send("GET", "/report", deployment.token(), x_dept="legal") == 403
    token = deployment.token()
    assert send("GET", "/report", token, x_dept="sales") == 200
    assert send("GET", "/report", token, x_dept="legal") == 200, "the replay"
    assert "a context value" in deployment.refuses(sources, context=context)


def test_a_route_key_of_any_tells_no_methods_apart_and_the_event_shows_it(deployment):
    plain = {"version": 1, "actions": [LIST, CREATE]}
    lying = deployment.authorizer("simple", actions=plain)
    send = deployment.http_api(lying, routes=["ANY /orders"], identity_sources=[TOKEN, ROUTE], ttl_seconds=300)
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("POST", "/orders", token) == 200, "the replay"
    honest = deployment.authorizer("simple", actions=plain, cache=[TOKEN, ROUTE])
    send = deployment.http_api(honest, routes=["ANY /orders"], identity_sources=[TOKEN, ROUTE], ttl_seconds=300)
    assert send("GET", "/orders", deployment.token()) == 500, "nothing that could be remembered"
    send = deployment.http_api(
        honest, routes=["GET /orders", "POST /orders"], identity_sources=[TOKEN, ROUTE], ttl_seconds=300
    )
    token = deployment.token()
    assert [send("GET", "/orders", token), send("POST", "/orders", token)] == [200, 403]


def test_a_route_that_takes_many_paths_has_one_key_for_them_all_and_the_event_shows_it(deployment):
    plain = {"version": 1, "actions": [LIST, {"method": "GET", "route": "/items", "action": "Create"}]}
    greedy = ["GET /{proxy+}"]
    lying = deployment.authorizer("simple", actions=plain)
    send = deployment.http_api(lying, routes=greedy, identity_sources=[TOKEN, ROUTE], ttl_seconds=300)
    assert send("GET", "/items", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/items", token) == 200, "the replay"
    honest = deployment.authorizer("simple", actions=plain, cache=[TOKEN, ROUTE])
    send = deployment.http_api(honest, routes=greedy, identity_sources=[TOKEN, ROUTE], ttl_seconds=300)
    token = deployment.token()
    assert [send("GET", path, token) for path in ("/orders", "/items", "/orders")] == [500, 500, 500]
    sources = [TOKEN, METHOD, PATH, DOMAIN]
    covered = deployment.authorizer("simple", actions=plain, cache=sources)
    send = deployment.http_api(covered, routes=greedy, identity_sources=sources, ttl_seconds=300)
    token = deployment.token()
    assert [send("GET", path, token) for path in ("/orders", "/items", "/orders")] == [200, 403, 200]


def test_two_token_sources_with_a_cache_never_reach_the_authorizer(deployment):
    second = "$request.header.x-amzn-oidc-accesstoken"
    sources = [TOKEN, second, METHOD, PATH, DOMAIN]
    function = deployment.authorizer("simple", sources=[["bearer", ""], ["header", "x-amzn-oidc-accesstoken"]])
    send = deployment.http_api(function, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 401
    send = deployment.http_api(function, routes=ROUTES)
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 200
    two = [BearerToken(), Header("x-amzn-oidc-accesstoken")]
    assert "two token sources" in deployment.refuses(sources, token_sources=two)


def test_a_token_that_is_not_one_input_is_not_in_the_key(deployment):
    """Here it is in two headers, and the key has room for what is declared: the one."""
    head, tail = deployment.token().rsplit(".", 1)
    sources = ["$request.header.x-head", METHOD, PATH, DOMAIN]
    function = deployment.authorizer("simple", sources=[["split", ""]])
    send = deployment.http_api(function, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/orders", x_head=head, x_tail="forged") == 403
    head, tail = deployment.token().rsplit(".", 1)
    assert send("GET", "/orders", x_head=head, x_tail=tail) == 200
    assert send("GET", "/orders", x_head=head, x_tail="forged") == 200, "the replay"

    class Split:
        kind, name = "split", "x-head"

        def read(self, event):
            raise AssertionError("not asked while building")

    assert "not one input" in deployment.refuses(sources, token_sources=[Split()])


@pytest.mark.parametrize("sources", [[TOKEN, METHOD, PATH, DOMAIN], [TOKEN, ROUTE, PATH]])
def test_a_key_that_covers_everything_replays_only_what_is_right(deployment, sources):
    label = {"resource_type": "Order", "resource_id_label": "id"}
    get = {"method": "GET", "route": "/orders/{id}", "action": "Get", **label}
    plain = {"version": 1, "actions": [LIST, CREATE, get]}
    function = deployment.authorizer("simple", actions=plain, cache=sources)
    send = deployment.http_api(function, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    token = deployment.token()
    for _ in range(2):
        assert send("GET", "/orders", token) == 200
        assert send("POST", "/orders", token) == 403
        assert send("GET", "/orders/1", token) == 200
        assert send("GET", "/orders/2", token) == 403


def test_another_key_than_the_declared_one_is_an_error_that_is_not_remembered(deployment):
    plain = {"version": 1, "actions": [LIST]}
    function = deployment.authorizer("simple", actions=plain, cache=[TOKEN, ROUTE, PATH])
    send = deployment.http_api(function, routes=ROUTES, identity_sources=[TOKEN], ttl_seconds=300)
    assert send("GET", "/orders", deployment.token()) == 500


@pytest.mark.parametrize("name", ["$context.resourcePath", "$context.operationName"])
def test_a_key_that_no_event_holds_never_reaches_the_authorizer(name, deployment):
    sources = [TOKEN, METHOD, name]
    send = deployment.http_api(
        deployment.authorizer("simple"), routes=ROUTES, identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/orders", deployment.token()) == 401
    assert "in no event" in deployment.refuses(sources)


ADMIN = {"version": 1, "actions": [
    {"method": "GET", "route": "/users", "action": "List"},
    {"method": "GET", "route": "/admin/users", "action": "Create"},
]}  # fmt: skip
ADMIN_ROUTES = ["GET /users", "GET /admin/users"]


def test_one_path_is_two_routes_on_two_domains(deployment):
    """Below the stage `admin` of the API's own domain, `/admin/users` is `/users`; on the other domain it is itself."""
    sources = [TOKEN, METHOD, PATH]
    lying = deployment.authorizer("simple", actions=ADMIN)
    own = deployment.http_api(lying, routes=ADMIN_ROUTES, identity_sources=sources, ttl_seconds=300, stage="admin")
    other = own.at("replayed.example.com")
    assert other("GET", "/admin/users", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert own("GET", "/users", token) == 200, "asked for as `/admin/users`"
    assert other("GET", "/admin/users", token) == 200, "the replay"
    assert "$context.domainName" in deployment.refuses(sources, actions=ADMIN)


@pytest.mark.parametrize("more", [DOMAIN, ROUTE])
def test_with_the_domain_or_the_route_in_the_key_the_two_are_told_apart(more, deployment):
    sources = [TOKEN, METHOD, PATH, more]
    honest = deployment.authorizer("simple", actions=ADMIN, cache=sources)
    own = deployment.http_api(honest, routes=ADMIN_ROUTES, identity_sources=sources, ttl_seconds=300, stage="admin")
    other = own.at(f"{more.rpartition('.')[2].lower()}.example.com")
    token = deployment.token()
    for _ in range(2):
        assert own("GET", "/users", token) == 200
        assert own("GET", "/admin/users", token) == 403
        assert other("GET", "/admin/users", token) == 403
        assert other("GET", "/users", token) == 200


def test_the_route_and_the_path_are_one_key_for_two_domains_of_a_greedy_route_and_the_event_shows_it(deployment):
    sources = [TOKEN, ROUTE, PATH]
    options = {"routes": ["GET /{proxy+}"], "identity_sources": sources, "ttl_seconds": 300, "stage": "admin"}
    own = deployment.http_api(deployment.authorizer("simple", actions=ADMIN), **options)
    other = own.at("greedy.example.com")
    token = deployment.token()
    assert own("GET", "/users", token) == 200
    assert other("GET", "/admin/users", token) == 200, "the replay"
    own = deployment.http_api(deployment.authorizer("simple", actions=ADMIN, cache=sources), **options)
    other = own.at("told-greedy.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [500, 500]

"""What each wrong cache would replay, over HTTP on the local AWS; and that the constructor refuses it.

The deployed authorizer claims `GatewayCache.OFF` while its API caches: that is the lie which the constructor cannot
see.  Told the truth, it refuses.
"""

from __future__ import annotations

import pytest

from authz_lib import ActionMap, BearerToken, EntityUid, GatewayCache, Header, LambdaAuthorizer
from authz_lib.errors import ConfigurationError

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


def refuse(deployment, sources, **options):
    class Anyone:
        def verify(self, token):
            raise AssertionError("not asked while building")

    with pytest.raises(ConfigurationError) as caught:
        LambdaAuthorizer(
            verifier=Anyone(),
            token_sources=options.pop("token_sources", [BearerToken()]),
            actions=ActionMap.from_document(deployment.actions),
            decisions=None,
            application=EntityUid("Application", "shop"),
            response="simple",
            gateway_cache=GatewayCache(identity_sources=sources, ttl_seconds=300),
            **options,
        )
    return str(caught.value)


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
    assert "identity source" in refuse(deployment, sources)


def test_a_key_without_the_token_serves_everybody(deployment):
    sources = [METHOD, PATH]
    send = deployment.http_api(
        deployment.authorizer("simple"), routes=ROUTES, identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/items", deployment.token("mallory")) == 403
    assert send("GET", "/orders", deployment.token("alice")) == 200
    assert send("GET", "/orders", deployment.token("mallory")) == 200, "the replay"
    assert "the token source" in refuse(deployment, sources)


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
    assert "a context value" in refuse(deployment, sources, context=context)


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
    function = deployment.authorizer("simple", headers=["x-amzn-oidc-accesstoken"])
    send = deployment.http_api(function, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 401
    send = deployment.http_api(function, routes=ROUTES)
    assert send("GET", "/orders", None, x_amzn_oidc_accesstoken=deployment.token()) == 200
    two = [BearerToken(), Header("x-amzn-oidc-accesstoken")]
    assert "two token sources" in refuse(deployment, sources, token_sources=two)


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


TABLE = {"version": 1, "actions": [
    LIST, CREATE,
    {"method": "GET", "route": "/items", "action": "List"}, {"method": "GET", "route": "/items/{id}", "action": "List"},
    {"method": "GET", "route": "/items/new", "action": "Create"},
]}  # fmt: skip
REST_ROUTES = ["GET /orders", "POST /orders", "GET /items", "GET /items/{id}", "GET /items/new"]
RIGHT = [
    ("GET", "/orders", 200),
    ("POST", "/orders", 403),
    ("GET", "/items", 200),
    ("GET", "/items/7", 200),
    ("GET", "/items/new", 403),
]


def test_on_rest_a_policy_for_one_method_refuses_the_second_route(deployment):
    function = deployment.authorizer("iam", actions=TABLE)
    send = deployment.rest_api(function, routes=REST_ROUTES, ttl_seconds=300)
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/items", token) == 403, "the classic fault: allowed, and refused by the remembered policy"


def test_on_rest_a_token_authorizer_does_not_decide_by_a_query_that_it_is_not_told(deployment):
    """It is asked about the path alone; an Allow of it would let `?view=full` through."""
    routes = ["GET /orders", "GET /orders/{id}"]
    send = deployment.rest_api(deployment.authorizer("iam"), routes=routes)
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/orders/1?view=full", token) == 403
    assert send("GET", "/orders/1", token) == 403, "which of the two it is is not known"


def test_on_rest_a_policy_for_every_route_is_right_for_every_route(deployment):
    function = deployment.authorizer("iam", actions=TABLE, cache=["method.request.header.Authorization"])
    send = deployment.rest_api(function, routes=REST_ROUTES, ttl_seconds=300)
    for first in range(len(RIGHT)):
        token = deployment.token()  # whichever route is asked for first
        for method, path, status in [*RIGHT[first:], *RIGHT[:first]]:
            assert send(method, path, token) == status, (method, path)
    mallory = deployment.token("mallory")
    assert {send(method, path, mallory) for method, path, _ in RIGHT} == {403}

"""What a REST API replays: its cache holds a policy, which is evaluated for every request.

As beside it, an authorizer that lies claims `GatewayCache.OFF` while its API caches; told the truth, the constructor
refuses.
"""

from __future__ import annotations

import pytest

from authz_lib import Cookie

pytestmark = pytest.mark.stack

HEADER = "method.request.header"
TOKEN = f"{HEADER}.Authorization"
METHOD, PATH, DOMAIN = "context.httpMethod", "context.path", "context.domainName"
REQUEST = [TOKEN, METHOD, PATH, DOMAIN]
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}],
}


def line(method, route, action, **more):
    return {"method": method, "route": route, "action": action, **more}


def table(*lines):
    return {"version": 1, "actions": list(lines)}


ORDER = {"resource_type": "Order", "resource_id_label": "id"}
TABLE = table(
    line("GET", "/orders", "List"),
    line("POST", "/orders", "Create"),
    line("GET", "/items", "List"),
    line("GET", "/items/{id}", "List"),
    line("GET", "/items/new", "Create"),
)
ROUTES = ["GET /orders", "POST /orders", "GET /items", "GET /items/{id}", "GET /items/new"]
RIGHT = [
    ("GET", "/orders", 200),
    ("POST", "/orders", 403),
    ("GET", "/items", 200),
    ("GET", "/items/7", 200),
    ("GET", "/items/new", 403),
]
REPORT = table(line("GET", "/report", "Read"))
DEPT = {"dept": "$request.header.x-dept"}


def test_a_policy_for_one_method_refuses_the_second_route(deployment):
    send = deployment.rest_api(deployment.authorizer("iam", actions=TABLE), routes=ROUTES, ttl_seconds=300)
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/items", token) == 403, "the classic fault: allowed, and refused by the remembered policy"


def test_a_token_authorizer_is_keyed_on_its_header_whatever_was_declared_and_the_event_shows_it(deployment):
    honest = deployment.authorizer("iam", actions=TABLE, cache=REQUEST)
    assert deployment.rest_api(honest, routes=ROUTES, ttl_seconds=300)("GET", "/orders", deployment.token()) == 500
    send = deployment.rest_api(honest, routes=ROUTES, identity_sources=REQUEST, ttl_seconds=300)
    token = deployment.token()
    for _ in range(2):
        assert [send(method, path, token) for method, path, _ in RIGHT] == [status for _, _, status in RIGHT]


def test_a_token_authorizer_does_not_decide_by_a_query_that_it_is_not_told(deployment):
    """It is asked about the path alone; an Allow of it would let `?view=full` through."""
    routes = ["GET /orders", "GET /orders/{id}"]
    send = deployment.rest_api(deployment.authorizer("iam"), routes=routes)
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/orders/1?view=full", token) == 403
    assert send("GET", "/orders/1", token) == 403, "which of the two it is is not known"


def test_a_policy_for_every_route_is_right_for_every_route(deployment):
    function = deployment.authorizer("iam", actions=TABLE, cache=[TOKEN])
    send = deployment.rest_api(function, routes=ROUTES, ttl_seconds=300)
    for first in range(len(RIGHT)):
        token = deployment.token()  # whichever route is asked for first
        for method, path, status in [*RIGHT[first:], *RIGHT[:first]]:
            assert send(method, path, token) == status, (method, path)
    mallory = deployment.token("mallory")
    assert {send(method, path, mallory) for method, path, _ in RIGHT} == {403}


SILENT = {
    "a route that the map does not know": (table(line("GET", "/orders", "List")), "/orders", "/internal"),
    "a route that no pattern refuses without refusing an allowed one": (
        table(line("GET", "/items/new", "List"), line("GET", "/items/{id}", "Create")), "/items/new", "/items/7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_a_resource_policy_makes_an_allow_of_silence(name, deployment):
    actions, allowed, denied = SILENT[name]
    routes = ["GET /orders", "GET /internal", "GET /items/new", "GET /items/{id}"]
    function = deployment.authorizer("iam", actions=actions, cache=[TOKEN])
    lying = deployment.rest_api(function, routes=routes, ttl_seconds=300, resource_policy=ANYBODY)
    assert lying("GET", denied, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert lying("GET", allowed, token) == 200
    assert lying("GET", denied, token) == 200, "the replay"
    assert "no_resource_policy" in deployment.refuses([TOKEN], actions=actions, response="iam", alone=False)
    honest = deployment.rest_api(function, routes=routes, ttl_seconds=300)
    token = deployment.token()
    assert [honest("GET", path, token) for path in (allowed, denied)] == [200, 403]


def test_routes_that_no_wildcards_tell_apart_have_no_policy_for_all_of_them(deployment):
    """`*` crosses `/`: an Allow of `/items/{id}` is one of `/items/{id}/secret`, and a Deny of that one of more."""
    actions = table(
        line("GET", "/items/{id}", "List"),
        line("GET", "/items/{id}/secret", "Create"),
        line("GET", "/items/{id}/parts/secret", "List"),
    )
    routes = [f"{entry['method']} {entry['route']}" for entry in actions["actions"]]
    by_hand = deployment.authorizer("iam", actions=actions, resource="GET/items/*")
    send = deployment.rest_api(by_hand, routes=routes, ttl_seconds=300)
    assert send("GET", "/items/7/secret", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/items/7", token) == 200
    assert send("GET", "/items/7/secret", token) == 200, "the replay"
    assert "no policy can allow" in deployment.refuses([TOKEN], actions=actions, response="iam")


def test_beside_a_resource_policy_a_policy_for_one_method_and_path_needs_them_and_the_domain_as_its_key(deployment):
    actions = table(line("GET", "/users", "List"), line("GET", "/admin/users", "Create"))
    routes = ["GET /users", "GET /admin/users"]
    sources = [TOKEN, METHOD, PATH]
    options = {"routes": routes, "ttl_seconds": 300, "stage": "admin"}
    lying = deployment.authorizer("iam", actions=actions)
    own = deployment.rest_api(lying, identity_sources=sources, resource_policy=ANYBODY, **options)
    other = own.at("silent.example.com")
    assert other("GET", "/admin/users", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert own("GET", "/users", token) == 200, "asked for as `/admin/users`"
    assert other("GET", "/admin/users", token) == 200, "the replay"
    assert "context.domainName" in deployment.refuses(sources, actions=actions, response="iam", alone=False)

    honest = deployment.authorizer("iam", actions=actions, cache=REQUEST, alone=False)
    own = deployment.rest_api(honest, identity_sources=REQUEST, resource_policy=ANYBODY, **options)
    other = own.at("told.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [200, 403]

    alone = deployment.authorizer("iam", actions=actions, cache=sources)
    own = deployment.rest_api(alone, identity_sources=sources, **options)
    other = own.at("alone.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [200, 403], "silence refuses"


def test_a_key_without_the_token_serves_everybody(deployment):
    sources = [f"{HEADER}.x-tenant"]
    lying = deployment.authorizer("iam", actions=TABLE)
    send = deployment.rest_api(lying, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/orders", deployment.token("mallory"), x_tenant="a") == 403
    assert send("GET", "/orders", deployment.token("alice"), x_tenant="b") == 200
    assert send("GET", "/orders", deployment.token("mallory"), x_tenant="b") == 200, "the replay"
    assert "the token source" in deployment.refuses(sources, actions=TABLE, response="iam")


@pytest.mark.parametrize("sources", [[TOKEN], REQUEST])
def test_a_key_without_a_context_value_serves_every_value(sources, deployment):
    lying = deployment.authorizer("iam", actions=REPORT, context=DEPT)
    send = deployment.rest_api(lying, routes=["GET /report"], identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/report", deployment.token(), x_dept="legal") == 403
    token = deployment.token()
    assert send("GET", "/report", token, x_dept="sales") == 200
    assert send("GET", "/report", token, x_dept="legal") == 200, "the replay"
    assert "a context value" in deployment.refuses(sources, actions=REPORT, response="iam", context=DEPT)


def test_a_repeated_header_of_the_context_is_keyed_on_one_of_its_values(deployment):
    sources = [*REQUEST, f"{HEADER}.x-dept"]
    lying = deployment.authorizer("iam", actions=REPORT, context=DEPT)
    send = deployment.rest_api(lying, routes=["GET /report"], identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/report", deployment.token(), x_dept=["legal", "sales"]) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/report", token, x_dept="sales") == 200
    assert send("GET", "/report", token, x_dept="legal") == 403, "one value: told apart"
    assert send("GET", "/report", token, x_dept=["legal", "sales"]) == 200, "the replay"
    assert "repeated header" in deployment.refuses(sources, actions=REPORT, response="iam", context=DEPT)


def test_a_repeated_parameter_of_the_context_is_keyed_on_one_of_its_values(deployment):
    context = {"dept": "$request.querystring.dept"}
    sources = [*REQUEST, "method.request.querystring.dept"]
    lying = deployment.authorizer("iam", actions=REPORT, context=context)
    send = deployment.rest_api(lying, routes=["GET /report"], identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/report?dept=sales&dept=legal", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/report?dept=sales", token) == 200
    assert send("GET", "/report?dept=sales&dept=legal", token) == 200, "the replay"
    assert "repeated header or parameter" in deployment.refuses(
        sources, actions=REPORT, response="iam", context=context
    )


VIEWS = table(line("GET", "/orders/{id}", "Get", **ORDER), line("GET", "/orders/{id}", "Full", query={"view": "full"}))


@pytest.mark.parametrize(
    ("sources", "allowed", "denied"),
    [
        ([TOKEN], "/orders/1", "/orders/1?view=full"),
        (REQUEST, "/orders/1", "/orders/1?view=full"),
        ([*REQUEST, "method.request.querystring.view"], "/orders/1?view=x", "/orders/1?view=x&view=full"),
    ],
)
def test_a_policy_names_no_query(sources, allowed, denied, deployment):
    lying = deployment.authorizer("iam", actions=VIEWS)
    send = deployment.rest_api(lying, routes=["GET /orders/{id}"], identity_sources=sources, ttl_seconds=300)
    assert send("GET", denied, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", allowed, token) == 200
    assert send("GET", denied, token) == 200, "the replay"
    assert "query" in deployment.refuses(sources, actions=VIEWS, response="iam")


def test_a_policy_for_every_route_knows_no_ids(deployment):
    """The policy for one order is silent about the others, and a resource policy makes an Allow of silence."""
    actions = table(line("GET", "/orders/{id}", "Get", **ORDER))
    lying = deployment.authorizer("iam", actions=actions)
    options = {"routes": ["GET /orders/{id}"], "ttl_seconds": 300}
    send = deployment.rest_api(lying, resource_policy=ANYBODY, **options)
    assert send("GET", "/orders/2", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/orders/1", token) == 200
    assert send("GET", "/orders/2", token) == 200, "the replay"
    assert "decided by its query or label" in deployment.refuses([TOKEN], actions=actions, response="iam")


def test_a_repeated_cookie_is_keyed_on_one_of_its_values_and_the_event_shows_it(deployment):
    """Else whoever sends `Cookie: theme=dark` is the user who has sent that beside a token."""
    sources = [f"{HEADER}.Cookie"]
    table_of_one, cookie = table(line("GET", "/orders", "List")), [["cookie", "session"]]
    options = {"routes": ["GET /orders"], "identity_sources": sources, "ttl_seconds": 300}
    lying = deployment.authorizer("iam", actions=table_of_one, sources=cookie)
    send = deployment.rest_api(lying, **options)
    assert send("GET", "/orders", cookie="theme=dark") == 401, "a fresh answer"
    assert send("GET", "/orders", cookie=[f"session={deployment.token()}", "theme=dark"]) == 200
    assert send("GET", "/orders", cookie="theme=dark") == 200, "the replay: no token at all"
    honest = deployment.authorizer("iam", actions=table_of_one, sources=cookie, cache=sources)
    send = deployment.rest_api(honest, **options)
    assert send("GET", "/orders", cookie=[f"session={deployment.token()}", "theme=dark"]) == 500, "not remembered"
    assert send("GET", "/orders", cookie="theme=dark") == 401
    assert send("GET", "/orders", cookie=f"session={deployment.token()}; theme=dark") == 200
    assert "the token source" in deployment.refuses(
        [f"{HEADER}.x-theme"], actions=table_of_one, response="iam", token_sources=[Cookie("session")]
    )

"""What a REST API replays: its cache holds a policy, which is evaluated for every request.

As beside it, an authorizer that lies claims `GatewayCache.OFF` while its API caches; told the
truth, the constructor refuses.
"""

from __future__ import annotations

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.stack

HEADER = "method.request.header"
TOKEN = f"{HEADER}.Authorization"
METHOD, PATH, DOMAIN = "context.httpMethod", "context.path", "context.domainName"
REQUEST = [TOKEN, METHOD, PATH, DOMAIN]
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/*",
        }
    ],
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


def test_a_policy_for_one_method_refuses_the_second_route(deployment):
    send = deployment.rest_api(
        deployment.authorizer("iam", actions=TABLE), routes=ROUTES, ttl_seconds=300
    )
    token = deployment.token()
    assert send("GET", "/orders", token) == 200
    assert send("GET", "/items", token) == 403, (
        "the classic fault: allowed, and refused by the remembered policy"
    )


def test_a_token_authorizer_is_keyed_on_its_header_whatever_was_declared_and_the_event_shows_it(
    deployment,
):
    honest = deployment.authorizer("iam", actions=TABLE, cache=REQUEST)
    assert (
        deployment.rest_api(honest, routes=ROUTES, ttl_seconds=300)(
            "GET", "/orders", deployment.token()
        )
        == 500
    )
    send = deployment.rest_api(honest, routes=ROUTES, identity_sources=REQUEST, ttl_seconds=300)
    token = deployment.token()
    for _ in range(2):
        assert [send(method, path, token) for method, path, _ in RIGHT] == [
            status for _, _, status in RIGHT
        ]


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


def test_a_request_that_means_no_route_cannot_make_a_refusal_of_all_the_others(deployment):
    """The remembered policy denies its own ARN; it is silent where the path is too long."""
    many = [line("GET", f"/t{number}", "List") for number in range(30)]
    actions = table(line("GET", "/orders", "List"), *many)
    routes = ["GET /orders", "GET /items/{id}/{rest}"]
    sources = ["$request.header.Authorization"]
    function = deployment.authorizer("iam", actions=actions, cache=sources)
    options = {"identity_sources": sources, "ttl_seconds": 300, "payload_version": "1.0"}
    send = deployment.http_api(function, routes=routes, **options)
    token = deployment.token()
    assert send("GET", "/items/x/" + quote("\N{GRINNING FACE}" * 370), token) == 403
    assert [send("GET", path, token) for path in ("/orders", "/items/x/y")] == [200, 403]


SILENT = {
    "a route that the map does not know": (
        table(line("GET", "/orders", "List")),
        "/orders",
        "/internal",
    ),
    "a route that no pattern refuses without refusing an allowed one": (
        table(line("GET", "/items/new", "List"), line("GET", "/items/{id}", "Create")),
        "/items/new",
        "/items/7",
    ),
}


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
    assert "no_resource_policy" in deployment.refuses(
        [TOKEN], actions=actions, response="iam", alone=False
    )
    honest = deployment.rest_api(function, routes=routes, ttl_seconds=300)
    token = deployment.token()
    assert [honest("GET", path, token) for path in (allowed, denied)] == [200, 403]


def test_routes_that_no_wildcards_tell_apart_have_no_policy_for_all_of_them(deployment):
    """`*` crosses `/`: an Allow of `/items/{id}` is one of `/items/{id}/secret` too."""
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


def test_beside_a_resource_policy_one_for_a_method_and_path_needs_them_and_the_domain_as_its_key(
    deployment,
):
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
    refusal = deployment.refuses(sources, actions=actions, response="iam", alone=False)
    assert "one path is two routes on two domains" in refusal

    honest = deployment.authorizer("iam", actions=actions, cache=REQUEST, alone=False)
    own = deployment.rest_api(honest, identity_sources=REQUEST, resource_policy=ANYBODY, **options)
    other = own.at("told.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [200, 403]

    alone = deployment.authorizer("iam", actions=actions, cache=sources)
    own = deployment.rest_api(alone, identity_sources=sources, **options)
    other = own.at("alone.example.com")
    token = deployment.token()
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [200, 403], (
        "silence refuses"
    )


def test_a_refusal_that_no_map_was_read_for_names_its_own_path_too(deployment):
    """Who is refused by the token alone is refused on every path; the policy says so of one."""
    sources = [TOKEN, METHOD, PATH]
    config = {"actions": None, "verify": {"all_scopes": ["read"]}}
    options = {"routes": ["GET /users", "GET /admin/users"], "ttl_seconds": 300, "stage": "admin"}
    lying = deployment.authorizer("iam", **config)
    own = deployment.rest_api(lying, identity_sources=sources, resource_policy=ANYBODY, **options)
    other = own.at("unscoped.example.com")
    assert other("GET", "/admin/users", deployment.token(scope="write")) == 403, "a fresh answer"
    token = deployment.token(scope="write")
    assert own("GET", "/users", token) == 403
    assert other("GET", "/admin/users", token) == 200, "the replay"
    refusal = deployment.refuses(sources, actions=None, response="iam", alone=False)
    assert "one path is two routes on two domains" in refusal
    honest = deployment.authorizer("iam", cache=REQUEST, alone=False, **config)
    own = deployment.rest_api(honest, identity_sources=REQUEST, resource_policy=ANYBODY, **options)
    other = own.at("scoped.example.com")
    token = deployment.token(scope="write")
    assert [own("GET", "/users", token), other("GET", "/admin/users", token)] == [403, 403]


def test_a_key_without_the_token_serves_everybody(deployment):
    sources = [f"{HEADER}.x-tenant"]
    lying = deployment.authorizer("iam", actions=TABLE)
    send = deployment.rest_api(lying, routes=ROUTES, identity_sources=sources, ttl_seconds=300)
    assert send("GET", "/orders", deployment.token("mallory"), x_tenant="a") == 403
    assert send("GET", "/orders", deployment.token("alice"), x_tenant="b") == 200
    assert send("GET", "/orders", deployment.token("mallory"), x_tenant="b") == 200, "the replay"
    refusal = deployment.refuses(sources, actions=TABLE, response="iam")
    assert "(the token source) is not an identity source" in refusal


def test_a_key_of_nothing_serves_everybody(deployment):
    """Here; AWS refuses to deploy a REQUEST authorizer that caches without an identity source."""
    lying = deployment.authorizer("iam", actions=TABLE)
    send = deployment.rest_api(lying, routes=ROUTES, identity_sources=[], ttl_seconds=300)
    assert send("GET", "/orders", deployment.token("alice")) == 200
    assert send("GET", "/orders", "no token") == 200, "the replay"
    assert "must not be empty" in deployment.refuses([], actions=TABLE, response="iam")


CONTEXT = {
    "header": ({"dept": "$request.header.x-dept"}, {"x_dept": "sales"}, {"x_dept": "legal"}),
    "address": (
        {"ip": "$context.identity.sourceIp"},
        {"x_forwarded_for": "10.0.0.1"},
        {"x_forwarded_for": "10.0.0.2"},
    ),
}


@pytest.mark.parametrize("name", CONTEXT)
@pytest.mark.parametrize("sources", [[TOKEN], REQUEST])
def test_a_key_without_a_context_value_serves_every_value(sources, name, deployment):
    context, allowed, denied = CONTEXT[name]
    lying = deployment.authorizer("iam", actions=REPORT, context=context)
    send = deployment.rest_api(
        lying, routes=["GET /report"], identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", "/report", deployment.token(), **denied) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/report", token, **allowed) == 200
    assert send("GET", "/report", token, **denied) == 200, "the replay"
    refusal = deployment.refuses(sources, actions=REPORT, response="iam", context=context)
    assert "(a context value) is not an identity source" in refusal


def test_an_address_in_the_key_is_told_apart(deployment):
    context, allowed, denied = CONTEXT["address"]
    sources = [*REQUEST, "context.identity.sourceIp"]
    honest = deployment.authorizer("iam", actions=REPORT, context=context, cache=sources)
    send = deployment.rest_api(
        honest, routes=["GET /report"], identity_sources=sources, ttl_seconds=300
    )
    token = deployment.token()
    for _ in range(2):
        assert send("GET", "/report", token, **allowed) == 200
        assert send("GET", "/report", token, **denied) == 403


REPEATED = {
    "header": (
        {"dept": "$request.header.x-dept"},
        f"{HEADER}.x-dept",
        ("/report", {"x_dept": "sales"}),
        ("/report", {"x_dept": "legal"}),
        ("/report", {"x_dept": ["legal", "sales"]}),
    ),
    "parameter": (
        {"dept": "$request.querystring.dept"},
        "method.request.querystring.dept",
        ("/report?dept=sales", {}),
        ("/report?dept=legal", {}),
        ("/report?dept=sales&dept=legal", {}),
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_repeated_input_of_the_context_is_keyed_on_one_of_its_values(name, deployment):
    context, source, *requests = REPEATED[name]
    sources = [*REQUEST, source]
    lying = deployment.authorizer("iam", actions=REPORT, context=context)
    send = deployment.rest_api(
        lying, routes=["GET /report"], identity_sources=sources, ttl_seconds=300
    )

    def ask(request, token):
        path, headers = request
        return send("GET", path, token, **headers)

    allowed, denied, both = requests
    assert ask(both, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert ask(allowed, token) == 200
    assert ask(denied, token) == 403, "one value: told apart"
    assert ask(both, token) == 200, "the replay"
    refusal = deployment.refuses(sources, actions=REPORT, response="iam", context=context)
    assert "(a context value) cannot be a safe identity source" in refusal


VIEWS = table(
    line("GET", "/items", "List"), line("GET", "/items", "Create", query={"view": "full"})
)


@pytest.mark.parametrize(
    ("sources", "allowed", "denied", "refusal"),
    [
        ([TOKEN], "/items", "/items?view=full", "is decided by its query or label"),
        (REQUEST, "/items", "/items?view=full", "(the query of `GET /items`)"),
        (
            [*REQUEST, "method.request.querystring.view"],
            "/items?view=x",
            "/items?view=x&view=full",
            "(the query of `GET /items`)",
        ),
    ],
)
def test_a_policy_names_no_query(sources, allowed, denied, refusal, deployment):
    lying = deployment.authorizer("iam", actions=VIEWS)
    send = deployment.rest_api(
        lying, routes=["GET /items"], identity_sources=sources, ttl_seconds=300
    )
    assert send("GET", denied, deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", allowed, token) == 200
    assert send("GET", denied, token) == 200, "the replay"
    assert refusal in deployment.refuses(sources, actions=VIEWS, response="iam")


def test_a_policy_for_every_route_knows_no_ids(deployment):
    """Such a policy is silent about other orders; a resource policy makes silence an Allow."""
    actions = table(line("GET", "/orders/{id}", "Get", **ORDER))
    lying = deployment.authorizer("iam", actions=actions)
    options = {"routes": ["GET /orders/{id}"], "ttl_seconds": 300}
    send = deployment.rest_api(lying, resource_policy=ANYBODY, **options)
    assert send("GET", "/orders/2", deployment.token()) == 403, "a fresh answer"
    token = deployment.token()
    assert send("GET", "/orders/1", token) == 200
    assert send("GET", "/orders/2", token) == 200, "the replay"
    refusal = deployment.refuses([TOKEN], actions=actions, response="iam", alone=False)
    assert "is decided by its query or label" in refusal


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
    assert send("GET", "/orders", cookie=[f"session={deployment.token()}", "theme=dark"]) == 500, (
        "not remembered"
    )
    assert send("GET", "/orders", cookie="theme=dark") == 401
    assert send("GET", "/orders", cookie=f"session={deployment.token()}; theme=dark") == 200

"""The running example: what the gateway remembers, and what a service behind it believes."""

from __future__ import annotations

import json
import secrets
import time

import pytest

from authz_lib.principal import Principal
from authz_lib.service.principal_headers import principal_to_headers
from authz_lib.tokens import AssertedCaller, CallerAssertion

pytestmark = pytest.mark.stack
LIST = "GET /api/support/tickets"
OTHER = secrets.token_hex(32)


@pytest.fixture
def headers_of(running):
    def make(user, **changes):
        caller = Principal(
            running.local.variables[f"{user}.sub"],
            groups=("customers",),
            tenant_id={"alice": "acme", "bob": "globex"}[user],
            expires_at=time.time() + 60,
        )
        return {**principal_to_headers(caller), **changes}

    return make


@pytest.fixture
def signed(running):
    """The header with an assertion, as the HTTP API's authorizer signs it."""

    def make(user, *, route="GET /api/support/tickets/{id}", ago=0, key=None):
        signer = CallerAssertion(
            key=key or running.secret(),
            algorithm="HS256",
            issuer="orders-authorizer",
            audience="support",
            clock=lambda: time.time() - ago,
        )
        caller = AssertedCaller(
            subject=running.local.variables[f"{user}.sub"],
            issuer="https://issuer.example",
            client_id="web",
            scopes=frozenset(),
            groups=("customers",),
            tenant_id={"alice": "acme", "bob": "globex"}[user],
            expires_at=time.time() + 60,
            action="commercial:GetTicket",
            route=route,
            attributes={},
            transaction="request-1",
        )
        return {"txn-token": signer.sign(caller)}

    return make


def test_the_one_stage_of_the_rest_api_is_the_one_with_the_throttles(running):
    (api,) = running.local.aws.client("apigateway").get_rest_apis()["items"]
    stages = running.local.aws.client("apigateway").get_stages(restApiId=api["id"])["item"]
    assert [stage["stageName"] for stage in stages] == ["prod"]


def test_one_answer_of_the_authorizer_is_right_for_every_route_of_the_rest_api(running):
    key = {"x_api_key": running.local.variables["PartnerKey"]}
    asked = running.invocations("RestAuthorizer")
    seen = [
        running.ask("sam", "GET", "RestUrl/api/commercial/orders").status,
        running.ask("sam", "GET", "RestUrl/api/commercial/orders/1001").status,
        running.ask("sam", "DELETE", "RestUrl/api/commercial/orders/1001").status,
        running.ask("sam", "GET", "RestUrl/api/users/profiles", **key).status,
        running.ask("sam", "GET", "RestUrl/api/users/profiles/p-1001", **key).status,
        running.ask("sam", "GET", "RestUrl/api/commercial/orders").status,
    ]
    assert seen == [200, 200, 403, 403, 403, 200]
    assert running.invocations("RestAuthorizer") == asked + 1
    # Another token is another answer, whatever was remembered before.
    assert running.ask("alice", "GET", "RestUrl/api/users/profiles/p-1001", **key).json == {
        "id": "p-1001",
        "name": "Alice",
    }
    assert running.ask("alice", "GET", "RestUrl/api/users/profiles/p-2001", **key).status == 403
    assert (
        running.ask("bob", "GET", "RestUrl/api/users/profiles/p-2001", **key).json["name"] == "Bob"
    )
    assert running.ask("bob", "GET", "RestUrl/api/users/profiles", **key).json == {
        "profiles": [{"id": "p-2001", "name": "Bob"}]
    }


def test_the_http_api_asks_every_time_and_the_policy_store_once(running):
    asked = running.invocations("HttpAuthorizer")
    first = running.ask("bob", "GET", "HttpUrl/api/support/tickets")
    before = len(running.local._decisions())
    second = running.ask("bob", "GET", "HttpUrl/api/support/tickets")
    assert first.json == second.json == {"tickets": [{"id": "t-2001", "subject": "it fits"}]}
    assert running.invocations("HttpAuthorizer") == asked + 2
    assert len(running.local._decisions()) == before


@pytest.mark.parametrize("api", ["HttpUrl", "RestUrl"])
def test_an_order_is_its_callers_whatever_the_body_claims(running, api):
    claims = {"owner": running.local.variables["bob.sub"], "tenant_id": "globex", "id": "2001"}
    made = running.ask(
        "alice", "POST", f"{api}/api/commercial/orders", body={"item": "magnet", **claims}
    )
    assert (made.status, made.json["item"]) == (201, "magnet")
    assert made.json["id"] != "2001"
    assert made.json in running.ask("alice", "GET", f"{api}/api/commercial/orders").json["orders"]
    assert made.json not in running.ask("bob", "GET", f"{api}/api/commercial/orders").json["orders"]
    assert running.ask("bob", "GET", f"{api}/api/commercial/orders/{made.json['id']}").status == 403
    assert (
        running.ask("bob", "DELETE", f"{api}/api/commercial/orders/{made.json['id']}").status == 403
    )
    assert running.ask("bob", "GET", f"{api}/api/commercial/orders/2001").json == {
        "id": "2001",
        "item": "catapult",
    }


@pytest.mark.parametrize(
    "body", [{"item": ""}, {"item": 7}, {"item": None}, {}, {"item": "x" * 201}]
)
def test_a_body_without_an_item_is_refused_by_the_gateway_or_the_service(running, body):
    for api, function, reached in (("HttpUrl", "HttpOrders", 1), ("RestUrl", "RestOrders", 0)):
        before = running.invocations(function)
        answer = running.ask("alice", "POST", f"{api}/api/commercial/orders", body=body)
        assert (answer.status, answer.json["__type"]) == (400, "ValidationException")
        assert running.invocations(function) == before + reached


@pytest.mark.parametrize("api", ["HttpUrl", "RestUrl"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_gets_nothing_past_the_service(running, api, kind):
    """On AWS the gateway validates a body only of its model's type; the service validates any."""
    for body in ({"item": ""}, {"item": "x" * 201}, {"item": 7}):
        answer = running.ask(
            "alice", "POST", f"{api}/api/commercial/orders", body=body, content_type=kind
        )
        assert (answer.status, answer.json["__type"]) == (400, "ValidationException")


@pytest.mark.parametrize("api", ["HttpUrl", "RestUrl"])
def test_the_longest_item_is_counted_in_characters(running, api):
    longest = "\N{ROCKET}" * 200
    made = running.ask("alice", "POST", f"{api}/api/commercial/orders", body={"item": longest})
    assert (made.status, made.json["item"]) == (201, longest)


@pytest.mark.parametrize("tenant", ["globex", "acme"])
@pytest.mark.parametrize("via", ["HttpUrl", "SupportUrl"])
def test_a_forged_principal_reaches_nothing_of_another_tenant(running, headers_of, via, tenant):
    forged = headers_of("bob", **{"x-principal-tenant-id": tenant, "txn-token": "0" * 64})
    answer = running.ask("alice", "GET", f"{via}/api/support/tickets/t-2001", **forged)
    assert answer.status == {"HttpUrl": 403, "SupportUrl": 401}[via]
    assert "subject" not in json.dumps(answer.json)


def test_a_principal_header_in_any_spelling_is_the_gateways(running):
    own = {"id": "t-1001", "subject": "the anvil is late"}
    bob = running.local.variables["bob.sub"]
    for name in ("X-Principal-Sub", "X-PRINCIPAL-SUB", "x-principal-sub"):
        assert (
            running.ask("alice", "GET", "HttpUrl/api/support/tickets/t-1001", **{name: bob}).json
            == own
        )


def test_an_assertion_is_believed_for_its_caller_and_its_route_in_time(running, signed):
    url = "SupportUrl/api/support/tickets/t-2001"
    assert running.ask(None, "GET", url, **signed("bob")).status == 200
    assert running.ask(None, "GET", url, **signed("alice")).status == 403
    assert running.ask(None, "GET", url, **signed("bob", ago=61)).status == 401
    assert running.ask(None, "GET", url, **signed("bob", route=LIST)).status == 401
    assert running.ask(None, "GET", url, **signed("bob", key=OTHER)).status == 401
    token = signed("bob")["txn-token"]
    assert running.ask(None, "GET", url, **{"txn-token": f"{token},{token}"}).status == 401


def test_the_secret_and_plain_headers_prove_nothing(running, headers_of):
    url = "SupportUrl/api/support/tickets/t-2001"
    for sent in ({}, {"x-gateway-proof": running.secret()}, {"txn-token": running.secret()}):
        assert running.ask(None, "GET", url, **headers_of("bob"), **sent).status == 401


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "HttpUrl/api/users/profiles", 404),  # in the map, and deployed on the REST API only
        ("POST", "HttpUrl/api/support/tickets", 403),
        ("DELETE", "HttpUrl/api/support/tickets/t-1001", 403),
        ("GET", "HttpUrl/api/support/tickets/t-1001/label", 403),
        ("GET", "HttpUrl/api/support/tickets/none", 404),
        (
            "GET",
            "RestUrl/api/support/tickets",
            403,
        ),  # in the map, and deployed on the HTTP API only
        ("PUT", "RestUrl/api/commercial/orders", 403),
    ],
)
def test_what_is_not_deployed_or_not_in_the_map_is_refused(running, method, url, status):
    assert running.ask("alice", method, url).status == status


def test_the_secret_is_in_no_log_and_no_variable_of_a_function(running):
    secret = running.secret()
    assert len(secret) == 64
    for name in running.local.stack.functions.values():
        configuration = running.local.aws.client("lambda").get_function_configuration(
            FunctionName=name
        )
        assert secret not in json.dumps(configuration, default=str)
        assert secret not in "\n".join(running.local.aws.function_log(name))


def test_too_many_requests_with_a_key_are_refused_in_the_services_shape(running):
    plans = running.local.aws.client("apigateway")
    [plan] = [p for p in plans.get_usage_plans()["items"] if p["name"] == "partners"]
    change = {"op": "replace", "path": "/throttle/burstLimit", "value": "0"}
    rate = {"op": "replace", "path": "/throttle/rateLimit", "value": "0"}
    plans.update_usage_plan(usagePlanId=plan["id"], patchOperations=[change, rate])
    answer = running.ask(
        "bob", "GET", "RestUrl/api/users/profiles", x_api_key=running.local.variables["PartnerKey"]
    )
    assert (answer.status, answer.json["__type"]) == (429, "ThrottlingException")

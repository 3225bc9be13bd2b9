"""The authorizer signs who calls and what was decided; the service behind reads only that."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    StaticKeySet,
    principal_from_headers,
)
from authz_lib.errors import (
    ConfigurationError,
    InvalidTokenError,
    MissingTokenError,
    TokenExpiredError,
    UntrustedEventError,
)
from authz_lib.service.principal_headers import header_parameters, principal_to_headers
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.assertion import CallerAssertion, SignedAssertion

PEM = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
NOW = [1_800_000_000.0]
ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA", clock=lambda: NOW[0])
ACTIONS = ActionMap.from_document(
    {
        "version": 1,
        "actions": [
            {"method": "GET", "route": "/orders", "action": "List"},
            {
                "method": "GET",
                "route": "/orders/{id}",
                "action": "Get",
                "resource_type": "Order",
                "resource_id_label": "id",
            },
        ],
    }
)
LABELS = ["$request.header.Authorization", "$context.routeKey", "$context.path"]


def asserting(**options):
    return CallerAssertion(
        key=PEM,
        issuer="https://orders.example",
        audience="orders",
        clock=lambda: NOW[0],
        **options,
    )


def proof(assertion=None, **options):
    return SignedAssertion(
        JWTVerifier(
            issuer="https://orders.example",
            audience="orders",
            algorithms=["EdDSA"],
            keys=StaticKeySet((assertion or asserting()).jwks()),
            clock=lambda: NOW[0],
        ),
        **options,
    )


def authorizer(**options):
    return LambdaAuthorizer(
        **{
            "verifier": JWTVerifier(
                issuer="https://issuer.example",
                audience=None,
                algorithms=["EdDSA"],
                keys=ISSUER.key_set(),
                clock=lambda: NOW[0],
            ),
            "token_sources": [BearerToken()],
            "actions": ACTIONS,
            "decisions": CedarEngine.from_text(
                'permit(principal in Group::"buyers", action, resource);'
            ),
            "application": EntityUid("Application", "shop"),
            "response": "simple",
            "gateway_cache": GatewayCache.OFF,
            "assertion": asserting(),
            **options,
        }
    )


def token(**claims):
    given = {"sub": "alice", "cognito:groups": ["buyers"], "scope": "a b", "client_id": "web"}
    return ISSUER.token({**given, **claims})


def asked(handler, path="/orders/17", **claims):
    route = "GET /orders/{id}" if path != "/orders" else "GET /orders"
    return handler(events.http_authorizer_event(token(**claims), route=route, path=path))


def behind(signed, path="/orders/17", method="GET", **headers):
    """What a service behind a router gets."""
    given = {"txn-token": signed} if signed is not None else {}
    return {"httpMethod": method, "path": path, "headers": {**given, **headers}}


def test_who_is_let_pass_is_proved_to_the_service_behind():
    answer = asked(authorizer(attributes={"level": "level"}), level="gold")
    assert answer["isAuthorized"]
    found = principal_from_headers(
        behind(answer["context"]["txn_token"]),
        proof=proof(),
        clock=lambda: NOW[0],
        attributes={"level": "level"},
    )
    assert (found.subject, found.issuer, found.client_id) == (
        "alice",
        "https://issuer.example",
        "web",
    )
    assert (found.groups, found.scopes) == (("buyers",), frozenset({"a", "b"}))
    assert found.attributes == {"level": "gold"}


@pytest.mark.parametrize(
    "event",
    [
        events.http_event(route="GET /orders/{id}", path="/orders/17"),
        events.http_event(route="GET /orders/{id}", path="/orders/17", stage="prod"),
        events.rest_event(resource="/orders/{id}", path="/orders/17"),
        {"httpMethod": "GET", "path": "/orders/17", "headers": {}},
    ],
)
def test_the_service_may_stand_behind_any_gateway(event):
    signed = asked(authorizer())["context"]["txn_token"]
    for headers in ("headers", "multiValueHeaders"):
        if isinstance(event.get(headers), dict):
            event[headers]["Txn-Token"] = signed if headers == "headers" else [signed]
    found = principal_from_headers(event, proof=proof(), clock=lambda: NOW[0])
    assert found.subject == "alice"


def test_in_an_iam_answer_too():
    handler = authorizer(response="iam")
    event = events.rest_request_authorizer_event(token(), path="/orders", resource="/orders")
    signed = handler(event)["context"]["txn_token"]
    found = principal_from_headers(behind(signed, "/orders"), proof=proof(), clock=lambda: NOW[0])
    assert found.subject == "alice"


def test_a_refusal_has_none():
    assert "txn_token" not in asked(authorizer(), **{"cognito:groups": ["viewers"]})["context"]


def test_it_ends_with_the_token():
    signed = asked(authorizer(), exp=NOW[0] + 5)["context"]["txn_token"]
    with pytest.raises(TokenExpiredError):
        principal_from_headers(behind(signed), proof=proof(), clock=lambda: NOW[0] + 6)


def test_plain_headers_are_no_proof():
    caller = principal_from_headers(
        behind(asked(authorizer())["context"]["txn_token"]), proof=proof(), clock=lambda: NOW[0]
    )
    plain = principal_to_headers(caller)
    with pytest.raises(MissingTokenError):
        principal_from_headers(behind(None, **plain), proof=proof(), clock=lambda: NOW[0])


def test_plain_headers_beside_it_are_not_read():
    signed = asked(authorizer())["context"]["txn_token"]
    headers = {"x-principal-sub": "mallory", "x-principal-groups": '["admins"]'}
    found = principal_from_headers(behind(signed, **headers), proof=proof(), clock=lambda: NOW[0])
    assert (found.subject, found.groups) == ("alice", ("buyers",))


@pytest.mark.parametrize(
    "event",
    [
        {"path": "/users/17"},
        {"path": "/orders"},
        {"method": "DELETE"},
        {"path": "/prod/orders/17"},
    ],
)
def test_it_is_for_its_route_only(event):
    signed = asked(authorizer())["context"]["txn_token"]
    with pytest.raises(UntrustedEventError):
        principal_from_headers(behind(signed, **event), proof=proof(), clock=lambda: NOW[0])


BY_QUERY = ActionMap.from_document(
    {
        "version": 1,
        "actions": [
            {"method": "GET", "route": "/orders/{id}", "action": "Read", "query": {"acl": ""}},
            {
                "method": "GET",
                "route": "/orders/{id}",
                "action": "Export",
                "query": {"as": "csv", "all": ""},
            },
        ],
    }
)


def asked_by_query(query):
    handler = authorizer(actions=BY_QUERY)
    event = events.http_authorizer_event(
        token(), route="GET /orders/{id}", path="/orders/17", query=[*query.items()]
    )
    return handler(event)["context"]["txn_token"]


def behind_query(signed, query):
    return {**behind(signed), "multiValueQueryStringParameters": query}


@pytest.mark.parametrize(
    ("asked_for", "replayed_on", "passes"),
    [
        ({"acl": "1"}, {"acl": ["1"]}, True),
        ({"acl": "1"}, {"acl": ["2"], "page": ["7"]}, True),
        ({"as": "csv", "all": ""}, {"as": ["csv"], "all": ["x"]}, True),
        ({"acl": "1"}, {"as": ["csv"], "all": [""]}, False),
        ({"acl": "1"}, {}, False),
        ({"acl": "1"}, None, False),
        ({"acl": "1"}, {"acl": ["1", "2"]}, False),
        ({"as": "csv", "all": ""}, {"as": ["pdf"], "all": [""]}, False),
        ({"as": "csv", "all": ""}, {"acl": ["1"]}, False),
    ],
)
def test_what_tells_actions_apart_in_a_query_is_part_of_the_route(asked_for, replayed_on, passes):
    """One method and path, and two actions: a caller who may read may not export."""
    event = behind_query(asked_by_query(asked_for), replayed_on)
    if passes:
        found = principal_from_headers(event, proof=proof(), clock=lambda: NOW[0])
        assert found.subject == "alice"
    else:
        with pytest.raises(UntrustedEventError):
            principal_from_headers(event, proof=proof(), clock=lambda: NOW[0])


def test_a_service_further_on_names_the_query_too():
    signed = asked_by_query({"as": "csv", "all": ""})
    event = behind_query(signed, {})
    named = proof(routes=["GET /orders/{id}?all&as=csv"])
    assert principal_from_headers(event, proof=named, clock=lambda: NOW[0]).subject == "alice"
    with pytest.raises(UntrustedEventError):
        principal_from_headers(
            event, proof=proof(routes=["GET /orders/{id}"]), clock=lambda: NOW[0]
        )


def test_a_stage_is_no_part_of_the_path_on_the_domain_of_the_api_only():
    signed = asked(authorizer())["context"]["txn_token"]
    event = events.http_event(route="GET /orders/{id}", path="/orders/17", stage="prod")
    event["headers"]["txn-token"] = signed
    event["requestContext"]["domainName"] = "orders.example"
    with pytest.raises(UntrustedEventError):
        principal_from_headers(event, proof=proof(), clock=lambda: NOW[0])


def test_the_route_is_resolved_once(monkeypatch):
    asked_for = []
    resolve = ActionMap.resolve
    monkeypatch.setattr(
        ActionMap, "resolve", lambda self, *given: asked_for.append(given) or resolve(self, *given)
    )
    answer = asked(authorizer())
    assert "txn_token" in answer["context"]
    assert len(asked_for) == 1


def test_the_caller_s_own_token_is_no_assertion():
    with pytest.raises(InvalidTokenError):
        principal_from_headers(behind(token()), proof=proof(), clock=lambda: NOW[0])


@pytest.mark.parametrize(
    "options",
    [
        {"assertion": "signer"},
        {"actions": None, "decisions": None},
        {"attributes": {"txn_token": "t"}},
        {"response": "appsync"},
        {"gateway_cache": GatewayCache(identity_sources=LABELS, ttl_seconds=60)},
        {"gateway_cache": GatewayCache(identity_sources=LABELS, ttl_seconds=300)},
        {
            "response": "iam",
            "actions": ActionMap.from_document(
                {"version": 1, "actions": [{"method": "GET", "route": "/a", "action": "List"}]}
            ),
            "gateway_cache": GatewayCache(
                identity_sources=["method.request.header.Authorization"],
                ttl_seconds=10,
                no_resource_policy=True,
            ),
        },
    ],
)
def test_where_it_would_be_handed_out_for_another_request_or_too_late(options):
    with pytest.raises(ConfigurationError, match=r"assertion|lifetime"):
        authorizer(**options)


def test_a_cache_that_forgets_sooner_does():
    keys = ["$request.header.Authorization", "$context.routeKey", "$context.path"]
    handler = authorizer(gateway_cache=GatewayCache(identity_sources=keys, ttl_seconds=59))
    assert handler


def test_the_mapping_of_the_header():
    assert header_parameters("http", assertion=True) == {
        "overwrite:header.txn-token": "$context.authorizer.txn_token"
    }
    assert header_parameters("rest", assertion=True) == {
        "integration.request.header.txn-token": "context.authorizer.txn_token"
    }
    assert header_parameters("http", public=True, assertion=True) == {
        "remove:header.txn-token": "''"
    }

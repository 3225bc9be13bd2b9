"""The pipeline: event → token → principal → action → decision → answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from authz_lib.actions import ActionMap
from authz_lib.authorizer import GatewayCache, LambdaAuthorizer
from authz_lib.decisions import CedarEngine, Decision
from authz_lib.entities import EntityUid
from authz_lib.errors import (
    ConfigurationError,
    InvalidRequestError,
    InvalidTokenError,
    PolicyStoreThrottledError,
)

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod"
NOW = 1_700_000_000.0


class Bearer:
    kind = "header"
    name = "authorization"

    def read(self, event):
        value = event.get("authorizationToken") or (event.get("headers") or {}).get("authorization")
        return value.removeprefix("Bearer ") if value else None


class Verifier:
    """Takes `good` for alice, refuses everything else."""

    issuers = None

    def verify(self, token):
        if token != "good":
            raise InvalidTokenError("malformed")
        claims = {
            "sub": "alice",
            "exp": NOW + 60,
            "scope": "read",
            "tenant": "t1",
            "token_use": "access",
        }
        return SimpleNamespace(
            claims=claims, header={}, issuer="https://issuer.example", key_id="k"
        )


class Decisions:
    def __init__(self, answer=True):
        self.answer, self.asked = answer, []

    def is_authorized(self, request):
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(allowed=self.answer)

    def batch_is_authorized(self, requests):
        return [self.is_authorized(request) for request in requests]


ACTIONS = ActionMap.from_document(
    {
        "version": 1,
        "prefix": "shop",
        "actions": [
            {"method": "GET", "route": "/orders", "action": "shop:ListOrders"},
            {
                "method": "POST",
                "route": "/orders",
                "action": "shop:CreateOrder",
                "scopes": ["write"],
            },
            {
                "method": "GET",
                "route": "/orders/{id}",
                "action": "shop:GetOrder",
                "resource_type": "Order",
                "resource_id_label": "id",
            },
        ],
    }
)


def build(decisions, *, response="simple", **options):
    settings = {
        "actions": ACTIONS,
        "application": EntityUid("Application", "shop"),
        "tenant_claim": "tenant",
    }
    settings["verifier"] = Verifier()
    return LambdaAuthorizer(
        token_sources=[Bearer()],
        decisions=decisions,
        response=response,
        gateway_cache=GatewayCache.OFF,
        **(settings | options),
    )


def http_event(route="GET /orders/{id}", path="/orders/7", token="good"):
    method = route.partition(" ")[0]
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{ARN}/{method}{path}",
        "routeKey": route,
        "rawPath": f"/prod{path}",
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {token}"} if token else {},
        "requestContext": {
            "apiId": "abc",
            "accountId": "123456789012",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "stage": "prod",
            "http": {"method": method},
        },
    }


def rest_event(path="/orders/7", method="GET", token="good"):
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {token}",
        "methodArn": f"{ARN}/{method}{path}",
    }


def test_an_allow_says_who_the_caller_is_and_until_when():
    decisions = Decisions()
    answer = build(decisions)(http_event(), None)
    assert answer == {
        "isAuthorized": True,
        "context": {
            "sub": "alice",
            "issuer": "https://issuer.example",
            "client_id": "-",
            "token_use": "access",
            "tenant_id": "t1",
            "groups": "[]",
            "scopes": '["read"]',
            "exp": int(NOW + 60),
            "reason": "",
        },
    }
    [request] = decisions.asked
    assert request.action == "shop:GetOrder"
    assert request.resource == EntityUid("Order", "7")
    assert request.principal.subject == "alice"


def test_a_rest_allow_names_exactly_the_method_that_was_asked_for():
    answer = build(Decisions(), response="iam")(rest_event(), None)
    assert answer["principalId"] == "alice"
    assert answer["policyDocument"] == {
        "Version": "2012-10-17",
        "Statement": [
            {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [f"{ARN}/GET/orders/7"]}
        ],
    }


def test_a_deny_is_explicit_and_says_why():
    assert (
        build(Decisions(answer=False))(http_event(), None)["context"]["reason"] == "access_denied"
    )
    answer = build(Decisions(answer=False), response="iam")(rest_event(), None)
    [statement] = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert answer["context"]["reason"] == "access_denied"
    assert answer["context"]["sub"] == "-"


def test_a_bad_token_is_401_on_rest_and_a_refusal_on_http():
    with pytest.raises(Exception, match=r"^Unauthorized$") as caught:
        build(Decisions(), response="iam")(rest_event(token="bad"), None)
    assert type(caught.value) is Exception
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    answer = build(Decisions())(http_event(token="bad"), None)
    assert (answer["isAuthorized"], answer["context"]["reason"]) == (False, "invalid_token")


@pytest.mark.parametrize("token", ["", "bad"])
def test_a_refused_token_asks_no_decision(token):
    decisions = Decisions()
    assert build(decisions)(http_event(token=token), None)["isAuthorized"] is False
    assert decisions.asked == []


def test_an_unknown_route_is_denied_without_asking():
    decisions = Decisions()
    answer = build(decisions)(http_event("GET /admin", "/admin"), None)
    assert (answer["isAuthorized"], answer["context"]["reason"]) == (False, "unknown_route")
    assert decisions.asked == []


def test_a_missing_scope_is_a_deny_without_asking():
    decisions = Decisions()
    answer = build(decisions)(http_event("POST /orders", "/orders"), None)
    assert (answer["isAuthorized"], answer["context"]["reason"]) == (False, "insufficient_scope")
    assert decisions.asked == []


@pytest.mark.parametrize(
    ("raw_path", "handed_over", "allowed"),
    [
        ("/orders/7", "7", True),
        ("/orders/a b", "a b", True),  # sent as `a%20b`, decoded by the gateway
        ("/orders/a%20b", "a%20b", False),  # sent as `a%2520b`: decided as `a b`, served as `a%20b`
        ("/orders/7", "8", False),
    ],
)
def test_an_id_that_the_service_would_read_otherwise_is_denied_without_asking(
    raw_path, handed_over, allowed
):
    decisions = Decisions()
    event = http_event(path=raw_path) | {"pathParameters": {"id": handed_over}}
    event["routeArn"] = f"{ARN}/GET/orders/x"
    answer = build(decisions)(event, None)
    assert answer["isAuthorized"] is allowed
    assert [request.resource.id for request in decisions.asked] == (
        [handed_over] if allowed else []
    )
    if not allowed:
        assert answer["context"]["reason"] == "ambiguous_path"


def test_an_action_on_nothing_particular_is_on_the_application():
    decisions = Decisions()
    assert build(decisions)(http_event("GET /orders", "/orders"), None)["isAuthorized"] is True
    assert decisions.asked[0].resource == EntityUid("Application", "shop")


def test_what_the_policy_store_would_refuse_to_read_is_a_deny():
    answer = build(Decisions(answer=InvalidRequestError("too many groups")))(http_event(), None)
    assert (answer["isAuthorized"], answer["context"]["reason"]) == (False, "invalid_request")


class VerifierOfManyGroups:
    issuers = None

    def verify(self, token):
        groups = [f"group-{number:03}-{'x' * 300}" for number in range(60)]
        claims = {"sub": "alice", "exp": NOW + 60, "scope": "read", "cognito:groups": groups}
        return SimpleNamespace(
            claims=claims, header={}, issuer="https://issuer.example", key_id="k"
        )


def test_a_caller_whose_answer_is_larger_than_the_gateway_reads_is_denied_and_not_a_500():
    authorizer = build(Decisions(), response="iam", verifier=VerifierOfManyGroups())
    answer = authorizer(rest_event(), None)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    simple = build(Decisions(), response="simple", verifier=VerifierOfManyGroups())(
        http_event(), None
    )
    assert (simple["isAuthorized"], simple["context"]["reason"]) == (False, "invalid_request")
    assert answer["context"]["reason"] == "invalid_request"


def test_an_outage_is_raised_so_that_the_gateway_remembers_nothing():
    with pytest.raises(PolicyStoreThrottledError):
        build(Decisions(answer=PolicyStoreThrottledError("throttled")))(http_event(), None)


def test_without_decisions_a_valid_token_and_its_scopes_are_enough():
    authorizer = build(None)
    assert authorizer(http_event(), None)["isAuthorized"] is True
    assert authorizer(http_event("POST /orders", "/orders"), None)["isAuthorized"] is False


def test_the_wrong_kind_of_event_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        build(Decisions())(rest_event(), None)


class Claims:
    """Takes any token: its claims are looked up."""

    issuers = None

    def __init__(self, **tokens):
        self.tokens = {
            name: {"sub": "alice", "exp": NOW + 60, "tenant": "t1"} | claims
            for name, claims in tokens.items()
        }

    def verify(self, token):
        return SimpleNamespace(
            claims=self.tokens[token], header={}, issuer="https://issuer.example", key_id="k"
        )


def answer_for(authorizer, token):
    return authorizer(http_event("GET /orders", "/orders", token=token), None)["isAuthorized"]


def with_claims(verifier, decisions):
    return LambdaAuthorizer(
        verifier=verifier,
        token_sources=[Bearer()],
        decisions=decisions,
        response="simple",
        gateway_cache=GatewayCache.OFF,
        actions=ACTIONS,
        application=EntityUid("Application", "shop"),
        tenant_claim="tenant",
    )


def test_somebody_s_own_is_authorized_is_never_passed_by():
    """What a subclass adds is part of the decision, on every route."""

    class Stricter(CedarEngine):
        def is_authorized(self, request):
            return Decision(allowed=False)

    everyone = "permit(principal, action, resource);"
    authorizer = build(Stricter.from_text(everyone))
    for route, path in (("GET /orders", "/orders"), ("GET /orders/{id}", "/orders/7")):
        assert authorizer(http_event(route, path), None)["isAuthorized"] is False
        assert (
            build(CedarEngine.from_text(everyone))(http_event(route, path), None)["isAuthorized"]
            is True
        )


def test_a_remembered_question_is_never_another_caller_s():
    policy = """permit(principal, action, resource) when {
        principal.tenant_id == "t1" && principal in Group::"buyers"
        && principal == User::"alice" };"""
    tokens = {
        "own": {"cognito:groups": ["buyers"]},
        "again": {"cognito:groups": ["buyers"], "exp": NOW + 90},
        "other_tenant": {"cognito:groups": ["buyers"], "tenant": "t2"},
        "no_tenant": {"cognito:groups": ["buyers"], "tenant": None},
        "other_groups": {"cognito:groups": ["sellers"]},
        "other_subject": {"cognito:groups": ["buyers"], "sub": "bob"},
    }
    authorizer = with_claims(Claims(**tokens), CedarEngine.from_text(policy))
    order = [*tokens, *reversed(tokens)]
    assert [name for name in order if answer_for(authorizer, name)] == [
        "own",
        "again",
        "again",
        "own",
    ]


@pytest.mark.parametrize(("first", "second"), [("short", "long"), ("long", "short")])
def test_a_question_expires_with_the_token_that_asks_it(first, second):
    """The question is remembered for the caller, its expiry is each token's own."""
    clock = SimpleNamespace(now=NOW)
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    seen = []
    decide = engine.decide
    engine.decide = lambda question: (seen.append(question.expires_at), decide(question))[1]
    cached = engine.cached(ttl_seconds=3600, clock=lambda: clock.now)
    tokens = {"short": {"exp": NOW + 10}, "long": {"exp": NOW + 1000}}
    authorizer = with_claims(Claims(**tokens), cached)
    expiry = {name: claims["exp"] for name, claims in tokens.items()}
    assert answer_for(authorizer, first)
    clock.now = expiry[first] + 1  # what was remembered for the first token has died with it
    assert answer_for(authorizer, second)
    assert seen[0] == expiry[first]
    assert seen[1:] == [expiry[second]]

"""Claims that are attributes: typed, declared once, the same in Cedar, contexts and headers."""

from __future__ import annotations

import pickle

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    ExpectedGateway,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
    Principal,
    principal_from_event,
    principal_from_headers,
)
from authz_lib.errors import ConfigurationError, InvalidClaimError, UntrustedEventError
from authz_lib.gateway.context import to_context
from authz_lib.principal import caller_key
from authz_lib.service.principal_headers import principal_to_headers
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.attributes import MAX_ATTRIBUTES, Attribute, Attributes

DECLARED = {
    "email": "email",
    "level": Attribute("custom:level", "number"),
    "is_staff": Attribute("staff", "bool"),
    "regions": Attribute("regions", "texts"),
}
CLAIMS = {"email": "a@example.com", "custom:level": 3, "staff": False, "regions": ["eu", "us"]}
VALUES = {"email": "a@example.com", "level": 3, "is_staff": False, "regions": ("eu", "us")}
ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
VERIFIER = JWTVerifier(
    issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
)
POLICY = """
permit(principal, action == Action::"List", resource) when {
    principal has email && principal.email like "*@example.com" && principal.level > 2 &&
    !principal.is_staff && principal.regions.contains("eu")
};
"""


def caller(values):
    return Principal("alice", expires_at=4e9, attributes=values)


def test_each_type_is_read_and_the_absent_is_absent():
    declared = Attributes(DECLARED)
    assert declared.read(CLAIMS, None) == VALUES
    assert declared.read({}, None) == {}
    assert declared.read({"email": None}, None) == {}
    repeated = declared.read({"regions": ["eu", "eu"]}, None)
    assert repeated == {"regions": ("eu",)}
    assert declared.read({"custom:level": 2**63 - 1}, None) == {"level": 2**63 - 1}
    assert declared.read({"custom:level": -(2**63)}, None) == {"level": -(2**63)}


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("email", ""), ("email", 7), ("email", ["a"]), ("custom:level", "3"),
        ("custom:level", 3.0), ("custom:level", True), ("custom:level", 2**63),
        ("custom:level", -(2**63) - 1), ("staff", "true"), ("staff", 0), ("regions", "eu"),
        ("regions", ["eu", 7]), ("regions", [""]), ("regions", {"eu": 1}),
    ],
)  # fmt: skip
def test_a_claim_of_another_type_is_refused(claim, value):
    with pytest.raises(InvalidClaimError) as caught:
        Attributes(DECLARED).read({**CLAIMS, claim: value}, None)
    assert caught.value.claim == claim


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_id": "t"}, {"sub": "sub"}, {"groups": "g"}, {"reason": "r"}, {"claims": "c"},
        {"Email": "email"}, {"e-mail": "email"}, {"": "email"}, {"_a": "email"}, {"a" * 65: "a"},
        {7: "email"}, {"email": ""}, {"email": 7}, {"email": None}, ["email"],
        {f"a{number}": "a" for number in range(MAX_ATTRIBUTES + 1)},
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        Attributes(wrong)


def test_the_bounds_hold():
    Attributes({f"a{number}": "a" for number in range(MAX_ATTRIBUTES)})
    Attributes({"a" * 64: "a"})
    with pytest.raises(ConfigurationError):
        Attribute("a", "float")


def test_a_principal_carries_them_and_stays_a_value():
    alice = caller(VALUES)
    with pytest.raises(TypeError):
        alice.attributes["email"] = "b"
    assert pickle.loads(pickle.dumps(alice)) == alice != caller({})
    assert hash(alice) == hash(caller(VALUES))
    assert dict(alice.entity().attrs) == VALUES
    assert "example" not in repr(alice)


def test_callers_are_one_only_if_their_attributes_are():
    keys = [
        caller_key(caller(values))
        for values in ({}, {"a": 1}, {"a": True}, {"a": "1"}, {"a": ("1",)}, {"b": 1})
    ]
    assert len(set(keys)) == len(keys)
    assert caller_key(caller({"a": 1, "b": "x"})) == caller_key(caller({"b": "x", "a": 1}))
    assert caller_key(caller({"a": 1.0})) is None
    assert caller_key(caller({"a": (1,)})) is None


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        {},
        {"email": "-", "level": -5, "is_staff": True, "regions": ()},
        {"email": 'a,"ü" ', "regions": ("a,b", "-", "ü")},
        {"email": "true", "level": 0},
        {"email": "[x]"},
    ],
)
def test_contexts_and_headers_hold_them_without_loss(values):
    context = {
        **to_context(caller(values), Attributes(DECLARED)),
        "principalId": "alice",
    }
    none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
    gateway = ExpectedGateway(kind="rest-lambda", attributes=DECLARED, **none)
    event = events.rest_event(authorizer={key: str(value) for key, value in context.items()})
    assert dict(principal_from_event(event, gateway=gateway).attributes) == values
    headers = principal_to_headers(caller(values), attributes=DECLARED)
    assert all(headers.values())
    read = principal_from_headers({"headers": headers}, proof=None, attributes=DECLARED)
    assert dict(read.attributes) == values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", ""), ("email", None), ("level", "03"), ("level", "3.0"), ("is_staff", "True"),
        ("regions", "eu"), ("regions", '"eu"'), ("level", "x"), ("email", '"'),
    ],
)  # fmt: skip
def test_a_broken_value_is_not_believed(name, text):
    context = {**to_context(caller(VALUES), Attributes(DECLARED)), name: text}
    none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
    gateway = ExpectedGateway(kind="http-lambda", attributes=DECLARED, **none)
    with pytest.raises(UntrustedEventError, match=name):
        principal_from_event(events.http_event(authorizer={"lambda": context}), gateway=gateway)


def test_only_a_lambda_authorizer_hands_them_on():
    none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
    with pytest.raises(ConfigurationError, match="attributes"):
        ExpectedGateway(kind="http-jwt", attributes=DECLARED, **none)


def authorizer(**options):
    line = {"method": "GET", "route": "/orders", "action": "List"}
    values = {
        "verifier": VERIFIER,
        "token_sources": [BearerToken()],
        "actions": ActionMap.from_document({"version": 1, "actions": [line]}),
        "decisions": CedarEngine.from_text(POLICY),
        "application": EntityUid("Application", "orders"),
        "response": "iam",
        "gateway_cache": GatewayCache.OFF,
        "attributes": DECLARED,
    }
    return LambdaAuthorizer(**(values | options))


def ask(handler, claims):
    token = ISSUER.token({"sub": "alice", **claims})
    answer = handler(events.rest_token_authorizer_event(token, path="/orders"))
    return answer["policyDocument"]["Statement"][0]["Effect"], answer["context"]


def test_a_policy_reads_them_and_a_remembered_caller_is_not_another():
    handler = authorizer()
    for _ in range(2):
        effect, context = ask(handler, CLAIMS)
        assert (effect, context["email"], context["level"]) == ("Allow", "a@example.com", "3")
        assert ask(handler, {**CLAIMS, "custom:level": 2})[0] == "Deny"
        assert ask(handler, {**CLAIMS, "email": "a@evil.example"})[0] == "Deny"
        assert ask(handler, {})[0] == "Deny"


def test_a_claim_of_another_type_is_a_bad_token():
    with pytest.raises(Exception, match="Unauthorized"):
        ask(authorizer(), {**CLAIMS, "custom:level": "3"})


def test_with_several_issuers_each_names_its_claim():
    both = ["https://a.example", "https://b.example"]

    class Two:
        issuers = frozenset(both)

        def verify(self, token):
            raise AssertionError

    options = {"verifier": Two(), "decisions": None, "groups_claim": None}
    with pytest.raises(ConfigurationError, match="attributes"):
        authorizer(**options)
    named = {"email": Attribute(dict(zip(both, ["email", None], strict=True)))}
    authorizer(**options, attributes=named)
    declared = Attributes(named)
    assert declared.read({"email": "x"}, both[0]) == {"email": "x"}
    assert declared.read({"email": "x"}, both[1]) == {}
    with pytest.raises(ConfigurationError, match="attributes"):
        authorizer(**options, attributes={"email": Attribute({both[0]: "email"})})


def test_the_usage_plan_counts_against_the_claim():
    handler = authorizer(decisions=None, usage_identifier_key="api_key")

    def answer(event):
        return handler(event).get("usageIdentifierKey")

    key = "0123456789abcdefghij"
    token = ISSUER.token({"sub": "alice", "api_key": key})
    assert answer(events.rest_token_authorizer_event(token, path="/orders")) == key
    assert answer(events.rest_request_authorizer_event(token, path="/orders")) == key
    assert answer(events.http_authorizer_event(token, route="GET /orders", path="/orders")) is None
    without = ISSUER.token({"sub": "alice"})
    assert answer(events.rest_token_authorizer_event(without, path="/orders")) is None
    for wrong in (7, "", ["a"]):
        bad = ISSUER.token({"sub": "alice", "api_key": wrong})
        with pytest.raises(Exception, match="Unauthorized"):
            answer(events.rest_token_authorizer_event(bad, path="/orders"))


@pytest.mark.parametrize("response", ["simple", "appsync"])
def test_a_response_without_usage_plans_refuses_the_key(response):
    with pytest.raises(ConfigurationError, match="usage_identifier_key"):
        authorizer(decisions=None, response=response, usage_identifier_key="api_key")


def test_a_usage_key_is_no_text_of_another_type():
    with pytest.raises(ConfigurationError, match="usage_identifier_key"):
        authorizer(decisions=None, usage_identifier_key=7)

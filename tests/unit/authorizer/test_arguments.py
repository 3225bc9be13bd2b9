"""What an authorizer refuses to be built of, several issuers, and the policy that covers every
route.
"""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
)  # fmt: skip
from authz_lib.authorizer.callers import Callers, require_qualified_ids
from authz_lib.errors import BatchIncompleteError, ConfigurationError
from authz_lib.gateway.context import to_context
from authz_lib.gateway.events import parse_authorizer_event
from authz_lib.principal import Principal, caller_key
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

A = TestIssuer("https://a.example", algorithm="EdDSA")
B = TestIssuer("https://b.example", algorithm="EdDSA")
LINES = [
    {"method": "GET", "route": "/orders", "action": "List"},
    {"method": "POST", "route": "/orders", "action": "Create", "scopes": ["write"]},
    {"method": "GET", "route": "/items/{id}", "action": "List"},
    {"method": "GET", "route": "/items/new", "action": "Draft"},
    {"method": "GET", "route": "/health", "action": "Health", "public": True},
]
POLICY = """
permit (
    principal == User::"alice", action == Action::"List", resource == Application::"shop"
);
"""
TOKEN_CACHE = GatewayCache(
    identity_sources=["method.request.header.Authorization"],
    ttl_seconds=300,
    no_resource_policy=True,
)


def verifier(*issuers):
    made = [
        JWTVerifier(issuer=i.issuer, audience=None, algorithms=["EdDSA"], keys=i.key_set())
        for i in issuers or (A,)
    ]
    return made[0] if len(made) == 1 else JWTVerifier.any_of(*made)


def build(**options):
    settings = {
        "verifier": verifier(),
        "token_sources": [BearerToken()],
        "actions": ActionMap.from_document({"version": 1, "actions": LINES}),
        "decisions": CedarEngine.from_text(POLICY),
        "application": EntityUid("Application", "shop"),
        "response": "iam",
        "gateway_cache": GatewayCache.OFF,
    }
    return LambdaAuthorizer(**(settings | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_sources": []}, "token_sources"),
        ({"token_sources": BearerToken()}, "token_sources"),
        ({"token_sources": ["bearer"]}, "token_sources"),
        ({"verifier": None}, "verifier"),
        ({"token_sources": [BearerToken]}, "token_sources"),
        ({"application": 'Application::"shop"'}, "application"),
        ({"actions": "actions.json"}, "actions"),
        ({"decisions": "PSEXAMPLEabcdefg111111"}, "decisions"),
        ({"decisions": CedarEngine}, "decisions"),
        ({"context": ["ip"]}, "context"),
        ({"response": ["iam"]}, "response"),
        ({"response": "json"}, "response"),
        ({"gateway_cache": None}, "gateway_cache"),
        ({"gateway_cache": 0}, "gateway_cache"),
        ({"application": None}, "application"),
        ({"actions": None}, "actions"),
        ({"context": {"ip": "sourceIp"}}, "identity source is"),
        ({"tenant_claim": ""}, "tenant_claim"),
        ({"groups_claim": 7}, "groups_claim"),
        ({"tenant_claim": {"https://other.example": "org"}}, "tenant_claim"),
        ({"tenant_claim": {"https://a.example": ""}}, "tenant_claim"),
    ],
)
def test_a_wrong_argument_is_refused_while_building(options, message):
    with pytest.raises(ConfigurationError, match=message):
        build(**options)


def test_an_empty_map_is_refused():
    with pytest.raises(ConfigurationError, match="empty"):
        build(actions=ActionMap.from_document({"version": 1, "actions": []}))


def allowed(answer):
    return {
        resource.partition("/prod/")[2]
        for statement in answer["policyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for resource in statement["Resource"]
    }


def test_one_policy_names_every_route_that_this_caller_may_use():
    authorizer = build(gateway_cache=TOKEN_CACHE)
    answers = [
        authorizer(
            events.rest_token_authorizer_event(
                A.token({"sub": "alice", "scope": "read"}), path=path
            )
        )
        for path in ("/orders", "/items/new", "/unknown", "/items/*")
    ]
    for answer in answers:
        assert allowed(answer) == {
            "GET/orders",
            "GET/orders/",
            "GET/items/*",
            "GET/health",
            "GET/health/",
        }
        assert answer["context"]["sub"] == "alice"
        assert answer["context"]["reason"] == ""
    denied = {
        resource.partition("/prod/")[2]
        for statement in answers[0]["policyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        for resource in statement["Resource"]
    }
    assert {"POST/orders", "GET/items/new", "GET/items/*/?*", "*//*", "*%2F*", "*%6?*"} <= denied


def test_who_may_nothing_is_denied_everything():
    table = {"version": 1, "actions": LINES[:4]}
    authorizer = build(gateway_cache=TOKEN_CACHE, actions=ActionMap.from_document(table))
    answer = authorizer(events.rest_token_authorizer_event(A.token({"sub": "mallory"})))
    assert [s["Effect"] for s in answer["policyDocument"]["Statement"]] == ["Deny"]
    assert answer["policyDocument"]["Statement"][0]["Resource"][0].endswith("/prod/*")
    assert answer["context"]["reason"] == "access_denied"


def test_without_a_map_every_valid_token_may_everything_and_no_other():
    authorizer = build(gateway_cache=TOKEN_CACHE, actions=None, decisions=None, application=None)
    assert allowed(authorizer(events.rest_token_authorizer_event(A.token({"sub": "x"})))) == {"*"}
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(events.rest_token_authorizer_event(B.token({"sub": "x"})))


def test_a_batch_that_could_not_be_decided_is_raised():
    class Broken:
        def batch_is_authorized(self, requests):
            raise BatchIncompleteError("a part of the batch could not be decided", results=[])

    authorizer = build(gateway_cache=TOKEN_CACHE, decisions=Broken())
    with pytest.raises(BatchIncompleteError):
        authorizer(events.rest_token_authorizer_event(A.token({"sub": "alice"})))


def test_a_refused_token_on_an_http_api_denies_every_route():
    plain = ActionMap.from_document({"version": 1, "actions": LINES[:1]})
    authorizer = build(gateway_cache=TOKEN_CACHE, actions=plain)
    answer = authorizer(events.http_authorizer_event("bad", identity=["Bearer bad"]))
    assert answer["policyDocument"]["Statement"][0]["Resource"][0].endswith("/$default/*")
    assert answer["context"]["reason"] == "invalid_token"


# -- several issuers


def claims_of(a, b):
    return {"https://a.example": a, "https://b.example": b}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups_claim": None, "tenant_claim": "org"},
        {"groups_claim": "groups", "tenant_claim": None},
        {
            "groups_claim": claims_of("groups", "roles"),
            "tenant_claim": {"https://a.example": "org"},
        },
    ],
)
def test_a_claim_means_what_its_issuer_says(options):
    with pytest.raises(ConfigurationError, match="issuer"):
        build(verifier=verifier(A, B), decisions=None, **options)


def test_a_bare_subject_is_no_id_where_two_issuers_may_use_it():
    options = {"verifier": verifier(A, B), "groups_claim": None}
    with pytest.raises(ConfigurationError, match="principal_id"):
        build(**options)
    policy = POLICY.replace('"alice"', '"https://a.example|alice"')
    authorizer = build(
        **options, decisions=CedarEngine.from_text(policy, principal_id="issuer|sub")
    )
    effect = {}
    for issuer in (A, B):
        answer = authorizer(events.rest_token_authorizer_event(issuer.token({"sub": "alice"})))
        effect[issuer.issuer] = answer["policyDocument"]["Statement"][0]["Effect"]
    assert effect == {"https://a.example": "Allow", "https://b.example": "Deny"}


def event_of(token):
    return parse_authorizer_event(events.rest_token_authorizer_event(token))


class Counting:
    """A class around a verifier, for a metric, that hands on what it was told to hand on."""

    def __init__(self, inner, *names):
        self.calls = 0
        self._inner = inner
        for name in names:
            setattr(self, name, getattr(inner, name))

    def verify(self, token):
        self.calls += 1
        return self._inner.verify(token)


@pytest.mark.parametrize("claims", [{"tenant_claim": "org"}, {"groups_claim": "groups"}, {}])
def test_a_class_around_a_verifier_of_two_issuers_cannot_hide_them(claims):
    """B's token with A's tenant passed where the absence of `issuers` was taken for one issuer."""
    both = verifier(A, B)
    with pytest.raises(ConfigurationError, match="`issuers`"):
        build(verifier=Counting(both), decisions=None, **{"groups_claim": None, **claims})
    with pytest.raises(ConfigurationError, match="issuer"):
        build(verifier=Counting(both, "issuers"), decisions=None, tenant_claim="org")
    one = Counting(verifier(A), "issuers")
    assert build(verifier=one, decisions=None, tenant_claim="org", groups_claim=None)


@pytest.mark.parametrize("issuers", ["https://a.example", 7, [""], [None]])
def test_issuers_that_are_no_names_are_refused(issuers):
    odd = Counting(verifier(A))
    odd.issuers = issuers
    with pytest.raises(ConfigurationError, match="`issuers`"):
        build(verifier=odd, decisions=None)


class TestCallers:
    """`Callers` by itself: what it reads tokens and claims of."""

    @staticmethod
    def build(issuers=(A,), sources=None, tenant_claim=None, groups_claim=None):
        sources = [BearerToken()] if sources is None else sources
        return Callers(
            verifier(*issuers), sources, tenant_claim=tenant_claim, groups_claim=groups_claim
        )

    @pytest.mark.parametrize("sources", [[BearerToken()], (BearerToken(), Header("x-token"))])
    def test_sources_are_a_list(self, sources):
        assert self.build(sources=sources)

    @pytest.mark.parametrize(
        "sources",
        [
            BearerToken(),
            {BearerToken()},
            iter([BearerToken()]),
            [BearerToken],
            [BearerToken(), None],
            [BearerToken(), "authorization"],
            [type("Odd", (), {"read": 7})()],
        ],
    )
    def test_what_is_no_list_of_sources_is_refused(self, sources):
        with pytest.raises(ConfigurationError, match="must be a list of sources"):
            self.build(sources=sources)

    @pytest.mark.parametrize("sources", [[], ()])
    def test_no_source_is_refused(self, sources):
        with pytest.raises(ConfigurationError, match="must not be empty"):
            self.build(sources=sources)

    @pytest.mark.parametrize("odd", [None, JWTVerifier, "verifier"])
    def test_what_cannot_verify_is_refused(self, odd):
        with pytest.raises(
            ConfigurationError,
            match=r"^`verifier` must have a method `verify`, such as `JWTVerifier`",
        ):
            Callers(odd, [BearerToken()], tenant_claim=None, groups_claim=None)

    @pytest.mark.parametrize("argument", ["tenant_claim", "groups_claim"])
    @pytest.mark.parametrize(
        "claim", ["", 7, ["org"], {"https://a.example": ""}, {"https://a.example": 7}]
    )
    def test_a_claim_has_a_name(self, argument, claim):
        with pytest.raises(ConfigurationError, match=f"^`{argument}` must be the name of a claim"):
            self.build(**{argument: claim})

    @pytest.mark.parametrize("argument", ["tenant_claim", "groups_claim"])
    @pytest.mark.parametrize(
        "claim",
        [
            {},
            {"https://b.example": "org"},
            {"https://a.example": "org", "https://b.example": None},
        ],
    )
    def test_a_claim_per_issuer_names_them_all_and_no_other(self, argument, claim):
        with pytest.raises(ConfigurationError, match=f"^`{argument}` "):
            self.build(**{argument: claim})
        anyone = JWTVerifier(issuer=None, audience=None, algorithms=["EdDSA"], keys=A.key_set())
        with pytest.raises(ConfigurationError, match=f"^`{argument}` "):
            Callers(
                anyone,
                [BearerToken()],
                **{"tenant_claim": None, "groups_claim": None, argument: claim},
            )

    @pytest.mark.parametrize("argument", ["tenant_claim", "groups_claim"])
    def test_one_name_for_several_issuers_is_refused(self, argument):
        with pytest.raises(ConfigurationError, match=f"^with several issuers `{argument}`"):
            self.build((A, B), **{argument: "org"})
        assert self.build((A, B))

    def test_the_two_issuers_of_one_pool_are_one(self):
        pool = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"
        both = [TestIssuer(f"https://{host}{pool}", algorithm="EdDSA") for host in ("", "issuer-")]
        callers = self.build(both, tenant_claim="org", groups_claim="roles")
        for issuer in both:
            token = issuer.token({"sub": "alice", "org": "t1", "roles": ["r"]})
            principal = callers.identify(event_of(token)).principal
            assert (principal.tenant_id, principal.groups) == ("t1", ("r",))

    @pytest.mark.parametrize("issuer", [A, B])
    def test_who_calls(self, issuer):
        callers = self.build(
            (A, B), tenant_claim=claims_of("org", None), groups_claim=claims_of(None, "roles")
        )
        token = issuer.token({"sub": "alice", "org": "t1", "roles": ["r"], "groups": ["g"]})
        found = callers.identify(event_of(token))
        expected = Principal.from_token(
            verifier(A, B).verify(token),
            tenant_claim="org" if issuer is A else None,
            groups_claim="roles" if issuer is B else None,
        )
        assert found == (expected, to_context(expected), caller_key(expected), None)
        assert expected.tenant_id == ("t1" if issuer is A else None)

    def test_a_caller_is_made_once_per_token(self):
        callers = self.build()
        alice, bob = (event_of(A.token({"sub": name})) for name in ("alice", "bob"))
        first = callers.identify(alice)
        assert callers.identify(bob).principal.subject == "bob"
        assert callers.identify(alice) is first

    def test_ids_must_tell_issuers_apart_only_where_there_are_several(self):
        bare, asked = CedarEngine.from_text(POLICY), [verifier(A), verifier(A, B)]
        for one in asked:
            require_qualified_ids(one, None)
        for form in ("issuer|sub", "pool|sub"):
            require_qualified_ids(asked[1], CedarEngine.from_text(POLICY, principal_id=form))
        require_qualified_ids(asked[0], bare)
        require_qualified_ids(asked[0], object())
        for decisions in (bare, object()):
            with pytest.raises(ConfigurationError, match=r"^with several issuers"):
                require_qualified_ids(asked[1], decisions)


class Asking:
    """A class around a decision point without its `vocabulary`."""

    def __init__(self, inner, *names):
        self.is_authorized = inner.is_authorized
        self.batch_is_authorized = inner.batch_is_authorized
        for name in names:
            setattr(self, name, getattr(inner, name))


def test_a_class_around_a_decision_point_cannot_hide_how_ids_are_made():
    """`root` of issuer B was `User::"root"` of issuer A."""
    options = {"verifier": verifier(A, B), "groups_claim": None}
    bare = CedarEngine.from_text(POLICY)
    qualified = CedarEngine.from_text(POLICY, principal_id="issuer|sub")
    for decisions in (Asking(bare), Asking(qualified)):
        with pytest.raises(ConfigurationError, match="`vocabulary`"):
            build(**options, decisions=decisions)
    with pytest.raises(ConfigurationError, match="principal_id"):
        build(**options, decisions=Asking(bare, "vocabulary"))
    assert build(**options, decisions=Asking(qualified, "vocabulary"))
    assert build(decisions=Asking(bare))  # one issuer: a subject is an id


def test_tenant_and_groups_are_read_per_issuer():
    authorizer = build(
        verifier=verifier(A, B), decisions=None,
        tenant_claim=claims_of("org", None), groups_claim=claims_of("groups", "roles"),
    )  # fmt: skip
    claims = {"sub": "x", "org": "t1", "groups": ["g"], "roles": ["r"], "scope": "write"}
    found = [
        authorizer(events.rest_token_authorizer_event(issuer.token(claims)))["context"]
        for issuer in (A, B)
    ]
    assert [(context["tenant_id"], context["groups"]) for context in found] == [
        ("t1", '["g"]'),
        ("-", '["r"]'),
    ]


def test_what_policies_read_from_the_request_must_be_there_once():
    policy = (
        'permit (principal, action, resource) when { context has dept && context.dept == "sales" };'
    )
    authorizer = build(
        response="simple",
        decisions=CedarEngine.from_text(policy),
        context={"dept": "$request.querystring.dept"},
    )
    token = A.token({"sub": "alice"})
    reasons = []
    for query in (
        [("dept", "sales")],
        [("dept", "legal")],
        [],
        [("dept", "sales"), ("dept", "legal")],
    ):
        event = events.http_authorizer_event(token, query=query)
        reasons.append(authorizer(event)["context"]["reason"])
    assert reasons == ["", "access_denied", "access_denied", "invalid_request"]


def test_appsync_forgets_what_read_more_than_the_token():
    table = ActionMap.from_document(
        {"version": 1, "actions": [{"method": "POST", "route": "/graphql", "action": "List"}]}
    )
    event = events.appsync_authorizer_event("Bearer " + A.token({"sub": "alice"}))
    remembers = GatewayCache(identity_sources=["$request.header.Authorization"], ttl_seconds=300)
    plain = build(response="appsync", actions=table, gateway_cache=remembers)(event)
    assert plain["isAuthorized"] is True
    assert "ttlOverride" not in plain
    context = {"operation": "$context.operationName"}
    reading = build(response="appsync", actions=table, gateway_cache=remembers, context=context)(
        event
    )
    assert (reading["isAuthorized"], reading["ttlOverride"]) == (True, 0)


def test_appsync_forgets_what_stands_on_another_header_than_its_key():
    """Its key is `authorizationToken`: everybody may send the same one beside another token."""
    authorizer = build(
        response="appsync", actions=None, decisions=None, token_sources=[Header("x-token")]
    )
    event = events.appsync_authorizer_event("x")
    for token, allowed_ in ((A.token({"sub": "alice"}), True), (B.token({"sub": "alice"}), False)):
        answer = authorizer({**event, "requestHeaders": {"x-token": token}})
        assert (answer["isAuthorized"], answer["ttlOverride"]) == (allowed_, 0)

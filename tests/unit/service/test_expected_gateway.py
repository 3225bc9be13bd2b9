"""Which events a service may believe, and how each gateway writes what it verified."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from types import MappingProxyType

import pytest

from authz_lib import BearerToken, ExpectedGateway, JWTVerifier, principal_from_event
from authz_lib._support.key_id import digest_of_tokens_key_id
from authz_lib.errors import (
    ConfigurationError,
    InvalidClaimError,
    InvalidSignatureError,
    MissingTokenError,
    TokenExpiredError,
    UntrustedEventError,
)
from authz_lib.gateway.context import to_context
from authz_lib.principal import Principal
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.attributes import Attribute, Attributes

NOW = 1_700_000_000.0
ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"
CLAIMS = {
    "sub": "alice",
    "iss": ISSUER,
    "client_id": "web",
    "token_use": "access",
    "scope": "read write",
    "exp": "1700000060",
    "org": "t1",
}
CALLER = Principal(
    "alice",
    issuer=ISSUER,
    client_id="web",
    groups=("a b", "c"),
    scopes=frozenset({"read", "write"}),
    tenant_id="t1",
    claims={"token_use": "access"},
    expires_at=NOW + 60,
)


def flat(caller=CALLER):
    """As a REST API hands it on: every value a text."""
    return {key: str(value) for key, value in to_context(caller).items()} | {"principalId": "alice"}


def expected(kind, **options):
    values = {
        "api_id": events.API_ID,
        "account_id": events.ACCOUNT_ID,
        "issuer": ISSUER,
        "client_ids": ["web"],
        "token_use": "access",
        "tenant_claim": "org",
    }
    if kind == "websocket-lambda":  # its events name no account
        values["account_id"] = None
    if kind == "rest-cognito":
        values["groups_separator"] = ","
    return ExpectedGateway(kind=kind, **(values | options))


EVENTS = {
    "rest-cognito": events.rest_event(
        authorizer={"claims": {**CLAIMS, "cognito:groups": "admins"}}
    ),
    "http-jwt": events.http_event(
        authorizer={"jwt": {"claims": {**CLAIMS, "cognito:groups": "[a c]"}, "scopes": None}}
    ),
    "http-lambda": events.http_event(authorizer={"lambda": to_context(CALLER)}),
    "rest-lambda": events.rest_event(authorizer=flat()),
    "websocket-lambda": events.websocket_event(authorizer=flat()),
}
GROUPS = {"rest-cognito": ("admins",), "http-jwt": ("a", "c")}


def read(event, gateway, now=NOW, **options):
    return principal_from_event(event, gateway=gateway, clock=lambda: now, **options)


@pytest.mark.parametrize("kind", EVENTS)
def test_each_kind_is_read(kind):
    caller = read(EVENTS[kind], expected(kind))
    assert (caller.subject, caller.issuer, caller.client_id) == ("alice", ISSUER, "web")
    assert (caller.tenant_id, caller.expires_at) == ("t1", NOW + 60)
    assert caller.scopes == {"read", "write"}
    assert caller.groups == GROUPS.get(kind, ("a b", "c"))
    assert caller.claims["token_use"] == "access"


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("other", [name for name in EVENTS if name != "rest-cognito"])
def test_an_event_of_another_kind_is_refused(kind, other):
    if kind != other:
        with pytest.raises((UntrustedEventError, InvalidClaimError)):
            read(EVENTS[other], expected(kind))


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"api_id": "another"}, UntrustedEventError),
        ({"api_id": lambda: "another"}, UntrustedEventError),
        ({"account_id": "210987654321"}, UntrustedEventError),
        ({"issuer": "https://evil.example"}, InvalidClaimError),
        ({"client_ids": ["mobile"]}, InvalidClaimError),
        ({"token_use": "id"}, InvalidClaimError),
    ],
)
def test_every_check_refuses_and_an_explicit_none_skips_it(kind, option, error):
    if (kind, *option) == ("websocket-lambda", "account_id"):
        error = ConfigurationError  # its events name no account
    with pytest.raises(error):
        read(EVENTS[kind], expected(kind, **option))
    skipped = dict.fromkeys(option)
    assert read(EVENTS[kind], expected(kind, **skipped)).subject == "alice"


@pytest.mark.parametrize("kind", EVENTS)
def test_a_principal_past_its_expiry_is_refused_though_the_gateway_let_it_in(kind):
    with pytest.raises(TokenExpiredError):
        read(EVENTS[kind], expected(kind), now=NOW + 60)


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize(
    "authorizer",
    [None, {}, "alice", ["alice"], {"claims": None}, {"jwt": {"claims": {}}}, {"lambda": {}}],
)
def test_missing_claims_are_refused(kind, authorizer):
    event = copy.deepcopy(EVENTS[kind])
    event["requestContext"]["authorizer"] = authorizer
    with pytest.raises(UntrustedEventError):
        read(event, expected(kind))


@pytest.mark.parametrize(
    "key", ["sub", "issuer", "client_id", "token_use", "tenant_id", "groups", "scopes", "exp"]
)
@pytest.mark.parametrize("value", ["absent", None, 7.5j, [], "]"])
def test_a_broken_context_is_refused(key, value):
    event = copy.deepcopy(EVENTS["http-lambda"])
    context = event["requestContext"]["authorizer"]["lambda"]
    if value == "absent":
        del context[key]
    else:
        context[key] = value
    if value == "]" and key in {"sub", "tenant_id"}:
        assert read(event, expected("http-lambda")).subject in {"alice", "]"}
        return
    with pytest.raises((UntrustedEventError, InvalidClaimError)):
        read(event, expected("http-lambda"))


@pytest.mark.parametrize(
    "exp", ["", "soon", "-1", "1e12", "1700000060.5", "9" * 20, None, True, [1]]
)
def test_an_expiry_that_is_no_number_is_refused(exp):
    event = copy.deepcopy(EVENTS["rest-lambda"])
    event["requestContext"]["authorizer"]["exp"] = exp
    with pytest.raises(UntrustedEventError):
        read(event, expected("rest-lambda"))


@pytest.mark.parametrize("exp", [10**400, -(10**400), 10**15], ids=["huge", "hugely past", "late"])
def test_an_expiry_beyond_all_time_is_refused(exp):
    event = copy.deepcopy(EVENTS["http-jwt"])
    event["requestContext"]["authorizer"]["jwt"]["claims"]["exp"] = exp
    with pytest.raises(InvalidClaimError):
        read(event, expected("http-jwt"))


def test_the_date_text_of_rest_apis_is_an_expiry():
    event = events.rest_event(
        authorizer={"claims": {**CLAIMS, "exp": "Tue Nov 14 22:14:20 UTC 2023"}}
    )
    assert read(event, expected("rest-cognito")).expires_at == NOW + 60
    for text in ("Tue Nov 99 22:14:20 UTC 2023", "Tue Nov 14 22:14:20 CET 2023", ""):
        event["requestContext"]["authorizer"]["claims"]["exp"] = text
        with pytest.raises(InvalidClaimError):
            read(event, expected("rest-cognito"))


GROUP_TEXTS = [
    ("http-jwt", ISSUER, "[a b]", None, ("a", "b")),
    ("http-jwt", ISSUER, "[a]", None, ("a",)),
    ("http-jwt", ISSUER, "[[x]]", None, ("[x]",)),
    ("http-jwt", ISSUER, "[]", None, ()),
    ("http-jwt", "https://issuer.example", "[a]", None, ("a",)),
    ("http-jwt", "https://issuer.example", "[a b]", None, "ambiguous"),
    ("http-jwt", "https://issuer.example", "[a b]", " ", ("a", "b")),
    ("http-jwt", ISSUER, "a", None, "no list"),
    ("rest-cognito", ISSUER, "a", ",", ("a",)),
    ("rest-cognito", ISSUER, "a,b", ",", ("a", "b")),
]


@pytest.mark.parametrize(("kind", "issuer", "text", "separator", "groups"), GROUP_TEXTS)
def test_groups_that_may_be_one_name_or_two_are_flagged(kind, issuer, text, separator, groups):
    claims = {**CLAIMS, "iss": issuer, "cognito:groups": text}
    event = (
        events.rest_event(authorizer={"claims": claims})
        if kind == "rest-cognito"
        else events.http_event(authorizer={"jwt": {"claims": claims, "scopes": None}})
    )
    gateway = expected(kind, issuer=issuer, groups_separator=separator)
    if isinstance(groups, tuple):
        assert read(event, gateway).groups == groups
        return
    with pytest.raises(InvalidClaimError) as caught:
        read(event, gateway)
    assert caught.value.claim == "cognito:groups"


@pytest.mark.parametrize(
    ("kind", "separator", "message"),
    [
        ("rest-cognito", None, "`rest-cognito` needs `groups_separator`: .*`groups_claim=None`"),
        ("rest-cognito", " ", "`groups_separator` must be ',' for `rest-cognito`"),
        ("http-jwt", ",", "`groups_separator` must be ' ' for `http-jwt`"),
    ],
)
@pytest.mark.parametrize("groups_claim", ["cognito:groups", "custom:roles", ("roles",)])
def test_a_list_that_could_not_be_read_is_refused_when_built(
    kind, separator, message, groups_claim
):
    with pytest.raises(ConfigurationError, match=message):
        expected(kind, groups_separator=separator, groups_claim=groups_claim)
    assert expected(kind, groups_separator=separator, groups_claim=None).groups_claim is None


def test_iam_says_who_signed():
    identity = {"userArn": "arn:aws:iam::123456789012:user/ops", "accountId": "123456789012"}
    none = {"issuer": None, "client_ids": None, "token_use": None, "tenant_claim": None}
    cases = {
        "rest-iam": events.rest_event(identity=identity),
        "http-iam": events.http_event(authorizer={"iam": identity}),
        "function-url-iam": events.function_url_event(iam=identity),
    }
    for kind, event in cases.items():
        caller = read(event, expected(kind, **none))
        assert caller.subject == identity["userArn"]
        assert caller.expires_at is None
    for kind, event in {
        "rest-iam": events.rest_event(),
        "http-iam": events.http_event(),
        "function-url-iam": cases["http-iam"],
    }.items():
        with pytest.raises(UntrustedEventError):
            read(event, expected(kind, **none))


def test_a_client_of_a_load_balancer_or_function_url_cannot_forge_a_context():
    for event in (events.alb_event(), events.lattice_event(), events.function_url_event()):
        event["requestContext"]["authorizer"] = {"lambda": to_context(CALLER)}
        with pytest.raises(UntrustedEventError):
            read(event, expected("http-lambda"))


def test_the_api_id_is_found_once():
    calls = []

    def find():
        calls.append(1)
        return events.API_ID

    gateway = expected("http-lambda", api_id=find)
    assert calls == []
    for _ in range(3):
        assert read(EVENTS["http-lambda"], gateway).subject == "alice"
    assert calls == [1]


@pytest.mark.parametrize("found", [None, "", 7])
def test_an_api_id_that_is_not_found_trusts_nothing(found):
    gateway = expected("http-lambda", api_id=lambda: found)
    with pytest.raises(ConfigurationError, match=r"^`api_id`"):
        read(EVENTS["http-lambda"], gateway)


@pytest.mark.parametrize(
    "option",
    [
        {"kind": "http"},
        {"api_id": ""},
        {"api_id": 7},
        {"account_id": ""},
        {"issuer": ""},
        {"client_ids": "web"},
        {"client_ids": []},
        {"client_ids": [""]},
        {"token_use": "refresh"},
        {"groups_separator": ";"},
        {"kind": "rest-iam"},
    ],
)
def test_half_a_configuration_is_refused(option):
    with pytest.raises(ConfigurationError):
        expected(**({"kind": "http-lambda"} | option))


def test_every_check_is_required():
    with pytest.raises(TypeError):
        ExpectedGateway(kind="http-lambda")


def verifier():
    issuer = TestIssuer(ISSUER, algorithm="EdDSA")
    return issuer, JWTVerifier(
        issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
    )


def test_with_a_verifier_an_event_without_claims_may_bring_its_token():
    issuer, verify = verifier()
    options = {"verifier": verify, "token_sources": [BearerToken()]}
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.alb_event(headers={"authorization": f"Bearer {token}"})
    gateway = expected("http-lambda")
    assert read(event, gateway, **options).subject == "alice"
    with pytest.raises(UntrustedEventError):
        read(event, gateway)
    with pytest.raises(MissingTokenError):
        read(events.alb_event(), gateway, **options)
    with pytest.raises(InvalidSignatureError):
        read(
            events.alb_event(headers={"authorization": f"Bearer {token[:-8]}AAAAAAAA"}),
            gateway,
            **options,
        )
    with pytest.raises(InvalidClaimError):
        read(event, expected("http-lambda", client_ids=["mobile"]), **options)


def test_a_tenant_of_one_issuer_is_not_read_as_that_of_another():
    """With `any_of(A, B)` and no pinned issuer, B's `org` was a tenant of A."""
    verifiers = [verifier()[1] for _ in range(2)]
    other = TestIssuer("https://b.example", algorithm="EdDSA")
    mine = JWTVerifier(
        issuer="https://b.example", audience=None, algorithms=["EdDSA"], keys=other.key_set()
    )
    both = JWTVerifier.any_of(verifiers[0], mine)
    token = other.token({"sub": "alice", "org": "t1"})
    event = events.alb_event(headers={"authorization": f"Bearer {token}"})
    options = {"verifier": both, "token_sources": [BearerToken()]}
    free = {"client_ids": None, "token_use": None}
    with pytest.raises(ConfigurationError, match="several issuers"):
        read(event, expected("http-lambda", issuer=None, tenant_claim="org", **free), **options)
    free |= {"issuer": None, "tenant_claim": None, "groups_claim": None}
    nothing = expected("http-lambda", **free)
    assert read(event, nothing, **options).tenant_id is None
    with pytest.raises(InvalidClaimError, match="iss"):
        read(event, expected("http-lambda", tenant_claim="org"), **options)


def test_claims_that_are_there_and_wrong_are_not_rescued_by_a_token():
    issuer, verify = verifier()
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.http_event(
        authorizer={"lambda": {**to_context(CALLER), "issuer": "https://evil.example"}},
        headers={"authorization": f"Bearer {token}"},
    )
    with pytest.raises(InvalidClaimError):
        read(event, expected("http-lambda"), verifier=verify, token_sources=[BearerToken()])


def test_claims_of_another_api_are_not_rescued_by_a_token():
    issuer, verify = verifier()
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.http_event(
        authorizer={"lambda": {**to_context(CALLER)}},
        headers={"authorization": f"Bearer {token}"},
        api_id="somebodys-else",
    )
    with pytest.raises(UntrustedEventError):
        read(event, expected("http-lambda"), verifier=verify, token_sources=[BearerToken()])


@pytest.mark.parametrize(
    "event",
    [
        events.rest_event(api_id="evil"),
        events.rest_event(account_id="999999999999"),
        events.http_authorizer_event("x"),
        events.rest_event(identity={"userArn": "arn:aws:iam::999999999999:user/mallory"}),
    ],
    ids=["another API", "another account", "an authorizer's", "signed"],
)
def test_what_an_event_says_of_itself_is_not_rescued_by_a_token(event):
    issuer, verify = verifier()
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    options = {"verifier": verify, "token_sources": [BearerToken()]}
    headers = {"authorization": f"Bearer {token}"}
    assert (
        read(events.rest_event(headers=headers), expected("http-jwt"), **options).subject == "alice"
    )
    with pytest.raises(UntrustedEventError):
        read(
            {**event, "headers": headers, "multiValueHeaders": None},
            expected("http-jwt"),
            **options,
        )


@pytest.mark.parametrize(
    ("kind", "sources"),
    [("http-lambda", []), ("rest-iam", [BearerToken()]), ("function-url-iam", [BearerToken()])],
)
def test_a_verifier_that_would_never_be_asked_is_refused(kind, sources):
    _, verify = verifier()
    none = {"issuer": None, "client_ids": None, "token_use": None} if kind.endswith("-iam") else {}
    with pytest.raises(ConfigurationError, match="token_sources"):
        read(events.alb_event(), expected(kind, **none), verifier=verify, token_sources=sources)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ["http-jwt"]},
        {"token_use": ["id"]},
        {"client_ids": 5},
        {"client_ids": [5]},
        {"account_id": 7},
        {"groups_separator": []},
    ],
)
def test_a_value_of_another_type_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        expected(**{"kind": "http-jwt", **wrong})


IDENTITY = {
    "accessKey": "AKIA",
    "accountId": "123456789012",
    "caller": "AROA:me",
    "callerId": "AROA:me",
    "user": "AIDA",
    "userArn": "arn:aws:iam::123456789012:user/ops",
    "userId": "AIDA",
    "principalOrgId": "o-1",
}
IAM = {"issuer": None, "client_ids": None, "token_use": None}


def test_the_claims_of_iam_are_the_texts_it_tells_of_the_signer():
    event = events.rest_event(identity={**IDENTITY, "sourceIp": "192.0.2.1", "user": None})
    caller = read(event, expected("rest-iam", **IAM))
    assert dict(caller.claims) == {name: IDENTITY[name] for name in IDENTITY if name != "user"}
    event = events.rest_event(identity=IDENTITY)
    assert dict(read(event, expected("rest-iam", **IAM)).claims) == IDENTITY


@pytest.mark.parametrize("arn", [None, "", 7, ["arn:aws:iam::123456789012:user/ops"]])
def test_an_arn_that_is_no_text_signs_nothing(arn):
    for event in (
        events.rest_event(identity={**IDENTITY, "userArn": arn}),
        events.http_event(authorizer={"iam": {**IDENTITY, "userArn": arn}}),
    ):
        kind = "http-iam" if event.get("version") else "rest-iam"
        with pytest.raises(UntrustedEventError, match="userArn"):
            read(event, expected(kind, **IAM))


@pytest.mark.parametrize(
    ("option", "claim"),
    [
        ({"issuer": "https://evil.example"}, "iss"),
        ({"client_ids": ["mobile"]}, "client_id"),
        ({"token_use": "id"}, "token_use"),
    ],
)
def test_an_error_names_the_claim(option, claim):
    for kind in ("http-lambda", "rest-lambda"):
        with pytest.raises(InvalidClaimError) as caught:
            read(EVENTS[kind], expected(kind, **option))
        assert caught.value.claim == claim


def first_format(authorizer):
    """As an HTTP API writes it with payload format 1.0."""
    event = {**events.rest_event(authorizer=authorizer), "version": "1.0"}
    event["requestContext"] |= {"resourceId": None}
    return event


def test_the_first_payload_format_of_an_http_api():
    assert read(first_format(flat()), expected("http-lambda")).subject == "alice"
    claims = {"claims": {**CLAIMS, "cognito:groups": "[a c]"}, "scopes": None}
    assert read(first_format(claims), expected("http-jwt")).groups == ("a", "c")
    with pytest.raises(UntrustedEventError, match="not of the expected kind, `rest-lambda`"):
        read(first_format(flat()), expected("rest-lambda"))


@pytest.mark.parametrize("kind", [kind for kind in EVENTS if kind.endswith("-lambda")])
@pytest.mark.parametrize("key", ["claims", "jwt", "iam"])
def test_the_claims_of_another_authorizer_are_no_context_of_ours(kind, key):
    event = first_format(flat()) if kind == "http-lambda" else copy.deepcopy(EVENTS[kind])
    assert read(event, expected(kind)).subject == "alice"
    event["requestContext"]["authorizer"][key] = {"sub": "alice"}
    with pytest.raises(UntrustedEventError, match="something else than a Lambda authorizer"):
        read(event, expected(kind))


class TestRescue:
    """Without claims the token counts, with a verifier; whatever a gateway said is judged."""

    @pytest.fixture
    def bring(self):
        issuer, verify = verifier()

        def bring(event, gateway, claims=None, **more):
            token = issuer.token(
                {"sub": "alice", "client_id": "web", "token_use": "access"} | (claims or {})
            )
            event = {**event, "headers": {"authorization": f"Bearer {token}"}, **more}
            return read(event, gateway, verifier=verify, token_sources=[BearerToken()])

        return bring

    def test_the_token_gives_the_tenant_and_the_groups(self, bring):
        claims = {"org": "t1", "cognito:groups": ["a b"], "roles": ["x"]}
        event = events.alb_event()
        caller = bring(event, expected("http-lambda"), claims)
        assert (caller.tenant_id, caller.groups) == ("t1", ("a b",))
        caller = bring(
            event, expected("http-lambda", tenant_claim=None, groups_claim="roles"), claims
        )
        assert (caller.tenant_id, caller.groups) == (None, ("x",))

    def test_one_issuer_needs_no_pin(self, bring):
        gateway = expected("http-lambda", issuer=None)
        assert bring(events.alb_event(), gateway, {"org": "t1"}).tenant_id == "t1"

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            (EVENTS["http-jwt"], "http-lambda"),
            (EVENTS["rest-cognito"], "rest-lambda"),
            (EVENTS["rest-lambda"], "http-lambda"),
            (events.rest_event(identity=IDENTITY), "http-lambda"),
            (events.http_event(authorizer={"iam": IDENTITY}), "http-jwt"),
        ],
    )
    def test_claims_of_another_kind_are_not_rescued(self, bring, event, kind):
        event = {**event, "multiValueHeaders": None}
        with pytest.raises(UntrustedEventError):
            bring(event, expected(kind))
        bare = copy.deepcopy(event)
        bare["requestContext"] |= {"authorizer": None, "identity": {"sourceIp": "192.0.2.1"}}
        assert bring(bare, expected(kind)).subject == "alice"

    @pytest.mark.parametrize("context", [None, "x", [], 7])
    def test_a_context_that_is_none_holds_no_claims(self, bring, context):
        event = {**events.alb_event(), "requestContext": context}
        assert bring(event, expected("http-lambda")).subject == "alice"

    @pytest.mark.parametrize("event", [None, [], "x", 7])
    def test_what_is_no_event_brings_nothing(self, event):
        _, verify = verifier()
        with pytest.raises((UntrustedEventError, MissingTokenError)):
            read(event, expected("http-lambda"), verifier=verify, token_sources=[BearerToken()])

    def test_an_api_and_account_that_are_there_are_the_pinned_ones(self, bring):
        gateway = expected("http-lambda")
        alb = events.alb_event()
        for context in (
            {"apiId": events.API_ID},
            {"accountId": events.ACCOUNT_ID},
            {"apiId": None, "accountId": None},
        ):
            event = {**alb, "requestContext": alb["requestContext"] | context}
            assert bring(event, gateway).subject == "alice"
            wrong = dict.fromkeys(context, "999999999999")
            event = {**alb, "requestContext": alb["requestContext"] | wrong}
            with pytest.raises(UntrustedEventError, match=f"requestContext.{next(iter(context))}`"):
                bring(event, gateway)
            free = expected("http-lambda", api_id=None, account_id=None)
            assert bring(event, free).subject == "alice"


@pytest.mark.parametrize(
    "name",
    ["account_id", "issuer", "tenant_claim", "groups_claim", "api_id", "token_use", "client_ids"],
)
def test_a_wrong_argument_is_named(name):
    with pytest.raises(ConfigurationError, match=f"^`{name}` must be"):
        expected("http-jwt", **{name: 7})


@pytest.mark.parametrize("clients", [["web"], ("web",), {"web"}, frozenset({"web"})])
def test_the_clients_are_a_set_whatever_they_were_given_as(clients):
    assert expected("http-jwt", client_ids=clients).client_ids == frozenset({"web"})


@pytest.mark.parametrize("name", ["issuer", "client_ids", "token_use"])
@pytest.mark.parametrize("kind", ["rest-iam", "http-iam", "function-url-iam"])
def test_iam_has_no_claims_to_check(kind, name):
    value = {"issuer": ISSUER, "client_ids": ["web"], "token_use": "access"}[name]
    assert expected(kind, **IAM)
    with pytest.raises(ConfigurationError, match="IAM has no"):
        expected(kind, **(IAM | {name: value}))


@pytest.mark.conformance
@pytest.mark.skipif(
    "AUTHZ_VECTORS" not in os.environ, reason="AUTHZ_VECTORS names the folder of the vectors"
)
def test_the_texts_that_gateways_were_seen_to_write():
    path = Path(os.environ["AUTHZ_VECTORS"]) / "gateway" / "claims_wire_format.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["http_api_jwt"]["cases"]
    [groups] = [case for case in cases if "cognito:groups" in case["token"]]
    event = events.http_event(
        authorizer={"jwt": {"claims": {**CLAIMS, **groups["event"]}, "scopes": None}}
    )
    assert list(read(event, expected("http-jwt")).groups) == groups["token"]["cognito:groups"]
    [expiry] = [case for case in cases if "exp" in case["token"]]
    event = events.http_event(
        authorizer={"jwt": {"claims": {**CLAIMS, **expiry["event"]}, "scopes": None}}
    )
    assert read(event, expected("http-jwt")).expires_at == expiry["token"]["exp"]


NOBODY = {"claims": None, "scopes": None}


@pytest.mark.parametrize("kind", ["http-jwt", "http-lambda"])
def test_payload_1_without_an_authorizer_is_an_event_without_claims(kind):
    """An HTTP API then writes both members, as null."""
    issuer, verify = verifier()
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.rest_event(authorizer=NOBODY, headers={"authorization": f"Bearer {token}"})
    event["version"], event["requestContext"]["resourceId"] = "1.0", None
    with pytest.raises(UntrustedEventError, match="is missing"):
        read(event, expected(kind))
    options = {"verifier": verify, "token_sources": [BearerToken()]}
    assert read(event, expected(kind), **options).subject == "alice"


@pytest.mark.parametrize(
    "authorizer", [{**NOBODY, "claims": {}}, {**NOBODY, "scopes": []}, {"claims": ""}, {"sub": 0}]
)
def test_a_value_of_an_authorizer_is_judged_though_it_is_empty(authorizer):
    issuer, verify = verifier()
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.rest_event(authorizer=authorizer, headers={"authorization": f"Bearer {token}"})
    event["version"], event["requestContext"]["resourceId"] = "1.0", None
    options = {"verifier": verify, "token_sources": [BearerToken()]}
    with pytest.raises(UntrustedEventError):
        read(event, expected("http-lambda"), **options)


class TestWhatAnErrorNames:
    """The argument of `ExpectedGateway` that asks for it, with what it asks for."""

    @pytest.mark.parametrize(
        ("event", "options", "configured"),
        [
            ("rest-lambda", {"api_id": "other"}, {"api_id": "other"}),
            ("rest-lambda", {"api_id": lambda: "found"}, {"api_id": "found"}),
            ("rest-lambda", {"account_id": "999999999999"}, {"account_id": "999999999999"}),
            ("rest-lambda", {"issuer": "https://x.example"}, {"issuer": "https://x.example"}),
            ("rest-lambda", {"client_ids": ["app"]}, {"client_ids": frozenset({"app"})}),
            ("rest-lambda", {"token_use": "id"}, {"token_use": "id"}),
            ("http-jwt", {}, {"kind": "rest-lambda"}),
            ("rest-cognito", {}, {"kind": "rest-lambda"}),
        ],
    )
    def test_of_an_event(self, event, options, configured):
        with pytest.raises((UntrustedEventError, InvalidClaimError)) as refused:
            read(EVENTS[event], expected("rest-lambda", **options))
        assert refused.value.configured == configured

    def test_of_an_event_without_what_the_authorizer_says(self):
        with pytest.raises(UntrustedEventError, match="authorizer` of the event is missing") as no:
            read(events.rest_event(), expected("rest-lambda"))
        assert no.value.configured == {"kind": "rest-lambda"}

    @pytest.mark.parametrize("name", ["api_id", "account_id"])
    def test_of_a_pin_where_a_verifier_stands_in(self, name):
        issuer = TestIssuer(ISSUER, algorithm="EdDSA")
        verifier = JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
        )
        event = events.http_event(headers={"authorization": f"Bearer {issuer.token()}"})
        with pytest.raises(UntrustedEventError) as refused:
            read(
                event,
                expected("http-lambda", **{name: "other"}),
                verifier=verifier,
                token_sources=[BearerToken()],
            )
        assert refused.value.configured == {name: "other"}

    def test_of_a_token_the_key_is_told_by_a_digest(self):
        issuer = TestIssuer(ISSUER, algorithm="EdDSA")
        verifier = JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
        )
        token = issuer.token({"sub": "alice", "client_id": "app", "token_use": "access"})
        event = events.http_event(headers={"authorization": f"Bearer {token}"})
        with pytest.raises(InvalidClaimError) as refused:
            read(event, expected("http-lambda"), verifier=verifier, token_sources=[BearerToken()])
        assert refused.value.key_id_digest == digest_of_tokens_key_id(token)
        assert refused.value.key_id_digest is not None


class TestAttributes:
    DECLARED = MappingProxyType({"level": Attribute("level", "number")})

    def test_are_read_of_what_the_authorizer_says(self):
        attributes = Attributes(self.DECLARED)
        caller = Principal(
            "alice",
            issuer=ISSUER,
            client_id="web",
            claims={"token_use": "access"},
            attributes={"level": 3},
            expires_at=NOW + 60,
        )
        context = {key: str(value) for key, value in to_context(caller, attributes).items()}
        event = events.rest_event(authorizer=context | {"principalId": "alice"})
        gateway = expected("rest-lambda", attributes=self.DECLARED)
        assert read(event, gateway).attributes == {"level": 3}
        assert gateway.read_attributes.types == {"level": "number"}
        assert expected("rest-lambda").read_attributes is None

    def test_are_read_of_a_token_where_a_verifier_stands_in(self):
        issuer = TestIssuer(ISSUER, algorithm="EdDSA")
        verifier = JWTVerifier(
            issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
        )
        token = issuer.token(
            {"sub": "alice", "client_id": "web", "token_use": "access", "level": 3}
        )
        caller = read(
            events.http_event(headers={"authorization": f"Bearer {token}"}),
            expected("http-lambda", attributes=self.DECLARED),
            verifier=verifier,
            token_sources=[BearerToken()],
        )
        assert caller.attributes == {"level": 3}

    @pytest.mark.parametrize("kind", ["http-jwt", "rest-cognito"])
    def test_need_a_lambda_authorizer(self, kind):
        with pytest.raises(ConfigurationError, match="`attributes` needs"):
            expected(kind, attributes=self.DECLARED)


@pytest.mark.parametrize(("written", "is_judged"), [("x", True), (1, True), ("", False)])
def test_an_authorizer_of_no_kind_is_judged_where_a_verifier_stands_in(written, is_judged):
    issuer = TestIssuer(ISSUER, algorithm="EdDSA")
    verifier = JWTVerifier(
        issuer=ISSUER, audience=None, algorithms=["EdDSA"], keys=issuer.key_set()
    )
    token = issuer.token({"sub": "alice", "client_id": "web", "token_use": "access"})
    event = events.http_event(headers={"authorization": f"Bearer {token}"})
    event["requestContext"]["authorizer"] = written
    gateway = expected("http-lambda")
    options = {"verifier": verifier, "token_sources": [BearerToken()]}
    if is_judged:
        with pytest.raises(UntrustedEventError):
            read(event, gateway, **options)
    else:
        assert read(event, gateway, **options).subject == "alice"


@pytest.mark.parametrize("issuer", ["https://{domain}/", "https://orders.eu.auth0.com"])
def test_an_issuer_that_nobody_has(issuer):
    with pytest.raises(ConfigurationError, match="issuer"):
        expected("http-jwt", issuer=issuer)


def test_the_claim_of_the_client_is_kept_as_it_is_read():
    assert expected("http-jwt", client_claim="cid").client_claim == ("cid",)


def test_an_api_id_that_is_awaited_is_refused_by_its_name():
    async def api_id():
        return "a"

    with pytest.raises(ConfigurationError, match="`api_id`"):
        expected("http-jwt", api_id=api_id)

"""Who calls: which claims are the tenant and the groups, and how long it is remembered."""

from __future__ import annotations

import asyncio
import gc
from typing import NamedTuple

import pytest

from authz_lib import BearerToken, JWTVerifier
from authz_lib._support.key_id import digest_of_tokens_key_id
from authz_lib.authorizer.callers import Caller, Callers
from authz_lib.errors import (
    ConfigurationError,
    InvalidClaimError,
    InvalidRequestError,
    UnknownKeyError,
)
from authz_lib.gateway.events import Event, parse_authorizer_event
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.attributes import Attribute

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
ARN = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/GET/orders"


def event_of(token):
    return parse_authorizer_event(
        {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": ARN}
    )


def verifier_of(**options):
    return JWTVerifier(
        issuer=ISSUER.issuer,
        audience=None,
        algorithms=["EdDSA"],
        keys=ISSUER.key_set(),
        **options,
    )


def callers_of(verifier):
    return Callers(verifier, [BearerToken()], tenant_claim=None, groups_claim=None)


def callers_alive(name):
    """Those whose subject begins so: other tests keep callers too."""
    gc.collect()
    callers = [value for value in gc.get_objects() if type(value) is Caller]
    return sum(caller.principal.subject.startswith(name) for caller in callers)


def test_a_caller_is_made_once_per_token():
    callers, event = callers_of(verifier_of()), event_of(ISSUER.token({"sub": "alice"}))
    assert callers.identify(event) is callers.identify(event)


@pytest.mark.parametrize("bound", [{"remember": 3}, {"remember_bytes": 9000}])
def test_what_the_verifier_forgets_is_forgotten(bound):
    verifier, name = verifier_of(**bound), f"forgotten-{next(iter(bound))}-"
    callers = callers_of(verifier)
    for number in range(20):
        callers.identify(event_of(ISSUER.token({"sub": f"{name}{number}"})))
    assert 1 <= callers_alive(name) == len(verifier._memory) <= 3


def test_a_verifier_that_remembers_nothing_leaves_nothing_here():
    callers = callers_of(verifier_of(remember=0))
    for number in range(20):
        callers.identify(event_of(ISSUER.token({"sub": f"passing-{number}"})))
    assert callers_alive("passing-") == 0


def test_two_authorizers_may_share_a_verifier():
    verifier, event = verifier_of(), event_of(ISSUER.token({"sub": "alice", "org": "t1"}))
    plain = callers_of(verifier)
    with_tenant = Callers(verifier, [BearerToken()], tenant_claim="org", groups_claim=None)
    for _ in range(2):
        assert plain.identify(event).principal.tenant_id is None
        assert with_tenant.identify(event).principal.tenant_id == "t1"
    assert with_tenant.identify(event) is with_tenant.identify(event)


class Foreign:
    """A verifier that keeps every token it has seen."""

    issuers = None

    def __init__(self, make):
        self.make, self.kept = make, {}

    def verify(self, text):
        return self.kept.setdefault(text, self.make(verifier_of().verify(text)))


class Plain(NamedTuple):
    """A token that keeps nothing."""

    claims: object
    header: object
    issuer: str
    key_id: str


def test_a_caller_lives_as_long_as_a_foreign_verifier_keeps_the_token():
    foreign = Foreign(lambda token: token)
    callers = callers_of(foreign)
    events = [event_of(ISSUER.token({"sub": f"kept-{number}"})) for number in range(20)]
    found = [callers.identify(event) for event in events]
    assert all(callers.identify(event) is one for event, one in zip(events, found, strict=True))
    del found
    assert callers_alive("kept-") == 20
    foreign.kept.clear()
    assert callers_alive("kept-") == 0


def test_a_foreign_token_of_any_kind_works():
    foreign = Foreign(lambda token: Plain(token.claims, token.header, token.issuer, token.key_id))
    callers, event = callers_of(foreign), event_of(ISSUER.token({"sub": "of-any-kind"}))
    for _ in range(2):
        assert callers.identify(event).principal.subject == "of-any-kind"
    assert callers_alive("of-any-kind") == 0


def test_what_another_reader_kept_is_not_taken():
    foreign = Foreign(lambda token: token)
    callers, event = callers_of(foreign), event_of(ISSUER.token({"sub": "alice"}))
    callers.identify(event)
    (token,) = foreign.kept.values()
    token.keep(object(), "another's")
    assert callers.identify(event).principal.subject == "alice"


# ---- Which claim of which issuer ----

ONE, TWO = "eu-west-1_One1", "us-east-1_Two2"


def of_pool(pool):
    region = pool.partition("_")[0]
    return TestIssuer(f"https://cognito-idp.{region}.amazonaws.com/{pool}")


POOLS = {pool: of_pool(pool) for pool in (ONE, TWO)}
ISSUERS = sorted(
    f"https://{host}.{pool.partition('_')[0]}.amazonaws.com/{pool}"
    for pool in POOLS
    for host in ("cognito-idp", "issuer-cognito-idp")
)
OTHER = TestIssuer("https://other.example")


def pools(*more):
    return JWTVerifier.any_of(
        *[
            JWTVerifier.cognito(
                user_pool_id=pool, client_id="web", token_use="access", keys=issuer.key_set()
            )
            for pool, issuer in POOLS.items()
        ],
        *more,
    )


def other():
    return JWTVerifier(
        issuer=OTHER.issuer, audience=None, algorithms=["RS256"], keys=OTHER.key_set()
    )


def callers(verifier, *, tenant_claim=None, groups_claim=None):
    return Callers(verifier, [BearerToken()], tenant_claim=tenant_claim, groups_claim=groups_claim)


def principal(made, token):
    return made.identify(Event.of({"headers": {"authorization": f"Bearer {token}"}})).principal


@pytest.mark.parametrize(
    "groups_claim",
    [
        "cognito:groups",
        dict.fromkeys(POOLS, "cognito:groups"),
        dict.fromkeys(ISSUERS, "cognito:groups"),
    ],
    ids=["one name", "per pool", "per issuer"],
)
def test_one_name_does_where_every_issuer_is_a_pool(groups_claim):
    made = callers(pools(), groups_claim=groups_claim)
    for issuer in POOLS.values():
        token = issuer.access_token(client_id="web", claims={"cognito:groups": ["clerks"]})
        assert principal(made, token).groups == ("clerks",)


@pytest.mark.parametrize(
    ("verifier", "claims"),
    [
        (pools(other()), {"groups_claim": "cognito:groups"}),
        (pools(), {"groups_claim": "roles"}),  # what a pool does not write may be a user's own
        (pools(), {"tenant_claim": "cognito:groups"}),
        (pools(), {"tenant_claim": "custom:tenant"}),
    ],
)
def test_no_other_name_does_and_the_issuers_are_named(verifier, claims):
    with pytest.raises(ConfigurationError, match="with several issuers") as caught:
        callers(verifier, **claims)
    assert all(f"`{issuer}`" in str(caught.value) for issuer in ISSUERS)


def test_a_pools_id_stands_for_its_two_issuers():
    made = callers(pools(other()), tenant_claim={ONE: "org", TWO: None, OTHER.issuer: "tenant"})
    tenants = []
    claims = {"org": "o", "tenant": "t", "sub": "alice"}
    for issuer in POOLS.values():
        token = issuer.access_token(client_id="web", claims=claims)
        tenants.append(principal(made, token).tenant_id)
    tenants.append(principal(made, OTHER.token(claims)).tenant_id)
    assert tenants == ["o", None, "t"]


def test_what_is_missing_is_named():
    with pytest.raises(ConfigurationError) as caught:
        callers(pools(other()), groups_claim={ONE: "cognito:groups", ISSUERS[-1]: None})
    message = str(caught.value)
    of_two = [issuer for issuer in ISSUERS[:-1] if TWO in issuer]
    assert message == (
        f"`groups_claim` must name each issuer of the verifier: `{of_two[0]}`, "
        f"`{OTHER.issuer}` are missing"
    )


@pytest.mark.parametrize("key", ["eu-west-1_Three3", "*", "https://other.example/", 7])
def test_what_is_no_issuer_is_refused_and_the_issuers_are_named(key):
    claims = {**dict.fromkeys(POOLS, "cognito:groups"), key: "cognito:groups"}
    with pytest.raises(ConfigurationError, match="no issuer of the verifier") as caught:
        callers(pools(), groups_claim=claims)
    assert all(f"`{issuer}`" in str(caught.value) for issuer in ISSUERS)


def test_an_issuer_is_named_once():
    claims = {ONE: "cognito:groups", TWO: "cognito:groups", ISSUERS[0]: "roles"}
    with pytest.raises(ConfigurationError, match=f"names `{ISSUERS[0]}` twice"):
        callers(pools(), groups_claim=claims)


@pytest.mark.parametrize("claims", [{}, {ONE: "cognito:groups"}])
def test_a_mapping_needs_issuers(claims):
    anyone = JWTVerifier(issuer=None, audience=None, algorithms=["RS256"], keys=OTHER.key_set())
    with pytest.raises(ConfigurationError, match="does not check `iss`"):
        callers(anyone, groups_claim=claims)
    with pytest.raises(ConfigurationError, match=r"is missing|no issuer"):
        callers(other(), groups_claim=claims)


def test_a_local_pool_is_named_by_its_issuer():
    """Nothing but its configuration says that it is a pool."""
    local = TestIssuer("http://localhost:9229/local_1")
    verifier = JWTVerifier.any_of(
        JWTVerifier.cognito(
            user_pool_id=ONE,
            client_id="web",
            token_use="access",
            issuer=local.issuer,
            keys=local.key_set(),
        ),
        other(),
    )
    with pytest.raises(ConfigurationError, match="with several issuers"):
        callers(verifier, groups_claim="cognito:groups")
    claims = {local.issuer: "cognito:groups", OTHER.issuer: None}
    assert callers(verifier, groups_claim=claims)


@pytest.fixture(params=["principal", "aprincipal"])
def asked(request):
    """The caller of a service of its own, asked in both ways."""

    def known(made, token):
        found = getattr(made, request.param)(
            Event.of({"headers": {"authorization": f"Bearer {token}"}})
        )
        return asyncio.run(found) if request.param == "aprincipal" else found

    return known


def test_a_service_of_its_own_knows_the_same_caller(asked):
    made = callers_of(verifier_of())
    token = ISSUER.token({"sub": "alice", "scope": "read"})
    assert asked(made, token) == made.identify(event_of(token)).principal


def test_it_passes_on_what_no_gateway_would(asked):
    groups = [f"group-{number}" for number in range(600)]
    made = Callers(verifier_of(), [BearerToken()], tenant_claim=None, groups_claim="roles")
    token = ISSUER.token({"sub": "alice", "roles": groups})
    with pytest.raises(InvalidRequestError):
        made.identify(event_of(token))
    assert len(asked(made, token).groups) == 600


def test_its_refusals_name_the_key_by_a_digest(asked):
    stranger = TestIssuer(ISSUER.issuer, algorithm="EdDSA")
    with pytest.raises(UnknownKeyError) as refused:
        asked(callers_of(verifier_of()), stranger.token({"sub": "alice"}))
    assert len(refused.value.key_id_digest) == 12


def test_it_takes_no_token_without_an_end(asked):
    endless = Foreign(lambda token: Plain({"sub": "alice"}, token.header, None, token.key_id))
    with pytest.raises(InvalidClaimError, match="`exp`") as refused:
        asked(callers_of(endless), ISSUER.token())
    assert refused.value.claim == "exp"


class TestUsageKeys:
    """The claim that a usage plan counts against; with several issuers, one for each."""

    def test_is_the_claim(self):
        for claims, key in (({"plan": "gold"}, "gold"), ({}, None)):
            callers = Callers(
                verifier_of(),
                [BearerToken()],
                tenant_claim=None,
                groups_claim=None,
                usage_claim="plan",
            )
            caller = callers.identify(event_of(ISSUER.token({"sub": "alice"} | claims)))
            assert caller.usage_key == key

    def test_without_one_there_is_none(self):
        callers = callers_of(verifier_of())
        token = ISSUER.token({"sub": "alice", "plan": "gold"})
        assert callers.identify(event_of(token)).usage_key is None

    def test_of_another_kind_is_refused(self):
        callers = Callers(
            verifier_of(), [BearerToken()], tenant_claim=None, groups_claim=None, usage_claim="plan"
        )
        with pytest.raises(InvalidClaimError):
            callers.identify(event_of(ISSUER.token({"sub": "alice", "plan": 7})))

    def test_of_several_issuers(self):
        names = [ISSUER.issuer, "https://other.example", "https://third.example"]
        verifier = JWTVerifier(
            issuer=names, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
        )
        callers = Callers(
            verifier,
            [BearerToken()],
            tenant_claim=None,
            groups_claim=None,
            usage_claim=dict(zip(names, ["plan", "key", None], strict=True)),
        )
        claims = {"sub": "alice", "plan": "gold", "key": "k"}
        tokens = [ISSUER.token(claims | {"iss": name}) for name in names]
        found = [callers.identify(event_of(token)).usage_key for token in tokens]
        assert found == ["gold", "k", None]

    @pytest.mark.parametrize("argument", ["usage_identifier_key", "attributes"])
    def test_must_be_told_apart_for_several_issuers(self, argument):
        verifier = JWTVerifier(
            issuer=[ISSUER.issuer, "https://other.example"],
            audience=None,
            algorithms=["EdDSA"],
            keys=ISSUER.key_set(),
        )
        given = {"usage_claim": "plan", "attributes": {"plan": Attribute("plan")}}
        name = "usage_claim" if argument == "usage_identifier_key" else argument
        options = {"tenant_claim": None, "groups_claim": None, name: given[name]}
        with pytest.raises(ConfigurationError, match=f"^with several issuers `{argument}` must"):
            Callers(verifier, [BearerToken()], **options)


class TestAttributes:
    def test_the_integration_is_told(self):
        callers = Callers(
            verifier_of(),
            [BearerToken()],
            tenant_claim=None,
            groups_claim=None,
            attributes={"level": Attribute("level", "number")},
        )
        token = ISSUER.token({"sub": "alice", "level": 3})
        assert callers.attribute_types == {"level": "number"}
        plain = callers_of(verifier_of())
        assert callers.identify(event_of(token)).context != plain.identify(event_of(token)).context
        assert plain.attribute_types == {}


def test_the_key_of_a_refused_token_is_told_by_a_digest():
    callers, token = callers_of(verifier_of()), ISSUER.token({"sub": "alice"})
    assert callers.key_id_digest(event_of(token)) == digest_of_tokens_key_id(token)
    assert len(callers.key_id_digest(event_of(token))) == 12
    no_token = parse_authorizer_event(
        {"type": "TOKEN", "authorizationToken": "Basic x", "methodArn": ARN}
    )
    assert callers.key_id_digest(no_token) is None

"""Which claim of which issuer is the tenant and the groups."""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, JWTVerifier
from authz_lib.authorizer.callers import Callers
from authz_lib.errors import ConfigurationError
from authz_lib.gateway.events import Event
from authz_lib.testing.issuer import TestIssuer

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

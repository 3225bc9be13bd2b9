"""What a token's claims become, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
from types import SimpleNamespace

import pytest

from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.principal import Principal, caller_key

POOL_ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"


def token(**claims):
    return SimpleNamespace(
        claims={"sub": "alice", **claims}, header={}, issuer=POOL_ISSUER, key_id="k"
    )


def read(*, tenant_claim="org", groups_claim="cognito:groups", **claims):
    return Principal.from_token(
        token(**claims), tenant_claim=tenant_claim, groups_claim=groups_claim
    )


def test_everything_that_a_token_says():
    caller = read(
        **{"cognito:groups": ["buyers", "admins", "buyers"]},
        org="t1",
        client_id="web",
        scope="orders.read orders.write",
        exp=1700000000,
    )
    assert caller.subject == "alice"
    assert caller.issuer == POOL_ISSUER
    assert caller.client_id == "web"
    assert caller.groups == ("buyers", "admins")
    assert caller.scopes == {"orders.read", "orders.write"}
    assert caller.tenant_id == "t1"
    assert caller.expires_at == 1700000000.0
    assert caller.claims["org"] == "t1"


def test_what_is_absent_is_absent_and_no_error():
    caller = read()
    assert (
        caller.client_id,
        caller.groups,
        caller.scopes,
        caller.tenant_id,
        caller.expires_at,
    ) == (
        None,
        (),
        frozenset(),
        None,
        None,
    )


def test_claims_that_are_not_configured_are_not_read():
    caller = read(tenant_claim=None, groups_claim=None, org=1, **{"cognito:groups": 7})
    assert caller.tenant_id is None
    assert caller.groups == ()


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"org": ""}, "org"),
        ({"org": ["t1"]}, "org"),
        ({"org": True}, "org"),
        ({"cognito:groups": "admins"}, "cognito:groups"),
        ({"cognito:groups": ["admins", 1]}, "cognito:groups"),
        ({"cognito:groups": [""]}, "cognito:groups"),
        ({"cognito:groups": [["admins"]]}, "cognito:groups"),
        ({"cognito:groups": (("admins",),)}, "cognito:groups"),
        ({"cognito:groups": ({},)}, "cognito:groups"),
        ({"cognito:groups": {"admins": True}}, "cognito:groups"),
        ({"client_id": 1}, "client_id"),
        ({"scope": 1}, "scope"),
        ({"scope": [1]}, "scope"),
        ({"exp": "1700000000"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": math.nan}, "exp"),
        ({"exp": math.inf}, "exp"),
        ({"exp": 10**400}, "exp"),
    ],
)
def test_a_claim_of_another_type_is_refused_and_named_without_its_value(claims, name):
    with pytest.raises(InvalidClaimError, match=r"is not|is missing") as caught:
        read(**claims)
    assert caught.value.claim == name


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"client_id": "a", "azp": "b"}, "a"),
        ({"azp": "b", "aud": "resource"}, "b"),
        ({"aud": "c", "token_use": "id"}, "c"),
        ({"aud": "resource"}, None),
        ({"aud": "resource", "token_use": "access"}, None),
    ],
)
def test_the_client_is_never_guessed_from_an_audience_of_another_kind(claims, client):
    assert read(**claims).client_id == client


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": ""}, set()),
        ({"scope": "a  b"}, {"a", "b"}),
        ({"scope": ["a", "b"]}, {"a", "b"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scp": ["a b"]}, {"a b"}),
        ({"scope": "a", "scp": "b"}, {"a"}),
    ],
)
def test_scopes(claims, scopes):
    assert read(**claims).scopes == scopes


@pytest.mark.parametrize(
    ("issuer", "pool"),
    [
        (POOL_ISSUER, "eu-west-1_Ab1"),
        ("https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", "eu-west-1_Ab1"),
        ("https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1", "us-gov-west-1_Ab1"),
    ],
)
def test_the_form_of_verified_permissions(issuer, pool):
    caller = Principal("alice", issuer=issuer, groups=("buyers",))
    assert caller.uid(principal_id="pool|sub").id == f"{pool}|alice"
    assert [uid.id for uid in caller.group_uids(principal_id="pool|sub")] == [f"{pool}|buyers"]


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        "",
        "https://login.example.com/eu-west-1_Ab1",
        "https://cognito-idp.eu-west-1.amazonaws.com/us-east-1_Ab1",
        "https://cognito-idp.eu-west-1.amazonaws.com.example.com/eu-west-1_Ab1",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1\n",
        "https://a|b",
    ],
)
def test_another_issuer_that_ends_alike_gets_no_pool_id(issuer):
    with pytest.raises(InvalidClaimError, match="iss") as caught:
        Principal("alice", issuer=issuer).uid(principal_id="pool|sub")
    assert caught.value.claim == "iss"


def test_ids_of_two_issuers_never_meet():
    one = Principal("b|alice", issuer="https://a.example").uid(principal_id="issuer|sub")
    two = Principal("alice", issuer="https://b.example").uid(principal_id="issuer|sub")
    assert one.id == "https://a.example|b|alice"
    assert one != two
    with pytest.raises(InvalidClaimError):
        Principal("alice", issuer="https://a.example|b").uid(principal_id="issuer|sub")


def test_an_unknown_form_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="principal_id"):
        Principal("alice").uid(principal_id="email")


def test_the_entity_has_groups_as_parents_and_the_tenant_as_attribute():
    entity = Principal("alice", groups=("buyers",), tenant_id="t1").entity(
        principal_type="Shop::User", group_type="Shop::Group"
    )
    assert (entity.uid.type, entity.uid.id) == ("Shop::User", "alice")
    assert [(parent.type, parent.id) for parent in entity.parents] == [("Shop::Group", "buyers")]
    assert dict(entity.attrs) == {"tenant_id": "t1"}
    assert dict(Principal("alice").entity().attrs) == {}


def test_it_is_a_value_that_cannot_be_changed_and_shows_no_claim():
    claims = {"sub": "alice", "email": "alice@example.com"}
    caller = Principal("alice", claims=claims, groups=("g",))
    claims["sub"] = "mallory"
    assert caller.claims["sub"] == "alice"
    with pytest.raises(TypeError):
        caller.claims["sub"] = "mallory"
    with pytest.raises(AttributeError):
        caller.subject = "mallory"
    assert "alice" not in repr(caller)
    assert pickle.loads(pickle.dumps(caller)) == caller == copy.deepcopy(caller)
    assert caller != Principal("alice", claims={"sub": "alice"}, groups=("g",))
    assert hash(caller) == hash(copy.copy(caller))


def test_an_entity_is_not_taken_for_one_with_an_equal_attribute_of_another_type():
    """`1 == True`, and Cedar tells them apart."""
    texts = {
        Principal("same", tenant_id=tenant).entity().canonical_text for tenant in (1, True, "1")
    }
    assert len(texts) == 3


def test_the_key_of_a_caller_is_what_its_entities_are_made_of():
    caller = Principal(
        "alice",
        issuer="i",
        groups=("g",),
        tenant_id="t",
        expires_at=1.0,
        scopes=frozenset({"read"}),
    )
    assert caller_key(caller) == caller_key(
        Principal("alice", issuer="i", groups=("g",), tenant_id="t")
    )
    others = [
        Principal("bob", issuer="i", groups=("g",), tenant_id="t"),
        Principal("alice", issuer="j", groups=("g",), tenant_id="t"),
        Principal("alice", issuer="i", groups=("g", "h"), tenant_id="t"),
        Principal("alice", issuer="i", groups=("g",), tenant_id=None),
    ]
    assert len({caller_key(caller), *map(caller_key, others)}) == 5


def test_what_is_no_plain_caller_has_no_key():
    class Own(Principal):
        def entity(self, **_):
            raise NotImplementedError

    for odd in (
        Own("alice"),
        Principal("alice", tenant_id=1),
        Principal("a", groups=["g"]),
        Principal("a", groups=(1,)),
    ):
        assert caller_key(odd) is None

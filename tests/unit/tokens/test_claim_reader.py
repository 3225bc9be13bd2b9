"""Where a claim is, and what its value may be."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace

import pytest

from authz_lib import JWTVerifier, Principal
from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.tokens.claim_reader import (
    ClientReader,
    claim_path,
    client_reader,
    groups_of,
    scopes_of,
    tenant_of,
)
from authz_lib.tokens.trusted_issuer import VerifiedToken


class TestPath:
    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ("roles", ("roles",)),
            ("realm_access.roles", ("realm_access", "roles")),
            ("cognito:groups", ("cognito:groups",)),
            ("https://example.com/roles", ("https://example.com/roles",)),
            ("urn:orders.example:roles", ("urn:orders.example:roles",)),
            ("example.com/roles", ("example.com/roles",)),
            (("realm_access", "roles"), ("realm_access", "roles")),
            (("a.b",), ("a.b",)),
            (("resource_access", "https://x.example/", "roles"),) * 2,
        ],
    )
    def test_is_decided_by_what_is_configured(self, given, path):
        assert claim_path(given, "groups_claim") == path

    @pytest.mark.parametrize(
        "given", ["", ".", "a.", ".a", "a..b", (), ("",), ("a", ""), ("a", 1), 7, None, ["a"], b"a"]
    )
    def test_that_makes_no_sense_is_refused_and_names_the_argument(self, given):
        with pytest.raises(ConfigurationError, match="`groups_claim` must be"):
            claim_path(given, "groups_claim")

    def test_does_not_depend_on_what_the_token_holds(self):
        """A name with a dot in the token is no path, and a path is no name."""
        claims = {"realm_access.roles": ["admin"], "a": {"b": ["clerk"]}, "a.b": ["admin"]}
        assert groups_of(claims, "realm_access.roles") == ()
        assert groups_of(claims, "a.b") == ("clerk",)
        assert groups_of(claims, ("a.b",)) == ("admin",)

    @pytest.mark.parametrize("value", ["text", ["roles"], 7, True, [{"roles": ["admin"]}]])
    def test_goes_through_objects_only(self, value):
        for read in (groups_of, tenant_of):
            with pytest.raises(InvalidClaimError, match="is not there") as caught:
                read({"realm_access": value}, "realm_access.roles")
            assert caught.value.claim == "realm_access.roles"

    @pytest.mark.parametrize("claims", [{}, {"a": None}, {"a": {}}, {"a": {"b": None}}])
    def test_that_leads_to_nothing_is_none(self, claims):
        assert groups_of(claims, "a.b") == ()
        assert tenant_of(claims, ("a", "b")) is None

    def test_goes_through_a_verified_tokens_objects(self):
        claims = {"a": MappingProxyType({"b": ("x",)})}
        assert groups_of(claims, "a.b") == ("x",)


class TestGroups:
    @pytest.mark.parametrize(
        ("value", "groups"),
        [
            (["a", "b", "a"], ("a", "b")),
            (("a",), ("a",)),
            ("Domain Users", ("Domain Users",)),
            ("a,b", ("a,b",)),
            ("[a b]", ("[a b]",)),
            ([], ()),
            (None, ()),
        ],
    )
    def test_a_list_or_one_text_as_one_name(self, value, groups):
        assert groups_of({"roles": value}, "roles") == groups

    @pytest.mark.parametrize(
        "value", ["", 7, True, {"a": 1}, ["a", 1], [""], [["a"]], [None], 0, False, {}]
    )
    def test_nothing_else(self, value):
        for claims, path in (({"roles": value}, "roles"), ({"a": {"roles": value}}, "a.roles")):
            with pytest.raises(InvalidClaimError, match="is not a list of non-empty") as caught:
                groups_of(claims, path)
            assert caught.value.claim == path

    def test_cognitos_own_claim_is_always_a_list(self):
        with pytest.raises(InvalidClaimError):
            groups_of({"cognito:groups": "admins"}, "cognito:groups")


class TestScopes:
    @pytest.mark.parametrize(
        ("claims", "scopes"),
        [
            ({"scope": "a b"}, {"a", "b"}),
            ({"scp": "a b"}, {"a", "b"}),
            ({"scope": ["a", "b"]}, {"a", "b"}),
            ({"scp": ("a", "b")}, {"a", "b"}),
            ({"scope": None, "scp": ["a"]}, {"a"}),
            ({"scope": "", "scp": ["a"]}, set()),
            ({}, set()),
        ],
    )
    def test_a_text_or_a_list_in_either_claim(self, claims, scopes):
        assert scopes_of(claims) == scopes

    @pytest.mark.parametrize("name", ["scope", "scp"])
    @pytest.mark.parametrize("value", [7, True, False, 0, {"a": 1}, ["a", 1], [""]])
    def test_nothing_else(self, name, value):
        with pytest.raises(InvalidClaimError) as caught:
            scopes_of({name: value})
        assert caught.value.claim == name


class TestClient:
    @pytest.mark.parametrize(
        ("names", "claims", "client"),
        [
            (None, {"client_id": "a", "azp": "b", "aud": "c"}, "a"),
            (None, {"azp": "b", "aud": "c"}, "b"),
            (None, {"client_id": None, "azp": "b"}, "b"),
            (None, {"aud": "c"}, None),
            (None, {"cid": "c", "appid": "d"}, None),
            (None, {"aud": "c", "client_id": "a", "token_use": "id"}, "c"),
            (None, {"aud": "c", "client_id": "a", "token_use": ["id"]}, "a"),
            ("cid", {"cid": "a", "client_id": "b"}, "a"),
            ("cid", {"client_id": "b", "azp": "b", "aud": "c", "token_use": "id"}, None),
            (["azp", "appid"], {"appid": "a"}, "a"),
            (["azp", "appid"], {"appid": "a", "azp": "b"}, "b"),
            ("aud", {"aud": "c"}, "c"),
            ("aud", {"aud": ["c"]}, "c"),
            ("https://x.example/a.b", {"https://x.example/a.b": "c"}, "c"),
        ],
    )
    def test_is_the_first_of_the_configured_claims(self, names, claims, client):
        assert client_reader(names).read(claims) == client

    @pytest.mark.parametrize(
        ("names", "claims", "claim"),
        [
            (None, {"client_id": ["a"], "azp": "b"}, "client_id"),
            (None, {"azp": 7}, "azp"),
            (None, {"client_id": ""}, "client_id"),
            ("aud", {"aud": ["c", "d"]}, "aud"),
            ("aud", {"aud": []}, "aud"),
            ("aud", {"aud": [7]}, "aud"),
            ("aud", {"aud": [None]}, "aud"),
            ("cid", {"cid": False}, "cid"),
        ],
    )
    def test_is_one_text(self, names, claims, claim):
        with pytest.raises(InvalidClaimError) as caught:
            client_reader(names).read(claims)
        assert caught.value.claim == claim

    @pytest.mark.parametrize("names", ["", [], [""], ["a", 1], 7, [None], {"a": ""}.values()])
    def test_that_makes_no_sense_is_refused(self, names):
        with pytest.raises(ConfigurationError, match="client_claim"):
            client_reader(names)

    def test_of_a_token_is_where_its_verifier_was_told(self, ec_issuer, clock):
        claims = {"sub": "alice", "azp": "a", "aud": "web"}
        arguments = {
            "issuer": ec_issuer.issuer,
            "audience": None,
            "algorithms": ["ES256"],
            "keys": ec_issuer.key_set(),
            "clock": clock,
        }
        for client_claim, client in (("aud", "web"), (None, "a"), (["x", "azp"], "a")):
            verifier = JWTVerifier(**arguments, client_id=client, client_claim=client_claim)
            either = JWTVerifier.any_of(verifier)
            for each in (verifier, either, verifier):
                token = each.verify(ec_issuer.token(claims))
                assert Principal.from_token(token, tenant_claim=None).client_id == client
            other = JWTVerifier(**arguments, client_id="other", client_claim=client_claim)
            with pytest.raises(InvalidClaimError) as caught:
                other.verify(ec_issuer.token(claims))
            assert caught.value.claim == ("aud" if client_claim == "aud" else "azp")

    def test_of_a_token_that_says_nothing_of_it_is_the_standard_one(self):
        token = SimpleNamespace(claims={"sub": "alice", "azp": "web", "cid": "x"}, issuer=None)
        assert Principal.from_token(token, tenant_claim=None).client_id == "web"

    def test_does_not_make_two_equal_tokens_different(self):
        token = VerifiedToken({"sub": "a"}, {}, None, None, ClientReader(("cid",)))
        assert token == VerifiedToken({"sub": "a"}, {}, None, None)


@pytest.mark.parametrize("value", ["", ["t1"], 7, True, {"a": "b"}])
def test_a_tenant_is_one_text(value):
    for claims, path in (({"org": value}, "org"), ({"a": {"org": value}}, "a.org")):
        with pytest.raises(InvalidClaimError) as caught:
            tenant_of(claims, path)
        assert caught.value.claim == path


def test_presets_whose_client_is_known_take_no_client_claim(ec_issuer):
    with pytest.raises(ConfigurationError, match="client_claim"):
        JWTVerifier.cognito(
            user_pool_id="eu-west-1_Ab1", client_id="web", token_use="id", client_claim="aud"
        )
    with pytest.raises(ConfigurationError, match="client_claim"):
        JWTVerifier.alb(
            load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
            "loadbalancer/app/web/50dc6c495c",
            client_id="web",
            issuer=None,
            client_claim="azp",
        )

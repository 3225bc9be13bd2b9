"""Claims that a gateway wrote as texts are read as those of the token are."""

from __future__ import annotations

import pytest

from authz_lib import ExpectedGateway, principal_from_event
from authz_lib.errors import ConfigurationError, InvalidClaimError
from authz_lib.testing import events

NOW = 1_700_000_000.0
ISSUER = "https://orders.okta.com/oauth2/default"
CLAIMS = {"sub": "alice", "iss": ISSUER, "exp": "1700000060"}


def read(claims, *, kind="http-jwt", **options):
    event = (
        events.rest_event(authorizer={"claims": {**CLAIMS, **claims}})
        if kind == "rest-cognito"
        else events.http_event(authorizer={"jwt": {"claims": {**CLAIMS, **claims}, "scopes": None}})
    )
    values = {"api_id": None, "account_id": None, "issuer": ISSUER, "client_ids": None}
    if kind == "rest-cognito":
        values["groups_separator"] = ","
    gateway = ExpectedGateway(kind=kind, **{**values, "token_use": None, **options})
    return principal_from_event(event, gateway=gateway, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "read write"}, {"read", "write"}),
        ({"scope": "[read write]"}, {"read", "write"}),
        ({"scp": "[read write]"}, {"read", "write"}),
        ({"scp": "read write"}, {"read", "write"}),
        ({"scp": "[]"}, set()),
        ({"scp": "["}, {"["}),
        ({}, set()),
    ],
)
def test_scopes_of_a_text_or_a_list(claims, scopes):
    assert read(claims).scopes == scopes


def test_a_rest_api_writes_no_brackets():
    assert read({"scope": "[a b]"}, kind="rest-cognito").scopes == {"[a", "b]"}


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("admin", ("admin",)),
        ("Domain Users", ("Domain Users",)),
        ("[admin]", ("admin",)),
        ("[]", ()),
    ],
)
def test_groups_of_a_text_or_a_list(text, groups):
    assert read({"roles": text}, groups_claim="roles").groups == groups
    assert read({"roles": text}, groups_claim=("roles",)).groups == groups


@pytest.mark.parametrize(
    ("kind", "separator"), [("http-jwt", None), ("http-jwt", " "), ("rest-cognito", ",")]
)
@pytest.mark.parametrize("text", ['["admin","editors"]', '["admin"]', '"admin"'])
def test_json_in_a_text_is_no_list_and_no_name(kind, text, separator):
    """A group may be called `"admin"`, with the quotes, and would become another."""
    with pytest.raises(InvalidClaimError, match="JSON in a text"):
        read({"roles": text}, kind=kind, groups_claim="roles", groups_separator=separator)


@pytest.mark.parametrize("text", ["", "[", "]", "[a", "a]"])
def test_half_a_list_is_refused(text):
    with pytest.raises(InvalidClaimError) as caught:
        read({"roles": text}, groups_claim="roles")
    assert caught.value.claim == "roles"


@pytest.mark.parametrize(
    ("claims", "client_claim", "client"),
    [
        ({"client_id": "a", "azp": "b"}, None, "a"),
        ({"azp": "b"}, None, "b"),
        ({"aud": "c"}, None, None),
        ({"aud": "c", "token_use": "id"}, None, "c"),
        ({"aud": "c"}, "aud", "c"),
        ({"aud": "[c]"}, "aud", "c"),
        ({"cid": "d", "client_id": "a"}, "cid", "d"),
        ({"appid": "e"}, ["azp", "appid"], "e"),
    ],
)
def test_the_client_is_in_the_configured_claim(claims, client_claim, client):
    assert read(claims, client_claim=client_claim).client_id == client
    if client is not None:
        assert read(claims, client_claim=client_claim, client_ids=[client])
    with pytest.raises(InvalidClaimError):
        read(claims, client_claim=client_claim, client_ids=["other"])


def test_an_audience_of_several_is_no_client():
    with pytest.raises(InvalidClaimError):
        read({"aud": "[c d]"}, client_claim="aud")


def test_a_tenant_that_may_be_a_list_is_refused():
    assert read({"org": "t1"}, tenant_claim="org").tenant_id == "t1"
    for text in ("[t1]", "[]", "[t1 t2]", ""):
        with pytest.raises(InvalidClaimError) as caught:
            read({"org": text}, tenant_claim="org")
        assert caught.value.claim == "org"


@pytest.mark.parametrize("text", ["map[groups:src1]", "map[email:src1 groups:src2]"])
def test_groups_that_are_kept_elsewhere_are_not_none(text):
    with pytest.raises(InvalidClaimError, match="group overage"):
        read({"_claim_names": text}, groups_claim="groups")
    caller = read({"_claim_names": text, "roles": "[a]", "tid": "t"}, groups_claim="roles",
                  tenant_claim="tid")  # fmt: skip
    assert (caller.groups, caller.tenant_id) == (("a",), "t")


@pytest.mark.parametrize("kind", ["http-jwt", "rest-cognito"])
@pytest.mark.parametrize("name", ["groups_claim", "tenant_claim"])
def test_no_path_leads_into_a_text(kind, name):
    for path in ("realm_access.roles", ("realm_access", "roles")):
        with pytest.raises(ConfigurationError, match=name):
            read({}, kind=kind, **{name: path})


@pytest.mark.parametrize(
    "options",
    [{"client_claim": ""}, {"client_claim": []}, {"client_claim": 7}, {"groups_claim": ()},
     {"tenant_claim": ["a"]}],
)  # fmt: skip
def test_what_makes_no_sense_fails_when_built(options):
    with pytest.raises(ConfigurationError):
        read({}, **options)


def test_a_gateway_is_still_a_value():
    values = {"api_id": None, "account_id": None, "issuer": None, "client_ids": None}
    one, other = (
        ExpectedGateway(kind="http-jwt", **values, token_use=None, client_claim=claims)
        for claims in (["azp", "appid"], ("azp", "appid"))
    )
    assert one == other
    assert hash(one) == hash(other)

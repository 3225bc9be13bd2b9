"""Attributes and keys of usage plans, for one issuer and for several."""

from __future__ import annotations

import pytest

from authz_lib.authorizer.callers import Callers
from authz_lib.authorizer.from_env import configured_issuers
from authz_lib.authorizer.setting_texts import token_source_of
from authz_lib.authorizer.settings import Settings
from authz_lib.errors import ConfigurationError
from authz_lib.transport.insecure_hosts import InsecureHosts

ONE = {
    "AUTHZ_USER_POOL_ID": "eu-west-1_Ab1",
    "AUTHZ_CLIENT_IDS": "web",
    "AUTHZ_TOKEN_USE": "access",
    "AUTHZ_TENANT_CLAIM": "none",
    "AUTHZ_ACTIONS": "actions.json",
    "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
    "AUTHZ_PRINCIPAL_ID": "issuer|sub",
    "AUTHZ_RESPONSE": "iam",
    "AUTHZ_GATEWAY_TTL_SECONDS": "0",
}
TWO = {
    **ONE,
    "AUTHZ_2_ISSUER": "https://2.example",
    "AUTHZ_2_AUDIENCE": "shop",
    "AUTHZ_2_TENANT_CLAIM": "org",
    "AUTHZ_2_GROUPS_CLAIM": "none",
}
POOL = [
    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
    "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
]


def issuers(variables, **more):
    return configured_issuers(Settings.read({**variables, **more}), InsecureHosts())


def test_attributes_of_several_issuers():
    found = issuers(
        TWO,
        AUTHZ_ATTRIBUTES="email=email,level=number:custom:level,plan=plan",
        AUTHZ_2_ATTRIBUTES="email=mail,level=number:level,plan=none",
    )
    claims = {
        name: (one.type, one.claim[POOL[0]], one.claim[POOL[1]], one.claim["https://2.example"])
        for name, one in found.attributes.items()
    }
    assert claims == {
        "email": ("text", "email", "email", "mail"),
        "level": ("number", "custom:level", "custom:level", "level"),
        "plan": ("text", "plan", "plan", None),
    }
    callers = Callers(
        found.verifier,
        [token_source_of("bearer")],
        tenant_claim=found.tenant_claim,
        groups_claim=found.groups_claim,
        attributes=found.attributes,
        usage_claim=found.usage_identifier_key,
    )
    assert callers is not None


def test_one_type_stands_where_another_issuer_has_no_claim():
    found = issuers(TWO, AUTHZ_ATTRIBUTES="level=none", AUTHZ_2_ATTRIBUTES="level=number:level")
    assert found.attributes["level"].type == "number"


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"AUTHZ_ATTRIBUTES": "email=email"}, "`AUTHZ_2_ATTRIBUTES` must name the same"),
        ({"AUTHZ_2_ATTRIBUTES": "email=email"}, "`AUTHZ_2_ATTRIBUTES` must name the same"),
        (
            {"AUTHZ_ATTRIBUTES": "email=email", "AUTHZ_2_ATTRIBUTES": "mail=email"},
            "`AUTHZ_2_ATTRIBUTES` must name the same",
        ),
        (
            {"AUTHZ_ATTRIBUTES": "email=email", "AUTHZ_2_ATTRIBUTES": "email=texts:emails"},
            "`AUTHZ_ATTRIBUTES`: an attribute is of one type",
        ),
        (
            {"AUTHZ_ATTRIBUTES": "email=none", "AUTHZ_2_ATTRIBUTES": "email=none"},
            "at least one issuer",
        ),
        (
            {"AUTHZ_ATTRIBUTES": "sub=sub", "AUTHZ_2_ATTRIBUTES": "sub=sub"},
            "AUTHZ_ATTRIBUTES",
        ),
        ({"AUTHZ_USAGE_IDENTIFIER_KEY": "api_key"}, "`AUTHZ_2_USAGE_IDENTIFIER_KEY` must be set"),
        ({"AUTHZ_2_USAGE_IDENTIFIER_KEY": "key"}, "`AUTHZ_USAGE_IDENTIFIER_KEY` must be set"),
    ],
)
def test_what_one_issuer_leaves_out_is_named(variables, named):
    with pytest.raises(ConfigurationError, match=named):
        issuers(TWO, **variables)


def test_a_single_issuer_has_a_claim_for_each():
    with pytest.raises(ConfigurationError, match="at least one issuer"):
        issuers(ONE, AUTHZ_ATTRIBUTES="email=none")


def test_keys_of_usage_plans():
    assert issuers(ONE).usage_identifier_key is None
    assert issuers(TWO).usage_identifier_key is None
    assert issuers(ONE, AUTHZ_USAGE_IDENTIFIER_KEY="none").usage_identifier_key is None
    assert issuers(ONE, AUTHZ_USAGE_IDENTIFIER_KEY="api_key").usage_identifier_key == "api_key"
    several = issuers(
        TWO, AUTHZ_USAGE_IDENTIFIER_KEY="api_key", AUTHZ_2_USAGE_IDENTIFIER_KEY="none"
    )
    assert several.usage_identifier_key == {
        **dict.fromkeys(POOL, "api_key"), "https://2.example": None,
    }  # fmt: skip

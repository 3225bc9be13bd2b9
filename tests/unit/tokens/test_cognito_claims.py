"""The pre-token-generation trigger: attributes of a user in the access token."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.tokens import cognito_claims_trigger


def added(claims, attributes):
    event = {
        "version": "2",
        "request": {"userAttributes": attributes},
        "response": {"claimsAndScopeOverrideDetails": None},
    }
    answer = cognito_claims_trigger(claims)(event, None)
    assert answer is event  # Cognito wants the whole event back
    details = answer["response"]["claimsAndScopeOverrideDetails"]
    return details["accessTokenGeneration"]["claimsToAddOrOverride"]


def test_an_attribute_becomes_a_claim():
    claims = {"tenant_id": "custom:tenant_id", "plan": "custom:plan"}
    found = added(claims, {"custom:tenant_id": "acme", "custom:plan": "gold", "sub": "1"})
    assert found == {"tenant_id": "acme", "plan": "gold"}


@pytest.mark.parametrize("attributes", [{}, {"custom:tenant_id": ""}, {"tenant_id": "acme"}])
def test_what_is_missing_makes_no_claim(attributes):
    assert added({"tenant_id": "custom:tenant_id"}, attributes) == {}


def test_what_is_changed_later_is_not_what_was_configured():
    claims = {"tenant_id": "custom:tenant_id"}
    handler = cognito_claims_trigger(claims)
    claims["sub"] = "custom:tenant_id"
    event = {"request": {"userAttributes": {"custom:tenant_id": "a"}}, "response": {}}
    details = handler(event, None)["response"]["claimsAndScopeOverrideDetails"]
    assert details["accessTokenGeneration"]["claimsToAddOrOverride"] == {"tenant_id": "a"}


@pytest.mark.parametrize(
    "claims", [{}, {"": "custom:a"}, {"a": ""}, {"a": 1}, {1: "a"}, {"a": None}]
)
def test_claims_without_names_are_refused(claims):
    with pytest.raises(ConfigurationError, match="`claims`"):
        cognito_claims_trigger(claims)


@pytest.mark.parametrize("name", ["sub", "iss", "token_use", "cognito:groups", "aws:x", "dev:x"])
def test_a_claim_that_cognito_keeps_for_itself_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"the claim `{name}`"):
        cognito_claims_trigger({name: "custom:a"})

"""The caller of a token that nobody in front has verified."""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, Cookie, JWTVerifier
from authz_lib.errors import ConfigurationError, InvalidClaimError, MissingTokenError
from authz_lib.integrations.request_tokens import principal_from_tokens

NONE = {"tenant_claim": None, "groups_claim": None, "attributes": None}


def verifier(issuer):
    return JWTVerifier(
        issuer="https://issuer.example",
        audience=None,
        algorithms=["ES256"],
        keys=issuer.key_set(),
        clock=lambda: 1_800_000_000.0,
    )


def event(token):
    return {"headers": {"authorization": f"Bearer {token}"}}


def test_the_claims_are_read(ec_issuer):
    read = principal_from_tokens(
        verifier(ec_issuer),
        [BearerToken()],
        tenant_claim="org",
        groups_claim="roles",
        attributes={"level": "custom:level"},
    )
    claims = {"sub": "alice", "org": "t1", "roles": ["a"], "custom:level": "gold"}
    caller = read(event(ec_issuer.token(claims)))
    assert (caller.subject, caller.tenant_id, caller.groups) == ("alice", "t1", ("a",))
    assert caller.attributes == {"level": "gold"}


def test_a_refusal_names_the_key_by_a_digest(ec_issuer):
    read = principal_from_tokens(verifier(ec_issuer), [BearerToken()], **NONE)
    with pytest.raises(MissingTokenError):
        read({"headers": {}})
    with pytest.raises(InvalidClaimError) as caught:
        read(event(ec_issuer.token({"sub": ""})))
    assert len(caught.value.key_id_digest) == 12


@pytest.mark.parametrize("sources", [[], (), None, BearerToken(), [None], [Cookie]])
def test_no_sources(ec_issuer, sources):
    with pytest.raises(ConfigurationError, match="`token_sources` must"):
        principal_from_tokens(verifier(ec_issuer), sources, **NONE)


def test_no_verifier():
    with pytest.raises(ConfigurationError, match="`verifier` must have a method"):
        principal_from_tokens(None, [BearerToken()], **NONE)


@pytest.mark.parametrize("name", ["tenant_claim", "groups_claim"])
def test_a_claim_that_is_none(ec_issuer, name):
    with pytest.raises(ConfigurationError, match=f"`{name}`"):
        principal_from_tokens(verifier(ec_issuer), [BearerToken()], **{**NONE, name: 5})


@pytest.mark.parametrize(
    "reads", [{"tenant_claim": "org"}, {"groups_claim": "roles"}, {"attributes": {"a": "a"}}]
)
def test_several_issuers(ec_issuer, reads):
    other = JWTVerifier(
        issuer="https://other.example",
        audience=None,
        algorithms=["ES256"],
        keys=ec_issuer.key_set(),
    )
    both = JWTVerifier.any_of(verifier(ec_issuer), other)
    assert principal_from_tokens(both, [BearerToken()], **NONE)
    with pytest.raises(ConfigurationError, match="with several issuers"):
        principal_from_tokens(both, [BearerToken()], **{**NONE, **reads})

"""The presets, each on real tokens."""

from __future__ import annotations

import pytest

from authz_lib import JWTVerifier, errors
from authz_lib.testing.issuer import TestIssuer

POOL = "us-gov-west-1_EXAMPLE"
ISSUER = f"https://cognito-idp.us-gov-west-1.amazonaws.com/{POOL}"
SWITCHED = f"https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/{POOL}"


@pytest.fixture(scope="module")
def pool():
    return TestIssuer(ISSUER)


class TestCognito:
    @pytest.mark.parametrize("issuer", [ISSUER, SWITCHED])
    def test_accepts_an_access_token_of_either_issuer(self, pool, issuer):
        verifier = JWTVerifier.cognito(
            user_pool_id=POOL, client_id="orders-web", token_use="access", keys=pool.key_set()
        )
        token = verifier.verify(pool.access_token(client_id="orders-web", claims={"iss": issuer}))
        assert token.issuer == issuer
        assert token.claims["cognito:groups"] == ("clerks",)

    def test_refuses_an_id_token_where_an_access_token_is_meant(self, pool):
        verifier = JWTVerifier.cognito(
            user_pool_id=POOL, client_id="orders-web", token_use="access", keys=pool.key_set()
        )
        with pytest.raises(errors.InvalidClaimError) as caught:
            verifier.verify(pool.id_token(client_id="orders-web"))
        assert caught.value.claim == "token_use"

    def test_refuses_a_token_of_another_client(self, pool):
        verifier = JWTVerifier.cognito(
            user_pool_id=POOL, client_id="orders-web", token_use="access", keys=pool.key_set()
        )
        with pytest.raises(errors.InvalidClaimError) as caught:
            verifier.verify(pool.access_token(client_id="another"))
        assert caught.value.claim == "client_id"

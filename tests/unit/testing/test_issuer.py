"""The test issuer and its endpoint, which other people's tests rely on."""

from __future__ import annotations

import json

import jwt
import pytest
import urllib3

from authz_lib import JWTVerifier, errors
from authz_lib.testing.issuer import FAULTS, TestIssuer
from authz_lib.tokens.algorithms import ASYMMETRIC


@pytest.mark.parametrize("algorithm", sorted(ASYMMETRIC))
def test_its_tokens_are_real(algorithm):
    """An independent library reads them, and so do we."""
    issuer = TestIssuer(algorithm=algorithm)
    token = issuer.token({"sub": "alice", "aud": "orders"})
    document, reader = issuer.jwks()["keys"][0], jwt.PyJWS()
    if algorithm == "Ed25519":  # PyJWT has it by its older name only
        document = document | {"alg": "EdDSA"}
        reader.register_algorithm("Ed25519", reader.get_algorithm_by_name("EdDSA"))
    decoded = json.loads(reader.decode(token, jwt.PyJWK(document).key, algorithms=[algorithm]))
    assert (decoded["sub"], decoded["aud"], decoded["iss"]) == ("alice", "orders", issuer.issuer)
    verifier = JWTVerifier(
        issuer=issuer.issuer, audience="orders", algorithms=[algorithm], keys=issuer.key_set()
    )
    assert verifier.verify(token).claims["sub"] == "alice"


def test_only_algorithms_with_public_keys():
    with pytest.raises(errors.ConfigurationError):
        TestIssuer(algorithm="HS256")


def test_shapes_of_cognito():
    issuer = TestIssuer(algorithm="ES256")
    access = jwt.decode(issuer.access_token(client_id="web"), options={"verify_signature": False})
    assert "aud" not in access
    assert (access["client_id"], access["token_use"]) == ("web", "access")
    identity = jwt.decode(issuer.id_token(client_id="web"), options={"verify_signature": False})
    assert "client_id" not in identity
    assert (identity["aud"], identity["token_use"]) == ("web", "id")


def test_rotation():
    issuer = TestIssuer(algorithm="EdDSA")
    first = issuer.key_id
    second = issuer.rotate(keep_old=True)
    assert [key["kid"] for key in issuer.jwks()["keys"]] == [first, second]
    third = issuer.rotate()
    assert [key["kid"] for key in issuer.jwks()["keys"]] == [third]
    assert issuer.pem(first) is None
    assert issuer.pem(third).startswith(b"-----BEGIN PUBLIC KEY-----")


@pytest.fixture
def issuer():
    return TestIssuer(algorithm="EdDSA")


class TestEndpoint:
    def get(self, url, **options):
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request("GET", url, redirect=False, **options)

    def test_serves_keys_discovery_and_pem(self, issuer):
        with issuer.serve() as endpoint:
            assert self.get(endpoint.jwks_url).json() == issuer.jwks()
            discovery = self.get(f"{endpoint.url}/.well-known/openid-configuration").json()
            assert discovery == {"issuer": endpoint.url, "jwks_uri": endpoint.jwks_url}
            assert self.get(f"{endpoint.url}/{issuer.key_id}").data == issuer.pem(issuer.key_id)
            assert self.get(f"{endpoint.url}/nothing").status == 404
            assert endpoint.requests == 4

    def test_faults(self, issuer):
        with issuer.serve() as endpoint:
            answers = {}
            for fault in FAULTS:
                if fault != "slow":
                    endpoint.fault = fault
                    answers[fault] = self.get(endpoint.jwks_url)
            assert answers["error"].status == 500
            with pytest.raises(json.JSONDecodeError):
                answers["garbage"].json()
            assert len(answers["huge"].data) > 1_000_000
            assert answers["redirect"].headers["Location"] == endpoint.jwks_url
            endpoint.fault = "slow"
            with pytest.raises(urllib3.exceptions.ReadTimeoutError):
                self.get(endpoint.jwks_url, timeout=0.05)
            endpoint.fault = None
            assert self.get(endpoint.jwks_url).json() == issuer.jwks()

    def test_is_gone_afterwards(self, issuer):
        with issuer.serve() as endpoint:
            url = endpoint.jwks_url
        with pytest.raises(urllib3.exceptions.HTTPError):
            self.get(url)


def test_the_fixtures_of_the_plugin(authz_issuer, authz_jwks):
    assert authz_jwks.issuer is authz_issuer
    verifier = JWTVerifier.cognito(
        user_pool_id="us-east-1_Abc123",
        client_id="web",
        token_use="access",
        issuer=authz_issuer.issuer,
        jwks_url=authz_jwks.jwks_url,
    )
    assert verifier.verify(authz_issuer.access_token(client_id="web"))
    assert authz_jwks.requests == 1


@pytest.mark.parametrize("fault", ["Slow", "", "500", 5, ["slow"]])
def test_a_fault_that_there_is_none_of_is_refused(fault):
    with TestIssuer(algorithm="EdDSA").serve() as endpoint:
        with pytest.raises(errors.ConfigurationError, match="must be `slow`, `error`"):
            endpoint.fault = fault
        assert endpoint.fault is None
        for known in (*FAULTS, None):
            endpoint.fault = known
            assert endpoint.fault == known

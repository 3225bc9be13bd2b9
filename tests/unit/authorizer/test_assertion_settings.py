"""`AUTHZ_ASSERTION_*`: the authorizer of a template proves its callers too."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

from authz_lib import JWTVerifier, LambdaAuthorizer, principal_from_headers
from authz_lib.errors import ConfigurationError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import secret_from_secrets_manager
from authz_lib.tokens.assertion import SignedAssertion

ISSUER = TestIssuer("https://issuer.example", algorithm="ES256")
SECRET = "known to the authorizer and to the service behind"
ASSERTING = {
    "AUTHZ_ASSERTION_SECRET_ID": "proof",
    "AUTHZ_ASSERTION_ALGORITHM": "HS256",
    "AUTHZ_ASSERTION_ISSUER": "https://orders.example",
    "AUTHZ_ASSERTION_AUDIENCE": "support",
}
POLICY = 'permit (principal, action, resource == Application::"shop");'


@pytest.fixture
def variables(tmp_path):
    (tmp_path / "jwks.json").write_text(json.dumps(ISSUER.jwks()))
    (tmp_path / "shop.cedar").write_text(POLICY)
    document = {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "List"}]}
    (tmp_path / "actions.json").write_text(json.dumps(document))
    return {
        "AUTHZ_ISSUER": ISSUER.issuer,
        "AUTHZ_AUDIENCE": "shop",
        "AUTHZ_ALGORITHMS": "ES256",
        "AUTHZ_JWKS_FILE": str(tmp_path / "jwks.json"),
        "AUTHZ_TENANT_CLAIM": "org",
        "AUTHZ_ACTIONS": str(tmp_path / "actions.json"),
        "AUTHZ_APPLICATION": 'Application::"shop"',
        "AUTHZ_POLICIES": str(tmp_path),
        "AUTHZ_RESPONSE": "simple",
        "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    }


@pytest.fixture
def secrets(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="proof", SecretString=SECRET)
        yield client


def answered(variables):
    token = ISSUER.token({"sub": "alice", "aud": "shop", "org": "acme"})
    return LambdaAuthorizer.from_env(variables)(events.http_authorizer_event(token))


def service(audience="support"):
    return SignedAssertion(
        JWTVerifier.shared_secret(
            secret=secret_from_secrets_manager("proof"),
            issuer="https://orders.example",
            audience=audience,
        )
    )


def test_the_service_behind_learns_the_caller_from_the_same_secret(variables, secrets):
    signed = answered({**variables, **ASSERTING})["context"]["txn_token"]
    request = {"httpMethod": "GET", "path": "/orders", "headers": {"txn-token": signed}}
    caller = principal_from_headers(request, proof=service())
    assert (caller.subject, caller.tenant_id) == ("alice", "acme")


def test_without_the_variables_nothing_is_signed(variables):
    assert "txn_token" not in answered(variables)["context"]


@pytest.mark.parametrize("missing", ["SECRET_ID", "ISSUER", "AUDIENCE"])
def test_half_of_them_is_refused_and_named(variables, missing):
    name = f"AUTHZ_ASSERTION_{missing}"
    left = {key: value for key, value in ASSERTING.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"needs `{name}`"):
        LambdaAuthorizer.from_env({**variables, **left})


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"AUTHZ_ASSERTION_LIFETIME_SECONDS": "301"}, "AUTHZ_ASSERTION_LIFETIME_SECONDS"),
        ({"AUTHZ_ASSERTION_LIFETIME_SECONDS": "0"}, "AUTHZ_ASSERTION_LIFETIME_SECONDS"),
        ({"AUTHZ_ASSERTION_ALGORITHM": "none"}, "AUTHZ_ASSERTION_ALGORITHM"),
        ({"AUTHZ_2_ASSERTION_ISSUER": "https://x.example"}, "AUTHZ_2_ASSERTION_ISSUER"),
    ],
)
def test_what_makes_no_sense_is_said_of_the_variable(variables, wrong, named):
    with pytest.raises(ConfigurationError, match=f"`{named}`"):
        LambdaAuthorizer.from_env({**variables, **ASSERTING, **wrong})


def test_a_secret_that_cannot_be_read_lets_nobody_pass(variables, secrets):
    secrets.delete_secret(SecretId="proof", ForceDeleteWithoutRecovery=True)
    with pytest.raises(ConfigurationError, match="`proof`"):
        answered({**variables, **ASSERTING})

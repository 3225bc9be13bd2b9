"""A user pool's key set, as the environment has it."""

from __future__ import annotations

import logging

import pytest

from authz_lib import JWTVerifier
from authz_lib.errors import ConfigurationError, KeySetUnavailableError
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.issuers import cognito_issuers
from authz_lib.tokens.pool_keys import is_aws_issuer

POOL = "us-east-1_Abc123"
ISSUERS = cognito_issuers(POOL)
OWN = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
PATH = f"/{POOL}/.well-known/jwks.json"


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in (OWN, "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        monkeypatch.delenv(name, raising=False)


def verifier(fetcher=None, **options):
    return JWTVerifier.cognito(
        user_pool_id=POOL, client_id="web", token_use="access", fetcher=fetcher, **options
    )


def asked(monkeypatch, environment, of=ISSUERS[0], **options):
    """The URLs that one token's verification fetches."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    urls = []

    def fetcher(url):
        urls.append(url)
        raise OSError

    signed = TestIssuer(of).access_token(client_id="web", claims={"sub": "alice"})
    with pytest.raises(KeySetUnavailableError):
        verifier(fetcher, **options).verify(signed)
    return urls


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("variable", [OWN, "AWS_ENDPOINT_URL"])
def test_both_issuers_of_a_pool_are_asked_at_the_endpoint(monkeypatch, variable, issuer):
    endpoint = {variable: "http://127.0.0.1:4566"}
    assert asked(monkeypatch, endpoint, issuer) == ["http://127.0.0.1:4566" + PATH]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_ENDPOINT_URL": "https://files.example.com"},
        {OWN: "http://127.0.0.1:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ],
)
def test_without_an_endpoint_the_keys_are_below_the_issuer(monkeypatch, environment):
    assert asked(monkeypatch, environment) == [f"{ISSUERS[0]}/.well-known/jwks.json"]


def test_an_argument_comes_before_the_environment(monkeypatch):
    given = {"jwks_url": "https://keys.example/jwks.json"}
    assert asked(monkeypatch, {OWN: "http://127.0.0.1:1"}, **given) == [given["jwks_url"]]


def test_an_issuer_of_one_s_own_keeps_its_key_set(monkeypatch):
    other = "https://id.example.com/pool"
    found = asked(monkeypatch, {OWN: "http://127.0.0.1:1"}, other, issuer=other)
    assert found == [f"{other}/.well-known/jwks.json"]
    mixed = [other, ISSUERS[0]]
    assert asked(monkeypatch, {}, ISSUERS[0], issuer=mixed) == ["http://127.0.0.1:1" + PATH]
    assert asked(monkeypatch, {}, other, issuer=mixed) == found


def test_the_pool_s_issuer_written_out_is_asked_at_the_endpoint(monkeypatch):
    found = asked(monkeypatch, {OWN: "https://cognito.example"}, issuer=ISSUERS[0])
    assert found == ["https://cognito.example" + PATH]


def test_a_local_pool_s_token_is_verified_and_the_log_says_so(monkeypatch, caplog, key_server):
    """Over real HTTP, as on a local AWS: the issuer is AWS's, the keys are not."""
    issuer = TestIssuer(ISSUERS[0])
    monkeypatch.setenv(OWN, key_server({PATH: issuer.jwks()}))
    with caplog.at_level(logging.WARNING, "authz_lib.tokens"):
        built = verifier()
    assert "an endpoint that the environment names" in caplog.text
    signed = issuer.access_token(client_id="web", claims={"sub": "alice"})
    assert built.verify(signed).claims["sub"] == "alice"


def test_what_may_not_be_fetched_is_refused_when_built(monkeypatch):
    monkeypatch.setenv(OWN, "http://10.0.0.5:4566")
    with pytest.raises(ConfigurationError, match=f"`{OWN}`"):
        verifier()
    assert verifier(key_set={"insecure_http_hosts": ["10.0.0.5"]})
    assert verifier(jwks_url="https://keys.example")  # nothing of the environment is needed


@pytest.mark.parametrize(
    ("name", "is_so"),
    [
        (ISSUERS[0], True),
        (ISSUERS[1], True),
        (f"https://cognito-idp.us-east-1.amazonaws.com/x/{POOL}", False),
        (f"http://cognito-idp.us-east-1.amazonaws.com/{POOL}", False),
        (f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}", False),
        ("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other", False),
    ],
)
def test_the_issuers_that_a_pool_has_on_aws(name, is_so):
    assert is_aws_issuer(name, POOL) is is_so

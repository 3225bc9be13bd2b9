"""Which endpoint of the environment counts, for which service."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.transport.endpoints import configured_endpoint, user_pool_keys_url

POOL = "us-east-1_Abc123"
OWN = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
ALL = "AWS_ENDPOINT_URL"
LOCAL = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({OWN: "", ALL: ""}, None),
        ({OWN: LOCAL}, LOCAL),
        ({OWN: f"{LOCAL}/"}, LOCAL),
        ({OWN: "http://[::1]:4566"}, "http://[::1]:4566"),
        ({OWN: "http://aws.localhost:4566/prefix"}, "http://aws.localhost:4566/prefix"),
        ({OWN: "https://vpce-1.example.com"}, "https://vpce-1.example.com"),
        ({ALL: LOCAL}, LOCAL),
        ({ALL: "https://localhost:4566"}, "https://localhost:4566"),
        ({OWN: LOCAL, ALL: "http://127.0.0.1:1"}, LOCAL),
        ({OWN: "", ALL: LOCAL}, LOCAL),
        # A team's variable for every service may mean its object store.
        ({ALL: "https://files.example.com"}, None),
        ({ALL: "http://10.0.0.5:9000"}, None),
        ({ALL: "http://localhost.example.com:4566"}, None),
        ({ALL: "http://127.0.0.1.example.com:4566"}, None),
        ({ALL: "not a url"}, None),
        # Another service's own variable says nothing of a pool.
        ({"AWS_ENDPOINT_URL_S3": LOCAL, "AWS_ENDPOINT_URL_COGNITO_IDENTITY": LOCAL}, None),
        ({OWN: LOCAL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        ({ALL: LOCAL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"}, None),
        ({ALL: LOCAL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}, LOCAL),
    ],
)
def test_where_the_keys_of_a_pool_are(environment, endpoint):
    expected = None if endpoint is None else f"{endpoint}/{POOL}/.well-known/jwks.json"
    assert user_pool_keys_url(POOL, environment) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.5:4566",
        "http://localhost.example.com",
        "ftp://127.0.0.1",
        "127.0.0.1:4566",
        "http://user:secret@127.0.0.1:4566",
        "http://127.0.0.1:4566?pool=x",
        "http://127.0.0.1:4566#x",
    ],
)
def test_the_own_variable_is_refused_by_its_name(url):
    with pytest.raises(ConfigurationError, match=f"`{OWN}`") as caught:
        user_pool_keys_url(POOL, {OWN: url})
    assert "secret" not in str(caught.value)


def test_named_hosts_count_as_this_machine():
    cognito = "http://cognito:9229"
    named = {"named_hosts": frozenset({"cognito"})}
    keys = f"{cognito}/{POOL}/.well-known/jwks.json"
    assert user_pool_keys_url(POOL, {OWN: cognito}, **named) == keys
    assert user_pool_keys_url(POOL, {ALL: cognito}, **named) == keys
    assert user_pool_keys_url(POOL, {ALL: "http://other:9229"}, **named) is None
    with pytest.raises(ConfigurationError, match=f"`{OWN}`"):
        user_pool_keys_url(POOL, {OWN: "http://other:9229"}, **named)


def test_plain_http_elsewhere_is_handed_back_to_be_refused():
    """Verified Permissions is not asked on AWS when a local stack was meant."""
    found = configured_endpoint("VERIFIEDPERMISSIONS", {ALL: "http://localstack:4566"})
    assert found == ("http://localstack:4566", ALL)
    assert configured_endpoint("VERIFIEDPERMISSIONS", {ALL: "https://files.example.com"}) is None

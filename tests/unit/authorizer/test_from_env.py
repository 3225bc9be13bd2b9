"""`AUTHZ_*`: whole or refused; nothing switches authorization off."""

from __future__ import annotations

import json
import os

import boto3
import pytest
from moto import mock_aws

from authz_lib import LambdaAuthorizer
from authz_lib.authorizer.from_env import Settings
from authz_lib.errors import ConfigurationError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import SharedSecretIssuer

ISSUER = "https://issuer.example"
POLICY = """
permit (
    principal == User::"alice", action == Action::"List", resource == Application::"shop"
);
"""
COMPLETE = {
    "AUTHZ_USER_POOL_ID": "eu-west-1_Ab1",
    "AUTHZ_CLIENT_IDS": "web, mobile",
    "AUTHZ_TOKEN_USE": "access",
    "AUTHZ_TENANT_CLAIM": "none",
    "AUTHZ_ACTIONS": "actions.json",
    "AUTHZ_APPLICATION": 'Application::"shop"',
    "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
    "AUTHZ_RESPONSE": "simple",
    "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    "PATH": "/bin",
}


def without(*names):
    return {name: value for name, value in COMPLETE.items() if name not in names}


def test_a_complete_environment_is_read():
    settings = Settings.read(COMPLETE)
    assert settings.client_ids == ["web", "mobile"]
    assert settings.tenant_claim is None
    assert settings.application == ("Application", "shop")
    assert settings.gateway_ttl_seconds == 0


@pytest.mark.parametrize(
    "missing",
    [name for name in COMPLETE if name not in {"PATH", "AUTHZ_APPLICATION"}],
)
def test_half_a_configuration_is_refused_and_named(missing):
    with pytest.raises(ConfigurationError, match=missing):
        Settings.read(without(missing))


@pytest.mark.parametrize("name", sorted(set(COMPLETE) - {"PATH"}))
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_refused_and_named(name, value):
    with pytest.raises(ConfigurationError, match=f"`{name}` is empty"):
        Settings.read({**COMPLETE, name: value})


@pytest.mark.parametrize(
    "extra",
    [
        {"AUTHZ_DISABLED": "true"},
        {"AUTHZ_ENABLED": "false"},
        {"AUTHZ_DRY_RUN": "1"},
        {"AUTHZ_USERPOOL_ID": "x"},
        {"AUTHZ_user_pool_id": "x"},
        {"AUTHZ_": "x"},
    ],
)
def test_an_unknown_variable_is_refused(extra):
    with pytest.raises(ConfigurationError, match="not a setting"):
        Settings.read({**COMPLETE, **extra})


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "wrong",
    [
        {"AUTHZ_RESPONSE": SECRET},
        {"AUTHZ_TOKEN_USE": SECRET},
        {"AUTHZ_TOKEN_USE": "none"},
        {"AUTHZ_GATEWAY_TTL_SECONDS": SECRET},
        {"AUTHZ_GATEWAY_TTL_SECONDS": "-1"},
        {"AUTHZ_GATEWAY_TTL_SECONDS": "3601"},
        {"AUTHZ_GATEWAY_TTL_SECONDS": "60"},
        {"AUTHZ_IDENTITY_SOURCES": "$request.header.Authorization"},
        {"AUTHZ_CLIENT_IDS": "web,,mobile"},
        {"AUTHZ_APPLICATION": SECRET},
        {"AUTHZ_PRINCIPAL_ID": SECRET},
        {"AUTHZ_ISSUER": SECRET},
        {"AUTHZ_POLICIES": SECRET},
        {"AUTHZ_ALLOW_TTL_SECONDS": "nan"},
        {"AUTHZ_CONTEXT": "source_ip"},
        {"AUTHZ_CONTEXT": "ip=$context.identity.sourceIp,ip=$request.header.x"},
        {"AUTHZ_ALGORITHMS": "ES256"},
        {"AUTHZ_JWKS_URL": "https://a.example", "AUTHZ_JWKS_FILE": "jwks.json"},
        {"AUTHZ_TENANT_CLAIM": "None"},
        {"AUTHZ_TENANT_CLAIM": " none"},
        {"AUTHZ_GROUPS_CLAIM": "NONE"},
        {"AUTHZ_CLIENT_IDS": "none"},
        {"AUTHZ_CLIENT_IDS": "web,none"},
        {"AUTHZ_AUDIENCE": "none,orders"},
        {"AUTHZ_ACTIONS": "actions.json\n"},
        {"AUTHZ_ACTIONS": "act\0ions.json"},
        {"AUTHZ_APPLICATION": f'Application::"{"x" * 300}"'},
        {"AUTHZ_MAX_POLICY_BYTES": "100"},
        {"AUTHZ_NO_RESOURCE_POLICY": "true"},
        {"AUTHZ_NO_RESOURCE_POLICY": "yes"},
        {
            "AUTHZ_NO_RESOURCE_POLICY": "true",
            "AUTHZ_GATEWAY_TTL_SECONDS": "60",
            "AUTHZ_IDENTITY_SOURCES": "$request.header.Authorization,$context.routeKey",
        },
    ],
)
def test_a_wrong_or_contradicting_variable_is_refused_without_its_value(wrong):
    with pytest.raises(ConfigurationError) as caught:
        Settings.read({**COMPLETE, **wrong})
    assert "AUTHZ_" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_issuer_needs_an_audience_or_an_explicit_none():
    issuer = {**without("AUTHZ_USER_POOL_ID", "AUTHZ_TOKEN_USE"), "AUTHZ_ISSUER": ISSUER}
    with pytest.raises(ConfigurationError, match="AUTHZ_AUDIENCE"):
        Settings.read(issuer)
    assert Settings.read({**issuer, "AUTHZ_AUDIENCE": "none"}).audience is None
    assert Settings.read({**issuer, "AUTHZ_AUDIENCE": "a,b"}).audience == ["a", "b"]
    with pytest.raises(ConfigurationError, match="AUTHZ_AUDIENCE"):
        Settings.read(
            {
                **{k: v for k, v in issuer.items() if k != "AUTHZ_CLIENT_IDS"},
                "AUTHZ_AUDIENCE": "none",
            }
        )


@pytest.mark.parametrize("name", ["AUTHZ_ALLOW_TTL_SECONDS", "AUTHZ_DENY_TTL_SECONDS"])
def test_a_time_to_live_without_a_cache_is_refused(name):
    folder = {**without("AUTHZ_POLICY_STORE_ID"), "AUTHZ_POLICIES": "policies"}
    assert Settings.read(folder).policies == "policies"
    with pytest.raises(ConfigurationError, match=name):
        Settings.read({**folder, name: "60"})


def test_a_pools_ids_need_a_pool(environment):
    variables = {**environment[1], "AUTHZ_PRINCIPAL_ID": "pool|sub"}
    pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"
    assert LambdaAuthorizer.from_env({**variables, "AUTHZ_ISSUER": pool}) is not None
    with pytest.raises(ConfigurationError, match="AUTHZ_PRINCIPAL_ID"):
        LambdaAuthorizer.from_env(variables)


def test_the_application_is_an_id_that_cedar_takes(environment):
    with pytest.raises(ConfigurationError, match="AUTHZ_APPLICATION"):
        LambdaAuthorizer.from_env({**environment[1], "AUTHZ_APPLICATION": 'in::"a"'})


def test_a_check_that_would_not_happen_is_refused():
    """Whoever sets it believes that ID tokens are refused."""
    issuer = {**without("AUTHZ_USER_POOL_ID"), "AUTHZ_ISSUER": ISSUER, "AUTHZ_AUDIENCE": "shop"}
    with pytest.raises(ConfigurationError, match="AUTHZ_TOKEN_USE"):
        Settings.read(issuer)


@pytest.fixture
def environment(tmp_path):
    issuer = TestIssuer(ISSUER, algorithm="ES256")
    (tmp_path / "jwks.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "shop.cedar").write_text(POLICY, encoding="utf-8")
    document = {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "List"}]}
    (tmp_path / "actions.json").write_text(json.dumps(document), encoding="utf-8")
    return issuer, {
        "AUTHZ_ISSUER": ISSUER,
        "AUTHZ_AUDIENCE": "shop",
        "AUTHZ_ALGORITHMS": "ES256",
        "AUTHZ_JWKS_FILE": str(tmp_path / "jwks.json"),
        "AUTHZ_TENANT_CLAIM": "none",
        "AUTHZ_ACTIONS": str(tmp_path / "actions.json"),
        "AUTHZ_APPLICATION": 'Application::"shop"',
        "AUTHZ_POLICIES": str(tmp_path / "policies"),
        "AUTHZ_RESPONSE": "simple",
        "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    }


def test_from_env_builds_a_whole_authorizer(environment, monkeypatch):
    issuer, variables = environment
    # Of the machine that runs the tests.
    for name in [name for name in os.environ if name.startswith("AUTHZ_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    authorizer = LambdaAuthorizer.from_env()
    event = events.http_authorizer_event(issuer.token({"sub": "alice", "aud": "shop"}))
    assert authorizer(event)["isAuthorized"] is True
    event = events.http_authorizer_event(issuer.token({"sub": "mallory", "aud": "shop"}))
    assert authorizer(event)["context"]["reason"] == "access_denied"
    event = events.http_authorizer_event(issuer.token({"sub": "alice", "aud": "other"}))
    assert authorizer(event)["context"]["reason"] == "invalid_claim"


@pytest.fixture
def secret_environment(environment, monkeypatch):
    """The variables for a secret of moto's, without the one that names it."""
    _, variables = environment
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    del variables["AUTHZ_ALGORITHMS"], variables["AUTHZ_JWKS_FILE"]
    with mock_aws():
        yield variables


SHARED = "correct horse battery staple, and more, and more, and more, and more"


@pytest.mark.parametrize("variable", ["AUTHZ_SECRET_ID", "AUTHZ_SECRET_PARAMETER"])
@pytest.mark.parametrize("algorithm", [None, "HS384"])
def test_from_env_takes_a_shared_secret(secret_environment, variable, algorithm):
    stored = json.dumps({"jwt_secret": SHARED})
    boto3.client("secretsmanager").create_secret(Name="/shop", SecretString=stored)
    boto3.client("ssm").put_parameter(Name="/shop", Value=stored, Type="SecureString")
    variables = {
        **secret_environment,
        variable: "/shop",
        "AUTHZ_SECRET_JSON_KEY": "jwt_secret",
        "AUTHZ_SECRET_PREVIOUS_SECONDS": "0",
        **({"AUTHZ_ALGORITHMS": algorithm} if algorithm else {}),
    }
    authorizer = LambdaAuthorizer.from_env(variables)
    for secret, allowed in ((SHARED, True), ("x" + SHARED, False)):
        issuer = SharedSecretIssuer(
            secret=secret, issuer=ISSUER, audience="shop", algorithm=algorithm or "HS256"
        )
        event = events.http_authorizer_event(issuer.mint("alice"))
        assert authorizer(event)["isAuthorized"] is allowed


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"AUTHZ_SECRET_PARAMETER": "/shop"}, "AUTHZ_SECRET_PARAMETER"),
        ({"AUTHZ_CLIENT_IDS": "web"}, "AUTHZ_CLIENT_IDS"),
        ({"AUTHZ_JWKS_URL": "https://a.example"}, "AUTHZ_JWKS_URL"),
        ({"AUTHZ_JWKS_FILE": "jwks.json"}, "AUTHZ_JWKS_FILE"),
        ({"AUTHZ_ALGORITHMS": "RS256"}, "AUTHZ_ALGORITHMS"),
        ({"AUTHZ_ALGORITHMS": "HS256,HS384"}, "AUTHZ_ALGORITHMS"),
        ({"AUTHZ_SECRET_PREVIOUS_SECONDS": "-1"}, "AUTHZ_SECRET_PREVIOUS_SECONDS"),
        ({"AUTHZ_SECRET_PREVIOUS_SECONDS": "86401"}, "AUTHZ_SECRET_PREVIOUS_SECONDS"),
    ],
)
def test_a_secret_stands_beside_no_key_set(secret_environment, extra, named):
    with pytest.raises(ConfigurationError, match=named):
        Settings.read({**secret_environment, "AUTHZ_SECRET_ID": "/shop", **extra})


@pytest.mark.parametrize("name", ["AUTHZ_SECRET_JSON_KEY", "AUTHZ_SECRET_PREVIOUS_SECONDS"])
def test_what_describes_a_secret_needs_one(name):
    with pytest.raises(ConfigurationError, match=f"`{name}` goes with `AUTHZ_SECRET_ID`"):
        Settings.read({**COMPLETE, name: "5"})


def test_a_pool_has_no_secret():
    with pytest.raises(ConfigurationError, match="`AUTHZ_USER_POOL_ID` and `AUTHZ_SECRET_ID`"):
        Settings.read({**COMPLETE, "AUTHZ_SECRET_ID": "/shop"})


def test_a_refusal_names_the_variable(environment):
    """What refuses them speaks of its own arguments, which nobody has set."""
    for name, value in {
        "AUTHZ_TOKEN_SOURCES": "header:a b",
        "AUTHZ_JWKS_FILE": "missing.json",
        "AUTHZ_ACTIONS": "missing.json",
        "AUTHZ_POLICIES": "missing",
        "AUTHZ_CONTEXT": "ip=sourceIp",
    }.items():
        with pytest.raises(ConfigurationError, match=name):
            LambdaAuthorizer.from_env({**environment[1], name: value})


def test_the_region_is_read_from_the_same_variables(environment):
    _, variables = environment
    store = {
        **variables,
        "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
        "AWS_REGION": "eu-west-1",
    }
    del store["AUTHZ_POLICIES"]
    assert isinstance(LambdaAuthorizer.from_env(store), LambdaAuthorizer)


def test_one_policy_for_every_route_needs_the_word_that_nothing_else_allows(environment):
    cache = {
        "AUTHZ_RESPONSE": "iam",
        "AUTHZ_GATEWAY_TTL_SECONDS": "60",
        "AUTHZ_IDENTITY_SOURCES": "method.request.header.Authorization",
    }
    variables = {**environment[1], **cache}
    with pytest.raises(ConfigurationError, match="`AUTHZ_NO_RESOURCE_POLICY=true`"):
        LambdaAuthorizer.from_env(variables)
    assert LambdaAuthorizer.from_env({**variables, "AUTHZ_NO_RESOURCE_POLICY": "true"}) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"AUTHZ_TOKEN_SOURCES": "header"},
        {"AUTHZ_TOKEN_SOURCES": "bearer:x"},
        {"AUTHZ_TOKEN_SOURCES": "body:token"},
        {
            "AUTHZ_GATEWAY_TTL_SECONDS": "60",
            "AUTHZ_IDENTITY_SOURCES": "$request.header.Authorization",
        },
        {"AUTHZ_ACTIONS": "missing.json"},
        {"AUTHZ_JWKS_FILE": "missing.json"},
        {"AUTHZ_POLICIES": "missing"},
        {"AUTHZ_ALGORITHMS": "none"},
        {"AUTHZ_CONTEXT": "ip=sourceIp"},
    ],
)
def test_from_env_fails_while_building(environment, wrong):
    with pytest.raises(ConfigurationError):
        LambdaAuthorizer.from_env({**environment[1], **wrong})


def test_from_env_reads_sources_cache_and_context(environment):
    issuer, variables = environment
    authorizer = LambdaAuthorizer.from_env(
        {
            **variables,
            "AUTHZ_TOKEN_SOURCES": "header:x-token",
            "AUTHZ_GATEWAY_TTL_SECONDS": "60",
            "AUTHZ_IDENTITY_SOURCES": (
                "$request.header.x-token,$context.routeKey,$context.identity.sourceIp"
            ),
            "AUTHZ_CONTEXT": "ip=$context.identity.sourceIp",
        }
    )
    token = issuer.token({"sub": "alice", "aud": "shop"})
    event = events.http_authorizer_event(
        headers={"X-Token": token}, identity=[token, "GET /orders", "192.0.2.1"]
    )
    assert authorizer(event)["isAuthorized"] is True

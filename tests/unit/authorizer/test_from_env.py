"""`AUTHZ_*`: whole or refused; nothing switches authorization off."""

from __future__ import annotations

import json
import logging
import os
import socket

import boto3
import pytest
from moto import mock_aws

from authz_lib import LambdaAuthorizer
from authz_lib.authorizer.from_env import Settings, arguments_from, attributes_of
from authz_lib.authorizer.issuer_verifiers import verifier_of
from authz_lib.errors import ConfigurationError
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens import SharedSecretIssuer
from authz_lib.transport.insecure_hosts import InsecureHosts

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
        {"AUTHZ_TOKEN_SOURCES": "bearer:"},
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


@pytest.mark.parametrize("value", ["x", "", " x"])
def test_a_name_with_a_line_break_is_an_error_of_one_line(value):
    with pytest.raises(ConfigurationError) as caught:
        Settings.read({"AUTHZ_\n\nX": value})
    assert str(caught.value).startswith(r"`AUTHZ_\n\nX` ")
    assert "\n" not in str(caught.value)


# -- several issuers


def test_a_second_issuer_has_a_number(environment, tmp_path):
    issuer, variables = environment
    staff = TestIssuer("https://staff.example", algorithm="ES256")
    (tmp_path / "staff.json").write_text(json.dumps(staff.jwks()), encoding="utf-8")
    (tmp_path / "policies" / "shop.cedar").write_text(
        """
        permit (principal == User::"https://issuer.example|alice", action, resource);
        permit (principal in Group::"https://staff.example|clerks", action, resource)
        when { principal.tenant_id == "t1" };
        """,
        encoding="utf-8",
    )
    authorizer = LambdaAuthorizer.from_env(
        {
            **variables,
            "AUTHZ_PRINCIPAL_ID": "issuer|sub",
            "AUTHZ_GROUPS_CLAIM": "none",
            "AUTHZ_2_ISSUER": staff.issuer,
            "AUTHZ_2_AUDIENCE": "none",
            "AUTHZ_2_CLIENT_IDS": "desk",
            "AUTHZ_2_ALGORITHMS": "ES256",
            "AUTHZ_2_JWKS_FILE": str(tmp_path / "staff.json"),
            "AUTHZ_2_TENANT_CLAIM": "org",
            "AUTHZ_2_GROUPS_CLAIM": "roles",
        }
    )
    clerk = {"client_id": "desk", "roles": ["clerks"], "org": "t1"}

    def reason(by, **claims):
        event = events.http_authorizer_event(by.token({"sub": "alice", **claims}))
        return authorizer(event)["context"]["reason"] or "allowed"

    assert reason(issuer, aud="shop") == "allowed"
    assert reason(staff, **clerk) == "allowed"
    assert reason(staff, **{**clerk, "org": "t2"}) == "access_denied"
    assert reason(staff, client_id="desk") == "access_denied"
    assert reason(staff, **{**clerk, "client_id": "web"}) == "invalid_claim"
    assert reason(issuer, aud="shop", sub="bob", **clerk) == "access_denied"


def test_an_issuer_stands_for_itself_once(environment):
    _, variables = environment
    again = {
        name.replace("AUTHZ_", "AUTHZ_2_"): variables[name]
        for name in ("AUTHZ_ISSUER", "AUTHZ_AUDIENCE", "AUTHZ_JWKS_FILE", "AUTHZ_TENANT_CLAIM")
    }
    given = {"AUTHZ_PRINCIPAL_ID": "issuer|sub", "AUTHZ_2_ALGORITHMS": "ES256"}
    given |= dict.fromkeys(("AUTHZ_GROUPS_CLAIM", "AUTHZ_2_GROUPS_CLAIM"), "none")
    with pytest.raises(ConfigurationError, match="`AUTHZ_2_ISSUER` stands for an issuer"):
        LambdaAuthorizer.from_env({**variables, **again, **given})


# -- local stacks


@pytest.fixture
def cognito_local(environment, serve, monkeypatch):
    """The variables for a pool whose issuer is at a docker host name, and that issuer."""
    provider = TestIssuer("http://cognito/local_1Ab")
    server = serve(
        lambda received, _: b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(keys) + keys
    )
    keys = json.dumps(provider.jwks()).encode()
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: [address])
    own = ("AUTHZ_ISSUER", "AUTHZ_AUDIENCE", "AUTHZ_ALGORITHMS", "AUTHZ_JWKS_FILE")
    variables = {name: value for name, value in environment[1].items() if name not in own}
    return provider, {
        **variables,
        "AUTHZ_USER_POOL_ID": "local_1Ab",
        "AUTHZ_CLIENT_IDS": "web",
        "AUTHZ_TOKEN_USE": "access",
        "AUTHZ_ISSUER": provider.issuer,
    }


@pytest.mark.parametrize("url", [{}, {"AUTHZ_JWKS_URL": "http://cognito:9229/keys"}])
def test_a_pool_of_a_local_stack(cognito_local, url, caplog):
    provider, variables = cognito_local
    authorizer = LambdaAuthorizer.from_env(
        {**variables, **url, "AUTHZ_INSECURE_HTTP_HOSTS": "cognito"}
    )
    (line,) = caplog.records
    assert (line.levelno, "cognito" in line.getMessage()) == (logging.WARNING, True)
    event = events.http_authorizer_event(
        provider.access_token(client_id="web", claims={"sub": "alice"})
    )
    assert authorizer(event)["isAuthorized"] is True
    event = events.http_authorizer_event(
        provider.id_token(client_id="web", claims={"sub": "alice"})
    )
    assert authorizer(event)["context"]["reason"] == "invalid_claim"


@pytest.mark.parametrize(
    ("variable", "url", "named"),
    [
        ("AUTHZ_ISSUER", "http://cognito/local_1Ab", "AUTHZ_ISSUER"),
        ("AUTHZ_JWKS_URL", "http://cognito/keys", "AUTHZ_JWKS_URL"),
        ("AUTHZ_JWKS_URL", "http://user@cognito/keys", "AUTHZ_JWKS_URL"),
    ],
)
def test_plain_http_names_the_variables(cognito_local, variable, url, named):
    _, variables = cognito_local
    with pytest.raises(ConfigurationError, match=f"`{named}`") as caught:
        LambdaAuthorizer.from_env({**variables, variable: url})
    assert ("`AUTHZ_INSECURE_HTTP_HOSTS`" in str(caught.value)) is ("@" not in url)
    assert "insecure_http_hosts" not in str(caught.value)


def test_the_hosts_are_exact_names(cognito_local):
    _, variables = cognito_local
    for hosts in ("*", "cognito:9229", "http://cognito", "other"):
        with pytest.raises(ConfigurationError, match="AUTHZ_INSECURE_HTTP_HOSTS"):
            LambdaAuthorizer.from_env({**variables, "AUTHZ_INSECURE_HTTP_HOSTS": hosts})


def test_a_partition_whose_issuer_is_not_known_says_which_variable_to_set():
    pool = {**COMPLETE, "AUTHZ_USER_POOL_ID": "eusc-de-east-1_Ab1"}
    settings = Settings.read(pool)
    with pytest.raises(ConfigurationError) as caught:
        verifier_of(settings, InsecureHosts())
    message = str(caught.value)
    assert "`AUTHZ_ISSUER`" in message
    assert "issuer=" not in message
    issuer = "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_Ab1"
    settings = Settings.read({**pool, "AUTHZ_ISSUER": issuer})
    assert verifier_of(settings, InsecureHosts()).issuers == {issuer}
    with pytest.raises(ConfigurationError, match="`AUTHZ_USER_POOL_ID` must look like"):
        verifier_of(Settings.read({**COMPLETE, "AUTHZ_USER_POOL_ID": "x"}), InsecureHosts())


@pytest.mark.parametrize("hosts", [None, "localstack"])
def test_a_policy_store_of_a_local_stack(environment, hosts):
    """The endpoint is read from the variables that are handed over, as the Region is."""
    _, variables = environment
    store = {
        **variables,
        "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://localstack:4566",
    }
    del store["AUTHZ_POLICIES"]
    if hosts is not None:
        store["AUTHZ_INSECURE_HTTP_HOSTS"] = hosts
        assert LambdaAuthorizer.from_env(store)
        store["AWS_ENDPOINT_URL"] = "http://other:4566"
    with pytest.raises(ConfigurationError, match="`AWS_ENDPOINT_URL` must be an https U") as caught:
        LambdaAuthorizer.from_env(store)
    assert "`AUTHZ_INSECURE_HTTP_HOSTS`" in str(caught.value)


def test_two_pools_by_number(environment):
    """Each pool's groups and tenant are its own, for both of its issuers."""
    own = ("AUTHZ_ISSUER", "AUTHZ_AUDIENCE", "AUTHZ_ALGORITHMS", "AUTHZ_JWKS_FILE")
    variables = {name: value for name, value in environment[1].items() if name not in own}
    for before, pool, tenant in (("", "eu-west-1_One1", "none"), ("2_", "us-east-1_Two2", "org")):
        variables |= {
            f"AUTHZ_{before}USER_POOL_ID": pool,
            f"AUTHZ_{before}CLIENT_IDS": "web",
            f"AUTHZ_{before}TOKEN_USE": "access",
            f"AUTHZ_{before}TENANT_CLAIM": tenant,
        }
    arguments = arguments_from({**variables, "AUTHZ_PRINCIPAL_ID": "pool|sub"})
    assert set(arguments["groups_claim"].values()) == {"cognito:groups"}
    tenants = {
        issuer.rpartition("/")[2]: claim for issuer, claim in arguments["tenant_claim"].items()
    }
    assert tenants == {"eu-west-1_One1": None, "us-east-1_Two2": "org"}
    assert arguments["tenant_claim"].keys() == arguments["verifier"].issuers
    assert len(arguments["verifier"].issuers) == 4
    assert LambdaAuthorizer.from_env({**variables, "AUTHZ_PRINCIPAL_ID": "pool|sub"})


# -- all the rest


def test_checks_and_limits_reach_the_verifier(environment):
    issuer, variables = environment
    checks = {
        "AUTHZ_TYP": "at+jwt",
        "AUTHZ_ALL_SCOPES": "orders/read",
        "AUTHZ_ANY_GROUP": "clerks, staff",
        "AUTHZ_GROUPS_CLAIM": "roles",
        "AUTHZ_MAX_TOKEN_AGE_SECONDS": "600",
    }
    authorizer = LambdaAuthorizer.from_env({**variables, **checks})
    good = {"sub": "alice", "aud": "shop", "scope": "orders/read", "roles": ["staff"]}

    def reason(claims, typ="at+jwt", **times):
        token = issuer.token(claims, headers={"typ": typ}, **times)
        return authorizer(events.http_authorizer_event(token))["context"]["reason"] or "allowed"

    assert reason(good) == "allowed"
    assert reason(good, typ="JWT") != "allowed"
    assert reason({**good, "scope": "orders/write"}) == "insufficient_scope"
    assert reason({**good, "roles": ["x"]}) == "access_denied"
    assert reason({**good, "iat": 1}) != "allowed"


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"AUTHZ_LEEWAY_SECONDS": "601"}, "AUTHZ_LEEWAY_SECONDS"),
        ({"AUTHZ_LEEWAY_SECONDS": "nan"}, "AUTHZ_LEEWAY_SECONDS"),
        ({"AUTHZ_ALGORITHMS": "none"}, "AUTHZ_ALGORITHMS"),
        ({"AUTHZ_TOKEN_SOURCES": "body:token"}, "AUTHZ_TOKEN_SOURCES"),
        ({"AUTHZ_JWKS_MAX_KEYS": "0"}, "AUTHZ_JWKS_MAX_KEYS"),
        ({"AUTHZ_JWKS_TIMEOUT_SECONDS": "inf"}, "AUTHZ_JWKS_TIMEOUT_SECONDS"),
        ({"AUTHZ_JWKS_MISS_COOLDOWN_SECONDS": "0.5"}, "AUTHZ_JWKS_MISS_COOLDOWN_SECONDS"),
        ({"AUTHZ_ACTION_TYPE": "Verb"}, "AUTHZ_ACTION_TYPE"),
    ],
)
def test_what_a_constructor_refuses_is_said_of_the_variable(environment, extra, named):
    variables = dict(environment[1])
    if named.startswith("AUTHZ_JWKS_"):
        del variables["AUTHZ_JWKS_FILE"]
    with pytest.raises(ConfigurationError, match=f"`{named}`"):
        LambdaAuthorizer.from_env({**variables, **extra})
    assert LambdaAuthorizer.from_env({**variables, "AUTHZ_LEEWAY_SECONDS": "600"})


@pytest.mark.parametrize("url", [{}, {"AUTHZ_JWKS_URL": "https://keys.example"}])
def test_the_limits_of_the_key_set(environment, url):
    variables = {**environment[1], **url, "AUTHZ_JWKS_MAX_KEYS": "64"}
    del variables["AUTHZ_JWKS_FILE"]
    (keys,) = arguments_from(variables)["verifier"].configuration.prefetches[0]
    assert keys._max_keys == 64


def test_times_to_live_of_single_actions(environment):
    store = {**environment[1], "AUTHZ_POLICY_STORE_ID": "PSEXAMPLE", "AWS_REGION": "eu-west-1"}
    del store["AUTHZ_POLICIES"]
    assert LambdaAuthorizer.from_env({**store, "AUTHZ_ACTION_TTL_SECONDS": "List=0.5"})
    assert LambdaAuthorizer.from_env({**store, "AUTHZ_NO_CACHE": "List"})
    for extra in (
        {"AUTHZ_ACTION_TTL_SECONDS": "List=soon"},
        {"AUTHZ_ACTION_TTL_SECONDS": "Lst=1"},
        {"AUTHZ_ACTION_TTL_SECONDS": "List"},
        {"AUTHZ_ACTION_TTL_SECONDS": "List=-1"},
        {"AUTHZ_NO_CACHE": "Lst"},
    ):
        (name,) = extra
        with pytest.raises(ConfigurationError, match=name):
            LambdaAuthorizer.from_env({**store, **extra})


@pytest.mark.parametrize("log_ids", ["true", "false"])
def test_the_log_names_callers_only_when_told_to(environment, caplog, log_ids):
    issuer, variables = environment
    caplog.set_level(logging.INFO, "authz_lib.decisions")
    authorizer = LambdaAuthorizer.from_env({**variables, "AUTHZ_LOG_IDS": log_ids})
    authorizer(events.http_authorizer_event(issuer.token({"sub": "alice", "aud": "shop"})))
    assert ("User::alice" in caplog.text) is (log_ids == "true")


def test_the_log_has_the_name_of_the_policies(environment, caplog):
    issuer, variables = environment
    caplog.set_level(logging.INFO, "authz_lib.decisions")
    authorizer = LambdaAuthorizer.from_env({**variables, "AUTHZ_REVISION": "3f2c1a9"})
    authorizer(events.http_authorizer_event(issuer.token({"sub": "alice", "aud": "shop"})))
    assert '"revision":"3f2c1a9"' in caplog.text


def test_attributes_are_read_with_their_types():
    given = "email=email,level=number:custom:level,plan=custom:plan,regions=texts:regions"
    found = attributes_of(Settings.read({**COMPLETE, "AUTHZ_ATTRIBUTES": given}), [])
    assert {name: (one.claim, one.type) for name, one in found.items()} == {
        "email": ("email", "text"),
        "level": ("custom:level", "number"),
        "plan": ("custom:plan", "text"),
        "regions": ("regions", "texts"),
    }
    assert attributes_of(Settings.read(COMPLETE), []) is None


@pytest.mark.parametrize("given", ["tenant_id=t", "Email=email", "email", "email="])
def test_wrong_attributes_are_refused_and_named(given):
    with pytest.raises(ConfigurationError, match="AUTHZ_ATTRIBUTES"):
        attributes_of(Settings.read({**COMPLETE, "AUTHZ_ATTRIBUTES": given}), [])

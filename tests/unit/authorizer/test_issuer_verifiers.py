"""The verifiers of providers, from the variables of one issuer."""

from __future__ import annotations

import json

import pytest

from authz_lib import JWTVerifier, Principal, errors
from authz_lib.authorizer.from_env import arguments_from, configured_issuers
from authz_lib.authorizer.issuer_settings import IssuerSettings
from authz_lib.authorizer.issuer_verifiers import verifier_of
from authz_lib.authorizer.settings import Settings
from authz_lib.errors import ConfigurationError
from authz_lib.testing.issuer import TestIssuer
from authz_lib.transport.insecure_hosts import InsecureHosts

TENANT = "0f8fad5b-d9cb-469f-a165-70867728950e"
OKTA = "https://orders.okta.com/oauth2/aus1"
AUTH0 = "https://orders.eu.auth0.com/"
KEYCLOAK = "https://id.orders.example/realms/shop"
# What says whose tokens they are; the issuers; the claim of the client; the place of the keys.
PROVIDERS = {
    "entra": (
        {"AUTHZ_ENTRA_TENANT_ID": TENANT},
        {f"https://login.microsoftonline.com/{TENANT}/v2.0": "azp",
         f"https://sts.windows.net/{TENANT}/": "appid"},
        f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys",
    ),
    "entra, a national cloud": (
        {"AUTHZ_ENTRA_TENANT_ID": TENANT,
         "AUTHZ_ENTRA_AUTHORITY": "login.partner.microsoftonline.cn"},
        {f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0": "azp",
         f"https://sts.chinacloudapi.cn/{TENANT}/": "appid"},
        f"https://login.partner.microsoftonline.cn/{TENANT}/discovery/v2.0/keys",
    ),
    "okta": ({"AUTHZ_PROVIDER": "okta", "AUTHZ_ISSUER": OKTA}, {OKTA: "cid"}, f"{OKTA}/v1/keys"),
    "auth0": (
        {"AUTHZ_PROVIDER": "auth0", "AUTHZ_ISSUER": AUTH0},
        {AUTH0: "azp"},
        f"{AUTH0}.well-known/jwks.json",
    ),
    "keycloak": (
        {"AUTHZ_PROVIDER": "keycloak", "AUTHZ_ISSUER": KEYCLOAK},
        {KEYCLOAK: "azp"},
        f"{KEYCLOAK}/protocol/openid-connect/certs",
    ),
}  # fmt: skip
CHECKS = {
    "AUTHZ_AUDIENCE": "orders",
    "AUTHZ_CLIENT_IDS": "web, mobile",
    "AUTHZ_TENANT_CLAIM": "none",
    "AUTHZ_GROUPS_CLAIM": "roles",
}
REST = {
    "AUTHZ_ACTIONS": "actions.json",
    "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
    "AUTHZ_RESPONSE": "iam",
    "AUTHZ_GATEWAY_TTL_SECONDS": "0",
}


def settings(*variables):
    return Settings.read({**REST, **{k: v for each in variables for k, v in each.items()}})


def verifier(*variables):
    return verifier_of(settings(*variables), InsecureHosts())


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_access_tokens_pass_and_nothing_else_does(name, tmp_path):
    identity, issuers, _ = PROVIDERS[name]
    for iss, client in issuers.items():
        issuer = TestIssuer(iss)
        (tmp_path / "keys.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
        built = verifier(identity, CHECKS, {"AUTHZ_JWKS_FILE": str(tmp_path / "keys.json")})
        assert built.issuers == frozenset(issuers)
        good = {"sub": "alice", "aud": "orders", client: "mobile", "roles": ["clerk"]}
        caller = Principal.from_token(
            built.verify(issuer.token(good)), tenant_claim=None, groups_claim="roles"
        )
        assert (caller.client_id, caller.groups) == ("mobile", ("clerk",))
        for wrong in ({client: "other"}, {client: None}, {"aud": "other"}, {"iss": "https://x/"}):
            with pytest.raises(errors.InvalidClaimError):
                built.verify(issuer.token({**good, **wrong}))


@pytest.mark.parametrize("name", PROVIDERS)
def test_its_keys_are_where_the_provider_has_them(name):
    identity, _, place = PROVIDERS[name]
    limits = {"AUTHZ_JWKS_TIMEOUT_SECONDS": "5", "AUTHZ_JWKS_MAX_KEYS": "64"}
    key_sets = [trust.keys for trust in verifier(identity, CHECKS, limits).configuration.trusts]
    assert place in {keys._url for keys in key_sets}
    assert len({keys._url for keys in key_sets}) == len(key_sets)


def test_another_place_for_the_keys():
    place = {"AUTHZ_JWKS_URL": "https://keys.example/jwks.json"}
    (trust,) = verifier(PROVIDERS["okta"][0], CHECKS, place).configuration.trusts
    assert trust.keys._url == "https://keys.example/jwks.json"


def test_every_client_or_every_audience_takes_the_word_none():
    identity = PROVIDERS["auth0"][0]
    assert settings(identity, CHECKS, {"AUTHZ_CLIENT_IDS": "none"}).client_ids is None
    assert settings(identity, CHECKS, {"AUTHZ_AUDIENCE": "none"}).audience is None


@pytest.mark.parametrize(
    "path",
    [
        "realm_access.roles",
        '["realm_access","roles"]',
    ],
)
def test_a_path_leads_to_the_groups(path):
    built = settings(PROVIDERS["keycloak"][0], CHECKS, {"AUTHZ_GROUPS_CLAIM": path})
    issuer = TestIssuer(KEYCLOAK)
    token = issuer.token({"sub": "a", "realm_access": {"roles": ["clerk"]}})

    plain = JWTVerifier(issuer=KEYCLOAK, audience=None, algorithms=["RS256"], keys=issuer.key_set())
    caller = Principal.from_token(
        plain.verify(token), tenant_claim=None, groups_claim=built.groups_claim
    )
    assert caller.groups == ("clerk",)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        # half of it
        *[
            ({**PROVIDERS[name][0], **CHECKS, missing: None}, missing)
            for name in PROVIDERS
            for missing in sorted(CHECKS)
        ],
        ({"AUTHZ_PROVIDER": "okta", **CHECKS}, "AUTHZ_ISSUER"),
        ({"AUTHZ_ENTRA_AUTHORITY": "login.microsoftonline.us", "AUTHZ_ISSUER": OKTA, **CHECKS},
         "`AUTHZ_ENTRA_AUTHORITY` goes with"),
        # two kinds at once
        ({"AUTHZ_ENTRA_TENANT_ID": TENANT, "AUTHZ_ISSUER": OKTA, **CHECKS}, "exclude each other"),
        ({"AUTHZ_ENTRA_TENANT_ID": TENANT, "AUTHZ_USER_POOL_ID": "eu-west-1_Ab1", **CHECKS},
         "exclude each other"),
        ({"AUTHZ_ENTRA_TENANT_ID": TENANT, "AUTHZ_PROVIDER": "okta", **CHECKS},
         "`AUTHZ_PROVIDER` goes with `AUTHZ_ISSUER` alone"),
        ({"AUTHZ_USER_POOL_ID": "eu-west-1_Ab1", "AUTHZ_PROVIDER": "okta", **CHECKS},
         "`AUTHZ_PROVIDER` goes with"),
        ({"AUTHZ_ENTRA_TENANT_ID": TENANT, "AUTHZ_JWKS_URL": "https://x.example/", **CHECKS},
         "AUTHZ_JWKS_URL"),
        ({**PROVIDERS["okta"][0], "AUTHZ_SECRET_ID": "s", **CHECKS}, "exclude each other"),
        ({"AUTHZ_ENTRA_TENANT_ID": TENANT, "AUTHZ_SECRET_ID": "s", **CHECKS},
         "exclude each other"),
        # what is wrong in it
        ({"AUTHZ_PROVIDER": "google", "AUTHZ_ISSUER": OKTA, **CHECKS}, "AUTHZ_PROVIDER"),
        ({"AUTHZ_ENTRA_TENANT_ID": "common", **CHECKS}, "`AUTHZ_ENTRA_TENANT_ID` must be"),
        ({**PROVIDERS["entra"][0], "AUTHZ_ENTRA_AUTHORITY": "login.example", **CHECKS},
         "`AUTHZ_ENTRA_AUTHORITY` must be"),
        ({"AUTHZ_PROVIDER": "okta", "AUTHZ_ISSUER": "https://orders.okta.com", **CHECKS},
         "`AUTHZ_ISSUER` must be that of a custom"),
        ({"AUTHZ_PROVIDER": "auth0", "AUTHZ_ISSUER": AUTH0[:-1], **CHECKS}, "slash at the end"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_CLIENT_CLAIM": "cid"},
         "`AUTHZ_CLIENT_CLAIM` is known"),
        ({**PROVIDERS["entra"][0], **CHECKS, "AUTHZ_ALGORITHMS": "RS256"}, "AUTHZ_ALGORITHMS"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_TOKEN_USE": "access"}, "AUTHZ_TOKEN_USE"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_AUDIENCE": "none", "AUTHZ_CLIENT_IDS": "none"},
         "AUTHZ_AUDIENCE"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_GROUPS_CLAIM": "[roles]"},
         "`AUTHZ_GROUPS_CLAIM`: .* JSON list"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_GROUPS_CLAIM": "[]"}, "JSON list"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_GROUPS_CLAIM": '["a",""]'}, "JSON list"),
        ({**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_PRINCIPAL_ID": "pool|sub"},
         "`AUTHZ_ISSUER` is none"),
        ({**PROVIDERS["entra"][0], **CHECKS, "AUTHZ_PRINCIPAL_ID": "pool|sub"},
         "`AUTHZ_ENTRA_TENANT_ID` is none"),
    ],
)  # fmt: skip
def test_what_is_half_or_wrong_is_refused_and_named(variables, named):
    given = {name: value for name, value in variables.items() if value is not None}
    with pytest.raises(ConfigurationError, match=named):
        verifier(given)


@pytest.mark.parametrize(
    ("issuer", "named"),
    [
        ("http://keycloak:8080/realms/shop", "`AUTHZ_ISSUER` must be an https URL"),
        ("ftp://id.example/realms/shop", "`AUTHZ_ISSUER` must be an absolute https URL"),
        ("https://{host}/realms/shop", "`AUTHZ_ISSUER` holds a placeholder"),
    ],
)
def test_an_issuer_that_cannot_be_fetched_from_is_named(issuer, named):
    variables = {"AUTHZ_PROVIDER": "keycloak", "AUTHZ_ISSUER": issuer}
    with pytest.raises(ConfigurationError, match=named):
        verifier(variables, CHECKS)


def test_a_keycloak_of_a_local_stack(caplog):
    issuer = "http://keycloak:8080/realms/shop"
    variables = {"AUTHZ_PROVIDER": "keycloak", "AUTHZ_ISSUER": issuer}
    built = verifier_of(settings(variables, CHECKS), InsecureHosts.of(["keycloak"]))
    assert built.issuers == {issuer}
    assert "plain http is allowed to keycloak" in caplog.text


def test_a_pools_clients_are_named():
    pool = {"AUTHZ_USER_POOL_ID": "eu-west-1_Ab1", "AUTHZ_TOKEN_USE": "access"}
    with pytest.raises(ConfigurationError, match="AUTHZ_CLIENT_IDS"):
        settings(pool, {"AUTHZ_TENANT_CLAIM": "none", "AUTHZ_CLIENT_IDS": "none"})


def test_the_client_of_a_plain_issuer(tmp_path):
    issuer = TestIssuer("https://id.example")
    (tmp_path / "keys.json").write_text(json.dumps(issuer.jwks()), encoding="utf-8")
    built = verifier(
        CHECKS,
        {"AUTHZ_ISSUER": issuer.issuer, "AUTHZ_CLIENT_CLAIM": "app, cid"},
        {"AUTHZ_JWKS_FILE": str(tmp_path / "keys.json")},
    )
    for claims in ({"app": "web"}, {"cid": "web"}, {"cid": "web", "client_id": "other"}):
        built.verify(issuer.token({"aud": "orders", **claims}))
    for claims in ({"client_id": "web"}, {"app": "other", "cid": "web"}):
        with pytest.raises(errors.InvalidClaimError):
            built.verify(issuer.token({"aud": "orders", **claims}))


def test_a_second_issuer_may_be_a_provider():
    second = {
        name.replace("AUTHZ_", "AUTHZ_2_"): value
        for name, value in {**PROVIDERS["entra"][0], **CHECKS}.items()
    }
    first = {**PROVIDERS["okta"][0], **CHECKS, "AUTHZ_PRINCIPAL_ID": "issuer|sub"}
    issuers = configured_issuers(settings(first, second), InsecureHosts())
    assert issuers.groups_claim == dict.fromkeys(sorted(issuers.verifier.issuers), "roles")
    for missing in sorted(second):
        rest = {name: value for name, value in second.items() if name != missing}
        with pytest.raises(ConfigurationError, match=r"AUTHZ_2_"):
            settings(first, rest)


def test_an_unknown_variable_is_refused():
    with pytest.raises(ConfigurationError, match="not a setting"):
        arguments_from({**REST, "AUTHZ_OKTA_ISSUER": OKTA})
    assert "okta_issuer" not in IssuerSettings.model_fields

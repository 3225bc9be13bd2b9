"""Several issuers, and every argument that has a variable."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path

import pytest

from authz_lib import (
    BearerToken,
    CedarEngine,
    Cookie,
    GatewayCache,
    Header,
    JWTVerifier,
    LambdaAuthorizer,
    QueryParameter,
    VerifiedPermissions,
)
from authz_lib.authorizer.settings import MAX_ISSUERS, Settings
from authz_lib.decisions.cache import CacheOptions
from authz_lib.decisions.cedar import EngineOptions
from authz_lib.decisions.log import DecisionLog
from authz_lib.errors import ConfigurationError
from authz_lib.gateway import Subprotocol
from authz_lib.tokens import (
    StaticKeySet,
    secret_from_parameter_store,
    secret_from_secrets_manager,
)
from authz_lib.tokens.assertion import CallerAssertion
from authz_lib.tokens.remote_keys import KeySetOptions
from authz_lib.tokens.secret_source import SecretOptions
from authz_lib.tokens.trusted_issuer import CheckOptions

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "environment.md"

FIRST = {
    "AUTHZ_USER_POOL_ID": "eu-west-1_Ab1",
    "AUTHZ_CLIENT_IDS": "web",
    "AUTHZ_TOKEN_USE": "access",
    "AUTHZ_TENANT_CLAIM": "none",
    "AUTHZ_ACTIONS": "actions.json",
    "AUTHZ_POLICY_STORE_ID": "PSEXAMPLEabcdefg111111",
    "AUTHZ_PRINCIPAL_ID": "issuer|sub",
    "AUTHZ_RESPONSE": "simple",
    "AUTHZ_GATEWAY_TTL_SECONDS": "0",
}


def issuer(number):
    before = f"AUTHZ_{number}_"
    return {
        f"{before}ISSUER": f"https://{number}.example",
        f"{before}AUDIENCE": "shop",
        f"{before}TENANT_CLAIM": "org",
        f"{before}GROUPS_CLAIM": "none",
    }


SECOND = issuer(2)


def test_each_issuer_has_its_own_settings():
    one, two = Settings.read({**FIRST, **SECOND}).issuers
    assert (one.user_pool_id, one.tenant_claim, one.groups_claim) == (
        "eu-west-1_Ab1", None, "cognito:groups",
    )  # fmt: skip
    assert (two.issuer, two.audience, two.client_ids) == ("https://2.example", ["shop"], None)
    assert (two.tenant_claim, two.groups_claim) == ("org", None)


def test_as_many_issuers_as_there_are_numbers_and_no_more():
    variables = dict(FIRST)
    for number in range(2, MAX_ISSUERS + 1):
        variables |= issuer(number)
    assert len(Settings.read(variables).issuers) == MAX_ISSUERS == 9
    with pytest.raises(ConfigurationError, match="numbers from 2 to 9"):
        Settings.read(variables | issuer(10))


@pytest.mark.parametrize("number", ["0", "1", "02", "10", "9999999999999999999999", "٢"])
def test_a_number_is_one_of_them(number):
    with pytest.raises(ConfigurationError, match="not a setting"):
        Settings.read({**FIRST, f"AUTHZ_{number}_ISSUER": "https://x.example"})


@pytest.mark.parametrize(
    "name",
    [
        "AUTHZ_2_RESPONSE", "AUTHZ_2_ACTIONS", "AUTHZ_2_INSECURE_HTTP_HOSTS", "AUTHZ_2_DISABLED",
        "AUTHZ_2_issuer", "AUTHZ_2_", "AUTHZ_2_2_ISSUER", "AUTHZ_NUMBER", "AUTHZ_2_NUMBER",
        "AUTHZ_OTHERS", "AUTHZ__ISSUER", "AUTHZ_2ISSUER",
    ],
)  # fmt: skip
def test_what_is_no_variable_of_an_issuer_is_refused(name):
    with pytest.raises(ConfigurationError, match="not a setting"):
        Settings.read({**FIRST, **SECOND, name: "2"})


def test_no_number_is_left_out():
    with pytest.raises(ConfigurationError, match=r"`AUTHZ_3_\*` is set, and `AUTHZ_2_\*` is not"):
        Settings.read({**FIRST, **issuer(3)})


@pytest.mark.parametrize("missing", sorted(SECOND))
def test_half_an_issuer_is_refused_and_named(missing):
    variables = {name: value for name, value in {**FIRST, **SECOND}.items() if name != missing}
    with pytest.raises(ConfigurationError, match=missing):
        Settings.read(variables)


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"AUTHZ_PRINCIPAL_ID": "sub"}, "AUTHZ_PRINCIPAL_ID"),
        ({"AUTHZ_PRINCIPAL_ID": "pool|sub"}, "AUTHZ_2_ISSUER"),
        ({"AUTHZ_2_TOKEN_USE": "access"}, "AUTHZ_2_TOKEN_USE"),
        ({"AUTHZ_2_LEEWAY_SECONDS": SECRET}, "AUTHZ_2_LEEWAY_SECONDS"),
        ({"AUTHZ_2_JWKS_MAX_KEYS": "many"}, "AUTHZ_2_JWKS_MAX_KEYS"),
        ({"AUTHZ_2_JWKS_ALLOW_MISSING_KID": "yes"}, "AUTHZ_2_JWKS_ALLOW_MISSING_KID"),
        ({"AUTHZ_2_ANY_GROUP": "clerks"}, "AUTHZ_2_ANY_GROUP"),  # there are no groups
        ({"AUTHZ_2_JWKS_URL": "https://x", "AUTHZ_2_JWKS_FILE": "x"}, "AUTHZ_2_JWKS_URL"),
        ({"AUTHZ_2_JWKS_FILE": "x", "AUTHZ_2_JWKS_MAX_KEYS": "3"}, "AUTHZ_2_JWKS_MAX_KEYS"),
        ({"AUTHZ_2_SECRET_JSON_KEY": SECRET}, "AUTHZ_2_SECRET_JSON_KEY"),
        ({"AUTHZ_2_SECRET_ID": SECRET, "AUTHZ_2_CLIENT_IDS": "a"}, "AUTHZ_2_CLIENT_IDS"),
        ({"AUTHZ_2_CLIENT_IDS": "a,a"}, "AUTHZ_2_CLIENT_IDS"),
        ({"AUTHZ_2_AUDIENCE": ""}, "AUTHZ_2_AUDIENCE"),
        ({"AUTHZ_LOG_IDS": "1"}, "AUTHZ_LOG_IDS"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(wrong, named):
    with pytest.raises(ConfigurationError, match=f"`{named}`") as caught:
        Settings.read({**FIRST, **SECOND, **wrong})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_plain_http_needs_something_that_is_called():
    variables = {
        **{name: value for name, value in FIRST.items() if "STORE" not in name},
        "AUTHZ_POLICIES": "policies",
        "AUTHZ_JWKS_FILE": "jwks.json",
        "AUTHZ_INSECURE_HTTP_HOSTS": "cognito",
    }
    with pytest.raises(ConfigurationError, match="`AUTHZ_INSECURE_HTTP_HOSTS` goes with"):
        Settings.read(variables)
    assert Settings.read({**variables, **SECOND}).insecure_http_hosts == ["cognito"]


# -- every argument has a variable, or a reason why it has none

CODE = "a function or an object: code"
SDK = "the AWS SDKs have variables of their own for it"
DEFAULT = "the default fits a Lambda, or code says it"
WEAKENS = "weakens a check, so code says it"
TWO_OF_ONE = "another argument of the same thing has the variable"

ARGUMENTS = {
    "LambdaAuthorizer": (
        signature(LambdaAuthorizer).parameters,
        {
            "verifier": "issuer",
            "decisions": "policy_store_id",
            "gateway_cache": "gateway_ttl_seconds",
            "assertion": "assertion_secret_id",
        },
        {},
    ),
    "CallerAssertion": (
        signature(CallerAssertion).parameters,
        {
            "key": "assertion_secret_id",
            **{
                name: f"assertion_{name}"
                for name in ("issuer", "audience", "algorithm", "lifetime_seconds")
            },
        },
        {"workload": DEFAULT, "clock": CODE},
    ),
    "GatewayCache": (
        signature(GatewayCache).parameters,
        {"ttl_seconds": "gateway_ttl_seconds"},
        {},
    ),
    "JWTVerifier": (
        signature(JWTVerifier).parameters,
        {"keys": "jwks_file", "client_id": "client_ids"},
        {"options": TWO_OF_ONE},
    ),
    "JWTVerifier.cognito": (
        signature(JWTVerifier.cognito).parameters,
        {"keys": "jwks_file", "client_id": "client_ids", "key_set": "jwks_max_keys"},
        {"fetcher": CODE, "options": TWO_OF_ONE},
    ),
    "JWTVerifier.oidc": (
        signature(JWTVerifier.oidc).parameters,
        {"client_id": "client_ids", "key_set": "jwks_max_keys"},
        {"fetcher": CODE, "options": TWO_OF_ONE},
    ),
    "JWTVerifier.entra": (
        signature(JWTVerifier.entra).parameters,
        {
            "tenant_id": "entra_tenant_id",
            "authority": "entra_authority",
            "keys": "jwks_file",
            "client_id": "client_ids",
            "key_set": "jwks_max_keys",
        },
        {"fetcher": CODE, "options": TWO_OF_ONE},
    ),
    **{
        f"JWTVerifier.{provider}": (
            signature(getattr(JWTVerifier, provider)).parameters,
            {"keys": "jwks_file", "client_id": "client_ids", "key_set": "jwks_max_keys"},
            {"fetcher": CODE, "options": TWO_OF_ONE},
        )
        for provider in ("okta", "auth0", "keycloak")
    },
    "JWTVerifier.shared_secret": (
        signature(JWTVerifier.shared_secret).parameters,
        {"secret": "secret_id", "algorithm": "algorithms"},
        {"options": TWO_OF_ONE},
    ),
    "JWTVerifier.any_of": (
        signature(JWTVerifier.any_of).parameters,
        {"verifiers": "others"},
        {"remember": DEFAULT},
    ),
    "CheckOptions": (
        CheckOptions.__optional_keys__,
        {},
        {
            "revoked": CODE,
            "check": CODE,
            "clock": CODE,
            "remember": DEFAULT,
            "remember_bytes": DEFAULT,
        },
    ),
    "RemoteKeySet": (
        KeySetOptions.__optional_keys__,
        {
            name: f"jwks_{name}"
            for name in KeySetOptions.__optional_keys__ - {"insecure_http_hosts"}
        },
        {},
    ),
    "StaticKeySet": (
        signature(StaticKeySet).parameters,
        {"document": "jwks_file"},
        {"allow_missing_kid": DEFAULT},
    ),
    "secrets": (
        SecretOptions.__optional_keys__,
        {name: f"secret_{name}" for name in SecretOptions.__optional_keys__ - {"clock"}},
        {"clock": CODE},
    ),
    "secret_from_secrets_manager": (
        signature(secret_from_secrets_manager).parameters,
        {},
        {"client": CODE, "options": TWO_OF_ONE},
    ),
    "secret_from_parameter_store": (
        signature(secret_from_parameter_store).parameters,
        {"name": "secret_parameter"},
        {"client": CODE, "options": TWO_OF_ONE},
    ),
    "VerifiedPermissions": (
        signature(VerifiedPermissions).parameters,
        {"decision_log": "log_ids"},
        {
            "client": CODE,
            "region": SDK,
            "endpoint_url": SDK,
            "on_evaluation_error": WEAKENS,
            "ids_in_conditions": WEAKENS,
            "parallel_calls": DEFAULT,
            "clock": CODE,
        },
    ),
    "cached": (
        {**signature(VerifiedPermissions.cached).parameters, **CacheOptions.__annotations__},
        {"ttl_seconds": "allow_ttl_seconds", "ttl": "action_ttl_seconds"},
        {"self": TWO_OF_ONE, "options": TWO_OF_ONE, "max_entries": DEFAULT, "clock": CODE},
    ),
    "CedarEngine": (
        EngineOptions.__optional_keys__,
        {"decision_log": "log_ids"},
        {
            "validate_policies": WEAKENS,
            "validate_requests": DEFAULT,
            "on_evaluation_error": WEAKENS,
            "clock": CODE,
        },
    ),
    "CedarEngine.from_directory": (
        signature(CedarEngine.from_directory).parameters,
        {"path": "policies"},
        {"entities": "a file of the folder", "options": TWO_OF_ONE},
    ),
    "DecisionLog": (
        signature(DecisionLog).parameters,
        {},
        {"on_decision": CODE, "hmac_key": "a key does not stand in a variable", "logger": CODE},
    ),
    "sources": (
        {
            name: None
            for source in (BearerToken, Header, Subprotocol, Cookie, QueryParameter)
            for name in signature(source).parameters
        },
        dict.fromkeys(
            ["name", "header", "scheme", "required", "prefix", "before"], "token_sources"
        ),
        {},
    ),
}
PRESETS_WITHOUT_VARIABLES = {
    "alb": "behind a load balancer there is no API Gateway to authorize for",
}
# Variables that are no argument's: how several things are put together.
OF_NOTHING = {"number", "others", "jwks_url", "user_pool_id", "provider", "actions", "policies"}


@pytest.mark.parametrize("thing", sorted(ARGUMENTS))
def test_each_argument_has_a_variable_or_a_reason(thing):
    arguments, named, reasons = ARGUMENTS[thing]
    fields = set(Settings.model_fields)
    without = {name for name in arguments if named.get(name, name) not in fields}
    assert without == set(reasons), f"{thing}: a new argument needs a variable, or a reason"
    assert all(named[name] in fields for name in named)
    assert named.keys() | reasons.keys() <= set(arguments), f"{thing}: an argument is gone"


def test_each_preset_has_variables_or_a_reason():
    presets = {
        name
        for kind in JWTVerifier.__mro__
        for name, value in vars(kind).items()
        if isinstance(value, classmethod) and not name.startswith("_")
    }
    covered = {name.partition(".")[2] for name in ARGUMENTS if name.startswith("JWTVerifier.")}
    assert presets == covered | set(PRESETS_WITHOUT_VARIABLES)


def test_each_variable_is_of_an_argument():
    reached = set(OF_NOTHING)
    for arguments, named, _ in ARGUMENTS.values():
        reached |= {named.get(name, name) for name in arguments}
    assert set(Settings.model_fields) <= reached


def test_the_table_of_the_docs_has_each_variable():
    table = re.findall(r"^\| (`AUTHZ_.*?) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    written = [name for cell in table for name in re.findall(r"`(AUTHZ_[A-Z_]+)`", cell)]
    assert len(written) == len(set(written))
    fields = set(Settings.model_fields) - {"number", "others"}
    assert set(written) == {f"AUTHZ_{field.upper()}" for field in fields}

"""Access tokens in the form of each provider: client, scopes, groups and tenant.

The forms follow the providers' public documentation; every name and value is made up.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from authz_lib import BearerToken, GatewayCache, JWTVerifier, LambdaAuthorizer, Principal, errors
from authz_lib.authorizer.callers import Callers
from authz_lib.gateway.events import Event
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

TENANT = "0f8fad5b-d9cb-469f-a165-70867728950e"
API, WEB = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "16fd2706-8baf-433b-82eb-8c7fada847da"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
V1 = f"https://sts.windows.net/{TENANT}/"
OKTA = "https://orders.okta.com/oauth2/aus1"
AUTH0 = "https://orders.eu.auth0.com/"
KEYCLOAK = "https://id.orders.example/realms/shop"
POOL = "eu-west-1_Ab1"
BALANCER = (
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
)
ORDERS = "https://orders.example"

ENTRA_2: dict[str, Any] = {
    "iss": V2, "aud": API, "sub": "pairwise-alice", "oid": "a-alice", "tid": TENANT, "azp": WEB,
    "azpacr": "0", "scp": "Orders.Read Orders.Write", "roles": ["Clerk"],
    "groups": ["f7a1", "b9c2"], "uti": "u1", "ver": "2.0",
}  # fmt: skip
ENTRA_1: dict[str, Any] = {
    "iss": V1, "aud": f"api://{API}", "sub": "pairwise-alice", "oid": "a-alice", "tid": TENANT,
    "appid": WEB, "appidacr": "0", "scp": "Orders.Read Orders.Write", "roles": ["Clerk"],
    "groups": ["f7a1", "b9c2"], "uti": "u1", "ver": "1.0",
}  # fmt: skip
OKTA_TOKEN: dict[str, Any] = {
    "ver": 1, "jti": "AT.1", "iss": OKTA, "aud": "api://orders", "cid": "0oa1", "uid": "00u1",
    "scp": ["openid", "orders.read"], "sub": "alice@orders.example", "groups": ["Clerks"],
    "org": "t1",
}  # fmt: skip
AUTH0_TOKEN: dict[str, Any] = {
    "iss": AUTH0, "sub": "auth0|65f1", "aud": [ORDERS, f"{AUTH0}userinfo"], "azp": "K1AU",
    "scope": "openid read:orders", "permissions": ["read:orders"], "org_id": "org_1",
    f"{ORDERS}/roles": ["clerk"],
}  # fmt: skip
AUTH0_RFC_9068 = {
    **{name: value for name, value in AUTH0_TOKEN.items() if name != "azp"},
    "client_id": "K1AU", "jti": "73Wa",
}  # fmt: skip
KEYCLOAK_TOKEN: dict[str, Any] = {
    "jti": "d58f", "iss": KEYCLOAK, "aud": ["orders-api", "account"], "sub": "36fa",
    "typ": "Bearer", "azp": "orders-web", "acr": "1", "scope": "openid email orders", "sid": "2a88",
    "realm_access": {"roles": ["offline_access", "clerk"]},
    "resource_access": {"orders-api": {"roles": ["reader"]}, "account": {"roles": ["view"]}},
    "groups": ["/eu/clerks"], "organization": "t1",
}  # fmt: skip
GOOGLE: dict[str, Any] = {
    "iss": "https://accounts.google.com", "azp": "407.apps.example", "aud": "407.apps.example",
    "sub": "1076", "hd": "orders.example", "email": "alice@orders.example", "email_verified": True,
}  # fmt: skip
FIREBASE: dict[str, Any] = {
    "iss": "https://securetoken.google.com/orders-1", "aud": "orders-1", "auth_time": 1,
    "user_id": "u1", "sub": "u1", "role": "clerk",
    "firebase": {"identities": {}, "sign_in_provider": "password", "tenant": "t1"},
}  # fmt: skip


def _one(issuer):
    """Plain rows have no argument for a key set: it is fetched, here from a dictionary."""
    keys = f"{issuer.issuer}/keys"
    discovery = {"issuer": issuer.issuer, "jwks_uri": keys}
    return lambda url: json.dumps(issuer.jwks() if url == keys else discovery).encode()


class Row(NamedTuple):
    """A row of the table in `docs/how-to/tokens.md`."""

    make: Any
    claims: dict[str, Any]
    client: str | None
    scopes: set[str]
    groups_claim: Any
    groups: tuple[str, ...]
    tenant_claim: Any
    tenant: str | None
    header: dict[str, Any] = {"typ": "JWT"}  # noqa: RUF012 - never written to


def cognito(issuer, **options):
    arguments = {"user_pool_id": POOL, "client_id": "web", "token_use": "access"}
    return JWTVerifier.cognito(**arguments | options, keys=issuer.key_set())


def entra(issuer, **options):
    arguments = {"tenant_id": TENANT, "audience": [API, f"api://{API}"], "client_id": WEB}
    return JWTVerifier.entra(**arguments | options, keys=issuer.key_set())


def okta(issuer, **options):
    arguments = {"audience": "api://orders", "client_id": "0oa1"}
    return JWTVerifier.okta(OKTA, **arguments | options, keys=issuer.key_set())


def auth0(issuer, **options):
    arguments = {"audience": ORDERS, "client_id": "K1AU"}
    return JWTVerifier.auth0(AUTH0, **arguments | options, keys=issuer.key_set())


def keycloak(issuer, **options):
    arguments = {"audience": "orders-api", "client_id": "orders-web"}
    return JWTVerifier.keycloak(KEYCLOAK, **arguments | options, keys=issuer.key_set())


def google(issuer, **options):
    issuer.issuer = GOOGLE["iss"]
    arguments = {"audience": "407.apps.example", "client_id": "407.apps.example"}
    return JWTVerifier.oidc(GOOGLE["iss"], **arguments | options, fetcher=_one(issuer))


def firebase(issuer, **options):
    issuer.issuer = FIREBASE["iss"]
    return JWTVerifier.oidc(FIREBASE["iss"], audience="orders-1", **options, fetcher=_one(issuer))


COGNITO_ACCESS = {
    "iss": f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}", "sub": "alice",
    "token_use": "access", "client_id": "web", "scope": "openid orders/read",
    "cognito:groups": ["clerks"], "tenant_id": "t1", "username": "alice", "version": 2,
}  # fmt: skip
ENTRA_SCOPES = {"Orders.Read", "Orders.Write"}
ENTRA_HEADER = {"typ": "JWT", "x5t": "i6lG"}
ROWS = {
    "cognito": Row(
        cognito, COGNITO_ACCESS, "web", {"openid", "orders/read"},
        "cognito:groups", ("clerks",), "tenant_id", "t1", {},
    ),
    "entra 2.0, groups": Row(
        entra, ENTRA_2, WEB, ENTRA_SCOPES, "groups", ("f7a1", "b9c2"), "tid", TENANT,
    ),
    "entra 1.0, app roles": Row(
        entra, ENTRA_1, WEB, ENTRA_SCOPES, "roles", ("Clerk",), "tid", TENANT, ENTRA_HEADER,
    ),
    "okta": Row(
        okta, OKTA_TOKEN, "0oa1", {"openid", "orders.read"}, "groups", ("Clerks",), "org", "t1", {},
    ),
    "auth0, permissions": Row(
        auth0, AUTH0_TOKEN, "K1AU", {"openid", "read:orders"},
        "permissions", ("read:orders",), "org_id", "org_1",
    ),
    "auth0, RFC 9068, a claim of an Action": Row(
        auth0, AUTH0_RFC_9068, "K1AU", {"openid", "read:orders"},
        f"{ORDERS}/roles", ("clerk",), "org_id", "org_1", {"typ": "at+jwt"},
    ),
    "keycloak, realm roles": Row(
        keycloak, KEYCLOAK_TOKEN, "orders-web", {"openid", "email", "orders"},
        "realm_access.roles", ("offline_access", "clerk"), "organization", "t1",
    ),
    "keycloak, a client's roles": Row(
        keycloak, KEYCLOAK_TOKEN, "orders-web", {"openid", "email", "orders"},
        ("resource_access", "orders-api", "roles"), ("reader",), None, None,
    ),
    "keycloak, groups": Row(
        keycloak, KEYCLOAK_TOKEN, "orders-web", {"openid", "email", "orders"},
        "groups", ("/eu/clerks",), None, None,
    ),
    "google": Row(google, GOOGLE, "407.apps.example", set(), None, (), "hd", "orders.example"),
    "firebase": Row(firebase, FIREBASE, None, set(), "role", ("clerk",), "firebase.tenant", "t1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def signer():
    return TestIssuer()


@pytest.mark.parametrize("name", ROWS)
def test_a_token_of_the_providers_form(signer, name):
    row = ROWS[name]
    token = row.make(signer).verify(signer.token(row.claims, headers=row.header))
    caller = Principal.from_token(
        token, tenant_claim=row.tenant_claim, groups_claim=row.groups_claim
    )
    assert caller.issuer == row.claims["iss"]
    assert (caller.client_id, caller.scopes) == (row.client, row.scopes)
    assert (caller.groups, caller.tenant_id) == (row.groups, row.tenant)


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name].scopes])
def test_the_verifier_requires_the_scopes_that_the_principal_has(signer, name):
    row = ROWS[name]
    token = signer.token(row.claims, headers=row.header)
    assert row.make(signer, all_scopes=row.scopes).verify(token)
    assert row.make(signer, any_scope=["none", *row.scopes]).verify(token)
    with pytest.raises(errors.InsufficientScopeError):
        row.make(signer, all_scopes=[*row.scopes, "none"]).verify(token)


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name].groups])
def test_the_verifier_requires_the_groups_that_the_principal_has(signer, name):
    row = ROWS[name]
    token = signer.token(row.claims, headers=row.header)
    options = {"groups_claim": row.groups_claim}
    assert row.make(signer, any_group=["none", row.groups[-1]], **options).verify(token)
    with pytest.raises(errors.AccessDeniedError):
        row.make(signer, any_group="none", **options).verify(token)


CLIENTS = {
    "cognito": "client_id",
    "entra 2.0, groups": "azp",
    "entra 1.0, app roles": "appid",
    "okta": "cid",
    "auth0, permissions": "azp",
    "auth0, RFC 9068, a claim of an Action": "client_id",
    "keycloak, realm roles": "azp",
    "google": "azp",
}


@pytest.mark.parametrize(("name", "claim"), CLIENTS.items())
def test_another_client_is_refused_and_the_claim_is_named(signer, name, claim):
    row = ROWS[name]
    for other in ("another", [row.client, "another"], 7, ""):
        token = signer.token({**row.claims, claim: other}, headers=row.header)
        with pytest.raises(errors.InvalidClaimError) as caught:
            row.make(signer).verify(token)
        assert caught.value.claim == claim


@pytest.mark.parametrize(
    ("name", "claim"), [pair for pair in CLIENTS.items() if pair[0] not in {"cognito", "google"}]
)
def test_a_token_without_a_client_is_no_access_token(signer, name, claim):
    """An ID token has the client in `aud`, and a client of your own may be your audience, too."""
    row = ROWS[name]
    claims = {key: value for key, value in row.claims.items() if key != claim}
    with pytest.raises(errors.InvalidClaimError, match="is missing: an access token"):
        row.make(signer, client_id=None).verify(signer.token(claims, headers=row.header))


@pytest.mark.parametrize(
    ("typ", "named"),
    [("ID", "an ID"), ("Refresh", "a refresh"), ("Offline", "an offline"), ("Logout", "a logout")],
)
def test_another_token_of_keycloak_is_no_access_token(signer, typ, named):
    claims = {**KEYCLOAK_TOKEN, "typ": typ, "aud": "orders-web"}
    with pytest.raises(errors.InvalidClaimError, match=f"this is {named} token") as caught:
        keycloak(signer, audience=None).verify(signer.token(claims))
    assert caught.value.claim == "typ"


@pytest.mark.parametrize("typ", ["Bearer", "DPoP", None, ["ID"], {"a": "ID"}])
def test_an_access_token_of_keycloak_passes(signer, typ):
    keycloak(signer).verify(signer.token({**KEYCLOAK_TOKEN, "typ": typ}))


def test_a_clients_claim_of_the_other_version_does_not_count(signer):
    claims = {**ENTRA_2, "azp": "another", "appid": WEB}
    with pytest.raises(errors.InvalidClaimError):
        entra(signer).verify(signer.token(claims))
    for version in (ENTRA_2, ENTRA_1):
        other = V1 if version["iss"] == V2 else V2
        with pytest.raises(errors.InvalidClaimError):
            entra(signer).verify(signer.token({**version, "iss": other}))


@pytest.mark.parametrize(
    "iss",
    [
        f"https://login.microsoftonline.com/{API}/v2.0", f"{V2}/", V1[:-1],
        V2.upper(), "https://login.microsoftonline.com/common/v2.0", "https://sts.windows.net/",
        [V2], None,
    ],
)  # fmt: skip
def test_issuers_are_exact(signer, iss):
    with pytest.raises(errors.InvalidClaimError) as caught:
        entra(signer).verify(signer.token({**ENTRA_2, "iss": iss}))
    assert caught.value.claim == "iss"


class TestOverage:
    """More groups than a token holds: the token says where they are, and not which."""

    ELSEWHERE = {  # noqa: RUF012 - never written to
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {
            "src1": {"endpoint": f"https://graph.example/{TENANT}/getMemberObjects"}
        },
    }
    FORMS = (
        ELSEWHERE,
        {"hasgroups": True},
        {"hasgroups": "true"},
        {"hasgroups": True, "groups": []},
        {"_claim_names": "map[groups:src1]"},
        {**ELSEWHERE, "groups": ["f7a1"]},
    )

    @staticmethod
    def token(signer, more):
        claims = {name: value for name, value in ENTRA_2.items() if name != "groups"}
        return signer.token({**claims, **more})

    @pytest.mark.parametrize("more", FORMS)
    def test_is_refused_with_a_hint_where_groups_are_asked_for(self, signer, more):
        token = self.token(signer, more)
        for options in (
            {"groups_claim": "groups"},
            {"groups_claim": "groups", "any_group": "f7a1"},
        ):
            with pytest.raises(errors.InvalidClaimError, match="group overage") as caught:
                entra(signer, **options).verify(token)
            assert caught.value.claim == "groups"
        verified = entra(signer).verify(token)
        with pytest.raises(errors.InvalidClaimError, match="group overage"):
            Principal.from_token(verified, tenant_claim=None, groups_claim="groups")

    @pytest.mark.parametrize("more", FORMS)
    def test_is_no_matter_where_roles_are_asked_for(self, signer, more):
        verified = entra(signer, groups_claim="roles").verify(self.token(signer, more))
        caller = Principal.from_token(verified, tenant_claim="tid", groups_claim="roles")
        assert (caller.groups, caller.tenant_id) == (("Clerk",), TENANT)

    @pytest.mark.parametrize("more", [{}, {"hasgroups": False}, {"_claim_names": {"email": "s"}}])
    def test_none_is_none(self, signer, more):
        verified = entra(signer, groups_claim="groups").verify(self.token(signer, more))
        caller = Principal.from_token(verified, tenant_claim=None, groups_claim="groups")
        assert caller.groups == ()

    @pytest.mark.parametrize("names", [["groups"], 7, True])
    def test_what_cannot_be_read_may_name_anything(self, signer, names):
        with pytest.raises(errors.InvalidClaimError):
            entra(signer, groups_claim="roles").verify(self.token(signer, {"_claim_names": names}))

    def test_a_tenant_that_is_elsewhere_is_unknown_too(self, signer):
        verified = entra(signer).verify(signer.token({**ENTRA_2, "_claim_names": {"tid": "src1"}}))
        with pytest.raises(errors.InvalidClaimError) as caught:
            Principal.from_token(verified, tenant_claim="tid", groups_claim=None)
        assert caught.value.claim == "tid"

    def test_the_authorizer_refuses_it(self, signer):
        handler = LambdaAuthorizer(
            verifier=entra(signer),
            token_sources=[BearerToken()],
            actions=None,
            decisions=None,
            groups_claim="groups",
            response="simple",
            gateway_cache=GatewayCache.OFF,
        )
        answers = [
            handler(events.http_authorizer_event(token=self.token(signer, more)), None)
            for more in ({"groups": ["f7a1"]}, self.ELSEWHERE)
        ]
        assert [answer["isAuthorized"] for answer in answers] == [True, False]


def test_one_claim_does_for_both_versions_of_one_tenant(signer):
    """Both name the same people: `sub` is made of the person and the API."""
    callers = Callers(entra(signer), [BearerToken()], tenant_claim="tid", groups_claim=("roles",))
    for claims in (ENTRA_1, ENTRA_2):
        event = Event.of({"headers": {"authorization": f"Bearer {signer.token(claims)}"}})
        caller = callers.identify(event).principal
        assert (caller.subject, caller.groups) == ("pairwise-alice", ("Clerk",))


def test_the_client_of_a_load_balancers_token_is_the_one_that_it_signed(signer):
    balancer = TestIssuer(algorithm="ES256")
    header = {"signer": BALANCER, "iss": KEYCLOAK, "client": "orders-web", "exp": 4_000_000_000}
    verifier = JWTVerifier.alb(
        load_balancer_arn=BALANCER,
        client_id="orders-web",
        issuer=KEYCLOAK,
        keys=balancer.key_set(),
    )
    token = verifier.verify(
        balancer.token(
            {"sub": "alice", "client_id": "what a user wrote", "org": "t1", "groups": "clerks"},
            headers=header,
        )
    )
    caller = Principal.from_token(token, tenant_claim="org", groups_claim="groups")
    assert (caller.client_id, caller.issuer) == ("orders-web", KEYCLOAK)
    assert (caller.groups, caller.tenant_id, caller.scopes) == (("clerks",), "t1", frozenset())


def test_where_the_keys_are(signer):
    asked = []

    def fetch(url):
        asked.append(url)
        return json.dumps(signer.jwks()).encode()

    rows: list[tuple[Any, ...]] = [
        (JWTVerifier.okta, OKTA, OKTA_TOKEN, f"{OKTA}/v1/keys"),
        (JWTVerifier.auth0, AUTH0, AUTH0_TOKEN, f"{AUTH0}.well-known/jwks.json"),
        (JWTVerifier.keycloak, KEYCLOAK, KEYCLOAK_TOKEN,
         f"{KEYCLOAK}/protocol/openid-connect/certs"),
    ]  # fmt: skip
    for make, issuer, claims, url in rows:
        verifier = make(issuer, audience=None, client_id=None, fetcher=fetch)
        assert verifier.verify(signer.token(claims))
        assert asked.pop() == url
        elsewhere = "https://keys.example/set"
        verifier = make(issuer, audience=None, client_id=None, fetcher=fetch, jwks_url=elsewhere)
        assert verifier.verify(signer.token(claims))
        assert asked.pop() == elsewhere
        with pytest.raises(errors.ConfigurationError, match="not both"):
            make(issuer, audience=None, client_id=None, jwks_url=elsewhere, keys=signer.key_set())


@pytest.mark.parametrize(
    ("authority", "sts"),
    [
        ("login.microsoftonline.com", "sts.windows.net"),
        ("login.microsoftonline.us", "sts.windows.net"),
        ("login.partner.microsoftonline.cn", "sts.chinacloudapi.cn"),
    ],
)
def test_each_version_and_cloud_of_entra_has_keys_of_its_own(signer, authority, sts):
    asked = []

    def fetch(url):
        asked.append(url)
        return json.dumps(signer.jwks()).encode()

    home = f"https://{authority}/{TENANT}"
    verifier = JWTVerifier.entra(
        tenant_id=TENANT.upper(),
        audience=None,
        client_id=None,
        authority=authority,
        fetcher=fetch,
    )
    assert verifier.issuers == {f"{home}/v2.0", f"https://{sts}/{TENANT}/"}
    assert verifier.verify(signer.token({**ENTRA_2, "iss": f"{home}/v2.0"}))
    assert verifier.verify(signer.token({**ENTRA_1, "iss": f"https://{sts}/{TENANT}/"}))
    assert asked == [f"{home}/discovery/v2.0/keys", f"{home}/discovery/keys"]


def entra_of(tenant_id, **options):
    return JWTVerifier.entra(tenant_id=tenant_id, audience=API, client_id=None, **options)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: entra_of("common"), "never `common`"),
        (lambda: entra_of("organizations"), "never `common`"),
        (lambda: entra_of("orders.onmicrosoft.com"), "directory"),
        (lambda: entra_of("{tenantid}"), "directory"),
        (lambda: entra_of(f"{TENANT}\n"), "directory"),
        (lambda: entra_of(None), "directory"),
        (lambda: entra_of(TENANT, authority="login.example"), "authority"),
        (lambda: entra_of(TENANT, client_claim="azp"), "client_claim"),
        (lambda: okta_of("https://orders.okta.com"), "oauth2/default"),
        (lambda: okta_of(f"{OKTA}/"), "oauth2/default"),
        (lambda: okta_of(f"{OKTA}?a=b"), "oauth2/default"),
        (lambda: okta_of(None), "oauth2/default"),
        (lambda: okta_of("http://orders.example/oauth2/default"), "https"),
        (lambda: auth0_of(AUTH0[:-1]), "slash"),
        (lambda: auth0_of("orders.eu.auth0.com"), "slash"),
        (lambda: auth0_of("https://login.orders.example"), "slash"),
        (lambda: keycloak_of(f"{KEYCLOAK}/"), "realm"),
        (lambda: keycloak_of("https://id.orders.example"), "realm"),
        (lambda: keycloak_of([KEYCLOAK]), "realm"),
    ],
)
def test_what_no_token_has_as_its_issuer_fails_when_built(build, match):
    with pytest.raises(errors.ConfigurationError, match=match):
        build()


def okta_of(issuer):
    return JWTVerifier.okta(issuer, audience=None, client_id=None)


def auth0_of(issuer):
    return JWTVerifier.auth0(issuer, audience=None, client_id=None)


def keycloak_of(issuer):
    return JWTVerifier.keycloak(issuer, audience=None, client_id=None)

"""Issuers that no token has, refused where they are configured."""

from __future__ import annotations

import pytest

from authz_lib import ExpectedGateway, JWTVerifier
from authz_lib.errors import ConfigurationError
from authz_lib.tokens.issuer_names import require_issuer_names

TENANT = "0f8fad5b-d9cb-469f-a165-70867728950e"
NO_ISSUERS = [
    ("https://login.microsoftonline.com/{tenantid}/v2.0", "placeholder"),
    ("https://login.microsoftonline.com/<tenant id>/v2.0", "placeholder"),
    ("https://sts.windows.net/{tenantid}/", "placeholder"),
    ("https://cognito-idp.eu-west-1.amazonaws.com/${UserPool}", "placeholder"),
    ("https://login.microsoftonline.com/common/v2.0", "for every tenant"),
    ("https://login.microsoftonline.com/Common", "for every tenant"),
    ("https://login.microsoftonline.com/organizations/v2.0", "for every tenant"),
    ("https://login.microsoftonline.us/consumers/v2.0/", "for every tenant"),
    ("https://sts.windows.net/common/", "for every tenant"),
    (f"https://login.microsoftonline.com/{TENANT}", "not what Entra writes"),
    (f"https://login.microsoftonline.com/{TENANT}/", "not what Entra writes"),
    (f"https://sts.windows.net/{TENANT}", "must end with a slash"),
    ("https://orders.auth0.com", "must end with a slash"),
    ("https://orders.eu.auth0.com", "must end with a slash"),
]
ISSUERS = [
    f"https://login.microsoftonline.com/{TENANT}/v2.0",
    f"https://sts.windows.net/{TENANT}/",
    "https://orders.eu.auth0.com/",
    "https://orders.okta.com/oauth2/default",
    "https://auth0.com.example",
    "https://common.example/common/v2.0",
    "accounts.google.com",
    "orders",
]


@pytest.mark.parametrize(("issuer", "match"), NO_ISSUERS)
def test_every_constructor_refuses_what_no_token_can_have(issuer, match, ec_issuer):
    keys = ec_issuer.key_set()
    for build in (
        lambda: JWTVerifier(issuer=issuer, audience=None, algorithms=["ES256"], keys=keys),
        lambda: JWTVerifier(
            issuer=["https://other.example", issuer],
            audience=None,
            algorithms=["ES256"],
            keys=keys,
        ),
        lambda: JWTVerifier.shared_secret(
            secret="correct horse battery staple, and more", issuer=issuer, audience=None
        ),
        lambda: JWTVerifier.cognito(
            user_pool_id="eu-west-1_Ab1",
            client_id=None,
            token_use=None,
            issuer=issuer,
            keys=keys,
        ),
        lambda: JWTVerifier.alb(
            load_balancer_arn="arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
            "loadbalancer/app/web/50dc6c495c",
            client_id=None,
            issuer=issuer,
        ),
        lambda: ExpectedGateway(
            kind="http-jwt",
            api_id=None,
            account_id=None,
            issuer=issuer,
            client_ids=None,
            token_use=None,
        ),
    ):
        with pytest.raises(ConfigurationError, match=match) as caught:
            build()
        assert TENANT not in str(caught.value)


@pytest.mark.parametrize("issuer", [issuer for issuer, _ in NO_ISSUERS if "{" not in issuer])
def test_discovery_refuses_it_too(issuer):
    with pytest.raises(ConfigurationError):
        JWTVerifier.oidc(issuer, audience=None)


@pytest.mark.parametrize("issuer", ISSUERS)
def test_what_a_token_may_have_is_taken(issuer):
    require_issuer_names([issuer])

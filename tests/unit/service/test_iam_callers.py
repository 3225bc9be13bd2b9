"""Who signed a request: each form of IAM caller is one person, or it is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib import ExpectedGateway, principal_from_event
from authz_lib.errors import ConfigurationError, UntrustedEventError
from authz_lib.service import IAMCallers
from authz_lib.testing import events

ACCOUNT = "123456789012"
# As Cognito makes it: one session, whoever of the pool's users signs.
SHARED = f"arn:aws:sts::{ACCOUNT}:assumed-role/App_authenticated/CognitoIdentityCredentials"
IDENTITY_POOL = "eu-west-1:4f291106-8703-466b-8f2b-3ecee1ca56ce"
ALICE = "eu-west-1:3f291106-8703-466b-8f2b-3ecee1ca56ce"
BOB = "eu-west-1:5f291106-8703-466b-8f2b-3ecee1ca56ce"
PROVIDER = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"
SUB = "11111111-2222-3333-4444-555555555555"
KINDS = ("rest-iam", "http-iam", "function-url-iam")
ALL_FORMS = (
    "identity-pool", "identity-pool-guest", "user", "role-session", "federated-user", "root",
)  # fmt: skip


def signed_in(sub=SUB, provider=PROVIDER):
    return ("authenticated", provider, f"{provider}:CognitoSignIn:{sub}")


def event_of(kind, *, arn=SHARED, identity=None, methods=None, pool=IDENTITY_POOL):
    """An event as each gateway writes it; ``identity`` is a user of an identity pool."""
    if kind == "rest-iam":
        flat = {
            "cognitoIdentityPoolId": identity and pool,
            "cognitoIdentityId": identity,
            "cognitoAuthenticationType": methods[0] if methods else None,
            "cognitoAuthenticationProvider": ",".join(methods[1:]) if methods else None,
        }
        return events.rest_event(
            identity={
                **flat, "accountId": ACCOUNT, "accessKey": "ASIAEXAMPLE", "userArn": arn,
                "caller": "AROAEXAMPLE:CognitoIdentityCredentials",
                "user": "AROAEXAMPLE:CognitoIdentityCredentials",
            }
        )  # fmt: skip
    nested = identity and {
        "amr": list(methods or ()), "identityId": identity, "identityPoolId": pool,
    }  # fmt: skip
    iam = {
        "accessKey": "ASIAEXAMPLE", "accountId": ACCOUNT, "callerId": "AROAEXAMPLE:session",
        "cognitoIdentity": nested, "principalOrgId": "o-1", "userArn": arn,
        "userId": "AROAEXAMPLE:session",
    }  # fmt: skip
    if kind == "http-iam":
        return events.http_event(authorizer={"iam": iam})
    return events.function_url_event(iam=iam)


def expected(kind, **options):
    return ExpectedGateway(
        kind=kind,
        api_id=None,
        account_id=None,
        issuer=None,
        client_ids=None,
        token_use=None,
        iam_callers=IAMCallers(**options) if options else None,
    )


def read(event, kind, **options):
    return principal_from_event(event, gateway=expected(kind, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_two_users_of_one_identity_pool_are_two_principals(kind):
    alice = read(event_of(kind, identity=ALICE, methods=signed_in()), kind)
    bob = read(event_of(kind, identity=BOB, methods=signed_in("another")), kind)
    assert (alice.subject, bob.subject) == (ALICE, BOB)
    assert alice.entity().uid != bob.entity().uid
    assert alice.claims["userArn"] == bob.claims["userArn"] == SHARED
    assert alice.claims["cognitoIdentityId"] == ALICE
    assert alice.claims["cognitoIdentityPoolId"] == IDENTITY_POOL
    assert alice.claims["cognitoAuthenticationType"] == "authenticated"
    assert alice.claims["cognitoAuthenticationProvider"] == ",".join(signed_in()[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_the_shared_session_without_an_identity_is_nobody(kind):
    """As a function URL writes it, which leaves the identity out."""
    with pytest.raises(UntrustedEventError, match="all users of an identity pool"):
        read(event_of(kind), kind, forms=ALL_FORMS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_subject_may_be_that_of_the_user_pool(kind):
    issuer = f"https://{PROVIDER}"
    event = event_of(kind, identity=ALICE, methods=signed_in())
    caller = read(event, kind, user_pool_issuer=issuer)
    assert (caller.subject, caller.issuer) == (SUB, issuer)
    assert caller.uid(principal_id="pool|sub").id == f"eu-west-1_Ab1|{SUB}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "methods",
    [
        signed_in(provider="cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"),
        (*signed_in(), f"{PROVIDER}:CognitoSignIn:mallory"),
        ("authenticated", "graph.facebook.com", "graph.facebook.com:1234"),
        ("authenticated", PROVIDER),
        signed_in(""),
        signed_in("a:b"),
        signed_in(f"x:CognitoSignIn:{SUB}"),
        ("authenticated",),
    ],
)
def test_who_signed_in_elsewhere_has_no_subject_of_the_user_pool(kind, methods):
    event = event_of(kind, identity=ALICE, methods=methods)
    with pytest.raises(UntrustedEventError, match="user_pool_issuer"):
        read(event, kind, user_pool_issuer=f"https://{PROVIDER}")
    assert read(event, kind).subject == ALICE


@pytest.mark.parametrize("kind", KINDS)
def test_guests_are_refused_unless_named(kind):
    event = event_of(kind, identity=ALICE, methods=("unauthenticated",))
    with pytest.raises(UntrustedEventError, match="identity-pool-guest"):
        read(event, kind)
    options = {"forms": ["identity-pool-guest"]}
    assert read(event, kind, **options).subject == ALICE
    with pytest.raises(UntrustedEventError, match="`identity-pool`"):
        read(event_of(kind, identity=ALICE, methods=signed_in()), kind, **options)
    # A guest has no subject of a provider: a configured one changes nothing.
    options["user_pool_issuer"] = f"https://{PROVIDER}"
    assert read(event, kind, **options).subject == ALICE


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_expected_identity_pools_are_taken(kind):
    event = event_of(kind, identity=ALICE, methods=signed_in())
    assert read(event, kind, identity_pool_ids=[IDENTITY_POOL]).subject == ALICE
    with pytest.raises(UntrustedEventError, match="identity pool"):
        read(event, kind, identity_pool_ids=["eu-west-1:another"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "broken",
    [
        {"identity": "", "pool": IDENTITY_POOL, "methods": signed_in()},
        {"identity": 7, "methods": signed_in()},
        {"identity": ALICE, "pool": None, "methods": signed_in()},
        {"identity": ALICE, "methods": None},
        {"identity": ALICE, "methods": ("foo",)},
        {"identity": ALICE, "methods": ("authenticated", "unauthenticated")},
        {"identity": ALICE, "methods": ("AUTHENTICATED",)},
    ],
)
def test_half_an_identity_is_nobody(kind, broken):
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/App/CognitoIdentityCredentials"
    with pytest.raises(UntrustedEventError):
        read(event_of(kind, arn=arn, **broken), kind, forms=ALL_FORMS)


@pytest.mark.parametrize("nested", [{}, [], "alice", {"identityId": ALICE}, {"amr": [7]}])
def test_a_malformed_identity_is_not_skipped(nested):
    event = event_of("http-iam", arn=f"arn:aws:iam::{ACCOUNT}:user/ops")
    event["requestContext"]["authorizer"]["iam"]["cognitoIdentity"] = nested
    with pytest.raises(UntrustedEventError):
        read(event, "http-iam", forms=ALL_FORMS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("form", "arn", "is_default"),
    [
        ("user", f"arn:aws:iam::{ACCOUNT}:user/ops", True),
        ("user", f"arn:aws-cn:iam::{ACCOUNT}:user/team/ops", True),
        ("role-session", f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/alice@example.com", True),
        ("role-session", f"arn:aws-us-gov:sts::{ACCOUNT}:assumed-role/OrdersRole/orders", True),
        ("federated-user", f"arn:aws:sts::{ACCOUNT}:federated-user/alice", False),
        ("root", f"arn:aws:iam::{ACCOUNT}:root", False),
    ],
)
def test_each_form_is_taken_where_it_is_named(kind, form, arn, is_default):
    event = event_of(kind, arn=arn)
    assert read(event, kind, forms=[form]).subject == arn
    others = [name for name in ALL_FORMS if name != form]
    with pytest.raises(UntrustedEventError, match=f"`{form}`"):
        read(event, kind, forms=others)
    if is_default:
        assert read(event, kind).subject == arn
    else:
        with pytest.raises(UntrustedEventError, match=f"`{form}`"):
            read(event, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:role/Deploy",  # whoever assumes it
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/path/Deploy/alice",
        f"arn:aws:iam::{ACCOUNT}:user/",
        f"arn:aws:iam::{ACCOUNT}:user/*",
        f"arn:aws:iam::{ACCOUNT}:user/a b",
        f"arn:aws:iam::{ACCOUNT}:user/ops\n",
        f"arn:aws:iam::{ACCOUNT}:group/ops",
        f"arn:aws:sts::{ACCOUNT}:user/ops",
        f"arn:aws:iam::{ACCOUNT}:root/x",
        "arn:aws:iam:::root",
        "theUserArn",
        7,
    ],
)
def test_an_arn_that_names_nobody_is_refused(kind, arn):
    with pytest.raises(UntrustedEventError, match="userArn"):
        read(event_of(kind, arn=arn), kind, forms=ALL_FORMS)


@pytest.mark.parametrize("kind", KINDS)
def test_sessions_of_one_role_are_told_apart_by_their_names(kind):
    role = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy"
    subjects = {
        read(event_of(kind, arn=f"{role}/{name}"), kind).subject for name in ("alice", "bob")
    }
    assert len(subjects) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"forms": []},
        {"forms": "user"},
        {"forms": ["role"]},
        {"forms": [7]},
        {"forms": None},
        {"identity_pool_ids": []},
        {"identity_pool_ids": IDENTITY_POOL},
        {"identity_pool_ids": [""]},
        {"user_pool_issuer": ""},
        {"user_pool_issuer": 7},
        {"user_pool_issuer": "https://accounts.google.com"},
        {"user_pool_issuer": "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"},
    ],
)
def test_a_wrong_configuration_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        IAMCallers(**wrong)


def test_it_is_for_iam_only():
    with pytest.raises(ConfigurationError, match="iam_callers"):
        expected("http-jwt", forms=["user"])
    with pytest.raises(ConfigurationError, match="iam_callers"):
        ExpectedGateway(
            kind="rest-iam", api_id=None, account_id=None, issuer=None, client_ids=None,
            token_use=None, iam_callers={"forms": ["user"]},
        )  # fmt: skip


@pytest.mark.conformance
@pytest.mark.skipif(
    "AUTHZ_VECTORS" not in os.environ, reason="AUTHZ_VECTORS names the folder of the vectors"
)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("apigw-v2-request-iam", "http-iam"),
        ("apigw-request", "rest-iam"),
        ("lambda-urls-request", "function-url-iam"),
    ],
)
def test_the_public_captures(name, kind):
    folder = Path(os.environ["AUTHZ_VECTORS"], "gateway", "events", "aws-lambda-go")
    event = json.loads((folder / f"{name}.json").read_text())
    if kind == "function-url-iam":
        event["requestContext"]["domainName"] = "abc.lambda-url.us-west-2.on.aws"
        assert read(event, kind).subject == "arn:aws:iam::111122223333:user/example-user"
        return
    # Their sign-in is a placeholder, which says neither yes nor no.
    with pytest.raises(UntrustedEventError, match="signed in"):
        read(event, kind)
    if kind == "http-iam":
        event["requestContext"]["authorizer"]["iam"]["cognitoIdentity"]["amr"] = list(signed_in())
        assert read(event, kind).subject == "us-east-1:3f291106-8703-466b-8f2b-3ecee1ca56ce"

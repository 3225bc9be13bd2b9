"""Tokens that the Cognito of others issued: moto's, in process, and ministack's, over HTTP."""

from __future__ import annotations

from importlib.util import find_spec

import boto3
import pytest
import requests
from moto import mock_aws

from authz_lib import JWTVerifier, StaticKeySet, errors

PASSWORD = "Correct-Horse-7-Battery"


def sign_in(client):
    """A pool with a user in a group; returns the pool, the client and a fresh access and ID
    token.
    """
    pool = client.create_user_pool(PoolName="people")["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    app = client.create_user_pool_client(
        UserPoolId=pool, ClientName="web", ExplicitAuthFlows=flows
    )["UserPoolClient"]
    client.admin_create_user(UserPoolId=pool, Username="alice", MessageAction="SUPPRESS")
    client.admin_set_user_password(
        UserPoolId=pool, Username="alice", Password=PASSWORD, Permanent=True
    )
    client.create_group(UserPoolId=pool, GroupName="clerks")
    client.admin_add_user_to_group(UserPoolId=pool, Username="alice", GroupName="clerks")
    answer = client.initiate_auth(
        ClientId=app["ClientId"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "alice", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return pool, app["ClientId"], answer["AccessToken"], answer["IdToken"]


def check(access, identity, *, client_id, **options):
    """Each token passes where it is meant, and nowhere else."""
    of_access = JWTVerifier.cognito(client_id=client_id, token_use="access", **options)
    of_identity = JWTVerifier.cognito(client_id=client_id, token_use="id", **options)
    token = of_access.verify(access)
    assert token.claims["client_id"] == client_id
    assert token.claims["cognito:groups"] == ("clerks",)
    assert of_identity.verify(identity).claims["aud"] == client_id
    for verifier, wrong in ((of_access, identity), (of_identity, access)):
        with pytest.raises(errors.InvalidClaimError):
            verifier.verify(wrong)
    with pytest.raises(errors.InvalidClaimError):
        JWTVerifier.cognito(client_id="other", token_use="access", **options).verify(access)
    with pytest.raises(errors.InvalidSignatureError):
        of_access.verify(access[:-10] + ("A" if access[-10] != "A" else "B") + access[-9:])


def test_tokens_of_moto_verify(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        pool, client_id, access, identity = sign_in(
            boto3.client("cognito-idp", region_name="us-east-1")
        )
        # moto answers for the pool's own URL, to `requests` only.
        document = requests.get(
            f"https://cognito-idp.us-east-1.amazonaws.com/{pool}/.well-known/jwks.json", timeout=5
        )
    check(
        access, identity, client_id=client_id, user_pool_id=pool, keys=StaticKeySet(document.json())
    )


@pytest.mark.stack
@pytest.mark.skipif(find_spec("authz_local") is None, reason="needs `authz-local`")
def test_tokens_of_ministack_verify():
    """Its key set is fetched over HTTP; its issuer is the one it writes into its tokens."""
    from authz_local.stack import LocalAWS

    with LocalAWS() as aws:
        pool, client_id, access, identity = sign_in(aws.client("cognito-idp"))
        jwks_url = f"{aws.url}/{pool}/.well-known/jwks.json"
        check(access, identity, client_id=client_id, user_pool_id=pool, jwks_url=jwks_url)

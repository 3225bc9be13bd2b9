"""A client that takes no passwords is let take them, and keeps its other settings."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from authz_local.sign_in import signed_in

TOKENS = {"AccessToken": "a", "IdToken": "i", "RefreshToken": "r"}


class RefusedError(Exception):
    """As botocore's `InvalidParameterException`."""


class Identity:
    """As much of Cognito as is asked."""

    exceptions = SimpleNamespace(InvalidParameterException=RefusedError)

    def __init__(self, *flows):
        self.client = {
            "UserPoolId": "pool",
            "ClientId": "web",
            "ClientName": "platform-web",
            "ExplicitAuthFlows": list(flows),
            "WriteAttributes": ["email"],
            "CreationDate": "today",
            "LastModifiedDate": "today",
        }
        self.updates = []

    def initiate_auth(self, **asked):
        assert (asked["ClientId"], asked["AuthFlow"]) == ("web", "USER_PASSWORD_AUTH")
        if "ALLOW_USER_PASSWORD_AUTH" not in self.client["ExplicitAuthFlows"]:
            raise RefusedError
        assert asked["AuthParameters"] == {"USERNAME": "alice", "PASSWORD": "secret"}
        return {"AuthenticationResult": TOKENS}

    def describe_user_pool_client(self, **_):
        return {"UserPoolClient": self.client}

    def update_user_pool_client(self, **settings):
        self.updates.append(settings)
        self.client = settings


def sign_in(identity):
    return signed_in(identity, pool_id="pool", client_id="web", user="alice", password="secret")


def test_a_client_that_takes_passwords_is_left_as_it_is():
    identity = Identity("ALLOW_USER_PASSWORD_AUTH")
    assert sign_in(identity) == TOKENS
    assert identity.updates == []


def test_a_client_of_the_hosted_login_is_let_take_them_and_keeps_the_rest():
    identity = Identity("ALLOW_REFRESH_TOKEN_AUTH")
    assert sign_in(identity) == TOKENS
    (settings,) = identity.updates
    assert settings == {
        "UserPoolId": "pool",
        "ClientId": "web",
        "ClientName": "platform-web",
        "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"],
        "WriteAttributes": ["email"],
    }


def test_a_password_that_is_wrong_stays_refused():
    identity = Identity("ALLOW_USER_PASSWORD_AUTH")
    with pytest.raises(AssertionError):
        signed_in(identity, pool_id="pool", client_id="web", user="alice", password="wrong")
    assert identity.updates == []

"""Tokens 1: a secret that leaked stays valid, its successor is refused, JSON is taken whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from authz_lib import JWTVerifier, errors
from authz_lib.tokens import SharedSecretIssuer

try:
    from authz_lib.tokens import secret_from_secrets_manager
except ImportError:  # where it was on 0a5d560
    from authz_lib.tokens.secret_sources import secret_from_secrets_manager

OLD, NEW = "correct horse battery staple, and more", "the secret after it, known to few as well"


class SecretsManager:
    """A client with two versions of one secret; the newer one came ``hours_ago``."""

    def __init__(self, current, previous=None, hours_ago=0):
        self.values = {"AWSCURRENT": current, "AWSPREVIOUS": previous}
        self.created = datetime.now(UTC) - timedelta(hours=hours_ago)

    def get_secret_value(self, **query):
        return {
            "SecretString": self.values[query["VersionStage"]],
            "CreatedDate": self.created,
            "VersionId": query["VersionStage"],
        }


def verifier_of(client):
    return JWTVerifier.shared_secret(
        secret=secret_from_secrets_manager("orders", client=client), issuer=None, audience=None
    )


def test_a_secret_that_was_rotated_out_an_hour_ago_is_refused():
    verifier = verifier_of(SecretsManager(NEW, OLD, hours_ago=1))
    with pytest.raises(errors.InvalidSignatureError):
        verifier.verify(SharedSecretIssuer(secret=OLD).mint("thief"))
    assert verifier.verify(SharedSecretIssuer(secret=NEW).mint("worker"))


def test_a_running_verifier_accepts_the_successor():
    client = SecretsManager(OLD, OLD)
    verifier = verifier_of(client)
    assert verifier.verify(SharedSecretIssuer(secret=OLD).mint("worker"))
    client.values = {"AWSCURRENT": NEW, "AWSPREVIOUS": OLD}
    assert verifier.verify(SharedSecretIssuer(secret=NEW).mint("worker"))
    assert verifier.verify(SharedSecretIssuer(secret=OLD).mint("worker"))


def test_a_json_object_is_not_taken_whole():
    stored = f'{{"jwt_secret": "{OLD}"}}'
    with pytest.raises(errors.ConfigurationError, match="json_key"):
        verifier_of(SecretsManager(stored, stored)).verify(
            SharedSecretIssuer(secret=OLD).mint("worker")
        )

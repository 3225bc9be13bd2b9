"""`authz revoke`, against a table of moto."""

from __future__ import annotations

from types import SimpleNamespace

import boto3
import moto
import pytest

from authz_lib.cli.main import main
from authz_lib.integrations.revoked_tokens import RevokedTokens

ISSUER = "https://issuer.example"
LATER = "4000000000"


@pytest.fixture
def is_revoked(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with moto.mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="revoked",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        claims = {"jti": "j1", "origin_jti": "o1", "sub": "alice", "iat": 1000}
        token = SimpleNamespace(claims=claims, issuer=ISSUER)
        yield lambda: RevokedTokens("revoked", on_failure="closed")(token)


@pytest.mark.parametrize(
    "words",
    [
        ["token", "j1", "--expires-at", LATER],
        ["sign-in", "o1", "--expires-at", LATER],
        ["subject", "alice"],
        ["subject", "alice", "--up-to", "1000"],
    ],
)
def test_what_is_revoked_is_refused(is_revoked, capsys, words):
    assert not is_revoked()
    assert main(["revoke", "revoked", *words, "--issuer", ISSUER]) == 0
    assert is_revoked()
    assert capsys.readouterr().out == f"revoked: {words[0]}, in table revoked\n"


def test_an_earlier_time_leaves_later_tokens(is_revoked):
    assert (
        main(["revoke", "revoked", "subject", "alice", "--up-to", "999", "--issuer", ISSUER]) == 0
    )
    assert not is_revoked()


@pytest.mark.parametrize(
    "words",
    [
        ["revoked", "token", "j1"],
        ["revoked", "token", "j1", "--expires-at", LATER, "--up-to", "1"],
        ["revoked", "token", "j1", "--expires-at", "nan"],
        ["revoked", "subject", "alice", "--expires-at", LATER],
        ["elsewhere", "subject", "alice"],
    ],
)
def test_what_cannot_be_done_is_one_line(is_revoked, capsys, words):
    assert main(["revoke", *words, "--issuer", ISSUER]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not is_revoked()

"""Revoked tokens, in a real table of moto: what is refused, for how long one may still pass."""

from __future__ import annotations

import logging
import os
import threading
from types import SimpleNamespace

import boto3
import moto
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from authz_lib import JWTVerifier
from authz_lib.errors import ConfigurationError, DependencyError, TokenRevokedError
from authz_lib.integrations.revoked_tokens import RevokedTokens
from authz_lib.testing.issuer import TestIssuer

NOW = 1_800_000_000.0
ISSUER = "https://issuer.example"


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with moto.mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName="revoked",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield Counting(dynamodb)


class Counting:
    """The client, with a count of its questions and a fault instead of an answer."""

    def __init__(self, client):
        self._client, self.asked, self.fault = client, 0, None

    def __getattr__(self, method):
        def call(**arguments):
            self.asked += 1
            if self.fault is not None:
                if isinstance(self.fault, BaseException):
                    raise self.fault
                return self.fault
            return getattr(self._client, method)(**arguments)

        return call


@pytest.fixture
def revoked(client, clock):
    return RevokedTokens("revoked", on_failure="closed", client=client, clock=clock)


def token(issuer=ISSUER, **claims):
    given = {"jti": "j1", "origin_jti": "o1", "sub": "alice", "iat": NOW - 10}
    kept = {name: value for name, value in (given | claims).items() if value is not None}
    return SimpleNamespace(claims=kept, issuer=issuer)


def refused(code, status=400):
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "BatchGetItem"
    )


def test_a_token_passes_until_it_is_revoked(revoked):
    assert revoked(token()) is False
    revoked.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 3600)
    assert revoked(token()) is True
    assert revoked(token(jti="j2", origin_jti="o2", sub="bob")) is False
    assert revoked(token(jti="j2")) is False


def test_a_whole_sign_in(revoked):
    revoked.revoke_sign_in("o1", issuer=ISSUER, expires_at=NOW + 3600)
    assert revoked(token()) is True
    assert revoked(token(jti="j2")) is True
    assert revoked(token(jti="j2", origin_jti="o2")) is False


@pytest.mark.parametrize(
    ("issued_at", "is_revoked"),
    [
        (NOW - 1, True),
        (NOW, True),
        (NOW + 0.5, False),
        (NOW + 1, False),
        (None, True),
        ("1", True),
        (True, True),
        (float("nan"), True),
    ],
)
def test_everything_of_a_subject_up_to_a_time(revoked, issued_at, is_revoked):
    revoked.revoke_subject("alice", issuer=ISSUER)
    assert revoked(token(iat=issued_at)) is is_revoked
    assert revoked(token(sub="bob")) is False


def test_a_later_time_counts_and_an_earlier_one_changes_nothing(revoked):
    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW - 100)
    assert revoked(token(iat=NOW - 50)) is False
    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW)
    assert revoked(token(iat=NOW - 50)) is True
    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW - 100)
    assert revoked(token(iat=NOW - 50)) is True


def test_what_is_listed_for_longer_stays_as_long(revoked, client):
    def ends():
        (item,) = client.scan(TableName="revoked")["Items"]
        return item["expires_at"]["N"]

    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW - 9, lifetime_seconds=86_400)
    assert ends() == "1800086392"
    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW, lifetime_seconds=60)
    assert ends() == "1800086392"
    assert revoked(token(iat=NOW - 5)) is True
    revoked.revoke_subject("alice", issuer=ISSUER, up_to=NOW, lifetime_seconds=90_000)
    assert ends() == "1800090001"


@pytest.mark.parametrize("name", ["revoke_token", "revoke_sign_in"])
def test_an_end_that_has_passed_is_a_mistake(revoked, client, name):
    """Such as a duration: the table would forget at once."""
    with pytest.raises(ConfigurationError, match="has passed"):
        getattr(revoked, name)("j1", issuer=ISSUER, expires_at=3600)
    assert client.asked == 0


TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
            "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
        ),
        (
            f"https://login.microsoftonline.com/{TENANT}/v2.0",
            f"https://sts.windows.net/{TENANT}/",
        ),
    ],
)
def test_a_pool_and_a_tenant_have_one_user_under_both_of_their_issuers(revoked, one, other):
    revoked.revoke_subject("alice", issuer=one)
    assert revoked(token(issuer=one)) is True
    assert revoked(token(issuer=other)) is True


def test_the_name_of_the_table_may_be_its_arn(client, clock):
    """Whether the answer names the table so, or by its name, does not matter."""
    arn = client.describe_table(TableName="revoked")["Table"]["TableArn"]
    revoked = RevokedTokens(arn, on_failure="closed", client=client, clock=clock)
    item = {"id": {"S": "x"}, "kind": {"S": "token"}}
    client.fault = {"Responses": {"revoked": [item]}, "UnprocessedKeys": {}}
    assert revoked(token()) is True


def test_an_answer_from_before_a_revocation_is_not_remembered(client, clock):
    """A question that was under way when this process revoked."""
    here = RevokedTokens("revoked", on_failure="closed", client=client, clock=clock)
    real, before = client._client.batch_get_item, []

    def slow(**arguments):
        answer = real(**arguments)
        if not before:
            before.append(None)
            here.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 60)
        return answer

    client._client = SimpleNamespace(batch_get_item=slow, update_item=client._client.update_item)
    assert here(token()) is False
    assert here(token()) is True


def test_who_asks_after_a_revocation_does_not_wait_for_an_older_answer(client, clock):
    here = RevokedTokens("revoked", on_failure="closed", client=client, clock=clock)
    real, found = client._client.batch_get_item, []

    def slow(**arguments):
        answer = real(**arguments)
        if not found:
            found.append(None)
            here.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 60)
            later = threading.Thread(target=lambda: found.append(here(token())))
            later.start()
            later.join(2)
        return answer

    client._client = SimpleNamespace(batch_get_item=slow, update_item=client._client.update_item)
    assert here(token()) is False
    assert found == [None, True]


def test_names_are_of_one_issuer_and_of_one_kind(revoked):
    revoked.revoke_token("j1", issuer="https://other.example", expires_at=NOW + 3600)
    revoked.revoke_token("j1", issuer=None, expires_at=NOW + 3600)
    revoked.revoke_token("o1", issuer=ISSUER, expires_at=NOW + 3600)
    revoked.revoke_sign_in("j1", issuer=ISSUER, expires_at=NOW + 3600)
    revoked.revoke_token("alice", issuer=ISSUER, expires_at=NOW + 3600)
    assert revoked(token()) is False
    assert revoked(token(issuer=None)) is True


@pytest.mark.parametrize("claims", [{}, {"jti": 5}, {"jti": ""}, {"sub": ["alice"]}])
def test_a_token_that_nobody_could_revoke_is_refused(revoked, claims):
    given = {"jti": None, "origin_jti": None, "sub": None}
    assert revoked(token(**(given | claims))) is True


def test_other_claims_of_other_providers(client, clock):
    revoked = RevokedTokens(
        "revoked",
        on_failure="closed",
        client=client,
        clock=clock,
        jti_claim="uti",
        sign_in_claim="sid",
    )
    revoked.revoke_token("u1", issuer=ISSUER, expires_at=NOW + 60)
    revoked.revoke_sign_in("s1", issuer=ISSUER, expires_at=NOW + 60)
    assert revoked(token(uti="u1")) is True
    assert revoked(token(sid="s1")) is True
    assert revoked(token(jti="u1")) is False


def test_the_table_names_nobody_and_forgets(revoked, client):
    revoked.revoke_subject("alice", issuer=ISSUER, lifetime_seconds=60)
    revoked.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 3600.5)
    items = client.scan(TableName="revoked")["Items"]
    assert sorted(item["expires_at"]["N"] for item in items) == ["1800000061", "1800003601"]
    assert "alice" not in str(items)
    assert "j1" not in str(items)


def test_what_was_found_is_remembered_for_a_stated_time_in_every_process(client, clock):
    here, there = (
        RevokedTokens("revoked", on_failure="closed", client=client, clock=clock) for _ in "ab"
    )
    assert (here(token()), there(token())) == (False, False)
    here.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 3600)
    assert (here(token()), there(token())) == (True, False)
    clock.now += 9.9
    assert there(token()) is False
    clock.now += 0.1
    assert there(token()) is True


def test_a_remembered_answer_asks_nobody_whatever_is_listed(revoked, client):
    for number in range(50):
        revoked.revoke_token(f"other-{number}", issuer=ISSUER, expires_at=NOW + 60)
    client.asked = 0
    assert [revoked(token()) for _ in range(100)] == [False] * 100
    assert client.asked == 1


def test_a_clock_that_ran_backwards_remembers_nothing(revoked, client, clock):
    revoked(token())
    clock.now -= 1
    revoked(token())
    assert client.asked == 2


DOWN = {
    "no connection": EndpointConnectionError(endpoint_url="https://alice"),
    "throttled": refused("ProvisionedThroughputExceededException"),
    "a server fault": refused("InternalServerError", 500),
    "garbage": "alice",
    "keys left over": {"Responses": {}, "UnprocessedKeys": {"revoked": {"Keys": [{}]}}},
    "no status": ClientError({}, "BatchGetItem"),
    "an empty answer": {},
    "an answer without lists": {"Responses": {"revoked": "alice"}},
}


@pytest.mark.parametrize("fault", DOWN)
def test_closed_refuses_when_the_table_does_not_answer(revoked, client, fault):
    client.fault = DOWN[fault]
    with pytest.raises(DependencyError) as raised:
        revoked(token())
    assert "alice" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("fault", DOWN)
def test_open_lets_pass_and_says_so(client, clock, caplog, fault):
    revoked = RevokedTokens("revoked", on_failure="open", client=client, clock=clock)
    client.fault = DOWN[fault]
    assert revoked(token()) is False
    (line,) = caplog.messages
    assert line.endswith("; it passes")
    assert "alice" not in line


def test_when_it_is_down_it_is_not_asked_each_time(client, clock):
    revoked = RevokedTokens("revoked", on_failure="open", client=client, clock=clock)
    client.fault = DOWN["no connection"]
    for number in range(50):
        revoked(token(jti=f"j{number}"))
    assert client.asked == 1
    clock.now += 31
    client.fault = None
    revoked.revoke_token("j7", issuer=ISSUER, expires_at=NOW + 60)
    assert revoked(token(jti="j7")) is True


@pytest.mark.parametrize("on_failure", ["open", "closed"])
@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException"])
def test_a_table_that_refuses_is_no_outage(client, clock, on_failure, code):
    revoked = RevokedTokens("revoked", on_failure=on_failure, client=client, clock=clock)
    client.fault = refused(code)
    with pytest.raises(ConfigurationError, match=code):
        revoked(token())


def test_a_failed_revocation_is_raised(revoked, client):
    client.fault = DOWN["no connection"]
    with pytest.raises(DependencyError):
        revoked.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 60)


def test_a_verifier_takes_it_as_its_hook(client):
    issuer = TestIssuer(ISSUER, algorithm="EdDSA")
    revoked = RevokedTokens("revoked", on_failure="closed", client=client)
    verifier = JWTVerifier(
        issuer=ISSUER,
        audience=None,
        algorithms=["EdDSA"],
        keys=issuer.key_set(),
        revoked=revoked,
    )
    signed = issuer.token({"sub": "alice", "jti": "j1"})
    assert verifier.verify(signed)
    revoked.revoke_token("j1", issuer=ISSUER, expires_at=4e9)
    with pytest.raises(TokenRevokedError):
        verifier.verify(signed)
    client.fault = DOWN["no connection"]
    with pytest.raises(DependencyError):
        verifier.verify(issuer.token({"sub": "bob", "jti": "j2"}))


def test_the_client_of_its_own(client, clock, caplog):
    """Made at the first question, in a region of the environment."""
    caplog.set_level(logging.CRITICAL)
    revoked = RevokedTokens("revoked", on_failure="closed", clock=clock)
    revoked.revoke_token("j1", issuer=ISSUER, expires_at=NOW + 60)
    assert revoked(token()) is True


def test_without_a_region_it_is_a_setting(monkeypatch, clock):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(ConfigurationError):
        RevokedTokens("revoked", on_failure="open", clock=clock)(token())


@pytest.mark.parametrize(
    "options",
    [
        {"on_failure": "maybe"},
        {"on_failure": None},
        {"table_name": ""},
        {"remember_seconds": -1},
        {"remember_seconds": 3601},
        {"max_entries": 0},
        {"jti_claim": ""},
        {"clock": 5},
    ],
)
def test_wrong_arguments(options):
    given = {"table_name": "revoked", "on_failure": "closed"} | options
    with pytest.raises(ConfigurationError):
        RevokedTokens(given.pop("table_name"), **given)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_time_that_is_none(revoked, value):
    with pytest.raises(ConfigurationError):
        revoked.revoke_token("j1", issuer=ISSUER, expires_at=value)
    with pytest.raises(ConfigurationError):
        revoked.revoke_token("", issuer=ISSUER, expires_at=NOW)


def test_its_choice_must_be_made():
    with pytest.raises(TypeError):
        RevokedTokens("revoked")

"""A code that says "later" is an outage to each reader of an AWS error, and never a setting."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from authz_lib.decisions.avp_errors import error_for
from authz_lib.errors import (
    ConfigurationError,
    DependencyError,
    PolicyStoreMisconfiguredError,
    PolicyStoreThrottledError,
    PolicyStoreUnavailableError,
)
from authz_lib.integrations.revoked_tokens import RevokedTokens
from authz_lib.service import outages_as_503
from authz_lib.transport.aws import read_parameter, read_secret
from authz_lib.transport.aws_codes import LATER_CODES, THROTTLING_CODES


class Refusing:
    """A client of boto3's whose every call is refused."""

    def __init__(self, code, status):
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
        self.error = ClientError(answer, "Get")

    def call(self, **_):
        raise self.error

    get_parameter = get_secret_value = update_item = call


def behind_a_handler(client):
    with outages_as_503():
        client.call()


def revoke(client):
    revoked = RevokedTokens("revoked", on_failure="closed", client=client)
    revoked.revoke_subject("alice", issuer=None)


def ask_the_policy_store(client):
    answer = client.error.response
    code, status = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    raise error_for(code, status, answer)


READERS = {
    "parameter": lambda client: read_parameter("/n", client=client),
    "secret": lambda client: read_secret("n", client=client),
    "service": behind_a_handler,
    "revoked tokens": revoke,
    "policy store": ask_the_policy_store,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("code", sorted(LATER_CODES))
def test_each_code_is_an_outage_to_each_reader(reader, code):
    with pytest.raises(DependencyError) as raised:
        READERS[reader](Refusing(code, 400))
    assert raised.value.status == 503


@pytest.mark.parametrize(
    ("reader", "raised"),
    [
        ("parameter", ConfigurationError),
        ("secret", ConfigurationError),
        ("service", ClientError),
        ("revoked tokens", DependencyError),
        ("policy store", PolicyStoreMisconfiguredError),
    ],
)
def test_a_quota_is_no_outage_but_of_dynamodb(reader, raised):
    with pytest.raises(raised):
        READERS[reader](Refusing("LimitExceededException", 400))


@pytest.mark.parametrize("reader", READERS)
def test_the_status_429_is_enough(reader):
    with pytest.raises(DependencyError):
        READERS[reader](Refusing("SomethingNew", 429))


@pytest.mark.parametrize("code", sorted(LATER_CODES))
def test_a_policy_store_that_throttles_is_told_from_one_that_is_late(code):
    is_throttled = code in THROTTLING_CODES
    expected = PolicyStoreThrottledError if is_throttled else PolicyStoreUnavailableError
    assert type(error_for(code, 400, {})) is expected


def test_what_botocore_tries_again_is_listed_but_for_a_quota():
    listed = THROTTLING_CODES | {"LimitExceededException"}
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) == listed
    assert set(TransientRetryableChecker._TRANSIENT_ERROR_CODES) <= LATER_CODES

"""boto3 behind a handler: bounded waiting, and which of its errors is an outage."""

from __future__ import annotations

import pytest
from botocore import exceptions

from authz_lib.errors import ConfigurationError, DependencyError
from authz_lib.service import outages_as_503, patient_client, service_handler


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def refused(status, code="Some"):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "HeadObject")


def answered(error):
    @service_handler
    def handler(event, context):
        with outages_as_503():
            raise error

    return handler({}, None)["statusCode"]


def test_a_client_gives_up_long_before_the_gateway():
    config = patient_client("s3").meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries["total_max_attempts"] == 2


def test_what_is_given_takes_the_place_of_the_settings():
    config = patient_client("s3", read_timeout=9, s3={"addressing_style": "virtual"}).meta.config
    assert (config.connect_timeout, config.read_timeout) == (2, 9)
    assert config.s3["addressing_style"] == "virtual"


def test_a_client_that_cannot_be_made_is_told_when_it_is_built(monkeypatch):
    with pytest.raises(ConfigurationError, match=r"no client for `no-such` .*UnknownServiceError"):
        patient_client("no-such")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ConfigurationError, match="NoRegionError"):
        patient_client("sqs")


def test_an_endpoint_where_nobody_listens_is_503(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    client = patient_client("sqs", retries={"total_max_attempts": 1})
    with pytest.raises(DependencyError) as raised, outages_as_503():
        client.list_queues()
    assert raised.value.__cause__ is None
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectTimeoutError(endpoint_url="https://x"),
        exceptions.ReadTimeoutError(endpoint_url="https://x"),
        exceptions.EndpointConnectionError(endpoint_url="https://x"),
        exceptions.ConnectionClosedError(endpoint_url="https://x"),
        exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        exceptions.CredentialRetrievalError(provider="x", error_msg="x"),
        *map(refused, (429, 500, 502, 503, 504)),
        refused(400, "ThrottlingException"),
        refused(400, "ProvisionedThroughputExceededException"),
        refused(400, "RequestLimitExceeded"),
    ],
    ids=lambda error: str(error)[:60],
)
def test_silence_and_later_are_503(error):
    assert answered(error) == 503


@pytest.mark.parametrize(
    "error",
    [
        refused(403),
        refused(404),
        refused(400, "ValidationException"),
        exceptions.ParamValidationError(report="x"),
        exceptions.NoCredentialsError(),
        ValueError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_and_a_mistake_are_our_fault(error):
    assert answered(error) == 500


def test_what_goes_well_goes_on():
    with outages_as_503():
        done = True
    assert done


def test_what_another_client_raises_is_named():
    class SilentError(Exception):
        """As a database's driver has."""

    with pytest.raises(DependencyError, match=r"SilentError"), outages_as_503(SilentError):
        raise SilentError("postgresql://user:password@host")
    with pytest.raises(SilentError), outages_as_503():
        raise SilentError

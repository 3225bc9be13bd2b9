"""SSM and Secrets Manager: one reader, so one set of times and one set of errors."""

from __future__ import annotations

import socket
import sys
import threading
import time

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from authz_lib.errors import ConfigurationError, DependencyError
from authz_lib.service import api_id_from_parameter_store
from authz_lib.tokens import secret_from_parameter_store, secret_from_secrets_manager
from authz_lib.transport.aws import (
    KeptClient,
    read_parameter,
    read_parameter_version,
    read_previous_secret,
    read_secret,
)

READERS = {
    "api id": lambda client: api_id_from_parameter_store("/n", client=client)(),
    "parameter": lambda client: secret_from_parameter_store("/n", client=client).accepted(),
    "secret": lambda client: secret_from_secrets_manager("/n", client=client).accepted(),
    "previous secret": lambda client: read_previous_secret("/n", client=client),
    "previous parameter": lambda client: read_parameter_version("/n", 1, client=client),
}


@pytest.fixture(params=READERS)
def read(request):
    return READERS[request.param]


@pytest.fixture(autouse=True)
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    # On a busy machine boto3 alone may take longer than a question may.
    monkeypatch.setattr("authz_lib.transport.aws._TOTAL_SECONDS", 60.0)


class Failing:
    """A client of both services whose calls all fail, or all answer the same."""

    def __init__(self, result):
        self.result = result

    def get_parameter(self, **_):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    get_secret_value = get_parameter


def refusal(code, status=400):
    error = {"Code": code, "Message": "not to be quoted"}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, "Get")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (refusal("AccessDeniedException"), ConfigurationError),
        (refusal("ParameterNotFound"), ConfigurationError),
        (refusal("InvalidRequestException"), ConfigurationError),
        (refusal("ThrottlingException"), DependencyError),
        (refusal("InternalServiceError", 500), DependencyError),
        (refusal("ServiceUnavailable", 503), DependencyError),
        (ConnectionError("not to be quoted"), DependencyError),
        (NoCredentialsError(), ConfigurationError),
        (None, DependencyError),
    ],
)
def test_no_is_told_from_could_not_find_out(read, failure, expected):
    with pytest.raises(expected, match="`/n` could not be read from") as caught:
        read(Failing(failure))
    assert type(caught.value) is expected
    assert "quoted" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_who_does_not_answer_is_asked_twice_and_briefly(read, monkeypatch):
    monkeypatch.setattr("authz_lib.transport.aws._READ_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and says nothing
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DependencyError, match="ReadTimeoutError"):
            read(None)
        silent.settimeout(5)
        for _ in range(2):
            silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_without_boto3_it_is_a_setting_that_is_missing(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)  # importing it now fails
    with pytest.raises(ConfigurationError, match="ModuleNotFoundError"):
        read(None)


def test_no_such_secret_is_a_setting():
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        read_secret("/n", client=Failing(refusal("ResourceNotFoundException")))


def test_an_answer_without_a_parameter_is_none():
    with pytest.raises(DependencyError, match="not understood"):
        read_parameter("/n", client=Failing({}))


def test_each_reads_the_version_that_it_names():
    asked = []

    class Store:
        def get_secret_value(self, **query):
            asked.append(query["VersionStage"])
            return {"SecretString": "x"}

        def get_parameter(self, **query):
            asked.append((query["Name"], query.get("WithDecryption", False)))
            return {"Parameter": {"Value": "x"}}

    read_secret("s", client=Store())
    read_previous_secret("s", client=Store())
    read_parameter("/n", client=Store())
    read_parameter_version("/n", 3, client=Store())
    assert asked == ["AWSCURRENT", "AWSPREVIOUS", ("/n", False), ("/n:3", True)]


def test_a_version_that_is_not_there_is_no_failure():
    assert read_previous_secret("/n", client=Failing(refusal("ResourceNotFoundException"))) is None
    gone = Failing(refusal("ParameterVersionNotFound"))
    assert read_parameter_version("/n", 1, client=gone) is None


class TestKeptClient:
    def test_it_is_made_at_the_first_call_and_anew_after_a_fork(self):
        kept = KeptClient("ssm")
        made = kept.get("it")
        assert kept.get("it") is made
        kept.reset()
        assert kept.get("it") is not made

    def test_a_client_that_was_given_is_never_replaced(self):
        given = Failing(None)
        kept = KeptClient("ssm", given)
        kept.reset()
        assert kept.get("it") is given


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"]
)
def test_an_answer_that_drips_ends_with_the_total(read, serve, monkeypatch, head):
    monkeypatch.setattr("authz_lib.transport.aws._TOTAL_SECONDS", 0.3)
    stop = threading.Event()

    def drip(received, sock):
        sock.sendall(head)
        while not stop.wait(0.02):
            sock.sendall(b"x")

    server = serve(drip)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    began = time.monotonic()
    with pytest.raises(DependencyError, match="TimeoutError"):
        read(None)
    assert time.monotonic() - began < 10  # the body alone would take three minutes
    stop.set()
    server.close()
    for thread in threading.enumerate():
        if thread.name == "authz-lib-boto3":
            thread.join(10)

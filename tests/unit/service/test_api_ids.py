"""An API's id out of Parameter Store: found once, and "not there" is told from "could not find
out".
"""

from __future__ import annotations

import socket
import sys
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from authz_lib.errors import ConfigurationError, DependencyError
from authz_lib.gateway.context import to_context
from authz_lib.principal import Principal
from authz_lib.service import ExpectedGateway, api_id_from_parameter_store, principal_from_event
from authz_lib.testing import events

NAME = "/orders/rest-api-id"


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


@pytest.fixture
def store():
    with mock_aws():
        yield boto3.client("ssm")


class Answers:
    """What Parameter Store answers, one after the other; an error is raised."""

    def __init__(self, *answers):
        self.left = list(answers)
        self.asked = []

    def get_parameter(self, **asked):
        self.asked.append(asked)
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"Parameter": {"Type": "String", "Value": answer}}


def refusal(code, status=400):
    return ClientError(
        {
            "Error": {"Code": code, "Message": "secret"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "GetParameter",
    )


def test_it_is_read_from_the_parameter_and_not_before_it_is_asked_for(store):
    find = api_id_from_parameter_store(NAME)
    store.put_parameter(Name=NAME, Value="a1b2c3d4e5", Type="String")
    assert find() == "a1b2c3d4e5"
    assert api_id_from_parameter_store(NAME, client=store)() == "a1b2c3d4e5"


def test_to_make_one_loads_no_boto3(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)  # importing it now fails
    find = api_id_from_parameter_store(NAME)
    with pytest.raises(ConfigurationError, match="ModuleNotFoundError"):
        find()


def test_the_gateway_asks_for_it_once_and_pins_it():
    answers = Answers(refusal("ThrottlingException"), "a1b2c3d4e5")
    gateway = ExpectedGateway(
        kind="http-lambda",
        api_id=api_id_from_parameter_store(NAME, client=answers),
        account_id=None,
        issuer=None,
        client_ids=None,
        token_use=None,
    )
    context = {"lambda": to_context(Principal("alice", expires_at=time.time() + 60))}
    event = events.http_event(authorizer=context, api_id="a1b2c3d4e5")
    with pytest.raises(DependencyError):
        principal_from_event(event, gateway=gateway)  # not remembered: the next event asks again
    for _ in range(2):
        assert principal_from_event(event, gateway=gateway).subject == "alice"
    assert answers.asked == [{"Name": NAME}] * 2


@pytest.mark.parametrize("name", ["", None, 7, b"/orders"])
def test_what_is_no_name_is_refused_when_built(name):
    with pytest.raises(ConfigurationError, match="`name` must be"):
        api_id_from_parameter_store(name)


def test_no_parameter_and_a_parameter_of_another_type_are_faults_of_the_configuration(store):
    with pytest.raises(ConfigurationError, match=r"`/orders/rest-api-id` .* \(ParameterNotFound\)"):
        api_id_from_parameter_store(NAME)()
    store.put_parameter(Name=NAME, Value="a1b2c3d4e5", Type="SecureString")
    with pytest.raises(ConfigurationError, match="is not a `String`"):
        api_id_from_parameter_store(NAME)()


def test_no_region_is_a_fault_of_the_configuration(monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigurationError, match="NoRegionError"):
        api_id_from_parameter_store(NAME)()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("AccessDeniedException"), ConfigurationError),
        (refusal("ParameterNotFound"), ConfigurationError),
        (refusal("ThrottlingException"), DependencyError),
        (refusal("InternalServerError", 500), DependencyError),
        (refusal("ServiceUnavailable", 503), DependencyError),
        (ConnectionError("secret"), DependencyError),
    ],
)
def test_no_is_told_from_could_not_find_out_and_nothing_is_quoted(error, expected):
    with pytest.raises(expected) as caught:
        api_id_from_parameter_store(NAME, client=Answers(error))()
    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nobody_who_answers_is_waited_for_briefly_and_asked_twice(monkeypatch):
    monkeypatch.setattr("authz_lib.transport.aws._READ_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and says nothing
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DependencyError, match="ReadTimeoutError"):
            api_id_from_parameter_store(NAME)()
        silent.settimeout(5)
        for _ in range(2):
            silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()

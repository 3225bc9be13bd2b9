"""A boto3 client waits for a known time, and keeps no connections of a parent process."""

from __future__ import annotations

import os
import sys

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.transport.boto3_client import ForkSafeClient, bounded_client


class Client:
    closed = 0

    def close(self):
        self.closed += 1


def test_another_process_closes_what_it_inherited_once(monkeypatch):
    client = Client()
    safe = ForkSafeClient(client)
    assert safe.get() is client
    assert client.closed == 0
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    assert safe.get() is safe.get() is client
    assert client.closed == 1


@pytest.fixture
def region(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def made(service="sqs", **options):
    return bounded_client(service, "no client", connect_seconds=1, read_seconds=3, **options)


@pytest.mark.usefixtures("region")
class TestBoundedClient:
    def test_it_has_the_times_and_two_attempts(self):
        config = made().meta.config
        assert (config.connect_timeout, config.read_timeout) == (1, 3)
        assert config.retries == {"mode": "standard", "total_max_attempts": 2}
        assert made(attempts=1).meta.config.retries["total_max_attempts"] == 1

    def test_what_is_given_takes_the_place_of_the_settings(self):
        client = made(config={"region_name": "eu-west-1", "read_timeout": 9})
        assert client.meta.region_name == "eu-west-1"
        assert client.meta.config.read_timeout == 9

    def test_a_client_that_cannot_be_made_is_a_setting(self, monkeypatch):
        with pytest.raises(ConfigurationError, match=r"^no client \(UnknownServiceError\)$"):
            made("no-such")
        with pytest.raises(ConfigurationError, match=r"^no client \(TypeError\)$"):
            made(config={"no_such": 1})
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(ConfigurationError, match=r"^no client \(NoRegionError\)$") as raised:
            made(config={"region_name": None})
        assert raised.value.__cause__ is None

    def test_without_boto3_it_is_a_setting(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "boto3", None)  # importing it now fails
        with pytest.raises(ConfigurationError, match="ModuleNotFoundError"):
            made()

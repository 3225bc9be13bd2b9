"""Security 10: `http` to another host than this machine, past the check of the endpoint."""

from __future__ import annotations

import socket

import pytest

from authz_lib import EntityUid, VerifiedPermissions, errors
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.sigv4 import Credentials

DOC = EntityUid("Doc", "1")


@pytest.fixture
def connected(monkeypatch):
    """What was asked of a resolver; nothing is connected to."""
    asked = []

    def look_up(host, *_args, **_options):
        asked.append(host)
        raise socket.gaierror(-2, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example\\.localhost",
        "http://evil.example\\@x.localhost",
        "http://evil.example\\.localhost:8080/",
    ],
)
def test_a_host_that_two_parsers_read_differently_is_refused(url):
    with pytest.raises(errors.ConfigurationError):
        VerifiedPermissions("PS1", region="eu-west-1", endpoint_url=url)


def test_a_name_below_localhost_is_asked_of_no_name_server(connected):
    client = ThinClient(
        region="eu-west-1",
        endpoint_url="http://evil.localhost",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        max_attempts=1,
    )
    with pytest.raises(errors.PolicyStoreUnavailableError):
        VerifiedPermissions("PS1", client=client).is_authorized_with_token(
            "View", DOC, access_token="a.b.c"
        )
    assert "evil.localhost" not in connected

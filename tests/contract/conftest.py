"""A local policy store, and each way to ask it."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

from authz_lib import VerifiedPermissions
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.sigv4 import Credentials
from authz_lib.testing.policy_store import PolicyStoreServer

REGION = "eu-west-1"


@pytest.fixture
def server():
    with PolicyStoreServer() as running:
        yield running


def _boto3_client(endpoint_url, *, read_timeout=60.0, attempts=2):
    return boto3.client(
        "verifiedpermissions",
        region_name=REGION,
        endpoint_url=endpoint_url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(
            connect_timeout=60,
            read_timeout=read_timeout,
            retries={"total_max_attempts": attempts, "mode": "standard"},
        ),
    )


@pytest.fixture
def boto3_client():
    """Makes a boto3 client for an endpoint, with timeouts that no busy machine reaches."""
    return _boto3_client


def _thin_client(endpoint_url, *, read_timeout=60.0, attempts=2):
    return ThinClient(
        region=REGION,
        endpoint_url=endpoint_url,
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        connect_timeout_seconds=60,
        read_timeout_seconds=read_timeout,
        max_attempts=attempts,
        sleep=lambda _: None,
    )


@pytest.fixture(params=["thin", "boto3"])
def client_for(request):
    """Makes a client for an endpoint: once our thin one, once boto3."""
    return {"thin": _thin_client, "boto3": _boto3_client}[request.param]


@pytest.fixture
def thin_client():
    """Makes a thin client for an endpoint."""
    return _thin_client


@pytest.fixture
def permissions(server, client_for):
    """Makes a `VerifiedPermissions` for a store of the local server."""
    return lambda store_id, **options: VerifiedPermissions(
        store_id, client=client_for(server.url), **options
    )

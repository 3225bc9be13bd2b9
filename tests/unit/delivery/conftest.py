"""A Lambda client that calls a server of the test, and an event that ends a silence."""

from __future__ import annotations

import threading

import boto3
import pytest
from botocore.config import Config


@pytest.fixture
def lambda_client():
    """Makes a client with one attempt for the Lambda service at a URL."""
    return make_lambda_client


def make_lambda_client(url, **config):
    settings = {
        "connect_timeout": 0.5,
        "read_timeout": 1.0,
        "retries": {"total_max_attempts": 1},
        **config,
    }
    return boto3.client(
        "lambda",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret-text",
        config=Config(**settings),
    )


@pytest.fixture
def release():
    """Set it, and what is silent goes on."""
    event = threading.Event()
    yield event
    event.set()

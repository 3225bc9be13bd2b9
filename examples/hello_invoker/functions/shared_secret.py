"""The secret of invoker and authorizer.  Secrets Manager makes it, and nothing else holds it."""

from __future__ import annotations

import os

import boto3


def shared_secrets() -> list[str]:
    """The current secret first and, after a rotation, the one before it."""
    client = boto3.client("secretsmanager")
    current = client.get_secret_value(SecretId=os.environ["SECRET_ARN"])
    try:
        before = client.get_secret_value(
            SecretId=os.environ["SECRET_ARN"], VersionStage="AWSPREVIOUS"
        )
    except client.exceptions.ResourceNotFoundException:  # never rotated
        before = {}
    return [current["SecretString"], *filter(None, [before.get("SecretString")])]

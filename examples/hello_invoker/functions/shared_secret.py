"""The secret that invoker and authorizer share.  Secrets Manager makes it; no file, variable or default holds it."""

from __future__ import annotations

import os

import boto3


def shared_secrets() -> list[str]:
    """The current secret first and, for the time of a rotation, the one before it."""
    client = boto3.client("secretsmanager")
    found = []
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        try:
            answer = client.get_secret_value(SecretId=os.environ["SECRET_ARN"], VersionStage=stage)
        except client.exceptions.ResourceNotFoundException:
            if stage == "AWSCURRENT":
                raise
            continue  # never rotated
        found.append(answer["SecretString"])
    return found

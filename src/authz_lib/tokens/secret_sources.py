"""Shared secrets from where they are kept: the environment, Secrets Manager, SSM Parameter Store.

Each returns what the ``secret`` argument of :meth:`authz_lib.JWTVerifier.shared_secret` and
:class:`~authz_lib.tokens.SharedSecretIssuer` takes.  They are read once, while building; a rotated
secret is seen by the next process, so keep the previous one beside it until no process and no token
of it is left.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from authz_lib.errors import ConfigurationError

__all__ = ["secret_from_environment", "secret_from_parameter_store", "secret_from_secrets_manager"]


def secret_from_environment(name: str) -> str:
    """The secret that an environment variable holds.

    Raises:
        ConfigurationError: the variable is missing or empty; names it.

    >>> secret_from_environment("NO_SUCH_SECRET")
    Traceback (most recent call last):
    authz_lib.errors.ConfigurationError: environment variable `NO_SUCH_SECRET` is missing or empty
    """
    secret = os.environ.get(name)
    if not secret:
        raise ConfigurationError(f"environment variable `{name}` is missing or empty")
    return secret


def secret_from_secrets_manager(secret_id: str, *, client: Any = None) -> list[str | bytes]:
    """The current secret of Secrets Manager and, while a rotation is under way, the previous one.

    Needs ``secretsmanager:GetSecretValue``.  The whole value is the secret: a JSON document is not
    taken apart.

    Raises:
        ConfigurationError: the current version could not be read.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    client = client or import_module("boto3").client("secretsmanager")
    secrets = [_secret_version(client, secret_id, stage) for stage in ("AWSCURRENT", "AWSPREVIOUS")]
    if secrets[0] is None:
        raise ConfigurationError(f"secret `{secret_id}` could not be read from Secrets Manager")
    return [secret for secret in secrets if secret is not None]


def _secret_version(client: Any, secret_id: str, stage: str) -> str | bytes | None:
    try:
        answer = client.get_secret_value(SecretId=secret_id, VersionStage=stage)
    except client.exceptions.ResourceNotFoundException:
        return None  # never rotated: there is no previous version
    except Exception as error:  # noqa: BLE001 - a botocore error may quote the request; its name says enough
        raise ConfigurationError(
            f"secret `{secret_id}` could not be read from Secrets Manager ({type(error).__name__})"
        ) from None
    secret: str | bytes | None = answer.get("SecretString") or answer.get("SecretBinary")
    return secret


def secret_from_parameter_store(name: str, *, client: Any = None) -> str:
    """The secret that a ``SecureString`` parameter of SSM holds.

    Needs ``ssm:GetParameter`` and ``kms:Decrypt``.

    Raises:
        ConfigurationError: the parameter could not be read, or is not a ``SecureString``.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    client = client or import_module("boto3").client("ssm")
    try:
        parameter = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    except Exception as error:  # noqa: BLE001 - as above
        raise ConfigurationError(
            f"parameter `{name}` could not be read from Parameter Store ({type(error).__name__})"
        ) from None
    if parameter["Type"] != "SecureString":
        raise ConfigurationError(f"parameter `{name}` is not a `SecureString`")
    return str(parameter["Value"])

"""Where shared secrets are kept: the environment, Secrets Manager, Parameter Store."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from authz_lib._support.checks import require_one_of, require_optional_text, require_text
from authz_lib.errors import ConfigurationError, DependencyError
from authz_lib.tokens.secret_material import ENCODINGS, Encoding, Secret, taken_out
from authz_lib.tokens.secret_source import SecretOptions, SecretSource, StoredSecret
from authz_lib.transport.aws import (
    KeptClient,
    read_parameter,
    read_parameter_version,
    read_previous_secret,
    read_secret,
)

if TYPE_CHECKING:
    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "secret_from_environment",
    "secret_from_parameter_store",
    "secret_from_secrets_manager",
]


def secret_from_environment(
    name: str, *, json_key: str | None = None, encoding: Encoding = "text"
) -> Secret:
    """The secret that an environment variable holds.  It is read once, here.

    Args:
        name: the variable.
        json_key: the member that is the secret, where the variable holds a JSON object.
        encoding: ``"base64"`` where the text stands for bytes.

    Raises:
        ConfigurationError: the variable is missing, empty or of another form; names it.

    >>> secret_from_environment("NO_SUCH_SECRET")
    Traceback (most recent call last):
      ...
    authz_lib.errors.ConfigurationError: environment variable `NO_SUCH_SECRET` is missing or empty
    """
    require_optional_text(json_key, "json_key")
    require_one_of(encoding, "encoding", ENCODINGS)
    secret = os.environ.get(name)
    if not secret:
        raise ConfigurationError(f"environment variable `{name}` is missing or empty")
    try:
        return taken_out(secret, json_key=json_key, encoding=encoding)
    except ConfigurationError as error:
        raise ConfigurationError(f"environment variable `{name}`: {error}") from None


def secret_from_secrets_manager(
    secret_id: str, *, client: Any = None, **options: Unpack[SecretOptions]
) -> SecretSource:
    """The current secret of Secrets Manager and, for a while after a rotation, the previous.

    It is first read when a token is verified or signed, and refreshes as `SecretSource` says.
    Needs ``secretsmanager:GetSecretValue``.

    The console's key/value form is a JSON object: name the key by ``json_key``.

    Args:
        secret_id: its name or ARN.
        client: a boto3 client for ``secretsmanager``; its own timeouts and retries apply.  Without
            one: 1 s to connect, 2 s to read, two attempts.
        options: those of `SecretSource`.

    Raises:
        ConfigurationError: an argument that makes no sense.

    >>> secret_from_secrets_manager("orders/jwt", json_key="jwt_secret")
    <SecretSource: secret `orders/jwt` of Secrets Manager>

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    require_text(secret_id, "secret_id")
    name = f"secret `{secret_id}` of Secrets Manager"
    return SecretSource(name, _SecretsManager(secret_id, name, client), **options)


def secret_from_parameter_store(
    name: str, *, client: Any = None, **options: Unpack[SecretOptions]
) -> SecretSource:
    """The secret of a ``SecureString`` parameter and, for a while after a change, the previous.

    It is first read when a token is verified or signed, and refreshes as `SecretSource` says.
    Needs ``ssm:GetParameter`` and ``kms:Decrypt``.  A name with a version or a label
    (``name:3``) has no previous one.

    Args:
        name: the parameter's name or ARN.
        client: a boto3 client for ``ssm``; its own timeouts and retries apply.  Without one: 1 s to
            connect, 2 s to read, two attempts.
        options: those of `SecretSource`.

    Raises:
        ConfigurationError: an argument that makes no sense.

    >>> secret_from_parameter_store("/orders/jwt")
    <SecretSource: parameter `/orders/jwt` of Parameter Store>

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    require_text(name, "name")
    title = f"parameter `{name}` of Parameter Store"
    return SecretSource(title, _ParameterStore(name, title, client), **options)


class _SecretsManager:
    """The versions ``AWSCURRENT`` and ``AWSPREVIOUS``."""

    def __init__(self, secret_id: str, title: str, client: Any) -> None:
        self._secret_id = secret_id
        self._title = title
        self._client = KeptClient("secretsmanager", client)

    def current(self) -> StoredSecret:
        return self._stored(read_secret(self._secret_id, client=self._client))

    # The protocol has this argument.
    def previous(self, current: StoredSecret) -> StoredSecret | None:  # noqa: ARG002
        answer = read_previous_secret(self._secret_id, client=self._client)
        return None if answer is None else self._stored(answer)

    def _stored(self, answer: JSONObject) -> StoredSecret:
        value = answer.get("SecretString") or answer.get("SecretBinary") or ""
        if not isinstance(value, str | bytes):
            raise DependencyError(f"{self._title} could not be read (the answer is not understood)")
        return StoredSecret(value, created=_seconds(answer.get("CreatedDate")))


class _ParameterStore:
    """The newest version of a parameter and the one before it."""

    def __init__(self, name: str, title: str, client: Any) -> None:
        self._name = name
        self._title = title
        self._client = KeptClient("ssm", client)

    def current(self) -> StoredSecret:
        return self._stored(read_parameter(self._name, client=self._client, decrypt=True))

    def previous(self, current: StoredSecret) -> StoredSecret | None:
        if current.number is None or current.number < 2:
            return None
        parameter = read_parameter_version(self._name, current.number - 1, client=self._client)
        return None if parameter is None else self._stored(parameter)

    def _stored(self, parameter: JSONObject) -> StoredSecret:
        if parameter.get("Type") != "SecureString":
            raise ConfigurationError(f"{self._title} is not a `SecureString`")
        value, number = parameter.get("Value"), parameter.get("Version")
        if not isinstance(value, str):
            raise DependencyError(f"{self._title} could not be read (the answer is not understood)")
        return StoredSecret(
            value,
            created=_seconds(parameter.get("LastModifiedDate")),
            number=number if type(number) is int and not parameter.get("Selector") else None,
        )


def _seconds(moment: object) -> float | None:
    return moment.timestamp() if isinstance(moment, datetime) else None

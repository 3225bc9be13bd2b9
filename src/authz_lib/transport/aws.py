"""The one reader of SSM Parameter Store and Secrets Manager.

1 s to connect, 2 s to read, two attempts, and 7 s for everything together: botocore bounds each
read, not the whole.  A client of yours has its own bounds.

| what happened | error |
|---|---|
| refused, not there, no credentials, no Region | ``ConfigurationError`` |
| no answer, throttled, a server fault | ``DependencyError`` |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from authz_lib.errors import AuthzError, ConfigurationError, DependencyError
from authz_lib.transport.deadline import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib._support.strict_json import JSONObject

__all__ = ["read_parameter", "read_secret"]

_CONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = 2.0
_ATTEMPTS: Final = 2
_TOTAL_SECONDS: Final = 7.0  # both attempts, and the wait between them
_THROTTLED: Final = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
)
# Of botocore, by name: nothing was asked, because a setting is missing.
_SETTINGS: Final = frozenset({"NoCredentialsError", "PartialCredentialsError", "NoRegionError"})


def read_parameter(name: str, *, client: Any = None, decrypt: bool = False) -> JSONObject:
    """A parameter of Parameter Store, with its ``Type`` and ``Value``.

    Args:
        name: its name or ARN.
        client: a boto3 client for ``ssm``; its own timeouts and retries apply.
        decrypt: read a ``SecureString`` in plain text; needs ``kms:Decrypt``.

    Raises:
        ConfigurationError: Parameter Store refused, there is no such parameter, or no client could
            be made.
        DependencyError: it did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    what = f"parameter `{name}` could not be read from Parameter Store"
    asked = {"WithDecryption": True} if decrypt else {}
    ssm = _Bounded("ssm", what) if client is None else client
    answer = _ask(lambda: ssm.get_parameter(Name=name, **asked), what) or {}
    parameter = answer.get("Parameter")
    if not isinstance(parameter, dict):
        raise DependencyError(f"{what} (the answer is not understood)")
    return parameter


def read_secret(
    secret_id: str, *, client: Any = None, with_previous: bool = False
) -> list[str | bytes]:
    """The current value of a secret and, where asked for and while there is one, the previous.

    Args:
        secret_id: its name or ARN.
        client: a boto3 client for ``secretsmanager``; its own timeouts and retries apply.
        with_previous: also read the version ``AWSPREVIOUS``.

    Raises:
        ConfigurationError: Secrets Manager refused, there is no such secret, or no client could be
            made.
        DependencyError: it did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    what = f"secret `{secret_id}` could not be read from Secrets Manager"
    manager = _Bounded("secretsmanager", what) if client is None else client

    current = _version(manager, secret_id, "AWSCURRENT", what)
    if current is None:
        raise ConfigurationError(f"{what} (ResourceNotFoundException)")
    previous = _version(manager, secret_id, "AWSPREVIOUS", what) if with_previous else None
    return [current] if previous is None else [current, previous]


def _version(manager: Any, secret_id: str, stage: str, what: str) -> str | bytes | None:
    """One version of a secret; ``None`` where there is none: it was never rotated."""
    answer = _ask(
        lambda: manager.get_secret_value(SecretId=secret_id, VersionStage=stage),
        what,
        absent="ResourceNotFoundException",
    )
    if answer is None:
        return None
    value = answer.get("SecretString") or answer.get("SecretBinary")
    if not isinstance(value, str | bytes):
        raise ConfigurationError(f"{what} (it is empty)")
    return value


class _Bounded:
    """A client that is built here, each question of which ends after `_TOTAL_SECONDS`."""

    def __init__(self, service: str, what: str) -> None:
        self._client = _client(service, what)

    def get_parameter(self, **query: Any) -> Any:
        return within(_TOTAL_SECONDS, lambda: self._client.get_parameter(**query))

    def get_secret_value(self, **query: Any) -> Any:
        return within(_TOTAL_SECONDS, lambda: self._client.get_secret_value(**query))


def _client(service: str, what: str) -> Any:
    try:
        config = import_module("botocore.config").Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        return import_module("boto3").client(service, config=config)
    except Exception as error:  # noqa: BLE001  # no Region, a broken profile: all are settings
        raise ConfigurationError(f"{what} ({type(error).__name__})") from None


def _ask(call: Callable[[], Any], what: str, *, absent: str | None = None) -> JSONObject | None:
    """The answer, or ``None`` where it is the error whose code is ``absent``."""
    from botocore.exceptions import ClientError

    try:
        answer = call()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == absent:
            return None
        raise _refusal(error.response, what) from None
    except Exception as error:  # noqa: BLE001  # its text may quote the request; its name does not
        name = type(error).__name__
        kind = ConfigurationError if name in _SETTINGS else DependencyError
        raise kind(f"{what} ({name})") from None
    if not isinstance(answer, dict):
        raise DependencyError(f"{what} (the answer is not understood)")
    return answer


def _refusal(answer: Any, what: str) -> AuthzError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    kind = DependencyError if status >= 500 or code in _THROTTLED else ConfigurationError
    return kind(f"{what} ({code})")

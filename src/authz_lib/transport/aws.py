"""The one reader of SSM Parameter Store and Secrets Manager.

1 s to connect, 2 s to read, two attempts, and 7 s for everything together: botocore bounds each
read, not the whole.  A client of yours has its own bounds.

| what happened | error |
|---|---|
| refused, not there, no credentials, no Region | ``ConfigurationError`` |
| no answer, throttled, a server fault | ``DependencyError`` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.fork import reset_in_child
from authz_lib.errors import AuthzError, ConfigurationError, DependencyError
from authz_lib.transport.aws_codes import LATER_CODES
from authz_lib.transport.boto3_client import bounded_client
from authz_lib.transport.deadline import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib._support.strict_json import JSONObject

__all__ = [
    "KeptClient",
    "read_parameter",
    "read_parameter_version",
    "read_previous_secret",
    "read_secret",
]

_CONNECT_SECONDS: Final = 1.0
_READ_SECONDS: Final = 2.0
_TOTAL_SECONDS: Final = 7.0  # both attempts, and the wait between them
# Of botocore, by name: nothing was asked, because a setting is missing.
_SETTINGS: Final = frozenset({"NoCredentialsError", "PartialCredentialsError", "NoRegionError"})


class KeptClient:
    """A client that is made at its first call and kept, or the one that was given.

    A forked process makes its own: two processes must not share a connection.

    Args:
        service: what boto3 calls the service.
        client: the caller's own client, which is never replaced.
    """

    __slots__ = ("__weakref__", "_given", "_made", "_service")

    def __init__(self, service: str, client: Any = None) -> None:
        self._service = service
        self._given = client
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Forget the client that was made, as after a fork."""
        self._made: Any = None

    def get(self, what: str) -> Any:
        """The client.

        Raises:
            ConfigurationError: none could be made; ``what`` is the beginning of the message.
        """
        if self._given is not None:
            return self._given
        if self._made is None:
            self._made = _Bounded(self._service, what)
        return self._made


def read_parameter(name: str, *, client: Any = None, decrypt: bool = False) -> JSONObject:
    """A parameter of Parameter Store, with its ``Type`` and ``Value``.

    Args:
        name: its name or ARN.
        client: a boto3 client for ``ssm``, whose own timeouts and retries apply, or a `KeptClient`.
        decrypt: read a ``SecureString`` in plain text; needs ``kms:Decrypt``.

    Raises:
        ConfigurationError: Parameter Store refused, there is no such parameter, or no client could
            be made.
        DependencyError: it did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
    """
    what = f"parameter `{name}` could not be read from Parameter Store"
    asked = {"WithDecryption": True} if decrypt else {}
    ssm = _resolved(client, "ssm", what)
    answer = _ask(lambda: ssm.get_parameter(Name=name, **asked), what) or {}
    return _parameter(answer, what)


def read_parameter_version(name: str, version: int, *, client: Any = None) -> JSONObject | None:
    """One version of a parameter, in plain text; ``None`` where that version is gone.

    Needs no permission beyond `read_parameter`'s, and raises what it raises.
    """
    what = f"version {version} of parameter `{name}` could not be read from Parameter Store"
    ssm = _resolved(client, "ssm", what)
    answer = _ask(
        lambda: ssm.get_parameter(Name=f"{name}:{version}", WithDecryption=True),
        what,
        absent="ParameterVersionNotFound",
    )
    return None if answer is None else _parameter(answer, what)


def _parameter(answer: JSONObject, what: str) -> JSONObject:
    parameter = answer.get("Parameter")
    if not isinstance(parameter, dict):
        raise DependencyError(f"{what} (the answer is not understood)")
    return parameter


def read_secret(secret_id: str, *, client: Any = None) -> JSONObject:
    """The current version of a secret, as ``GetSecretValue`` answers it.

    Args:
        secret_id: its name or ARN.
        client: a boto3 client for ``secretsmanager``, whose own timeouts and retries apply, or a
            `KeptClient`.

    Raises:
        ConfigurationError: Secrets Manager refused, there is no such secret, or no client could be
            made.
        DependencyError: it did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    what = f"secret `{secret_id}` could not be read from Secrets Manager"
    current = _version(secret_id, "AWSCURRENT", client, what)
    if current is None:
        raise ConfigurationError(f"{what} (ResourceNotFoundException)")
    return current


def read_previous_secret(secret_id: str, *, client: Any = None) -> JSONObject | None:
    """The version that was current before; ``None`` where there is none: it was never rotated.

    Raises what `read_secret` raises.
    """
    what = f"the previous version of secret `{secret_id}` could not be read from Secrets Manager"
    return _version(secret_id, "AWSPREVIOUS", client, what)


def _version(secret_id: str, stage: str, client: Any, what: str) -> JSONObject | None:
    manager = _resolved(client, "secretsmanager", what)
    return _ask(
        lambda: manager.get_secret_value(SecretId=secret_id, VersionStage=stage),
        what,
        absent="ResourceNotFoundException",
    )


def _resolved(client: Any, service: str, what: str) -> Any:
    if isinstance(client, KeptClient):
        return client.get(what)
    return _Bounded(service, what) if client is None else client


class _Bounded:
    """A client that is made here, each question of which ends after `_TOTAL_SECONDS`."""

    def __init__(self, service: str, what: str) -> None:
        self._client = bounded_client(
            service, what, connect_seconds=_CONNECT_SECONDS, read_seconds=_READ_SECONDS
        )

    def get_parameter(self, **query: Any) -> Any:
        return within(_TOTAL_SECONDS, lambda: self._client.get_parameter(**query))

    def get_secret_value(self, **query: Any) -> Any:
        return within(_TOTAL_SECONDS, lambda: self._client.get_secret_value(**query))


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
    is_later = status == 429 or status >= 500 or code in LATER_CODES
    kind = DependencyError if is_later else ConfigurationError
    return kind(f"{what} ({code})")

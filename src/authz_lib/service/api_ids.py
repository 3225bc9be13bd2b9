"""An API's own id from where a template can put it: SSM Parameter Store.

In one template a function's environment cannot name the API that names the function: `!Ref` there
is a cycle.  A parameter made after both breaks it.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from authz_lib.errors import AuthzError, ConfigurationError, DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["api_id_from_parameter_store"]

_API_ID = re.compile(r"[a-z0-9]+")
_CONNECT_SECONDS = 1.0
_READ_SECONDS = 2.0
_ATTEMPTS = 2
_THROTTLED = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
)


def api_id_from_parameter_store(name: str, *, client: Any = None) -> Callable[[], str]:
    """What finds an API's id in a ``String`` parameter of SSM: the ``api_id`` of `ExpectedGateway`.

    Nothing is read before the first event; `ExpectedGateway` keeps what was found and asks again
    after a failure. Needs ``ssm:GetParameter`` on the one parameter.  **Not** checked: who wrote
    it.  Whoever may write the parameter chooses the API whose word is taken.

    Args:
        name: the parameter's name or ARN.
        client: a boto3 client for ``ssm``; its own timeouts and retries apply.  Without one, a
            client is made for the first event: 1 s to connect and 2 s to read, twice at most.

    Raises:
        ConfigurationError: ``name`` is no name; or, from what is returned, Parameter Store refused
            (no such parameter, no permission), no client could be made, or the parameter is not a
            ``String``.
        DependencyError: from what is returned: Parameter Store did not answer in time, throttled or
            failed.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html

    >>> class ParameterStore:
    ...     def get_parameter(self, *, Name):
    ...         return {"Parameter": {"Name": Name, "Type": "String", "Value": "a1b2c3d4e5"}}
    >>> find = api_id_from_parameter_store("/orders/rest-api-id", client=ParameterStore())
    >>> find()
    'a1b2c3d4e5'
    """
    if type(name) is not str or not name:
        raise ConfigurationError("`name` must be the name of a parameter")

    def find() -> str:
        parameter = _parameter(_ssm(name) if client is None else client, name)
        value = parameter.get("Value")
        if (
            parameter.get("Type") != "String"
            or type(value) is not str
            or not _API_ID.fullmatch(value)
        ):
            raise ConfigurationError(f"parameter `{name}` is not a `String` with the id of an API")
        return value

    return find


def _ssm(name: str) -> Any:
    config = import_module("botocore.config").Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    try:
        return import_module("boto3").client("ssm", config=config)
    except Exception as error:  # noqa: BLE001 - no Region, a broken profile: all of them are settings
        raise ConfigurationError(_unread(name, type(error).__name__)) from None


def _parameter(client: Any, name: str) -> Any:
    from botocore.exceptions import ClientError

    try:
        return client.get_parameter(Name=name)["Parameter"]
    except ClientError as error:
        raise _refusal(error.response, name) from None
    except Exception as error:  # noqa: BLE001 - a botocore error may quote the request; its name says enough
        raise DependencyError(_unread(name, type(error).__name__)) from None


def _refusal(answer: Any, name: str) -> AuthzError:
    code = str(answer.get("Error", {}).get("Code", ""))
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    kind = DependencyError if status >= 500 or code in _THROTTLED else ConfigurationError
    return kind(_unread(name, code))


def _unread(name: str, why: str) -> str:
    return f"parameter `{name}` could not be read from Parameter Store ({why})"

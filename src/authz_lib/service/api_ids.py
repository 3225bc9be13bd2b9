"""An API's own id from where a template can put it: SSM Parameter Store.

A function's environment cannot name the API that calls the function, because `!Ref` both ways is a
cycle in one template.  A parameter that is made after both breaks the cycle.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.checks import require_text
from authz_lib.errors import ConfigurationError
from authz_lib.transport.aws import read_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["api_id_from_parameter_store"]

_API_ID: Final = re.compile(r"[a-z0-9]+")


def api_id_from_parameter_store(name: str, *, client: Any = None) -> Callable[[], str]:
    """A function that reads an API's id from a ``String`` parameter of SSM.

    It is the ``api_id`` of `ExpectedGateway`, which calls it at the first event, keeps what it
    found, and asks again after a failure.  Needs ``ssm:GetParameter`` on the one parameter.

    **Not** checked: who wrote the parameter.  Whoever may write it chooses the API to believe.

    Args:
        name: the parameter's name or ARN.
        client: a boto3 client for ``ssm``; its own timeouts and retries apply.  Without one: 1 s to
            connect, 2 s to read, two attempts.

    Raises:
        ConfigurationError: ``name`` is empty or not text.

    The function that is returned raises:

    - ``ConfigurationError``: Parameter Store refused, there is no such parameter, or it is not a
      ``String`` with the id of an API;
    - ``DependencyError``: Parameter Store did not answer in time, throttled or failed.

    See https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html

    >>> class ParameterStore:
    ...     def get_parameter(self, *, Name):
    ...         return {"Parameter": {"Type": "String", "Value": "a1b2c3d4e5"}}
    >>> store = ParameterStore()
    >>> find = api_id_from_parameter_store("/orders/rest-api-id", client=store)
    >>> find()
    'a1b2c3d4e5'
    """
    require_text(name, "name")

    def find() -> str:
        parameter = read_parameter(name, client=client)
        value = parameter.get("Value") if parameter.get("Type") == "String" else None
        if not isinstance(value, str) or not _API_ID.fullmatch(value):
            raise ConfigurationError(f"parameter `{name}` is not a `String` with the id of an API")
        return value

    return find

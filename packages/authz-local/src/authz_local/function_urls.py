"""URLs of APIs in the variables of a function: on AWS the API's own, here the local AWS's."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["hand_over_urls", "reachable_url"]

_EXECUTE_API = re.compile(
    r"https://(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9.-]+(?:/(?P<stage>[^/]+))?(?P<rest>/.*)?"
)


def reachable_url(value: str, endpoint: str) -> str:
    """The URL of a REST API's stage as a path of the local AWS; anything else as it is.

    A path, since a function's resolver may not know names below ``localhost``.

    >>> reachable_url("https://a1.execute-api.eu-west-1.amazonaws.com/prod/x", "http://127.0.0.1:1")
    'http://127.0.0.1:1/restapis/a1/prod/_user_request_/x'
    """
    match = _EXECUTE_API.fullmatch(value)
    if match is None or match["stage"] is None:
        return value
    rest = (match["rest"] or "").rstrip("/")
    return f"{endpoint}/restapis/{match['api']}/{match['stage']}/_user_request_{rest}"


def hand_over_urls(functions: Any, name: str, endpoint: str) -> None:
    """Let the variables of a function name the APIs as they are reached here.

    Args:
        functions: a client of the local Lambda.
        name: the function.
        endpoint: of the local AWS.
    """
    settings = functions.get_function_configuration(FunctionName=name)
    variables = settings.get("Environment", {}).get("Variables", {})
    reachable = {key: reachable_url(value, endpoint) for key, value in variables.items()}
    if reachable != variables:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": reachable}
        )

"""What ministack remembers of an AppSync authorizer's answers, corrected where AWS differs.

- An answer is remembered for ``ttlOverride`` seconds, or for the API's
  ``authorizerResultTtlInSeconds``.
- The cache key is the API and ``authorizationToken``.  AWS does not document it; it is the least
  that it can be.

See the AppSync API reference, "LambdaAuthorizerConfig".
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from authz_lib._support.memo import Memo
from authz_local._ministack_answers import answers_noted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from authz_lib._support.strict_json import JSONObject

__all__ = ["correct_appsync"]

_DEFAULT_SECONDS = 300  # so says the API reference; CloudFormation's says 0
_MAX_TOKEN_CHARACTERS = 65_536  # with what stands beside it
_MAX_REMEMBERED = 10_000


def correct_appsync(appsync: ModuleType) -> None:
    """Replace a function of ``ministack.services.appsync``."""
    module: Any = appsync
    module._invoke_lambda_authorizer = _remembering(  # noqa: SLF001
        module._invoke_lambda_authorizer,  # noqa: SLF001
        module._AuthorizerRejected,  # noqa: SLF001
    )


def _remembering(authorize: Callable[..., Any], rejected: type[Exception]) -> Callable[..., Any]:
    remembered: Memo[tuple[str, str], tuple[float, Any]] = Memo(
        max_entries=_MAX_REMEMBERED, max_key_characters=_MAX_TOKEN_CHARACTERS
    )

    def authorized(
        api_id: str, settings: JSONObject, headers: Mapping[str, str], **operation: Any
    ) -> Any:
        key = (api_id, headers.get("authorization", ""))
        until, outcome = remembered.get(key, (0.0, None))
        if until <= time.monotonic():
            with answers_noted() as answers:
                try:
                    outcome = authorize(api_id, settings, headers, **operation)
                except rejected as refusal:
                    outcome = refusal
            until = time.monotonic() + _seconds(answers, settings)
            remembered.put(key, (until, outcome))
        if isinstance(outcome, rejected):
            raise rejected(*outcome.args)
        return outcome

    return authorized


def _seconds(answers: list[Any], settings: Mapping[str, Any]) -> float:
    """For how long the last answer is remembered; 0 for a failure, and for what is no answer."""
    answer = answers[-1] if answers else None
    body = answer.get("body") if isinstance(answer, dict) and not answer.get("error") else None
    if isinstance(body, (str, bytes)):
        with suppress(ValueError):
            body = json.loads(body)
    if not isinstance(body, dict) or "isAuthorized" not in body:
        return 0
    for seconds in (body.get("ttlOverride"), settings.get("authorizerResultTtlInSeconds")):
        if isinstance(seconds, int | float):
            return seconds
    return _DEFAULT_SECONDS

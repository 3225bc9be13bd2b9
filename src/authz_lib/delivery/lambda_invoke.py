"""The way of before: invoking the Lambda function of the receiver directly, once, and within a
known time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from authz_lib.errors import ConfigurationError, DeliveryError
from authz_lib.sigv4._arguments import is_seconds, is_text
from authz_lib.transport.outcome import Outcome, error_of_status, outcome_of_status

if TYPE_CHECKING:
    from authz_lib.delivery.delivery import Parcel

__all__ = ["LambdaInvoke"]

_FUNCTION = re.compile(
    r"[A-Za-z0-9:$_./-]{1,170}"
)  # a name, an ARN, either with a version or an alias
_CONNECT_SECONDS = 1.0


class LambdaInvoke:
    """Invokes a function with the parcel as its event.

    boto3's own client invokes up to **three** times when an answer is late.  This one is built, or
    must be given, with exactly one attempt.  It does not start unless the time left is enough to
    learn the outcome.  Lambda itself repeats an asynchronous invocation that failed, twice, unless
    the function's ``MaximumRetryAttempts`` is 0: that cannot be seen from here and must be stated.

    Args:
        function: name or ARN, perhaps with an alias.
        invocation_type: ``"RequestResponse"`` waits for the function; ``"Event"`` only for Lambda
            to take it.
        async_retries_disabled: state that the function has ``MaximumRetryAttempts: 0``; needed for
            ``"Event"``.
        client: a boto3 Lambda client with one attempt; by default one is built.
        region: for the client that is built; by default boto3's.
        answer_seconds: how long the client that is built waits for the answer.

    Raises:
        ConfigurationError: an argument is wrong, or the client would invoke more than once.

    >>> old_way = LambdaInvoke("execution-layer", region="eu-west-1", answer_seconds=5)
    >>> old_way.needs_seconds  # one of them for connecting
    6.0

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def __init__(
        self,
        function: str,
        *,
        invocation_type: Literal["RequestResponse", "Event"] = "RequestResponse",
        async_retries_disabled: bool = False,
        client: Any = None,
        region: str | None = None,
        answer_seconds: float = 4.0,
    ) -> None:
        if not is_text(function) or not _FUNCTION.fullmatch(function):
            raise ConfigurationError("`function` is not the name or the ARN of a function")
        if invocation_type not in {"RequestResponse", "Event"}:
            raise ConfigurationError("`invocation_type` is neither `RequestResponse` nor `Event`")
        if invocation_type == "Event" and not async_retries_disabled:
            raise ConfigurationError(
                "`Event` repeats what fails: set `MaximumRetryAttempts: 0`, then state it"
            )
        if not is_seconds(answer_seconds) or answer_seconds <= 0:
            raise ConfigurationError(
                "`answer_seconds` is not a number above 0 and of at most a day"
            )
        self._function = function
        self._type = invocation_type
        self._client = _build(region, answer_seconds) if client is None else _checked(client)
        config = self._client.meta.config
        self.needs_seconds: float = config.connect_timeout + config.read_timeout

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """See `DeliveryPath`.  A function that raised (``FunctionError``) is ambiguous: it may have
        acted before.
        """
        if timeout_seconds < self.needs_seconds:
            raise DeliveryError(
                "too little time is left to learn what an invocation did", outcome=Outcome.NOT_SENT
            )
        from botocore.exceptions import (  # loads botocore
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
            NoCredentialsError,
            ParamValidationError,
        )

        try:
            answer = self._client.invoke(
                FunctionName=self._function, InvocationType=self._type, Payload=parcel.body
            )
            body: bytes = answer["Payload"].read()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            raise error_of_status(status, "the invocation") from None
        except (
            EndpointConnectionError,
            ConnectTimeoutError,
            NoCredentialsError,
            ParamValidationError,
        ):
            raise DeliveryError("the invocation was not sent", outcome=Outcome.NOT_SENT) from None
        except Exception:  # noqa: BLE001  # a late answer, a broken connection, a TLS error at either end of the call
            raise DeliveryError(
                "it is not known whether the function ran", outcome=Outcome.AMBIGUOUS
            ) from None
        if answer.get("FunctionError"):
            raise DeliveryError(
                "the function failed and may have acted before that", outcome=Outcome.AMBIGUOUS
            )
        status = answer["StatusCode"]
        if outcome_of_status(status) is not Outcome.DELIVERED:
            raise error_of_status(status, "the invocation")
        return status, body


def _build(region: str | None, answer_seconds: float) -> Any:
    import boto3  # slow to import, and not needed after the migration
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, NoRegionError

    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=answer_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    try:
        return boto3.client("lambda", region_name=region, config=config)
    except NoRegionError:
        raise ConfigurationError("`region` is not given and not configured") from None
    except (BotoCoreError, ValueError):  # a profile that does not exist, a region that is none, ...
        raise ConfigurationError(
            "the Lambda client could not be built from the AWS configuration"
        ) from None


def _checked(client: Any) -> Any:
    config: Any = getattr(getattr(client, "meta", None), "config", None)
    retries = getattr(config, "retries", None) or {}
    if retries.get("total_max_attempts") != 1:
        raise ConfigurationError(
            "`client` would invoke more than once: build it with `total_max_attempts` 1"
        )
    if config.connect_timeout is None or config.read_timeout is None:
        raise ConfigurationError(
            "`client` may wait for ever: build it with `connect_timeout` and `read_timeout`"
        )
    return client

"""The old way: one direct invocation of the receiver's Lambda function, within a known time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from authz_lib._support.checks import is_text, require_flag, require_one_of, require_seconds
from authz_lib.errors import ConfigurationError, DeliveryError
from authz_lib.transport.boto3_client import ForkSafeClient, bounded_client
from authz_lib.transport.deadline import within
from authz_lib.transport.outcome import Outcome, error_of_status, outcome_of_status

if TYPE_CHECKING:
    from authz_lib.delivery.parcel import Parcel

__all__ = ["LambdaInvoke"]

# A name or an ARN, perhaps with a version or an alias.
_FUNCTION = re.compile(r"[A-Za-z0-9:$_./-]{1,170}")
_CONNECT_SECONDS = 1.0


class LambdaInvoke:
    """Invokes a function once, with the parcel as its event.

    Two things repeat an invocation by default:

    - boto3's client invokes up to **three** times when an answer is late.  The client of this
      class makes one attempt.
    - Lambda repeats a failed ``"Event"`` invocation twice, unless the function's
      ``MaximumRetryAttempts`` is 0.  This cannot be seen from here: you state it.

    The invocation is not started where too little time is left to learn its outcome.

    Args:
        function: name or ARN, perhaps with an alias.
        invocation_type: ``"RequestResponse"`` waits until the function has ended, ``"Event"`` until
            Lambda has accepted the event.
        async_retries_disabled: states that the function has ``MaximumRetryAttempts: 0``.  Needed
            for ``"Event"``.
        client: a boto3 Lambda client with one attempt; by default one is built.
        region: for the client that is built; by default boto3's.
        answer_seconds: how long the client that is built waits for the answer.

    Raises:
        ConfigurationError: an argument is wrong, or the client would invoke more than once.

    >>> old_way = LambdaInvoke(
    ...     "execution-layer", region="eu-west-1", answer_seconds=5
    ... )
    >>> old_way.needs_seconds  # one of them is for connecting
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
            raise ConfigurationError("`function` must be the name or the ARN of a function")
        require_one_of(invocation_type, "invocation_type", ("RequestResponse", "Event"))
        require_flag(async_retries_disabled, "async_retries_disabled")
        if invocation_type == "Event" and not async_retries_disabled:
            raise ConfigurationError(
                "`Event` needs a function with `MaximumRetryAttempts: 0`, and "
                "`async_retries_disabled=True`: Lambda repeats what fails"
            )
        require_seconds(answer_seconds, "answer_seconds", above_zero=True)
        self._function = function
        self._type = invocation_type
        if client is None:
            client = bounded_client(
                "lambda",
                "the client could not be made from `region` and the AWS configuration",
                connect_seconds=_CONNECT_SECONDS,
                read_seconds=answer_seconds,
                attempts=1,
                config={"region_name": region},
            )
        checked = _checked(client)
        self._client = ForkSafeClient(checked)
        config = checked.meta.config
        self.needs_seconds: float = config.connect_timeout + config.read_timeout

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """Deliver with one invocation; see `DeliveryPath`.

        A function that raised (``FunctionError``) is ambiguous: it may have acted before.
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
            answer, body = within(timeout_seconds, lambda: self._invoke(parcel))
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
        except Exception:  # noqa: BLE001  # a late answer, a broken connection, a TLS error
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

    def _invoke(self, parcel: Parcel) -> tuple[Any, bytes]:
        answer = self._client.get().invoke(
            FunctionName=self._function, InvocationType=self._type, Payload=parcel.body
        )
        return answer, answer["Payload"].read()


def _checked(client: Any) -> Any:
    config: Any = getattr(getattr(client, "meta", None), "config", None)
    retries = getattr(config, "retries", None) or {}
    if retries.get("total_max_attempts") != 1:
        raise ConfigurationError(
            "`client` must make one attempt: build it with `total_max_attempts` 1"
        )
    if config.connect_timeout is None or config.read_timeout is None:
        raise ConfigurationError(
            "`client` must have timeouts: build it with `connect_timeout` and `read_timeout`"
        )
    return client

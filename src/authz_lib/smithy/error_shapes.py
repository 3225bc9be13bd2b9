"""The error that a service answers with, and the shape of its model that it belongs to.

`authz_lib.smithy.errors` says how a client recognises it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from authz_lib._support.checks import require_one_of, require_seconds
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.error_answers import (
    ErrorFormat,
    answer,
    check_headers,
    error_headers,
    sendable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib._support.strict_json import JSONObject

__all__ = ["ErrorFault", "ErrorShape", "SmithyError", "define", "is_standard_code"]

ErrorFault = Literal["client", "server"]

_SHAPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_STANDARD_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# `code` and `__type` would choose the client's exception class.  `message` and `requestId` are set
# by `SmithyError.to_response`.
_RESERVED_MEMBERS = frozenset({"code", "__type", "message", "requestid"})
_FAULT_STATUS: dict[str, range] = {"client": range(400, 500), "server": range(500, 600)}
_THROTTLE_SECONDS = 1
_YEAR: float = 31_536_000


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """An error of a service model.  Calling it makes the error to raise.

    Make your own with `define`.

    Attributes:
        name: the shape name that a generated client knows.
        status: the HTTP status.
        fault: ``"client"`` (4xx) or ``"server"`` (5xx).
        retryable: whether a client may send the same request again.
        throttling: whether it is a throttle, which is sent with both retry headers.
        default_message: the message where none is given.

    >>> from authz_lib.smithy.errors import not_found
    >>> not_found.name, not_found.status
    ('ResourceNotFoundException', 404)
    >>> not_found("no such order")
    SmithyError('ResourceNotFoundException', status=404)
    """

    name: str
    status: int
    fault: ErrorFault
    retryable: bool = False
    throttling: bool = False
    default_message: str = ""

    def __post_init__(self) -> None:
        if not _SHAPE_NAME.fullmatch(self.name):
            raise ConfigurationError(
                "`name` of an error must be a Smithy shape name such as `OrderLockedException`"
            )
        require_one_of(self.fault, "fault", tuple(_FAULT_STATUS))
        if type(self.status) is not int or self.status not in _FAULT_STATUS[self.fault]:
            raise ConfigurationError(
                f"`status` of the {self.fault} error `{self.name}` must be from "
                f"{_FAULT_STATUS[self.fault].start} to {_FAULT_STATUS[self.fault].stop - 1}"
            )

    @property
    def standard_code(self) -> str:
        """The code in the standard format, such as ``RESOURCE_NOT_FOUND``."""
        stem = self.name.removesuffix("Exception").removesuffix("Error") or self.name
        return _WORD_START.sub("_", stem).upper()

    def __call__(
        self,
        message: str | None = None,
        *,
        retry_after_seconds: float | None = None,
        standard_code: str | None = None,
        challenge: str | None = None,
        **members: Any,
    ) -> SmithyError:
        """Make the error.  ``members`` are further members of the shape, by their names there."""
        return SmithyError(
            self,
            message,
            members=members,
            retry_after_seconds=retry_after_seconds,
            standard_code=standard_code,
            challenge=challenge,
        )


class SmithyError(Exception):
    """An error that a service answers with.  Call an `ErrorShape` to make one.

    Checked when it is made, so that the service's own tests show it: members are JSON and have no
    reserved name (``code``, ``Code``, ``__type``, ``message``, ``requestId``), header values are
    on one line.

    Not checked: whether the message holds a secret.  The caller reads it.

    Attributes:
        shape: the `ErrorShape`; ``name``, ``status``, ``fault`` and ``retryable`` are read from it.
        message: the text for the caller.
        members: further members of the error, a read-only mapping.
        retry_after_seconds: when to try again; 1 for a throttle without it.
        standard_code: the code of the standard format, such as ``"MEMORY_NOT_FOUND"``.
        challenge: the value of ``WWW-Authenticate``; ``Bearer`` for a 401 without it.

    Raises:
        ConfigurationError: the error cannot be sent as JSON and headers.

    >>> from authz_lib.smithy.errors import throttling
    >>> error = throttling("too many orders", retry_after_seconds=2.5)
    >>> answer = error.to_response(request_id="r-1")
    >>> answer["statusCode"], answer["headers"]["X-Amzn-Errortype"]
    (429, 'ThrottlingException')
    >>> answer["headers"]["x-amz-retry-after"]
    '2500'
    >>> answer["body"]
    '{"__type":"ThrottlingException","message":"too many orders","requestId":"r-1"}'
    >>> error.to_response(error_format="standard")["body"]
    '{"status":429,"code":"THROTTLING","message":"too many orders"}'
    """

    def __init__(
        self,
        shape: ErrorShape,
        message: str | None = None,
        *,
        members: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
        standard_code: str | None = None,
        challenge: str | None = None,
    ) -> None:
        text = shape.default_message if message is None else sendable(str(message))
        super().__init__(text)
        self.shape = shape
        self.message = text
        self.members: Mapping[str, Any] = MappingProxyType(_checked_members(shape, members or {}))
        self.retry_after_seconds = _checked_delay(retry_after_seconds)
        self.standard_code = shape.standard_code if standard_code is None else standard_code
        self.challenge = challenge
        if not is_standard_code(self.standard_code):
            raise ConfigurationError(
                "`standard_code` must be upper case, such as `ORDER_NOT_FOUND`"
            )
        if challenge is not None:
            check_headers({"WWW-Authenticate": challenge})

    @property
    def name(self) -> str:
        """The shape name, such as ``ResourceNotFoundException``."""
        return self.shape.name

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.shape.status

    @property
    def fault(self) -> ErrorFault:
        """Whose fault it is: ``"client"`` or ``"server"``."""
        return self.shape.fault

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.shape.retryable

    def __repr__(self) -> str:
        return f"SmithyError({self.name!r}, status={self.status})"

    def __reduce__(self) -> tuple[Any, ...]:
        keywords = {
            "members": dict(self.members),
            "retry_after_seconds": self.retry_after_seconds,
            "standard_code": self.standard_code,
            "challenge": self.challenge,
        }
        return _rebuild, (self.shape, self.message, keywords)

    def to_response(
        self,
        *,
        request_id: str | None = None,
        error_format: ErrorFormat = "smithy",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer of a Lambda proxy integration, the same for REST and HTTP APIs.

        A REST API renames ``WWW-Authenticate`` of an integration to
        ``x-amzn-Remapped-WWW-Authenticate``.

        Args:
            request_id: sent as the body's ``requestId`` and as ``x-amzn-requestid``.
            error_format: ``"smithy"``, or ``"standard"`` for a body ``{status, code, message}``.
                Both have the type header: a generated client reads it before ``code``.
            headers: further headers, such as CORS.  They cannot replace those of the error.

        Raises:
            ConfigurationError: ``error_format`` is not known, or a header cannot be sent.
        """
        require_one_of(error_format, "error_format", ("smithy", "standard"))
        body = self._smithy_body(request_id) if error_format == "smithy" else self._standard_body()
        headers_of_error = error_headers(
            self.name,
            request_id=request_id,
            challenge=self._sent_challenge(),
            retry_after_seconds=self._sent_delay(),
        )
        return answer(self.status, body, headers=headers_of_error, more_headers=headers or {})

    def _smithy_body(self, request_id: str | None) -> JSONObject:
        body = {"__type": self.name, "message": self.message, **self.members}
        if request_id is not None:
            body["requestId"] = sendable(request_id)
        return body

    def _standard_body(self) -> JSONObject:
        return {"status": self.status, "code": self.standard_code, "message": self.message}

    def _sent_challenge(self) -> str | None:
        has_one = self.status == 401 or self.challenge is not None
        return self.challenge or "Bearer" if has_one else None

    def _sent_delay(self) -> float | None:
        if self.retry_after_seconds is None and self.shape.throttling:
            return _THROTTLE_SECONDS
        return self.retry_after_seconds


def _rebuild(shape: ErrorShape, message: str, keywords: dict[str, Any]) -> SmithyError:
    return SmithyError(shape, message, **keywords)


def _checked_members(shape: ErrorShape, members: Mapping[str, Any]) -> dict[str, Any]:
    for name in members:
        if name.lower() in _RESERVED_MEMBERS:
            raise ConfigurationError(f"a member of `{shape.name}` may not be called `{name}`")
    try:
        # A copy: later changes of the caller's objects do not change the error.
        text = json.dumps(dict(members), allow_nan=False, ensure_ascii=False)
        copy: dict[str, Any] = json.loads(sendable(text))
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(f"the members of `{shape.name}` must be JSON values") from None
    return copy


def is_standard_code(value: object) -> bool:
    """Whether ``value`` can be a code of the standard format, such as ``ORDER_NOT_FOUND``."""
    return isinstance(value, str) and _STANDARD_CODE.fullmatch(value) is not None


def _checked_delay(seconds: Any) -> float | None:
    return None if seconds is None else require_seconds(seconds, "retry_after_seconds", most=_YEAR)


def define(
    name: str,
    status: int,
    fault: ErrorFault,
    retryable: bool = False,
    *,
    throttling: bool = False,
    default_message: str | None = None,
) -> ErrorShape:
    """Define an error of a service's own.

    Raises:
        ConfigurationError: the name is not a shape name, or the status does not fit the fault.

    >>> order_locked = define("OrderLockedException", 409, "client", retryable=True)
    >>> locked = order_locked("the order is being changed", lockedBy="u-7")
    >>> locked.to_response()["body"]
    '{"__type":"OrderLockedException","message":"the order is being changed","lockedBy":"u-7"}'
    """
    message = "the request could not be served" if default_message is None else default_message
    return ErrorShape(name, status, fault, retryable, throttling, message)

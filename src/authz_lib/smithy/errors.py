"""Errors in the words of Smithy: what a service raises to its own callers, and how it looks on the
wire.

A generated client picks the exception class from, in this order, the header ``X-Amzn-Errortype``, a
body member ``code`` and a body member ``__type``; the HTTP status never selects the class.  So
every answer carries header and ``__type``, is a JSON object, and no error may have a member called
``code``, ``Code`` or ``__type``.

Why ``AccessDeniedException`` is the name of a 403: when API Gateway itself refuses a request (its
authorizer said Deny) it sends its own ``x-amzn-ErrorType: AccessDeniedException`` whatever the body
says, so this is the one name that a client sees for both refusals.  ``ForbiddenException`` is a
profile for models that have that shape instead.

See https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from authz_lib import errors
from authz_lib.smithy.error_answers import ErrorFormat, check_headers, render, sendable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CATALOGUE",
    "DeniedProfile",
    "ErrorFormat",
    "ErrorShape",
    "Fault",
    "SmithyError",
    "access_denied",
    "bad_gateway",
    "conflict",
    "define",
    "forbidden",
    "from_authz_error",
    "internal",
    "not_found",
    "service_quota_exceeded",
    "service_unavailable",
    "throttling",
    "unauthorized",
    "validation",
]

Fault = Literal["client", "server"]
DeniedProfile = Literal["AccessDeniedException", "ForbiddenException"]

_SHAPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_STANDARD_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# `code` and `__type` would choose the client's exception class; `message` and `requestId` are
# written by the renderer.
_RESERVED_MEMBERS = frozenset({"code", "__type", "message", "requestid"})
_FAULT_STATUS: dict[str, range] = {"client": range(400, 500), "server": range(500, 600)}
_MAX_RETRY_SECONDS = 31_536_000  # a year


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """One error of a service model.  Calling it makes the error to raise; make your own with
    `define`.

    Attributes:
        name: the shape name that a generated client knows.
        status: the HTTP status.
        fault: ``"client"`` (4xx) or ``"server"`` (5xx).
        retryable: whether a client may send the same request again.
        throttling: whether it is a throttle; it is then sent with both retry headers.
        default_message: the message where none is given.

    >>> not_found.name, not_found.status
    ('ResourceNotFoundException', 404)
    >>> not_found("no such order")
    SmithyError('ResourceNotFoundException', status=404)
    """

    name: str
    status: int
    fault: Fault
    retryable: bool = False
    throttling: bool = False
    default_message: str = ""

    def __post_init__(self) -> None:
        if not _SHAPE_NAME.fullmatch(self.name):
            raise errors.ConfigurationError(
                "`name` of an error must be a Smithy shape name such as `OrderLockedException`"
            )
        if self.fault not in _FAULT_STATUS:
            raise errors.ConfigurationError("`fault` of an error must be `client` or `server`")
        if type(self.status) is not int or self.status not in _FAULT_STATUS[self.fault]:
            raise errors.ConfigurationError(
                f"`status` of the {self.fault} error `{self.name}` must lie in "
                f"{_FAULT_STATUS[self.fault].start}..{_FAULT_STATUS[self.fault].stop - 1}"
            )

    @property
    def standard_code(self) -> str:
        """The machine code of the ``StandardError`` format: ``ResourceNotFoundException`` is
        ``RESOURCE_NOT_FOUND``.
        """
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
        """Make the error.  ``members`` are further members of the shape, under their names in the
        model.
        """
        return SmithyError(
            self,
            message,
            members=members,
            retry_after_seconds=retry_after_seconds,
            standard_code=standard_code,
            challenge=challenge,
        )


class SmithyError(Exception):
    """An error that a service answers with.  Made by the factories of this module, rendered by
    `to_response`.

    What could not be sent is refused here, where the service's own tests see it: members that are
    not JSON or carry a reserved name (``code``, ``Code``, ``__type``, ``message``, ``requestId``),
    header values with line breaks. The message is *not* checked for secrets: what is put in, the
    caller reads.

    Attributes:
        shape: the `ErrorShape`; ``name``, ``status``, ``fault`` and ``retryable`` are read from it.
        message: the text for the caller.
        members: further members of the error, a read-only mapping.
        retry_after_seconds: when to try again; a throttle without it says one second.
        standard_code: the machine code of the ``StandardError`` format, such as
            ``"MEMORY_NOT_FOUND"``.
        challenge: the value of ``WWW-Authenticate``; a 401 without it says ``Bearer``.

    Raises:
        ConfigurationError: the error could not be rendered as JSON and headers.

    >>> error = throttling("too many orders", retry_after_seconds=2.5)
    >>> answer = error.to_response(request_id="r-1")
    >>> answer["statusCode"], answer["headers"]["X-Amzn-Errortype"], answer["headers"]["x-amz-retry-after"]
    (429, 'ThrottlingException', '2500')
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
        if not _is_standard_code(self.standard_code):
            raise errors.ConfigurationError(
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
    def fault(self) -> Fault:
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

        Args:
            request_id: goes into the body as ``requestId`` and into ``x-amzn-requestid``, where
                clients look for it.
            error_format: ``"smithy"``, or ``"standard"`` for a body ``{status, code, message}``;
                the type header is sent in both, because it outranks ``code`` in a generated client.
            headers: further headers, such as CORS; they cannot replace those of the error.

        A REST API renames ``WWW-Authenticate`` of an integration to
        ``x-amzn-Remapped-WWW-Authenticate``.

        Raises:
            ConfigurationError: an unknown format, or a header that is not one.
        """
        return render(self, request_id, error_format, headers or {})


def _rebuild(shape: ErrorShape, message: str, keywords: dict[str, Any]) -> SmithyError:
    return SmithyError(shape, message, **keywords)


def _checked_members(shape: ErrorShape, members: Mapping[str, Any]) -> dict[str, Any]:
    for name in members:
        if name.lower() in _RESERVED_MEMBERS:
            raise errors.ConfigurationError(
                f"a member of `{shape.name}` may not be called `{name}`"
            )
    try:
        # A copy that no later change of the caller's objects can reach.
        text = json.dumps(dict(members), allow_nan=False, ensure_ascii=False)
        copy: dict[str, Any] = json.loads(sendable(text))
    except (TypeError, ValueError, RecursionError):
        raise errors.ConfigurationError(
            f"the members of `{shape.name}` must be JSON values"
        ) from None
    return copy


def _is_standard_code(value: object) -> bool:
    return isinstance(value, str) and _STANDARD_CODE.fullmatch(value) is not None


def _checked_delay(seconds: Any) -> float | None:
    if seconds is None:
        return None
    if (
        not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_RETRY_SECONDS
    ):  # NaN is never in between
        raise errors.ConfigurationError(
            "`retry_after_seconds` must be a number of seconds, from zero to a year"
        )
    return seconds


def define(
    name: str,
    status: int,
    fault: Fault,
    retryable: bool = False,
    *,
    throttling: bool = False,
    default_message: str | None = None,
) -> ErrorShape:
    """Define an error of a service's own.

    Raises:
        ConfigurationError: the name is no shape name, or the status does not fit the fault.

    >>> order_locked = define("OrderLockedException", 409, "client", retryable=True)
    >>> order_locked("the order is being changed", lockedBy="another session").to_response()["body"]
    '{"__type":"OrderLockedException","message":"the order is being changed","lockedBy":"another
    session"}'
    """
    message = "the request could not be served" if default_message is None else default_message
    return ErrorShape(name, status, fault, retryable, throttling, message)


_validation = define(
    "ValidationException", 400, "client", default_message="the request is not valid"
)
unauthorized = define("UnauthorizedException", 401, "client", default_message="Unauthorized")
access_denied = define(
    "AccessDeniedException",
    403,
    "client",
    default_message="User is not authorized to access this resource",
)
forbidden = define("ForbiddenException", 403, "client", default_message="Forbidden")
not_found = define(
    "ResourceNotFoundException", 404, "client", default_message="the resource does not exist"
)
conflict = define(
    "ConflictException",
    409,
    "client",
    default_message="the request conflicts with the resource's state",
)
throttling = define(
    "ThrottlingException",
    429,
    "client",
    retryable=True,
    throttling=True,
    default_message="Too Many Requests",
)
service_quota_exceeded = define(
    "ServiceQuotaExceededException",
    402,
    "client",
    default_message="the request would exceed a quota",
)
internal = define(
    "InternalServerException",
    500,
    "server",
    retryable=True,
    default_message="Internal server error",
)
bad_gateway = define(
    "BadGatewayException",
    502,
    "server",
    default_message="a service behind this one refused the request",
)
service_unavailable = define(
    "ServiceUnavailableException",
    503,
    "server",
    retryable=True,
    default_message="Service Unavailable",
)

CATALOGUE: Mapping[str, ErrorShape] = MappingProxyType(
    {
        shape.name: shape
        for shape in (
            _validation,
            unauthorized,
            access_denied,
            forbidden,
            not_found,
            conflict,
            throttling,
            service_quota_exceeded,
            internal,
            bad_gateway,
            service_unavailable,
        )
    }
)
"""Shape name → shape, for every error of this module."""


def validation(
    message: str | None = None, *, fields: Mapping[str, str] | None = None, **members: Any
) -> SmithyError:
    """``ValidationException`` (400) in the form of ``smithy.framework#ValidationException``.

    ``fields`` maps the JSON pointer of a member of the request to what is wrong with it.

    >>> validation("1 validation error", fields={"/orderId": "must not be empty"}).members["fieldList"]
    [{'path': '/orderId', 'message': 'must not be empty'}]
    """
    if fields is not None:
        members["fieldList"] = [{"path": path, "message": text} for path, text in fields.items()]
    return _validation(message, **members)


def from_authz_error(
    error: errors.AuthzError, *, denied: DeniedProfile = "AccessDeniedException"
) -> SmithyError:
    """The error that a service answers with for ``error``; the HTTP status is always the same.

    An error of your own below one of the tree is answered as that one is, whatever its own status.
    The message is the catalogue's own fixed text: what went wrong inside (names of settings, of
    stores) is for the log. For 401 and 403 the machine code of the ``StandardError`` format is the
    error's own (``TOKEN_EXPIRED``), so that a client knows when to refresh a token; faults behind
    the service keep the general code.

    >>> from authz_lib.errors import AccessDeniedError, TokenExpiredError
    >>> from_authz_error(TokenExpiredError("token has expired")).to_response()["headers"]["WWW-Authenticate"]
    'Bearer error="invalid_token"'
    >>> from_authz_error(AccessDeniedError("denied"), denied="ForbiddenException").name
    'ForbiddenException'
    """
    if denied not in _DENIED:
        raise errors.ConfigurationError(
            "`denied` must be `AccessDeniedException` or `ForbiddenException`"
        )
    if isinstance(error, errors.AuthenticationError):
        challenge = (
            'Bearer error="invalid_token"'
            if isinstance(error, errors.InvalidTokenError)
            else "Bearer"
        )
        return unauthorized(standard_code=_code_of(error), challenge=challenge)
    if isinstance(error, errors.AccessDeniedError):
        scope = (
            'Bearer error="insufficient_scope"'
            if isinstance(error, errors.InsufficientScopeError)
            else None
        )
        return _DENIED[denied](standard_code=_code_of(error), challenge=scope)
    return _BY_STATUS.get(error.status, internal)()


def _code_of(error: errors.AuthzError) -> str | None:
    """Its code as a machine code; None, for the shape's own, where a subclass has one that cannot
    be sent.
    """
    code = error.code.upper()
    return code if _is_standard_code(code) else None


_DENIED: dict[str, ErrorShape] = {shape.name: shape for shape in (access_denied, forbidden)}
_BY_STATUS = {400: _validation, 502: bad_gateway, 503: service_unavailable}

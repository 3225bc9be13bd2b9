"""The errors of a service, by Smithy's names: the catalogue, and what an `AuthzError` becomes.

A generated client takes the class of the exception from the first of these that is there:

1. the header ``X-Amzn-Errortype``
2. the body's member ``code``
3. the body's member ``__type``

The HTTP status never selects the class.  Every answer therefore has the header and ``__type``, and
no error may have a member ``code``, ``Code`` or ``__type``.

A 403 is called ``AccessDeniedException`` because API Gateway sends that name itself: where its
authorizer denies, it adds ``x-amzn-ErrorType: AccessDeniedException`` to any body.  With this name
a client sees one error for both refusals.  ``ForbiddenException`` is for models that have that
shape instead.

See https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from authz_lib import errors
from authz_lib._support.checks import require_one_of
from authz_lib.smithy.error_answers import ErrorFormat
from authz_lib.smithy.error_shapes import (
    ErrorFault,
    ErrorShape,
    SmithyError,
    define,
    is_standard_code,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CATALOGUE",
    "DeniedProfile",
    "ErrorFault",
    "ErrorFormat",
    "ErrorShape",
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

DeniedProfile = Literal["AccessDeniedException", "ForbiddenException"]
"""Which of the two shapes a 403 has."""


_validation = define(
    "ValidationException", 400, "client", default_message="the request is not valid"
)
unauthorized = define("UnauthorizedException", 401, "client", default_message="Unauthorized")
"""401 ``UnauthorizedException``."""

access_denied = define(
    "AccessDeniedException",
    403,
    "client",
    default_message="User is not authorized to access this resource",
)
"""403 ``AccessDeniedException``."""

forbidden = define("ForbiddenException", 403, "client", default_message="Forbidden")
"""403 ``ForbiddenException``."""

not_found = define(
    "ResourceNotFoundException", 404, "client", default_message="the resource does not exist"
)
"""404 ``ResourceNotFoundException``."""

conflict = define(
    "ConflictException",
    409,
    "client",
    default_message="the request conflicts with the resource's state",
)
"""409 ``ConflictException``."""

throttling = define(
    "ThrottlingException",
    429,
    "client",
    retryable=True,
    throttling=True,
    default_message="Too Many Requests",
)
"""429 ``ThrottlingException``."""

service_quota_exceeded = define(
    "ServiceQuotaExceededException",
    402,
    "client",
    default_message="the request would exceed a quota",
)
"""402 ``ServiceQuotaExceededException``."""

internal = define(
    "InternalServerException",
    500,
    "server",
    retryable=True,
    default_message="Internal server error",
)
"""500 ``InternalServerException``."""

bad_gateway = define(
    "BadGatewayException",
    502,
    "server",
    default_message="a service behind this one refused the request",
)
"""502 ``BadGatewayException``."""

service_unavailable = define(
    "ServiceUnavailableException",
    503,
    "server",
    retryable=True,
    default_message="Service Unavailable",
)
"""503 ``ServiceUnavailableException``."""

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
"""Every error of this module by its shape name."""


def validation(
    message: str | None = None, *, fields: Mapping[str, str] | None = None, **members: Any
) -> SmithyError:
    """``ValidationException`` (400) in the form of ``smithy.framework#ValidationException``.

    ``fields`` maps the JSON pointer of a member of the request to what is wrong with it.

    >>> error = validation("1 error", fields={"/orderId": "must not be empty"})
    >>> error.members["fieldList"]
    [{'path': '/orderId', 'message': 'must not be empty'}]
    """
    if fields is not None:
        members["fieldList"] = [{"path": path, "message": text} for path, text in fields.items()]
    return _validation(message, **members)


def from_authz_error(
    error: errors.AuthzError, *, denied: DeniedProfile = "AccessDeniedException"
) -> SmithyError:
    """The error that a service answers with for ``error``, with the same HTTP status.

    The message is fixed text of the catalogue.  Details such as names of settings and stores are
    for the log.

    The code of the standard format is the error's own for 401 and 403, such as ``TOKEN_EXPIRED``,
    so that a client knows when to refresh a token.  Other errors have the code of their shape.

    A 503 tells the client to come again in a second, unless a delivery is of an unknown outcome.

    An error class of your own below one of the tree is answered like its parent.

    Raises:
        ConfigurationError: ``denied`` is not known.

    >>> from authz_lib.errors import AccessDeniedError, TokenExpiredError
    >>> from_authz_error(TokenExpiredError("token has expired")).challenge
    'Bearer error="invalid_token"'
    >>> error = AccessDeniedError("denied")
    >>> from_authz_error(error, denied="ForbiddenException").name
    'ForbiddenException'
    """
    require_one_of(denied, "denied", tuple(_DENIED))
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
    if error.status == 503 and _may_be_asked_again(error):
        return service_unavailable(retry_after_seconds=_RETRY_SECONDS)
    return _BY_STATUS.get(error.status, internal)()


def _may_be_asked_again(error: errors.AuthzError) -> bool:
    """Whether nothing was delivered, so that the same request does no harm."""
    if isinstance(error, errors.DeliveryError):
        return error.outcome == "not_sent"
    return isinstance(error, errors.DependencyError) and error.retryable


def _code_of(error: errors.AuthzError) -> str | None:
    """The error's code in the standard format; None where a subclass has an unfit one."""
    code = error.code.upper()
    return code if is_standard_code(code) else None


_RETRY_SECONDS = 1.0
_DENIED: dict[str, ErrorShape] = {shape.name: shape for shape in (access_denied, forbidden)}
_BY_STATUS = {400: _validation, 502: bad_gateway, 503: service_unavailable}

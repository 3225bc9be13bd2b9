"""`@service_handler`: a service Lambda whose errors are answers."""

from __future__ import annotations

import base64
import functools
import logging
import re
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, overload

from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.errors import AuthzError, ConfigurationError
from authz_lib.gateway.events import Event
from authz_lib.smithy.error_answers import EXPOSED_HEADERS
from authz_lib.smithy.errors import SmithyError, from_authz_error, internal, validation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["Handler", "json_body", "service_handler"]

Handler: TypeAlias = "Callable[[Any, Any], Any]"
"""A Lambda handler: ``(event, context) -> answer``."""

F = TypeVar("F", bound="Handler")  # a decorated handler keeps its own type

_log = logging.getLogger("authz_lib.service")
_MAX_BODY_CHARACTERS: Final = 6 * 1024 * 1024  # of a Lambda's whole event
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


@overload
def service_handler(handler: F, /) -> F: ...


@overload
def service_handler(
    *, errors: Literal["smithy", "standard"] = "smithy", cors_origin: str | None = None
) -> Callable[[F], F]: ...


def service_handler(
    handler: Handler | None = None,
    /,
    *,
    errors: Literal["smithy", "standard"] = "smithy",
    cors_origin: str | None = None,
) -> Handler | Callable[[Handler], Handler]:
    """Turn what a handler raises into a Lambda proxy answer.

    An `AuthzError` or `SmithyError` becomes its typed HTTP answer; everything else is a 500 with a
    request id and no detail, and is logged with its traceback.  What the handler returns is passed
    on untouched.

    Args:
        handler: the handler, when used without parentheses.
        errors: the shape of error bodies: ``"smithy"`` for generated SDK clients, ``"standard"``
            for a plain one.
        cors_origin: the one origin whose pages may read errors, their headers too; ``None`` sends
            no CORS header.

    Raises:
        ConfigurationError: ``errors`` is neither of the two, or ``cors_origin`` is not an origin.

    >>> @service_handler
    ... def handler(event, context):
    ...     from authz_lib.errors import AccessDeniedError
    ...     raise AccessDeniedError("this caller may not cancel orders")
    >>> handler({}, None)["statusCode"]
    403
    """
    if errors not in {"smithy", "standard"}:
        raise ConfigurationError("`errors` must be `smithy` or `standard`")
    headers = _cors_headers(cors_origin)

    def decorate(function: Handler) -> Handler:
        @functools.wraps(function)
        def handle(event: Any, context: Any = None) -> Any:
            request_id = _request_id(event, context)
            try:
                return function(event, context)
            except AuthzError as error:
                answer = from_authz_error(error)
                if error.status >= 500:
                    _log.warning("%s", error.code, exc_info=True, extra={"request_id": request_id})
            except SmithyError as error:
                answer = error
            except Exception:  # noqa: BLE001  whatever it is, a caller gets an answer without detail
                _log.exception("unhandled error", extra={"request_id": request_id})
                answer = internal()
            return answer.to_response(request_id=request_id, error_format=errors, headers=headers)

        return handle

    return decorate if handler is None else decorate(handler)


def _request_id(event: Mapping[str, Any], context: Any) -> str:
    found = (Event.of(event).request_context("requestId"), getattr(context, "aws_request_id", None))
    return next((text for text in found if type(text) is str and text), str(uuid.uuid4()))


def _cors_headers(origin: str | None) -> Mapping[str, str]:
    if origin is None:
        return {}
    if type(origin) is not str or not _ORIGIN.fullmatch(origin):
        raise ConfigurationError(
            "`cors_origin` must be one origin, such as `https://app.example.com`"
        )
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        "Vary": "Origin",
    }


def json_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object in the body of a proxy event.

    Checked: at most 6 MiB, which is what Lambda takes, UTF-8, one JSON object, no member twice, no
    ``NaN``, at most 64 levels, no number of more than 512 characters.  None of it becomes a 500.
    **Not** checked: the members.  Nothing in a body says who the caller is; that is
    `principal_from_event`'s.

    Raises:
        SmithyError: ``ValidationException`` (400); the message is fixed text.

    >>> json_body({"body": '{"item": "anvil"}', "isBase64Encoded": False})
    {'item': 'anvil'}
    """
    raw = Event.of(event).raw
    text, is_encoded = raw.get("body"), raw.get("isBase64Encoded")
    try:
        if type(text) is not str or not isinstance(is_encoded, bool | None):
            raise StrictJSONError("no body")
        if len(text) > _MAX_BODY_CHARACTERS:
            raise StrictJSONError("too long a body")
        return loads_object(base64.b64decode(text, validate=True) if is_encoded else text.encode())
    except ValueError:  # also bad base64 and lone surrogates
        raise validation("the body must be a JSON object") from None

"""`@service_handler`: a service Lambda whose errors are answers."""

from __future__ import annotations

import base64
import functools
import logging
import uuid
from collections.abc import Callable, Coroutine
from importlib import import_module
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeVar, overload

from authz_lib._support.current_request import CURRENT_REQUEST
from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.errors import AuthzError, ConfigurationError
from authz_lib.gateway.events import Event
from authz_lib.gateway.refusals import EventNames, Refusal, log_refusal
from authz_lib.service.cors import cors_headers
from authz_lib.smithy.error_answers import EXPOSED_HEADERS
from authz_lib.smithy.errors import SmithyError, from_authz_error, internal, validation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Handler", "event_names", "json_body", "service_handler", "smithy_error_of"]

Handler: TypeAlias = "Callable[[Any, Any], Any]"
"""A Lambda handler: ``(event, context) -> answer``."""

F = TypeVar("F", bound="Handler")  # a decorated handler keeps its own type
E = TypeVar("E")
C = TypeVar("C")

_log = logging.getLogger("authz_lib.service")
_MAX_BODY_CHARACTERS: Final = 6 * 1024 * 1024  # of a Lambda's whole event


class _Decorate(Protocol):
    """What `service_handler` with options gives."""

    @overload
    def __call__(
        self, handler: Callable[[E, C], Coroutine[Any, Any, Any]], /
    ) -> Callable[[E, C], Any]: ...

    @overload
    def __call__(self, handler: F, /) -> F: ...


@overload
def service_handler(
    handler: Callable[[E, C], Coroutine[Any, Any, Any]], /
) -> Callable[[E, C], Any]: ...


@overload
def service_handler(handler: F, /) -> F: ...


@overload
def service_handler(
    *, errors: Literal["smithy", "standard"] = "smithy", cors_origin: str | None = None
) -> _Decorate: ...


def service_handler(
    handler: Handler | None = None,
    /,
    *,
    errors: Literal["smithy", "standard"] = "smithy",
    cors_origin: str | None = None,
) -> Any:
    """Turn what a handler raises into a Lambda proxy answer.

    An `AuthzError` or `SmithyError` becomes its typed HTTP answer; everything else is a 500 with a
    request id and no detail, and is logged with its traceback.  What the handler returns is passed
    on untouched.

    An ``async def`` handler is run to its end, in an event loop that is kept for the next request:
    Lambda itself awaits nothing.  Called where a loop is running already, such as in an
    asynchronous test, it gives the coroutine: await it.

    An `AuthzError` is one line of the logger ``authz_lib.refusals``, which names the cause.

    Args:
        handler: the handler, when used without parentheses.
        errors: the shape of error bodies: ``"smithy"`` for generated SDK clients, ``"standard"``
            for a plain one.
        cors_origin: the one origin whose pages may read errors, their headers too; ``None`` sends
            no CORS header.

    Raises:
        ConfigurationError: ``errors`` is neither of the two, ``cors_origin`` is not an origin, or
            the handler is a generator.

    >>> @service_handler
    ... def handler(event, context):
    ...     from authz_lib.errors import AccessDeniedError
    ...     raise AccessDeniedError("this caller may not cancel orders")
    >>> handler({}, None)["statusCode"]
    403
    """
    if errors not in {"smithy", "standard"}:
        raise ConfigurationError("`errors` must be `smithy` or `standard`")
    headers = cors_headers(cors_origin, [EXPOSED_HEADERS])

    def answer(error: Exception, names: EventNames) -> dict[str, Any]:
        return smithy_error_of(error, names).to_response(
            request_id=names.request_id, error_format=errors, headers=headers
        )

    def decorate(function: Handler) -> Handler:
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise ConfigurationError("a handler must return its answer: a generator returns none")
        if iscoroutinefunction(function):  # loaded at the start, not by the first request
            import_module("authz_lib.service.event_loop")

        @functools.wraps(function)
        def handle(event: Any, context: Any = None) -> Any:
            names = event_names(event, context)
            before = CURRENT_REQUEST.set(names)
            try:
                returned = function(event, context)
            except Exception as error:  # noqa: BLE001  whatever it is, a caller gets an answer
                return answer(error, names)
            finally:
                CURRENT_REQUEST.reset(before)
            if not isinstance(returned, Coroutine):
                return returned
            return _run(returned, names, lambda error: answer(error, names))

        return handle

    return decorate if handler is None else decorate(handler)


def smithy_error_of(error: Exception, names: EventNames) -> SmithyError:
    """What an error is to the caller; refusals and what nobody expected are logged.

    >>> from authz_lib.errors import AccessDeniedError
    >>> names = event_names({}, None)
    >>> smithy_error_of(AccessDeniedError("not yours"), names).status
    403
    """
    error = _alone(error)
    if isinstance(error, AuthzError):
        log_refusal(Refusal.of(error), names, error=error if error.status >= 500 else None)
        return from_authz_error(error)
    if isinstance(error, SmithyError):
        return error
    _log.error("unhandled error", exc_info=error, extra={"request_id": names.request_id})
    return internal()


def _alone(error: Exception) -> Exception:
    """The error that a task group has wrapped, if it is the only one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _run(
    coroutine: Coroutine[Any, Any, Any], names: EventNames, answer: Callable[[Exception], Any]
) -> Any:
    """The answer of an ``async def`` handler, or the coroutine that makes it."""
    from asyncio import CancelledError  # slow to import, and most handlers need none

    from authz_lib.service.event_loop import run_to_end

    async def answered() -> Any:
        before = CURRENT_REQUEST.set(names)
        try:
            return await coroutine
        except Exception as error:  # noqa: BLE001  whatever it is, a caller gets an answer
            return answer(error)
        finally:
            CURRENT_REQUEST.reset(before)

    try:
        return run_to_end(answered())
    except CancelledError:  # by the handler itself
        return answer(RuntimeError("the handler was cancelled"))


def event_names(event: Mapping[str, Any], context: Any) -> EventNames:
    """Route and request id of an event: the gateway's id, else Lambda's, else a new one.

    >>> event_names({"requestContext": {"requestId": "r-1"}}, None).request_id
    'r-1'
    """
    found = (Event.of(event).request_context("requestId"), getattr(context, "aws_request_id", None))
    request_id = next((text for text in found if type(text) is str and text), str(uuid.uuid4()))
    return EventNames(event, request_id)


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

"""How a `SmithyError` looks on the wire: its body in either format, its headers, and what may stand
in them.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Literal

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.smithy.errors import SmithyError

__all__ = ["EXPOSED_HEADERS", "ErrorFormat", "check_headers", "render", "sendable"]

ErrorFormat = Literal["smithy", "standard"]

# The fourth is what a REST API makes of the third in an integration's answer.
EXPOSED_HEADERS = "x-amzn-ErrorType,x-amzn-RequestId,WWW-Authenticate,x-amzn-Remapped-WWW-Authenticate,Retry-After,x-amz-retry-after"
"""For ``Access-Control-Expose-Headers``: what errors say in headers, and a browser hides from pages
of another origin.

See https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
"""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,256}")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

_RETRY_SECONDS = 1


def sendable(text: str) -> str:
    """The text without what UTF-8 cannot say (lone surrogates)."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def check_headers(headers: Mapping[str, Any]) -> None:
    """Refuse what is no header, or would be two.

    Raises:
        ConfigurationError: a name or value that is not printable ASCII, such as one with a line
            break.
    """
    for name, value in headers.items():
        if (
            not _HEADER_NAME.fullmatch(name)
            or not isinstance(value, str)
            or not _HEADER_VALUE.fullmatch(value)
        ):
            raise ConfigurationError(
                "`headers` holds a name or value that is not a printable ASCII header"
            )


def render(
    error: SmithyError,
    request_id: str | None,
    error_format: ErrorFormat,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """The answer of a Lambda proxy integration; ``headers`` never replace those of the error.

    Raises:
        ConfigurationError: an unknown format, or a header that is not one.
    """
    body = _BODIES.get(error_format)
    if body is None:
        raise ConfigurationError("`error_format` must be `smithy` or `standard`")
    own = _headers(error, request_id)
    taken = {name.lower() for name in own}
    extra = {name: value for name, value in headers.items() if name.lower() not in taken}
    check_headers(extra)
    return {
        "statusCode": error.status,
        "headers": {**extra, **own},
        "body": json.dumps(body(error, request_id), separators=(",", ":"), allow_nan=False),
        "isBase64Encoded": False,
    }


def _headers(error: SmithyError, request_id: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Amzn-Errortype": error.name}
    if request_id is not None and _REQUEST_ID.fullmatch(request_id):
        headers["x-amzn-requestid"] = request_id
    if error.status == 401 or error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge or "Bearer"
    delay = error.retry_after_seconds
    if delay is None and error.shape.throttling:
        delay = _RETRY_SECONDS
    if delay is not None:
        headers["Retry-After"] = str(math.ceil(delay))
        headers["x-amz-retry-after"] = str(
            math.ceil(delay * 1000)
        )  # milliseconds; the one that botocore reads
    return headers


def _smithy_body(error: SmithyError, request_id: str | None) -> dict[str, Any]:
    body = {"__type": error.name, "message": error.message, **error.members}
    if request_id is not None:
        body["requestId"] = sendable(request_id)
    return body


def _standard_body(error: SmithyError, _: str | None) -> dict[str, Any]:
    return {"status": error.status, "code": error.standard_code, "message": error.message}


_BODIES = {"smithy": _smithy_body, "standard": _standard_body}

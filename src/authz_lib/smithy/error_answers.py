"""The answer to a failed request: its body in two formats, its headers, and what may be in them."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Literal

from authz_lib._support.checks import FIELD_NAME
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib._support.strict_json import JSONObject

__all__ = ["EXPOSED_HEADERS", "ErrorFormat", "answer", "check_headers", "error_headers", "sendable"]

ErrorFormat = Literal["smithy", "standard"]

EXPOSED_HEADERS = (
    "x-amzn-ErrorType,x-amzn-RequestId,WWW-Authenticate,x-amzn-Remapped-WWW-Authenticate,"
    "Retry-After,x-amz-retry-after"
)
"""The headers of an error that a browser hides from pages of another origin.

For ``Access-Control-Expose-Headers``.  ``x-amzn-Remapped-WWW-Authenticate`` is how a REST API
renames ``WWW-Authenticate`` of an integration.

See https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
"""

_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,256}")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


def sendable(text: str) -> str:
    """The text, with lone surrogates replaced: UTF-8 cannot encode them."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def check_headers(headers: Mapping[str, Any]) -> None:
    """Refuse a header that is not printable ASCII on one line.

    Raises:
        ConfigurationError: a name or a value is wrong.
    """
    for name, value in headers.items():
        is_value = isinstance(value, str) and _HEADER_VALUE.fullmatch(value)
        if not is_value or not FIELD_NAME.fullmatch(name):
            raise ConfigurationError("`headers` must have names and values of printable ASCII")


def error_headers(
    name: str,
    *,
    request_id: str | None,
    challenge: str | None,
    retry_after_seconds: float | None,
) -> dict[str, str]:
    """The headers of an error.  A request id that is not a header value is left out."""
    headers = {"Content-Type": "application/json", "X-Amzn-Errortype": name}
    if request_id is not None and _REQUEST_ID.fullmatch(request_id):
        headers["x-amzn-requestid"] = request_id
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(math.ceil(retry_after_seconds))
        # In milliseconds; the header that botocore reads.
        headers["x-amz-retry-after"] = str(math.ceil(retry_after_seconds * 1000))
    return headers


def answer(
    status: int, body: JSONObject, *, headers: Mapping[str, str], more_headers: Mapping[str, str]
) -> dict[str, Any]:
    """The answer of a Lambda proxy integration.

    ``more_headers`` never replace ``headers``, in any case of letters.

    Raises:
        ConfigurationError: one of ``more_headers`` is not printable ASCII on one line.
    """
    taken = {name.lower() for name in headers}
    added = {name: value for name, value in more_headers.items() if name.lower() not in taken}
    check_headers(added)
    return {
        "statusCode": status,
        "headers": {**added, **headers},
        "body": json.dumps(body, separators=(",", ":"), allow_nan=False),
        "isBase64Encoded": False,
    }

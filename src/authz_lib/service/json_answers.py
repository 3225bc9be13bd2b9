"""`json_answer`: what a handler returns when all went well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from authz_lib.errors import ConfigurationError
from authz_lib.service.cors import cors_headers
from authz_lib.smithy.error_answers import check_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["json_answer"]

# Pages of another origin read these without being told.
_SAFELISTED: Final = frozenset(
    {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)


def json_answer(
    status: int,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    cors_origin: str | None = None,
) -> dict[str, Any]:
    """The answer of a Lambda proxy integration with a JSON body.

    ``Cache-Control: no-store`` stands in every answer, since it is one caller's.  Without a body,
    as in a 204, there is no ``Content-Type`` either.

    Checked: the status, and that each header is printable ASCII on one line.  **Not** checked: the
    body; what `json.dumps` does not know raises its ``TypeError`` or ``ValueError``.

    Args:
        status: the HTTP status, 200 to 599.
        body: what the caller is told; ``None`` for an answer without a body.
        headers: more headers; one of the same name, in any case of letters, takes the place of
            the usual one.
        cors_origin: the one origin whose pages may read the answer and the headers given here;
            ``None`` sends no CORS header, as where the gateway adds them.

    Raises:
        ConfigurationError: the status, a header or the origin is wrong.

    See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html

    >>> answer = json_answer(202, {"id": "7"}, headers={"Location": "/jobs/7"})
    >>> answer["statusCode"], answer["body"], answer["headers"]["Location"]
    (202, '{"id": "7"}', '/jobs/7')
    """
    if type(status) is not int or not 200 <= status <= 599:
        raise ConfigurationError("`status` must be an HTTP status from 200 to 599")
    own = dict(headers or {})
    check_headers(own)
    usual = {"Cache-Control": "no-store", **cors_headers(cors_origin, _hidden(own))}
    if body is not None:
        usual["Content-Type"] = "application/json"
    taken = {name.lower() for name in own}
    kept = {name: value for name, value in usual.items() if name.lower() not in taken}
    return {
        "statusCode": status,
        "headers": {**kept, **own},
        "body": "" if body is None else json.dumps(body, allow_nan=False),
        "isBase64Encoded": False,
    }


def _hidden(headers: Mapping[str, str]) -> list[str]:
    """The headers that a page reads only where they are named."""
    return [name for name in headers if name.lower() not in _SAFELISTED]

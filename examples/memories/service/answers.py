"""What both handlers answer with, beside the errors that the library renders."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from authz_lib.smithy import errors as smithy

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]
PATIENCE: Any = {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 2}}
"""Of boto3's clients: a service that does not answer is a 503 long before the gateway's 29 seconds
are over.
"""


def answer(status: int, body: JSON, headers: dict[str, str] | None = None) -> JSON:
    """A Lambda proxy answer that the app's own origin may read, and no cache may keep."""
    cors = {
        "Access-Control-Allow-Origin": os.environ["ALLOWED_ORIGIN"],
        # Without it a page could not read where to poll.
        "Access-Control-Expose-Headers": "Location,Retry-After",
        "Vary": "Origin",
    }
    kind = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {
        "statusCode": status,
        "headers": kind | cors | (headers or {}),
        "body": json.dumps(body),
    }


@contextmanager
def outages_as_503() -> Iterator[None]:
    """A 503 for an AWS service that cannot be reached, fails or throttles; a 500 for a refusal."""
    try:
        yield
    except BotoCoreError:
        raise smithy.service_unavailable() from None
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {429, 500, 502, 503, 504}:
            raise smithy.service_unavailable() from None
        raise

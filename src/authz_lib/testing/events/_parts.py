"""What all factories share: ids, ARNs, headers and queries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API_ID = "a1b2c3d4e5"
ACCOUNT_ID = "123456789012"
REGION = "eu-west-1"
TIME = 1_700_000_000
TIME_TEXT = "14/Nov/2023:22:13:20 +0000"


def api_arn(method: str, path: str, stage: str, options: Mapping[str, Any]) -> str:
    """The ARN of a method."""
    partition, region = options.get("partition", "aws"), options.get("region", REGION)
    api, account = options.get("api_id", API_ID), options.get("account_id", ACCOUNT_ID)
    return f"arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/{method}{path}"


def api_domain(options: Mapping[str, Any]) -> str:
    """The API's own domain, or the custom one that was given."""
    own = f"{options.get('api_id', API_ID)}.execute-api.{REGION}.amazonaws.com"
    return str(options.get("domain_name", own))


def with_token(token: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Headers with ``Authorization: Bearer``."""
    given = {} if token is None else {"authorization": f"Bearer {token}"}
    return {
        "host": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
        "user-agent": "curl/8",
        **given,
        **(headers or {}),
    }


def single(query: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """The last value of each parameter."""
    return dict(query) or None


def multiple(query: Sequence[tuple[str, str]]) -> dict[str, list[str]] | None:
    """All values of each parameter."""
    return {name: [v for n, v in query if n == name] for name, _ in query} or None


def joined(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    """All values of each parameter, as HTTP APIs join them."""
    return {name: ",".join(values) for name, values in (multiple(query) or {}).items()}


def body_text(body: Any) -> str | None:
    """A text as it is, anything else as JSON."""
    return body if body is None or isinstance(body, str) else json.dumps(body)

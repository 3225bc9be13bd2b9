"""What an error answer of Verified Permissions means here, whichever client received it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.errors import (
    AuthzError,
    InvalidRequestError,
    PolicyStoreMisconfiguredError,
    PolicyStoreThrottledError,
    PolicyStoreUnavailableError,
)
from authz_lib.transport.aws_codes import LATER_CODES, THROTTLING_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["error_for", "malformed", "unreachable"]

_INVALID = frozenset({"ValidationException", "SerializationException"})


def error_for(code: str, status: int, document: Mapping[str, Any]) -> AuthzError:
    """The error for an error answer: its code decides, then its status.

    The service's own message can repeat ids and values of the request, so it is not repeated; a
    ``ValidationException`` says which field it means.
    """
    if code in THROTTLING_CODES or status == 429:
        return PolicyStoreThrottledError("the policy store is asked too often")
    if status >= 500:
        return PolicyStoreUnavailableError("the policy store answered with a server fault")
    if code in LATER_CODES:
        return unreachable()
    if code in _INVALID or status == 413:
        return InvalidRequestError(
            "the policy store refused the request as invalid", field=_field(document)
        )
    if 300 <= status < 400 or status < 200:
        return malformed()
    return PolicyStoreMisconfiguredError(
        _MISCONFIGURED.get(code, "the policy store refused these credentials or this call")
    )


_MISCONFIGURED = {
    "AccessDeniedException": "these credentials may not ask the policy store",
    "ResourceNotFoundException": "the policy store does not exist",
}


def _field(document: Mapping[str, Any]) -> str | None:
    fields = document.get("fieldList")
    first = fields[0] if isinstance(fields, list) and fields else None
    path = first.get("path") if isinstance(first, dict) else None
    return path if isinstance(path, str) else None


def malformed() -> PolicyStoreUnavailableError:
    """An answer that is not understood decides nothing."""
    return PolicyStoreUnavailableError("the policy store's answer is not understood")


def unreachable() -> PolicyStoreUnavailableError:
    """No answer: refused, reset, timed out, no credentials."""
    return PolicyStoreUnavailableError(
        "the policy store could not be asked, or did not answer in time"
    )

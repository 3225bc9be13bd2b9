"""The principal as flat values: the one table behind authorizer contexts, gateway events and
principal headers.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from authz_lib.errors import InvalidClaimError, TokenExpiredError, UntrustedEventError
from authz_lib.gateway.responses import check_size
from authz_lib.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.gateway.responses import ContextValue

__all__ = ["PRINCIPAL_KEYS", "REASON", "principal_from_context", "refusal_context", "to_context"]

PRINCIPAL_KEYS = ("sub", "issuer", "client_id", "token_use", "tenant_id", "groups", "scopes", "exp")
"""Every key is always present, empty where the principal has none: a mapping that resolves to
nothing would let a client's own header through."""

REASON = "reason"
"""The key under which a refusal says why: the stable ``code`` of an error, never a detail of a
policy.
"""

_NONE: dict[str, ContextValue] = dict.fromkeys(PRINCIPAL_KEYS, "")
_quote = json.encoder.encode_basestring_ascii
_MAX_SECONDS = 10**15
_CERTAINLY_SMALL = (
    600  # characters: each is at most 12 bytes as escaped JSON, and a gateway takes 8192
)
_SECONDS = re.compile(r"[0-9]{1,15}")


def to_context(principal: Principal) -> dict[str, ContextValue]:
    """What an authorizer tells the integration about the caller: strings, and ``exp`` in seconds.

    Groups and scopes are each one JSON string: REST APIs answer 500 for a list, and HTTP APIs join
    one ambiguously.

    Raises:
        InvalidRequestError: it is more than a gateway passes on.
        InvalidClaimError: the principal has no expiry.  A gateway may replay an answer long after
            the token died, so a service must be able to see that.

    >>> to_context(Principal("alice", groups=("a b",), expires_at=1700000000.0))["groups"]
    '["a b"]'
    """
    if principal.expires_at is None:
        raise InvalidClaimError("`exp` is missing", claim="exp")
    if not 0 <= principal.expires_at < _MAX_SECONDS:  # what `principal_from_context` would refuse
        raise InvalidClaimError("`exp` is out of range", claim="exp")
    subject, issuer, client = principal.subject, principal.issuer or "", principal.client_id or ""
    tenant, token_use = principal.tenant_id or "", principal.claims.get("token_use")
    use = token_use if type(token_use) is str else ""
    groups, scopes = _list(tuple(principal.groups)), _sorted_list(frozenset(principal.scopes))
    context: dict[str, ContextValue] = {
        "sub": subject,
        "issuer": issuer,
        "client_id": client,
        "token_use": use,
        "tenant_id": tenant,
        "groups": groups,
        "scopes": scopes,
        "exp": int(principal.expires_at),
        REASON: "",
    }
    size = (
        len(subject)
        + len(issuer)
        + len(client)
        + len(use)
        + len(tenant)
        + len(groups)
        + len(scopes)
    )
    if size > _CERTAINLY_SMALL:
        check_size(context)
    return context


# Few groups and fewer scopes make up most callers.
@lru_cache(maxsize=256)
def _list(names: tuple[str, ...]) -> str:
    """A JSON list of strings; an encoder would be asked what each of them is."""
    return f"[{','.join([_quote(name) for name in names])}]"


@lru_cache(maxsize=256)
def _sorted_list(names: frozenset[str]) -> str:
    return _list(tuple(sorted(names)))


def refusal_context(reason: str) -> dict[str, ContextValue]:
    """The context of a refusal: every key of the principal empty, and why.

    >>> refusal_context("token_expired")["reason"]
    'token_expired'
    """
    return {**_NONE, REASON: reason}


def principal_from_context(values: Mapping[str, Any], *, now: float) -> Principal:
    """Read back what `to_context` wrote, after a gateway turned some or all of it into strings.

    Raises:
        UntrustedEventError: a key is missing, of another type or malformed; the message names the
            key.
        TokenExpiredError: ``exp`` has passed; a gateway's remembered Allow outlives a token.

    >>> caller = Principal("alice", scopes=frozenset({"read"}), expires_at=1700000000.0)
    >>> principal_from_context(to_context(caller), now=1600000000.0).scopes
    frozenset({'read'})
    """
    missing = [key for key in PRINCIPAL_KEYS if key not in values]
    if missing:
        raise UntrustedEventError(f"`{missing[0]}` of the principal is missing")
    subject = _text(values, "sub")
    if not subject:
        raise UntrustedEventError("`sub` of the principal is empty")
    expires_at = _seconds(values["exp"])
    if expires_at <= now:
        raise TokenExpiredError("the principal's token has expired")
    token_use = _text(values, "token_use")
    return Principal(
        subject=subject,
        issuer=_text(values, "issuer") or None,
        client_id=_text(values, "client_id") or None,
        groups=_names(values, "groups"),
        scopes=frozenset(_names(values, "scopes")),
        tenant_id=_text(values, "tenant_id") or None,
        claims={
            "sub": subject,
            "exp": expires_at,
            **({"token_use": token_use} if token_use else {}),
        },
        expires_at=expires_at,
    )


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values[key]
    if type(value) is not str:
        raise UntrustedEventError(f"`{key}` of the principal is not a string")
    return value


def _names(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    try:
        names = json.loads(_text(values, key))
    except (ValueError, RecursionError):
        raise UntrustedEventError(f"`{key}` of the principal is not JSON") from None
    if not isinstance(names, list) or not all(type(name) is str and name for name in names):
        raise UntrustedEventError(f"`{key}` of the principal is not a list of names")
    return tuple(names)


def _seconds(value: object) -> float:
    if type(value) is str and _SECONDS.fullmatch(value):
        return float(value)
    if (
        type(value) in {int, float}
        and isinstance(value, (int, float))
        and 0 <= value < _MAX_SECONDS
    ):
        return float(value)
    raise UntrustedEventError("`exp` of the principal is not a number of seconds")

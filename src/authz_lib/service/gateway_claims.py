"""The claims that API Gateway's own authorizers write into an event, which are all text."""

from __future__ import annotations

import re
from calendar import timegm
from time import strptime
from typing import TYPE_CHECKING, Any, Protocol

from authz_lib.errors import InvalidClaimError, TokenExpiredError
from authz_lib.principal import Principal, cognito_pool, text_claim

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["principal_from_claims"]


class _Gateway(Protocol):
    """What `ExpectedGateway` says of the claims that it expects."""

    @property
    def kind(self) -> str: ...

    @property
    def issuer(self) -> str | None: ...

    @property
    def tenant_claim(self) -> str | None: ...

    @property
    def groups_claim(self) -> str | None: ...

    @property
    def groups_separator(self) -> str | None: ...


def principal_from_claims(claims: Mapping[str, Any], gateway: _Gateway, now: float) -> Principal:
    """The caller whom Cognito's or a JWT authorizer's claims name.

    Raises:
        InvalidClaimError: a claim is missing, malformed or may mean two things.
        TokenExpiredError: ``exp`` has passed.
    """
    subject = text_claim(claims, "sub")
    if subject is None:
        raise InvalidClaimError("`sub` is missing", claim="sub")
    expires_at = _expiry(claims)
    if expires_at <= now:
        raise TokenExpiredError("the principal's token has expired")
    client = "aud" if claims.get("token_use") == "id" else "client_id"
    return Principal(
        subject=subject,
        issuer=text_claim(claims, "iss"),
        client_id=text_claim(claims, client) or text_claim(claims, "azp"),
        groups=_groups(claims, gateway),
        scopes=frozenset((text_claim(claims, "scope") or "").split(" ")) - {""},
        tenant_id=None
        if gateway.tenant_claim is None
        else text_claim(claims, gateway.tenant_claim),
        claims=claims,
        expires_at=expires_at,
    )


def _groups(claims: Mapping[str, Any], gateway: _Gateway) -> tuple[str, ...]:
    name = gateway.groups_claim
    text = None if name is None else claims.get(name)
    if name is None or text is None:
        return ()
    if type(text) is not str:
        raise InvalidClaimError(f"`{name}` is not a text", claim=name)
    separator = " " if gateway.kind == "http-jwt" else ","
    if separator == " ":
        if not (text.startswith("[") and text.endswith("]")):
            raise InvalidClaimError(f"`{name}` is not a list", claim=name)
        text = text[1:-1]
    names = tuple(part for part in text.split(separator) if part)
    vouched = gateway.groups_separator == separator or (
        separator == " " and _of_cognito(claims, gateway)
    )
    if separator in text and not vouched:
        raise InvalidClaimError(
            f"`{name}` may be one name or several: see `groups_separator`", claim=name
        )
    return tuple(dict.fromkeys(names))


def _of_cognito(claims: Mapping[str, Any], gateway: _Gateway) -> bool:
    """Whether the issuer is a user pool: the pinned one, or the one that the pinned API took."""
    issuer = gateway.issuer or claims.get("iss")
    return (
        gateway.groups_claim == "cognito:groups"
        and type(issuer) is str
        and cognito_pool(issuer) is not None
    )


def _expiry(claims: Mapping[str, Any]) -> float:
    value = claims.get("exp")
    # As many digits as in a text; a huge number does not convert.
    if type(value) is int and abs(value) < 10**15:
        return float(value)
    if type(value) is str and _EPOCH.fullmatch(value):
        return float(value)
    if type(value) is str and _DATE.fullmatch(value):
        try:
            return float(timegm(strptime(value.replace(" UTC ", " "), "%a %b %d %H:%M:%S %Y")))
        except ValueError:
            pass
    raise InvalidClaimError("`exp` is missing or neither seconds nor a date", claim="exp")


_EPOCH = re.compile(r"[0-9]{1,15}")
# As REST APIs were seen to write it: `Fri Jul 29 18:52:53 UTC 2016`.
_DATE = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{1,2} [0-9:]{8} UTC [0-9]{4}")

"""The claims that API Gateway's own authorizers write into an event, which are all text."""

from __future__ import annotations

import re
from calendar import timegm
from time import strptime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from authz_lib.errors import InvalidClaimError, TokenExpiredError
from authz_lib.gateway.context import EPOCH_SECONDS
from authz_lib.principal import Principal, cognito_pool
from authz_lib.tokens.claim_reader import (
    COGNITO_GROUPS,
    SCOPE_CLAIMS,
    groups_of,
    scopes_of,
    tenant_of,
    text_claim,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.tokens.claim_reader import ClaimPath, ClientReader

__all__ = ["SEPARATORS", "principal_from_claims"]

SEPARATORS: Mapping[str, str] = MappingProxyType({"http-jwt": " ", "rest-cognito": ","})
"""What each kind of gateway writes between the items of a list."""


class _Gateway(Protocol):
    """What `ExpectedGateway` says of the claims that it expects."""

    @property
    def kind(self) -> str: ...

    @property
    def issuer(self) -> str | None: ...

    @property
    def client_reader(self) -> ClientReader: ...

    @property
    def tenant_claim(self) -> ClaimPath | None: ...

    @property
    def groups_claim(self) -> ClaimPath | None: ...

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
    token = _as_in_the_token(claims, gateway)
    return Principal(
        subject=subject,
        issuer=text_claim(claims, "iss"),
        client_id=gateway.client_reader.read(token),
        groups=() if gateway.groups_claim is None else groups_of(token, gateway.groups_claim),
        scopes=scopes_of(token),
        tenant_id=None if gateway.tenant_claim is None else tenant_of(token, gateway.tenant_claim),
        claims=claims,
        expires_at=expires_at,
    )


def _as_in_the_token(claims: Mapping[str, Any], gateway: _Gateway) -> Mapping[str, Any]:
    """The claims with lists where a gateway made a text of one: what the one reader reads."""
    read = dict(claims)
    if gateway.kind == "http-jwt":
        for name in (*SCOPE_CLAIMS, "aud"):  # none of their values holds a space
            text = claims.get(name)
            if _is_bracketed(text):
                read[name] = _split(text[1:-1], " ")
        tenant = _single_name(gateway.tenant_claim)
        if tenant is not None and _is_bracketed(claims.get(tenant)):
            raise InvalidClaimError(
                f"`{tenant}` may be a list, and one text is expected", claim=tenant
            )
    groups = _single_name(gateway.groups_claim)
    text = None if groups is None else claims.get(groups)
    if groups is None or text is None:
        return read
    if type(text) is not str:
        raise InvalidClaimError(f"`{groups}` is not a text", claim=groups)
    read[groups] = _groups(text, groups, claims, gateway)
    return read


def _single_name(path: ClaimPath | None) -> str | None:
    """The name of a claim of the token itself: `ExpectedGateway` refuses a longer path."""
    return path[0] if isinstance(path, tuple) else path


def _groups(text: str, name: str, claims: Mapping[str, Any], gateway: _Gateway) -> tuple[str, ...]:
    """The list that a gateway wrote as ``[a b]`` or ``a,b``; a text of the token is one name."""
    separator = SEPARATORS[gateway.kind]
    if '"' in text:
        raise InvalidClaimError(
            f"`{name}` holds JSON in a text, or a name with a quote: have the issuer write a list",
            claim=name,
        )
    if separator == " ":
        if not _is_bracketed(text):
            if text[:1] == "[" or text[-1:] == "]" or name == COGNITO_GROUPS:
                raise InvalidClaimError(f"`{name}` is not a list", claim=name)
            return (text,)
        text = text[1:-1]
    vouched = gateway.groups_separator == separator or (
        separator == " " and _of_cognito(claims, gateway)
    )
    if separator in text and not vouched:
        raise InvalidClaimError(
            f"`{name}` may be one name or several: see `groups_separator`", claim=name
        )
    return _split(text, separator)


def _is_bracketed(text: object) -> TypeGuard[str]:
    """Whether it is what an HTTP API makes of a list."""
    return type(text) is str and len(text) > 1 and text[0] == "[" and text[-1] == "]"


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(separator) if part)


def _of_cognito(claims: Mapping[str, Any], gateway: _Gateway) -> bool:
    """Whether the issuer is a user pool: the pinned one, or the one that the pinned API took."""
    issuer = gateway.issuer or claims.get("iss")
    return (
        _single_name(gateway.groups_claim) == COGNITO_GROUPS
        and type(issuer) is str
        and cognito_pool(issuer) is not None
    )


def _expiry(claims: Mapping[str, Any]) -> float:
    value = claims.get("exp")
    # As many digits as in a text; a huge number does not convert.
    if type(value) is int and abs(value) < 10**15:
        return float(value)
    if type(value) is str and EPOCH_SECONDS.fullmatch(value):
        return float(value)
    if type(value) is str and _DATE.fullmatch(value):
        try:
            return float(timegm(strptime(value.replace(" UTC ", " "), "%a %b %d %H:%M:%S %Y")))
        except ValueError:
            pass
    raise InvalidClaimError("`exp` is missing or neither seconds nor a date", claim="exp")


# As REST APIs were seen to write it: `Fri Jul 29 18:52:53 UTC 2016`.
_DATE = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{1,2} [0-9:]{8} UTC [0-9]{4}")

"""`AssertedCaller`, and the claims of an assertion that it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple

from authz_lib.errors import InvalidClaimError, InvalidTokenError

__all__ = ["AssertedCaller", "read_asserted_caller"]


class AssertedCaller(NamedTuple):
    """Who calls, and what was decided about the request.

    Attributes:
        subject: ``sub`` of the caller's token.
        issuer: its issuer.
        client_id: the application that the caller's token was issued to.
        scopes: its OAuth scopes.
        groups: the caller's groups.
        tenant_id: the caller's tenant.
        expires_at: seconds since the epoch; of the token that is asserted, or of the assertion.
        action: the Cedar action that was decided.
        route: the method and the path pattern, such as ``DELETE /orders/{id}``; query literals
            that tell actions apart follow: ``GET /orders?all&sort=asc``.
        attributes: the declared attributes of the caller.
        transaction: ``txn``: the same for everything that one request causes.
    """

    subject: str
    issuer: str | None
    client_id: str | None
    scopes: frozenset[str]
    groups: tuple[str, ...]
    tenant_id: str | None
    expires_at: float
    action: str
    route: str
    attributes: Mapping[str, Any]
    transaction: str


def read_asserted_caller(claims: Mapping[str, Any]) -> AssertedCaller:
    """The caller of an assertion that was verified.

    Raises:
        InvalidTokenError: it is no assertion.
        InvalidClaimError: a claim is missing, or has another form.
    """
    asked, caller = claims.get("tctx"), claims.get("rctx")
    if not isinstance(asked, Mapping) or not isinstance(caller, Mapping):
        raise InvalidTokenError("`tctx` or `rctx` is missing: it is no assertion")
    expires_at = claims.get("exp")
    if type(expires_at) not in {int, float} or not -inf < expires_at < inf:  # type: ignore[operator]
        raise InvalidClaimError("an assertion needs `exp`", claim="exp")
    scope = _text(claims, "scope", empty=True)
    return AssertedCaller(
        subject=_text(claims, "sub"),
        issuer=_optional(caller, "iss"),
        client_id=_optional(caller, "client_id"),
        scopes=frozenset(scope.split(" ")) if scope else frozenset(),
        groups=_texts(caller, "groups"),
        tenant_id=_optional(caller, "tenant_id"),
        expires_at=float(expires_at),  # type: ignore[arg-type]
        action=_text(asked, "action"),
        route=_text(asked, "route"),
        attributes=_attributes(caller),
        transaction=_text(claims, "txn"),
    )


def _text(holder: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    value = holder.get(name)
    if type(value) is not str or (not value and not empty):
        raise InvalidClaimError(f"`{name}` of an assertion must be text", claim=name)
    return value


def _optional(holder: Mapping[str, Any], name: str) -> str | None:
    return None if holder.get(name, ...) is None else _text(holder, name)


def _texts(holder: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = holder.get(name)
    if not isinstance(values, list | tuple) or not all(type(value) is str for value in values):
        raise InvalidClaimError(f"`{name}` of an assertion must be a list of texts", claim=name)
    return tuple(values)


def _attributes(caller: Mapping[str, Any]) -> Mapping[str, Any]:
    values = caller.get("attributes")
    if not isinstance(values, Mapping):
        raise InvalidClaimError(
            "`attributes` of an assertion must be an object", claim="attributes"
        )
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }

"""What Verified Permissions reads of a token: the caller, its groups, its attributes or context.

| source | token | compared |
|---|---|---|
| user pool | access | ``client_id`` with ``clientIds`` |
| user pool | identity | ``aud`` with ``clientIds`` |
| OpenID, ``accessTokenOnly`` | access | ``aud`` with ``audiences`` |
| OpenID, ``identityTokenOnly`` | identity | ``aud`` with ``clientIds`` |

Of a list in ``aud``, one member suffices.  An empty list of the source accepts all.  The principal
is in ``sub`` (user pool) or ``principalIdClaim`` (OpenID).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

from authz_lib._support.strict_json import loads_document
from authz_lib.entities import Entity, EntityUid

__all__ = [
    "ReadToken",
    "StoreIdentitySource",
    "TokenCaller",
    "TokenUse",
    "caller_of",
    "header_of",
    "read_unverified",
    "source_from",
]

ReadToken: TypeAlias = Callable[[str], dict[str, Any]]
"""Reads the claims of a token; raises ``ValueError`` for one that it does not accept."""
TokenUse: TypeAlias = Literal["access", "id"]

_COGNITO_GROUPS = "cognito:groups"
# Claims about the token, not about the caller, which the service does not pass on as attributes.
_NOT_ATTRIBUTES = frozenset(
    {"aud", "sub", "exp", "iat", "jti", "auth_time", "nbf", "token_use", "iss", "at_hash", "nonce"}
)
_ACCESS_TYPES = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068


class StoreIdentitySource(NamedTuple):
    """The parts of an identity source that decide."""

    prefix: str
    issuer: str
    accepted: tuple[str, ...]
    """Clients or audiences; empty: all."""
    client_claims: dict[TokenUse, str]
    """The claim that is compared, for each use that the source takes."""
    principal_claim: str
    principal_type: str
    group_type: str | None
    group_claim: str
    user_pool_id: str | None = None


class TokenCaller(NamedTuple):
    """The principal of a token, its entities, and what goes into the context."""

    uid: EntityUid
    entities: tuple[Entity, ...]
    context_token: dict[str, Any] | None


def _part(token: str, number: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    part = parts[number]
    document = loads_document(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if type(document) is not dict:
        raise ValueError("not a JWT")
    return document


def read_unverified(token: str) -> dict[str, Any]:
    """The claims of a JWT, neither signature nor expiry checked: for tests of something else."""
    return _part(token, 1)


def header_of(token: str) -> dict[str, Any]:
    """The header of a JWT, unchecked."""
    return _part(token, 0)


def caller_of(
    claims: dict[str, Any],
    source: StoreIdentitySource,
    *,
    token_use: TokenUse,
    token_type: object = None,
) -> TokenCaller:
    """The caller as the service names it: ``<userPoolId>|<sub>``, in ``<userPoolId>|<group>``.

    Args:
        claims: of a token that was verified.
        source: the identity source.
        token_use: as what the token was sent.
        token_type: ``typ`` of its header.

    Raises:
        ValueError: the token is of another issuer, of another client, or of the other kind, or has
            no principal.
    """
    _require_of_source(claims, source, token_use, token_type)
    principal = claims.get(source.principal_claim)
    if not isinstance(principal, str) or not principal:
        raise ValueError("the token has no principal")
    uid = EntityUid(source.principal_type, f"{source.prefix}|{principal}")
    names = claims.get(source.group_claim, []) if source.group_type else []
    listed = [names] if isinstance(names, str) else names
    groups = [EntityUid(source.group_type or "", f"{source.prefix}|{name}") for name in listed]
    attributes = {name: value for name, value in claims.items() if name not in _NOT_ATTRIBUTES}
    is_access = token_use == "access"
    entity = Entity(uid, attrs={} if is_access else _attributes(attributes), parents=groups)
    context = _attributes(claims | _scope(claims)) if is_access else None
    return TokenCaller(uid, (entity, *[Entity(group) for group in groups]), context)


def _require_of_source(
    claims: dict[str, Any], source: StoreIdentitySource, token_use: TokenUse, token_type: object
) -> None:
    if claims.get("iss") != source.issuer or token_use not in source.client_claims:
        raise ValueError("not a token of this identity source")
    said = claims.get("token_use", token_use)
    is_access_type = isinstance(token_type, str) and token_type.lower() in _ACCESS_TYPES
    if said != token_use or (is_access_type and token_use == "id"):
        raise ValueError("a token of the other kind")
    found = claims.get(source.client_claims[token_use])
    listed = found if isinstance(found, list) else [found]
    if source.accepted and not any(one in source.accepted for one in listed):
        raise ValueError("not a client of this identity source")


def _scope(claims: dict[str, Any]) -> dict[str, Any]:
    scope = claims.get("scope")
    return {"scope": scope.split(" ")} if isinstance(scope, str) else {}


def _attributes(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims that Cedar has a value for: not a float, not a null."""
    return {
        name: value
        for name, value in claims.items()
        if not isinstance(value, float) and value is not None
    }


def source_from(configuration: dict[str, Any], principal_type: str | None) -> StoreIdentitySource:
    """The identity source of a ``CreateIdentitySource`` configuration."""
    pool = configuration.get("cognitoUserPoolConfiguration")
    if pool is not None:
        region, pool_id = pool["userPoolArn"].split(":")[3], pool["userPoolArn"].rpartition("/")[2]
        return StoreIdentitySource(
            prefix=pool_id,
            issuer=f"https://cognito-idp.{region}.amazonaws.com/{pool_id}",
            accepted=tuple(pool.get("clientIds") or ()),
            client_claims={"access": "client_id", "id": "aud"},
            principal_claim="sub",
            principal_type=principal_type or "User",
            group_type=(pool.get("groupConfiguration") or {}).get("groupEntityType"),
            group_claim=_COGNITO_GROUPS,
            user_pool_id=pool_id,
        )
    oidc = configuration["openIdConnectConfiguration"]
    access = oidc["tokenSelection"].get("accessTokenOnly")
    identity = oidc["tokenSelection"].get("identityTokenOnly")
    chosen = (identity if access is None else access) or {}
    listed = chosen.get("audiences" if access is not None else "clientIds")
    groups = oidc.get("groupConfiguration") or {}
    return StoreIdentitySource(
        prefix=oidc.get("entityIdPrefix", oidc["issuer"]),
        issuer=oidc["issuer"],
        accepted=tuple(listed or ()),
        client_claims={"id" if access is None else "access": "aud"},
        principal_claim=chosen.get("principalIdClaim", "sub"),
        principal_type=principal_type or "User",
        group_type=groups.get("groupEntityType"),
        group_claim=groups.get("groupClaim", "groups"),
    )

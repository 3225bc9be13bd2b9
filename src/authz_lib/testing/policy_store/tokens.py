"""What Verified Permissions reads of a token: the caller, its groups, its attributes or context."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from authz_lib._support.strict_json import loads_document
from authz_lib.entities import Entity, EntityUid

__all__ = ["ReadToken", "StoreIdentitySource", "TokenCaller", "caller_of", "read_unverified"]

ReadToken: TypeAlias = Callable[[str], dict[str, Any]]
"""Reads the claims of a token; raises ``ValueError`` for one that it does not accept."""

_COGNITO_GROUPS = "cognito:groups"
# Claims about the token, not about the caller, which the service does not pass on as attributes.
_NOT_ATTRIBUTES = frozenset(
    {"aud", "sub", "exp", "iat", "jti", "auth_time", "nbf", "token_use", "iss", "at_hash", "nonce"}
)


class StoreIdentitySource(NamedTuple):
    """The parts of an identity source that decide."""

    prefix: str
    issuer: str
    client_ids: tuple[str, ...]
    principal_type: str
    group_type: str | None
    group_claim: str


class TokenCaller(NamedTuple):
    """The principal of a token, its entities, and what goes into the context."""

    uid: EntityUid
    entities: tuple[Entity, ...]
    context_token: dict[str, Any] | None


def read_unverified(token: str) -> dict[str, Any]:
    """The claims of a JWT, its signature unchecked: for the local endpoint only."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    claims = loads_document(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    if type(claims) is not dict:
        raise ValueError("not a JWT")
    return claims


def caller_of(
    claims: dict[str, Any], source: StoreIdentitySource, *, is_access_token: bool
) -> TokenCaller:
    """The caller as the service names it: ``<userPoolId>|<sub>``, in ``<userPoolId>|<group>``.

    Raises:
        ValueError: the token is of another issuer, of another client, or of the other kind.
    """
    client = claims.get("client_id") if is_access_token else claims.get("aud")
    expected_use = "access" if is_access_token else "id"
    if claims.get("iss") != source.issuer or claims.get("token_use", expected_use) != expected_use:
        raise ValueError("not a token of this identity source")
    if source.client_ids and client not in source.client_ids:
        raise ValueError("not a client of this identity source")
    uid = EntityUid(source.principal_type, f"{source.prefix}|{claims['sub']}")
    names = claims.get(source.group_claim, []) if source.group_type else []
    groups = [EntityUid(source.group_type or "", f"{source.prefix}|{name}") for name in names]
    attributes = {name: value for name, value in claims.items() if name not in _NOT_ATTRIBUTES}
    entity = Entity(uid, attrs={} if is_access_token else _attributes(attributes), parents=groups)
    context = _attributes(claims | _scope(claims)) if is_access_token else None
    return TokenCaller(uid, (entity, *[Entity(group) for group in groups]), context)


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
            client_ids=tuple(pool.get("clientIds", ())),
            principal_type=principal_type or "User",
            group_type=pool.get("groupConfiguration", {}).get("groupEntityType"),
            group_claim=_COGNITO_GROUPS,
        )
    oidc = configuration["openIdConnectConfiguration"]
    selection = oidc.get("tokenSelection", {})
    only = selection.get("accessTokenOnly", {}).get("audiences") or selection.get(
        "identityTokenOnly", {}
    ).get("clientIds")
    groups = oidc.get("groupConfiguration", {})
    return StoreIdentitySource(
        prefix=oidc.get("entityIdPrefix", oidc["issuer"]),
        issuer=oidc["issuer"],
        client_ids=tuple(only or ()),
        principal_type=principal_type or "User",
        group_type=groups.get("groupEntityType"),
        group_claim=groups.get("groupClaim", "groups"),
    )

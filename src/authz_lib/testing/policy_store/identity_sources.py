"""The operations about identity sources: user pools and OpenID providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib.testing.policy_store.state import State, Store, invalid, missing, new_id, now, page
from authz_lib.testing.policy_store.tokens import source_from

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["IDENTITY_SOURCES"]

_DEFAULT_TYPE = "User"
_POOL = "cognitoUserPoolConfiguration"
_PROVIDER = "openIdConnectConfiguration"
_SELECTIONS = ("accessTokenOnly", "identityTokenOnly")


def _create(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), new_id("IS")
    moment = now()
    store.sources[source_id] = {
        "configuration": _configuration(document["configuration"], "configuration"),
        "principalEntityType": document.get("principalEntityType") or _DEFAULT_TYPE,
        "createdDate": moment,
        "lastUpdatedDate": moment,
    }
    return _summary(store, source_id)


def _configuration(given: dict[str, Any], path: str) -> dict[str, Any]:
    """A configuration with all that the service says of it."""
    pool = given.get(_POOL)
    if pool is not None:
        issuer = source_from(given, None).issuer
        return {_POOL: {"clientIds": [], **pool, "issuer": issuer}}
    provider = given[_PROVIDER]
    groups = provider.get("groupConfiguration")
    if groups is not None and not groups["groupClaim"]:
        raise invalid("the claim has no name", f"{path}.{_PROVIDER}.groupConfiguration.groupClaim")
    selection = {
        name: {"principalIdClaim": "sub", **provider["tokenSelection"][name]}
        for name in _SELECTIONS
        if provider["tokenSelection"].get(name) is not None
    }
    return {_PROVIDER: provider | {"tokenSelection": selection}}


def _source(store: Store, source_id: str) -> dict[str, Any]:
    if source_id not in store.sources:
        raise missing("identity source", source_id)
    return store.sources[source_id]


def _summary(store: Store, source_id: str) -> dict[str, Any]:
    return {"identitySourceId": source_id, "policyStoreId": store.id, **_source(store, source_id)}


def _described(store: Store, source_id: str) -> dict[str, Any]:
    summary = _summary(store, source_id)
    pool = summary["configuration"].get(_POOL)
    if pool is None:
        return summary
    details = {  # the older form, which the service still answers
        "clientIds": pool["clientIds"],
        "userPoolArn": pool["userPoolArn"],
        "discoveryUrl": f"{pool['issuer']}/.well-known/openid-configuration",
        "openIdIssuer": "COGNITO",
    }
    return summary | {"details": details}


def _get(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _described(state.store(document), document["identitySourceId"])


def _list(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    wanted = [one.get("principalEntityType") for one in document.get("filters") or []]
    listed = [
        _described(store, source_id)
        for source_id, source in store.sources.items()
        if all(kind in {None, source["principalEntityType"]} for kind in wanted)
    ]
    return page("identitySources", listed, document)


def _update(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), document["identitySourceId"]
    source = _source(store, source_id)
    store.sources[source_id] = source | {
        "configuration": _configuration(document["updateConfiguration"], "updateConfiguration"),
        "principalEntityType": document.get("principalEntityType") or source["principalEntityType"],
        "lastUpdatedDate": now(),
    }
    return _summary(store, source_id)


def _delete(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    _source(store, document["identitySourceId"])
    del store.sources[document["identitySourceId"]]
    return {}


IDENTITY_SOURCES: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "CreateIdentitySource": _create,
    "DeleteIdentitySource": _delete,
    "GetIdentitySource": _get,
    "ListIdentitySources": _list,
    "UpdateIdentitySource": _update,
}

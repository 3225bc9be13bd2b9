"""The operations about policy stores: themselves, their schemas, aliases and tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib.testing.policy_store.state import (
    ALIAS_PREFIX,
    Alias,
    OperationError,
    State,
    Store,
    invalid,
    missing,
    new_id,
    page,
    taken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["STORES", "put_schema_text"]

_MAX_TAGS = 50
_RESERVED = "aws:"


def _create_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = Store(
        new_id("PS"),
        mode=document["validationSettings"]["mode"],
        description=document.get("description"),
        is_protected=document.get("deletionProtection") == "ENABLED",
    )
    settings = (document.get("encryptionSettings") or {}).get("kmsEncryptionSettings")
    if settings is not None:
        store.encryption = {"kmsEncryptionState": {"encryptionContext": {}, **settings}}
    _add_tags(store, document.get("tags") or {})
    state.stores[store.id] = store
    return _summary(store)


def _summary(store: Store) -> dict[str, Any]:
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "arn": store.arn} | dates


def _get_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    return _summary(store) | {
        "description": store.description,
        "validationSettings": {"mode": store.mode},
        "deletionProtection": "ENABLED" if store.is_protected else "DISABLED",
        "cedarVersion": "CEDAR_4",
        "encryptionState": store.encryption,
        "tags": (dict(store.tags) or None) if document.get("tags") else None,
    }


def _list_stores(state: State, document: dict[str, Any]) -> dict[str, Any]:
    listed = [
        _summary(store) | {"description": store.description} for store in state.stores.values()
    ]
    return page("policyStores", listed, document)


def _update_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    store.mode = document["validationSettings"]["mode"]
    store.description = document.get("description", store.description)
    if "deletionProtection" in document:
        store.is_protected = document["deletionProtection"] == "ENABLED"
    store.changed()
    return _summary(store)


def _delete_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    try:
        store = state.store(document)
    except OperationError:  # the service deletes what is not there, without an error
        return {}
    if store.is_protected:
        raise OperationError("InvalidStateException", "the policy store is protected from deletion")
    del state.stores[store.id]
    for name in [name for name, alias in state.aliases.items() if alias.store_id == store.id]:
        del state.aliases[name]
    return {}


# ---- Schemas ----


def _put_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, text = state.store(document), document["definition"]["cedarJson"]
    if not text.lstrip().startswith("{"):
        raise invalid("the schema is not JSON", "definition.cedarJson")
    return put_schema_text(store, text)


def put_schema_text(store: Store, text: str) -> dict[str, Any]:
    """Set a schema in either of Cedar's two forms.

    Raises:
        OperationError: it is not one.
    """
    from authz_lib.decisions.cedar_text import parse_schema

    try:
        parse_schema(text)
    except ValueError as error:
        raise invalid(str(error), "definition.cedarJson") from None
    store.schema = text
    store.changed()
    return {"policyStoreId": store.id, "namespaces": _namespaces(text)} | _dates(store)


def _dates(store: Store) -> dict[str, str]:
    return {"createdDate": store.created, "lastUpdatedDate": store.updated}


def _namespaces(text: str) -> list[str]:
    return sorted(name for name in json.loads(text) if name) if text.lstrip()[:1] == "{" else []


def _get_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    if store.schema is None:
        raise missing("schema", store.id)
    own = {"schema": store.schema, "namespaces": _namespaces(store.schema)}
    return {"policyStoreId": store.id} | own | _dates(store)


# ---- Aliases ----


def _create_alias(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, name = state.store(document), document["aliasName"]
    if not name.startswith(ALIAS_PREFIX) or name == ALIAS_PREFIX:
        raise invalid(f"an alias begins with `{ALIAS_PREFIX}`", "aliasName")
    found = state.aliases.get(name)
    if found is None:
        found = state.aliases[name] = Alias(name, store.id)
    elif not found.is_active:
        raise taken("the alias is being deleted", "policy store alias", name)
    elif found.store_id != store.id:
        raise taken("the alias is another store's", "policy store alias", name)
    return found.described()


def _get_alias(state: State, document: dict[str, Any]) -> dict[str, Any]:
    found = state.aliases.get(document["aliasName"])
    if found is None:
        raise missing("policy store alias", document["aliasName"])
    return found.described()


def _list_aliases(state: State, document: dict[str, Any]) -> dict[str, Any]:
    wanted = (document.get("filter") or {}).get("policyStoreId")
    listed = [
        alias.described()
        for alias in state.aliases.values()
        if wanted is None or alias.store_id == wanted
    ]
    return page("policyStoreAliases", listed, document)


def _delete_alias(state: State, document: dict[str, Any]) -> dict[str, Any]:
    found = state.aliases.get(document["aliasName"])
    if found is not None:
        found.is_active = False
        if document.get("deletionMode") == "HardDelete":
            del state.aliases[found.name]
    return {}


# ---- Tags ----


def _tagged(state: State, document: Mapping[str, Any]) -> Store:
    arn = document["resourceArn"]
    found = next((store for store in state.stores.values() if store.arn == arn), None)
    if found is None:
        raise missing("policy store", arn)
    return found


def _add_tags(store: Store, tags: dict[str, str]) -> None:
    if any(key.lower().startswith(_RESERVED) for key in tags):
        raise invalid(f"a key that begins with `{_RESERVED}` is AWS's", "tags")
    together = store.tags | tags
    if len(together) > _MAX_TAGS:
        raise OperationError(
            "TooManyTagsException", f"more than {_MAX_TAGS} tags", resourceName=store.arn
        )
    store.tags = together


def _tag(state: State, document: dict[str, Any]) -> dict[str, Any]:
    _add_tags(_tagged(state, document), document["tags"])
    return {}


def _untag(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = _tagged(state, document)
    store.tags = {k: v for k, v in store.tags.items() if k not in document["tagKeys"]}
    return {}


def _list_tags(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return {"tags": dict(_tagged(state, document).tags)}


STORES: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "CreatePolicyStore": _create_store,
    "CreatePolicyStoreAlias": _create_alias,
    "DeletePolicyStore": _delete_store,
    "DeletePolicyStoreAlias": _delete_alias,
    "GetPolicyStore": _get_store,
    "GetPolicyStoreAlias": _get_alias,
    "GetSchema": _get_schema,
    "ListPolicyStoreAliases": _list_aliases,
    "ListPolicyStores": _list_stores,
    "ListTagsForResource": _list_tags,
    "PutSchema": _put_schema,
    "TagResource": _tag,
    "UntagResource": _untag,
    "UpdatePolicyStore": _update_store,
}

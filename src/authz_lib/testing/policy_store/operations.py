"""The operations of the local policy stores, with the documents and errors of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib.testing.policy_store.authorize import AUTHORIZE
from authz_lib.testing.policy_store.state import (
    OperationError,
    State,
    Store,
    invalid,
    missing,
    new_id,
    now,
)
from authz_lib.testing.policy_store.tokens import source_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["OPERATIONS"]

_PAGE = 50


# ---- Policy stores and schemas ----


def _create_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = Store(
        new_id("PS"),
        mode=document["validationSettings"]["mode"],
        description=document.get("description"),
    )
    state.stores[store.id] = store
    return _store_summary(store)


def _store_summary(store: Store) -> dict[str, Any]:
    arn = f"arn:aws:verifiedpermissions::123456789012:policy-store/{store.id}"
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "arn": arn} | dates


def _get_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    described = {} if store.description is None else {"description": store.description}
    settings = {
        "validationSettings": {"mode": store.mode},
        "deletionProtection": "DISABLED",
        "cedarVersion": "CEDAR_4",
    }
    return _store_summary(store) | settings | described


def _list_policy_stores(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _page(
        "policyStores", [_store_summary(store) for store in state.stores.values()], document
    )


def _update_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    store.mode = document["validationSettings"]["mode"]
    store.description = document.get("description", store.description)
    store.changed()
    return _store_summary(store)


def _delete_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    # The service deletes what is not there, without an error.
    state.stores.pop(document["policyStoreId"], None)
    return {}


def _create_alias(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    state.aliases[document["aliasName"]] = store.id
    return {
        "aliasName": document["aliasName"],
        "policyStoreId": store.id,
        "aliasArn": f"arn:aws:verifiedpermissions::123456789012:{document['aliasName']}",
        "createdAt": now(),
    }


def _put_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    from authz_lib.decisions.cedar_text import parse_schema

    store, text = state.store(document), document["definition"]["cedarJson"]
    try:
        parse_schema(text)
    except ValueError as error:
        raise invalid(str(error), "definition") from None
    store.schema = text
    store.changed()
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "namespaces": sorted(_namespaces(text))} | dates


def _namespaces(text: str) -> Iterable[str]:
    return [name for name in json.loads(text) if name] if text.lstrip().startswith("{") else []


def _get_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    if store.schema is None:
        raise missing("schema", store.id)
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "schema": store.schema} | dates


# ---- Policies and templates ----


def _parse_statement(store: Store, statement: str, *, template: bool) -> dict[str, Any]:
    from authz_lib._support.own_stack import run_on_own_stack
    from authz_lib.decisions.cedar_text import (
        check_policies,
        load_cedarpy,
        parse_schema,
        policies_to_json,
    )

    validate = load_cedarpy().validate_policies
    group = "templates" if template else "staticPolicies"
    try:
        check_policies(statement, "<statement>")
        parsed = run_on_own_stack(lambda: json.loads(policies_to_json(statement)))
    except ValueError as error:
        raise invalid(str(error), "definition.static.statement") from None
    if len(parsed[group]) != 1 or len(parsed["templates"]) + len(parsed["staticPolicies"]) != 1:
        raise invalid(
            "a statement is exactly one policy, or one template", "definition.static.statement"
        )
    if store.mode == "STRICT":
        if store.schema is None:
            raise invalid("the policy store has no schema to validate against", "policyStoreId")
        schema = parse_schema(store.schema)
        checked = run_on_own_stack(lambda: validate(statement, schema))
        if not checked.validation_passed:
            raise invalid(checked.errors[0].error, "definition.static.statement")
    (est,) = parsed[group].values()
    return dict(est)


def _define(store: Store, policy_id: str, definition: dict[str, Any]) -> None:
    if "static" in definition:
        store.parsed[policy_id] = _parse_statement(
            store, definition["static"]["statement"], template=False
        )
    elif definition["templateLinked"]["policyTemplateId"] not in store.templates:
        raise missing("policy template", definition["templateLinked"]["policyTemplateId"])
    kept = store.policies.get(policy_id, {"createdDate": now()})
    store.policies[policy_id] = kept | {"definition": definition}
    store.changed()


def _create_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, policy_id = state.store(document), new_id("SP")
    _define(store, policy_id, document["definition"])
    return _policy_summary(store, policy_id)


def _update_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, policy_id = state.store(document), document["policyId"]
    if policy_id not in store.policies:
        raise missing("policy", policy_id)
    _define(store, policy_id, document["definition"])
    return _policy_summary(store, policy_id)


def _delete_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    if store.policies.pop(document["policyId"], None) is None:
        raise missing("policy", document["policyId"])
    store.parsed.pop(document["policyId"], None)
    store.changed()
    return {}


def _policy_summary(store: Store, policy_id: str) -> dict[str, Any]:
    record = store.policies[policy_id]
    linked = record["definition"].get("templateLinked")
    est = store.parsed[policy_id if linked is None else linked["policyTemplateId"]]
    slots = (
        {}
        if linked is None
        else {name: linked[name] for name in ("principal", "resource") if name in linked}
    )
    return {
        "policyStoreId": store.id,
        "policyId": policy_id,
        "policyType": "STATIC" if linked is None else "TEMPLATE_LINKED",
        "effect": est["effect"].capitalize(),
        "createdDate": record["createdDate"],
        "lastUpdatedDate": store.updated,
    } | slots


def _policy_document(store: Store, policy_id: str) -> dict[str, Any]:
    if policy_id not in store.policies:
        raise missing("policy", policy_id)
    return _policy_summary(store, policy_id) | {
        "definition": store.policies[policy_id]["definition"]
    }


def _get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _policy_document(state.store(document), document["policyId"])


def _batch_get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    results, errors = [], []
    for item in document["requests"]:
        try:
            results.append(_policy_document(state.store(item), item["policyId"]))
        except OperationError as error:
            code = (
                "POLICY_NOT_FOUND"
                if item["policyStoreId"] in state.stores
                else "POLICY_STORE_NOT_FOUND"
            )
            errors.append(item | {"code": code, "message": error.message})
    return {"results": results, "errors": errors}


def _list_policies(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    wanted = document.get("filter", {})
    items = []
    for policy_id, record in store.policies.items():
        summary, linked = (
            _policy_summary(store, policy_id),
            record["definition"].get("templateLinked"),
        )
        if wanted.get("policyType", summary["policyType"]) != summary["policyType"]:
            continue
        if (
            "policyTemplateId" in wanted
            and (linked or {}).get("policyTemplateId") != wanted["policyTemplateId"]
        ):
            continue
        brief = {"static": {}} if linked is None else {"templateLinked": linked}
        items.append(summary | {"definition": brief})
    return _page("policies", items, document)


def _create_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), new_id("PT")
    _define_template(store, template_id, document)
    return _template_summary(store, template_id)


def _define_template(store: Store, template_id: str, document: dict[str, Any]) -> None:
    store.parsed[template_id] = _parse_statement(store, document["statement"], template=True)
    kept = store.templates.get(template_id, {"createdDate": now()})
    described = {name: document[name] for name in ("statement", "description") if name in document}
    store.templates[template_id] = kept | {"definition": described}
    store.changed()


def _template_summary(store: Store, template_id: str) -> dict[str, Any]:
    if template_id not in store.templates:
        raise missing("policy template", template_id)
    dates = {
        "createdDate": store.templates[template_id]["createdDate"],
        "lastUpdatedDate": store.updated,
    }
    return {"policyStoreId": store.id, "policyTemplateId": template_id} | dates


def _get_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), document["policyTemplateId"]
    return {**_template_summary(store, template_id), **store.templates[template_id]["definition"]}


def _update_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), document["policyTemplateId"]
    _template_summary(store, template_id)
    _define_template(store, template_id, document)
    return _template_summary(store, template_id)


def _delete_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), document["policyTemplateId"]
    _template_summary(store, template_id)
    linked = [
        policy_id
        for policy_id, record in store.policies.items()
        if record["definition"].get("templateLinked", {}).get("policyTemplateId") == template_id
    ]
    for policy_id in linked:  # the service deletes a template's policies with it
        del store.policies[policy_id]
    del store.templates[template_id], store.parsed[template_id]
    store.changed()
    return {}


def _list_templates(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    return _page(
        "policyTemplates",
        [_template_summary(store, template_id) for template_id in store.templates],
        document,
    )


def _page(name: str, items: list[dict[str, Any]], document: Mapping[str, Any]) -> dict[str, Any]:
    start, size = int(document.get("nextToken") or 0), int(document.get("maxResults") or _PAGE)
    more = {"nextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size]} | more


# ---- Identity sources ----


def _create_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), new_id("IS")
    kept = {
        "configuration": document["configuration"],
        "principalEntityType": document.get("principalEntityType", "User"),
    }
    source_from(document["configuration"], kept["principalEntityType"])
    store.sources[source_id] = kept | {"createdDate": now()}
    return _source_summary(store, source_id)


def _source_summary(store: Store, source_id: str) -> dict[str, Any]:
    if source_id not in store.sources:
        raise missing("identity source", source_id)
    dates = {
        "createdDate": store.sources[source_id]["createdDate"],
        "lastUpdatedDate": store.updated,
    }
    return {"identitySourceId": source_id, "policyStoreId": store.id} | dates


def _get_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), document["identitySourceId"]
    return {**_source_summary(store, source_id), **store.sources[source_id]}


def _list_identity_sources(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    items = [
        _source_summary(store, source_id) | store.sources[source_id] for source_id in store.sources
    ]
    return _page("identitySources", items, document)


def _delete_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    _source_summary(store, document["identitySourceId"])
    del store.sources[document["identitySourceId"]]
    return {}


OPERATIONS: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    **AUTHORIZE,
    "BatchGetPolicy": _batch_get_policy,
    "CreateIdentitySource": _create_identity_source,
    "CreatePolicy": _create_policy,
    "CreatePolicyStore": _create_policy_store,
    "CreatePolicyStoreAlias": _create_alias,
    "CreatePolicyTemplate": _create_template,
    "DeleteIdentitySource": _delete_identity_source,
    "DeletePolicy": _delete_policy,
    "DeletePolicyStore": _delete_policy_store,
    "DeletePolicyTemplate": _delete_template,
    "GetIdentitySource": _get_identity_source,
    "GetPolicy": _get_policy,
    "GetPolicyStore": _get_policy_store,
    "GetPolicyTemplate": _get_template,
    "GetSchema": _get_schema,
    "ListIdentitySources": _list_identity_sources,
    "ListPolicies": _list_policies,
    "ListPolicyStores": _list_policy_stores,
    "ListPolicyTemplates": _list_templates,
    "PutSchema": _put_schema,
    "UpdatePolicy": _update_policy,
    "UpdatePolicyStore": _update_policy_store,
    "UpdatePolicyTemplate": _update_template,
}

"""The operations of the local policy stores: documents in, documents out, errors as the service names them."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from authz_lib.entities.wire import uid_to_avp
from authz_lib.errors import AuthzError
from authz_lib.testing._policy_store_tokens import IdentitySource, ReadToken, TokenCaller, caller_of, source_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from authz_lib.decisions.policy_files import PolicySources
    from authz_lib.testing._policy_store_decisions import AuthorizationRecord, Evaluator

__all__ = ["OPERATIONS", "OperationError", "State"]

_ID_LETTERS = string.ascii_letters + string.digits
_MAX_BATCH = 30
_PAGE = 50


class OperationError(Exception):
    """An error answer: its code, its message and its further members."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members


def _invalid(message: str, path: str = "") -> OperationError:
    return OperationError("ValidationException", message, fieldList=[{"path": path, "message": message}])


def _missing(kind: str, name: str) -> OperationError:
    return OperationError(
        "ResourceNotFoundException", f"no such {kind}", resourceId=name, resourceType=kind.replace(" ", "_").upper()
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_id(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_ID_LETTERS) for _ in range(20))


@dataclass(slots=True)
class Store:
    """One policy store.  `policies` are definitions in the service's form, `parsed` the same in Cedar's."""

    id: str
    mode: str = "OFF"
    description: str | None = None
    schema: str | None = None
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    parsed: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: str = field(default_factory=_now)
    updated: str = field(default_factory=_now)
    evaluator: Evaluator | None = None

    def changed(self) -> None:
        """What was prepared from the old content is stale."""
        self.evaluator = None
        self.updated = _now()


class State:
    """All stores, and the decisions they made."""

    def __init__(self, read_token: ReadToken) -> None:
        self.stores: dict[str, Store] = {}
        self.aliases: dict[str, str] = {}
        self.records: list[AuthorizationRecord] = []
        self.read_token = read_token

    def store(self, document: Mapping[str, Any]) -> Store:
        """The store that a request names, by id or alias."""
        name = document["policyStoreId"]
        found = self.stores.get(self.aliases.get(name, name))
        if found is None:
            raise _missing("policy store", name)
        return found

    def create_store_from(self, sources: PolicySources) -> str:
        """A store with the policies of a directory under their own ids."""
        store = Store(_new_id("PS"), schema=sources.schema, mode="OFF" if sources.schema is None else "STRICT")
        self.stores[store.id] = store
        for policy in sources.policies:
            group = store.templates if policy.is_template else store.policies
            statement = policy.statement(sources.texts)
            definition = {"statement": statement} if policy.is_template else {"static": {"statement": statement}}
            group[policy.id] = {"definition": definition, "createdDate": store.created}
            store.parsed[policy.id] = json.loads(policy.text)
        for link in sources.links:
            slots = {slot.lstrip("?"): uid_to_avp(uid) for slot, uid in link.values.items()}
            linked = {"templateLinked": {"policyTemplateId": link.template_id, **slots}}
            store.policies[link.id] = {"definition": linked, "createdDate": store.created}
        return store.id


# ---- Policy stores and schemas ----


def _create_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = Store(_new_id("PS"), mode=document["validationSettings"]["mode"], description=document.get("description"))
    state.stores[store.id] = store
    return _store_summary(store)


def _store_summary(store: Store) -> dict[str, Any]:
    arn = f"arn:aws:verifiedpermissions::123456789012:policy-store/{store.id}"
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "arn": arn} | dates


def _get_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    described = {} if store.description is None else {"description": store.description}
    settings = {"validationSettings": {"mode": store.mode}, "deletionProtection": "DISABLED", "cedarVersion": "CEDAR_4"}
    return _store_summary(store) | settings | described


def _list_policy_stores(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _page("policyStores", [_store_summary(store) for store in state.stores.values()], document)


def _update_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    store.mode = document["validationSettings"]["mode"]
    store.description = document.get("description", store.description)
    store.changed()
    return _store_summary(store)


def _delete_policy_store(state: State, document: dict[str, Any]) -> dict[str, Any]:
    state.stores.pop(document["policyStoreId"], None)  # deleting what is not there is no error of the service
    return {}


def _create_alias(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    state.aliases[document["aliasName"]] = store.id
    return {
        "aliasName": document["aliasName"],
        "policyStoreId": store.id,
        "aliasArn": f"arn:aws:verifiedpermissions::123456789012:{document['aliasName']}",
        "createdAt": _now(),
    }


def _put_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    from authz_lib.testing._policy_store_decisions import parse_schema

    store, text = state.store(document), document["definition"]["cedarJson"]
    try:
        parse_schema(text)
    except ValueError as error:
        raise _invalid(str(error), "definition") from None
    store.schema = text
    store.changed()
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "namespaces": sorted(_namespaces(text))} | dates


def _namespaces(text: str) -> Iterable[str]:
    return [name for name in json.loads(text) if name] if text.lstrip().startswith("{") else []


def _get_schema(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    if store.schema is None:
        raise _missing("schema", store.id)
    dates = {"createdDate": store.created, "lastUpdatedDate": store.updated}
    return {"policyStoreId": store.id, "schema": store.schema} | dates


# ---- Policies and templates ----


def _parse_statement(store: Store, statement: str, *, template: bool) -> dict[str, Any]:
    import cedarpy

    from authz_lib.testing._policy_store_decisions import parse_schema

    group = "templates" if template else "staticPolicies"
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(statement))
    except ValueError as error:
        raise _invalid(str(error), "definition.static.statement") from None
    if [len(parsed[name]) for name in (group, *({"templates", "staticPolicies"} - {group}))] != [1, 0]:
        raise _invalid("a statement is exactly one policy, or one template", "definition.static.statement")
    if store.mode == "STRICT":
        if store.schema is None:
            raise _invalid("the policy store has no schema to validate against", "policyStoreId")
        checked = cedarpy.validate_policies(statement, parse_schema(store.schema))
        if not checked.validation_passed:
            raise _invalid(checked.errors[0].error, "definition.static.statement")
    (est,) = parsed[group].values()
    return dict(est)


def _define(store: Store, policy_id: str, definition: dict[str, Any]) -> None:
    if "static" in definition:
        store.parsed[policy_id] = _parse_statement(store, definition["static"]["statement"], template=False)
    elif definition["templateLinked"]["policyTemplateId"] not in store.templates:
        raise _missing("policy template", definition["templateLinked"]["policyTemplateId"])
    kept = store.policies.get(policy_id, {"createdDate": _now()})
    store.policies[policy_id] = kept | {"definition": definition}
    store.changed()


def _create_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, policy_id = state.store(document), _new_id("SP")
    _define(store, policy_id, document["definition"])
    return _policy_summary(store, policy_id)


def _update_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, policy_id = state.store(document), document["policyId"]
    if policy_id not in store.policies:
        raise _missing("policy", policy_id)
    _define(store, policy_id, document["definition"])
    return _policy_summary(store, policy_id)


def _delete_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    if store.policies.pop(document["policyId"], None) is None:
        raise _missing("policy", document["policyId"])
    store.parsed.pop(document["policyId"], None)
    store.changed()
    return {}


def _policy_summary(store: Store, policy_id: str) -> dict[str, Any]:
    record = store.policies[policy_id]
    linked = record["definition"].get("templateLinked")
    est = store.parsed[policy_id if linked is None else linked["policyTemplateId"]]
    slots = {} if linked is None else {name: linked[name] for name in ("principal", "resource") if name in linked}
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
        raise _missing("policy", policy_id)
    return _policy_summary(store, policy_id) | {"definition": store.policies[policy_id]["definition"]}


def _get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _policy_document(state.store(document), document["policyId"])


def _batch_get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    results, errors = [], []
    for item in document["requests"]:
        try:
            results.append(_policy_document(state.store(item), item["policyId"]))
        except OperationError as error:
            code = "POLICY_NOT_FOUND" if item["policyStoreId"] in state.stores else "POLICY_STORE_NOT_FOUND"
            errors.append(item | {"code": code, "message": error.message})
    return {"results": results, "errors": errors}


def _list_policies(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    wanted = document.get("filter", {})
    items = []
    for policy_id, record in store.policies.items():
        summary, linked = _policy_summary(store, policy_id), record["definition"].get("templateLinked")
        if wanted.get("policyType", summary["policyType"]) != summary["policyType"]:
            continue
        if "policyTemplateId" in wanted and (linked or {}).get("policyTemplateId") != wanted["policyTemplateId"]:
            continue
        brief = {"static": {}} if linked is None else {"templateLinked": linked}
        items.append(summary | {"definition": brief})
    return _page("policies", items, document)


def _create_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), _new_id("PT")
    _define_template(store, template_id, document)
    return _template_summary(store, template_id)


def _define_template(store: Store, template_id: str, document: dict[str, Any]) -> None:
    store.parsed[template_id] = _parse_statement(store, document["statement"], template=True)
    kept = store.templates.get(template_id, {"createdDate": _now()})
    described = {name: document[name] for name in ("statement", "description") if name in document}
    store.templates[template_id] = kept | {"definition": described}
    store.changed()


def _template_summary(store: Store, template_id: str) -> dict[str, Any]:
    if template_id not in store.templates:
        raise _missing("policy template", template_id)
    dates = {"createdDate": store.templates[template_id]["createdDate"], "lastUpdatedDate": store.updated}
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
        "policyTemplates", [_template_summary(store, template_id) for template_id in store.templates], document
    )


def _page(name: str, items: list[dict[str, Any]], document: Mapping[str, Any]) -> dict[str, Any]:
    start, size = int(document.get("nextToken") or 0), int(document.get("maxResults") or _PAGE)
    more = {"nextToken": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size]} | more


# ---- Identity sources ----


def _create_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), _new_id("IS")
    kept = {
        "configuration": document["configuration"],
        "principalEntityType": document.get("principalEntityType", "User"),
    }
    source_from(document["configuration"], kept["principalEntityType"])
    store.sources[source_id] = kept | {"createdDate": _now()}
    return _source_summary(store, source_id)


def _source_summary(store: Store, source_id: str) -> dict[str, Any]:
    if source_id not in store.sources:
        raise _missing("identity source", source_id)
    dates = {"createdDate": store.sources[source_id]["createdDate"], "lastUpdatedDate": store.updated}
    return {"identitySourceId": source_id, "policyStoreId": store.id} | dates


def _get_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, source_id = state.store(document), document["identitySourceId"]
    return {**_source_summary(store, source_id), **store.sources[source_id]}


def _list_identity_sources(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    items = [_source_summary(store, source_id) | store.sources[source_id] for source_id in store.sources]
    return _page("identitySources", items, document)


def _delete_identity_source(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    _source_summary(store, document["identitySourceId"])
    del store.sources[document["identitySourceId"]]
    return {}


# ---- Decisions ----


def _evaluator(store: Store) -> Evaluator:
    from authz_lib.testing._policy_store_decisions import Evaluator

    if store.evaluator is None:
        links = []
        for policy_id, record in store.policies.items():
            linked = record["definition"].get("templateLinked")
            if linked is not None:
                slots = {
                    f"?{name}": {"__entity": {"type": linked[name]["entityType"], "id": linked[name]["entityId"]}}
                    for name in ("principal", "resource")
                    if name in linked
                }
                links.append({"templateId": linked["policyTemplateId"], "newId": policy_id, "values": slots})
        static = {policy_id: store.parsed[policy_id] for policy_id in store.policies if policy_id in store.parsed}
        templates = {template_id: store.parsed[template_id] for template_id in store.templates}
        try:
            policy_set = {"staticPolicies": static, "templates": templates, "templateLinks": links}
            store.evaluator = Evaluator(policy_set, store.schema)
        except ValueError as error:
            raise _invalid(str(error), "definition.templateLinked") from None
    return store.evaluator


def _decide(
    state: State,
    operation: str,
    item: Mapping[str, Any],
    document: Mapping[str, Any],
    caller: TokenCaller | None,
) -> dict[str, Any]:
    from authz_lib.testing import _policy_store_decisions as decisions

    store = state.store(document)
    try:
        principal = decisions.uid_from(item["principal"]) if caller is None else caller.uid
        action, resource = decisions.uid_from(item["action"], "action"), decisions.uid_from(item["resource"])
        entities = decisions.entities_from(document.get("entities", {}))
        if caller is not None:
            if not entities.keys().isdisjoint(entity.uid for entity in caller.entities):
                raise _invalid("the principal of a token may not be among the entities", "entities")
            entities |= {entity.uid: entity for entity in caller.entities}
        context = decisions.context_from(item.get("context", {}), None if caller is None else caller.context_token)
        decision, policies, errors = _evaluator(store).decide(principal, action, resource, context, entities.values())
    except AuthzError as error:
        raise _invalid(str(error), getattr(error, "field", None) or "") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _invalid("the request does not fit") from None
    state.records.append(
        decisions.AuthorizationRecord(
            operation=operation,
            policy_store_id=store.id,
            principal=f'{principal.type}::"{principal.id}"',
            action=f'{action.type}::"{action.id}"',
            resource=f'{resource.type}::"{resource.id}"',
            decision=decision,
            determining_policies=tuple(policies),
            errors=tuple(errors),
        )
    )
    return {
        "decision": decision,
        "determiningPolicies": [{"policyId": policy_id} for policy_id in policies],
        "errors": [{"errorDescription": text} for text in errors],
    }


def _is_authorized(state: State, document: dict[str, Any]) -> dict[str, Any]:
    return _decide(state, "IsAuthorized", document, document, None)


def _batch_is_authorized(state: State, document: dict[str, Any]) -> dict[str, Any]:
    requests = _batch(document)
    for role in ("principal", "resource"):
        if len({json.dumps(item.get(role), sort_keys=True) for item in requests}) == 1:
            break
    else:
        raise _invalid("the requests of a batch must have one principal or one resource", "requests")
    operation = "BatchIsAuthorized"
    return {"results": [{"request": item} | _decide(state, operation, item, document, None) for item in requests]}


def _batch(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = document["requests"]
    if not 1 <= len(requests) <= _MAX_BATCH:
        raise _invalid(f"a batch has 1 to {_MAX_BATCH} requests", "requests")
    return requests


def _token_caller(state: State, document: Mapping[str, Any]) -> TokenCaller:
    store = state.store(document)
    access, identity = document.get("accessToken"), document.get("identityToken")
    if access is None and identity is None:
        raise _invalid("a token is missing", "identityToken")
    if not store.sources:
        raise _missing("identity source", store.id)
    token = identity if identity is not None else access
    try:
        claims = state.read_token(str(token))
        caller = _first_match(store, claims, is_access_token=identity is None)
        if access is not None and identity is not None:
            other = _first_match(store, state.read_token(str(access)), is_access_token=True)
            if other.uid != caller.uid:
                raise _invalid("the tokens are two callers'", "accessToken")
            caller = caller._replace(context_token=other.context_token)
    except (ValueError, KeyError, TypeError, AuthzError):
        raise _invalid("the token is not one of the identity source's", "identityToken") from None
    return caller


def _first_match(store: Store, claims: dict[str, Any], *, is_access_token: bool) -> TokenCaller:
    for kept in store.sources.values():
        source: IdentitySource = source_from(kept["configuration"], kept["principalEntityType"])
        if source.issuer == claims.get("iss"):
            return caller_of(claims, source, is_access_token=is_access_token)
    raise ValueError("no identity source has this issuer")


def _is_authorized_with_token(state: State, document: dict[str, Any]) -> dict[str, Any]:
    caller = _token_caller(state, document)
    decided = _decide(state, "IsAuthorizedWithToken", document, document, caller)
    return decided | {"principal": uid_to_avp(caller.uid)}


def _batch_is_authorized_with_token(state: State, document: dict[str, Any]) -> dict[str, Any]:
    caller, operation = _token_caller(state, document), "BatchIsAuthorizedWithToken"
    results = [{"request": item} | _decide(state, operation, item, document, caller) for item in _batch(document)]
    return {"principal": uid_to_avp(caller.uid), "results": results}


OPERATIONS: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "BatchGetPolicy": _batch_get_policy,
    "BatchIsAuthorized": _batch_is_authorized,
    "BatchIsAuthorizedWithToken": _batch_is_authorized_with_token,
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
    "IsAuthorized": _is_authorized,
    "IsAuthorizedWithToken": _is_authorized_with_token,
    "ListIdentitySources": _list_identity_sources,
    "ListPolicies": _list_policies,
    "ListPolicyStores": _list_policy_stores,
    "ListPolicyTemplates": _list_templates,
    "PutSchema": _put_schema,
    "UpdatePolicy": _update_policy,
    "UpdatePolicyStore": _update_policy_store,
    "UpdatePolicyTemplate": _update_template,
}

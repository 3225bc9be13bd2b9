"""The operations about policies and policy templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib.testing.policy_store.state import (
    OperationError,
    State,
    Store,
    invalid,
    missing,
    new_id,
    now,
    page,
    taken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["POLICIES"]

_NAME_PREFIX = "name/"
_ROLES = ("principal", "resource")
_FIXED = ("effect", "principal", "resource")
_STATEMENT = "definition.static.statement"

# ---- Cedar ----


def _parse_statement(store: Store, statement: str, *, template: bool) -> dict[str, Any]:
    """The one policy, or template, of a statement in Cedar's JSON form, validated."""
    from authz_lib._support.own_stack import run_on_own_stack
    from authz_lib.decisions.cedar_text import (
        check_policies,
        load_cedarpy,
        parse_schema,
        policies_to_json,
    )

    path = "statement" if template else _STATEMENT
    validate = load_cedarpy().validate_policies
    group = "templates" if template else "staticPolicies"
    try:
        check_policies(statement, "<statement>")
        parsed = run_on_own_stack(lambda: json.loads(policies_to_json(statement)))
    except ValueError as error:
        raise invalid(str(error), path) from None
    if len(parsed[group]) != 1 or len(parsed["templates"]) + len(parsed["staticPolicies"]) != 1:
        raise invalid("a statement is exactly one policy, or one template", path)
    if store.mode == "STRICT":
        if store.schema is None:
            raise invalid("the policy store has no schema to validate against", "policyStoreId")
        schema = parse_schema(store.schema)
        checked = run_on_own_stack(lambda: validate(statement, schema))
        if not checked.validation_passed:
            raise invalid(checked.errors[0].error, path)
    (est,) = parsed[group].values()
    return dict(est)


def _require_same_head(old: dict[str, Any], new: dict[str, Any], path: str) -> None:
    """The service lets only the action and the conditions change."""
    for part in _FIXED:
        if old[part] != new[part]:
            raise invalid(f"the {part} of a policy cannot be changed", path)


def _slots(est: dict[str, Any]) -> set[str]:
    return {role for role in _ROLES if "slot" in json.dumps(est[role])}


def _in_scope(est: dict[str, Any]) -> dict[str, Any]:
    """The principal, the resource and the actions that a policy's scope names."""
    found: dict[str, Any] = {}
    for role in _ROLES:
        entity = est[role].get("entity") or (est[role].get("in") or {}).get("entity")
        if entity is not None:
            found[role] = {"entityType": entity["type"], "entityId": entity["id"]}
    scope = est["action"]
    named = scope.get("entities") or ([scope["entity"]] if "entity" in scope else [])
    if named:
        found["actions"] = [{"actionType": one["type"], "actionId": one["id"]} for one in named]
    return found


# ---- Names ----


def _policy_id(store: Store, name: str) -> str:
    return _found(store.policies, name, "policy")


def _template_id(store: Store, name: str) -> str:
    return _found(store.templates, name, "policy template")


def _found(group: dict[str, dict[str, Any]], name: str, kind: str) -> str:
    """The id of what a request names, by id or by ``name/...``."""
    if name in group:
        return name
    for identifier, record in group.items():
        if name.startswith(_NAME_PREFIX) and record.get("name") == name:
            return identifier
    raise missing(kind, name)


def _rename(
    group: dict[str, dict[str, Any]], own_id: str, document: dict[str, Any], kind: str
) -> dict[str, Any]:
    """The member ``name`` of a record after a request; an empty text removes it."""
    name = document.get("name")
    if name is None:
        return {"name": group[own_id].get("name")} if own_id in group else {}
    if name == "":
        return {"name": None}
    if not name.startswith(_NAME_PREFIX) or name == _NAME_PREFIX:
        raise invalid(f"a name begins with `{_NAME_PREFIX}`", "name")
    for identifier, record in group.items():
        if record.get("name") == name and identifier != own_id:
            raise taken("the name is another's", kind, identifier)
    return {"name": name}


# ---- Policies ----


def _create_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, policy_id = state.store(document), new_id("SP")
    definition = document["definition"]
    named = _rename(store.policies, policy_id, document, "policy")
    if "static" in definition:
        store.parsed[policy_id] = _parse_statement(
            store, definition["static"]["statement"], template=False
        )
    else:
        definition = {"templateLinked": _link(store, definition["templateLinked"])}
    moment = now()
    dates = {"createdDate": moment, "lastUpdatedDate": moment}
    store.policies[policy_id] = {"definition": definition, **named, **dates}
    store.changed()
    return _summary(store, policy_id)


def _link(store: Store, linked: dict[str, Any]) -> dict[str, Any]:
    """A link to a template that fills exactly the template's slots."""
    template_id = _template_id(store, linked["policyTemplateId"])
    slots = _slots(store.parsed[template_id])
    given = {role for role in _ROLES if linked.get(role) is not None}
    for role in sorted(slots ^ given):
        reason = "has a slot for it" if role in slots else "has no slot for it"
        raise invalid(f"the template {reason}", f"definition.templateLinked.{role}")
    return {"policyTemplateId": template_id, **{role: linked[role] for role in sorted(given)}}


def _update_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    policy_id = _policy_id(store, document["policyId"])
    record = store.policies[policy_id]
    changes: dict[str, Any] = _rename(store.policies, policy_id, document, "policy")
    definition = document.get("definition")
    if definition is not None:
        if "static" not in record["definition"]:
            raise invalid("a template-linked policy cannot be updated", "policyId")
        parsed = _parse_statement(store, definition["static"]["statement"], template=False)
        _require_same_head(store.parsed[policy_id], parsed, _STATEMENT)
        store.parsed[policy_id] = parsed
        changes["definition"] = definition
    store.policies[policy_id] = record | changes | {"lastUpdatedDate": now()}
    store.changed()
    return _summary(store, policy_id)


def _delete_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    policy_id = _policy_id(store, document["policyId"])
    del store.policies[policy_id]
    store.parsed.pop(policy_id, None)
    store.changed()
    return {}


def _summary(store: Store, policy_id: str) -> dict[str, Any]:
    record = store.policies[policy_id]
    linked = record["definition"].get("templateLinked")
    est = store.parsed[policy_id if linked is None else linked["policyTemplateId"]]
    slots = {} if linked is None else {role: linked[role] for role in _ROLES if role in linked}
    return {
        "policyStoreId": store.id,
        "policyId": policy_id,
        "policyType": "STATIC" if linked is None else "TEMPLATE_LINKED",
        "effect": est["effect"].capitalize(),
        "name": record.get("name"),
        "createdDate": record["createdDate"],
        "lastUpdatedDate": record["lastUpdatedDate"],
    } | (_in_scope(est) | slots)


def _document(store: Store, policy_id: str) -> dict[str, Any]:
    return _summary(store, policy_id) | {"definition": store.policies[policy_id]["definition"]}


def _get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    return _document(store, _policy_id(store, document["policyId"]))


_NOT_FOUND = {
    "POLICY": "POLICY_NOT_FOUND",
    "POLICY_STORE": "POLICY_STORE_NOT_FOUND",
    "POLICY_STORE_ALIAS": "POLICY_STORE_ALIAS_NOT_FOUND",
}


def _batch_get_policy(state: State, document: dict[str, Any]) -> dict[str, Any]:
    results, errors = [], []
    for item in document["requests"]:
        try:
            results.append(_get_policy(state, item))
        except OperationError as error:
            code = _NOT_FOUND[error.members["resourceType"]]
            errors.append(item | {"code": code, "message": error.message})
    return {"results": results, "errors": errors}


def _list_policies(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    wanted = document.get("filter") or {}
    if "policyTemplateId" in wanted:
        wanted = wanted | {"policyTemplateId": _template_id(store, wanted["policyTemplateId"])}
    items = [
        _brief(store, policy_id)
        for policy_id in store.policies
        if _is_wanted(_brief(store, policy_id), wanted)
    ]
    return page("policies", items, document)


def _brief(store: Store, policy_id: str) -> dict[str, Any]:
    definition = store.policies[policy_id]["definition"]
    static = definition.get("static")
    described = {} if static is None else {"description": static.get("description")}
    brief = {"static": described} if static is not None else definition
    return _summary(store, policy_id) | {"definition": brief}


def _is_wanted(item: dict[str, Any], wanted: dict[str, Any]) -> bool:
    linked = item["definition"].get("templateLinked") or {}
    return bool(
        wanted.get("policyType", item["policyType"]) == item["policyType"]
        and wanted.get("policyTemplateId") in {None, linked.get("policyTemplateId")}
        and all(_refers(item.get(role), wanted.get(role)) for role in _ROLES)
    )


def _refers(entity: dict[str, str] | None, reference: dict[str, Any] | None) -> bool:
    if reference is None:
        return True
    if "unspecified" in reference:
        return (entity is None) == bool(reference["unspecified"])
    return bool(entity == reference["identifier"])


# ---- Templates ----


def _create_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store, template_id = state.store(document), new_id("PT")
    named = _rename(store.templates, template_id, document, "policy template")
    store.parsed[template_id] = _parse_statement(store, document["statement"], template=True)
    moment = now()
    store.templates[template_id] = {
        "definition": _described(document),
        "createdDate": moment,
        "lastUpdatedDate": moment,
        **named,
    }
    store.changed()
    return _template_summary(store, template_id)


def _described(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("statement", "description") if name in document}


def _template_summary(store: Store, template_id: str) -> dict[str, Any]:
    record = store.templates[template_id]
    return {
        "policyStoreId": store.id,
        "policyTemplateId": template_id,
        "name": record.get("name"),
        "description": record["definition"].get("description"),
        "createdDate": record["createdDate"],
        "lastUpdatedDate": record["lastUpdatedDate"],
    }


def _get_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    template_id = _template_id(store, document["policyTemplateId"])
    definition: dict[str, Any] = store.templates[template_id]["definition"]
    return _template_summary(store, template_id) | definition


def _update_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    template_id = _template_id(store, document["policyTemplateId"])
    named = _rename(store.templates, template_id, document, "policy template")
    parsed = _parse_statement(store, document["statement"], template=True)
    _require_same_head(store.parsed[template_id], parsed, "statement")
    record = store.templates[template_id]
    definition = record["definition"] | _described(document)
    store.parsed[template_id] = parsed
    store.templates[template_id] = (
        record | named | {"definition": definition, "lastUpdatedDate": now()}
    )
    store.changed()
    return _template_summary(store, template_id)


def _delete_template(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    template_id = _template_id(store, document["policyTemplateId"])
    for policy_id in _linked_to(store, template_id):  # the service deletes them with it
        del store.policies[policy_id]
    del store.templates[template_id], store.parsed[template_id]
    store.changed()
    return {}


def _linked_to(store: Store, template_id: str) -> Iterable[str]:
    return [
        policy_id
        for policy_id, record in store.policies.items()
        if record["definition"].get("templateLinked", {}).get("policyTemplateId") == template_id
    ]


def _list_templates(state: State, document: dict[str, Any]) -> dict[str, Any]:
    store = state.store(document)
    listed = [_template_summary(store, template_id) for template_id in store.templates]
    return page("policyTemplates", listed, document)


POLICIES: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "BatchGetPolicy": _batch_get_policy,
    "CreatePolicy": _create_policy,
    "CreatePolicyTemplate": _create_template,
    "DeletePolicy": _delete_policy,
    "DeletePolicyTemplate": _delete_template,
    "GetPolicy": _get_policy,
    "GetPolicyTemplate": _get_template,
    "ListPolicies": _list_policies,
    "ListPolicyTemplates": _list_templates,
    "UpdatePolicy": _update_policy,
    "UpdatePolicyTemplate": _update_template,
}

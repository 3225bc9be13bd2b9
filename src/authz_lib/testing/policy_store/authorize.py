"""The four operations that decide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from authz_lib._support.own_stack import run_on_own_stack
from authz_lib.entities.wire import uid_to_avp
from authz_lib.errors import AuthenticationError, AuthzError
from authz_lib.testing.policy_store.state import State, Store, invalid, missing
from authz_lib.testing.policy_store.tokens import (
    TokenCaller,
    TokenUse,
    caller_of,
    header_of,
    read_unverified,
    source_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from authz_lib.testing.policy_store.decisions import Evaluator

__all__ = ["AUTHORIZE"]

_MAX_BATCH = 30


def _evaluator(store: Store) -> Evaluator:
    from authz_lib.testing.policy_store.decisions import Evaluator

    if store.evaluator is None:
        links = []
        for policy_id, record in store.policies.items():
            linked = record["definition"].get("templateLinked")
            if linked is not None:
                slots = {
                    f"?{name}": {
                        "__entity": {
                            "type": linked[name]["entityType"],
                            "id": linked[name]["entityId"],
                        }
                    }
                    for name in ("principal", "resource")
                    if name in linked
                }
                links.append(
                    {"templateId": linked["policyTemplateId"], "newId": policy_id, "values": slots}
                )
        static = {
            policy_id: store.parsed[policy_id]
            for policy_id in store.policies
            if policy_id in store.parsed
        }
        templates = {template_id: store.parsed[template_id] for template_id in store.templates}
        try:
            policy_set = {"staticPolicies": static, "templates": templates, "templateLinks": links}
            store.evaluator = run_on_own_stack(lambda: Evaluator(policy_set, store.schema))
        except ValueError as error:
            raise invalid(str(error), "definition.templateLinked") from None
    return store.evaluator


def _decide(
    state: State,
    operation: str,
    item: Mapping[str, Any],
    document: Mapping[str, Any],
    caller: TokenCaller | None,
) -> dict[str, Any]:
    from authz_lib.testing.policy_store import decisions

    store = state.store(document)
    try:
        principal = decisions.uid_from(item["principal"]) if caller is None else caller.uid
        action, resource = (
            decisions.uid_from(item["action"], "action"),
            decisions.uid_from(item["resource"]),
        )
        entities = decisions.entities_from(document.get("entities", {}))
        if caller is not None:
            if not entities.keys().isdisjoint(entity.uid for entity in caller.entities):
                raise invalid("the principal of a token may not be among the entities", "entities")
            entities |= {entity.uid: entity for entity in caller.entities}
        context = decisions.context_from(
            item.get("context", {}), None if caller is None else caller.context_token
        )
        decision, policies, errors = _evaluator(store).decide(
            principal, action, resource, context, entities.values()
        )
    except AuthzError as error:
        raise invalid(str(error), getattr(error, "field", None) or "") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise invalid("the request does not fit") from None
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
        raise invalid("the requests of a batch must have one principal or one resource", "requests")
    operation = "BatchIsAuthorized"
    return {
        "results": [
            {"request": item} | _decide(state, operation, item, document, None) for item in requests
        ]
    }


def _batch(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = document["requests"]
    if not 1 <= len(requests) <= _MAX_BATCH:
        raise invalid(f"a batch has 1 to {_MAX_BATCH} requests", "requests")
    return requests


def _token_caller(state: State, document: Mapping[str, Any]) -> TokenCaller:
    store = state.store(document)
    access, identity = document.get("accessToken"), document.get("identityToken")
    if access is None and identity is None:
        raise invalid("a token is missing", "identityToken")
    if not store.sources:
        raise missing("identity source", store.id)
    if identity is None:
        return _caller(state, store, str(access), "access")
    caller = _caller(state, store, identity, "id")
    if access is not None:
        other = _caller(state, store, access, "access")
        if other.uid != caller.uid:
            raise invalid("the tokens are two callers'", "accessToken")
        caller = caller._replace(context_token=other.context_token)
    return caller


def _caller(state: State, store: Store, token: str, use: TokenUse) -> TokenCaller:
    """The caller of a token, by the store's identity source with its issuer."""
    path = "accessToken" if use == "access" else "identityToken"
    try:
        issuer = read_unverified(token).get("iss")
        sources = [
            source_from(kept["configuration"], kept["principalEntityType"])
            for kept in store.sources.values()
        ]
        source = next((source for source in sources if source.issuer == issuer), None)
        if source is None:
            raise invalid("no identity source has the token's issuer", path)
        claims = state.claims_of(token, source)
        kind = header_of(token).get("typ")
        return caller_of(claims, source, token_use=use, token_type=kind)
    except AuthenticationError as refusal:
        raise invalid(f"the token is refused: {refusal}", path) from None
    except (ValueError, KeyError, TypeError, AuthzError) as refusal:
        reason = str(refusal) if type(refusal) is ValueError else "it is malformed"
        raise invalid(f"the token is not one of the identity source's: {reason}", path) from None


def _is_authorized_with_token(state: State, document: dict[str, Any]) -> dict[str, Any]:
    caller = _token_caller(state, document)
    decided = _decide(state, "IsAuthorizedWithToken", document, document, caller)
    return decided | {"principal": uid_to_avp(caller.uid)}


def _batch_is_authorized_with_token(state: State, document: dict[str, Any]) -> dict[str, Any]:
    caller, operation = _token_caller(state, document), "BatchIsAuthorizedWithToken"
    results = [
        {"request": item} | _decide(state, operation, item, document, caller)
        for item in _batch(document)
    ]
    return {"principal": uid_to_avp(caller.uid), "results": results}


AUTHORIZE: dict[str, Callable[[State, dict[str, Any]], dict[str, Any]]] = {
    "BatchIsAuthorized": _batch_is_authorized,
    "BatchIsAuthorizedWithToken": _batch_is_authorized_with_token,
    "IsAuthorized": _is_authorized,
    "IsAuthorizedWithToken": _is_authorized_with_token,
}

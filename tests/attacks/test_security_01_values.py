"""Security 1: with a schema, data that a caller sent becomes a reference, an address or a date."""

from __future__ import annotations

import json

import pytest

from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    Entity,
    EntityUid,
    errors,
)
from authz_lib.testing.policy_store import PolicyStores

SCHEMA = """
entity User;
entity Doc { owner?: User, net?: ipaddr, nested?: { owner: User } } tags User;
action Read appliesTo {
  principal: User, resource: Doc,
  context: {
    delegate?: User, nested?: { delegate: User }, many?: Set<User>, mixed?: Set<{ user: User }>,
    at?: datetime, price?: decimal, wait?: duration, from?: ipaddr,
  }
};
"""
MALLORY = EntityUid("User", "mallory")
DOC = EntityUid("Doc", "1")
RECORD = {"type": "User", "id": "mallory"}
ATTACKS = {
    "context": ("context.delegate == principal", {"delegate": RECORD}, {}),
    "nested": ("context.nested.delegate == principal", {"nested": {"delegate": RECORD}}, {}),
    "set": ("context.many.contains(principal)", {"many": [RECORD]}, {}),
    "record in a set": (
        "context.mixed.contains({user: principal})",
        {"mixed": [{"user": RECORD}]},
        {},
    ),
    "date": ('context.at < datetime("2030-01-01")', {"at": "2020-01-01"}, {}),
    "decimal": ('context.price.lessThan(decimal("1.0"))', {"price": "0.5"}, {}),
    "duration": ('context.wait < duration("1h")', {"wait": "1m"}, {}),
    "address": ("context.from.isLoopback()", {"from": "127.0.0.1"}, {}),
    "function": ("context.from.isLoopback()", {"from": {"fn": "ip", "arg": "127.0.0.1"}}, {}),
    "attribute": ("resource.owner == principal", {}, {"attrs": {"owner": RECORD}}),
    "nested attribute": (
        "resource.nested.owner == principal",
        {},
        {"attrs": {"nested": {"owner": RECORD}}},
    ),
    "address of an entity": ("resource.net.isLoopback()", {}, {"attrs": {"net": "127.0.0.1"}}),
    "tag": ('resource.getTag("owner") == principal', {}, {"tags": {"owner": RECORD}}),
}
OF_ENTITIES = [name for name, (_, _, parts) in ATTACKS.items() if parts]


def policy(name: str) -> str:
    return f"permit(principal, action, resource) when {{ {ATTACKS[name][0]} }};"


def is_allowed(decisions: object, name: str, *, held: bool = False) -> bool:
    _, context, parts = ATTACKS[name]
    resource = DOC if held else Entity(DOC, **parts)
    request = AuthorizationRequest(MALLORY, "Read", resource, context)
    try:
        return bool(decisions.is_authorized(request))
    except errors.InvalidRequestError:
        return False


@pytest.mark.parametrize("name", ATTACKS)
def test_the_engine_takes_a_value_for_what_it_is(name):
    for checked in (True, False):
        engine = CedarEngine.from_text(
            policy(name), SCHEMA, validate_policies=False, validate_requests=checked
        )
        assert not is_allowed(engine, name)


@pytest.mark.parametrize("name", OF_ENTITIES)
def test_so_it_does_with_entities_that_it_holds(name):
    held = [Entity(DOC, **ATTACKS[name][2])]
    for checked in (True, False):
        try:
            engine = CedarEngine.from_text(
                policy(name), SCHEMA, held, validate_policies=False, validate_requests=checked
            )
        except errors.ConfigurationError:
            continue
        assert not is_allowed(engine, name, held=True)


@pytest.mark.parametrize("form", ["typed", "cedarJson"])
@pytest.mark.parametrize("name", ATTACKS)
def test_so_does_the_local_policy_store(name, form):
    _, context, parts = ATTACKS[name]
    entity = Entity(DOC, **parts)
    stores = PolicyStores()
    document = {
        "policyStoreId": stores.create_store(policy(name), SCHEMA),
        "principal": {"entityType": "User", "entityId": "mallory"},
        "action": {"actionType": "Action", "actionId": "Read"},
        "resource": {"entityType": "Doc", "entityId": "1"},
    }
    if form == "typed":
        typed = Entity(DOC, attrs=context).to_avp().get("attributes", {})
        document |= {
            "context": {"contextMap": typed},
            "entities": {"entityList": [entity.to_avp()]},
        }
    else:
        entities = json.dumps([entity.to_cedar_json()])
        document |= {
            "context": {"cedarJson": json.dumps(context)},
            "entities": {"cedarJson": entities},
        }
    answer = stores.call("IsAuthorized", document)
    assert answer["decision"] == "DENY"

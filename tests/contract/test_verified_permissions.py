"""Both clients against the local endpoint: the same requests on the wire, the same decisions."""

from __future__ import annotations

import pytest

from authz_lib import AuthorizationRequest, Entity, EntityUid, Principal, VerifiedPermissions
from authz_lib.errors import AccessDeniedError, InvalidRequestError

POLICIES = """
@id("owner") permit(principal, action == Action::"Get", resource is Order) when { resource.owner == principal };
@id("staff") permit(principal in Group::"staff", action, resource) when { context.mfa };
@id("closed") forbid(principal, action == Action::"Cancel", resource) when { resource.state == "closed" };
"""
ALICE = EntityUid("User", "alice")


def order(number, owner=ALICE, state="open"):
    return Entity(EntityUid("Order", str(number)), attrs={"owner": owner, "state": state})


def test_a_single_question(server, permissions):
    point = permissions(server.create_store(POLICIES))
    decision = point.is_authorized(AuthorizationRequest(ALICE, "Get", order(1)))
    assert decision.allowed
    assert decision.determining_policies == ("owner",)
    assert decision.source == "verified_permissions"
    assert decision.policy_store_id == point.policy_store_id
    assert decision.request_id == "00000000-0000-4000-8000-000000000001"
    assert server.requests[0].decision == "ALLOW"
    assert server.requests[0].determining_policies == ("owner",)


def test_a_principal_brings_its_groups(server, permissions):
    point = permissions(server.create_store(POLICIES))
    caller = Principal("bob", groups=("staff",))
    assert point.require(caller, "Cancel", order(1), context={"mfa": True})
    with pytest.raises(AccessDeniedError):
        point.require(caller, "Cancel", order(1, state="closed"), context={"mfa": True})


def test_filter_asks_a_thousand_orders_in_34_calls_and_keeps_their_order(server, permissions):
    point = permissions(server.create_store(POLICIES))
    orders = [order(number, owner=ALICE if number % 3 == 0 else EntityUid("User", "bob")) for number in range(1000)]
    visible = point.filter(ALICE, "Get", orders)
    assert visible == [candidate for number, candidate in enumerate(orders) if number % 3 == 0]
    assert server.calls == ["BatchIsAuthorized"] * 34
    assert len(server.requests) == 1000


def test_both_clients_send_the_same(server, thin_client, boto3_client):
    bodies = []
    answer = server.respond
    server.respond = lambda target, body: (
        bodies.append((target, __import__("json").loads(body))),
        answer(target, body),
    )[1]
    store_id = server.create_store(POLICIES)
    decisions = []
    for make in (thin_client, boto3_client):
        point = VerifiedPermissions(store_id, client=make(server.url))
        request = AuthorizationRequest(ALICE, "Get", order("Zoë"), {"mfa": True, "n": {"deep": ["a", 2]}})
        decisions.append(point.is_authorized(request).determining_policies)
        decisions.append(
            [bool(one) for one in point.batch_is_authorized([request, AuthorizationRequest(ALICE, "X", order(2))])]
        )
    assert bodies[:2] == bodies[2:]
    assert decisions[:2] == decisions[2:] == [("owner",), [True, False]]


def test_the_door_without_a_socket(server, boto3_client):
    client = boto3_client("http://127.0.0.1:9")
    server.attach(client)
    point = VerifiedPermissions(server.create_store(POLICIES), client=client)
    assert point.is_authorized(AuthorizationRequest(ALICE, "Get", order(1)))
    with pytest.raises(InvalidRequestError):
        point.is_authorized(
            AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1"), {"x": 1}, [order(1), order(1, state="x")])
        )

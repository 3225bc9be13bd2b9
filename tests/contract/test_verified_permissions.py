"""Both clients against the local endpoint: the same requests on the wire, the same decisions."""

from __future__ import annotations

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from authz_lib import AuthorizationRequest, Entity, EntityUid, Principal, VerifiedPermissions
from authz_lib.errors import AccessDeniedError, InvalidRequestError, PolicyStoreMisconfiguredError

POLICIES = """
@id("owner") permit(principal, action == Action::"Get", resource is Order)
    when { resource.owner == principal };
@id("staff") permit(principal in Group::"staff", action, resource) when { context.mfa };
@id("closed") forbid(principal, action == Action::"Cancel", resource)
    when { resource.state == "closed" };
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
    point = permissions(server.create_store(POLICIES), ids_in_conditions=False)
    orders = [
        order(number, owner=ALICE if number % 3 == 0 else EntityUid("User", "bob"))
        for number in range(1000)
    ]
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
        point = VerifiedPermissions(store_id, client=make(server.url), ids_in_conditions=False)
        request = AuthorizationRequest(
            ALICE, "Get", order("Zoë"), {"mfa": True, "n": {"deep": ["a", 2]}}
        )
        decisions.append(point.is_authorized(request).determining_policies)
        decisions.append(
            [
                bool(one)
                for one in point.batch_is_authorized(
                    [request, AuthorizationRequest(ALICE, "X", order(2))]
                )
            ]
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
            AuthorizationRequest(
                ALICE, "Get", EntityUid("Order", "1"), {"x": 1}, [order(1), order(1, state="x")]
            )
        )


def test_a_batch_answers_as_single_questions_do(server, permissions):
    """A question does not see an entity that only its neighbour in the batch brings."""
    point = permissions(
        server.create_store(
            'permit(principal, action, resource) when { Config::"flags" has open };\n'
            'permit(principal, action, resource in Folder::"public");'
        )
    )
    flags = Entity(EntityUid("Config", "flags"), attrs={"open": True})
    folder = Entity(EntityUid("Folder", "inner"), parents=[EntityUid("Folder", "public")])
    inner = Entity(EntityUid("Order", "3"), parents=[folder.uid])
    asked = [
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1"), entities=[flags]),
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", "2")),
        AuthorizationRequest(ALICE, "Get", flags),
        AuthorizationRequest(ALICE, "Get", order(5)),
        AuthorizationRequest(ALICE, "Get", inner),
        AuthorizationRequest(ALICE, "Get", inner, entities=[folder]),
    ]
    alone = [point.is_authorized(request).allowed for request in asked]
    assert alone == [True, False, True, False, False, True]
    assert [decision.allowed for decision in point.batch_is_authorized(asked)] == alone


def test_the_request_line_holds_the_path_alone(thin_client):
    """As every AWS SDK writes it; the signature is over `/`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        lines = []

        def answer():
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                lines.append(stream.readline())
                stream.write(
                    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )

        thread = threading.Thread(target=answer)
        thread.start()
        point = VerifiedPermissions(
            "PS1", client=thin_client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        )
        with pytest.raises(PolicyStoreMisconfiguredError):
            point.is_authorized(AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1")))
        thread.join()
    assert lines == [b"POST / HTTP/1.1\r\n"]


def test_a_forked_process_opens_connections_of_its_own(thin_client, monkeypatch):
    """On its parent's connection it could read the answer to its parent's question."""
    opened = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            opened.append(self.client_address)

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "59")
            self.end_headers()
            self.wfile.write(b'{"decision":"ALLOW","determiningPolicies":[],"errors":[]}  ')

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        client = thin_client(f"http://127.0.0.1:{listener.server_port}")
        point = VerifiedPermissions("PS1", client=client)
        request = AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1"))
        answers = [point.is_authorized(request).allowed for _ in range(2)]
        assert len(opened) == 1  # kept alive
        parent = os.getpid()
        monkeypatch.setattr("authz_lib.transport.pool.os.getpid", lambda: parent + 1)
        answers += [point.is_authorized(request).allowed for _ in range(2)]
        listener.shutdown()
        thread.join()
        client.close()
    assert answers == [True] * 4
    assert len(opened) == 2

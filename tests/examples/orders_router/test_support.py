"""The support service by itself, with headers that no gateway writes."""

from __future__ import annotations

import http.client
import importlib.util
import json
import sys
import time
from threading import Thread

import pytest

from authz_lib.principal import Principal
from authz_lib.service.principal_headers import principal_to_headers

pytest.importorskip("cedarpy")
PROOF = "known-to-the-gateway-and-the-service"
ROWS = {
    "s-1": {"id": "s-1", "owner": "alice", "tenant_id": "acme", "subject": "the anvil is late"},
    "s-2": {"id": "s-2", "owner": "bob", "tenant_id": "globex", "subject": "it fits"},
    "s-3": {"id": "s-3", "owner": "alice", "tenant_id": "globex", "subject": "it fits"},
}


class Table:
    """As much of a DynamoDB table as the service uses."""

    def scan(self):
        return {"Items": list(ROWS.values())}

    def get_item(self, **named):
        row = ROWS.get(named["Key"]["id"])
        return {} if row is None else {"Item": row}


@pytest.fixture
def ask(folder, monkeypatch):
    """Asks the service's own server on a port."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("GATEWAY_PROOF", PROOF)
    monkeypatch.setenv("POLICIES", str(folder / "policies"))
    monkeypatch.setenv("TABLE", "tickets")
    monkeypatch.syspath_prepend(str(folder / "services"))
    spec = importlib.util.spec_from_file_location(
        "support_under_test", folder / "services" / "support.py"
    )
    support = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(support)
    monkeypatch.setattr(support, "tickets", support.tickets._replace(table=Table()))
    server = support.ThreadingHTTPServer(("127.0.0.1", 0), support.Requests)
    monkeypatch.setattr(support.Requests, "log_message", lambda *_: None)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def get(path, headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    yield get
    server.shutdown()
    thread.join()
    server.server_close()
    sys.modules.pop("rows", None)


def written(subject="alice", tenant="acme", groups=("customers",), proof=PROOF):
    caller = Principal(subject, tenant_id=tenant, groups=groups, expires_at=time.time() + 60)
    return [*principal_to_headers(caller).items(), ("X-Gateway-Proof", proof)]


def test_an_owner_sees_what_is_of_the_own_tenant(ask):
    assert ask("/api/support/tickets", written()) == (
        200,
        {"tickets": [{"id": "s-1", "subject": "the anvil is late"}]},
    )
    assert ask("/api/support/tickets/s-1?x=1", written()) == (
        200,
        {"id": "s-1", "subject": "the anvil is late"},
    )
    assert ask("/api/support/tickets/s-3", written())[0] == 403
    assert ask("/api/support/tickets/s-2", written())[0] == 403
    assert ask("/api/support/tickets/s-3", written(tenant=None))[0] == 403


def test_support_follows_its_tenant_and_no_other(ask):
    sam = written("sam", groups=("support",))
    assert ask("/api/support/tickets", sam)[1] == {
        "tickets": [{"id": "s-1", "subject": "the anvil is late"}]
    }
    assert ask("/api/support/tickets/s-2", sam)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/support/tickets/",
        "/api/support/tickets/s-9",
        "/api/support/tickets/s-1/",
        "/api/support/tickets/../s-1",
        "/x",
    ],
)
def test_what_is_not_there_is_404_for_a_caller_and_401_for_nobody(ask, path):
    assert ask(path, written())[0] == 404
    assert ask(path, [])[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        [*written(), ("x-principal-sub", "bob")],
        [*written(), ("X-Principal-Sub", "bob")],
        [("X-Principal-Tenant-Id", "globex"), *written()],
        [*written(), ("x-gateway-proof", PROOF)],
        written(proof=PROOF[:-1]),
        written(proof=""),
        [*written()[:-1]],
        [*written()[:-1], ("x_gateway_proof", PROOF)],
    ],
    ids=[
        "sub twice",
        "in another case",
        "tenant twice",
        "proof twice",
        "short",
        "empty",
        "none",
        "underscores",
    ],
)
def test_headers_that_the_gateway_did_not_write_are_401(ask, headers):
    status, content = ask("/api/support/tickets/s-1", headers)
    assert (status, content["__type"]) == (401, "UnauthorizedException")


def test_a_header_with_underscores_is_another_header(ask):
    assert (
        ask(
            "/api/support/tickets/s-2",
            [*written(), ("x_principal_sub", "bob"), ("x_principal_tenant_id", "globex")],
        )[0]
        == 403
    )

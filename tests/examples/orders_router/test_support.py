"""The support service by itself, with headers that no gateway writes."""

from __future__ import annotations

import http.client
import importlib.util
import json
import sys
import time
from threading import Thread

import boto3
import pytest
from moto import mock_aws

from authz_lib.principal import Principal
from authz_lib.service.principal_headers import principal_to_headers
from authz_lib.tokens import AssertedCaller, CallerAssertion

pytest.importorskip("cedarpy")
SECRET = "known to the authorizer and to the service, and to nobody else"
ROWS = {
    "s-1": {"id": "s-1", "owner": "alice", "tenant_id": "acme", "subject": "the anvil is late"},
    "s-2": {"id": "s-2", "owner": "bob", "tenant_id": "globex", "subject": "it fits"},
    "s-3": {"id": "s-3", "owner": "alice", "tenant_id": "globex", "subject": "it fits"},
}
ALL, ONE = "GET /api/support/tickets", "GET /api/support/tickets/{id}"


@pytest.fixture(scope="module")
def ask(folder):
    """Asks the service's own server on a port."""
    yield from running(folder, "seen")


@pytest.fixture
def ask_anew(folder):
    """Asks one that has seen nothing yet."""
    yield from running(folder, "new")


def running(folder, name):
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(variable, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("POLICIES", str(folder / "policies"))
        patch.setenv("SECRET_ID", name)
        patch.setenv("TABLE", name)
        patch.syspath_prepend(str(folder / "services"))
        boto3.client("secretsmanager").create_secret(Name=name, SecretString=SECRET)
        fill_table(name)
        yield from served(folder / "services" / "support.py", patch)
    sys.modules.pop("rows", None)


def fill_table(name):
    table = boto3.resource("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for row in ROWS.values():
        table.put_item(Item=row)


def served(path, patch):
    spec = importlib.util.spec_from_file_location("support_under_test", path)
    support = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(support)
    server = support.ThreadingHTTPServer(("127.0.0.1", 0), support.Requests)
    patch.setattr(support.Requests, "log_message", lambda *_: None)
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


def assertion(subject="alice", tenant="acme", groups=("customers",), route=ONE, **signer):
    options = {"issuer": "orders-authorizer", "audience": "support", "key": SECRET, **signer}
    return CallerAssertion(algorithm="HS256", **options).sign(
        AssertedCaller(
            subject=subject,
            issuer="https://issuer.example",
            client_id="web",
            scopes=frozenset(),
            groups=groups,
            tenant_id=tenant,
            expires_at=time.time() + 60,
            action="commercial:GetTicket",
            route=route,
            attributes={},
            transaction="request-1",
        )
    )


def written(*args, **named):
    return [("Txn-Token", assertion(*args, **named))]


def test_an_owner_sees_what_is_of_the_own_tenant(ask):
    assert ask("/api/support/tickets", written(route=ALL)) == (
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
    sam = {"subject": "sam", "groups": ("support",)}
    assert ask("/api/support/tickets", written(**sam, route=ALL))[1] == {
        "tickets": [{"id": "s-1", "subject": "the anvil is late"}]
    }
    assert ask("/api/support/tickets/s-2", written(**sam))[0] == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/support/tickets/s-9", 404),
        ("/", 401),  # an assertion is about one route
        ("/api/support/tickets", 401),
        ("/api/support/tickets/", 401),
        ("/api/support/tickets/s-1/", 404),
        ("/api/support/tickets/../s-1", 401),
        ("/x", 401),
    ],
)
def test_an_assertion_is_for_its_route_and_nobody_gets_anything(ask, path, status):
    assert ask(path, written())[0] == status
    assert ask(path, [])[0] == 401


def plain(**changed):
    alice = Principal("alice", tenant_id="acme", groups=("customers",), expires_at=time.time() + 60)
    return [*{**principal_to_headers(alice), **changed}.items()]


@pytest.mark.parametrize(
    "headers",
    [
        plain,
        lambda: [*plain(), ("x-gateway-proof", SECRET)],
        lambda: [("Txn-Token", SECRET)],
        lambda: [("Txn-Token", "")],
        lambda: [("txn_token", assertion())],
        lambda: [*written(), *written()],
        lambda: [*written(), ("TXN-TOKEN", assertion("bob", "globex"))],
        lambda: [("Txn-Token", f"{assertion()},{assertion()}")],
        lambda: [("Txn-Token", assertion()[:-2])],
        lambda: written(key="another secret, of the same length, that somebody else has"),
        lambda: written(audience="billing"),
        lambda: written(issuer="https://issuer.example"),
        lambda: written(clock=lambda: time.time() - 120),
    ],
    ids=[
        "plain", "plain and the secret", "the secret", "empty", "underscores", "twice",
        "in another case", "in one header", "cut off", "another key", "another audience",
        "another issuer", "expired",
    ],
)  # fmt: skip
def test_what_the_authorizer_did_not_sign_for_this_service_is_401(ask, headers):
    status, content = ask("/api/support/tickets/s-1", headers())
    assert (status, content["__type"]) == (401, "UnauthorizedException")


def test_plain_headers_beside_an_assertion_are_not_read(ask):
    bob = plain(**{"x-principal-sub": "bob", "x-principal-tenant-id": "globex"})
    assert ask("/api/support/tickets/s-2", [*written(), *bob])[0] == 403


def test_after_a_rotation_the_secret_before_is_believed_too(ask_anew):
    following = "the secret after it, known to the same two and to nobody else"
    boto3.client("secretsmanager").put_secret_value(SecretId="new", SecretString=following)
    for key, status in ((following, 200), (SECRET, 200), (f"{SECRET}!", 401)):
        assert ask_anew("/api/support/tickets/s-1", written(key=key))[0] == status

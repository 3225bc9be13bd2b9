"""Two deployments of the hello example, each with its own secret, which opens only its own."""

from __future__ import annotations

import json

import pytest

from authz_local.local_scenario import LocalScenario
from authz_local.row_result import send

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def tenants(folder):
    """Of each tenant: its own local AWS (an account of its own), API, secret and users."""
    with LocalScenario(folder) as acme, LocalScenario(folder) as globex:
        yield {"acme": acme, "globex": globex}


@pytest.fixture(params=[("acme", "globex"), ("globex", "acme")], ids=" to ".join)
def callers_and_called(request, tenants):
    own, other = request.param
    return tenants[own], tenants[other]


def get_hello(local, *, token, **headers):
    sent = {"Authorization": f"Bearer {token}", **headers}
    status, answered, _ = send("GET", local.variables["HelloUrl"], sent, None)
    return status, answered.get("X-Principal-Sub")


def invoke(local, payload):
    status, content = local.aws.invoke("apigw-invoker", json.dumps(payload).encode())
    assert status == 200
    return json.loads(content)


def reached(local):
    return len(local.aws.function_log("hello-world"))


def secret(local):
    client = local.aws.client("secretsmanager")
    return client.get_secret_value(SecretId=local.stack.outputs["SecretArn"])["SecretString"]


def test_each_has_a_secret_of_its_own(tenants):
    assert secret(tenants["acme"]) != secret(tenants["globex"])


def test_a_tenants_own_token_opens_its_own_api(tenants):
    for local in tenants.values():
        assert get_hello(local, token=local.variables["fresh"]) == (200, "alice")


@pytest.mark.parametrize("token", ["fresh", "someone_elses"])
def test_a_token_of_one_tenant_is_refused_by_the_other(callers_and_called, token):
    own, other = callers_and_called
    before = reached(other)
    status, caller = get_hello(
        other, token=own.variables[token], **{"X-Principal-Sub": "alice", "X-Tenant-Id": "acme"}
    )
    assert (status, caller) == (401, None)
    assert reached(other) == before


def test_the_others_invoker_sends_it_and_is_refused_too(callers_and_called):
    own, other = callers_and_called
    before = reached(other)
    assert invoke(other, {"token": own.variables["fresh"]}) == {"errorMessage": "Unauthorized"}
    assert reached(other) == before


def test_a_payload_does_not_lead_an_invoker_to_the_other_tenant(callers_and_called):
    own, other = callers_and_called
    before = reached(own), reached(other)
    payload = {
        "url": other.variables["HelloUrl"],
        "HELLO_URL": other.variables["HelloUrl"],
        "secret": secret(other),
    }
    assert invoke(own, payload) == {"statusCode": 200, "body": "Hello, world!"}
    assert reached(own) > before[0]
    assert reached(other) == before[1]

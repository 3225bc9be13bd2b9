"""The local endpoint, set up and asked with boto3, as a user's script does."""

from __future__ import annotations

import base64
import json

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from authz_lib import AuthorizationRequest, Entity, EntityUid, VerifiedPermissions
from authz_lib.errors import ConfigurationError, InvalidRequestError, PolicyStoreMisconfiguredError
from authz_lib.testing.policy_store import Fault, PolicyStores, PolicyStoreServer
from authz_lib.testing.policy_store.tokens import read_unverified

STATEMENT = (
    'permit(principal, action == Action::"View", resource) when { resource.owner == principal };'
)
SCHEMA = {
    "": {
        "entityTypes": {
            "User": {},
            "Doc": {
                "shape": {
                    "type": "Record",
                    "attributes": {"owner": {"type": "Entity", "name": "User"}},
                }
            },
        },
        "actions": {
            name: {"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["Doc"]}}
            for name in ("View", "Edit")
        },
    }
}
POOL = "eu-west-1_Abc123"
ALICE, DOC = {"entityType": "User", "entityId": "alice"}, {"entityType": "Doc", "entityId": "1"}
VIEW = {"actionType": "Action", "actionId": "View"}


@pytest.fixture(params=["http", "hook"])
def avp(request, server, boto3_client):
    if request.param == "http":
        return boto3_client(server.url)
    client = boto3_client("http://127.0.0.1:9")
    PolicyStores().attach(client)
    return client


@pytest.fixture
def store_id(avp):
    created = avp.create_policy_store(validationSettings={"mode": "STRICT"}, description="tests")
    avp.put_schema(
        policyStoreId=created["policyStoreId"], definition={"cedarJson": json.dumps(SCHEMA)}
    )
    return created["policyStoreId"]


def code_of(raised):
    return raised.value.response["Error"]["Code"]


def test_a_set_up_script(avp, store_id):
    policy = avp.create_policy(
        policyStoreId=store_id, definition={"static": {"statement": STATEMENT}}
    )
    assert (policy["policyType"], policy["effect"]) == ("STATIC", "Permit")
    found = avp.get_policy(policyStoreId=store_id, policyId=policy["policyId"])
    assert found["definition"]["static"]["statement"] == STATEMENT
    assert found["createdDate"].tzinfo is not None
    owner = {"identifier": DOC, "attributes": {"owner": {"entityIdentifier": ALICE}}}
    asked = {"policyStoreId": store_id, "principal": ALICE, "action": VIEW, "resource": DOC}
    answer = avp.is_authorized(**asked, entities={"entityList": [owner]})
    assert answer["decision"] == "ALLOW"
    assert answer["determiningPolicies"] == [{"policyId": policy["policyId"]}]
    as_json = json.dumps([Entity.from_avp(owner).to_cedar_json()])
    assert (
        avp.is_authorized(**asked, entities={"cedarJson": as_json}, context={"cedarJson": "{}"})[
            "decision"
        ]
        == "ALLOW"
    )
    avp.update_policy(
        policyStoreId=store_id,
        policyId=policy["policyId"],
        definition={"static": {"statement": STATEMENT.replace("View", "Edit")}},
    )
    assert avp.is_authorized(**asked, entities={"entityList": [owner]})["decision"] == "DENY"
    avp.delete_policy(policyStoreId=store_id, policyId=policy["policyId"])
    assert avp.list_policies(policyStoreId=store_id)["policies"] == []


def test_templates_and_links(avp, store_id):
    template = avp.create_policy_template(
        policyStoreId=store_id,
        statement="permit(principal == ?principal, action, resource == ?resource);",
    )["policyTemplateId"]
    linked = avp.create_policy(
        policyStoreId=store_id,
        definition={
            "templateLinked": {"policyTemplateId": template, "principal": ALICE, "resource": DOC}
        },
    )
    assert linked["policyType"] == "TEMPLATE_LINKED"
    asked = {"policyStoreId": store_id, "principal": ALICE, "action": VIEW}
    assert avp.is_authorized(**asked, resource=DOC)["determiningPolicies"] == [
        {"policyId": linked["policyId"]}
    ]
    assert avp.is_authorized(**asked, resource=DOC | {"entityId": "2"})["decision"] == "DENY"
    of_template = avp.list_policies(policyStoreId=store_id, filter={"policyTemplateId": template})[
        "policies"
    ]
    assert [item["policyId"] for item in of_template] == [linked["policyId"]]
    assert (
        avp.list_policies(policyStoreId=store_id, filter={"policyType": "STATIC"})["policies"] == []
    )
    avp.update_policy_template(
        policyStoreId=store_id,
        policyTemplateId=template,
        statement="permit(principal == ?principal, action, resource == ?resource) when { false };",
    )
    assert avp.is_authorized(**asked, resource=DOC)["decision"] == "DENY"
    assert (
        "when { false }"
        in avp.get_policy_template(policyStoreId=store_id, policyTemplateId=template)["statement"]
    )
    assert len(avp.list_policy_templates(policyStoreId=store_id)["policyTemplates"]) == 1
    avp.delete_policy_template(policyStoreId=store_id, policyTemplateId=template)
    assert avp.list_policies(policyStoreId=store_id)["policies"] == []


def test_stores_pages_and_batches(avp, store_id):
    ids = [
        avp.create_policy(policyStoreId=store_id, definition={"static": {"statement": STATEMENT}})[
            "policyId"
        ]
        for _ in range(5)
    ]
    pages = list(
        avp.get_paginator("list_policies").paginate(
            policyStoreId=store_id, PaginationConfig={"PageSize": 2}
        )
    )
    assert [item["policyId"] for page in pages for item in page["policies"]] == ids
    wanted = [
        {"policyStoreId": store_id, "policyId": policy_id} for policy_id in (ids[0], "missing")
    ]
    got = avp.batch_get_policy(requests=[*wanted, {"policyStoreId": "none", "policyId": "x"}])
    assert [item["policyId"] for item in got["results"]] == ids[:1]
    assert [item["code"] for item in got["errors"]] == [
        "POLICY_NOT_FOUND",
        "POLICY_STORE_NOT_FOUND",
    ]
    assert avp.get_policy_store(policyStoreId=store_id)["validationSettings"]["mode"] == "STRICT"
    assert json.loads(avp.get_schema(policyStoreId=store_id)["schema"]) == SCHEMA
    assert store_id in [item["policyStoreId"] for item in avp.list_policy_stores()["policyStores"]]
    avp.update_policy_store(policyStoreId=store_id, validationSettings={"mode": "OFF"})
    avp.create_policy(
        policyStoreId=store_id,
        definition={"static": {"statement": "permit(principal is X, action, resource);"}},
    )
    if hasattr(avp, "create_policy_store_alias"):
        avp.create_policy_store_alias(aliasName="policy-store-alias/docs", policyStoreId=store_id)
        assert avp.get_schema(policyStoreId="policy-store-alias/docs")["policyStoreId"] == store_id
    avp.delete_policy_store(policyStoreId=store_id)
    with pytest.raises(ClientError) as raised:
        avp.get_policy_store(policyStoreId=store_id)
    assert code_of(raised) == "ResourceNotFoundException"


def test_errors_as_the_service_sends_them(avp, store_id):
    for statement in ("permit(", "permit(principal is Nobody, action, resource);", STATEMENT * 2):
        with pytest.raises(ClientError) as raised:
            avp.create_policy(
                policyStoreId=store_id, definition={"static": {"statement": statement}}
            )
        assert code_of(raised) == "ValidationException"
        assert raised.value.response["fieldList"][0]["path"]
    item = {"principal": ALICE, "action": VIEW, "resource": DOC}
    with pytest.raises(ClientError) as raised:
        avp.batch_is_authorized(policyStoreId=store_id, requests=[item] * 31)
    assert code_of(raised) == "ValidationException"
    mixed = [item, {"principal": DOC, "action": VIEW, "resource": ALICE}]
    with pytest.raises(ClientError) as raised:
        avp.batch_is_authorized(policyStoreId=store_id, requests=mixed)
    assert code_of(raised) == "ValidationException"
    with pytest.raises(ClientError) as raised:
        avp.is_authorized(
            policyStoreId=store_id, **item, context={"cedarJson": '{"__entity": {"type": "User"}}'}
        )
    assert code_of(raised) == "ValidationException"
    with pytest.raises(ClientError) as raised:
        avp.create_policy_store_alias(aliasName="x", policyStoreId="none") if hasattr(
            avp, "create_policy_store_alias"
        ) else avp.get_schema(policyStoreId="none")
    assert code_of(raised) == "ResourceNotFoundException"


def test_of_two_entities_with_one_id_the_last_counts(avp, store_id):
    avp.create_policy(policyStoreId=store_id, definition={"static": {"statement": STATEMENT}})
    bob = {"entityType": "User", "entityId": "bob"}
    listed = [
        {"identifier": DOC, "attributes": {"owner": {"entityIdentifier": user}}}
        for user in (bob, ALICE)
    ]
    asked = {"policyStoreId": store_id, "principal": ALICE, "action": VIEW, "resource": DOC}
    assert avp.is_authorized(**asked, entities={"entityList": listed})["decision"] == "ALLOW"
    assert avp.is_authorized(**asked, entities={"entityList": listed[::-1]})["decision"] == "DENY"


def token(**claims):
    issuer = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"
    payload = {"iss": issuer, "sub": "s-1", "exp": 2_000_000_000} | claims
    parts = [{"alg": "RS256"}, payload]
    return ".".join(
        [
            *[
                base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
                for part in parts
            ],
            "c2ln",
        ]
    )


@pytest.fixture
def trusting():
    """A server that takes tokens unverified: these tests are about what is read of them."""
    with PolicyStoreServer(read_token=read_unverified) as running:
        yield running


def test_tokens(trusting, client_for, boto3_client):
    server = trusting
    store_id = server.create_store(
        'permit(principal == User::"eu-west-1_Abc123|s-1", action == Action::"Id", resource)'
        ' when { principal["custom:tenant"] == "t1"'
        ' && principal in Group::"eu-west-1_Abc123|staff" };'
        'permit(principal, action == Action::"Access", resource)'
        ' when { context.token.scope.contains("docs.read") };'
    )
    avp = boto3_client(server.url)
    point = VerifiedPermissions(store_id, client=client_for(server.url))
    doc = EntityUid("Doc", "1")
    access = token(token_use="access", client_id="web", scope="openid docs.read")
    with pytest.raises(PolicyStoreMisconfiguredError):
        point.is_authorized_with_token("Access", doc, access_token=access)
    pool = {
        "userPoolArn": f"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/{POOL}",
        "clientIds": ["web"],
        "groupConfiguration": {"groupEntityType": "Group"},
    }
    source = avp.create_identity_source(
        policyStoreId=store_id,
        configuration={"cognitoUserPoolConfiguration": pool},
        principalEntityType="User",
    )["identitySourceId"]
    assert len(avp.list_identity_sources(policyStoreId=store_id)["identitySources"]) == 1
    got = avp.get_identity_source(policyStoreId=store_id, identitySourceId=source)
    assert got["principalEntityType"] == "User"
    identity = token(
        token_use="id", aud="web", **{"custom:tenant": "t1", "cognito:groups": ["staff"]}
    )
    assert point.is_authorized_with_token("Access", doc, access_token=access)
    assert point.is_authorized_with_token("Id", doc, identity_token=identity)
    decisions = point.batch_is_authorized_with_token(
        [("Id", doc), ("Access", doc)], identity_token=identity
    )
    assert [decision.allowed for decision in decisions] == [True, False]
    assert server.requests[-1].principal == 'User::"eu-west-1_Abc123|s-1"'
    for wrong in (
        {"access_token": identity},
        {"identity_token": access},
        {"access_token": token(token_use="access", client_id="other")},
        {"access_token": token(token_use="access", client_id="web", iss="https://evil.example")},
        {"access_token": "garbage"},
    ):
        with pytest.raises(InvalidRequestError):
            point.is_authorized_with_token("Access", doc, **wrong)
    avp.delete_identity_source(policyStoreId=store_id, identitySourceId=source)


def test_a_cached_answer_for_a_token_is_that_token_s(trusting, client_for):
    server = trusting
    store_id = server.create_store(
        'permit(principal, action, resource) when { context.token.scope.contains("docs.read") };'
    )
    pool = {"userPoolArn": f"arn:aws:cognito-idp:eu-west-1:123456789012:userpool/{POOL}"}
    server.call(
        "CreateIdentitySource",
        {"policyStoreId": store_id, "configuration": {"cognitoUserPoolConfiguration": pool}},
    )
    now = [1_999_999_990.0]
    permissions = VerifiedPermissions(store_id, client=client_for(server.url))
    point = permissions.cached(clock=lambda: now[0])
    may = token(token_use="access", scope="docs.read")
    may_not = token(token_use="access", scope="openid")
    doc = EntityUid("Doc", "1")
    for _ in range(2):
        assert point.is_authorized_with_token("View", doc, access_token=may)
        assert not point.is_authorized_with_token("View", doc, access_token=may_not)
    assert len(server.requests) == 2
    now[0] = 2_000_000_000.0  # the token's `exp`
    point.is_authorized_with_token("View", doc, access_token=may)
    assert len(server.requests) == 3


def test_what_we_send_is_valid_in_botocore_s_own_model(server, thin_client):
    from botocore.validate import ParamValidator

    model = boto3.client("verifiedpermissions", region_name="eu-west-1").meta.service_model
    point = VerifiedPermissions(
        server.create_store("permit(principal, action, resource);"), client=thin_client(server.url)
    )
    answer, sent = server.respond, []
    server.respond = lambda target, body: (
        sent.append((target, json.loads(body))),
        answer(target, body),
    )[1]
    from datetime import UTC, datetime, timedelta
    from decimal import Decimal
    from ipaddress import ip_network

    values = {
        "b": True,
        "n": -(2**63),
        "s": "Zoë",
        "set": {1, 2},
        "record": {"uid": EntityUid("User", "x")},
        "ip": ip_network("2001:db8::/32"),
        "decimal": Decimal("-1.5"),
        "datetime": datetime(2026, 1, 1, tzinfo=UTC),
        "duration": timedelta(days=-1),
    }
    entity = Entity(
        EntityUid("Doc", "1"), attrs=values, parents=[EntityUid("Folder", "f")], tags={"t": "x"}
    )
    requests = [
        AuthorizationRequest(EntityUid("User", str(number)), "View", entity, values)
        for number in range(3)
    ]
    point.is_authorized(requests[0])
    point.batch_is_authorized(requests)
    assert [target for target, _ in sent] == [
        "VerifiedPermissions.IsAuthorized",
        "VerifiedPermissions.BatchIsAuthorized",
    ]
    for target, document in sent:
        shape = model.operation_model(target.rpartition(".")[2]).input_shape
        report = ParamValidator().validate(document, shape)
        assert not report.has_errors(), report.generate_report()


def test_the_hook_plays_faults_too(boto3_client):
    client, stores = boto3_client("http://127.0.0.1:9", attempts=1), PolicyStores()
    stores.attach(client)
    stores.inject(Fault(hang=True))
    with pytest.raises(ReadTimeoutError):
        client.list_policy_stores()
    stores.inject(Fault(code="ThrottlingException"), operation="ListPolicyStores")
    with pytest.raises(ClientError) as raised:
        client.list_policy_stores()
    assert code_of(raised) == "ThrottlingException"
    assert client.list_policy_stores()["policyStores"] == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"policyStoreId": 1}', b"[" * 100_000, b"\xff"]
)
@pytest.mark.parametrize(
    "operation", ["IsAuthorized", "BatchIsAuthorized", "CreatePolicy", "Nothing"]
)
def test_garbage_is_answered_with_an_error(server, body, operation):
    import urllib3

    headers = {"X-Amz-Target": f"VerifiedPermissions.{operation}"}
    response = urllib3.request("POST", server.url, body=body, headers=headers, retries=False)
    assert response.status == 400
    assert "__type" in response.json()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"status": 999},
        {"status": "500"},
        {"status": 100},
        {"code": ""},
        {"code": 5},
        {"body": "text"},
        {"hang": "yes"},
        {"code": "ThrottlingException", "hang": True},
    ],
    ids=repr,
)
def test_a_fault_that_says_nothing_or_two_things_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="a fault is one of"):
        Fault(**wrong)


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("ThrottlingException", {}),
        (None, {}),
        (Fault, {}),
        (Fault(status=500), {"operation": "IsAuthorised"}),
        (Fault(status=500), {"times": 0}),
        (Fault(status=500), {"times": "2"}),
    ],
    ids=repr,
)
def test_a_fault_that_would_never_come_is_refused(fault, more):
    with pytest.raises(ConfigurationError):
        PolicyStores().inject(fault, **more)


def test_the_fixture_is_a_running_endpoint(authz_policy_store, boto3_client):
    store_id = authz_policy_store.create_store("permit(principal, action, resource);")
    asked = {"policyStoreId": store_id, "principal": ALICE, "action": VIEW, "resource": DOC}
    assert boto3_client(authz_policy_store.url).is_authorized(**asked)["decision"] == "ALLOW"

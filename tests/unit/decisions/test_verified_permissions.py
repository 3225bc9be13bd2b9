"""Limits before the call, batches, and what reaches a client."""

from __future__ import annotations

import json
import logging

import boto3
import pytest

from authz_lib import AuthorizationRequest, Entity, EntityUid, Principal, VerifiedPermissions
from authz_lib.decisions import DecisionLog
from authz_lib.decisions.avp_client import AVPResponse, Boto3Client, ThinClient, default_endpoint
from authz_lib.errors import (
    BatchIncompleteError,
    ConfigurationError,
    InvalidRequestError,
    PolicyStoreMisconfiguredError,
    PolicyStoreUnavailableError,
)

ALICE = EntityUid("User", "alice")
DOC = EntityUid("Doc", "1")


class Recording(ThinClient):
    """A client that answers ALLOW to everything, and keeps what it was asked."""

    def __init__(self):
        super().__init__(region="eu-west-1", endpoint_url="http://127.0.0.1:9")
        self.__class__.asked = []

    def call(self, operation, parameters, body):
        assert json.loads(body) == parameters
        self.asked.append((operation, parameters))
        answer = {"decision": "ALLOW", "determiningPolicies": [{"policyId": "p"}], "errors": []}
        if operation.startswith("Batch"):
            return AVPResponse(
                {"results": [answer | {"request": item} for item in parameters["requests"]]}, "r-1"
            )
        return AVPResponse(answer, "r-1")


@pytest.fixture
def client():
    return Recording()


@pytest.fixture
def point(client):
    return VerifiedPermissions("PS1", client=client)


def request(number="1", principal=ALICE, **rest):
    return AuthorizationRequest(principal, "View", EntityUid("Doc", number), **rest)


def test_empty_parts_are_left_out(point, client):
    point.is_authorized(request())
    assert client.asked == [
        (
            "IsAuthorized",
            {
                "policyStoreId": "PS1",
                "principal": {"entityType": "User", "entityId": "alice"},
                "action": {"actionType": "Action", "actionId": "View"},
                "resource": {"entityType": "Doc", "entityId": "1"},
            },
        )
    ]


def test_a_principal_brings_its_entity_and_its_groups(client):
    point = VerifiedPermissions(
        "PS1",
        client=client,
        principal_type="Shop::User",
        group_type="Shop::Group",
        principal_id="pool|sub",
    )
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Abc"
    point.is_authorized(
        request(principal=Principal("s-1", issuer=issuer, groups=("g",), tenant_id="t"))
    )
    sent = client.asked[0][1]
    user = {"entityType": "Shop::User", "entityId": "eu-west-1_Abc|s-1"}
    group = {"entityType": "Shop::Group", "entityId": "eu-west-1_Abc|g"}
    assert sent["principal"] == user
    assert sent["entities"]["entityList"] == [
        {"identifier": user, "attributes": {"tenant_id": {"string": "t"}}, "parents": [group]},
        {"identifier": group},
    ]


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda point: point.is_authorized(AuthorizationRequest(ALICE, "", DOC)), "action"),
        (lambda point: point.is_authorized(AuthorizationRequest(ALICE, "x" * 513, DOC)), "action"),
        (lambda point: point.is_authorized(AuthorizationRequest(ALICE, 7, DOC)), "action"),
        (
            lambda point: point.is_authorized(AuthorizationRequest("User::alice", "View", DOC)),
            "principal",
        ),
        (lambda point: point.is_authorized(AuthorizationRequest(None, "View", DOC)), "principal"),
        (
            lambda point: point.is_authorized(AuthorizationRequest(ALICE, "View", "Doc::1")),
            "resource",
        ),
        (
            lambda point: point.is_authorized(
                AuthorizationRequest(ALICE, "View", DOC, entities=[ALICE])
            ),
            "entities",
        ),
        (lambda point: point.is_authorized(request(context={"a": 1.5})), "context.a"),
        (lambda point: point.is_authorized(request(expires_at=float("nan"))), "expires_at"),
        (lambda point: point.is_authorized_with_token("View", DOC), "accessToken"),
        (lambda point: point.is_authorized_with_token("View", DOC, access_token=""), "accessToken"),
        (
            lambda point: point.is_authorized_with_token(
                "View", DOC, identity_token="a.b.c", context={"token": {}}
            ),
            "context.token",
        ),
        (
            lambda point: point.is_authorized_with_token("View", DOC, access_token="\udc80"),
            "accessToken",
        ),
        (
            lambda point: point.is_authorized_with_token("View", DOC, access_token=b"a.b.c"),
            "accessToken",
        ),
        (
            lambda point: point.is_authorized_with_token("View", DOC, identity_token="x" * 131_073),
            "identityToken",
        ),
    ],
)
def test_a_limit_is_checked_before_the_call(point, client, ask, field):
    with pytest.raises(InvalidRequestError) as raised:
        ask(point)
    assert raised.value.field == field
    assert client.asked == []


@pytest.mark.parametrize(
    "options",
    [
        {"policy_store_id": ""},
        {"policy_store_id": None},
        {"principal_type": "Who", "group_type": "Who"},
        {"policy_store_id": "x" * 201},
        {"policy_store_id": "arn:aws:x"},
        {"action_type": "Verb"},
        {"action_type": "Action::Verb"},
        {"on_evaluation_error": "allow"},
        {"parallel_calls": 0},
        {"region": "eu-west-1"},
        {"client": "no client"},
    ],
    ids=repr,
)
def test_what_is_wrong_fails_when_built(client, options):
    with pytest.raises(ConfigurationError):
        VerifiedPermissions(**{"policy_store_id": "PS1", "client": client} | options)


def test_a_region_is_needed(monkeypatch):
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        VerifiedPermissions("PS1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert VerifiedPermissions("policy-store-alias/orders").identity.startswith(
        "https://verifiedpermissions.eu-west-1.amazonaws.com\n"
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "127.0.0.1",
        "https://",
        "https://a:port",
        "http://[::1",
        "http://example.com",
        "http://10.0.0.1:4566",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://example.com#@localhost",
    ],
)
def test_an_endpoint_that_others_could_answer_for_is_refused(monkeypatch, url):
    with pytest.raises(ConfigurationError, match="`endpoint_url`"):
        VerifiedPermissions("PS1", region="eu-west-1", endpoint_url=url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS", url)
    with pytest.raises(ConfigurationError, match="`endpoint_url`"):
        VerifiedPermissions("PS1", region="eu-west-1")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://127.0.0.1:9",
        "http://127.1.2.3",
        "http://LOCALHOST:1",
        "http://a.localhost/x",
    ],
)
def test_an_endpoint_on_this_machine_needs_no_tls(url):
    assert VerifiedPermissions("PS1", region="eu-west-1", endpoint_url=url).identity.startswith(url)


def test_the_other_loopback_address_is_this_machine_too():
    assert (
        VerifiedPermissions("PS1", region="eu-west-1", endpoint_url="http://[::1]:9").identity
        == "http://[::1]:9\nPS1"
    )


def test_http_to_another_host_has_to_be_asked_for():
    client = ThinClient(
        region="eu-west-1", endpoint_url="http://localstack:4566", require_https=False
    )
    assert VerifiedPermissions("PS1", client=client).identity == "http://localstack:4566\nPS1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy_store_id": 5},
        {"region": 5},
        {"endpoint_url": 5},
        {"parallel_calls": "4"},
        {"decision_log": "x"},
        {"decision_log": DecisionLog},
    ],
    ids=repr,
)
def test_a_wrong_argument_is_refused_when_built(wrong):
    with pytest.raises(ConfigurationError):
        VerifiedPermissions(**{"policy_store_id": "PS1", "region": "eu-west-1", **wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": "2"},
        {"connect_timeout_seconds": "1"},
        {"max_connections": None},
        {"max_attempts": 2.0},
        {"max_connections": 1.5},
        {"connect_timeout_seconds": float("inf")},
        {"read_timeout_seconds": float("inf")},
        {"read_timeout_seconds": 0},
        {"endpoint_url": " http://localhost"},
        {"endpoint_url": "http://ev il.localhost"},
    ],
)
def test_a_wrong_argument_of_the_thin_client_is_refused_when_built(wrong):
    with pytest.raises(ConfigurationError):
        ThinClient(region="eu-west-1", **wrong)


@pytest.fixture
def no_credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    return monkeypatch


def test_no_credentials_are_no_outage(no_credentials):
    thin = ThinClient(region="eu-west-1", endpoint_url="http://127.0.0.1:9", sleep=pytest.fail)
    boto3_client = boto3.session.Session().client("verifiedpermissions", region_name="eu-west-1")
    for client in (thin, boto3_client):
        with pytest.raises(
            PolicyStoreMisconfiguredError, match=r"^no AWS credentials were found$"
        ) as caught:
            VerifiedPermissions("PS1", client=client).is_authorized(request())
        assert not caught.value.retryable
    boto3_client.close()
    no_credentials.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    with pytest.raises(PolicyStoreMisconfiguredError, match="without `AWS_SECRET_ACCESS_KEY`"):
        VerifiedPermissions("PS1", client=thin).is_authorized(request())


# ---- Batches ----


def sizes(client):
    return [
        len(parameters["requests"])
        for operation, parameters in client.asked
        if operation == "BatchIsAuthorized"
    ]


def test_31_questions_are_two_calls(point, client):
    assert len(point.batch_is_authorized([request(str(number)) for number in range(31)])) == 31
    assert sorted(operation for operation, _ in client.asked) == [
        "BatchIsAuthorized",
        "IsAuthorized",
    ]


def test_questions_are_grouped_by_principal_or_by_resource(client):
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    users = [EntityUid("User", str(number)) for number in range(60)]
    point.batch_is_authorized([request(principal=user) for user in users])
    assert sizes(client) == [30, 30]
    client.asked.clear()
    point.batch_is_authorized(
        [request(str(number), user) for user in users[:2] for number in range(30)]
    )
    assert sizes(client) == [30, 30]
    for _, parameters in client.asked:
        assert len({json.dumps(item["principal"]) for item in parameters["requests"]}) == 1


def test_entities_that_differ_do_not_share_a_call(client):
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    one, other = Entity(ALICE, attrs={"level": 1}), Entity(ALICE, attrs={"level": 2})
    point.batch_is_authorized(
        [request("1", entities=[one]), request("2", entities=[one]), request("3", entities=[other])]
    )
    assert [operation for operation, _ in client.asked] == ["BatchIsAuthorized", "IsAuthorized"]


def test_an_entity_that_another_question_refers_to_does_not_reach_it(client):
    """Alone, a question about doc 1 does not know `Folder::f`.  Nor does it beside doc 2."""
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    folder = EntityUid("Folder", "f")
    for first in (
        Entity(EntityUid("Doc", "1"), parents=[folder]),
        Entity(EntityUid("Doc", "1"), attrs={"deep": [{"in": folder}]}),
    ):
        client.asked.clear()
        second = request("2", entities=[Entity(folder, attrs={"public": True})])
        point.batch_is_authorized([AuthorizationRequest(ALICE, "View", first), second])
        assert [operation for operation, _ in client.asked] == ["IsAuthorized", "IsAuthorized"]
    client.asked.clear()
    point.batch_is_authorized([second, request("3", context={"folder": folder})])
    assert [operation for operation, _ in client.asked] == ["IsAuthorized", "IsAuthorized"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_resource_that_another_question_refers_to_does_not_reach_it(client, turned):
    """Two candidates of one `filter`, one the other's `previous`: alone it would not know it."""
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    first = Entity(EntityUid("Doc", "1"), attrs={"public": True})
    second = Entity(EntityUid("Doc", "2"), attrs={"previous": first.uid})
    point.filter(ALICE, "View", [second, first] if turned else [first, second])
    assert [operation for operation, _ in client.asked] == ["IsAuthorized", "IsAuthorized"]


def brings(number, *entities):
    return AuthorizationRequest(
        ALICE, "View", Entity(EntityUid("Doc", number), attrs={"n": 1}), entities=entities
    )


def test_rows_with_attributes_share_no_call_unless_no_condition_names_one(client):
    """`Doc::"2".n` in a condition: a question about doc 1 must not find doc 2's."""
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    point.batch_is_authorized([brings("1"), brings("2")])
    assert [operation for operation, _ in client.asked] == ["IsAuthorized"] * 2
    client.asked.clear()
    flags = Entity(EntityUid("Config", "flags"), attrs={"open": True})
    point.batch_is_authorized([request("1", entities=[flags]), request("2", entities=[flags])])
    assert sizes(client) == [2]
    client.asked.clear()
    point = VerifiedPermissions("PS1", client=client, ids_in_conditions=False)
    point.batch_is_authorized([brings("1"), brings("2")])
    assert sizes(client) == [2]
    with pytest.raises(ConfigurationError, match="ids_in_conditions"):
        VerifiedPermissions("PS1", client=client, ids_in_conditions="no")


def test_an_entity_that_only_a_policy_names_does_not_reach_another_question(client):
    """Who does not bring the flags that a policy names must not find a neighbour's."""
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1, ids_in_conditions=False)
    flags = Entity(EntityUid("Config", "flags"), attrs={"open": True})
    point.batch_is_authorized([brings("1", flags), brings("2"), brings("3", flags), brings("4")])
    assert [
        [item["resource"]["entityId"] for item in parameters["requests"]]
        for _, parameters in client.asked
    ] == [
        ["1", "3"],
        ["2", "4"],
    ]
    client.asked.clear()
    point.batch_is_authorized(
        [AuthorizationRequest(ALICE, "Manage", flags), brings("1"), request("2")]
    )
    assert [operation for operation, _ in client.asked] == ["IsAuthorized"] * 3
    client.asked.clear()
    point.batch_is_authorized(
        [brings("1", Entity(EntityUid("Part", "1"))), brings("2", Entity(EntityUid("Part", "2")))]
    )
    assert sizes(client) == [2]  # entities that say nothing are as good as none


def test_a_call_holds_at_most_a_hundred_entities_of_resources(client):
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    requests = [
        request(
            str(number),
            entities=[Entity(EntityUid("Part", f"{number}-{part}")) for part in range(9)],
        )
        for number in range(24)
    ]
    point.batch_is_authorized(requests)
    assert sizes(client) == [11, 11, 2]
    assert max(len(parameters["entities"]["entityList"]) for _, parameters in client.asked) <= 100


def test_filter_asks_about_each_resource_once_and_keeps_the_order(point, client):
    docs = [EntityUid("Doc", number) for number in ("2", "1", "2", "3")]
    assert point.filter(ALICE, "View", docs) == docs
    assert sizes(client) == [3]
    assert point.filter(ALICE, "View", []) == []
    with pytest.raises(ConfigurationError):
        point.filter(ALICE, "View", docs, on_error="allow")


def test_filter_takes_two_entities_with_one_id_for_two_candidates(point, client):
    first, second = Entity(DOC, attrs={"a": 1}), Entity(DOC, attrs={"a": 2})
    assert point.filter(ALICE, "View", [first, second]) == [first, second]
    assert [operation for operation, _ in client.asked] == ["IsAuthorized", "IsAuthorized"]


def test_tokens_in_a_batch(point, client):
    decisions = point.batch_is_authorized_with_token(
        [("View", DOC), ("Edit", DOC)], access_token="a.b.c"
    )
    assert [bool(decision) for decision in decisions] == [True, True]
    operation, parameters = client.asked[0]
    assert operation == "BatchIsAuthorizedWithToken"
    assert parameters["accessToken"] == "a.b.c"
    assert all("principal" not in item for item in parameters["requests"])


def test_a_batch_that_is_too_large_is_halved(client):
    point = VerifiedPermissions("PS1", client=client, parallel_calls=1)
    docs = [
        Entity(EntityUid("Doc", str(number)), attrs={"text": "x" * 150_000}) for number in range(20)
    ]
    docs.append(Entity(EntityUid("Doc", "big"), attrs={"text": "x" * 1_000_000}))
    assert point.filter(ALICE, "View", docs, on_error="omit") == docs[:20]
    for _, parameters in client.asked:
        assert len(json.dumps(parameters)) < 1_000_000
        asked = parameters.get("requests", [parameters])
        listed = [item["identifier"]["entityId"] for item in parameters["entities"]["entityList"]]
        assert [item["resource"]["entityId"] for item in asked] == listed


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"decision": ["ALLOW"], "determiningPolicies": [], "errors": []},
        {"decision": True, "determiningPolicies": [], "errors": []},
        {"decision": "ALLOW", "determiningPolicies": [], "errors": None},
        {"decision": "ALLOW", "determiningPolicies": ["p"], "errors": []},
        {"decision": "ALLOW", "determiningPolicies": [{"policyId": 1}], "errors": []},
        {"decision": "ALLOW", "determiningPolicies": [], "errors": [{}]},
        {"decision": "ALLOW", "determiningPolicies": {}, "errors": {}},
    ],
    ids=repr,
)
def test_an_answer_that_is_not_plain_is_no_answer(point, client, answer):
    client.call = lambda operation, parameters, body: AVPResponse(answer, None)
    with pytest.raises(PolicyStoreUnavailableError):
        point.is_authorized(request())
    both = [answer | {"request": {}}, answer]
    for results in (both, both[:1], None, "ALLOW", [None, None]):
        client.call = lambda operation, parameters, body, results=results: AVPResponse(
            {"results": results}, None
        )
        with pytest.raises(BatchIncompleteError):
            point.batch_is_authorized([request("1"), request("2")])


# ---- Endpoints ----


@pytest.mark.parametrize(
    ("region", "environment", "endpoint"),
    [
        ("eu-west-1", {}, "https://verifiedpermissions.eu-west-1.amazonaws.com"),
        ("cn-north-1", {}, "https://verifiedpermissions.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            {"AWS_USE_FIPS_ENDPOINT": "true"},
            "https://verifiedpermissions-fips.us-gov-west-1.amazonaws.com",
        ),
        ("eu-west-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        (
            "eu-west-1",
            {
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": "http://127.0.0.1:2",
            },
            "http://127.0.0.1:2",
        ),
        (
            "eu-west-1",
            {
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            },
            "https://verifiedpermissions.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_the_default_endpoint(region, environment, endpoint):
    assert default_endpoint(region, environment) == endpoint


def test_a_client_of_another_service_is_refused():
    with pytest.raises(ConfigurationError):
        Boto3Client(object())


# ---- The decision log ----


def test_the_log_names_nobody_by_default(client, caplog):
    point = VerifiedPermissions("PS1", client=client)
    with caplog.at_level(logging.INFO, "authz_lib.decisions"):
        point.is_authorized(
            request("secret-doc", EntityUid("User", "secret-user"), context={"secret": "secret"})
        )
    (line,) = caplog.messages
    record = json.loads(line)
    assert "secret" not in line
    assert record.keys() == {
        "decision_id",
        "decision",
        "action",
        "resource_type",
        "determining_policies",
        "errors",
        "source",
        "latency_ms",
        "decided_at",
        "policy_store_id",
        "policy_store_request_id",
    }
    assert (record["decision"], record["action"], record["resource_type"]) == (
        "ALLOW",
        "View",
        "Doc",
    )


def test_the_log_can_tell_callers_apart_without_naming_them(client):
    records = []
    log = DecisionLog(on_decision=records.append, hmac_key=b"k" * 16)
    point = VerifiedPermissions("PS1", client=client, decision_log=log)
    for user in ("a", "a", "b"):
        point.is_authorized(request(principal=EntityUid("User", user)))
    assert records[0]["principal"] == records[1]["principal"] != records[2]["principal"]
    assert len(records[0]["principal"]) == 64
    assert len({record["decision_id"] for record in records}) == 3


def test_the_log_holds_ids_where_that_is_wanted(client):
    records = []
    point = VerifiedPermissions(
        "PS1", client=client, decision_log=DecisionLog(on_decision=records.append, log_ids=True)
    )
    point.batch_is_authorized([request("1"), request("2")])
    assert [record["resource"] for record in records] == ["Doc::1", "Doc::2"]
    with pytest.raises(ConfigurationError):
        DecisionLog(hmac_key=b"short")


def test_a_remembered_decision_is_reported_too(client):
    records = []
    point = VerifiedPermissions(
        "PS1", client=client, decision_log=DecisionLog(on_decision=records.append)
    ).cached()
    point.is_authorized(request())
    point.is_authorized(request())
    assert [record["source"] for record in records] == ["verified_permissions", "cache"]

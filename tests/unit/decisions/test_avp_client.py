"""Both clients read the bytes of an answer alike, and neither reads those of another process."""

from __future__ import annotations

import json
import os

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from authz_lib import AuthorizationRequest, EntityUid, VerifiedPermissions, errors
from authz_lib.decisions.avp_client import Boto3Client, ThinClient
from authz_lib.sigv4 import Credentials

ALICE, DOC = EntityUid("User", "alice"), EntityUid("Doc", "1")
MEMBERS = '"decision":"ALLOW","determiningPolicies":[{"policyId":"p"}],"errors":[]'
ALLOW = f"{{{MEMBERS}}}"
WORD = {"determiningPolicies": [], "errors": []}
ITEM = {
    "principal": {"entityType": "User", "entityId": "alice"},
    "action": {"actionType": "Action", "actionId": "View"},
    "resource": {"entityType": "Doc", "entityId": "1"},
}


def of_boto3(url, attempts=1):
    return boto3.client(
        "verifiedpermissions",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret-text",
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
    )


def of_ours(url, attempts=1):
    return ThinClient(
        region="eu-west-1",
        endpoint_url=url,
        credentials=Credentials("AKIDEXAMPLE", "secret-text"),
        max_attempts=attempts,
        sleep=lambda _: None,
    )


@pytest.fixture(params=[of_ours, of_boto3], ids=["thin", "boto3"])
def make(request):
    clients = []

    def made(url, **options):
        clients.append(request.param(url, **options))
        return clients[-1]

    yield made
    for client in clients:
        client.close()


@pytest.fixture
def point(make, serve, http):
    """A decision point whose store answers with these bytes."""

    def made(body, status=200, **options):
        server = serve(http.reply(status, body if type(body) is bytes else body.encode()))
        made.server = server
        return VerifiedPermissions("PS1", client=make(server.url, **options))

    return made


REFUSED = [
    "",
    "null",
    "[]",
    "{",
    '"ALLOW"',
    f'{{{MEMBERS},"decision":"ALLOW"}}',
    f'{{{MEMBERS},"errors":[]}}',
    f'{{"decision":"DENY",{MEMBERS}}}',
    '{"decision":"ALLOW","determiningPolicies":[{"policyId":"a","policyId":"b"}],"errors":[]}',
    ALLOW + "{}",
    f'{{{MEMBERS},"x":NaN}}',
    f'{{{MEMBERS},"x":"\\ud800"}}',
    "\ufeff" + ALLOW,
    f'{{{MEMBERS},"x":{"[" * 5000}{"]" * 5000}}}',
    *[
        json.dumps({"decision": word, **WORD})
        for word in ("allow", "ALLOW ", "", None, True, 1, ["ALLOW"], {"ALLOW": 1})
    ],
    json.dumps(WORD),
    json.dumps({"decision": "ALLOW", "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": None, "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": {}, "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": "p", "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": ["p"], "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": [{"policyId": 1}], "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": [{}], "errors": []}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": [], "errors": ["x"]}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": [], "errors": False}),
    json.dumps({"decision": "ALLOW", "determiningPolicies": [], "errors": [{"x": "y"}]}),
]


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_an_answer_that_is_not_plain_is_no_answer(point, body):
    asked = point(body, attempts=3)
    with pytest.raises(errors.PolicyStoreUnavailableError, match="not understood"):
        asked.is_authorized(AuthorizationRequest(ALICE, "View", DOC))
    with pytest.raises(errors.PolicyStoreUnavailableError, match="not understood"):
        asked.is_authorized_with_token("View", DOC, access_token="a.b.c")
    assert len(point.server.received) == 2  # asking again would not make it better


def batch(results):
    return f'{{"results":[{",".join(results)}]}}'


ONE = f'{{"request":{json.dumps(ITEM)},{MEMBERS}}}'
TWO = ONE.replace('"entityId": "1"', '"entityId": "2"')


@pytest.mark.parametrize(
    "body",
    [
        batch([ONE]),
        batch([ONE, TWO, TWO]),
        batch([TWO, ONE]),
        batch([ONE, TWO])[:-1] + ',"results":[]}',
        batch([ONE, TWO.replace('"errors":[]', '"errors":[],"decision":"ALLOW"')]),
        batch([ONE, TWO.replace('"request":', '"request":{},"request":')]),
        batch([ONE, TWO.replace('"entityId": "2"', '"entityId": "1", "entityId": "2"')]),
        batch([ONE, TWO.replace('"decision":"ALLOW"', '"decision":"Allow"')]),
        batch([ONE, "null"]),
        '{"results":{}}',
        "{}",
    ],
    ids=range(11),
)
def test_a_batch_that_is_not_plain_allows_nothing(point, body):
    questions = [
        AuthorizationRequest(ALICE, "View", EntityUid("Doc", number)) for number in ("1", "2")
    ]
    with pytest.raises(errors.BatchIncompleteError) as caught:
        point(body).batch_is_authorized(questions)
    results = caught.value.results
    assert [type(result) for result in results] == [errors.PolicyStoreUnavailableError] * 2
    assert results[0] is not results[1]  # each has an error of its own


def test_plain_answers_are_taken(point):
    decision = point(ALLOW).is_authorized(AuthorizationRequest(ALICE, "View", DOC))
    assert (decision.allowed, decision.determining_policies) == (True, ("p",))
    questions = [
        AuthorizationRequest(ALICE, "View", EntityUid("Doc", number)) for number in ("1", "2")
    ]
    assert all(point(batch([ONE, TWO])).batch_is_authorized(questions))


def test_an_answer_of_the_largest_size_is_taken_and_one_byte_more_is_not(point):
    body = ALLOW
    ask = AuthorizationRequest(ALICE, "View", DOC)
    assert point(body.ljust(5_000_000)).is_authorized(ask)
    with pytest.raises(errors.PolicyStoreUnavailableError, match="not understood"):
        point(body.ljust(5_000_001)).is_authorized(ask)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"__type":"x#AccessDeniedException"}', errors.PolicyStoreMisconfiguredError),
        (400, '{"__type":"ThrottlingException"}', errors.PolicyStoreThrottledError),
        (400, '{"__type":"ValidationException","fieldList":[]}', errors.InvalidRequestError),
        (
            400,
            '{"__type":"ThrottlingException","__type":"ValidationException"}',
            errors.PolicyStoreMisconfiguredError,
        ),
        (400, "[" * 5000, errors.PolicyStoreMisconfiguredError),
        (400, ALLOW, errors.PolicyStoreMisconfiguredError),
        (202, ALLOW, errors.PolicyStoreMisconfiguredError),
        (302, ALLOW, errors.PolicyStoreUnavailableError),
        (500, ALLOW, errors.PolicyStoreUnavailableError),
        (429, "", errors.PolicyStoreThrottledError),
        (413, "", errors.InvalidRequestError),
    ],
)
def test_another_status_means_the_same_to_both(point, status, body, error):
    with pytest.raises(error) as caught:
        point(body, status).is_authorized(AuthorizationRequest(ALICE, "View", DOC))
    assert type(caught.value) is error
    assert caught.value.__cause__ is None


def test_somebody_elses_call_with_the_same_client_is_read_as_before(serve, http):
    server = serve(http.reply(200, f'{{"decision":"DENY",{MEMBERS}}}'.encode()))
    client = of_boto3(server.url)
    for _ in range(2):
        point = VerifiedPermissions("PS1", client=client)
    answer = client.is_authorized(policyStoreId="PS1", **ITEM)
    assert answer["decision"] == "ALLOW"  # botocore's own reading
    with pytest.raises(errors.PolicyStoreUnavailableError):
        point.is_authorized(AuthorizationRequest(ALICE, "View", DOC))
    client.close()


def test_an_answer_that_a_stub_gives_is_taken():
    client = of_boto3("http://127.0.0.1:9")
    with Stubber(client) as stub:
        stub.add_response(
            "is_authorized", {"decision": "ALLOW", "determiningPolicies": [], "errors": []}
        )
        stub.add_client_error("is_authorized", "AccessDeniedException", http_status_code=400)
        point = VerifiedPermissions("PS1", client=client)
        assert point.is_authorized(AuthorizationRequest(ALICE, "View", DOC))
        with pytest.raises(errors.PolicyStoreMisconfiguredError):
            point.is_authorized(AuthorizationRequest(ALICE, "View", DOC))


@pytest.mark.parametrize("missing", ["is_authorized", "meta", "close"])
def test_a_client_that_lacks_something_is_refused(missing):
    names = {"is_authorized", "is_authorized_with_token", "batch_is_authorized", "meta", "close"}
    names |= {"batch_is_authorized_with_token"}
    client = type("Client", (), dict.fromkeys(names - {missing}))()
    with pytest.raises(errors.ConfigurationError, match="`client`"):
        Boto3Client(client)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: threads and fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no `fork`")
def test_a_forked_process_opens_its_own_connection(point):
    ask = AuthorizationRequest(ALICE, "View", DOC)
    asked = point(ALLOW)
    assert asked.is_authorized(ask)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if asked.is_authorized(ask) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asked.is_authorized(ask)
    assert point.server.connections == 2  # the parent still has its own

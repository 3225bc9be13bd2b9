"""Each fault: what is raised, how often the endpoint was asked; nothing is remembered."""

from __future__ import annotations

import socket

import pytest

from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    Entity,
    EntityUid,
    VerifiedPermissions,
)
from authz_lib.decisions import ShadowDecisions
from authz_lib.errors import (
    BatchIncompleteError,
    InvalidRequestError,
    PolicyStoreMisconfiguredError,
    PolicyStoreThrottledError,
    PolicyStoreUnavailableError,
)
from authz_lib.testing.policy_store import Fault

ALICE = EntityUid("User", "alice")
REQUEST = AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1"))
ALLOW_ALL = "permit(principal, action, resource);"

TABLE = {
    "throttled": (Fault(code="ThrottlingException"), PolicyStoreThrottledError, 2),
    "server fault": (Fault(code="InternalServerException"), PolicyStoreUnavailableError, 2),
    "500 without a body": (Fault(status=500), PolicyStoreUnavailableError, 2),
    "503 without a body": (Fault(status=503), PolicyStoreUnavailableError, 2),
    "no answer in time": (Fault(hang=True), PolicyStoreUnavailableError, 2),
    "connection closed": (Fault(disconnect=True), PolicyStoreUnavailableError, 2),
    "no JSON": (Fault(body=b"<html>"), PolicyStoreUnavailableError, 1),
    "cut JSON": (Fault(body=b'{"decision":"ALLOW"'), PolicyStoreUnavailableError, 1),
    "no decision": (Fault(body=b"{}"), PolicyStoreUnavailableError, 1),
    "no lists": (Fault(body=b'{"decision":"ALLOW"}'), PolicyStoreUnavailableError, 1),
    "another word": (
        Fault(body=b'{"decision":"allow","determiningPolicies":[],"errors":[]}'),
        PolicyStoreUnavailableError,
        1,
    ),
    "a list": (Fault(body=b"[1]"), PolicyStoreUnavailableError, 1),
    "null": (Fault(body=b"null"), PolicyStoreUnavailableError, 1),
    "no UTF-8": (Fault(body=b"\xff\xfe"), PolicyStoreUnavailableError, 1),
    "too deep": (Fault(body=b"[" * 100_000), PolicyStoreUnavailableError, 1),
    "lists of something else": (
        Fault(body=b'{"decision":"ALLOW","determiningPolicies":[5],"errors":7}'),
        PolicyStoreUnavailableError,
        1,
    ),
    "access denied": (Fault(code="AccessDeniedException"), PolicyStoreMisconfiguredError, 1),
    "expired credentials": (Fault(code="ExpiredTokenException"), PolicyStoreMisconfiguredError, 1),
    "no such store": (Fault(code="ResourceNotFoundException"), PolicyStoreMisconfiguredError, 1),
    "invalid": (Fault(code="ValidationException"), InvalidRequestError, 1),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_fault_table(name, server, client_for):
    fault, error, attempts = TABLE[name]
    client = client_for(server.url, read_timeout=0.1 if fault.hang else 60.0)
    point = VerifiedPermissions(server.create_store(ALLOW_ALL), client=client).cached()
    server.inject(fault, times=attempts)
    with pytest.raises(error) as raised:
        point.is_authorized(REQUEST)
    assert type(raised.value) is error
    assert len(server.calls) == attempts
    assert "alice" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert point.statistics.size == 0
    server.calls.clear()
    assert point.is_authorized(REQUEST).source == "verified_permissions"  # nothing was remembered
    assert len(server.calls) == 1


@pytest.mark.parametrize("name", ["throttled", "500 without a body", "connection closed"])
def test_a_passing_fault_is_not_seen(name, server, client_for):
    server.inject(TABLE[name][0], times=1)
    point = VerifiedPermissions(server.create_store(ALLOW_ALL), client=client_for(server.url))
    assert point.is_authorized(REQUEST)
    assert len(server.calls) == 2


def test_connection_refused(client_for):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(PolicyStoreUnavailableError):
            VerifiedPermissions("PS1", client=client_for(url)).is_authorized(REQUEST)


@pytest.mark.parametrize("name", TABLE)
def test_a_candidate_with_this_fault_changes_no_answer(name, server, client_for):
    fault, error, attempts = TABLE[name]
    client = client_for(server.url, read_timeout=0.1 if fault.hang else 60.0)
    candidate = VerifiedPermissions(server.create_store(ALLOW_ALL), client=client)
    results = []
    trusted = CedarEngine.from_text("forbid(principal, action, resource);")
    point = ShadowDecisions(trusted, candidate, on_result=results.append)
    server.inject(fault, times=attempts)
    assert not point.is_authorized(REQUEST)
    assert [(result.kind, result.error) for result in results] == [("error", error.code)]
    assert not point.is_authorized(REQUEST)
    assert (results[1].kind, point.statistics.opens) == ("opens", 1)


def test_a_missing_store(server, permissions):
    with pytest.raises(PolicyStoreMisconfiguredError) as raised:
        permissions("PSmissing").is_authorized(REQUEST)
    assert not raised.value.retryable


def test_an_evaluation_error_is_a_deny_and_is_not_remembered(server, permissions):
    store = server.create_store(
        f"{ALLOW_ALL}\n"
        '@id("limit") forbid(principal, action, resource) when { context.total > 5 };'
    )
    point = permissions(store).cached()
    for _ in range(2):
        decision = point.is_authorized(REQUEST)
        assert not decision
        assert decision.overruled
        assert len(decision.errors) == 1
    assert point.statistics.size == 0
    assert len(server.calls) == 2
    assert permissions(store, on_evaluation_error="cedar").is_authorized(REQUEST).allowed


def test_one_failing_chunk_is_reported_and_opens_nothing(server, permissions):
    point = permissions(server.create_store(ALLOW_ALL), parallel_calls=1)
    orders = [EntityUid("Order", str(number)) for number in range(1000)]
    server.inject(Fault(code="AccessDeniedException"))
    with pytest.raises(BatchIncompleteError) as raised:
        point.filter(ALICE, "Get", orders)
    failed = [
        result
        for result in raised.value.results
        if isinstance(result, PolicyStoreMisconfiguredError)
    ]
    assert len(raised.value.results) == 1000
    assert len(failed) == 30
    server.inject(Fault(code="AccessDeniedException"))
    assert point.filter(ALICE, "Get", orders, on_error="omit") == orders[30:]


def test_answers_to_other_questions_are_not_taken(server, permissions):
    point = permissions(server.create_store('permit(principal, action, resource == Order::"1");'))
    requests = [
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", number)) for number in ("1", "2")
    ]
    answer = server.call

    def swapped(operation, document):
        answered = answer(operation, document)
        answered["results"].reverse()
        return answered

    server.call = swapped
    with pytest.raises(BatchIncompleteError):
        point.batch_is_authorized(requests)


def test_an_answer_to_the_same_question_in_another_context_is_not_taken(server, permissions):
    point = permissions(
        server.create_store("permit(principal, action, resource) when { context.mfa };")
    )
    requests = [
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", "1"), {"mfa": mfa})
        for mfa in (True, False)
    ]
    answer = server.call

    def swapped(operation, document):
        answered = answer(operation, document)
        answered["results"].reverse()
        return answered

    server.call = swapped
    with pytest.raises(BatchIncompleteError):
        point.batch_is_authorized(requests)


def test_a_partly_failing_batch_remembers_what_it_knows(server, permissions):
    point = permissions(server.create_store(ALLOW_ALL), parallel_calls=1).cached()
    requests = [
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", str(number))) for number in range(40)
    ]
    server.inject(Fault(code="AccessDeniedException"))
    with pytest.raises(BatchIncompleteError):
        point.batch_is_authorized(requests)
    assert point.statistics.size == 10
    assert all(point.batch_is_authorized(requests))
    assert len(server.requests) == 40


def test_a_request_of_more_than_a_megabyte_is_not_sent(server, permissions):
    big = Entity(EntityUid("Order", "1"), attrs={"text": "x" * 1_000_000})
    with pytest.raises(InvalidRequestError, match="1000000 bytes"):
        permissions("PS1").is_authorized(AuthorizationRequest(ALICE, "Get", big))
    assert server.calls == []

"""Reliability 10: a second member `decision`, which boto3's parser takes as ALLOW."""

from __future__ import annotations

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from authz_lib import AuthorizationRequest, EntityUid, VerifiedPermissions, errors

ALICE, DOC = EntityUid("User", "alice"), EntityUid("Doc", "1")
TWICE = b'{"decision":"DENY","decision":"ALLOW","determiningPolicies":[],"errors":[]}'
ECHO = (
    b'{"principal":{"entityType":"User","entityId":"alice"},'
    b'"action":{"actionType":"Action","actionId":"View"},'
    b'"resource":{"entityType":"Doc","entityId":"%s"}}'
)


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object):
        yield self._body


def permissions(body: bytes) -> VerifiedPermissions:
    client = boto3.client(
        "verifiedpermissions",
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
    )
    client.meta.events.register(
        "before-send.verifiedpermissions",
        lambda request, **_: AWSResponse(request.url, 200, HTTPHeaders(), _Body(body)),
    )
    return VerifiedPermissions("PS1", client=client)


def test_one_question():
    with pytest.raises(errors.PolicyStoreUnavailableError):
        permissions(TWICE).is_authorized(AuthorizationRequest(ALICE, "View", DOC))


def test_a_question_about_a_token():
    with pytest.raises(errors.PolicyStoreUnavailableError):
        permissions(TWICE).is_authorized_with_token("View", DOC, access_token="a.b.c")


def test_a_remembered_answer():
    point = permissions(TWICE).cached(ttl_seconds=60)
    with pytest.raises(errors.PolicyStoreUnavailableError):
        point.is_authorized(AuthorizationRequest(ALICE, "View", DOC))


def test_a_batch():
    items = b",".join(b'{"request":%s,' % (ECHO % number) + TWICE[1:] for number in (b"1", b"2"))
    questions = [
        AuthorizationRequest(ALICE, "View", EntityUid("Doc", number)) for number in ("1", "2")
    ]
    with pytest.raises(errors.BatchIncompleteError) as caught:
        permissions(b'{"results":[' + items + b"]}").batch_is_authorized(questions)
    assert not any(getattr(result, "allowed", False) for result in caught.value.results)

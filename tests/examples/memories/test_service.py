"""The service's code by itself: whom it believes, and what it answers in an outage."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.stack  # needs the packages of the group `examples`, and no local AWS

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Memories1"
CLAIMS = {
    "sub": "alice-sub",
    "iss": ISSUER,
    "client_id": "memories-app",
    "token_use": "access",
    "scope": "aws.cognito.signin.user.admin",
}
NOWHERE = "http://127.0.0.1:1"  # nothing listens there


def event(
    claims=None,
    body=None,
    *,
    api="api1",
    account="123456789012",
    route="/memories/audio",
    **headers,
):
    """A proxy event as a REST API with a Cognito authorizer sends it."""
    context = {
        "apiId": api,
        "accountId": account,
        "resourceId": "a1b2c3",
        "requestId": "r-1",
        "identity": {},
    }
    if claims is not None:
        exp = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(time.time() + 600))
        context["authorizer"] = {"claims": {"exp": exp, **claims}}
    return {
        "resource": route,
        "path": route,
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": None,
        "requestContext": context,
        "body": json.dumps({"memory_id": "x"} if body is None else body),
        "isBase64Encoded": False,
    }


def said(answer):
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def with_memory(monkeypatch):
    """Gives a caller one complete memory without a database, and notes what is asked of it."""

    def give(loaded):
        segment = SimpleNamespace(
            id="x",
            duration_seconds=30.0,
            processing_status="complete",
            audio_key="sessions/s/window_000/audio.wav",
            frames_dir="sessions/s/window_000/frames",
        )
        log = []

        @contextmanager
        def database():
            try:
                yield SimpleNamespace(
                    execute=lambda *_: SimpleNamespace(fetchone=lambda: ("temp/videos/x.mp4",))
                )
            except BaseException:
                log.append("rolled back")
                raise
            log.append("committed")

        monkeypatch.setattr(loaded.segments, "find", lambda *_, **__: segment)
        monkeypatch.setattr(loaded.segments, "database", database)
        return log

    return give


def test_a_database_that_is_down_is_503_not_404(service):
    status, body = said(service().audio.handler(event(CLAIMS), None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "127.0.0.1" not in json.dumps(body)


def test_s3_that_is_down_is_503(service, with_memory):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE)
    with_memory(loaded)
    status, body = said(loaded.audio.handler(event(CLAIMS), None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "127.0.0.1" not in json.dumps(body)


@pytest.mark.parametrize(("status", "answered"), [(403, 500), (500, 503), (503, 503), (404, 404)])
def test_s3_that_refuses_is_our_fault_never_not_found_or_forbidden(
    service, with_memory, monkeypatch, status, answered
):
    from botocore.exceptions import ClientError

    loaded = service()
    with_memory(loaded)

    def head_object(**_):
        metadata = {"HTTPStatusCode": status}
        raise ClientError({"Error": {}, "ResponseMetadata": metadata}, "HeadObject")

    monkeypatch.setattr(loaded.media.S3, "head_object", head_object)
    found, body = said(loaded.audio.handler(event(CLAIMS), None))
    assert found == answered
    assert set(body) == {"status", "code", "message"}


@pytest.mark.parametrize(
    ("claims", "place"),
    [
        (None, {}),
        ({}, {}),
        (CLAIMS, {"api": "another"}),
        (CLAIMS, {"account": "999999999999"}),
        ({**CLAIMS, "iss": ISSUER + "2"}, {}),
        ({**CLAIMS, "client_id": "someone-elses-app"}, {}),
        ({**CLAIMS, "token_use": "id"}, {}),
        ({**CLAIMS, "sub": ""}, {}),
        ({**CLAIMS, "exp": "Fri Jul 29 18:52:53 UTC 2016"}, {}),
        ({**CLAIMS, "exp": None}, {}),
    ],
    ids=[
        "none",
        "empty",
        "api",
        "account",
        "issuer",
        "client",
        "token use",
        "sub",
        "expired",
        "no exp",
    ],
)
def test_only_the_claims_of_our_own_gateway_are_taken(service, claims, place):
    status, body = said(service().audio.handler(event(claims, **place), None))
    assert (status, body["status"]) == (401, 401)


@pytest.mark.parametrize("text", ["x\x00", "../x", "x\n", "", "a" * 65, "' or 1=1 --", "w\u00e4lk"])
def test_what_cannot_be_an_id_names_nothing_and_reaches_no_database(service, text):
    status, answered = said(service().audio.handler(event(CLAIMS, {"memory_id": text}), None))
    assert (status, answered["code"]) == (404, "MEMORY_NOT_FOUND")


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "nonsense", "[]", '"x"', "{}", "[" * 100_000),
        *('{"memory_id": null}', '{"memory_id": 1}', '{"memory_id": {"$ne": ""}}'),
        *('{"segment_id": "x"}', '{"memory_id": ["x"]}'),
    ],
)
def test_a_body_without_a_memory_id_is_400(service, text):
    loaded = service()
    for handler in (loaded.audio.handler, loaded.video.handler):
        status, body = said(handler({**event(CLAIMS), "body": text}, None))
        assert (status, body["code"]) == (400, "VALIDATION")


def test_a_valid_token_without_the_gateways_claims_is_nothing(service, authz_issuer):
    token = authz_issuer.access_token(client_id="memories-app")
    asked = event(None, Authorization=f"Bearer {token}")
    assert said(service().audio.handler(asked, None))[0] == 401


def test_an_encoder_that_cannot_be_started_leaves_no_job(service, with_memory, monkeypatch):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE)
    log = with_memory(loaded)
    monkeypatch.setattr(loaded.media, "frames", lambda _: ["a.jpg"])
    monkeypatch.setattr(loaded.media, "exists", lambda _: True)
    status, body = said(loaded.video.handler(event(CLAIMS, route="/memories/video"), None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert log == ["rolled back"]


def test_who_waits_too_long_is_told_that_it_is_pending(service, with_memory, monkeypatch):
    loaded, slept = service(), []
    with_memory(loaded)
    row = NamedTuple("Row", [("video_key", str), ("status", str)])("temp/videos/x.mp4", "pending")

    @contextmanager
    def database():
        yield SimpleNamespace(
            execute=lambda text, _: SimpleNamespace(
                fetchone=lambda: None if text is loaded.video.BEGIN else row
            )
        )

    monkeypatch.setattr(loaded.segments, "database", database)
    monkeypatch.setattr(loaded.media, "frames", lambda _: ["a.jpg"] * 3)
    monkeypatch.setattr(loaded.media, "exists", lambda _: True)
    monkeypatch.setattr(loaded.video.time, "sleep", slept.append)
    status, body = said(loaded.video.handler(event(CLAIMS, route="/memories/video"), None))
    assert (status, body) == (
        200,
        {
            "presigned_url": "",
            "duration_seconds": 30.0,
            "frame_count": 3,
            "processing_status": "pending",
        },
    )
    assert sum(slept) == loaded.video.WAIT_SECONDS < 20


def test_a_cognito_that_is_down_is_503_at_sign_in(service):
    asked = event(
        None, {"AuthParameters": {"USERNAME": "alice", "PASSWORD": "x"}}, route="/auth/start"
    )
    status, body = said(service(AWS_ENDPOINT_URL=NOWHERE).auth.handler(asked, None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    "text", [None, "[]", '{"AuthParameters": 1}', '{"AuthParameters": {}, "x": 1}']
)
def test_a_sign_in_without_its_words_is_400(service, text):
    asked = {**event(None, route="/auth/start"), "body": text}
    assert said(service().auth.handler(asked, None))[0] == 400


def test_a_presigned_url_names_the_buckets_own_region(service):
    loaded = service(AWS_DEFAULT_REGION="ap-southeast-3", MEDIA_BUCKET="my-bucket")
    url = urlsplit(loaded.media.presigned("sessions/s/window_000/audio.wav"))
    assert url.hostname == "my-bucket.s3.ap-southeast-3.amazonaws.com"
    assert url.path == "/sessions/s/window_000/audio.wav"


def test_on_a_local_endpoint_the_bucket_is_in_the_path(service):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE, MEDIA_BUCKET="my-bucket")
    assert loaded.media.presigned("audio.wav").startswith(f"{NOWHERE}/my-bucket/audio.wav?")

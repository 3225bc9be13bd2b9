"""The service's code by itself: whom it believes, and what it answers in an outage."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
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
STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
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
        "body": json.dumps({"segment_id": "x"} if body is None else body),
        "isBase64Encoded": False,
    }


def said(answer):
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def with_memory(monkeypatch):
    """Gives a caller one complete memory without a database; what becomes of its video is kept."""

    def give(loaded):
        segment = loaded.segments.Segment("x", "alice-sub", "s", 0, 1.0, "complete")
        became = []
        monkeypatch.setattr(loaded.segments, "of_caller", lambda *_, **__: segment)
        monkeypatch.setattr(loaded.segments, "video_of", lambda _: None)
        monkeypatch.setattr(loaded.segments, "claim_video", lambda *_: STARTED_AT)
        monkeypatch.setattr(loaded.segments, "give_up_video", lambda *job: became.append(job))
        return became

    return give


def test_a_database_that_is_down_is_503_not_404(service):
    status, body = said(service().memories.handler(event(CLAIMS), None))
    assert (status, body["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert "127.0.0.1" not in json.dumps(body)


def test_s3_that_is_down_is_503(service, with_memory):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE)
    with_memory(loaded)
    status, body = said(loaded.memories.handler(event(CLAIMS), None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "127.0.0.1" not in json.dumps(body)


@pytest.mark.parametrize(("status", "answered"), [(403, 500), (500, 503), (503, 503)])
def test_s3_that_refuses_is_our_fault_never_not_found_or_forbidden(
    service, with_memory, monkeypatch, status, answered
):
    from botocore.exceptions import ClientError

    class Refusing:
        def head_object(self, **_):
            answer = {
                "Error": {"Code": str(status)},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            raise ClientError(answer, "HeadObject")

    loaded = service()
    with_memory(loaded)
    monkeypatch.setattr(loaded.media, "s3", Refusing)
    found, body = said(loaded.memories.handler(event(CLAIMS), None))
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
    status, body = said(
        service(AWS_LAMBDA_FUNCTION_NAME="memories").memories.handler(event(claims, **place), None)
    )
    assert (status, body["status"]) == (401, 401)


@pytest.mark.parametrize(
    "route", ["/memories/audio", "/memories/audio-metadata", "/memories/video"]
)
@pytest.mark.parametrize("user_id", ["bob-sub", "ALICE-SUB", ["alice-sub"], None, 0])
def test_another_users_user_id_is_404_before_anything_is_asked(service, route, user_id):
    # The database of this test is down: an answer of 404 is one that asked nobody.
    for body in ({"user_id": user_id, "segment_id": "x"}, {"user_id": user_id}):
        status, answered = said(service().memories.handler(event(CLAIMS, body, route=route), None))
        assert (status, answered["code"]) == (404, "MEMORY_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"segment_id": "x\x00"},
        {"segment_id": "../x"},
        {"segment_id": "x\n"},
        {"segment_id": 1},
        {"segment_id": None},
        {"segment_id": {"$ne": ""}},
        {"segment_id": "a" * 65},
        {"source_session_id": "' or 1=1 --"},
        {"source_session_id": "w\u00e4lk"},
    ],
)
def test_what_cannot_be_an_id_names_nothing_and_reaches_no_database(service, body):
    status, answered = said(service().memories.handler(event(CLAIMS, body), None))
    assert (status, answered["code"]) == (404, "MEMORY_NOT_FOUND")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        "[]",
        '"x"',
        "{}",
        '{"segment_id": "x", "source_session_id": "y"}',
        "[" * 100_000,
    ],
)
def test_a_body_that_asks_for_nothing_is_400(service, text):
    status, body = said(service().memories.handler({**event(CLAIMS), "body": text}, None))
    assert (status, body["code"]) == (400, "VALIDATION")


@pytest.mark.parametrize("index", [-1, 1000, 1.0, True, "0", None, 10**30])
def test_a_window_that_is_none_is_400(service, index):
    body = {"source_session_id": "walk", "source_window_index": index}
    status, answered = said(service().memories.handler(event(CLAIMS, body), None))
    assert (status, answered["code"]) == (400, "VALIDATION")


def test_outside_lambda_a_token_is_verified_where_no_gateway_was(service, authz_issuer):
    from authz_lib.testing.issuer import TestIssuer

    issuer = TestIssuer(ISSUER)
    with issuer.serve() as endpoint:
        loaded = service(JWKS_URL=endpoint.jwks_url)

        def ask(token):
            return said(loaded.memories.handler(event(None, Authorization=f"Bearer {token}"), None))

        # Verified, and on to the database that is down.
        assert (
            ask(issuer.access_token(client_id="memories-app"))[1]["code"] == "DATABASE_UNAVAILABLE"
        )
        assert ask(issuer.access_token(client_id="someone-elses-app"))[0] == 401
        assert ask(issuer.access_token(client_id="memories-app", expires_in_seconds=-600))[0] == 401
        assert ask(issuer.id_token(client_id="memories-app"))[0] == 401
        assert ask(authz_issuer.access_token(client_id="memories-app"))[0] == 401
        assert ask("garbage")[0] == 401


def test_in_lambda_a_valid_token_without_the_gateways_claims_is_nothing(service):
    from authz_lib.testing.issuer import TestIssuer

    issuer = TestIssuer(ISSUER)
    with issuer.serve() as endpoint:
        loaded = service(JWKS_URL=endpoint.jwks_url, AWS_LAMBDA_FUNCTION_NAME="memories")
        token = issuer.access_token(client_id="memories-app")
        status, _ = said(
            loaded.memories.handler(event(None, Authorization=f"Bearer {token}"), None)
        )
        assert status == 401
        assert endpoint.requests == 0


def test_an_encoder_that_cannot_be_started_fails_the_job(service, with_memory, monkeypatch):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE)
    became = with_memory(loaded)
    monkeypatch.setattr(loaded.media, "frames", lambda _: ["a.jpg"])
    monkeypatch.setattr(loaded.media, "size", lambda _: 1)
    status, body = said(loaded.memories.handler(event(CLAIMS, route="/memories/video"), None))
    assert (status, body["code"]) == (500, "ENCODING_FAILED")
    assert became == [("x", STARTED_AT)]


def test_a_cognito_that_is_down_is_503_at_sign_in(service):
    asked = event(None, {"username": "alice", "password": "x"}, route="/auth/start")
    status, body = said(service(AWS_ENDPOINT_URL=NOWHERE).sign_in.handler(asked, None))
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize(
    "text", [None, "[]", "{}", '{"username": "alice", "password": ""}', '{"username": 1}']
)
def test_a_sign_in_without_its_words_is_400(service, text):
    asked = {**event(None, route="/auth/start"), "body": text}
    assert said(service().sign_in.handler(asked, None))[0] == 400


def test_a_presigned_url_names_the_buckets_own_region(service):
    loaded = service(AWS_DEFAULT_REGION="ap-southeast-3", MEDIA_BUCKET="my-bucket")
    url = urlsplit(loaded.media.presigned("sessions/s/window_000/audio.wav"))
    assert url.hostname == "my-bucket.s3.ap-southeast-3.amazonaws.com"
    assert url.path == "/sessions/s/window_000/audio.wav"


def test_on_a_local_endpoint_the_bucket_is_in_the_path(service):
    loaded = service(AWS_ENDPOINT_URL=NOWHERE, MEDIA_BUCKET="my-bucket")
    assert loaded.media.presigned("audio.wav").startswith(f"{NOWHERE}/my-bucket/audio.wav?")

"""A client that was written from document 000 alone: it posts `memory_id` to three routes."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.stack
EXAMPLE = "memories"
AUDIO = ("/memories/audio", "/memories/audio-metadata")
STATES = {"pending", "complete", "failed"}


def test_every_row_of_requests_yaml_is_answered_as_it_says(example):
    assert example.local.scenario.requests
    assert example.differences() == []


@pytest.fixture
def post(example):
    def ask(path, body, user="alice"):
        bearer = {"Authorization": f"Bearer {example.token(user)}"} if user else {}
        return example.http("POST", example.outputs["Url"] + path, body, **bearer)

    return ask


def is_standard_error(answer, status, code):
    assert answer.status == status, answer.json
    assert set(answer.json) == {"status", "code", "message"}
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert isinstance(answer.json["message"], str)


@pytest.mark.parametrize("path", AUDIO)
@pytest.mark.parametrize(
    ("memory_id", "state"),
    [("walk", "complete"), ("walk-0", "complete"), ("walk-1", "pending"), ("lost", "failed")],
)
def test_audio(post, example, path, memory_id, state):
    answer = post(path, {"memory_id": memory_id})
    assert answer.status == 200
    assert set(answer.json) == {"presigned_url", "duration_seconds", "processing_status"}
    assert isinstance(answer.json["duration_seconds"], int | float)
    assert answer.json["processing_status"] == state
    if state != "complete":
        assert answer.json["presigned_url"] is None
        return
    assert "/audio.wav" in answer.json["presigned_url"]
    assert "X-Amz-Expires=3600" in answer.json["presigned_url"]
    assert example.http("GET", answer.json["presigned_url"]).status == 200


@pytest.mark.parametrize("path", [*AUDIO, "/memories/video"])
def test_not_found(post, path):
    is_standard_error(post(path, {"memory_id": "never-was"}), 404, "MEMORY_NOT_FOUND")
    is_standard_error(post(path, {"memory_id": "walk"}, user="bob"), 404, "MEMORY_NOT_FOUND")
    is_standard_error(post(path, {"memory_id": "mute"}), 404, "AUDIO_NOT_FOUND")


@pytest.mark.parametrize("path", [*AUDIO, "/memories/video"])
def test_memory_id_is_required(post, path):
    assert post(path, {}).status == 400
    assert post(path, {"memory_id": 7}).status == 400


def test_video_pending(post):
    for memory_id, state, frames in (("walk-1", "pending", 20), ("lost", "failed", 0)):
        answer = post("/memories/video", {"memory_id": memory_id})
        assert (answer.status, answer.json) == (
            200,
            {
                "presigned_url": "",
                "duration_seconds": 30,
                "frame_count": frames,
                "processing_status": state,
            },
        )


def test_video_complete(post, example):
    deadline = time.monotonic() + 90  # which is what the document lets one request wait
    while True:
        answer = post("/memories/video", {"memory_id": "walk"})
        assert answer.status == 200
        assert set(answer.json) == {
            *("presigned_url", "duration_seconds", "frame_count", "processing_status")
        }
        assert answer.json["processing_status"] in STATES
        assert (answer.json["duration_seconds"], answer.json["frame_count"]) == (30, 20)
        if answer.json["processing_status"] == "complete":
            break
        assert answer.json["presigned_url"] == ""
        assert time.monotonic() < deadline
    assert "/temp/videos/" in answer.json["presigned_url"]
    video = example.http("GET", answer.json["presigned_url"])
    assert (video.status, video.headers["Content-Type"]) == (200, "video/mp4")


def test_video_without_frames_and_one_that_cannot_be_encoded(post):
    is_standard_error(post("/memories/video", {"memory_id": "dark"}), 404, "FRAMES_NOT_FOUND")
    for _ in range(20):
        answer = post("/memories/video", {"memory_id": "evil"})
        if answer.status != 200:
            break
    is_standard_error(answer, 500, "ENCODING_FAILED")


def test_who_is_let_in(post, example):
    for path in (*AUDIO, "/memories/video"):
        answer = post(path, {"memory_id": "walk"}, user=None)
        assert answer.status == 401  # the document's 403 is a route without an authorizer: README
        preflight = example.http(
            "OPTIONS",
            example.outputs["Url"] + path,
            Origin="https://app.example.com",
            Access_Control_Request_Method="POST",
        )
        assert preflight.status == 200
    for path in ("/auth/start", "/auth/verify", "/auth/handoff"):
        assert post(path, {}, user=None).status == 400  # public: the function answers


def test_the_names_of_the_document(example):
    aws = example.local.aws
    names = {f["FunctionName"] for f in aws.client("lambda").list_functions()["Functions"]}
    assert {f"Memories{name}Function" for name in ("Audio", "AudioMetadata", "Video")} <= names
    (api,) = aws.client("apigateway").get_rest_apis()["items"]
    (authorizer,) = aws.client("apigateway").get_authorizers(restApiId=api["id"])["items"]
    assert (authorizer["name"], authorizer["type"]) == ("CognitoAuth", "COGNITO_USER_POOLS")
    pool = aws.client("ssm").get_parameter(Name="/encache/auth/user_pool_id")["Parameter"]
    assert pool["Value"] == example.local.variables["UserPoolId"]
    assert example.outputs["MediaBucketName"].startswith("encache-raw-memory")

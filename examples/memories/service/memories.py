"""Audio and video of the caller's memories, behind a REST API with a Cognito authorizer."""

from __future__ import annotations

import json
import os
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
import media
import segments
from answers import PATIENCE, answer, outages_as_503
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from authz_lib import (
    BearerToken,
    ExpectedGateway,
    JWTVerifier,
    principal_from_event,
    service_handler,
)
from authz_lib.service import api_id_from_parameter_store, json_body
from authz_lib.smithy import errors as smithy

if TYPE_CHECKING:
    from datetime import datetime

    from segments import Segment

    from authz_lib import Principal

JSON = dict[str, Any]

memory_not_found = partial(smithy.not_found, "no such memory", standard_code="MEMORY_NOT_FOUND")
audio_not_found = partial(
    smithy.not_found, "the memory has no audio", standard_code="AUDIO_NOT_FOUND"
)
frames_not_found = partial(
    smithy.not_found, "the memory has no frames", standard_code="FRAMES_NOT_FOUND"
)
video_not_found = partial(
    smithy.not_found, "no video was asked for", standard_code="VIDEO_NOT_FOUND"
)
video_gone = partial(
    smithy.not_found, "the video is no longer there", standard_code="VIDEO_NOT_FOUND"
)
encoding_failed = partial(
    smithy.internal, "the video could not be encoded", standard_code="ENCODING_FAILED"
)


GATEWAY = ExpectedGateway(
    kind="rest-cognito",
    # A `!Ref` to the API would be a cycle.
    api_id=api_id_from_parameter_store(os.environ["API_ID_PARAMETER"]),
    account_id=os.environ["ACCOUNT_ID"],
    issuer=os.environ["ISSUER"],
    # A Cognito authorizer of a REST API takes any client of the pool.
    client_ids=[os.environ["CLIENT_ID"]],
    token_use="access",
    groups_claim=None,
)


def local_verifier() -> JWTVerifier | None:
    """Verifies tokens in a run outside Lambda, where no gateway did.  Never in Lambda."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        return None
    pool_id = os.environ["ISSUER"].rpartition("/")[2]
    return JWTVerifier.cognito(
        user_pool_id=pool_id,
        client_id=os.environ["CLIENT_ID"],
        token_use="access",
        jwks_url=os.environ.get("JWKS_URL"),
    )


LOCAL = (
    {"verifier": verifier, "token_sources": [BearerToken()]}
    if (verifier := local_verifier())
    else {}
)


@service_handler(errors="standard", cors_origin=os.environ["ALLOWED_ORIGIN"])
def handler(event: JSON, context: object) -> JSON:
    """Find out who is calling, run the route, and answer; errors are `{status, code, message}`."""
    with outages_as_503():
        caller = principal_from_event(event, gateway=GATEWAY, **LOCAL)
        operation = OPERATIONS.get((event["httpMethod"], event["resource"]))
        if operation is None:
            raise smithy.not_found("no such route", standard_code="NO_SUCH_ROUTE")
        return operation(event, caller)


def audio(event: JSON, caller: Principal) -> JSON:
    """Where to fetch the sound of a memory; no URL before it is complete."""
    segment = asked_for(event, caller)
    complete = segment.processing_status == "complete"
    if complete and media.size(f"{segment.key}/audio.wav") is None:
        raise audio_not_found()
    url = media.presigned(f"{segment.key}/audio.wav") if complete else None
    return answer(200, {"presigned_url": url, **what_it_is(segment)})


def audio_metadata(event: JSON, caller: Principal) -> JSON:
    """What is known about the sound of a memory; never a URL."""
    segment = asked_for(event, caller)
    size = media.size(f"{segment.key}/audio.wav")
    if size is None and segment.processing_status == "complete":
        raise audio_not_found()
    where = {name: getattr(segment, name) for name in ("source_session_id", "source_window_index")}
    return answer(
        200, {"segment_id": segment.id, **where, "size_bytes": size, **what_it_is(segment)}
    )


def video(event: JSON, caller: Principal) -> JSON:
    """The video of a memory.  The first call starts the encoder, which may take 90 seconds.

    So does the first to ask after it failed, or after its object has gone; `GET` says which of the
    two it was.
    """
    segment = asked_for(event, caller)
    known = segments.video_of(segment)
    gone = known is not None and is_gone(segment, known)
    if known is not None and known.status != "failed" and not gone:
        return progress(segment, known.status, known.frame_count, event)
    frames = media.frames(segment.key)
    if segment.processing_status != "complete":
        uncut = {"segment_id": segment.id, "presigned_url": "", "frame_count": len(frames)}
        return answer(200, {**uncut, **what_it_is(segment)})
    if not frames:
        raise frames_not_found()
    if media.size(f"{segment.key}/audio.wav") is None:
        raise audio_not_found()
    if known is not None and gone:
        segments.finish_video(segment.id, known.started_at, was="complete", status="failed")
    started_at = segments.claim_video(segment, len(frames))
    if started_at is not None:
        start_encoder(segment, started_at)
    return progress(segment, "encoding", len(frames), event)


def video_progress(event: JSON, caller: Principal) -> JSON:
    """What has become of the video; asks only, and starts nothing."""
    segment = found(
        segments.of_caller(caller.subject, id=named(event["pathParameters"]["segment_id"]))
    )
    known = segments.video_of(segment)
    if known is None:
        raise video_not_found()
    if known.status == "failed":
        raise encoding_failed()
    if is_gone(segment, known):
        raise video_gone()
    return progress(segment, known.status, known.frame_count, event)


OPERATIONS = {
    ("POST", "/memories/audio"): audio,
    ("POST", "/memories/audio-metadata"): audio_metadata,
    ("POST", "/memories/video"): video,
    ("GET", "/memories/video/{segment_id}"): video_progress,
}


def asked_for(event: JSON, caller: Principal) -> Segment:
    """The caller's segment that the body names.

    The caller is who the token says.  A `user_id` in the body may repeat that; any other one names
    nothing.
    """
    body = json_body(event)
    if body.get("user_id", caller.subject) != caller.subject:
        raise memory_not_found()
    if ("segment_id" in body) == ("source_session_id" in body):
        raise smithy.validation("one of `segment_id` and `source_session_id` is needed")
    if "segment_id" in body:
        return found(segments.of_caller(caller.subject, id=named(body["segment_id"])))
    wanted: dict[str, str | int] = {"source_session_id": named(body["source_session_id"])}
    if "source_window_index" in body:
        wanted["source_window_index"] = window(body["source_window_index"])
    return found(segments.of_caller(caller.subject, **wanted))


def named(value: object) -> str:
    """An id as ours are; anything else names nothing."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise memory_not_found()
    return value


def window(value: object) -> int:
    """The number of a window."""
    if type(value) is not int or not 0 <= value <= 999:
        raise smithy.validation("`source_window_index` must be an integer from 0 to 999")
    return value


def found(segment: Segment | None) -> Segment:
    """A segment, or the one answer for what is not there and for what is another user's."""
    if segment is None:
        raise memory_not_found()
    return segment


def is_gone(segment: Segment, known: segments.Video) -> bool:
    """Whether a finished video is not there any more, for example by a lifecycle rule."""
    return known.status == "complete" and media.size(f"{segment.key}/video.mp4") is None


def start_encoder(segment: Segment, started_at: datetime) -> None:
    """Invoke the encoder and do not wait for it."""
    payload = json.dumps({"segment_id": segment.id, "started_at": started_at.isoformat()}).encode()
    try:
        functions().invoke(
            FunctionName=os.environ["ENCODER"], InvocationType="Event", Payload=payload
        )
    except (BotoCoreError, ClientError):
        segments.give_up_video(segment.id, started_at)
        raise encoding_failed() from None


@cache
def functions() -> Any:
    """The Lambda client."""
    return boto3.client("lambda", config=Config(**PATIENCE))


def progress(segment: Segment, status: str, frame_count: int, event: JSON) -> JSON:
    """A job on its way (202: poll `Location`) or done (200)."""
    complete = status == "complete"
    body = {
        "segment_id": segment.id,  # who asked by session polls by segment
        "presigned_url": media.presigned(f"{segment.key}/video.mp4") if complete else "",
        "frame_count": frame_count,
        "duration_seconds": segment.duration_seconds,
        "processing_status": status,
    }
    if complete:
        return answer(200, body)
    here = event["requestContext"]["path"]  # with the stage, as the caller wrote it
    job = here if event["httpMethod"] == "GET" else f"{here}/{segment.id}"
    return answer(202, body, {"Location": job, "Retry-After": "2"})


def what_it_is(segment: Segment) -> JSON:
    """What every answer says."""
    return {
        "duration_seconds": segment.duration_seconds,
        "processing_status": segment.processing_status,
    }

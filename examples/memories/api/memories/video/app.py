"""`POST /memories/video`: the first call has the video made; each says how far it is."""

import json
import os
import time
import uuid
from functools import partial

from shared import media, segments
from shared.lambda_helpers import memories_route, no_audio, not_found

from authz_lib.service import patient_client
from authz_lib.smithy import errors as smithy

WAIT_SECONDS = 8  # of the 29 that the gateway waits
ENCODER = os.environ["ENCODER"]
LAMBDA = patient_client("lambda")
no_frames = partial(smithy.not_found, "the memory has no frames", standard_code="FRAMES_NOT_FOUND")
failed = partial(smithy.internal, "the video was not encoded", standard_code="ENCODING_FAILED")

# An event waits 60 s for the encoder, which lives 180 s: after 300 s it is lost, which is failed.
# A failure is told for a minute, then another job begins.  The bucket keeps a video for a day.
BEGIN = """
    insert into "VideoJob" as job (segment_id, video_key) values (%s, %s)
    on conflict (segment_id) do update
    set video_key = excluded.video_key, status = 'pending', changed_at = now()
    where job.changed_at < now() - case job.status when 'failed' then interval '60 s'
        when 'pending' then interval '360 s' else interval '12 h' end
    returning video_key
"""
JOB = """
    select video_key, case when status = 'pending' and changed_at < now() - interval '300 s'
        then 'failed' else status end as status from "VideoJob" where segment_id = %s
"""


@memories_route
def handler(user_id: str, memory_id: str) -> dict[str, object]:
    """The video's URL, or how far it is.  Asked again, it goes on waiting for the same job."""
    segment = segments.find(user_id, memory_id, visual=True)
    if segment is None:
        raise not_found()
    frames = media.frames(segment.frames_dir)
    url, status = "", segment.processing_status
    if status == "complete":
        if not frames:
            raise no_frames()
        if segment.audio_key is None or not media.exists(segment.audio_key):
            raise no_audio()
        video_key, status = job(segment, frames)
        if status == "failed":
            raise failed()
        url = media.presigned(video_key) if status == "complete" else ""
    return {
        "presigned_url": url,
        "duration_seconds": segment.duration_seconds,
        "frame_count": len(frames),
        "processing_status": status,
    }


def job(segment: tuple, frames: list[str]) -> tuple[str, str]:
    """Key and state of the segment's job, begun where there is none, and waited for a while."""
    key = f"temp/videos/{uuid.uuid4()}.mp4"
    event = {"audio_key": segment.audio_key, "frames": frames, "video_key": key}
    payload = json.dumps({**event, "duration_seconds": segment.duration_seconds})
    with segments.database() as connection:  # one of several at once begins; an error undoes it
        if connection.execute(BEGIN, [segment.id, key]).fetchone():
            LAMBDA.invoke(FunctionName=ENCODER, InvocationType="Event", Payload=payload)
    for _ in range(2 * WAIT_SECONDS):
        with segments.database() as connection:
            found = connection.execute(JOB, [segment.id]).fetchone()
        if found.status != "pending":
            break
        time.sleep(0.5)
    return found

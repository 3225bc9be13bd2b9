"""`POST /memories/audio` and `POST /memories/audio-metadata`: where a memory's sound is."""

from shared import media, segments
from shared.lambda_helpers import memories_route, no_audio, not_found


@memories_route
def handler(user_id: str, memory_id: str) -> dict[str, object]:
    """A URL once processing is complete, and what is known before."""
    segment = segments.find(user_id, memory_id)
    if segment is None:
        raise not_found()
    is_complete = segment.processing_status == "complete"
    if segment.audio_key is None or (is_complete and not media.exists(segment.audio_key)):
        raise no_audio()
    return {
        "presigned_url": media.presigned(segment.audio_key) if is_complete else None,
        "duration_seconds": segment.duration_seconds,
        "processing_status": segment.processing_status,
    }

"""Frames and sound to an MP4: a Lambda of its own, which only the API's Lambda starts."""

from __future__ import annotations

import subprocess
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import media
import segments

if TYPE_CHECKING:
    from segments import Segment

FFMPEG_SECONDS = 90
MAX_FRAMES = 1800  # half an hour at one per second; more would not fit into the function's time


def handler(event: dict[str, Any], context: object) -> None:
    """Encode the video of one segment; how it went is in the job's row, whatever happens.

    A second delivery of the event does nothing, while the first is at it as well as afterwards.
    """
    started_at = datetime.fromisoformat(event["started_at"])
    segment = segments.take_job(event["segment_id"], started_at)
    if segment is None:
        return
    try:
        frame_count = make_video(segment)
    except BaseException:
        segments.finish_video(segment.id, started_at, status="failed")
        raise
    segments.finish_video(segment.id, started_at, status="complete", frame_count=frame_count)


def make_video(segment: Segment) -> int:
    """Fetch, encode, store; how many frames it was."""
    with tempfile.TemporaryDirectory(prefix="memory-") as name:
        folder = Path(name)
        keys = media.frames(segment.key)
        if len(keys) > MAX_FRAMES:
            raise ValueError("too many frames for one video")
        media.s3().download_file(
            media.bucket(), f"{segment.key}/audio.wav", str(folder / "audio.wav")
        )
        for index, key in enumerate(keys):
            media.s3().download_file(media.bucket(), key, str(folder / f"{index:05d}.jpg"))
        encode(folder, frame_rate=len(keys) / segment.duration_seconds)
        media.s3().upload_file(
            str(folder / "video.mp4"),
            media.bucket(),
            f"{segment.key}/video.mp4",
            ExtraArgs={"ContentType": "video/mp4"},
        )
    return len(keys)


def encode(folder: Path, *, frame_rate: float) -> Path:
    """`00000.jpg`... and `audio.wav` of a folder to its `video.mp4`, within 90 seconds.

    The demuxers are named and only files may be opened: what calls itself audio may be a playlist
    that names URLs.
    """
    video = folder / "video.mp4"
    only_files = ["-protocol_whitelist", "file"]
    pictures = [
        "-f",
        "image2",
        *only_files,
        "-framerate",
        f"{frame_rate:.6f}",
        "-i",
        str(folder / "%05d.jpg"),
    ]
    sound = ["-f", "wav", *only_files, "-i", str(folder / "audio.wav")]
    # Libx264 takes even sizes only.
    even = [
        "-vf",
        "scale=trunc(iw/2)*2:trunc(ih/2)*2",
        "-pix_fmt",
        "yuv420p",
    ]
    subprocess.run(  # noqa: S603 - our own words and file names
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-v", "error"),
            *pictures,
            *sound,
            *(
                "-map",
                "0:v:0",
                "-map",
                "1:a:0",
                "-c:v",
                "libx264",
                *even,
                "-c:a",
                "aac",
                "-shortest",
            ),
            *("-movflags", "+faststart", str(video)),
        ],
        check=True,
        timeout=FFMPEG_SECONDS,
    )
    return video

"""Frames and sound to an MP4: a Lambda of its own, which only the video's Lambda starts."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from shared import media, segments

END = """update "VideoJob" set status = %s, changed_at = now()
         where video_key = %s and status = 'pending'"""
# What users upload is hostile: what calls itself a sound may be a playlist that names URLs.  So
# demuxers are named, and only files may be opened.
FFMPEG = """
    -nostdin -v error -f image2 -protocol_whitelist file -framerate {frame_rate:.6f} -i %05d.jpg
    -f wav -protocol_whitelist file -i audio.wav -map 0:v:0 -map 1:a:0
    -c:v libx264 -vf scale=trunc(iw/2)*2:trunc(ih/2)*2 -pix_fmt yuv420p -c:a aac
    -shortest -movflags +faststart video.mp4
"""


def handler(event: dict[str, Any], context: object) -> None:
    """Make the video of one job.  A second delivery of the event makes the same object again."""
    status = "failed"
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_video(Path(folder), event)
        status = "complete"
    finally:
        with segments.database() as connection:
            connection.execute(END, [status, event["video_key"]])


def make_video(folder: Path, event: dict[str, Any]) -> None:
    """Fetch, encode, store."""
    media.S3.download_file(media.BUCKET, event["audio_key"], str(folder / "audio.wav"))
    for index, key in enumerate(media.frames(event["frames_dir"])):
        media.S3.download_file(media.BUCKET, key, str(folder / f"{index:05d}.jpg"))
    encode(folder, event["frame_rate"])
    video, kind = str(folder / "video.mp4"), {"ContentType": "video/mp4"}
    media.S3.upload_file(video, media.BUCKET, event["video_key"], ExtraArgs=kind)


def encode(folder: Path, frame_rate: float) -> None:
    """`00000.jpg`... and `audio.wav` to `video.mp4`, in the folder."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), *FFMPEG.format(frame_rate=frame_rate).split()]
    subprocess.run(words, check=True, cwd=folder, timeout=90)  # noqa: S603 - our words

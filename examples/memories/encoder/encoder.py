"""Frames and sound to an MP4: a Lambda of its own, which only the video's Lambda starts."""

import os
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import psycopg

from authz_lib.service import patient_client

BUCKET = os.environ["MEDIA_BUCKET"]
S3 = patient_client("s3")
END = """update "VideoJob" set status = %s, changed_at = now()
         where video_key = %s and status = 'pending'"""
# Uploads are hostile: a "sound" may be a playlist of URLs.  So demuxers and protocol are named.
FFMPEG = """
    -nostdin -v error -f image2 -protocol_whitelist file -framerate {frame_rate:.6f} -i %05d.jpg
    -f wav -protocol_whitelist file -i audio.wav -map 0:v:0 -map 1:a:0
    -c:v libx264 -vf scale=trunc(iw/2)*2:trunc(ih/2)*2 -pix_fmt yuv420p -c:a aac
    -shortest -movflags +faststart video.mp4
"""


def handler(event: dict, context: object) -> None:
    """Make the video of one job.  A second delivery of the event makes the same object again."""
    status = "failed"
    try:
        with tempfile.TemporaryDirectory() as folder:
            make_video(Path(folder), event)
        status = "complete"
    finally:
        with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as database:
            database.execute(END, [status, event["video_key"]])


def make_video(folder: Path, event: dict) -> None:
    """Fetch, encode, store."""
    S3.download_file(BUCKET, event["audio_key"], str(folder / "audio.wav"))
    for index, key in enumerate(event["frames"]):
        S3.download_file(BUCKET, key, str(folder / f"{index:05d}.jpg"))
    encode(folder, len(event["frames"]) / event["duration_seconds"])
    kind = {"ContentType": "video/mp4"}
    S3.upload_file(str(folder / "video.mp4"), BUCKET, event["video_key"], ExtraArgs=kind)


def encode(folder: Path, frame_rate: float) -> None:
    """`00000.jpg`... and `audio.wav` to `video.mp4`, in the folder."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), *FFMPEG.format(frame_rate=frame_rate).split()]
    subprocess.run(words, check=True, cwd=folder, timeout=90)  # noqa: S603 - our words

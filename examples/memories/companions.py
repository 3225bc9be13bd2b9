"""What the local AWS lacks: PostgreSQL, with the memories of three users in it and in S3."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psycopg

from authz_local.postgresql import new_database

# A playlist that calls itself a sound: FFmpeg, left to guess, would open what it names.
PLAYLIST = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
MEMORIES = [  # user, session, window, state, sound, frames; a segment's id is `session-window`
    ("alice", "walk", 0, "complete", True, True),
    ("alice", "walk", 1, "pending", False, True),
    ("alice", "lost", 0, "failed", False, False),
    ("alice", "mute", 0, "complete", False, True),
    ("alice", "dark", 0, "complete", True, False),
    ("alice", "evil", 0, "complete", PLAYLIST, True),
    ("bob", "dinner", 0, "complete", True, True),
    ("bob", "dinner", 1, None, False, False),
    ("carol", "lunch", 0, "complete", True, None),  # sound only
]
ROW = 'insert into "WorldMMSegment" values (%s, %s, %s, %s, 30, %s, %s)'
RECORD = """-v error -f lavfi -i testsrc=duration=30:rate=2/3:size=160x91 frame_%05d.jpg
            -f lavfi -i sine=duration=30:sample_rate=8000 -map 1:a audio.wav"""


@contextmanager
def companions(folder: Path) -> Iterator[dict[str, str]]:
    """A new database with its tables, for the time of the block."""
    with new_database() as url:
        with psycopg.connect(url) as database:
            database.execute((folder / "schema.sql").read_text())
        yield {"DatabaseUrl": url}


def seed(local: Any) -> None:
    """The rows and objects that ingestion would have written."""
    put, bucket = local.aws.client("s3").put_object, local.variables["MediaBucketName"]
    ffmpeg, url = imageio_ffmpeg.get_ffmpeg_exe(), local.parameters["DatabaseUrl"]
    with tempfile.TemporaryDirectory() as name, psycopg.connect(url) as database:
        subprocess.run([ffmpeg, *RECORD.split()], check=True, cwd=name)  # noqa: S603 - our words
        for user, session, window, status, sound, frames in MEMORIES:
            key = f"sessions/{session}/window_{window:03d}"
            frames_key = None if frames is None else f"{key}/frames/frame_00001.jpg"
            row = [f"{session}-{window}", local.variables[f"{user}.sub"], session, window]
            database.execute(ROW, [*row, status, frames_key])
            if sound:
                content = sound if sound is PLAYLIST else Path(name, "audio.wav").read_bytes()
                put(Bucket=bucket, Key=f"{key}/audio.wav", Body=content)
            for file in Path(name).glob("*.jpg") if frames else ():
                put(Bucket=bucket, Key=f"{key}/frames/{file.name}", Body=file.read_bytes())

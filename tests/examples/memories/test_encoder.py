"""Real FFmpeg on real files: what comes out is decoded, and what must not be opened is not."""

from __future__ import annotations

import importlib.util
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack  # needs the packages of the group `examples`, and no local AWS

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture(scope="module")
def material():
    """The pictures and sound that `authz local` seeds."""
    spec = importlib.util.spec_from_file_location("memories_companions", EXAMPLE / "companions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path, material):
    for number, picture in enumerate(material._pictures()):
        (tmp_path / f"{number:05d}.jpg").write_bytes(picture)
    (tmp_path / "audio.wav").write_bytes(material._sound())
    return tmp_path


def test_frames_and_sound_become_a_video_that_decodes(service, folder, decoded):
    video = decoded(service().encoder.encode(folder, frame_rate=10))
    assert video.codecs == ("h264", "aac")
    assert video.size == (160, 90)  # libx264 wants even sizes, and the pictures are 91 high
    assert video.frames == 20
    assert video.seconds == pytest.approx(2.0, abs=0.15)


def test_the_shorter_of_the_two_ends_it(service, folder, decoded):
    # One second of pictures, two of sound.
    video = decoded(service().encoder.encode(folder, frame_rate=20))
    assert video.seconds == pytest.approx(1.0, abs=0.15)
    assert video.frames == 20


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://127.0.0.1:{port}/latest/meta-data"]
)
def test_a_sound_that_is_a_playlist_is_not_opened(service, folder, authz_issuer, where):
    with authz_issuer.serve() as endpoint:  # any server that counts who comes
        port = endpoint.url.rpartition(":")[2]
        playlist = f"#EXTM3U\n#EXTINF:2.0,\n{where.format(port=port)}\n#EXT-X-ENDLIST\n"
        (folder / "audio.wav").write_text(playlist)
        with pytest.raises(subprocess.CalledProcessError):
            service().encoder.encode(folder, frame_rate=10)
        assert endpoint.requests == 0


def test_a_picture_that_is_none_is_not_opened(service, folder):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    for picture in folder.glob("*.jpg"):
        picture.write_text(svg)
    with pytest.raises(subprocess.CalledProcessError):
        service().encoder.encode(folder, frame_rate=10)


def test_it_ends_after_its_90_seconds(service, folder, monkeypatch):
    loaded = service()
    assert loaded.encoder.FFMPEG_SECONDS == 90
    monkeypatch.setattr(loaded.encoder, "FFMPEG_SECONDS", 0.001)
    with pytest.raises(subprocess.TimeoutExpired):
        loaded.encoder.encode(folder, frame_rate=10)


@pytest.mark.parametrize(
    "fault", [ValueError("x"), subprocess.TimeoutExpired("ffmpeg", 90), MemoryError()]
)
def test_whatever_goes_wrong_the_job_has_failed(service, monkeypatch, fault):
    loaded = service()
    segment = loaded.segments.Segment("x", "alice-sub", "s", 0, 1.0, "complete")
    became = []

    def fail(_):
        raise fault

    monkeypatch.setattr(loaded.segments, "take_job", lambda *_: segment)
    monkeypatch.setattr(
        loaded.segments, "finish_video", lambda *job, **values: became.append((job, values))
    )
    monkeypatch.setattr(loaded.encoder, "make_video", fail)
    with pytest.raises(type(fault)):
        loaded.encoder.handler({"segment_id": "x", "started_at": STARTED_AT.isoformat()}, None)
    assert became == [(("x", STARTED_AT), {"status": "failed"})]


def test_more_frames_than_fit_are_refused_before_one_is_fetched(service, monkeypatch):
    loaded = service()
    segment = loaded.segments.Segment("x", "alice-sub", "s", 0, 1.0, "complete")
    monkeypatch.setattr(
        loaded.media, "frames", lambda _: ["a.jpg"] * (loaded.encoder.MAX_FRAMES + 1)
    )
    monkeypatch.setattr(loaded.media, "s3", lambda: pytest.fail("asked S3"))
    with pytest.raises(ValueError, match="too many frames"):
        loaded.encoder.make_video(segment)

"""Real FFmpeg on real files: what comes out is decoded, and what must not be opened is not."""

from __future__ import annotations

import importlib.util
import subprocess
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.stack  # needs the packages of the group `examples`, and no local AWS

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"


@pytest.fixture
def folder(tmp_path):
    """Pictures and sound as `authz local` seeds them."""
    import imageio_ffmpeg

    spec = importlib.util.spec_from_file_location("memories_companions", EXAMPLE / "companions.py")
    companions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(companions)
    words = [imageio_ffmpeg.get_ffmpeg_exe(), *companions.RECORD.split()]
    subprocess.run(words, check=True, cwd=tmp_path)
    for number, picture in enumerate(sorted(tmp_path.glob("frame_*.jpg"))):
        picture.rename(tmp_path / f"{number:05d}.jpg")
    return tmp_path


def test_frames_and_sound_become_a_video_that_decodes(service, folder, decoded):
    service().encoder.encode(folder, 20 / 30)
    video = decoded(folder / "video.mp4")
    assert video.codecs == ("h264", "aac")
    assert video.size == (160, 90)  # libx264 wants even sizes, and the pictures are 91 high
    assert video.frames == 20
    assert video.seconds == pytest.approx(30.0, abs=0.15)


def test_the_shorter_of_the_two_ends_it(service, folder, decoded):
    service().encoder.encode(folder, 20.0)  # one second of pictures, thirty of sound
    assert decoded(folder / "video.mp4").seconds == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://127.0.0.1:{port}/latest/meta-data"]
)
def test_a_sound_that_is_a_playlist_is_not_opened(service, folder, authz_issuer, where):
    with authz_issuer.serve() as endpoint:  # any server that counts who comes
        port = endpoint.url.rpartition(":")[2]
        playlist = f"#EXTM3U\n#EXTINF:2.0,\n{where.format(port=port)}\n#EXT-X-ENDLIST\n"
        (folder / "audio.wav").write_text(playlist)
        with pytest.raises(subprocess.CalledProcessError):
            service().encoder.encode(folder, 1.0)
        assert endpoint.requests == 0


def test_a_picture_that_is_none_is_not_opened(service, folder):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    for picture in folder.glob("*.jpg"):
        picture.write_text(svg)
    with pytest.raises(subprocess.CalledProcessError):
        service().encoder.encode(folder, 1.0)


def test_it_ends_after_its_90_seconds(service, folder, monkeypatch):
    asked = []

    def run(words, **options):
        asked.append(options["timeout"])
        raise subprocess.TimeoutExpired(words, 90)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(subprocess.TimeoutExpired):
        service().encoder.encode(folder, 1.0)
    assert asked == [90]


@pytest.mark.parametrize(
    "fault", [None, ValueError("x"), subprocess.TimeoutExpired("ffmpeg", 90), MemoryError()]
)
def test_whatever_happens_the_jobs_row_says_it(service, monkeypatch, fault):
    loaded, became = service(), []

    @contextmanager
    def connect(url, connect_timeout):
        yield SimpleNamespace(execute=lambda _, values: became.append(values))

    def make_video(folder, event):
        if fault is not None:
            raise fault

    monkeypatch.setattr(loaded.encoder.psycopg, "connect", connect)
    monkeypatch.setattr(loaded.encoder, "make_video", make_video)
    if fault is None:
        loaded.encoder.handler({"video_key": "k"}, None)
    else:
        with pytest.raises(type(fault)):
            loaded.encoder.handler({"video_key": "k"}, None)
    assert became == [["complete" if fault is None else "failed", "k"]]

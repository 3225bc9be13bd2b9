"""The example over HTTP, with three users of two tenants, on PostgreSQL, S3 and FFmpeg."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytestmark = pytest.mark.stack

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
ROUTES = ["/memories/audio", "/memories/audio-metadata", "/memories/video"]
OF_THE_REQUEST = {"x-amzn-requestid", "x-amz-request-id", "date"}
VIDEO = "/memories/video"


def comparable(answer):
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
    return answer.status, headers, answer.content


@pytest.fixture(autouse=True)
def _no_job_of_another_test(request):
    if "running" in request.fixturenames:
        request.getfixturevalue("running").execute('delete from "VideoJob"')


def video_of(running, user, memory_id):
    """The answer to a client that posts until the video is there."""
    for _ in range(10):
        answer = running.ask(user, "POST", VIDEO, {"memory_id": memory_id})
        if answer.status != 200 or answer.json["processing_status"] != "pending":
            return answer
    pytest.fail("it stays pending")


@pytest.mark.parametrize("route", ROUTES[:2])
def test_the_sound_is_fetched_by_its_url_for_an_hour(running, route):
    answer = running.ask("alice", "POST", route, {"memory_id": "walk"})
    assert set(answer.json) == {"presigned_url", "duration_seconds", "processing_status"}
    url = urlsplit(answer.json["presigned_url"])
    assert url.path.endswith("/sessions/walk/window_000/audio.wav")
    assert parse_qs(url.query)["X-Amz-Expires"] == ["3600"]
    fetched = running.fetch("GET", answer.json["presigned_url"])
    assert (fetched.status, fetched.content[:4]) == (200, b"RIFF")


def test_of_many_that_ask_at_once_one_has_the_video_made_and_it_decodes(running, decoded, tmp_path):
    started = running.invocations("VideoEncoder")
    barrier = threading.Barrier(3)
    running.local.token("alice")

    def ask(_):
        barrier.wait(timeout=30)
        return video_of(running, "alice", "walk-0")

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(ask, range(3)))
    assert [answer.json["processing_status"] for answer in answers] == ["complete"] * 3
    again = running.ask("alice", "POST", VIDEO, {"memory_id": "walk"})
    assert {**again.json, "presigned_url": ""} == {
        "presigned_url": "",
        "frame_count": 20,
        "duration_seconds": 30.0,
        "processing_status": "complete",
    }
    assert running.invocations("VideoEncoder") == started + 1
    url = urlsplit(again.json["presigned_url"])
    assert "/temp/videos/" in url.path
    assert url.path.endswith(".mp4")
    (tmp_path / "video.mp4").write_bytes(running.fetch("GET", again.json["presigned_url"]).content)
    video = decoded(tmp_path / "video.mp4")
    assert (video.codecs, video.frames) == (("h264", "aac"), 20)
    assert video.seconds == pytest.approx(30.0, abs=0.15)


def test_pending_and_failed_are_counted_and_never_encoded(running):
    started = running.invocations("VideoEncoder")
    pending = running.ask("alice", "POST", VIDEO, {"memory_id": "walk-1"})
    failed = running.ask("alice", "POST", VIDEO, {"memory_id": "lost"})
    new = running.ask("bob", "POST", VIDEO, {"memory_id": "dinner-1"})  # its state is null
    said = [(a.status, *map(a.json.get, ("presigned_url", "frame_count", "processing_status")))
            for a in (pending, failed, new)]  # fmt: skip
    assert said == [(200, "", 20, "pending"), (200, "", 0, "failed"), (200, "", 0, "pending")]
    assert running.invocations("VideoEncoder") == started


def test_a_failure_is_told_to_whoever_posts_and_after_a_minute_another_job_begins(running):
    started = running.invocations("VideoEncoder")
    for _ in range(2):
        answer = video_of(running, "alice", "evil")
        assert (answer.status, answer.json["code"]) == (500, "ENCODING_FAILED")
        assert running.invocations("VideoEncoder") == started + 1
    running.execute("""update "VideoJob" set changed_at = now() - interval '61 s'""")
    assert video_of(running, "alice", "evil").status == 500
    assert running.invocations("VideoEncoder") == started + 2


def test_a_lost_encoder_is_a_failure_and_then_another_job_begins(running):
    def job_begun(ago):
        running.execute('delete from "VideoJob"')
        running.execute(
            f"""insert into "VideoJob" values ('dinner-0', 'temp/videos/x.mp4', 'pending',
                now() - interval '{ago}')"""
        )
        return running.ask("bob", "POST", VIDEO, {"memory_id": "dinner"})

    still = job_begun("4 minutes")
    assert (still.status, still.json["processing_status"]) == (200, "pending")
    lost = job_begun("5 minutes 30 s")
    assert (lost.status, lost.json["code"]) == (500, "ENCODING_FAILED")
    assert job_begun("7 minutes").json["processing_status"] == "complete"


def test_a_video_that_the_bucket_will_soon_delete_is_made_again(running):
    assert video_of(running, "bob", "dinner").status == 200
    (first,) = running.execute('select video_key from "VideoJob"')
    running.execute("""update "VideoJob" set changed_at = now() - interval '13 h'""")
    assert video_of(running, "bob", "dinner").json["processing_status"] == "complete"
    assert running.execute('select video_key from "VideoJob"') != (first,)


def test_the_late_word_of_one_encoder_does_not_undo_what_another_has_done(running):
    import json

    assert video_of(running, "bob", "dinner").status == 200
    (key,) = running.execute('select video_key from "VideoJob"')
    late = {"audio_key": "sessions/none.wav", "frames": [], "duration_seconds": 30}
    for video_key in (key, "temp/videos/of-another.mp4"):
        payload = json.dumps({**late, "video_key": video_key}).encode()
        running.local.aws.invoke(running.local.stack.functions["VideoEncoder"], payload)
    assert running.execute('select video_key, status from "VideoJob"') == (key, "complete")


def test_a_row_without_its_window_has_no_audio(running):
    alice = running.local.variables["alice.sub"]
    running.execute(
        f"""insert into "WorldMMSegment" values
            ('odd', '{alice}', 'odd-session', null, 30, 'complete',
             'sessions/walk/window_000/frames/frame_1.jpg')"""
    )
    for route in ROUTES:
        answer = running.ask("alice", "POST", route, {"memory_id": "odd"})
        assert (answer.status, answer.json["code"]) == (404, "AUDIO_NOT_FOUND"), route


def test_a_session_comes_before_a_segment_of_the_same_name(running):
    alice = running.local.variables["alice.sub"]
    running.execute(
        f"""insert into "WorldMMSegment" values
            ('same', '{alice}', 'elsewhere', 0, 11, 'failed'),
            ('x', '{alice}', 'same', 0, 12, 'failed'),
            ('y', '{alice}', 'same', 1, 13, 'failed')"""
    )
    found = running.ask("alice", "POST", "/memories/audio", {"memory_id": "same"})
    assert found.json["duration_seconds"] == 12


OTHERS = ["walk", "walk-0", "walk-1", "lost-0", "mute-0", "dark-0", "evil-0"]  # alice's


@pytest.mark.parametrize("route", ROUTES)
def test_another_users_memory_is_answered_as_one_that_never_was_whatever_the_tenant(running, route):
    alice = running.local.variables["alice.sub"]
    never_was = comparable(running.ask("bob", "POST", route, {"memory_id": "never-was"}))
    assert never_was[0] == 404
    for stranger in ("bob", "carol"):
        bodies = [
            *({"memory_id": name} for name in OTHERS),
            {"memory_id": "walk", "user_id": alice, "tenant_id": "acme", "sub": alice},
            {"memory_id": "../walk"},
            {"memory_id": "walk\x00"},
            {"memory_id": "' or 1=1 --"},
        ]
        for body in bodies:
            assert comparable(running.ask(stranger, "POST", route, body)) == never_was, body


def test_headers_and_query_say_nothing_about_the_caller(running):
    alice = running.local.variables["alice.sub"]
    headers = {"x-principal-sub": alice, "x-user-id": alice, "Cookie": f"user_id={alice}"}
    place = f"/memories/audio?user_id={alice}"
    assert running.ask("bob", "POST", place, {"memory_id": "walk"}, **headers).status == 404
    assert running.ask("bob", "POST", place, {"memory_id": "dinner"}, **headers).status == 200


def test_a_member_given_twice_is_not_the_one_we_like(running):
    token = {"Authorization": f"Bearer {running.local.token('bob')}"}
    twice = b'{"memory_id": "walk-0", "memory_id": "dinner-0"}'
    assert running.send("POST", running.url + "/memories/audio", twice, token).status == 400


def test_one_object_has_one_owner(running):
    from psycopg.errors import IntegrityError

    bob = running.local.variables["bob.sub"]
    for values in (
        f"('x1', '{bob}', 'walk', 0)",  # alice's objects, by the same key
        f"('x1', '{bob}', '../walk', 5)",
        f"('x1', '{bob}', 'b', 1000)",
        f"('x1', '{bob}', 'b', 0, 0)",
        f"('x1', '{bob}', 'b', 0, 2.0, 'done')",
    ):
        with pytest.raises(IntegrityError):
            running.execute(f'insert into "WorldMMSegment" values {values}')


def test_alice_signs_in_over_the_public_routes_and_goes_on_with_what_she_got(running):
    words = {"AuthParameters": {"USERNAME": "alice", "PASSWORD": "Local-only-1!"}}
    start = running.ask(None, "POST", "/auth/start", words)
    assert (start.status, start.headers["cache-control"]) == (200, "no-store")
    refresh = {"REFRESH_TOKEN": start.json["AuthenticationResult"]["RefreshToken"]}
    on = running.ask(None, "POST", "/auth/handoff", {"AuthParameters": refresh})
    bearer = {"Authorization": f"Bearer {on.json['AuthenticationResult']['AccessToken']}"}
    own = running.ask(None, "POST", "/memories/audio", {"memory_id": "walk"}, **bearer)
    assert (own.status, own.json["processing_status"]) == (200, "complete")


def test_the_readmes_command_shows_the_authorizer_of_each_route(running):
    gateway = running.local.aws.client("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    found = {
        (resource["path"], method["httpMethod"]): method["authorizationType"]
        for resource in gateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
        for method in resource.get("resourceMethods", {}).values()
    }
    assert {route for route, kind in found.items() if kind != "NONE"} == {
        (route, "POST") for route in ROUTES
    }
    (authorizer,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert authorizer["name"] == "CognitoAuth"


@pytest.fixture
def temporary():
    """A folder for a whole command; root's PostgreSQL, another user, cannot read `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="memories-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_when_the_command_ends_its_database_is_gone_too(temporary):
    # A job that a script put into the background ignores Ctrl-C, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "authz_lib.cli", "local", str(EXAMPLE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        assert any("serving" in line for line in process.stdout)
        servers = processes_of(temporary)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, said
    assert servers
    assert processes_of(temporary) == set()
    left = {path.name for path in temporary.iterdir()}
    assert left <= {".lockfile"}  # PostgreSQL's package keeps one, empty


def processes_of(folder):
    """The PostgreSQL servers whose data is below a folder."""
    found = set()
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = words.read_bytes()
        except OSError:
            continue
        if b"postgres" in line and os.fsencode(folder) in line:
            found.add(words.parent.name)
    return found

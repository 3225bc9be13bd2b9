"""The example over HTTP, with three users of two tenants, on PostgreSQL, S3 and FFmpeg."""

from __future__ import annotations

import json
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


def comparable(answer):
    headers = {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST}
    return answer.status, headers, answer.content


def test_the_sound_is_fetched_by_its_url_for_an_hour(running):
    answer = running.ask("alice", "POST", "/memories/audio", {"segment_id": "walk-0"})
    assert set(answer.json) == {"presigned_url", "duration_seconds", "processing_status"}
    url = urlsplit(answer.json["presigned_url"])
    assert url.path.endswith("/sessions/walk/window_000/audio.wav")
    assert parse_qs(url.query)["X-Amz-Expires"] == ["3600"]
    fetched = running.fetch("GET", answer.json["presigned_url"])
    assert fetched.status == 200
    assert (fetched.content[:4], len(fetched.content)) == (b"RIFF", 32044)


def test_the_video_is_made_once_and_decodes(running, decoded, tmp_path):
    started = running.invocations("Encoder")
    barrier = threading.Barrier(4)
    running.local.token("alice")

    def ask(_):
        barrier.wait(timeout=30)
        return running.ask("alice", "POST", "/memories/video", {"segment_id": "walk-0"})

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(4)))
    assert {answer.status for answer in answers} <= {200, 202}
    for place in {answer.headers["location"] for answer in answers if answer.status == 202}:
        assert (running.url + "/memories/video/walk-0").endswith(place)
        assert place.startswith("/prod/")

    done = running.until("alice", "/memories/video/walk-0", 200)
    assert {**done.json, "presigned_url": ""} == {
        "segment_id": "walk-0",
        "presigned_url": "",
        "frame_count": 20,
        "duration_seconds": 2.0,
        "processing_status": "complete",
    }
    assert running.ask("alice", "POST", "/memories/video", {"segment_id": "walk-0"}).status == 200
    assert running.invocations("Encoder") == started + 1

    assert urlsplit(done.json["presigned_url"]).path.endswith("/sessions/walk/window_000/video.mp4")
    (tmp_path / "video.mp4").write_bytes(running.fetch("GET", done.json["presigned_url"]).content)
    video = decoded(tmp_path / "video.mp4")
    assert (video.codecs, video.frames) == (("h264", "aac"), 20)
    assert video.seconds == pytest.approx(done.json["duration_seconds"], abs=0.15)


def test_pending_and_failed_are_counted_and_never_encoded(running):
    started = running.invocations("Encoder")
    pending = running.ask("alice", "POST", "/memories/video", {"segment_id": "walk-1"})
    failed = running.ask("alice", "POST", "/memories/video", {"segment_id": "lost-0"})
    assert (pending.status, failed.status) == (200, 200)
    assert (pending.json["presigned_url"], pending.json["frame_count"]) == ("", 20)
    assert pending.json["segment_id"] == "walk-1"
    assert (failed.json["processing_status"], failed.json["frame_count"]) == ("failed", 0)
    assert running.invocations("Encoder") == started


def test_an_encoder_that_was_lost_has_failed_and_is_started_again(running):
    running.execute("delete from videos where segment_id = 'dinner-0'")
    running.execute(
        "insert into videos values ('dinner-0', 'encoding', 20, now() - interval '4 minutes')"
    )
    assert running.ask("bob", "GET", "/memories/video/dinner-0").status == 202
    assert running.ask("bob", "POST", "/memories/video", {"segment_id": "dinner-0"}).status == 202
    running.execute(
        "update videos set started_at = now() - interval '10 minutes' where segment_id = 'dinner-0'"
    )
    lost = running.ask("bob", "GET", "/memories/video/dinner-0")
    assert (lost.status, lost.json["code"]) == (500, "ENCODING_FAILED")
    started = running.invocations("Encoder")
    assert running.ask("bob", "POST", "/memories/video", {"segment_id": "dinner-0"}).status == 202
    assert (
        running.until("bob", "/memories/video/dinner-0", 200).json["processing_status"]
        == "complete"
    )
    assert running.invocations("Encoder") == started + 1


def test_who_asks_by_session_learns_which_job_it_is_and_that_it_failed(running):
    running.execute("delete from videos where segment_id = 'evil-0'")
    asked = {"source_session_id": "evil"}
    encoders = running.invocations("Encoder")
    for start in (1, 2):  # GET says that it failed, however often; only POST starts it again
        job = running.ask("alice", "POST", "/memories/video", asked)
        assert (job.status, job.json["segment_id"]) == (202, "evil-0")
        assert {"location", "retry-after"} <= set(
            job.headers["access-control-expose-headers"].lower().split(",")
        )
        path = f"/memories/video/{job.json['segment_id']}"
        assert running.until("alice", path, 500).json["code"] == "ENCODING_FAILED"
        assert running.ask("alice", "GET", path).status == 500
        assert running.invocations("Encoder") == encoders + start


@pytest.fixture
def deliver(running):
    """Has Lambda run the encoder with an event, as late or as often as it likes."""

    def invoke(segment_id, started_at):
        payload = json.dumps({"segment_id": segment_id, "started_at": started_at}).encode()
        running.local.aws.invoke(running.local.stack.functions["Encoder"], payload)
        return running.execute(
            f"select status, frame_count from videos where segment_id = '{segment_id}'"
        )

    return invoke


OLD, NEW = "2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:09:05.678901+00:00"


@pytest.mark.parametrize("status", ["complete", "failed"])
def test_an_event_that_comes_twice_does_not_change_what_became_of_the_job(running, deliver, status):
    running.execute("delete from videos where segment_id in ('mute-0', 'dinner-0')")
    # An encoder would fail with one of them, and finish the other.
    for name in (
        "mute-0",
        "dinner-0",
    ):
        running.execute(f"insert into videos values ('{name}', '{status}', 7, '{OLD}')")
        assert deliver(name, OLD) == (status, 7)


def test_an_event_that_comes_late_does_not_end_the_job_that_was_started_after_it(running, deliver):
    running.execute("delete from videos where segment_id in ('mute-0', 'dinner-0')")
    for name in ("mute-0", "dinner-0"):
        running.execute(f"insert into videos values ('{name}', 'encoding', 7, '{NEW}')")
        assert deliver(name, OLD) == ("encoding", 7)
    assert deliver("dinner-0", NEW) == ("complete", 20)
    assert deliver("mute-0", NEW) == ("failed", 7)
    running.execute("delete from videos where segment_id in ('mute-0', 'dinner-0')")


@pytest.fixture
def started(running, service):
    """The service's modules on the example's database, a job just started, and its event."""
    loaded = service(DATABASE_URL=running.local.parameters["DatabaseUrl"])
    engine = loaded.segments.engine()
    running.execute("delete from videos where segment_id = 'dinner-0'")
    segment = loaded.segments.of_caller(running.local.variables["bob.sub"], id="dinner-0")
    started_at = loaded.segments.claim_video(segment, 7)
    yield loaded, segment, {"segment_id": "dinner-0", "started_at": started_at.isoformat()}
    running.execute("delete from videos where segment_id = 'dinner-0'")
    engine.dispose()


def test_an_event_that_comes_again_while_its_video_is_made_does_nothing(started, monkeypatch):
    loaded, segment, event = started
    made = []

    def make_video(taken):
        made.append(taken)
        if len(made) > 1:
            raise ValueError("a second encoder")
        loaded.encoder.handler(event, None)
        assert loaded.segments.video_of(segment).status == "encoding"
        assert loaded.segments.claim_video(segment, 7) is None  # nor does POST start another
        return 20

    monkeypatch.setattr(loaded.encoder, "make_video", make_video)
    loaded.encoder.handler(event, None)
    assert made == [segment]
    assert loaded.segments.video_of(segment)[:2] == ("complete", 20)


def test_a_start_whose_answer_was_lost_does_not_end_the_job_that_an_encoder_has_taken(started):
    from datetime import datetime

    loaded, segment, event = started
    started_at = datetime.fromisoformat(event["started_at"])
    assert loaded.segments.take_job("dinner-0", started_at) == segment
    loaded.segments.give_up_video("dinner-0", started_at)
    assert loaded.segments.video_of(segment).status == "encoding"
    loaded.segments.finish_video("dinner-0", started_at, status="failed")
    again = loaded.segments.claim_video(segment, 7)
    loaded.segments.give_up_video("dinner-0", started_at)  # of another start
    assert loaded.segments.video_of(segment).status == "encoding"
    loaded.segments.give_up_video("dinner-0", again)
    assert loaded.segments.video_of(segment).status == "failed"


def test_of_many_deliveries_at_once_one_takes_the_job(started, running, monkeypatch):
    from datetime import datetime

    from sqlalchemy import NullPool, create_engine

    loaded, segment, event = started
    # As Lambdas have.
    one_each = create_engine(running.local.parameters["DatabaseUrl"], poolclass=NullPool)
    monkeypatch.setattr(loaded.segments, "engine", lambda: one_each)
    barrier = threading.Barrier(4)

    def take(_):
        barrier.wait(timeout=30)
        return loaded.segments.take_job(
            event["segment_id"], datetime.fromisoformat(event["started_at"])
        )

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(take, range(4)), key=bool) == [None, None, None, segment]


def test_what_one_encoder_says_late_does_not_undo_what_another_has_done(running, service):
    from datetime import datetime

    segments = service(DATABASE_URL=running.local.parameters["DatabaseUrl"]).segments
    running.execute("delete from videos where segment_id = 'dinner-0'")
    segment = segments.of_caller(running.local.variables["bob.sub"], id="dinner-0")
    first = segments.claim_video(segment, 20)
    assert isinstance(first, datetime)
    assert segments.claim_video(segment, 20) is None
    assert segments.take_job("dinner-0", first) == segment
    segments.finish_video("dinner-0", first, status="failed")
    second = segments.claim_video(segment, 20)
    assert segments.take_job("dinner-0", first) is None
    assert segments.take_job("dinner-0", second) == segment
    segments.finish_video("dinner-0", first, status="failed")
    assert segments.video_of(segment).status == "encoding"
    segments.finish_video("dinner-0", second, status="complete", frame_count=20)
    segments.finish_video("dinner-0", second, status="failed")
    assert segments.video_of(segment) == ("complete", 20, second)
    assert segments.take_job("dinner-0", second) is None
    running.execute("delete from videos where segment_id = 'dinner-0'")
    segments.engine().dispose()


def test_a_finished_video_whose_object_is_gone_is_made_again_and_no_url_is_given(running):
    running.ask("bob", "POST", "/memories/video", {"segment_id": "dinner-0"})
    running.until("bob", "/memories/video/dinner-0", 200)
    bucket = running.local.variables["MediaBucketName"]
    running.local.aws.client("s3").delete_object(
        Bucket=bucket, Key="sessions/dinner/window_000/video.mp4"
    )
    gone = running.ask("bob", "GET", "/memories/video/dinner-0")
    assert (gone.status, gone.json["code"]) == (404, "VIDEO_NOT_FOUND")
    again = running.ask("bob", "POST", "/memories/video", {"segment_id": "dinner-0"})
    assert (again.status, again.json["presigned_url"]) == (202, "")
    done = running.until("bob", "/memories/video/dinner-0", 200)
    assert running.fetch("GET", done.json["presigned_url"]).status == 200


def test_a_gone_video_that_cannot_be_made_again_is_still_said_to_be_gone(running):
    running.execute("delete from videos where segment_id = 'dark-0'")
    running.execute(f"insert into videos values ('dark-0', 'complete', 20, '{OLD}')")
    asked = running.ask("alice", "POST", "/memories/video", {"segment_id": "dark-0"})
    assert (asked.status, asked.json["code"]) == (404, "FRAMES_NOT_FOUND")
    seen = running.ask("alice", "GET", "/memories/video/dark-0")
    assert (seen.status, seen.json["code"]) == (404, "VIDEO_NOT_FOUND")
    running.execute("delete from videos where segment_id = 'dark-0'")


def test_the_one_stage_is_the_one_of_the_template(running):
    (api,) = running.local.aws.client("apigateway").get_rest_apis()["items"]
    stages = running.local.aws.client("apigateway").get_stages(restApiId=api["id"])["item"]
    assert [stage["stageName"] for stage in stages] == ["prod"]
    token = {"Authorization": f"Bearer {running.local.token('alice')}"}
    for stage, status in (("prod", 200), ("Stage", 403)):
        url = running.url.removesuffix("prod") + stage + "/memories/audio"
        assert running.fetch("POST", url, {"segment_id": "walk-0"}, token).status == status


OTHERS = ["walk-0", "walk-1", "lost-0", "mute-0", "dark-0", "evil-0"]  # alice's, in every state
# Of another tenant, and of alice's own; what is theirs.
STRANGERS = {
    "bob": "dinner-0",
    "carol": "lunch-0",
}


def test_alice_and_carol_are_of_one_tenant_and_bob_of_another(running):
    pool = {"UserPoolId": running.local.variables["UserPoolId"]}
    cognito = running.local.aws.client("cognito-idp")
    tenants = {}
    for name in ("alice", "bob", "carol"):
        user = cognito.admin_get_user(**pool, Username=name)
        tenants[name] = {item["Name"]: item["Value"] for item in user["UserAttributes"]}[
            "custom:tenant_id"
        ]
    assert tenants == {"alice": "acme", "bob": "globex", "carol": "acme"}


@pytest.mark.parametrize("route", ROUTES)
def test_another_users_memory_is_answered_as_one_that_never_was_whatever_the_tenant(running, route):
    alice = running.local.variables["alice.sub"]
    never_was = comparable(running.ask("bob", "POST", route, {"segment_id": "never-was"}))
    assert never_was[0] == 404
    for stranger, own in STRANGERS.items():
        bodies = [
            {"segment_id": "never-was"},
            *({"segment_id": name} for name in OTHERS),
            *({"segment_id": name, "user_id": alice} for name in OTHERS),
            {"segment_id": "walk-0", "tenant_id": "acme"},
            {"source_session_id": "walk"},
            {"source_session_id": "walk", "source_window_index": 1},
            {"source_session_id": "walk", "user_id": alice},
            {"segment_id": own, "user_id": alice},
            {"user_id": alice},
            {"user_id": alice, "segment_id": "never-was"},
        ]
        for body in bodies:
            assert comparable(running.ask(stranger, "POST", route, body)) == never_was, (
                stranger,
                body,
            )
        if route != "/memories/video":
            assert running.ask(stranger, "POST", route, {"segment_id": own}).status == 200


@pytest.mark.parametrize("stranger", STRANGERS)
def test_another_users_job_is_answered_as_one_that_never_was(running, stranger):
    never_was = comparable(running.ask("bob", "GET", "/memories/video/never-was"))
    assert never_was[0] == 404
    for name in OTHERS:
        assert comparable(running.ask(stranger, "GET", f"/memories/video/{name}")) == never_was


def test_nothing_but_the_token_says_who_calls(running):
    alice = running.local.variables["alice.sub"]
    body = {
        "segment_id": "walk-0",
        "sub": alice,
        "claims": {"sub": alice},
        "requestContext": {"authorizer": {"claims": {"sub": alice}}},
    }
    headers = {
        "X-Principal-Sub": alice,
        "X-User-Id": alice,
        "X-Amzn-Oidc-Identity": alice,
        "Cookie": f"user_id={alice}",
    }
    found = running.ask("bob", "POST", f"/memories/audio?user_id={alice}", body, **headers)
    assert (found.status, found.json["code"]) == (404, "MEMORY_NOT_FOUND")
    own = running.ask(
        "bob", "POST", f"/memories/audio?user_id={alice}", {"segment_id": "dinner-0"}, **headers
    )
    assert own.status == 200


def test_a_member_given_twice_is_not_the_one_we_like(running):
    alice, bob = (running.local.variables[f"{name}.sub"] for name in ("alice", "bob"))
    parts = f'{{"segment_id": "walk-0", "user_id": "{alice}", "user_id": "{bob}"}}'
    token = {"Authorization": f"Bearer {running.local.token('bob')}"}
    answer = running.send("POST", running.url + "/memories/audio", parts.encode(), token)
    assert answer.status == 400


def test_one_object_has_one_owner(running):
    from sqlalchemy.exc import IntegrityError

    bob = running.local.variables["bob.sub"]
    for values in (
        f"('x', '{bob}', 'walk', 0, 2.0, 'complete')",  # alice's objects, by the same key
        f"('x', '{bob}', '../walk', 5, 2.0, 'complete')",
        f"('x', '{bob}', 'a/../walk', 5, 2.0, 'complete')",
        f"('x', '{bob}', 'b', 1000, 2.0, 'complete')",
        f"('x', '{bob}', 'b', 0, 0, 'complete')",
        f"('x', '{bob}', 'b', 0, 2.0, 'done')",
    ):
        with pytest.raises(IntegrityError):
            running.execute(f"insert into segments values {values}")


def test_alice_signs_in_over_the_public_routes_and_goes_on_with_what_she_got(running):
    start = running.ask(
        None, "POST", "/auth/start", {"username": "alice", "password": "Local-only-1!"}
    )
    assert start.status == 200
    assert start.headers["cache-control"] == "no-store"
    on = running.ask(None, "POST", "/auth/handoff", {"refresh_token": start.json["refresh_token"]})
    assert on.status == 200
    bearer = {"Authorization": f"Bearer {on.json['access_token']}"}
    own = running.ask(None, "POST", "/memories/audio", {"segment_id": "walk-0"}, **bearer)
    assert (own.status, own.json["processing_status"]) == (200, "complete")


def test_on_a_given_server_it_makes_a_database_of_its_own_and_drops_it(temporary, monkeypatch):
    import importlib.util

    from sqlalchemy import NullPool, create_engine, text

    spec = importlib.util.spec_from_file_location("memories_companions", EXAMPLE / "companions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with module._server() as server:

        def databases():
            engine = create_engine(server, poolclass=NullPool)
            with engine.connect() as connection:
                return set(connection.execute(text("select datname from pg_database")).scalars())

        before = databases()
        monkeypatch.setenv(
            "DATABASE_URL",
            server.set(drivername="postgresql").render_as_string(hide_password=False),
        )
        with module.companions(EXAMPLE) as parameters:
            (made,) = databases() - before
            assert f"/{made}" in parameters["DatabaseUrl"]
        assert databases() == before


@pytest.fixture
def temporary():
    """A folder for a whole command; root's PostgreSQL, another user, cannot read `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="memories-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_when_the_command_ends_its_database_is_gone_too(temporary, number):
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
        process.send_signal(number)
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

"""The memories example: running as a whole, or its service code by itself."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import urllib3

EXAMPLE = Path(__file__).parents[3] / "examples" / "memories"
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Memories1"
ENVIRONMENT = {
    "ACCOUNT_ID": "123456789012",
    "ALLOWED_ORIGIN": "https://app.example.com",
    "API_ID_PARAMETER": "/encache/api/memories_api_id",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_NAME": "memories",
    "AWS_SECRET_ACCESS_KEY": "test",
    "CLIENT_ID": "memories-app",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nowhere",  # nothing listens there
    "ENCODER": "encoder",
    "ISSUER": ISSUER,
    "MEDIA_BUCKET": "media",
}
MODULES = {
    "helpers": "shared.lambda_helpers",
    "segments": "shared.segments",
    "media": "shared.media",
    "audio": "memories.audio.app",
    "video": "memories.video.app",
    "encoder": "encoder",
    "auth": "auth.app",
}


class Running:
    """The deployed example, and its users' way of asking it."""

    def __init__(self, local):
        self.local = local
        self.url = local.variables["Url"]

    def ask(self, user, method, path, body=None, **headers):
        """An answer's status, headers and body."""
        token = {"Authorization": f"Bearer {self.local.token(user)}"} if user else {}
        return self.fetch(method, self.url + path, body, {**token, **headers})

    def fetch(self, method, url, body=None, headers=None):
        return self.send(method, url, None if body is None else json.dumps(body).encode(), headers)

    def send(self, method, url, data, headers=None):
        parts = urllib3.util.parse_url(url)
        with urllib3.HTTPConnectionPool("127.0.0.1", parts.port, timeout=30, retries=False) as pool:
            answer = pool.request(
                method,
                parts.request_uri,
                body=data,
                headers={**(headers or {}), "Host": parts.netloc},
            )
        return SimpleNamespace(
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            content=answer.data,
            json=json.loads(answer.data)
            if answer.headers.get("Content-Type") == "application/json"
            else None,
        )

    def invocations(self, function):
        log = self.local.aws.function_log(self.local.stack.functions[function])
        return sum(line.startswith("START RequestId") for line in log)

    def execute(self, statement):
        """One statement in the example's database; the first row of its answer where it has one."""
        import psycopg

        with psycopg.connect(self.local.parameters["DatabaseUrl"]) as database:
            result = database.execute(statement)
            return result.fetchone() if result.description else None


@pytest.fixture(scope="module")
def running():
    from authz_local.local_scenario import LocalScenario

    with LocalScenario(EXAMPLE) as local:
        yield Running(local)


def forget():
    for name in list(sys.modules):
        if name.partition(".")[0] in {"shared", "memories", "auth", "encoder"}:
            del sys.modules[name]


@pytest.fixture
def service(monkeypatch):
    """The service's modules; `service(**variables)` changes the environment that they start in."""
    pytest.importorskip("psycopg", reason="dependency group `examples`")

    def load(**variables):
        for name, value in {**ENVIRONMENT, **variables}.items():
            monkeypatch.setenv(name, value)
        forget()
        loaded = {name: importlib.import_module(path) for name, path in MODULES.items()}
        object.__setattr__(loaded["helpers"].GATEWAY, "api_id", "api1")  # instead of asking SSM
        return SimpleNamespace(**loaded)

    for folder in ("api", "encoder"):
        monkeypatch.syspath_prepend(str(EXAMPLE / folder))
    yield load
    forget()


@pytest.fixture
def decoded():
    """Decodes a whole video, every frame and sample of it, and says what was in it."""

    def decode(path):
        import imageio_ffmpeg

        decoder = imageio_ffmpeg.get_ffmpeg_exe()
        words = [
            decoder,
            "-nostdin",
            "-v",
            "error",
            "-xerror",
            "-i",
            str(path),
            "-map",
            "0",
            "-f",
            "null",
            "-",
        ]
        broken = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
        assert (broken.returncode, broken.stderr) == (0, "")
        reader = imageio_ffmpeg.read_frames(str(path))
        try:
            meta = next(reader)
        finally:
            reader.close()
        frames, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
        return SimpleNamespace(
            codecs=(meta["codec"].split()[0], meta["audio_codec"].split()[0].rstrip(",")),
            size=tuple(meta["source_size"]),
            frames=frames,
            seconds=meta["duration"],
        )

    return decode

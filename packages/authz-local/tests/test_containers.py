"""The part of a container: a process on a port, which ends with its companion."""

from __future__ import annotations

import urllib.request
from types import SimpleNamespace

import pytest

from authz_lib.errors import ConfigurationError
from authz_local.containers import Container

AWS = SimpleNamespace(region="us-gov-west-1", url="http://127.0.0.1:4566")
SERVES = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Says(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        names = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "TABLE", "AWS_PROFILE")
        self.wfile.write(",".join(os.environ.get(name, "-") for name in names).encode())

HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Says).serve_forever()
"""


@pytest.fixture
def container(tmp_path):
    def made(script):
        path = tmp_path / "service.py"
        path.write_text(script)
        return Container(path)

    return made


def test_it_serves_where_the_parameter_says_until_the_block_ends(container, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    service = container(SERVES)
    with service.named("ListenerArn")(tmp_path) as parameters:
        assert parameters == {"ListenerArn": service.url}
        service.launch(AWS, TABLE="tickets")()
        with urllib.request.urlopen(service.url) as answer:
            assert answer.read() == b"http://127.0.0.1:4566,us-gov-west-1,tickets,-"
        process = service._process
    assert process.poll() is not None
    with pytest.raises(OSError):
        urllib.request.urlopen(service.url)


def test_it_is_launched_at_once_and_waited_for_later(container, tmp_path):
    service = container("import time\ntime.sleep(0.5)\n" + SERVES)
    with service.named("ListenerArn")(tmp_path):
        wait = service.launch(AWS)
        with pytest.raises(OSError):
            urllib.request.urlopen(service.url)
        wait()
        urllib.request.urlopen(service.url).close()


def test_one_that_is_never_started_leaves_nothing(container, tmp_path):
    service = container(SERVES)
    with service.named("ListenerArn")(tmp_path):
        assert service._process is None


def test_one_that_ends_is_told_by_name(container, tmp_path):
    service = container("raise SystemExit(1)")
    with (
        service.named("ListenerArn")(tmp_path),
        pytest.raises(ConfigurationError, match=r"`service\.py` does not serve"),
    ):
        service.launch(AWS)()

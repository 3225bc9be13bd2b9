"""The user's own AWS setup, proxies and switches stay outside the local AWS."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from authz_local._isolation import inherited_variables, make_client, make_resource

HOSTILE = {
    "AWS_PROFILE": "no-such-profile",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:1",
    "AWS_REGION": "mars-north-1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_MAX_ATTEMPTS": "many",
    "http_proxy": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "no_proxy": "internal.example",
}


@pytest.fixture
def endpoint():
    """Answers any call with an empty JSON object."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_client_reads_nothing_of_the_users(endpoint, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile broken")
    for name, value in (HOSTILE | {"AWS_CONFIG_FILE": str(tmp_path / "config")}).items():
        monkeypatch.setenv(name, value)
    client = make_client("ssm", endpoint_url=endpoint, region="us-east-1")
    assert client.meta.region_name == "us-east-1"
    answer = client.describe_parameters()
    assert answer["ResponseMetadata"] == answer["ResponseMetadata"] | {
        "HTTPStatusCode": 200,
        "RetryAttempts": 0,
    }


def test_a_resource_reads_as_little(endpoint, monkeypatch, tmp_path):
    (tmp_path / "config").write_text("[profile broken")
    for name, value in (HOSTILE | {"AWS_CONFIG_FILE": str(tmp_path / "config")}).items():
        monkeypatch.setenv(name, value)
    table = make_resource("dynamodb", endpoint_url=endpoint, region="us-east-1").Table("orders")
    assert table.scan()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "name",
    [
        *HOSTILE,
        "AUTHZ_ISSUER",
        "LAMBDA_STRICT",
        "MINISTACK_HOST",
        "PYTHONIOENCODING",
        "SERVICES",
        "USE_SSL",
    ],
)
def test_what_would_change_the_local_aws_is_not_inherited(name):
    assert inherited_variables({name: "x", "HOME": "/home/x"}) == {"HOME": "/home/x"}


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LANG", "VIRTUAL_ENV", "SSL_CERT_FILE", "COVERAGE_PROCESS_START"]
)
def test_the_rest_is(name):
    assert inherited_variables({name: "x"}) == {name: "x"}

"""Real clients raise the model's class for each error of a Lambda proxy answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from authz_lib import errors
from authz_lib.smithy import errors as smithy

OWN = smithy.define("OrderLockedException", 409, "client", retryable=True)
SHAPES = [*smithy.CATALOGUE.values(), OWN]
HOSTILE = {
    "quote": "say \"no\" \\ or 'yes'",
    "newline": "a\nb\r\nSet-Cookie: c=d\x00",
    "non-ascii": "grüße 日本 \U0001f512 \u2028",
    "100 kB": "x" * 100_000,
    "json": '"}, {"__type": "Other", "code": "Other"',
    "empty": "",
}


def service_model(protocol):
    """A model as botocore reads it: one operation, every error of the catalogue."""
    members = {
        "message": {"shape": "Text"},
        "requestId": {"shape": "Text"},
        "lockedBy": {"shape": "Text"},
    }
    members["fieldList"] = {"shape": "FieldList"}
    field = {
        "type": "structure",
        "members": {"path": {"shape": "Text"}, "message": {"shape": "Text"}},
    }
    shapes = {
        "Text": {"type": "string"},
        "FieldList": {"type": "list", "member": {"shape": "Field"}},
        "Field": field,
    }
    for shape in SHAPES:
        error = {"httpStatusCode": shape.status, "senderFault": shape.fault == "client"}
        shapes[shape.name] = {
            "type": "structure",
            "members": members,
            "error": error,
            "exception": True,
        }
    return {
        "version": "2.0",
        "metadata": {
            "apiVersion": "2026-01-01",
            "endpointPrefix": "orders",
            "protocol": protocol,
            "protocols": [protocol],
            "jsonVersion": "1.1",
            "targetPrefix": "Orders",
            "serviceFullName": "Orders",
            "serviceId": "Orders",
            "signatureVersion": "v4",
            "uid": "orders-2026-01-01",
        },
        "operations": {
            "GetOrder": {
                "name": "GetOrder",
                "http": {"method": "POST", "requestUri": "/"},
                "errors": [{"shape": shape.name} for shape in SHAPES],
            }
        },
        "shapes": shapes,
    }


class Server(ThreadingHTTPServer):
    """Answers every request with a Lambda proxy answer, as API Gateway would pass it on."""

    daemon_threads = True
    answer: dict


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = self.server.answer["body"].encode()
        self.send_response(self.server.answer["statusCode"])
        for name, value in self.server.answer["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.do_POST()

    def log_message(self, *_):
        """Be quiet."""


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=["rest-json", "json"])
def client(request, server, tmp_path_factory):
    data = tmp_path_factory.mktemp(request.param)
    folder = data / "orders" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(service_model(request.param)))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(str(data))
    made = session.create_client(
        "orders",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}, ignore_configured_endpoint_urls=True),
    )
    yield made
    made.close()


def raised(client, server, answer):
    server.answer = answer
    with pytest.raises(ClientError) as caught:
        client.get_order()
    return caught.value


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_botocore_raises_the_class_of_the_model(client, server, shape):
    error = raised(client, server, shape("no such order").to_response(request_id="r-1"))
    assert type(error) is getattr(client.exceptions, shape.name)
    assert error.response["Error"]["Code"] == shape.name
    assert error.response["Error"]["Message"] == "no such order"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == shape.status
    assert error.response["ResponseMetadata"]["RequestId"] == "r-1"
    assert error.response["requestId"] == "r-1"


@pytest.mark.parametrize("message", HOSTILE.values(), ids=HOSTILE)
def test_botocore_reads_hostile_messages_as_they_are(client, server, message):
    error = raised(client, server, smithy.conflict(message).to_response(request_id=message[:200]))
    assert type(error) is client.exceptions.ConflictException
    assert error.response["Error"]["Message"] == message


def test_botocore_reads_the_members(client, server):
    error = raised(
        client, server, smithy.validation("bad", fields={"/a": 'too "long"'}).to_response()
    )
    assert error.response["fieldList"] == [{"path": "/a", "message": 'too "long"'}]
    error = raised(client, server, OWN("locked", lockedBy="bob").to_response())
    assert error.response["lockedBy"] == "bob"


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (errors.TokenExpiredError("secret"), "UnauthorizedException"),
        (errors.AccessDeniedError("secret"), "AccessDeniedException"),
        (errors.PolicyStoreUnavailableError("secret"), "ServiceUnavailableException"),
    ],
)
def test_botocore_reads_what_this_library_raises(client, server, error, name):
    read = raised(client, server, smithy.from_authz_error(error).to_response())
    assert type(read) is getattr(client.exceptions, name)
    assert "secret" not in str(read)


def test_botocore_types_the_standard_format_by_its_header(client, server):
    """The header wins over all.  No `code` is sent: it would hide `__type`."""
    error = raised(
        client,
        server,
        smithy.not_found("m", standard_code="ORDER_NOT_FOUND").to_response(error_format="standard"),
    )
    if client.meta.service_model.metadata["protocol"] == "rest-json":
        assert type(error) is client.exceptions.ResourceNotFoundException
    else:
        assert type(error) is ClientError


# -- JavaScript: a generated client of the SDK, where it is installed
# --------------------------------------------------

MODULES = os.environ.get("AUTHZ_NODE_MODULES")
MODELLED = [  # the errors that the Scheduler client has a class for
    smithy.conflict,
    smithy.internal,
    smithy.not_found,
    smithy.service_quota_exceeded,
    smithy.throttling,
    smithy.CATALOGUE["ValidationException"],
]
SCRIPT = """
import * as sdk from "@aws-sdk/client-scheduler";
const client = new sdk.SchedulerClient({
  region: "us-east-1", endpoint: process.argv[2], maxAttempts: 1,
  credentials: {accessKeyId: "a", secretAccessKey: "b"},
});
try {
  await client.send(new sdk.GetScheduleCommand({Name: "n"}));
} catch (e) {
  const typed = sdk[e.name] !== undefined && e instanceof sdk[e.name];
  console.log(JSON.stringify({
    name: e.name, typed, message: e.message, status: e.$metadata.httpStatusCode,
    requestId: e.$metadata.requestId,
    fault: e.$fault,
  }));
}
"""


@pytest.fixture(scope="module")
def javascript(tmp_path_factory):
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    if not MODULES:
        pytest.skip("AUTHZ_NODE_MODULES names no folder with @aws-sdk/client-scheduler")
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "node_modules").symlink_to(Path(MODULES))
    script = folder / "client.mjs"
    script.write_text(SCRIPT)

    def call(server, answer):
        server.answer = answer
        url = f"http://127.0.0.1:{server.server_port}"
        done = subprocess.run(
            ["node", str(script), url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "NODE_NO_WARNINGS": "1"},
        )
        return json.loads(done.stdout)

    return call


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_javascript_names_every_error_and_types_those_of_its_model(javascript, server, shape):
    seen = javascript(server, shape("no such order").to_response(request_id="r-1"))
    assert (seen["name"], seen["status"], seen["requestId"]) == (shape.name, shape.status, "r-1")
    if shape in MODELLED:
        assert seen["typed"]
        assert seen["message"] == "no such order"
        assert seen["fault"] == shape.fault


@pytest.mark.parametrize("message", [text for name, text in HOSTILE.items() if name != "empty"])
def test_javascript_reads_hostile_messages_as_they_are(javascript, server, message):
    seen = javascript(server, smithy.conflict(message).to_response(request_id=message[:200]))
    assert (seen["name"], seen["typed"], seen["message"]) == ("ConflictException", True, message)

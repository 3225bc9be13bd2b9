"""The real ministack, corrected, inside of the test's process."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from urllib.parse import unquote

import pytest

SCOPE = "test/20260101/us-east-1/apigateway/aws4_request"
SIGNED = ("Authorization", f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0")
IS_INSTALLED = find_spec("authz_local") is not None
collect_ignore_glob = [] if IS_INSTALLED else ["test_*.py"]


def pytest_report_header():
    return "" if IS_INSTALLED else "`authz-local` is not installed: its tests are left out"


class CorrectedMinistack:
    """ministack's ASGI application; only a Lambda is a function of the test.

    `events` are what the Lambda was invoked with, and `answer` is what it returns.
    """

    def __init__(self, app, services):
        self._app = app
        self.rest, self.http = services.apigateway_v1, services.apigateway
        self.appsync = services.appsync
        self.events = []
        self.answer = {"principalId": "alice", "policyDocument": policy("Allow")}

    def invoke(self, _record, event):
        self.events.append(json.loads(json.dumps(event)))
        answer = self.answer(event) if callable(self.answer) else self.answer
        return answer if "body" in answer else {"body": answer}

    def call(self, method, path, body=None, *, host="localhost", headers=()):
        """The status and the JSON of one request; `path` as a client sends it, encoded."""
        return asyncio.run(self._call(method, path, body, host, headers))

    async def _call(self, method, path, body, host, headers):
        sent = []
        content = b"" if body is None else json.dumps(body).encode()
        messages = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive():
            return next(messages, {"type": "http.disconnect"})

        async def send(message):
            sent.append(message)

        given = [("Host", f"{host}:4566"), ("Content-Type", "application/json"), *headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in given],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 4566),
        }
        await self._app.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(text) if text else None

    def connect(self, api, path, *, headers=()):
        """The status that a WebSocket's handshake is answered with; 101 opens it."""
        sent = []
        messages = iter([{"type": "websocket.connect"}])

        async def receive():
            return next(messages, {"type": "websocket.disconnect", "code": 1000})

        async def send(message):
            sent.append(message)

        given = [("Host", f"{api}.execute-api.localhost:4566"), *headers]
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "extensions": {"websocket.http.response": {}},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 4566),
            "subprotocols": [],
        }
        asyncio.run(self._app.app(scope, receive, send))
        return 101 if sent[0]["type"] == "websocket.accept" else sent[0]["status"]

    def make(self, path, body, *, method="POST"):
        """Something of ministack's control plane."""
        status, made = self.call(method, path, body, headers=[SIGNED])
        assert status < 300, made
        return made


def policy(effect, resource="*"):
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def ministack(monkeypatch):
    """ministack with all corrections; afterwards its modules are as they were, and empty."""
    pytest.importorskip("ministack")
    from ministack import app, services
    from ministack.services import apigateway, apigateway_v1, appsync, lambda_svc

    from authz_local import _ministack

    for module in (app, apigateway, apigateway_v1, appsync, lambda_svc):
        for name, value in list(vars(module).items()):
            if callable(value):
                monkeypatch.setattr(module, name, value)  # what is corrected is put back
    corrected = CorrectedMinistack(app, services)
    found = ({"config": {}}, {"FunctionName": "authorizer"}, "authorizer")
    replaced = {
        "_get_func_record_for_ref_in_scope": lambda *_, **__: found,
        "_get_func_record_for_ref": lambda *_, **__: found,
        "_execution_record_for_config": lambda *_, **__: {},
        "_execute_function_with_config_scope": corrected.invoke,
    }
    for name, function in replaced.items():
        assert callable(getattr(lambda_svc, name))
        monkeypatch.setattr(lambda_svc, name, function)
    _ministack.correct(app, services)
    yield corrected
    apigateway_v1.reset()
    apigateway.reset()
    appsync.reset()

"""The application as a Lambda, on events of API Gateway, and under uvicorn, with real tokens."""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module

import httpx
import pytest

from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

SETTINGS = {"ISSUER": "https://issuer.example", "CLIENT_ID": "web"}
WRITE = {"scope": "orders/write"}
# Who asks what, and what is answered; the same in both.
TABLE = [
    ("alice", {}, "GET", "/orders/1001", 200),
    ("alice", {}, "GET", "/orders/1002", 403),
    ("alice", {"cognito:groups": ["support"]}, "GET", "/orders/1002", 200),
    ("alice", {}, "GET", "/orders/1003", 404),
    ("alice", WRITE, "DELETE", "/orders/1001", 200),
    ("alice", {}, "DELETE", "/orders/1001", 403),
    ("bob", WRITE, "DELETE", "/orders/1001", 403),
    ("bob", {}, "GET", "/orders", 200),
    (None, {}, "GET", "/orders", 401),
    (None, {}, "GET", "/orders/1001", 401),
    (None, {}, "GET", "/health", 200),
    (None, {}, "GET", "/openapi.json", 200),
]
NAMES = {
    401: "UnauthorizedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    503: "ServiceUnavailableException",
}


@contextmanager
def uvicorn(jwks_url):
    """The address of the application in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", "--no-use-colors"],
        env={**os.environ, **SETTINGS, "CALLERS": "token", "JWKS_URL": jwks_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        running = next(line for line in server.stderr if "running on" in line)
        yield running.partition("running on ")[2].split()[0]
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="module")
def issuer():
    return TestIssuer(SETTINGS["ISSUER"])


def bearer(issuer, subject, claims):
    token = issuer.token({"sub": subject, "client_id": "web", **claims})
    return {"Authorization": f"Bearer {token}"}


def test_under_uvicorn(issuer):
    with issuer.serve() as keys, uvicorn(keys.jwks_url) as url:
        for subject, claims, method, path, status in TABLE:
            headers = bearer(issuer, subject, claims) if subject else {}
            said = httpx.request(method, f"{url}{path}", headers=headers)
            assert (path, said.status_code) == (path, status)
            assert said.headers.get("x-amzn-errortype") == NAMES.get(status)
        said = httpx.get(f"{url}/orders", headers=bearer(issuer, "bob", {}))
        assert said.json() == ["1002"]
        document = httpx.get(f"{url}/openapi.json").json()
        assert document["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"
        assert document["paths"]["/orders/{order_id}"]["delete"]["security"] == [
            {"Bearer": ["orders/write"]}
        ]


def test_without_the_keys_of_the_issuer_nobody_is_told_no(issuer):
    with uvicorn("http://127.0.0.1:9/keys") as url:
        said = httpx.get(f"{url}/orders", headers=bearer(issuer, "bob", {}))
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")


def event_of(subject, claims, method, path):
    groups = " ".join(claims.get("cognito:groups", []))
    given = {"sub": subject, "iss": SETTINGS["ISSUER"], "client_id": "web", "exp": "4000000000"}
    given |= {**claims, "cognito:groups": f"[{groups}]"}
    authorizer = {"jwt": {"claims": given, "scopes": None}} if subject else None
    return events.http_event(route=f"{method} {path}", authorizer=authorizer)


def test_under_mangum(monkeypatch):
    settings = {"CALLERS": "gateway", "API_ID": events.API_ID, "ACCOUNT_ID": events.ACCOUNT_ID}
    for name, value in {**SETTINGS, **settings}.items():
        monkeypatch.setenv(name, value)
    loop = asyncio.new_event_loop()  # Lambda's own: Mangum takes the loop of the thread
    asyncio.set_event_loop(loop)
    handler = import_module("app").handler
    for subject, claims, method, path, status in TABLE:
        said = handler(event_of(subject, claims, method, path), None)
        assert (path, said["statusCode"]) == (path, status)
        assert said["headers"].get("x-amzn-errortype") == NAMES.get(status)
    assert json.loads(handler(event_of("bob", {}, "GET", "/orders"), None)["body"]) == ["1002"]
    loop.close()

"""The application of the page, written to a file, under Mangum and under uvicorn."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from runpy import run_path

import httpx
import pytest
from mangum import Mangum

from authz_lib import Principal
from authz_lib.gateway.context import to_context
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "fastapi.md"
TEXT = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
CHOICE = "authz.AppAuthorization.mangum(gateway=gateway, decisions=policies)"
ALONE = """authz.AppAuthorization.standalone(
    verifier=JWTVerifier(
        issuer="https://issuer.example",
        audience="orders",
        algorithms=["RS256"],
        keys=RemoteKeySet(JWKS_URL),
    ),
    tenant_claim=None,
    decisions=policies,
)"""
ISSUER = "https://issuer.example"
# Who asks for what, and the answer; the key set and the policy store are asked for callers only.
TABLE = [
    ("alice", "DELETE", "/orders/1001", 200, None),
    ("bob", "DELETE", "/orders/1001", 403, "AccessDeniedException"),
    ("bob", "DELETE", "/orders/7", 404, "ResourceNotFoundException"),
    (None, "DELETE", "/orders/1001", 401, "UnauthorizedException"),
    (None, "GET", "/health", 200, None),
    (None, "GET", "/docs", 200, None),
]


def test_the_glue_is_at_most_ten_lines():
    glue = [line for line in TEXT.splitlines() if re.search(r"\bauthz\b", line)]
    assert 5 <= len(glue) <= 10


@pytest.fixture
def event_loop():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def check(status, name, headers, body):
    assert headers.get("x-amzn-errortype") == name
    assert ("www-authenticate" in headers) == (status == 401)
    if name:
        assert json.loads(body)["__type"] == name


@pytest.mark.usefixtures("event_loop")
@pytest.mark.parametrize(
    ("kind", "make"), [("http-lambda", events.http_event), ("rest-lambda", events.rest_event)]
)
def test_under_mangum(tmp_path, kind, make):
    path = tmp_path / "app.py"
    path.write_text(TEXT.replace("http-lambda", kind), encoding="utf-8")
    handler = Mangum(run_path(str(path))["app"])
    for who, method, target, status, name in TABLE:
        caller = who and Principal(who, issuer=ISSUER, client_id="web", expires_at=4_000_000_000)
        context = to_context(caller) if caller else None
        if kind == "http-lambda":
            authorizer = {"lambda": context} if context else None
            event = make(route=f"{method} {target}", authorizer=authorizer)
        else:
            event = make(method=method, path=target, authorizer=context)
        said = handler(event, None)
        assert (who, target, said["statusCode"]) == (who, target, status)
        check(status, name, said["headers"], said["body"])


@contextmanager
def uvicorn(folder, text):
    (folder / "app.py").write_text(text, encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", "--no-use-colors"],
        cwd=folder,
        env=dict(os.environ),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        running = next(line for line in server.stderr if "running on" in line)
        yield running.partition("running on ")[2].split()[0]
    finally:
        server.terminate()
        server.communicate(timeout=10)


def alone(jwks_url):
    assert CHOICE in TEXT
    more = f"from authz_lib import JWTVerifier, RemoteKeySet\nJWKS_URL = {jwks_url!r}\n"
    return more + TEXT.replace(CHOICE, ALONE)


def test_under_uvicorn(tmp_path):
    issuer = TestIssuer(ISSUER)
    with issuer.serve() as keys, uvicorn(tmp_path, alone(keys.jwks_url)) as url:
        for who, method, target, status, name in TABLE:
            token = issuer.token({"sub": who, "aud": "orders"})
            headers = {"Authorization": f"Bearer {token}"} if who else {}
            said = httpx.request(method, f"{url}{target}", headers=headers)
            assert (who, target, said.status_code) == (who, target, status)
            check(status, name, said.headers, said.text)
        document = httpx.get(f"{url}/openapi.json").json()
        assert document["components"]["securitySchemes"]["Bearer"]["scheme"] == "bearer"
        assert document["paths"]["/orders/{order_id}"]["delete"]["security"] == [{"Bearer": []}]


def test_under_uvicorn_without_keys(tmp_path, free_port):
    issuer = TestIssuer(ISSUER)
    with uvicorn(tmp_path, alone(f"http://127.0.0.1:{free_port}/keys")) as url:
        token = issuer.token({"sub": "alice", "aud": "orders"})
        said = httpx.delete(f"{url}/orders/1001", headers={"Authorization": f"Bearer {token}"})
        assert (said.status_code, said.headers["retry-after"]) == (503, "1")
        assert said.json()["__type"] == "ServiceUnavailableException"


def test_the_same_file_under_uvicorn_knows_nobody(tmp_path):
    with uvicorn(tmp_path, TEXT) as url:
        alice = to_context(Principal("alice", issuer=ISSUER, expires_at=4_000_000_000))
        headers = {f"x-principal-{name}": str(value) for name, value in alice.items()}
        assert httpx.delete(f"{url}/orders/1001", headers=headers).status_code == 401
        assert httpx.get(f"{url}/health").status_code == 200


@pytest.fixture
def free_port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]

"""What serves the ASGI applications of this room: a real uvicorn, and requests without a socket."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import httpx
import pytest
import uvicorn

from authz_lib import JWTVerifier
from authz_lib.testing.issuer import TestIssuer


class Served(uvicorn.Server):
    """A server in a thread; `url` once it has started."""

    def __init__(self, app, **options):
        options = {"lifespan": "on", "ws": "websockets-sansio", **options}
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", **options)
        super().__init__(config)
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        with contextlib.suppress(SystemExit):  # it did not start
            self.run()

    def start(self):
        self._thread.start()
        while not self.started and self._thread.is_alive():
            self._thread.join(0.005)
        if not self.started:
            return self
        port = self.servers[0].sockets[0].getsockname()[1]
        self.url, self.ws_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        return self

    def stop(self):
        self.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def served():
    """Start a server for an application; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(app, **options):
            server = Served(app, **options).start()
            stack.callback(server.stop)
            return server

        yield start


def ask(app, method, path, headers=(), **options):
    """One request to an application, without a socket; headers as they are, twice too."""

    async def asked():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.request(method, path, headers=headers, **options)

    return asyncio.run(asked())


@pytest.fixture(name="ask")
def ask_fixture():
    return ask


class Tokens:
    """Tokens of one issuer, and what verifies them."""

    def __init__(self):
        self.issuer = TestIssuer("https://issuer.example", algorithm="ES256")
        self.verifier = self.verifier_with()

    def verifier_with(self, **options):
        options = {"keys": self.issuer.key_set(), **options}
        return JWTVerifier(
            issuer=self.issuer.issuer, audience="orders", algorithms=["ES256"], **options
        )

    def token(self, subject="alice", expires_in_seconds=300, **claims):
        claims = {"sub": subject, "aud": "orders", **claims}
        return self.issuer.token(claims, expires_in_seconds=expires_in_seconds)

    def bearer(self, subject="alice", **options):
        return {"Authorization": f"Bearer {self.token(subject, **options)}"}


@pytest.fixture(scope="session")
def tokens():
    return Tokens()

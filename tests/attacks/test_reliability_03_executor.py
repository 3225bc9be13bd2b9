"""Reliability 3: tasks that wait for a key set or a hook starve asyncio's own threads."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from authz_lib import JWTVerifier, RemoteKeySet
from authz_lib.testing.issuer import TestIssuer

TASKS = 50
ISSUER = TestIssuer("https://issuer.example", algorithm="ES256")


class Hanging:
    """What hangs until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()
        self.threads: set[int] = set()

    def wait(self) -> None:
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.release.wait(30)

    def fetch(self, url: str) -> bytes:
        self.wait()
        return json.dumps(ISSUER.jwks()).encode()

    def revoked(self, token: object) -> bool:
        self.wait()
        return False


def verifier_of(hanging: Hanging, where: str) -> JWTVerifier:
    keys = RemoteKeySet("https://issuer.example/jwks.json", fetcher=hanging.fetch)
    return JWTVerifier(
        issuer="https://issuer.example",
        audience=None,
        algorithms=["ES256"],
        keys=keys if where == "fetch" else ISSUER.key_set(),
        revoked=hanging.revoked if where == "hook" else None,
    )


@pytest.mark.parametrize("where", ["fetch", "hook"])
def test_an_unrelated_thread_starts_at_once(where):
    hanging = Hanging()
    verifier = verifier_of(hanging, where)

    async def run() -> list[object]:
        before = threading.active_count()
        tokens = [ISSUER.token({"sub": f"user-{number}"}) for number in range(TASKS)]
        tasks = [asyncio.create_task(verifier.averify(token)) for token in tokens]
        try:
            while not hanging.entered.is_set():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
            started = threading.active_count() - before
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 2) == "free"
            assert started <= (1 if where == "fetch" else 8)
        finally:
            hanging.release.set()
        return await asyncio.gather(*tasks)

    assert len(asyncio.run(run())) == TASKS

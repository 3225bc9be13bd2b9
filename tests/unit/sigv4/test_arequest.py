"""A signed call from an event loop: the same answer, and nothing sent that nobody waits for."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from authz_lib._support.workers import CALL_WORKERS
from authz_lib.errors import DeliveryError, InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Client

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")


@pytest.fixture
def connect():
    clients = []

    def make(url):
        clients.append(SigV4Client(url, region="eu-west-1", credentials=FIXED))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_it_answers_as_the_plain_call(serve, http, connect):
    server = serve(
        lambda received, _: http.reply(body=json.dumps({"got": received.body.decode()}).encode())
    )
    client = connect(server.url)

    async def main():
        return await client.arequest(
            "POST", "/orders", json={"a": 1}, query={"q": "1"}, idempotency_key="k-1"
        )

    answer = asyncio.run(main())
    assert answer.json() == {"got": '{"a":1}'}
    (received,) = server.received
    assert (received.method, received.target) == ("POST", "/orders?q=1")
    assert received.header("idempotency-key") == "k-1"


def test_the_loop_runs_meanwhile(serve, http, connect):
    free = threading.Event()

    def answer(_received, _sock):
        assert free.wait(10)
        return http.reply()

    client = connect(serve(answer).url)

    async def main():
        task = asyncio.create_task(client.arequest("GET", "/"))
        await asyncio.sleep(0.01)
        assert not task.done()
        free.set()
        return (await task).status

    assert asyncio.run(main()) == 200


def test_a_call_that_was_cancelled_before_it_began_sends_nothing(serve, connect):
    server = serve()
    client = connect(server.url)
    free = threading.Event()

    async def main():
        busy = [asyncio.create_task(CALL_WORKERS.run(lambda: free.wait(10))) for _ in range(32)]
        await asyncio.sleep(0.01)
        call = asyncio.create_task(client.arequest("POST", "/orders", json={}))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        free.set()
        await asyncio.gather(*busy)
        await CALL_WORKERS.run(lambda: None)

    asyncio.run(main())
    assert server.received == []


def test_waiting_for_a_thread_counts_against_the_time(serve, connect):
    server = serve()
    client = connect(server.url)
    free = threading.Event()

    async def main():
        busy = [asyncio.create_task(CALL_WORKERS.run(lambda: free.wait(10))) for _ in range(32)]
        await asyncio.sleep(0.01)
        call = asyncio.create_task(client.arequest("GET", "/", timeout_seconds=0.01))
        await asyncio.sleep(0.05)
        free.set()
        await asyncio.gather(*busy)
        with pytest.raises(DeliveryError) as raised:
            await call
        return raised.value

    assert asyncio.run(main()).outcome == "not_sent"
    assert server.received == []


@pytest.mark.parametrize("seconds", [float("nan"), "1", None, True])
def test_a_time_that_bounds_nothing_is_refused(connect, seconds):
    client = connect("http://127.0.0.1:9")
    with pytest.raises(InvalidRequestError):
        asyncio.run(client.arequest("GET", "/", timeout_seconds=seconds))

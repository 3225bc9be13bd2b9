"""A host name is resolved in bounded time, and this machine's names stay on this machine."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from authz_lib.errors import DeliveryError
from authz_lib.sigv4 import Credentials, SigV4Client
from authz_lib.transport.resolve import ResolutionError, resolve

ELSEWHERE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


@pytest.fixture
def hanging(monkeypatch):
    """Every lookup hangs until the event is set."""
    go_on = threading.Event()
    asked = []

    def hang(host, *_, **__):
        asked.append(host)
        assert go_on.wait(10)
        return ELSEWHERE

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield asked
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "authz-lib-resolve":
            thread.join(5)


def test_a_resolver_that_hangs_ends_with_the_total_in_all_three_ways(way, hanging):
    began = time.monotonic()
    with pytest.raises(way.refused) as caught:
        way("https://api.internal.example", connect=9.0, total=0.2)()
    assert time.monotonic() - began < 5
    assert getattr(caught.value.__cause__, "outcome", "not_sent") == "not_sent"


def test_all_wait_for_one_lookup_of_a_host(hanging):
    wrong = []

    def ask():
        try:
            resolve("one.example", 80, until=time.monotonic() + 0.2)
        except ResolutionError:
            return
        wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (wrong, hanging) == ([], ["one.example"])
    assert sum(thread.name == "authz-lib-resolve" for thread in threading.enumerate()) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: threads and fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no `fork`")
def test_a_forked_process_does_not_wait_for_a_lookup_of_its_parent(hanging, monkeypatch):
    with pytest.raises(ResolutionError):
        resolve("one.example", 80, until=time.monotonic() + 0.1)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            socket.getaddrinfo = lambda *_, **__: ELSEWHERE
            status = 0 if resolve("one.example", 80, until=time.monotonic() + 5) else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("host", ["localhost", "evil.localhost"])
def test_a_name_of_this_machine_that_resolves_to_another_is_no_host(monkeypatch, host):
    asked = []
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, *_, **__: asked.append(name) or ELSEWHERE
    )
    client = SigV4Client(
        f"http://{host}:80", region="eu-west-1", credentials=Credentials("AKIDEXAMPLE", "secret")
    )
    with pytest.raises(DeliveryError, match="resolved") as caught:
        client.request("GET", "/", timeout_seconds=2)
    assert caught.value.outcome == "not_sent"
    assert set(asked) == {"localhost"}  # no name server is asked for the other


def test_a_name_below_localhost_reaches_this_machine(serve):
    server = serve()
    with SigV4Client(
        f"http://abc.execute-api.localhost:{server.port}",
        region="eu-west-1",
        credentials=Credentials("AKIDEXAMPLE", "secret"),
    ) as client:
        assert client.request("GET", "/").status == 200
    assert server.received[0].header("host") == f"abc.execute-api.localhost:{server.port}"


def test_a_process_that_can_have_no_more_threads(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(ResolutionError):
        resolve("one.example", 80, until=time.monotonic() + 5)

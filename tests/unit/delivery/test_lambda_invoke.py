"""One invocation at most, and never one whose outcome cannot be learned."""

from __future__ import annotations

import os
import threading
import time

import pytest

from authz_lib.delivery import LambdaInvoke, Parcel
from authz_lib.errors import ConfigurationError, DeliveryError, DeliveryRejectedError

# --- LambdaInvoke ---


@pytest.fixture
def deliver(lambda_client):
    """One delivery to a server that stands for the Lambda service."""

    def call(server, *, timeout_seconds=5.0, **config):
        client = lambda_client(server.url, **config)
        try:
            return LambdaInvoke("f", client=client).deliver(
                Parcel.pack({}, idempotency_key="k"), timeout_seconds=timeout_seconds
            )
        finally:
            client.close()

    return call


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "rejected"),
        (403, "rejected"),
        (404, "rejected"),
        (429, "rejected"),
        (500, "ambiguous"),
        (502, "ambiguous"),
        (503, "ambiguous"),
    ],
)
def test_statuses_of_the_lambda_service(serve, http, status, expected, deliver):
    server = serve(http.reply(status, b"{}"))
    with pytest.raises((DeliveryError, DeliveryRejectedError)) as caught:
        deliver(server)
    assert getattr(caught.value, "outcome", "rejected") == expected
    assert len(server.received) == 1


def test_a_function_that_raised_may_have_acted(serve, http, deliver):
    server = serve(http.reply(200, b"{}", ["X-Amz-Function-Error: Unhandled"]))
    with pytest.raises(DeliveryError) as caught:
        deliver(server)
    assert caught.value.outcome == "ambiguous"


def test_an_answer_that_drips_ends_with_the_total(serve, release, deliver):
    """Each byte comes within the client's read timeout, the whole never does."""

    def drip(received, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        while not release.wait(0.02):
            sock.sendall(b"x")

    server = serve(drip)
    began = time.monotonic()
    with pytest.raises(DeliveryError) as caught:
        deliver(server, timeout_seconds=0.5, connect_timeout=0.2, read_timeout=0.2)
    assert time.monotonic() - began < 10  # the body would take three minutes
    assert caught.value.outcome == "ambiguous"
    assert len(server.received) == 1
    release.set()
    server.close()
    for thread in threading.enumerate():
        if thread.name == "authz-lib-boto3":
            thread.join(10)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: threads and fork
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no `fork`")
def test_a_forked_process_opens_its_own_connection(serve, http, lambda_client):
    server = serve(http.reply(200, b"{}"))
    client = lambda_client(server.url)
    way, parcel = LambdaInvoke("f", client=client), Parcel.pack({}, idempotency_key="k")
    assert way.deliver(parcel, timeout_seconds=5) == (200, b"{}")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if way.deliver(parcel, timeout_seconds=5)[0] == 200 else 1
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert way.deliver(parcel, timeout_seconds=5)[0] == 200
    assert server.connections == 2
    client.close()


def test_a_late_answer_is_one_invocation(serve, release, deliver):
    server = serve(lambda request, sock: release.wait(10) and None)
    with pytest.raises(DeliveryError) as caught:
        deliver(server, read_timeout=0.2)
    release.set()
    assert caught.value.outcome == "ambiguous"
    assert len(server.received) == 1


@pytest.mark.parametrize("how", ["hang_up", "reset", "truncated"])
def test_a_broken_invocation_is_ambiguous_and_one(serve, http, how, deliver):
    answers = {
        "hang_up": lambda request, sock: None,
        "reset": lambda request, sock: http.reset(sock),
        "truncated": lambda request, sock: sock.sendall(http.reply(200, b"{}", length=10)),
    }
    server = serve(answers[how])
    with pytest.raises(DeliveryError) as caught:
        deliver(server)
    assert caught.value.outcome == "ambiguous"
    assert len(server.received) == 1


def test_a_refused_invocation_is_not_sent(free_port, deliver):
    class Nobody:
        url = f"http://127.0.0.1:{free_port}"

    with pytest.raises(DeliveryError) as caught:
        deliver(Nobody)
    assert caught.value.outcome == "not_sent"


def test_an_invocation_does_not_start_without_time_to_learn_its_outcome(serve, deliver):
    server = serve()
    with pytest.raises(DeliveryError) as caught:
        deliver(server, timeout_seconds=1.4)
    assert caught.value.outcome == "not_sent"
    assert server.connections == 0


def test_a_client_that_would_invoke_more_than_once_is_refused(lambda_client):
    for retries in ({}, {"total_max_attempts": 2}, {"max_attempts": 1}, {"mode": "adaptive"}):
        client = lambda_client("http://127.0.0.1:1", retries=retries)
        with pytest.raises(ConfigurationError):
            LambdaInvoke("f", client=client)
    LambdaInvoke("f", client=lambda_client("http://127.0.0.1:1", retries={"max_attempts": 0}))
    for endless in ({"read_timeout": None}, {"connect_timeout": None}):
        with pytest.raises(ConfigurationError):
            LambdaInvoke("f", client=lambda_client("http://127.0.0.1:1", **endless))
    with pytest.raises(ConfigurationError):
        LambdaInvoke("f", client=object())


def test_the_client_that_is_built_invokes_once(serve, release, monkeypatch):
    server = serve(lambda request, sock: release.wait(10) and None)
    for name, value in {
        "AWS_ENDPOINT_URL_LAMBDA": server.url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-text",
        "AWS_MAX_ATTEMPTS": "5",
    }.items():
        monkeypatch.setenv(name, value)
    path = LambdaInvoke("f", region="eu-west-1", answer_seconds=0.2)
    with pytest.raises(DeliveryError):
        path.deliver(Parcel.pack({}, idempotency_key="k"), timeout_seconds=5)
    release.set()
    assert len(server.received) == 1
    path._client.get().close()


def test_event_invocations_need_the_statement_about_retries(serve, http, lambda_client):
    with pytest.raises(ConfigurationError):
        LambdaInvoke("f", invocation_type="Event")
    server = serve(http.reply(202, b""))
    client = lambda_client(server.url)
    path = LambdaInvoke("f", invocation_type="Event", async_retries_disabled=True, client=client)
    assert path.deliver(Parcel.pack({}, idempotency_key="k"), timeout_seconds=5) == (202, b"")
    assert server.received[0].header("x-amz-invocation-type") == "Event"
    client.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"function": ""},
        {"function": "a b"},
        {"function": "f?x"},
        {"invocation_type": "DryRun"},
        {"answer_seconds": 0},
        {"function": None},
        {"function": 5},
        {"answer_seconds": "5"},
        {"answer_seconds": None},
        {"answer_seconds": float("nan")},
    ],
)
def test_a_wrong_argument_fails_at_construction(wrong):
    with pytest.raises(ConfigurationError):
        LambdaInvoke(**{"function": "f", "region": "eu-west-1", **wrong})


def test_a_profile_that_does_not_exist_fails_at_construction(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(ConfigurationError):
        LambdaInvoke("f", region="eu-west-1")


def test_without_a_region_it_fails_at_construction(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match=r"`region` .*NoRegionError"):
        LambdaInvoke("f")

"""Never execute twice: the outcome table over real sockets, executions counted at both ends."""

from __future__ import annotations

import json
import logging

import pytest

from authz_lib.delivery import ApiCall, Delivery, LambdaInvoke, RolloutFlag
from authz_lib.errors import (
    ConfigurationError,
    DeliveryError,
    DeliveryRejectedError,
    InvalidRequestError,
)
from authz_lib.sigv4 import Credentials, SigV4Client

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")
PAYLOAD = {"text": "payload-text"}


@pytest.fixture
def old_way(serve, http, lambda_client):
    """The Lambda service, as far as invoking goes: every request that arrives executes."""
    server = serve(http.reply(200, b'{"by": "lambda"}'))
    client = lambda_client(server.url)
    server.path = LambdaInvoke("execution-layer", client=client)
    yield server
    client.close()


@pytest.fixture
def new_way():
    clients = []

    def make(url, **options):
        clients.append(SigV4Client(url, region="eu-west-1", credentials=FIXED, **options))
        return ApiCall(clients[-1], "/execute")

    yield make
    for client in clients:
        client.close()


class World:
    """One behaviour of the new way: its URL, its client's options, and how often it executed."""

    def __init__(self, url, executions=lambda: 0, **options):
        self.url, self.executions, self.options = url, executions, options


def received(server):
    return lambda: len(server.received)


def refused_connection(serve, http, free_port, tls, release):
    return World(f"http://127.0.0.1:{free_port}")


def no_such_host(serve, http, free_port, tls, release):
    return World("https://nobody.invalid")


def untrusted_certificate(serve, http, free_port, tls, release):
    server = serve(tls=tls[0])
    return World(server.url, received(server))


def certificate_of_another_name(serve, http, free_port, tls, release):
    server = serve(tls=tls[0])
    return World(server.url.replace("127.0.0.1", "localhost"), received(server), ssl_context=tls[1])


def no_tls_at_all(serve, http, free_port, tls, release):
    server = serve(before_handshake=lambda sock: sock.sendall(b"HTTP/1.1 400 X\r\n\r\n"))
    return World(server.url.replace("http:", "https:"))


def silence_in_the_handshake(serve, http, free_port, tls, release):
    server = serve(before_handshake=lambda sock: release.wait(10))
    return World(server.url.replace("http:", "https:"))


def reset_in_the_handshake(serve, http, free_port, tls, release):
    # Earlier, CPython may leave its half-made SSL socket to the collector.
    def reset_after_the_first_byte(
        sock,
    ):
        sock.recv(1)
        http.reset(sock)

    server = serve(before_handshake=reset_after_the_first_byte)
    return World(server.url.replace("http:", "https:"))


def silence_before_the_request_is_read(serve, http, free_port, tls, release):
    server = serve(before_handshake=lambda sock: release.wait(10))
    return World(server.url)


def silence_after_the_request_was_read(serve, http, free_port, tls, release):
    server = serve(lambda request, sock: release.wait(10) and None)
    return World(server.url, received(server))


def hang_up(serve, http, free_port, tls, release):
    server = serve(lambda request, sock: None)
    return World(server.url, received(server))


def reset(serve, http, free_port, tls, release):
    server = serve(lambda request, sock: http.reset(sock))
    return World(server.url, received(server))


def reset_over_tls(serve, http, free_port, tls, release):
    server = serve(lambda request, sock: http.reset(sock), tls=tls[0])
    return World(server.url, received(server), ssl_context=tls[1])


def garbage_inside_tls(serve, http, free_port, tls, release):
    """A TLS error after the request: it looks like a failed handshake, but it executed."""
    import socket

    def answer(request, sock):
        raw = socket.socket(fileno=sock.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        raw.close()

    server = serve(answer, tls=tls[0])
    return World(server.url, received(server), ssl_context=tls[1])


def answered(*args, **kwargs):
    def make(serve, http, free_port, tls, release):
        server = serve(http.reply(*args, **kwargs))
        return World(server.url, received(server))

    make.__name__ = f"answered_{args[0]}_{len(args[1])}_{kwargs.get('length', '')}"
    return make


NOT_SENT = [
    refused_connection,
    no_such_host,
    untrusted_certificate,
    certificate_of_another_name,
    no_tls_at_all,
    silence_in_the_handshake,
    reset_in_the_handshake,
]
AMBIGUOUS = [
    silence_before_the_request_is_read,
    silence_after_the_request_was_read,
    hang_up,
    reset,
    reset_over_tls,
    garbage_inside_tls,
    answered(200, b"{}", length=10),
    answered(500, b"{}"),
    answered(502, b"<html>Bad Gateway</html>"),
    answered(503, b""),
    answered(504, b'{"message": "Endpoint request timed out"}'),
]
REJECTED = [
    answered(status, b"")
    for status in (301, 302, 303, 307, 308, 400, 401, 403, 404, 408, 409, 413, 429)
]


@pytest.fixture
def world(request, serve, http, free_port, tls_contexts, release):
    yield request.param(serve, http, free_port, tls_contexts, release)
    release.set()


def table(cases):
    return pytest.mark.parametrize("world", cases, indirect=True, ids=lambda case: case.__name__)


def send(delivery, **options):
    return delivery.send(
        PAYLOAD, **{"idempotency_key": "job-17", "timeout_seconds": 3.0, **options}
    )


class Impatient:
    """The new way, with less time than the whole has: so that there is time for the old one."""

    def __init__(self, path, seconds=0.25):
        self.path, self.seconds = path, seconds

    def deliver(self, parcel, *, timeout_seconds):
        return self.path.deliver(parcel, timeout_seconds=min(self.seconds, timeout_seconds))


@table(NOT_SENT)
@pytest.mark.parametrize("idempotent", [False, True])
def test_not_sent_falls_back(world, old_way, new_way, idempotent):
    delivery = Delivery(
        primary=Impatient(new_way(world.url, **world.options)), fallback=old_way.path
    )
    assert send(delivery, idempotent=idempotent).path == "fallback"
    assert (world.executions(), len(old_way.received)) == (0, 1)


@table(NOT_SENT)
def test_not_sent_without_a_fallback(world, new_way):
    with pytest.raises(DeliveryError) as caught:
        send(Delivery(primary=Impatient(new_way(world.url, **world.options))))
    assert caught.value.outcome == "not_sent"


@table(AMBIGUOUS)
def test_ambiguous_never_falls_back(world, old_way, new_way):
    delivery = Delivery(
        primary=Impatient(new_way(world.url, **world.options)), fallback=old_way.path
    )
    with pytest.raises(DeliveryError) as caught:
        send(delivery)
    assert caught.value.outcome == "ambiguous"
    assert world.executions() <= 1
    assert old_way.received == []


@table(AMBIGUOUS)
@pytest.mark.parametrize("harmless", ["idempotent", "receiver_deduplicates"])
def test_ambiguous_falls_back_where_it_is_harmless(world, old_way, new_way, harmless):
    primary = Impatient(new_way(world.url, **world.options))
    delivery = Delivery(
        primary=primary,
        fallback=old_way.path,
        receiver_deduplicates=harmless == "receiver_deduplicates",
    )
    receipt = send(delivery, idempotent=harmless == "idempotent")
    assert receipt.path == "fallback"
    assert receipt.json() == {"by": "lambda"}
    assert len(old_way.received) == 1


@table(REJECTED)
@pytest.mark.parametrize("options", [{}, {"idempotent": True}])
def test_a_no_is_never_gone_around(world, old_way, new_way, options):
    delivery = Delivery(
        primary=new_way(world.url), fallback=old_way.path, receiver_deduplicates=True
    )
    with pytest.raises(DeliveryRejectedError):
        send(delivery, **options)
    assert (world.executions(), len(old_way.received)) == (1, 0)


def test_delivered_once(serve, http, old_way, new_way):
    server = serve(http.reply(202, b'{"by": "api"}'))
    receipt = send(Delivery(primary=new_way(server.url), fallback=old_way.path))
    assert (receipt.path, receipt.status, receipt.json()) == ("primary", 202, {"by": "api"})
    assert (len(server.received), len(old_way.received)) == (1, 0)
    assert "payload-text" not in repr(receipt)


def test_both_ways_carry_the_same_bytes_and_the_same_key(serve, http, old_way, new_way):
    server = serve(http.reply(503, b""))
    send(Delivery(primary=new_way(server.url), fallback=old_way.path, receiver_deduplicates=True))
    bodies = {received.body for received in [*server.received, *old_way.received]}
    assert len(bodies) == 1
    assert json.loads(bodies.pop()) == {"idempotency_key": "job-17", "payload": PAYLOAD}
    assert {received.header("idempotency-key") for received in server.received} == {"job-17"}


@pytest.mark.parametrize("base", ["", "/", "/execute", "/execute/"])
def test_a_base_with_or_without_the_route(serve, new_way, base):
    server = serve()
    send(Delivery(primary=new_way(f"{server.url}/prod{base}")))
    assert server.received[0].target.rstrip("/") == "/prod/execute"


@table(AMBIGUOUS)
def test_a_statement_made_to_the_client_only_does_not_repeat_a_parcel(world, new_way):
    """The parcel says that it may not be repeated; the client was built for other calls too."""
    primary = Impatient(new_way(world.url, **world.options, receiver_deduplicates=True))
    with pytest.raises(DeliveryError):
        send(Delivery(primary=primary))
    assert world.executions() <= 1


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_no_to_a_repeated_parcel_is_not_gone_around_and_not_called_a_no(
    serve, http, new_way, old_way, status
):
    """The first attempt may have acted, and the second was refused: the old way is not taken."""
    left = [http.reply(503, b"")]
    server = serve(lambda request, sock: left.pop() if left else http.reply(status, b""))
    with pytest.raises(DeliveryError) as caught:
        send(
            Delivery(primary=new_way(server.url), fallback=old_way.path, receiver_deduplicates=True)
        )
    assert caught.value.outcome == "ambiguous"
    assert (len(server.received), len(old_way.received)) == (2, 0)


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (500, DeliveryError, "ambiguous"),
        (302, DeliveryRejectedError, "rejected"),
        (403, DeliveryRejectedError, "rejected"),
    ],
)
def test_a_way_that_hands_back_a_status_is_held_to_it(status, error, outcome):
    """An integrator's own way forgets to raise: a 500 is not a success."""

    class Careless:
        def deliver(self, parcel, *, timeout_seconds):
            return status, b"{}"

    fallback, events = Recorded(), []
    with pytest.raises(error):
        send(Delivery(primary=Careless(), fallback=fallback, on_event=events.append))
    assert fallback.parcels == []
    assert [(event.name.rpartition("_")[2], event.outcome) for event in events[1:]] == [
        ("error", outcome),
        ("failed", outcome),
    ]


def test_a_payload_changed_on_the_way_is_not_what_travels(old_way):
    payload = {"n": 1}

    class Meddling:
        def deliver(self, parcel, *, timeout_seconds):
            payload["n"] = 2
            raise DeliveryError("no connection could be opened", outcome="not_sent")

    Delivery(primary=Meddling(), fallback=old_way.path).send(payload, idempotency_key="k")
    assert json.loads(old_way.received[0].body)["payload"] == {"n": 1}


def test_the_rollout_chooses_the_way_and_the_new_one_never_stands_in(
    serve, http, new_way, lambda_client
):
    server = serve()
    broken = serve(lambda request, sock: None)
    client = lambda_client(broken.url)
    flag = RolloutFlag("USE_API_GATEWAY", percentage=10)
    delivery = Delivery(
        primary=new_way(server.url), fallback=LambdaInvoke("f", client=client), rollout=flag
    )
    keys = [f"job-{number}" for number in range(30)]
    for key in keys:
        if flag(key):
            assert send(delivery, idempotency_key=key).path == "primary"
        else:
            with pytest.raises(DeliveryError):
                send(delivery, idempotency_key=key, idempotent=True)
    assert len(server.received) == sum(map(flag, keys)) > 0
    assert len(broken.received) == len(keys) - len(server.received)
    client.close()


class Recorded:
    def __init__(self, error=None):
        self.error, self.parcels = error, []

    def deliver(self, parcel, *, timeout_seconds):
        self.parcels.append(parcel)
        if self.error:
            raise self.error
        return 202, b"{}"


def failing(outcome="not_sent"):
    return Recorded(DeliveryError("fixed text", outcome=outcome))


def test_the_rollout_is_asked_once_by_its_own_key():
    asked = []
    delivery = Delivery(
        primary=failing(), fallback=Recorded(), rollout=lambda key: asked.append(key) or True
    )
    send(delivery, rollout_key="tenant-3")
    assert asked == ["tenant-3"]


@pytest.mark.parametrize("answer", [False, None, 0, 1, "true", "false", object()])
def test_only_true_takes_the_new_way(answer):
    delivery = Delivery(primary=Recorded(), fallback=Recorded(), rollout=lambda key: answer)
    assert send(delivery).path == "fallback"


def test_a_rollout_that_cannot_be_asked_takes_the_old_way(caplog):
    def rollout(key):
        raise RuntimeError("secret-text")

    assert (
        send(Delivery(primary=Recorded(), fallback=Recorded(), rollout=rollout)).path == "fallback"
    )
    assert "secret-text" not in caplog.text


def test_the_end_of_the_migration_is_one_argument_less():
    assert (
        send(Delivery(primary=Recorded(), rollout=RolloutFlag("F", percentage=100))).path
        == "primary"
    )
    assert send(Delivery(primary=Recorded())).path == "primary"
    assert send(Delivery(primary=Recorded(), rollout=lambda key: False)).path == "primary"
    for unfinished in (RolloutFlag("F", percentage=99.99), RolloutFlag("F", enabled=False)):
        with pytest.raises(ConfigurationError):
            Delivery(primary=Recorded(), rollout=unfinished)
    with pytest.raises(DeliveryError):
        send(Delivery(primary=failing()))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("x"),
        KeyError("x"),
        InvalidRequestError("x"),
        ConfigurationError("x"),
        KeyboardInterrupt(),
    ],
)
def test_a_fault_of_our_own_is_not_a_reason_to_try_the_other_way(error):
    fallback, events = Recorded(), []
    with pytest.raises(type(error)):
        send(
            Delivery(primary=Recorded(error), fallback=fallback, on_event=events.append),
            idempotent=True,
        )
    assert fallback.parcels == []
    assert [event.name.rpartition("_")[2] for event in events] == ["started", "error", "failed"]


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), InvalidRequestError("x"), KeyboardInterrupt()]
)
def test_a_fault_in_the_old_way_is_told_as_it_is(error):
    events = []
    with pytest.raises(type(error)):
        send(Delivery(primary=failing(), fallback=Recorded(error), on_event=events.append))
    assert [(event.name.rpartition("_")[2], event.path) for event in events] == [
        ("started", "primary"),
        ("error", "primary"),
        ("error", "fallback"),
        ("failed", "fallback"),
    ]


def test_the_old_way_is_not_begun_without_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("authz_lib.delivery.delivery.time.monotonic", lambda: now[0])

    class Slow:
        def deliver(self, parcel, *, timeout_seconds):
            now[0] += timeout_seconds
            raise DeliveryError("no connection could be opened", outcome="not_sent")

    fallback = Recorded()
    with pytest.raises(DeliveryError) as caught:
        send(Delivery(primary=Slow(), fallback=fallback))
    assert caught.value.outcome == "not_sent"
    assert fallback.parcels == []


def test_a_receipt_that_is_not_json():
    class Html:
        def deliver(self, parcel, *, timeout_seconds):
            return 200, b"<html>"

    with pytest.raises(DeliveryError) as caught:
        send(Delivery(primary=Html())).json()
    assert caught.value.outcome == "ambiguous"


def test_an_outcome_that_nobody_knows_is_ambiguous():
    fallback = Recorded()
    with pytest.raises(DeliveryError):
        send(Delivery(primary=failing("NOT_SENT"), fallback=fallback))
    assert fallback.parcels == []


@pytest.mark.parametrize(
    "second", [failing("not_sent"), failing("ambiguous"), Recorded(DeliveryRejectedError("no"))]
)
def test_two_attempts_together_are_as_ambiguous_as_the_first(second):
    told = []
    delivery = Delivery(primary=failing("ambiguous"), fallback=second, on_event=told.append)
    with pytest.raises(DeliveryError) as caught:
        send(delivery, idempotent=True)
    assert caught.value.outcome == "ambiguous"
    assert (told[-1].name.rpartition("_")[2], told[-1].outcome) == ("failed", "ambiguous")
    with pytest.raises(type(second.error)) as caught:
        send(Delivery(primary=failing("not_sent"), fallback=second))
    assert caught.value is second.error


def test_a_host_that_swallows_everything_leaves_time_for_the_old_way(
    serve, new_way, old_way, release
):
    """Two connect timeouts, and then what the fallback needs."""
    server = serve(before_handshake=lambda sock: release.wait(10))
    primary = new_way(server.url.replace("http:", "https:"), connect_timeout_seconds=0.2)
    assert (
        send(Delivery(primary=primary, fallback=old_way.path), timeout_seconds=2.5).path
        == "fallback"
    )
    release.set()
    assert server.connections == 2
    assert len(old_way.received) == 1


def test_without_time_nothing_is_tried():
    primary, fallback = Recorded(), Recorded()
    with pytest.raises(DeliveryError) as caught:
        send(Delivery(primary=primary, fallback=fallback), timeout_seconds=0)
    assert caught.value.outcome == "not_sent"
    assert primary.parcels == fallback.parcels == []


@pytest.mark.parametrize("key", ["", "a b", "a\n", "é", "k" * 256, None, 7])
def test_a_key_that_cannot_travel(key):
    with pytest.raises(InvalidRequestError):
        Delivery(primary=Recorded()).send({}, idempotency_key=key)


def names(events):
    return [(event.name, event.path, event.outcome, event.falls_back) for event in events]


def test_events_for_operators_hold_no_payload_and_no_key(caplog):
    caplog.set_level(logging.DEBUG)
    events = []
    send(Delivery(primary=failing(), fallback=Recorded(), on_event=events.append))
    prefix = "execution_api_invocation"
    assert names(events) == [
        (f"{prefix}_started", "primary", None, False),
        (f"{prefix}_error", "primary", "not_sent", True),
        (f"{prefix}_success", "fallback", "delivered", False),
    ]
    events.clear()
    with pytest.raises(DeliveryError):
        send(
            Delivery(
                primary=failing("ambiguous"),
                fallback=Recorded(),
                on_event=events.append,
                event_prefix="x",
            )
        )
    assert names(events) == [
        ("x_started", "primary", None, False),
        ("x_error", "primary", "ambiguous", False),
        ("x_failed", "primary", "ambiguous", False),
    ]
    assert events[-1].error_code == "delivery"
    for text in ("payload-text", "job-17", "secret-text"):
        assert text not in f"{events} {caplog.text}"
    levels = {
        record.getMessage().split()[0].rpartition("_")[2]: record.levelname
        for record in caplog.records
    }
    assert levels == {"started": "INFO", "success": "INFO", "error": "WARNING", "failed": "ERROR"}


def test_an_event_handler_that_raises_does_not_make_the_caller_deliver_again(caplog):
    def on_event(event):
        raise RuntimeError("secret-text")

    primary = Recorded()
    assert send(Delivery(primary=primary, on_event=on_event)).status == 202
    assert len(primary.parcels) == 1
    assert "secret-text" not in caplog.text


class _Way:
    def deliver(self, parcel, *, timeout_seconds):
        return 202, b"{}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"primary": None},
        {"primary": _Way},
        {"fallback": "execution-layer"},
        {"rollout": "USE_API_GATEWAY"},
        {"rollout": True},
        {"rollout": RolloutFlag},
        {"receiver_deduplicates": "false"},
        {"receiver_deduplicates": None},
        {"on_event": "print"},
        {"event_prefix": None},
    ],
    ids=str,
)
def test_a_wrong_delivery_fails_at_construction(wrong):
    Delivery(primary=_Way(), fallback=_Way(), rollout=lambda key: True)
    with pytest.raises(ConfigurationError):
        Delivery(**{"primary": _Way(), "fallback": _Way(), **wrong})


def test_a_client_is_no_way_of_calling():
    """`ApiCall` says which call of the client it is."""
    client = SigV4Client("https://abc.example.com", region="eu-west-1", credentials=FIXED)
    with pytest.raises(ConfigurationError):
        Delivery(primary=client, fallback=_Way(), rollout=lambda key: True)

from __future__ import annotations

import email.utils
import json
import select
import socket
import threading
import time

import pytest

from authz_lib.errors import (
    ConfigurationError,
    DeliveryError,
    DeliveryRejectedError,
    InvalidRequestError,
)
from authz_lib.sigv4 import Credentials, SigV4Client, quote_segment
from authz_lib.transport import exchange, pool

FIXED = Credentials("AKIDEXAMPLE", "secret-text", "token-text")


@pytest.fixture
def connect():
    clients = []

    def make(url, **options):
        client = SigV4Client(url, **{"region": "eu-west-1", "credentials": FIXED, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


AWKWARD_PATHS = [
    "",
    "/",
    "/a",
    "/a/",
    "/a b",
    "/a%20b",
    "/a+b",
    "/a%2Fb",
    "/a%2fb",
    "/a%252Fb",
    "/a:b",
    "/a*b",
    "/a@b,c;d=e$f!g'h(i)j&k",
    "/ü/ሴ/😀",
    "/%C3%BC",
    "/%ff",
    "/100%",
    "/~a._-",
    "/%7Ea%41",
    "//a//b//",
    '/a|b\\c^d`e{f}g"h<i>j[k]',
]
AWKWARD_QUERIES = [
    {"q": "a+b"},
    {"q": "a b"},
    {"q": "%2F"},
    {"q": "/"},
    {"q": "a:b*c~d"},
    {"q": "üሴ😀"},
    {"q": ""},
    {"": "v"},
    {"b": ["2", "1", "10"], "a": "x"},
    {"A": "1", "a": "2", "a-b": "3", "a0": "4"},
    {"q": "a=b&c?d#e"},
    {"q": "'\"<>[]{}|\\^`@$!(),;"},
    {"q": "\n\t\0"},
]
RAW_QUERIES = [
    "?flag",
    "?flag&b=1",
    "?a=b+c",
    "?a=%2B",
    "?a=%2f%2F",
    "?a=:*",
    "?a==b",
    "?&&a=1&",
    "?a=1&a=0",
    "?ü=ሴ",
    "?%ff=%zz",
]


@pytest.mark.parametrize("path", AWKWARD_PATHS)
def test_awkward_paths_verify(serve, http, connect, path):
    server = serve()
    connect(f"{server.url}/prod").request("GET", path)
    assert http.Verifier().refuse(server.received[0]) is None
    assert server.received[0].header("host") == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("query", AWKWARD_QUERIES)
def test_awkward_queries_verify_and_arrive(serve, http, connect, query):
    from urllib.parse import parse_qsl

    server = serve()
    connect(server.url).request("GET", "/a", query=query)
    assert http.Verifier().refuse(server.received[0]) is None
    arrived = parse_qsl(server.received[0].target.partition("?")[2], keep_blank_values=True)
    assert arrived == [
        (name, one)
        for name, many in query.items()
        for one in ([many] if isinstance(many, str) else many)
    ]


@pytest.mark.parametrize("query", RAW_QUERIES)
def test_awkward_raw_queries_verify(serve, http, connect, query):
    server = serve()
    connect(server.url).request("GET", "/a" + query)
    assert http.Verifier().refuse(server.received[0]) is None


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/%2e%2e/b", "/./a", "/a#b", "/a\r\nb"])
def test_refused_on_purpose(connect, free_port, path):
    with pytest.raises(InvalidRequestError):
        connect(f"http://127.0.0.1:{free_port}").request("GET", path)


@pytest.mark.parametrize("somebody", ["orders", "prod/orders", "prod"])
def test_an_id_that_reads_like_the_end_of_the_base_does_not_reach_the_base(
    serve, connect, somebody
):
    server = serve()
    connect(f"{server.url}/prod/orders").request("DELETE", f"/{quote_segment(somebody)}")
    assert server.received[0].target == f"/prod/orders/{quote_segment(somebody)}"


@pytest.mark.parametrize(
    "body", [None, b"", b"x", b"\0\xff" * 5000, json.dumps({"ü": "😀"}).encode(), b"x" * 3_000_000]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_bodies_verify(serve, http, connect, method, body):
    server = serve()
    connect(server.url).request(
        method, "/a", body=body, headers={"Content-Type": "text/x;  a=b", "X-Amz-Meta": " a  b "}
    )
    assert http.Verifier().refuse(server.received[0]) is None
    assert server.received[0].body == (body or b"")


def test_json_and_key_travel_signed(serve, http, connect):
    server = serve(http.reply(201, b'{"id": 7}', ["Content-Type: application/json"]))
    response = connect(server.url).request("POST", "/a", json={"n": "ü"}, idempotency_key="job-17")
    received = server.received[0]
    assert json.loads(received.body) == {"n": "ü"}
    assert received.header("content-type") == "application/json"
    assert "idempotency-key" in received.header("authorization")
    assert (response.status, response.json(), response.headers["CONTENT-TYPE"]) == (
        201,
        {"id": 7},
        "application/json",
    )
    assert http.Verifier().refuse(received) is None
    received.headers = [
        (name, "job-18" if name.lower() == "idempotency-key" else value)
        for name, value in received.headers
    ]
    # Somebody on the way cannot exchange the key.
    assert http.Verifier().refuse(received) is not None


def test_lattice_verifies(serve, http, connect):
    server = serve()
    connect(server.url, service="vpc-lattice-svcs").request("POST", "/a", body=b"x")
    assert http.Verifier(service="vpc-lattice-svcs").refuse(server.received[0]) is None


def test_the_verifier_refuses_what_was_changed(serve, http, connect):
    server = serve()
    connect(server.url).request("POST", "/a?b=1", body=b"x")
    for name, value in {"body": b"y", "target": "/a?b=2", "method": "PUT"}.items():
        changed = http.Received(**{**vars(server.received[0]), name: value})
        assert http.Verifier().refuse(changed) is not None


def test_an_ipv6_address_verifies(serve, http, connect):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    server = serve(address="::1")
    connect(server.url).request("GET", "/a")
    assert server.received[0].header("host") == f"[::1]:{server.port}"
    assert http.Verifier().refuse(server.received[0]) is None


def test_tls_with_a_private_authority(serve, http, connect, tls_contexts):
    server = serve(tls=tls_contexts[0])
    client = connect(server.url, ssl_context=tls_contexts[1])
    assert [client.request("GET", "/a").status for _ in range(3)] == [200, 200, 200]
    assert all(http.Verifier().refuse(received) is None for received in server.received)


def test_connections_are_kept_and_old_ones_are_not_trusted(serve, connect):
    now = [1000.0]
    server = serve()
    client = connect(server.url, clock=lambda: now[0])
    for wait, expected in ((0, 1), (10, 1), (19, 1), (21, 2), (-5, 3)):
        now[0] += wait
        client.request("GET", "/")
        assert server.connections == expected


def test_a_connection_that_the_server_closed_is_not_used(serve, http, connect):
    hung_up = threading.Event()

    def answer(received, sock):
        if len(server.received) == 1:
            sock.sendall(http.reply())
            hung_up.set()
            return None
        return http.reply()

    server = serve(answer)
    client = connect(server.url)
    client.request("POST", "/")
    hung_up.wait(5)
    for idle in client._pool._idle:  # unless its end was seen already
        select.select([idle.sock], [], [], 5)  # the FIN is on its way
    assert client.request("POST", "/").status == 200
    assert [received.method for received in server.received] == ["POST", "POST"]


@pytest.mark.parametrize("where", ["open_connection", "_write"])
def test_an_interrupted_call_leaves_no_connection_that_the_next_one_could_read(
    serve, connect, monkeypatch, where
):
    server = serve()
    client = connect(server.url)
    room = pool if where == "open_connection" else exchange
    original = getattr(room, where)

    def interrupted(*args, **options):
        opened = original(*args, **options)
        if isinstance(opened, socket.socket):
            opened.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(room, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.request("GET", "/interrupted")
    assert list(client._pool._idle) == []
    assert client.request("GET", "/next").status == 200


def test_the_time_that_connecting_took_counts(serve, connect, monkeypatch):
    """Connected just in time, and then there is no time to send: that is known to be not sent."""
    server = serve()
    original, now = pool.open_connection, [100.0]

    def slow(*args, **options):
        opened = original(*args, **options)
        now[0] += 5
        return opened

    monkeypatch.setattr(pool, "open_connection", slow)
    monkeypatch.setattr("authz_lib.transport.pool.time.monotonic", lambda: now[0])
    with pytest.raises(DeliveryError) as caught:
        connect(server.url).request("GET", "/", timeout_seconds=4)
    assert caught.value.outcome == "not_sent"
    assert server.received == []


def test_only_a_few_idle_connections_are_kept(serve, http, connect):
    inside = threading.Barrier(66)

    def answer(received, sock):
        inside.wait(10)
        return http.reply()

    server = serve(answer)
    client = connect(server.url)
    threads = [threading.Thread(target=client.request, args=("GET", "/")) for _ in range(66)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert server.connections == 66
    assert len(client._pool._idle) == 64


def test_a_client_is_closed_by_its_block_and_can_be_used_again(serve, connect):
    server = serve()
    with connect(server.url) as client:
        client.request("GET", "/")
        assert len(client._pool._idle) == 1
    assert len(client._pool._idle) == 0
    assert client.request("GET", "/").status == 200


def test_connection_close_is_respected(serve, http, connect):
    server = serve(http.reply(headers=["Connection: close"]))
    client = connect(server.url)
    assert [client.request("POST", "/").status for _ in range(2)] == [200, 200]
    assert server.connections == 2


def test_threads_share_a_client(serve, http, connect):
    server = serve(lambda received, sock: http.reply(body=received.body))
    client = connect(server.url)
    barrier, wrong = threading.Barrier(6), []

    def work(number):
        barrier.wait(5)
        wrong.extend(
            turn
            for turn in range(10)
            if client.request("POST", f"/{number}", json=[number, turn]).json() != [number, turn]
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert wrong == []
    assert len(server.received) == 60
    assert server.connections <= 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(serve, http, connect, status):
    elsewhere = serve()
    server = serve(http.reply(status, b"", [f"Location: {elsewhere.url}/x"]))
    response = connect(server.url).request("POST", "/", body=b"x")
    assert response.status == status
    assert elsewhere.received == []
    with pytest.raises(DeliveryRejectedError):
        response.raise_for_status()


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_off_is_corrected_once(serve, http, connect, minutes):
    truth = 1_800_000_000.0
    verifier = http.Verifier(now=truth)

    def answer(received, sock):
        problem = verifier.refuse(received)
        date = [f"Date: {email.utils.formatdate(truth, usegmt=True)}"]
        return (
            http.reply(403, json.dumps({"message": problem}).encode(), date)
            if problem
            else http.reply(headers=date)
        )

    server = serve(answer)
    client = connect(server.url, clock=lambda: truth + 60 * minutes)
    assert client.request("PUT", "/", json={}).status == 200
    assert len(server.received) == 2
    assert client.request("PUT", "/", json={}).status == 200  # learned
    assert len(server.received) == 3


def test_a_clock_that_is_put_right_is_learned_again(serve, http, connect):
    truth = 1_800_000_000.0
    now = [truth - 1200]
    verifier = http.Verifier(now=truth)

    def answer(received, sock):
        date = [f"Date: {email.utils.formatdate(truth, usegmt=True)}"]
        problem = verifier.refuse(received)
        return http.reply(403, problem.encode(), date) if problem else http.reply(headers=date)

    server = serve(answer)
    client = connect(server.url, clock=lambda: now[0])
    assert client.request("PUT", "/").status == 200
    now[0] = truth
    assert client.request("PUT", "/").status == 200
    assert client.request("PUT", "/").status == 200
    assert len(server.received) == 5  # each change of the clock cost one refused attempt


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({}, {"idempotent": False}),
        ({"max_attempts": 9}, {"idempotent": False, "idempotency_key": "k"}),
        ({"max_attempts": 1}, {"idempotent": True}),
        ({"max_attempts": 9, "receiver_deduplicates": True}, {"idempotent": False}),
    ],
)
def test_a_call_that_must_not_be_repeated_is_sent_once_and_the_next_one_has_the_right_time(
    serve, http, connect, options, arguments
):
    truth = 1_800_000_000.0
    verifier = http.Verifier(now=truth)

    def answer(received, sock):
        date = [f"Date: {email.utils.formatdate(truth, usegmt=True)}"]
        problem = verifier.refuse(received)
        return http.reply(403, problem.encode(), date) if problem else http.reply(headers=date)

    server = serve(answer)
    client = connect(server.url, clock=lambda: truth - 1200, **options)
    first = client.request("POST", "/", json={}, **arguments)
    assert (first.status, first.outcome, len(server.received)) == (403, "rejected", 1)
    with pytest.raises(DeliveryRejectedError):
        first.raise_for_status()
    assert client.request("POST", "/", json={}, **arguments).status == 200
    assert len(server.received) == 2


def test_a_refusal_for_the_time_proves_nothing_so_what_follows_is_unsettled(serve, http, connect):
    """A receiver that acts, and then says that the signature expired."""
    truth = 1_800_000_000.0
    date = [f"Date: {email.utils.formatdate(truth, usegmt=True)}"]
    replies = [http.reply(403, b"Signature expired", date), http.reply(403, b"no", date)]
    server = serve(lambda received, sock: replies.pop(0))
    response = connect(server.url, clock=lambda: truth - 600).request("PUT", "/", json={})
    assert (response.status, response.unsettled, response.outcome) == (403, True, "ambiguous")
    with pytest.raises(DeliveryError, match="may have acted") as caught:
        response.raise_for_status()
    assert caught.value.outcome == "ambiguous"


def test_a_clock_that_changes_with_each_answer_ends_with_the_attempts(serve, http, connect):
    shifts = iter(range(1, 99))

    def answer(received, sock):
        when = 1_800_000_000.0 + 1000 * next(shifts)
        return http.reply(
            403, b"Signature expired", [f"Date: {email.utils.formatdate(when, usegmt=True)}"]
        )

    server = serve(answer)
    client = connect(server.url, clock=lambda: 1_800_000_000.0, max_attempts=3)
    assert client.request("GET", "/").status == 403
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("shift", "status", "message"),
    [
        # Our time is right: a backend says this, perhaps after it acted.
        (
            0,
            403,
            "Signature expired",
        ),
        (200, 403, "Signature expired"),
        # Off, but by less than what AWS allows: the backend may have acted.
        (
            280,
            403,
            "Signature expired",
        ),
        (-280, 403, "Signature expired"),
        (1200, 403, "SignatureDoesNotMatch"),
        (1200, 500, "Signature expired"),
        (100_000, 403, "Signature expired"),
        (None, 403, "Signature expired"),
    ],
)
def test_no_other_refusal_is_signed_again(serve, http, connect, shift, status, message):
    truth = 1_800_000_000.0
    dates = [] if shift is None else [f"Date: {email.utils.formatdate(truth + shift, usegmt=True)}"]
    server = serve(http.reply(status, message.encode(), dates))
    assert connect(server.url, clock=lambda: truth).request("POST", "/", json={}).status == status
    assert len(server.received) == 1


def test_a_backend_that_took_long_does_not_make_the_clock_look_wrong(
    serve, http, connect, monkeypatch
):
    """The gateway took the call when it came, 280 seconds off; the backend acted for 29 seconds,
    then said this.
    """
    truth, now = 1_800_000_000.0, [100.0]
    monkeypatch.setattr("authz_lib.sigv4.client.time.monotonic", lambda: now[0])

    def answer(received, sock):
        now[0] += 29
        return http.reply(
            403, b"Signature expired", [f"Date: {email.utils.formatdate(truth + 29, usegmt=True)}"]
        )

    server = serve(answer)
    client = connect(server.url, clock=lambda: truth - 280, max_attempts=1)
    assert client.request("POST", "/", json={}, timeout_seconds=60).status == 403
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 20 Nov 99999999999999999999 19:12:08 GMT",
        "Mon, 20 Nov 1995 19:12:08 +99999999999",
        "Mon, 20 Nov 1995 19:12:08 -0000",
        "Mon, 32 Nov 2026 19:12:08 GMT",
        "Mon, 20 Nov 0001 00:00:00 -0000",
        ", , ,",
        "0 0 0 0",
    ],
)
def test_a_date_that_is_none_corrects_no_clock(serve, http, connect, date):
    """The call has come to an end; what its `Date` says must not end it in another error."""
    server = serve(http.reply(403, b"Signature expired", [f"Date: {date}"]))
    assert connect(server.url, clock=lambda: 1_800_000_000.0).request("POST", "/").status == 403
    assert len(server.received) == 1


def test_a_clock_that_cannot_be_corrected_is_tried_twice_only(serve, http, connect):
    truth = 1_800_000_000.0
    turn = [0]

    def answer(received, sock):
        turn[0] += 1
        date = f"Date: {email.utils.formatdate(truth + 1200 * turn[0], usegmt=True)}"
        return http.reply(403, b"Signature expired", [date])

    server = serve(answer)
    assert connect(server.url, clock=lambda: truth).request("GET", "/").status == 403
    assert len(server.received) == 2


def answers(*steps):
    """Each request gets the next step; the last one stays."""
    left = list(steps)

    def answer(received, sock):
        step = left.pop(0) if len(left) > 1 else left[0]
        return step(received, sock) if callable(step) else step

    return answer


def test_what_is_harmless_is_repeated_once(serve, http, connect):
    for first in (lambda r, s: None, http.reply(502, b"<html>"), http.reply(503, b"")):
        server = serve(answers(first, http.reply()))
        assert connect(server.url).request("GET", "/").status == 200
        assert len(server.received) == 2
        server = serve(answers(first, http.reply()))
        assert connect(server.url).request("POST", "/", idempotent=True).status == 200
        server = serve(answers(first, http.reply()))
        with_statement = connect(server.url, receiver_deduplicates=True)
        assert with_statement.request("POST", "/", idempotency_key="k").status == 200
        assert len({received.header("idempotency-key") for received in server.received}) == 1


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {"method": "POST"}),
        ({}, {"method": "PATCH"}),
        ({}, {"method": "post"}),
        ({}, {"method": "POST", "idempotency_key": "k"}),  # a key is not deduplication
        ({"receiver_deduplicates": True}, {"method": "POST"}),  # there is no key
        ({}, {"method": "PUT", "idempotent": False}),
        ({"receiver_deduplicates": True}, {"method": "POST", "idempotent": False}),
        (
            {"receiver_deduplicates": True},
            {"method": "POST", "idempotency_key": "k", "idempotent": False},
        ),
        ({"max_attempts": 1}, {"method": "GET"}),
    ],
)
def test_what_may_harm_is_never_repeated(serve, http, connect, options, arguments):
    for first in (
        lambda r, s: None,
        lambda r, s: http.reset(s),
        http.reply(500, b""),
        http.reply(429, b""),
    ):
        server = serve(answers(first, http.reply()))
        try:
            seen = connect(server.url, **options).request(path="/", **arguments).status
        except DeliveryError as error:
            seen = error.outcome
        assert seen in {500, 429, "ambiguous"}
        assert len(server.received) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
def test_a_no_is_never_repeated(serve, http, connect, status):
    server = serve(http.reply(status, b""))
    with pytest.raises(DeliveryRejectedError):
        connect(server.url).request("GET", "/").raise_for_status()
    assert len(server.received) == 1


def test_the_worst_that_may_have_happened_is_reported(serve, http, connect):
    """First ambiguous, then refused at the door: the first attempt may have acted, so it is not
    `not_sent`.
    """

    def close_the_door(received, sock):
        server._listener.shutdown(socket.SHUT_RDWR)
        server._listener.close()

    server = serve(close_the_door)
    with pytest.raises(DeliveryError, match="a repeated call could not be sent") as caught:
        connect(server.url).request("PUT", "/", body=b"x")
    assert caught.value.outcome == "ambiguous"
    assert (server.connections, len(server.received)) == (1, 1)


@pytest.mark.parametrize(
    "first", [lambda r, s: None, b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"]
)
def test_a_no_to_the_repeated_call_says_nothing_about_the_first(serve, http, connect, first):
    server = serve(answers(first, http.reply(429, b"")))
    response = connect(server.url).request("PUT", "/", body=b"x")
    assert (response.status, len(server.received)) == (429, 2)
    with pytest.raises(DeliveryError, match="may have acted") as caught:
        response.raise_for_status()
    assert caught.value.outcome == response.outcome == "ambiguous"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",  # truncated
        b"HTTP/1.1 200 OK\r\n\r\n12345",  # no length
        # the last chunk is missing
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,  # too large
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"
        + b"x" * 101
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n"
        + b"".join(b"X-%d: y\r\n" % number for number in range(300))
        + b"\r\n",
    ],
)
def test_an_answer_that_is_not_whole_is_ambiguous(serve, connect, answer):
    def send(received, sock):
        sock.sendall(answer)

    server = serve(send)
    with pytest.raises(DeliveryError) as caught:
        connect(server.url, max_response_bytes=100).request("POST", "/", body=b"x")
    assert caught.value.outcome == "ambiguous"
    assert len(server.received) == 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_of_exactly_the_limit_is_taken(serve, connect, framing):
    body = b"x" * 100
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + body
    if framing == "chunked":
        head = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n64\r\n" + body + b"\r\n0\r\n\r\n"
        )
    server = serve(head)
    client = connect(server.url, max_response_bytes=100)
    assert [client.request("POST", "/").body for _ in range(2)] == [body, body]
    assert server.connections == 1


def test_dripping_bytes_end_at_the_deadline(serve, connect):
    """Each byte comes within the socket's timeout, the whole never does: in the headers and in the
    body.
    """
    for head in (b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"):
        stop = threading.Event()

        def drip(received, sock, head=head, stop=stop):
            sock.sendall(head)
            while not stop.wait(0.02):
                sock.sendall(b"x")

        server = serve(drip)
        began = time.monotonic()
        with pytest.raises(DeliveryError) as caught:
            connect(server.url).request("POST", "/", timeout_seconds=0.3)
        stop.set()
        assert time.monotonic() - began < 30  # the body would take half an hour
        assert caught.value.outcome == "ambiguous"


def test_a_late_answer_is_never_taken_for_the_next_ones(serve, http, connect):
    go = threading.Event()

    def answer(received, sock):
        if received.target == "/slow":
            go.wait(60)
        return http.reply(body=json.dumps(received.target).encode())

    server = serve(answer)
    client = connect(server.url)
    assert client.request("POST", "/first").json() == "/first"
    with pytest.raises(DeliveryError):
        client.request("POST", "/slow", timeout_seconds=0.1)
    go.set()
    assert client.request("POST", "/next").json() == "/next"


def test_an_early_refusal_of_a_large_body_is_heard(serve, http, connect):
    """The server answers without reading the body and hangs up."""

    def answer_early(sock):
        sock.recv(100)
        sock.sendall(http.reply(413, b"too large"))

    server = serve(before_handshake=answer_early)
    try:
        status = connect(server.url).request("POST", "/", body=b"x" * 9_000_000).status
    except DeliveryError as error:  # where the kernel dropped the answer with the connection
        status = error.outcome
    assert status in {413, "ambiguous"}
    assert server.connections == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"json": {"a": float("nan")}}, "json"),
        ({"json": object()}, "json"),
        ({"json": {}, "body": b""}, "body"),
        ({"body": "text"}, "body"),
        ({"body": b"x" * 101}, "body"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
        ({"idempotency_key": "a\r\nb"}, "idempotency_key"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"headers": {"Content-Length": "1"}}, "headers"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers"),
        ({"headers": {"Accept-Encoding": "gzip"}}, "headers"),
        ({"headers": {"Idempotency-Key": "x"}}, "headers"),
        ({"headers": {"X": "a\r\nb"}}, "headers"),
        ({"query": {"a": 1}}, "query"),
    ],
)
def test_calls_that_cannot_be_made(connect, free_port, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        connect(f"http://127.0.0.1:{free_port}", max_request_bytes=100).request(
            "POST", "/", **arguments
        )
    assert caught.value.field == field


@pytest.mark.parametrize("timeout_seconds", [0, -1])
def test_without_time_nothing_is_sent(serve, connect, timeout_seconds):
    server = serve()
    with pytest.raises(DeliveryError) as caught:
        connect(server.url).request("GET", "/", timeout_seconds=timeout_seconds)
    assert caught.value.outcome == "not_sent"
    assert server.connections == 0


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"\xff", b"[" * 100_000])
def test_a_2xx_that_is_not_json(serve, http, connect, body):
    server = serve(http.reply(200, body))
    with pytest.raises(DeliveryError) as caught:
        connect(server.url).request("POST", "/").raise_for_status().json()
    assert caught.value.outcome == "ambiguous"


def test_a_head_and_a_204_have_no_body(serve, connect):
    server = serve(
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 204 X\r\n\r\n")
    )
    client = connect(server.url)
    assert (client.request("HEAD", "/").body, client.request("DELETE", "/").status) == (b"", 204)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("abc.example.com", {}),
        ("http://abc.example.com", {}),
        ("http://127.0.0.1.evil.example", {}),
        ("http://localhost.evil.example", {}),
        ("https://abc.example.com/?x", {}),
        ("https://abc.example.com/#x", {}),
        ("https://user@abc.example.com/", {}),
        ("https://abc.example.com/..", {}),
        ("https://abc.execute-api.us-east-1.amazonaws.com/prod", {}),
        ("https://abc.execute-api.us-east-1.amazonaws.com.cn/prod", {}),
        ("https://vpce-1.execute-api.us-east-1.vpce.amazonaws.com/prod", {}),
        ("https://abc.lambda-url.eu-west-1.on.aws/", {}),
        ("https://abc.vpc-lattice-svcs.eu-west-1.on.aws/", {}),
        ("https://abc.example.com", {"region": ""}),
        ("https://abc.example.com", {"service": "s3"}),
        ("https://abc.example.com", {"max_attempts": 0}),
        ("https://abc.example.com", {"connect_timeout_seconds": 0}),
        ("https://abc.example.com", {"max_response_bytes": -1}),
        (None, {}),
        (5, {}),
        ("https://abc.example.com", {"region": None}),
        ("https://abc.example.com", {"max_attempts": "1"}),
        ("https://abc.example.com", {"max_attempts": None}),
        ("https://abc.example.com", {"max_request_bytes": "1"}),
        ("https://abc.example.com", {"max_response_bytes": None}),
        ("https://abc.example.com", {"connect_timeout_seconds": "1"}),
        ("https://abc.example.com", {"receiver_deduplicates": "false"}),
    ],
)
def test_a_wrong_configuration_fails_at_construction(connect, url, options):
    with pytest.raises(ConfigurationError):
        connect(url, **options)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://abc.execute-api.eu-west-1.amazonaws.com/prod", {}),
        ("https://abc.lambda-url.eu-west-1.on.aws", {"service": "lambda"}),
        ("https://api.example.com", {}),
        ("http://abc.execute-api.localhost:4566", {}),
        ("http://[::1]:80", {}),
        ("http://abc.example.com", {"require_https": False}),
    ],
)
def test_a_right_configuration(connect, url, options):
    assert connect(url, **options).url("/x").endswith("/x")


def test_nothing_secret_is_in_a_repr_or_an_error(serve, http, connect):
    server = serve(http.reply(403, b"body-text", ["X-Secret: header-text"]))
    response = connect(server.url).request("POST", "/path-text", body=b"payload-text")
    with pytest.raises(DeliveryRejectedError) as caught:
        response.raise_for_status()
    for text in (repr(response), str(caught.value)):
        assert "text" not in text

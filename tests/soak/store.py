"""32 threads ask a policy store while it goes wrong."""

from __future__ import annotations

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from faulty_server import FaultyServer, Received, http, wait_until
from tally import Call, Row, Subject, column_of, run

from authz_lib import AuthorizationRequest, EntityUid, VerifiedPermissions, errors
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.sigv4 import Credentials

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Callable

    from tally import Outcome

THREADS, RESOURCES = 32, 400
REGION, STORE_ID = "eu-west-1", "PSEXAMPLEabcdefg111111"
CONNECT_SECONDS = READ_SECONDS = 1.0
ATTEMPTS = 2
RECOVERS_WITHIN_SECONDS = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS)  # one call's total
ALICE = EntityUid("User", "alice")
REQUESTS = [
    AuthorizationRequest(ALICE, "View", EntityUid("Doc", str(number)))
    for number in range(RESOURCES)
]
# An even document may be seen, an odd one may not.
CALLS = [Call(REQUESTS[number], "no" if number % 2 else "yes") for number in range(RESOURCES)]
WORDS = ("ALLOW", "DENY")


def word_of(received: Received) -> str:
    """The right answer."""
    resource = json.loads(received.body)["resource"]
    return WORDS[int(resource["entityId"]) % 2]


def document(word: str) -> bytes:
    return f'{{"decision":"{word}","determiningPolicies":[],"errors":[]}}'.encode()


def right(received: Received) -> bytes:
    return http(document(word_of(received)))


def opposite(received: Received) -> str:
    return WORDS[word_of(received) == "ALLOW"]


def refuse(code: str, status: int, *, headers: str = "", share: float = 1.0):
    """An error of the service, always or for a share of the calls."""
    body = json.dumps({"__type": f"com.amazonaws.verifiedpermissions#{code}"}).encode()
    refusal = http(body, status=status, headers=headers)
    return lambda received: refusal if received.turn < share else right(received)


def _hang(received: Received) -> None:
    received.wait(30)


def _answer_and_close(received: Received) -> None:
    received.sock.sendall(right(received))


def _answer_and_reset(received: Received) -> None:
    received.sock.sendall(right(received))
    received.wait(0.005)
    received.reset()


def _reset(received: Received) -> None:
    received.reset()


def _half_and_reset(received: Received) -> None:
    answer = right(received)
    received.sock.sendall(answer[: len(answer) - 20])
    received.reset()


def _half(received: Received) -> None:
    answer = right(received)
    received.sock.sendall(answer[: len(answer) - 20])


def _truncated_json(received: Received) -> bytes:
    return http(document(word_of(received))[:-12])


def _wrong_word(received: Received) -> bytes:
    return http(document(opposite(received).title()))


def _twice(received: Received) -> bytes:
    members = f'"decision":"{word_of(received)}","decision":"{opposite(received)}"'
    return http(f'{{{members},"determiningPolicies":[],"errors":[]}}'.encode())


def _large(received: Received) -> bytes:
    return http(document(word_of(received)) + b" " * 20_000_000)


def _surplus(received: Received) -> bytes:
    return right(received) + http(document(opposite(received)))


def _without_length(received: Received) -> None:
    body = document(word_of(received))
    received.sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)


def _interim(received: Received) -> bytes:
    return b"HTTP/1.1 100 Continue\r\n\r\n" + right(received)


def _bad_chunks(received: Received) -> None:
    body = document(word_of(received))
    received.sock.sendall(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + body + b"\r\n0\r\n\r\n"
    )


def _gzip(received: Received) -> bytes:
    body = gzip.compress(document(word_of(received)))
    return http(body, headers="Content-Encoding: gzip\r\n")


def _missing_lists(received: Received) -> bytes:
    return http(f'{{"decision":"{word_of(received)}"}}'.encode())


def _dribble(received: Received) -> None:
    received.dribble(right(received))


THROTTLED = ("ThrottlingException", "TooManyRequestsException")
OLD = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
FAULTS: dict[str, Callable[[Received], bytes | None]] = {
    "throttled with 400": refuse(THROTTLED[0], 400),
    "throttled with 400, half": refuse(THROTTLED[0], 400, share=0.5),
    "throttled with 429": refuse(THROTTLED[1], 429),
    "throttled with 429, half": refuse(THROTTLED[1], 429, share=0.5),
    "500": refuse("InternalServerException", 500),
    "503, half": refuse("ServiceUnavailable", 503, share=0.5),
    "hang": _hang,
    "close after the answer": _answer_and_close,
    "reset after the answer": _answer_and_reset,
    "reset before the answer": _reset,
    "reset in the middle": _half_and_reset,
    "truncated JSON": _truncated_json,
    "truncated body": _half,
    "wrong decision word": _wrong_word,
    "error body with 200": refuse("InternalServerException", 200),
    "null": lambda _: http(b"null"),
    "duplicate member": _twice,
    "20 MB": _large,
    "skew 403": refuse("InvalidSignatureException", 403, headers=OLD),
    "surplus bytes": _surplus,
    "no length": _without_length,
    "interim 100": _interim,
    "bad chunks": _bad_chunks,
    "gzip": _gzip,
    "HTML 502": lambda _: http(b"<html>bad gateway</html>", status=502),
    "missing lists": _missing_lists,
    "a byte at a time": _dribble,
    "restart": right,
}


def _subject(name: str, client: object, *, is_ours: bool) -> Subject:
    point = VerifiedPermissions(STORE_ID, client=client).cached(
        ttl_seconds=0.5, deny_ttl_seconds=0.5
    )

    def ask(request: AuthorizationRequest) -> Outcome:
        try:
            return "yes" if point.is_authorized(request) else "no"
        except errors.AuthzError as error:
            return "unavailable" if error.status == 503 else "crashed"
        except Exception:  # noqa: BLE001
            return "crashed"

    return Subject(name, ask, is_ours=is_ours)


def _thin(url: str) -> ThinClient:
    return ThinClient(
        region=REGION,
        endpoint_url=url,
        credentials=Credentials("AKIDEXAMPLE", "secret"),
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        max_attempts=ATTEMPTS,
    )


def _boto3(url: str) -> object:
    return boto3.client(
        "verifiedpermissions",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        ),
    )


def draw(chance: random.Random) -> Call:
    return chance.choice(CALLS)


def main(names: list[str], seconds: float, seed: str, report: Callable[[Row], None]) -> list[Row]:
    """Each fault for so many seconds, for our client and for boto3's."""
    rows = []
    server = FaultyServer(right)
    url = f"http://127.0.0.1:{server.port}"
    try:
        subjects = [
            _subject("authz-lib", _thin(url), is_ours=True),
            _subject("boto3 client", _boto3(url), is_ours=False),
        ]
        for fault in names:
            for subject in subjects:
                row = _soak(fault, subject, server, seconds, seed)
                rows.append(row)
                report(row)
    finally:
        server.close()
    return rows


def _soak(fault: str, subject: Subject, server: FaultyServer, seconds: float, seed: str) -> Row:
    server.break_with(FAULTS[fault])
    with ThreadPoolExecutor(1) as pool:
        soaking = pool.submit(
            run, subject, draw, threads=THREADS, seconds=seconds, seed=f"{seed}/{fault}"
        )
        if fault == "restart":
            _restart(server, seconds)
        else:
            time.sleep(seconds)
        server.mend()
        ended = time.monotonic()
        counts = soaking.result()
    recovered = wait_until(
        lambda: subject.ask(CALLS[0].question) == CALLS[0].expected,
        RECOVERS_WITHIN_SECONDS + READ_SECONDS,
        since=ended,
    )
    _count_remembered(counts, subject)
    return Row(fault, subject, counts, recovered)


def _restart(server: FaultyServer, seconds: float) -> None:
    """Down for a moment, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        server.hang_up()
        time.sleep(0.2)
        server.listen()
        time.sleep(0.3)


def _count_remembered(counts: Counter[str], subject: Subject) -> None:
    """The fault is over: whatever is wrong now was remembered."""
    for call in CALLS:
        if column_of(call, subject.ask(call.question)).startswith(("wrong", "crashed")):
            counts["remembered wrongly"] += 1

"""64 threads verify tokens while the key set goes wrong."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import jwt
from certificate import tls_for
from faulty_server import FaultyServer, Received, http, wait_until
from tally import Call, Row, Subject, column_of, run

from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.testing.issuer import TestIssuer

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Callable, Iterator

    from tally import Outcome

THREADS, COLD_THREADS = 64, 8
ISSUER, AUDIENCE = "https://issuer.example", "shop"
TTL_SECONDS, TIMEOUT_SECONDS, COOLDOWN_SECONDS = 0.5, 3.0, 10.0
# What the page of key sets says: a failed fetch is tried again after at most 30 s.
RECOVERS_WITHIN_SECONDS = 30.0 + TIMEOUT_SECONDS
_CA_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


Answer: TypeAlias = "Callable[[Issuer, Received], bytes | None]"


class Issuer:
    """The issuer and its tokens: good ones, and each kind of bad one."""

    def __init__(self) -> None:
        self.real = TestIssuer(ISSUER, algorithm="ES256")
        self._withdrawn: list[str] = []
        self.settle()

    def settle(self) -> None:
        """Ask with tokens of the newest key; withdrawn ones are wrong from now on."""
        key_id, other = self.real.key_id, TestIssuer(ISSUER, algorithm="ES256")
        self.good = [self._token(f"user-{number}") for number in range(50)]
        self._bad = [
            other.token(claims=self._claims("forged"), headers={"kid": key_id}),
            self.real.token(claims=self._claims("late"), expires_in_seconds=-3600),
            self.real.token(claims={"sub": "audience", "aud": "another"}),
            self._token("none").rpartition(".")[0] + ".",
        ]
        self._without_key = [other.token(claims=self._claims("unknown kid")), *self._withdrawn]

    def rotate(self) -> None:
        """Have a new key, and withdraw the old one.

        Until the old set has ended its token may pass, so it is not drawn before the next `settle`.
        """
        withdrawn = [self._token("withdrawn")]
        self.real.rotate()
        self.settle()
        self._withdrawn = withdrawn

    def draw(self, chance: random.Random) -> Call:
        """A token, and whether it is good."""
        percent = chance.randrange(100)
        if percent < 70:
            return Call(chance.choice(self.good), "yes")
        if percent == 99:  # whose key is not in the set: a 503 while it may not be fetched again
            return Call(chance.choice(self._without_key), "not yes")
        return Call(chance.choice(self._bad), "no")

    def every_call(self) -> list[Call]:
        """Each kind once."""
        return [
            Call(self.good[0], "yes"),
            *(Call(token, "no") for token in self._bad + self._withdrawn),
        ]

    def document(self) -> bytes:
        return json.dumps(self.real.jwks()).encode()

    def _token(self, subject: str) -> str:
        return self.real.token(claims=self._claims(subject), expires_in_seconds=7200)

    @staticmethod
    def _claims(subject: str) -> dict[str, str]:
        return {"sub": subject, "aud": AUDIENCE}


def healthy(issuer: Issuer, _: Received) -> bytes:
    """The key set as it is."""
    return http(issuer.document())


def _of(document: object) -> Answer:
    return lambda _issuer, _received: http(json.dumps(document).encode())


def _status(status: int, *, share: float = 1.0) -> Answer:
    return lambda issuer, received: (
        http(b"", status=status) if received.turn < share else healthy(issuer, received)
    )


def _slow(seconds: float) -> Answer:
    return lambda issuer, received: received.wait(seconds) or healthy(issuer, received)


def _dribble(issuer: Issuer, received: Received) -> None:
    received.dribble(healthy(issuer, received))


def _reset(_: Issuer, received: Received) -> None:
    received.reset()


def _close(_issuer: Issuer, _received: Received) -> None:
    """No answer."""


def _symmetric(issuer: Issuer, _: Received) -> bytes:
    secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
    key = {"kty": "oct", "kid": issuer.real.key_id, "k": secret}
    return http(json.dumps({"keys": [key]}).encode())


def _too_long_a_length(issuer: Issuer, received: Received) -> None:
    received.sock.sendall(http(issuer.document(), length=4000))


FAULTS: dict[str, Answer] = {
    "rotation": healthy,  # the old key is withdrawn; first, so that all others see it too
    "500": _status(500),
    "500, half": _status(500, share=0.5),
    "5 MB": lambda issuer, _: http(issuer.document() + b" " * 5_000_000),
    "down": _close,
    "slow, 2 s": _slow(2),
    "slow, 10 s": _slow(10),
    "a byte at a time": _dribble,
    "garbage": lambda *_: http(b"<html>maintenance</html>"),
    "no `keys`": _of({}),
    "empty keys": _of({"keys": []}),
    "null keys": _of({"keys": None}),
    "entries that are no keys": _of({"keys": [None, 1, {"kty": "RSA"}]}),
    "only symmetric keys": _symmetric,
    "redirect": lambda _, received: http(
        b"", status=302, headers=f"Location: {received.target}\r\n"
    ),
    "reset": _reset,
    "closed without an answer": _close,
    "too short a length": lambda issuer, _: http(issuer.document(), length=40),
    "too long a length": _too_long_a_length,
    "truncated": lambda issuer, _: http(issuer.document()[:-40]),
    "DNS fails": healthy,
    "DNS hangs": healthy,
}


class Resolver:
    """`socket.getaddrinfo`, which can fail or hang."""

    def __init__(self) -> None:
        self._real, self._fault, self._over = socket.getaddrinfo, "", threading.Event()

    def start(self, fault: str) -> None:
        self._fault, self._over = fault, threading.Event()

    def end(self) -> None:
        self._fault = ""
        self._over.set()

    def __call__(self, *arguments, **options):
        if self._fault == "DNS fails":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        if self._fault == "DNS hangs":
            self._over.wait(10)
        return self._real("127.0.0.1", *arguments[1:], **options)


@contextlib.contextmanager
def resolver() -> Iterator[Resolver]:
    made, real = Resolver(), socket.getaddrinfo
    socket.getaddrinfo = made
    try:
        yield made
    finally:
        socket.getaddrinfo = real


def ours(url: str, name: str) -> Subject:
    keys = RemoteKeySet(
        url,
        ttl_seconds=TTL_SECONDS,
        refresh_ahead_seconds=0.1,
        timeout_seconds=TIMEOUT_SECONDS,
        miss_cooldown_seconds=COOLDOWN_SECONDS,
    )
    verifier = JWTVerifier(issuer=ISSUER, audience=AUDIENCE, algorithms=["ES256"], keys=keys)

    def ask(token: str) -> Outcome:
        try:
            verifier.verify(token)
        except errors.AuthzError as error:
            return {401: "no", 503: "unavailable"}.get(error.status, "crashed")
        except Exception:  # noqa: BLE001
            return "crashed"
        return "yes"

    return Subject(name, ask, is_ours=True)


def pyjwt(url: str) -> Subject:
    client = jwt.PyJWKClient(url, lifespan=TTL_SECONDS, timeout=TIMEOUT_SECONDS)

    def ask(token: str) -> Outcome:
        try:
            key = client.get_signing_key_from_jwt(token)
            jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER)
        except jwt.PyJWKClientConnectionError:
            return "unavailable"
        except jwt.PyJWTError:
            return "no"
        except Exception:  # noqa: BLE001
            return "crashed"
        return "yes"

    return Subject("PyJWKClient", ask)


def powertools(url: str) -> Subject | None:
    try:
        from aws_lambda_powertools.utilities.auth_alpha.jwt import JWTVerifier as Verifier
        from aws_lambda_powertools.utilities.auth_alpha.jwt.exceptions import (
            AuthError,
            JWKSFetchError,
        )
    except ImportError:
        return None
    verifier = Verifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=["ES256"],
        jwks_uri=url,
        timeout_seconds=TIMEOUT_SECONDS,
        jwks_max_age_seconds=TTL_SECONDS,
        unknown_kid_cooldown_seconds=COOLDOWN_SECONDS,
    )

    def ask(token: str) -> Outcome:
        try:
            verifier.verify(token)
        except JWKSFetchError:
            return "unavailable"
        except AuthError:
            return "no"
        except Exception:  # noqa: BLE001
            return "crashed"
        return "yes"

    return Subject("Powertools", ask)


def main(faults: list[str], seconds: float, seed: str, report: Callable[[Row], None]) -> list[Row]:
    """Each fault for so many seconds, for us and for each peer."""
    issuer, rows = Issuer(), []
    with tempfile.TemporaryDirectory() as folder, resolver() as names:
        certificate = Path(folder) / "ca.pem"
        os.environ |= dict.fromkeys(_CA_BUNDLES, str(certificate)) | {"no_proxy": "localhost"}
        server = FaultyServer(partial(healthy, issuer), tls=tls_for(certificate))
        url = f"https://localhost:{server.port}/.well-known/jwks.json"
        try:
            subjects = [ours(url, "authz-lib"), pyjwt(url), powertools(url)]
            for subject in filter(None, subjects):
                subject.ask(issuer.good[0])  # each has the keys before the first fault
            time.sleep(TTL_SECONDS)
            for fault in faults:
                issuer.rotate() if fault == "rotation" else issuer.settle()
                for subject in filter(None, subjects):
                    for row in _soak(fault, subject, issuer, server, names, url, seconds, seed):
                        rows.append(row)
                        report(row)
        finally:
            server.close()
    return rows


def _soak(fault, subject, issuer, server, names, url, seconds, seed) -> list[Row]:
    """One fault: those who have the keys and, of us, those who start without them."""
    asked = [(subject, THREADS)]
    if subject.is_ours:
        asked.append((ours(url, "authz-lib, cold"), COLD_THREADS))
    seed = f"{seed}/{fault}"
    server.break_with(partial(FAULTS[fault], issuer))
    names.start(fault)
    if fault == "down":
        server.hang_up()
    ended: Future[float] = Future()

    def end() -> None:
        names.end()
        server.mend()
        ended.set_result(time.monotonic())

    def soak(who: Subject, threads: int) -> Row:
        counts = run(who, issuer.draw, threads=threads, seconds=seconds, seed=seed)
        recovered = wait_until(
            lambda: who.ask(issuer.good[0]) == "yes", RECOVERS_WITHIN_SECONDS, since=ended.result()
        )
        time.sleep(2 * TTL_SECONDS)  # what is remembered must be of the new set now
        _count_remembered(counts, who, issuer)
        return Row(fault, who, counts, recovered)

    with ThreadPoolExecutor(len(asked) + 1) as pool:
        rows = [pool.submit(soak, who, threads) for who, threads in asked]
        time.sleep(seconds)
        end()
        return [row.result() for row in rows]


def _count_remembered(counts: Counter[str], who: Subject, issuer: Issuer) -> None:
    """The fault is over: whatever is wrong now was remembered."""
    for call in issuer.every_call():
        if column_of(call, who.ask(call.question)).startswith(("wrong", "crashed")):
            counts["remembered wrongly"] += 1

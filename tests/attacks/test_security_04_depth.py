"""Security 4: nested JSON ends the process, before any key is looked at, on a small stack."""

from __future__ import annotations

import subprocess
import sys

import pytest

ATTACK = """
import base64, json, threading, time
from authz_lib import JWTVerifier, RemoteKeySet, errors
from authz_lib.service import json_body
from authz_lib.testing.issuer import TestIssuer

def segment(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

open_, close, room = {"list": (b"[", b"]", 1), "object": (b'{"a":', b"}", 6)}["FORM"]
issuer = TestIssuer("https://issuer.example", algorithm="ES256")
other = TestIssuer("https://other.example", algorithm="ES256")

def verifier(of):
    return JWTVerifier(
        issuer=of.issuer, audience=None, algorithms=["ES256"], keys=of.key_set()
    )

def nested(size, closed):
    count = size // (2 * room) if closed else size // room
    return b'{"a":' + open_ * count + b"1" + (close * count + b"}" if closed else b"")

def bracket_token(closed):
    return segment(nested(12_000, closed)) + "." + segment(b"{}") + ".AAAA"

def payload_token(closed):
    header = {"alg": "ES256", "kid": issuer.key_id}
    return segment(json.dumps(header).encode()) + "." + segment(nested(11_900, closed)) + ".AAAA"

one, several = verifier(issuer), JWTVerifier.any_of(verifier(issuer), verifier(other))
huge = nested(140_000, True)
fetch = lambda _: b'{"keys":[' + huge + b"]}"
keys = RemoteKeySet("https://issuer.example/jwks.json", fetcher=fetch)
header_tokens = [bracket_token(True), bracket_token(False)]
payload_tokens = [payload_token(True), payload_token(False)]

def refused(call, *expected):
    try:
        call()
    except expected:
        return
    raise SystemExit("not refused")

def run():
    if "WHERE" == "header":
        for token in header_tokens:
            times = []
            for _ in range(20):
                started = time.thread_time()
                refused(lambda: one.verify(token), errors.InvalidTokenError)
                times.append(time.thread_time() - started)
            assert min(times) < 0.001, times
    elif "WHERE" == "payload":  # read before the signature: it says whose rules hold
        for token in payload_tokens:
            refused(lambda: several.verify(token), errors.InvalidTokenError)
    elif "WHERE" == "body":
        refused(lambda: json_body({"body": huge.decode()}), Exception)
    elif "WHERE" == "key set":
        refused(lambda: keys.find("a", "ES256"), errors.KeySetUnavailableError)
    print("refused", flush=True)

threading.stack_size(32 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.parametrize("form", ["list", "object"])
@pytest.mark.parametrize("where", ["header", "payload", "body", "key set"])
def test_nested_json_is_refused_on_the_smallest_stack(where, form):
    script = ATTACK.replace("WHERE", where).replace("FORM", form)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "refused\n", "")

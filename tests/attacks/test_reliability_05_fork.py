"""Reliability 5: a fork while something is in flight, or under a lock, poisons the child.

As gunicorn with `preload_app` and `multiprocessing` fork.  Each case is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

COMMON = """
import os, signal, sys, threading, time, types
from authz_lib import AuthorizationRequest, CedarEngine, EntityUid, JWTVerifier, RemoteKeySet
from authz_lib import VerifiedPermissions
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.testing.issuer import TestIssuer

PARENT = os.getpid()
issuer = TestIssuer("https://issuer.example", algorithm="ES256")
token = issuer.token(claims={"sub": "alice"})
asked = threading.Event()

def wait_in_parent(seconds):
    if os.getpid() == PARENT:
        asked.set()
        time.sleep(seconds)

def fetcher(seconds):
    import json
    def fetch(url):
        wait_in_parent(seconds)
        return json.dumps(issuer.jwks()).encode()
    return fetch

class Store(ThinClient):
    def __init__(self, seconds):
        self.endpoint, self.seconds = "https://store.example", seconds
    def call(self, *question):
        wait_in_parent(self.seconds)
        document = {"decision": "ALLOW", "determiningPolicies": [], "errors": []}
        return types.SimpleNamespace(document=document, request_id=None)

def verifier(seconds):
    keys = RemoteKeySet("https://issuer.example/jwks.json", fetcher=fetcher(seconds))
    return JWTVerifier(
        issuer=issuer.issuer, audience=None, algorithms=["ES256"], keys=keys
    )

def store(seconds):
    return VerifiedPermissions("PSEXAMPLEabcdefg111111", client=Store(seconds))

def request(number):
    return AuthorizationRequest(
        EntityUid("User", "a"), "View", EntityUid("Doc", str(number))
    )

def child_answers(work):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        print("the child ended with", code, file=sys.stderr)  # -14: it hung
    return code == 0

def during(work):
    threading.Thread(target=work, daemon=True).start()
    assert asked.wait(5)

def done(answered):
    os._exit(0 if answered else 1)
"""

FETCH = """
checks = verifier(20)
during(lambda: checks.verify(token))
done(child_answers(lambda: checks.verify(token).claims["sub"] == "alice"))
"""

LOAD_BALANCER = """
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
checks = JWTVerifier.alb(
    load_balancer_arn=ARN, client_id="web", issuer=issuer.issuer,
    fetcher=lambda url: wait_in_parent(20) or issuer.pem(url.rpartition("/")[2]),
)
signed = issuer.alb_token(load_balancer_arn=ARN, client_id="web")
during(lambda: checks.verify(signed))
done(child_answers(lambda: checks.verify(signed).claims["sub"] == "alice"))
"""

DECISION = """
point = store(20).cached()
during(lambda: point.is_authorized(request(1)))
done(child_answers(lambda: point.is_authorized(request(1)).allowed))
"""

FOUR_THREADS = """
checks = verifier(0.0)
remote, engine = store(0.0005).cached(ttl_seconds=0.001), CedarEngine.from_text(
    "permit(principal, action, resource);"
).cached(ttl_seconds=0.001)

def everything(number):
    verified = checks.verify(token)
    points = remote.is_authorized(request(number)), engine.is_authorized(request(number))
    return verified.claims["sub"] == "alice" and all(points)

def busy(number):
    while True:
        everything(number)

for number in range(4):
    threading.Thread(target=busy, args=(number,), daemon=True).start()
done(all(child_answers(lambda: all(map(everything, range(4)))) for _ in range(400)))
"""

CASES = {
    "a fetch": FETCH,
    "a fetch for a load balancer": LOAD_BALANCER,
    "a decision": DECISION,
    "four threads, 400 times": FOUR_THREADS,
}


@pytest.mark.parametrize("case", CASES)
def test_the_child_answers(case):
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMMON + CASES[case]],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr

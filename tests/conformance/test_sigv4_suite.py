"""The AWS SigV4 test suite (awslabs/aws-c-auth), read through AUTHZ_VECTORS.

A case that we refuse on purpose must be refused; a case that asks for another algorithm than ours is named with why.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Signer

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
SUITE = Path(VECTORS or "/nonexistent") / "sigv4" / "aws-c-auth-signing-test-suite" / "v4"
CASES = sorted(path.name for path in SUITE.iterdir()) if SUITE.is_dir() else []

# Dot segments: clients and gateways resolve them differently, so they are never sent.
DOT_SEGMENTS = {
    "get-relative-normalized",
    "get-relative-unnormalized",
    "get-relative-relative-normalized",
    "get-relative-relative-unnormalized",
    "get-slash-dot-slash-normalized",
    "get-slash-dot-slash-unnormalized",
    "get-slash-pointless-dot-normalized",
    "get-slash-pointless-dot-unnormalized",
}
# A header that goes on in the next line: RFC 9112, section 5.2, forbids to send one.
FOLDED_HEADER = {"get-header-value-multiline"}
# `"normalize": false` keeps repeated slashes in the canonical request: that is S3's rule, and S3 is refused.
RULES_OF_S3 = {"get-slash-unnormalized", "get-slashes-unnormalized"}
# The session token is added after signing: IoT's rule.  Ours is always signed.
TOKEN_UNSIGNED = {"post-sts-header-after"}
# The path holds a raw space or raw UTF-8, which no HTTP client may send, and is encoded once for the canonical request.
# We send it encoded and, as API Gateway wants it, encode what is sent once more (awscrt agrees).
RAW_PATH = {"get-space-normalized", "get-space-unnormalized", "get-utf8"}
NOT_OURS = RULES_OF_S3 | TOKEN_UNSIGNED | RAW_PATH


def read(case):
    context = json.loads((SUITE / case / "context.json").read_text())
    head, _, body = (SUITE / case / "request.txt").read_bytes().partition(b"\n\n")
    start, *lines = head.decode().split("\n")
    method, _, rest = start.partition(" ")
    target = rest.rpartition(" ")[0]
    headers: dict[str, str] = {}
    for line in lines:
        if line[:1] in {" ", "\t"}:
            last = list(headers)[-1]
            headers[last] += "\n" + line
        elif line:
            name, _, value = line.partition(":")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return context, method, f"https://{headers.pop('Host')}{target}", headers, body or None


def sign(case):
    context, method, url, headers, body = read(case)
    given = context["credentials"]
    signer = SigV4Signer(
        service=context["service"],
        region=context["region"],
        credentials=Credentials(given["access_key_id"], given["secret_access_key"], given.get("token")),
        also_sign=headers,
        clock=lambda: dt.datetime.fromisoformat(context["timestamp"]).timestamp(),
    )
    if context["sign_body"]:
        import hashlib

        headers["x-amz-content-sha256"] = hashlib.sha256(body or b"").hexdigest()
    return signer.sign(method, url, headers, body)


def test_the_suite_is_there_whole():
    if not VECTORS:
        pytest.skip("AUTHZ_VECTORS is not set")
    assert len(CASES) == 38
    assert set(CASES) >= DOT_SEGMENTS | FOLDED_HEADER | NOT_OURS


@pytest.mark.parametrize("case", [case for case in CASES if case not in DOT_SEGMENTS | FOLDED_HEADER | NOT_OURS])
def test_signature(case):
    expected = (SUITE / case / "header-signature.txt").read_text().strip()
    assert sign(case).headers["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize("case", [case for case in CASES if case in DOT_SEGMENTS | FOLDED_HEADER])
def test_refused_on_purpose(case):
    with pytest.raises(InvalidRequestError):
        sign(case)


@pytest.mark.parametrize("case", [case for case in CASES if case in NOT_OURS])
def test_another_algorithm_than_ours(case):
    """They stay listed only as long as they differ."""
    expected = (SUITE / case / "header-signature.txt").read_text().strip()
    assert not sign(case).headers["authorization"].endswith(expected)

"""The 38 cases of AWS's SigV4 test suite (awslabs/aws-c-auth), read through AUTHZ_VECTORS.

- 24 are signed by `SigV4Signer` as the suite says.
- 8 must not be sent like that: dot segments, a folded header, raw spaces or UTF-8 in the path.  The
  signer refuses or encodes them.  `signature.py` signs the resolved path and the folded header as
  the suite says, and awscrt signs the encoded paths as we do.
- 6 do not apply: with `"normalize": false` they have S3's rule, and S3 is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import posixpath
from pathlib import Path

import awscrt.auth
import awscrt.http
import pytest

from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4 import Credentials, SigV4Signer
from authz_lib.sigv4.signature import authorization
from authz_lib.sigv4.url import canonical_url

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
SUITE = Path(VECTORS or "/nonexistent") / "sigv4" / "aws-c-auth-signing-test-suite" / "v4"
CASES = sorted(path.name for path in SUITE.iterdir()) if SUITE.is_dir() else []

# Dot segments: clients and gateways resolve them differently, so they are never sent.
DOT_SEGMENTS = {
    "get-relative-normalized",
    "get-relative-relative-normalized",
    "get-slash-dot-slash-normalized",
    "get-slash-pointless-dot-normalized",
}
# A header that goes on in the next line: RFC 9112, section 5.2, forbids to send one.
FOLDED_HEADER = {"get-header-value-multiline"}
# The path holds a raw space or raw UTF-8, which no HTTP client may send.  The suite encodes it for
# the canonical request; we encode it for the wire and, as API Gateway wants it, what is on the wire
# once more for that request.
RAW_PATH = {"get-space-normalized", "get-space-unnormalized", "get-utf8"}
# The session token is added after signing, which is IoT's rule.  Ours is always signed.
TOKEN_UNSIGNED = {"post-sts-header-after"}
# `"normalize": false` keeps dot segments and repeated slashes in the canonical request: that is
# S3's rule.
DOT_SEGMENTS_OF_S3 = {
    "get-relative-unnormalized",
    "get-relative-relative-unnormalized",
    "get-slash-dot-slash-unnormalized",
    "get-slash-pointless-dot-unnormalized",
}
SLASHES_OF_S3 = {"get-slash-unnormalized", "get-slashes-unnormalized"}

NEVER_SENT = DOT_SEGMENTS | FOLDED_HEADER | RAW_PATH
NOT_OURS = DOT_SEGMENTS_OF_S3 | SLASHES_OF_S3


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


def now(context):
    return dt.datetime.fromisoformat(context["timestamp"])


def expected(case):
    return (SUITE / case / "header-signature.txt").read_text().strip()


def signature(authorization):
    return authorization.partition("Signature=")[2]


def sign(case, *, token=True):
    context, method, url, headers, body = read(case)
    given = context["credentials"]
    signer = SigV4Signer(
        service=context["service"],
        region=context["region"],
        credentials=Credentials(
            given["access_key_id"],
            given["secret_access_key"],
            given.get("token") if token else None,
        ),
        also_sign=headers,
        clock=now(context).timestamp,
    )
    if context["sign_body"]:
        headers["x-amz-content-sha256"] = hashlib.sha256(body or b"").hexdigest()
    return signer.sign(method, url, headers, body)


def test_the_suite_is_there_whole():
    if not VECTORS:
        pytest.skip("AUTHZ_VECTORS is not set")
    assert len(CASES) == 38
    assert set(CASES) >= NEVER_SENT | NOT_OURS | TOKEN_UNSIGNED
    assert (len(NEVER_SENT), len(NOT_OURS), len(TOKEN_UNSIGNED)) == (8, 6, 1)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in NEVER_SENT | NOT_OURS | TOKEN_UNSIGNED]
)
def test_signature(case):
    assert signature(sign(case).headers["authorization"]) == expected(case)


@pytest.mark.parametrize("case", [case for case in CASES if case in TOKEN_UNSIGNED])
def test_a_token_that_is_added_after_signing(case):
    """Without the token it is signed as the suite says; a token is always signed."""
    assert signature(sign(case, token=False).headers["authorization"]) == expected(case)
    assert "x-amz-security-token" in sign(case).headers["authorization"]


@pytest.mark.parametrize("case", [case for case in CASES if case in DOT_SEGMENTS | FOLDED_HEADER])
def test_the_algorithm_signs_what_is_never_sent(case):
    context, method, url, headers, body = read(case)
    path = url.split("/", 3)[3]
    resolved = posixpath.normpath(f"/{path}") + (
        "/" if path.strip("./") and path.endswith("/") else ""
    )
    given = context["credentials"]
    stamp = now(context).strftime("%Y%m%dT%H%M%SZ")
    lower = {name.lower(): value for name, value in headers.items()}
    text = authorization(
        Credentials(given["access_key_id"], given["secret_access_key"]),
        service=context["service"],
        region=context["region"],
        method=method,
        url=canonical_url(f"https://{url.split('/')[2]}{resolved}"),
        headers={"host": url.split("/")[2], "x-amz-date": stamp, **lower},
        body=body or b"",
        timestamp=stamp,
    )
    assert signature(text) == expected(case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case in DOT_SEGMENTS | FOLDED_HEADER | DOT_SEGMENTS_OF_S3]
)
def test_refused_on_purpose(case):
    with pytest.raises(InvalidRequestError):
        sign(case)


@pytest.mark.parametrize("case", [case for case in CASES if case in RAW_PATH])
def test_a_raw_path_is_sent_encoded_and_awscrt_signs_that_as_we_do(case):
    context, method, _, _, _ = read(case)
    given = context["credentials"]
    signed = sign(case)
    assert signed.url.isascii()
    assert " " not in signed.url
    _, _, host, path = signed.url.split("/", 3)
    config = awscrt.auth.AwsSigningConfig(
        algorithm=awscrt.auth.AwsSigningAlgorithm.V4,
        signature_type=awscrt.auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(
            given["access_key_id"], given["secret_access_key"]
        ),
        region=context["region"],
        service=context["service"],
        date=now(context),
        use_double_uri_encode=True,
        should_normalize_uri_path=True,
    )
    request = awscrt.http.HttpRequest(method, f"/{path}", awscrt.http.HttpHeaders([("host", host)]))
    theirs = dict(awscrt.auth.aws_sign_request(request, config).result(10).headers)["Authorization"]
    assert signed.headers["authorization"] == theirs


@pytest.mark.parametrize("case", [case for case in CASES if case in SLASHES_OF_S3])
def test_repeated_slashes_are_sent_and_signed_as_one(case):
    """As for every service but S3: the signature is the suite's for the normalized path."""
    normalized = case.replace("unnormalized", "normalized")
    assert signature(sign(case).headers["authorization"]) == expected(normalized) != expected(case)

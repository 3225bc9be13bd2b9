"""Only for the local AWS: what the rows of requests.yaml and measure.py compare with."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import urllib3
from verification import NEW_WAY, OLD_WAY

from authz_lib import SigV4Signer
from authz_lib.delivery import Parcel

if TYPE_CHECKING:
    from authz_lib.sigv4 import SignedRequest

URL = os.environ["EXECUTION_API_URL"] + "/execute"


def _sign(body: bytes, **options: Any) -> SignedRequest:
    signer = SigV4Signer(service="execute-api", region=os.environ["AWS_REGION"], **options)
    return signer.sign("POST", URL, {"content-type": "application/json"}, body)


def _answer(signed: SignedRequest, body: bytes) -> dict[str, Any]:
    answer = urllib3.request(
        signed.method, signed.url, headers=signed.headers, body=body, retries=False
    )
    return {"statusCode": answer.status, "errorType": answer.headers.get("x-amzn-errortype")}


def stranger(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Another service of the account, with another role: signs well, and may not."""
    body = json.dumps(event).encode()
    return _answer(_sign(body), body)


def damaged(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The right role, and a signature that does not fit what is sent."""
    body = json.dumps(event["body"]).encode()
    signed = _sign(
        b"{}" if event["how"] == "other body" else body,
        clock=lambda: time.time() - (1200 if event["how"] == "20 minutes ago" else 0),
    )
    if event["how"] == "one digit":
        text = signed.headers["authorization"]
        signed.headers["authorization"] = text[:-1] + ("0" if text[-1] != "0" else "1")
    if event["how"] == "no session token":
        del signed.headers["x-amz-security-token"]
    return _answer(signed, body)


def measure(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Both ways in turn, same payload: milliseconds of each call."""
    ways = {"signed": NEW_WAY, "direct": OLD_WAY}
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(event["rounds"]):
        parcel = Parcel.pack(event["work"], idempotency_key=f"measure-{turn}")
        for name, way in ways.items():
            began = time.perf_counter()
            way.deliver(parcel, timeout_seconds=20)
            seen[name].append((time.perf_counter() - began) * 1000)
    return seen

"""Signatures for the rows of requests.yaml: by the account's own key, made here and then damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib import SigV4Signer
from authz_lib.sigv4 import Credentials

if TYPE_CHECKING:
    from authz_lib.sigv4 import SignedRequest

BODY = b'{"idempotency_key": "forged", "payload": {"account": "forged"}}'


def seed(local: Any) -> None:
    """Set the variables that the rows name."""
    url = f"{local.variables['ExecutionUrl']}/execute"
    account = Credentials("test", "test")  # the administrator of the local AWS

    def signed(region: str = "us-east-1", body: bytes = BODY) -> SignedRequest:
        signer = SigV4Signer(service="execute-api", region=region, credentials=account)
        return signer.sign("POST", url, {"content-type": "application/json"}, body)

    right = signed()
    last = right.headers["authorization"][-1]
    local.variables |= {
        "administrator.authorization": right.headers["authorization"],
        "administrator.date": right.headers["x-amz-date"],
        "flipped.authorization": right.headers["authorization"][:-1] + ("0" if last != "0" else "1"),
        "otherbody.authorization": signed(body=b"{}").headers["authorization"],
        "otherregion.authorization": signed(region="eu-west-1").headers["authorization"],
    }

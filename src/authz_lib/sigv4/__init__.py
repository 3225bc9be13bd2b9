"""Signed calls (SigV4) to other IAM-protected APIs, and a rollout that cannot execute twice.

Lazy (PEP 562): importing it loads neither botocore nor urllib3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.sigv4.client import Response, SigV4Client
    from authz_lib.sigv4.credentials import Credentials
    from authz_lib.sigv4.delivery import ApiCall, Delivery, DeliveryEvent, DeliveryPath, Parcel, Receipt
    from authz_lib.sigv4.lambda_invoke import LambdaInvoke
    from authz_lib.sigv4.outcome import Outcome
    from authz_lib.sigv4.rollout import RolloutFlag
    from authz_lib.sigv4.signer import SignedRequest, SigV4Signer
    from authz_lib.sigv4.url import CanonicalURL, canonical_url, quote_segment

__all__ = [
    "ApiCall",
    "CanonicalURL",
    "Credentials",
    "Delivery",
    "DeliveryEvent",
    "DeliveryPath",
    "LambdaInvoke",
    "Outcome",
    "Parcel",
    "Receipt",
    "Response",
    "RolloutFlag",
    "SigV4Client",
    "SigV4Signer",
    "SignedRequest",
    "canonical_url",
    "quote_segment",
]

_HOME = {
    "ApiCall": "delivery",
    "CanonicalURL": "url",
    "Credentials": "credentials",
    "Delivery": "delivery",
    "DeliveryEvent": "delivery",
    "DeliveryPath": "delivery",
    "LambdaInvoke": "lambda_invoke",
    "Outcome": "outcome",
    "Parcel": "delivery",
    "Receipt": "delivery",
    "Response": "client",
    "RolloutFlag": "rollout",
    "SigV4Client": "client",
    "SigV4Signer": "signer",
    "SignedRequest": "signer",
    "canonical_url": "url",
    "quote_segment": "url",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)

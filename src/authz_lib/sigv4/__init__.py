"""Signed calls (SigV4) to IAM-protected APIs.  Its import loads neither botocore nor urllib3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.lazy import lazy_names

if TYPE_CHECKING:
    from authz_lib.sigv4.client import SigV4Client
    from authz_lib.sigv4.credentials import Credentials
    from authz_lib.sigv4.response import Response
    from authz_lib.sigv4.signer import SignedRequest, SigV4Signer
    from authz_lib.sigv4.url import CanonicalURL, canonical_url, quote_segment

__all__ = [
    "CanonicalURL",
    "Credentials",
    "Response",
    "SigV4Client",
    "SigV4Signer",
    "SignedRequest",
    "canonical_url",
    "quote_segment",
]

# Public name -> the module that holds it.
_HOME = {
    "CanonicalURL": "url",
    "Credentials": "credentials",
    "Response": "response",
    "SigV4Client": "client",
    "SigV4Signer": "signer",
    "SignedRequest": "signer",
    "canonical_url": "url",
    "quote_segment": "url",
}

if not TYPE_CHECKING:  # type checkers read the imports above: a misspelt name is an error for them
    __getattr__, __dir__ = lazy_names(__name__, _HOME)

"""The one place that touches botocore's signer.  Importing it loads botocore, so `signer` does that on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from botocore.auth import SigV4Auth
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.sigv4.credentials import FrozenCredentials

__all__ = ["authorization"]


class _Request:
    """What `SigV4Auth` reads of a request, and nothing more."""

    __slots__ = ("body", "context", "headers", "method", "params", "url")

    def __init__(self, method: str, url: str, headers: HTTPHeaders, body: bytes, timestamp: str) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.params: dict[str, str] = {}  # the query is in the URL
        self.context: dict[str, Any] = {"timestamp": timestamp}


def authorization(
    frozen: FrozenCredentials,
    *,
    service: str,
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timestamp: str,
) -> str:
    """The ``Authorization`` header for a canonical URL.  All of ``headers`` are signed.

    `SigV4Auth.add_auth` is not used: it reads the wall clock itself and logs the canonical request, which holds the
    session token, at debug level.
    """
    signed = HTTPHeaders()
    for name, value in headers.items():
        signed[name] = value
    auth: Any = SigV4Auth(cast("Any", frozen), service, region)  # it reads three attributes of the credentials
    request = _Request(method, url, signed, body, timestamp)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    names = ";".join(sorted(headers))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"

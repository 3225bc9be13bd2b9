"""The arithmetic of Signature Version 4, for a URL that is canonical already.

AWS's own test suite, awscrt and botocore judge it in the tests.  `botocore.auth` is not called: to
import it takes a tenth of a cold start, it reads the wall clock, and it logs the canonical request,
session token and all.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from authz_lib.sigv4.credentials import FrozenCredentials
    from authz_lib.sigv4.url import CanonicalURL

__all__ = ["authorization"]

_ALGORITHM = "AWS4-HMAC-SHA256"


def authorization(
    frozen: FrozenCredentials,
    *,
    service: str,
    region: str,
    method: str,
    url: CanonicalURL,
    headers: Mapping[str, str],
    body: bytes,
    timestamp: str,
) -> str:
    """The ``Authorization`` header.  All of ``headers``, whose names are lower case, are signed."""
    signed = sorted(headers)
    names = ";".join(signed)
    request = [
        method,
        _path(url.path),
        _query(url.query),
        *[f"{name}:{' '.join(headers[name].split())}" for name in signed],
        "",
        names,
        headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest(),
    ]
    day = timestamp[:8]
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    key = f"AWS4{frozen.secret_key}".encode()
    for part in (day, region, service, "aws4_request", to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{_ALGORITHM} Credential={frozen.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"


def _path(path: str) -> str:
    """The path once more encoded, each run of slashes as one.  A canonical path has no dot
    segments.
    """
    segments = [segment for segment in path.split("/") if segment]
    end = "/" if segments and path.endswith("/") else ""
    return f"/{'/'.join(segments)}{end}".replace("%", "%25")


def _query(query: str) -> str:
    """Sorted by name, then by value: as pairs, since ``=`` sorts after some characters of names."""
    pairs = sorted(pair.partition("=") for pair in query.split("&"))
    return "&".join(["".join(pair) for pair in pairs])

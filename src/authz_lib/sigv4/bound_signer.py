"""A signer that signs for one host only, as the adapters of httpx and requests need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4.url import base_of, canonical_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib.sigv4.signer import SignedRequest, SigV4Signer

__all__ = ["BoundSigner"]


class BoundSigner:
    """Signs requests to one scheme and host, at or below the path of the base URL.

    A redirect or a shared session can therefore not take a signature elsewhere.  A path that a
    client has made shorter, by resolving ``..``, does not leave the base either.
    """

    def __init__(self, base_url: str, signer: SigV4Signer, *, require_https: bool) -> None:
        base = base_of(base_url, require_https=require_https)
        self._origin = (base.scheme, base.host)
        self._path = base.path.rstrip("/")
        self._signer = signer

    def sign(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | None
    ) -> SignedRequest:
        """Sign ``Host``, ``Content-Type`` and ``X-Amz-*`` of another client's request.

        Its other headers are sent unsigned.

        Raises:
            InvalidRequestError: it is for another host, or not below the base URL's path, or cannot
                be signed.
        """
        target = canonical_url(url)
        if (target.scheme, target.host) != self._origin:
            raise InvalidRequestError(
                "the request is for another host than the signer's", field="url"
            )
        if not f"{target.path}/".startswith(f"{self._path}/"):
            raise InvalidRequestError(
                "the path of the request is not below that of the signer's base URL", field="url"
            )
        signed: dict[str, str] = {}
        for name, value in headers:
            lower = name.lower()
            if lower == "content-type" or lower.startswith("x-amz-"):
                if lower in signed:
                    raise InvalidRequestError("a header is given twice", field="headers")
                signed[lower] = value
        return self._signer.sign(method, target, signed, body)

"""What the two adapters share: a signer that is bound to one host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4.url import base_of, canonical_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib.sigv4.signer import SignedRequest, SigV4Signer

__all__ = ["BoundSigner"]


class BoundSigner:
    """Signs for one scheme and host, so that a redirect or a shared session cannot take a signature
    elsewhere.
    """

    def __init__(self, base_url: str, signer: SigV4Signer, *, require_https: bool) -> None:
        base = base_of(base_url, require_https=require_https)
        self._origin = (base.scheme, base.host)
        self._signer = signer

    def sign(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | None
    ) -> SignedRequest:
        """Sign what is stable of another client's request; its other headers travel beside it,
        unsigned.
        """
        target = canonical_url(url)
        if (target.scheme, target.host) != self._origin:
            raise InvalidRequestError(
                "the request is for another host than the signer's", field="url"
            )
        stable: dict[str, str] = {}
        for name, value in headers:
            lower = name.lower()
            if lower == "content-type" or lower.startswith("x-amz-"):
                if lower in stable:
                    raise InvalidRequestError("a header is given twice", field="headers")
                stable[lower] = value
        return self._signer.sign(method, target, stable, body)

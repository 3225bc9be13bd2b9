"""Signed calls with httpx: transports for a client that exists already.  Needs the extra ``httpx``.

httpx resolves dot segments before a transport sees the URL: ``/orders/../admin`` is signed and sent
as ``/admin``.  Put ids into a path with `authz_lib.sigv4.quote_segment`, which refuses ``..``.

This is not an ``httpx.Auth``: httpx copies a request's headers, the session token among them, to
the request that follows a redirect, and an ``Auth`` cannot prevent that.  A transport signs each
request after httpx has made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.extras import load_extra
from authz_lib.sigv4.bound_signer import BoundSigner

if TYPE_CHECKING:
    import httpx

    from authz_lib.sigv4.signer import SigV4Signer

else:
    httpx = load_extra("httpx", extra="httpx", what="`authz_lib.sigv4.httpx_auth`")

__all__ = ["AsyncSigV4Transport", "SigV4Transport"]


class SigV4Transport(httpx.BaseTransport):
    """Makes the URL canonical, signs the request, and hands it to httpx's own transport.

    A request to another host than that of ``base_url`` is refused: mount it for that API only.  The
    body is read into memory.

    Not told: whether a failed call was delivered.  For calls that must not execute twice take
    `SigV4Client`.

    Args:
        base_url: the API; requests to its scheme and host are signed, if they are at or below its
            path.
        signer: a `SigV4Signer`.
        transport: sends the signed request; by default ``httpx.HTTPTransport()``, which tries once.
        require_https: ``False`` allows ``http`` to any host.  Everybody on the way can then read
            and repeat calls.

    Raises:
        ConfigurationError: ``base_url`` is not a URL, or is ``http`` to a host that is not
            loopback.
        InvalidRequestError: a request is for another host or path, or has a URL or header that
            cannot be signed.

    >>> import httpx
    >>> from authz_lib import SigV4Signer
    >>> api = "https://abc.execute-api.eu-west-1.amazonaws.com"
    >>> signer = SigV4Signer(service="execute-api", region="eu-west-1")
    >>> transport = SigV4Transport(api, signer)
    >>> client = httpx.Client(base_url=f"{api}/prod", mounts={api: transport})
    """

    def __init__(
        self,
        base_url: str,
        signer: SigV4Signer,
        *,
        transport: httpx.BaseTransport | None = None,
        require_https: bool = True,
    ) -> None:
        self._signer = BoundSigner(base_url, signer, require_https=require_https)
        self._transport = httpx.HTTPTransport() if transport is None else transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sign and send."""
        return self._transport.handle_request(_signed(self._signer, request, request.read()))

    def close(self) -> None:
        """Close the transport below."""
        self._transport.close()


class AsyncSigV4Transport(httpx.AsyncBaseTransport):
    """`SigV4Transport` for ``httpx.AsyncClient``.

    A refresh of credentials blocks the event loop: signing does not await.
    """

    def __init__(
        self,
        base_url: str,
        signer: SigV4Signer,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        require_https: bool = True,
    ) -> None:
        self._signer = BoundSigner(base_url, signer, require_https=require_https)
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sign and send."""
        return await self._transport.handle_async_request(
            _signed(self._signer, request, await request.aread())
        )

    async def aclose(self) -> None:
        """Close the transport below."""
        await self._transport.aclose()


def _signed(signer: BoundSigner, request: httpx.Request, body: bytes) -> httpx.Request:
    signed = signer.sign(request.method, str(request.url), request.headers.multi_items(), body)
    headers = httpx.Headers(request.headers)
    framed = headers.pop("transfer-encoding", None) is not None or "content-length" in headers
    for name, value in signed.headers.items():
        headers[name] = value
    if body or framed:
        headers["content-length"] = str(len(body))
    return httpx.Request(
        signed.method,
        signed.url,
        headers=headers,
        stream=httpx.ByteStream(body),
        extensions=request.extensions,
    )

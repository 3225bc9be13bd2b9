"""Signed calls with requests: an auth object for a session.  Needs the extra ``requests``.

requests resolves dot segments before an auth object sees the URL: ``/orders/../admin`` is signed
and sent as ``/admin``.  Put ids into a path with `authz_lib.sigv4.quote_segment`, which refuses
``..``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authz_lib._support.extras import load_extra
from authz_lib.errors import InvalidRequestError
from authz_lib.sigv4.bound_signer import BoundSigner

if TYPE_CHECKING:
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase

    from authz_lib.sigv4.signer import SigV4Signer

else:
    AuthBase = load_extra(
        "requests.auth", extra="requests", what="`authz_lib.sigv4.requests_auth`"
    ).AuthBase

__all__ = ["SigV4Auth"]

_SECRET_HEADERS = ("authorization", "x-amz-security-token", "x-amz-date")


class SigV4Auth(AuthBase):
    """Makes the URL canonical and signs the request, when requests has prepared the rest of it.

    A request to another host than that of ``base_url`` is refused.  Bodies must be in memory.
    Before requests follows a redirect, signature and session token are removed: requests itself
    removes only ``Authorization``.

    Not told: whether a failed call was delivered.  For calls that must not execute twice take
    `SigV4Client`.

    Args:
        base_url: the API; requests to its scheme and host are signed, if they are at or below its
            path.
        signer: a `SigV4Signer`.
        require_https: ``False`` allows ``http`` to any host.  Everybody on the way can then read
            and repeat calls.

    Raises:
        ConfigurationError: ``base_url`` is not a URL, or is ``http`` to a host that is not
            loopback.
        InvalidRequestError: a request is for another host or path, has a streamed body, or a URL or
            header that cannot be signed.

    >>> import requests
    >>> from authz_lib import SigV4Signer
    >>> api = "https://abc.execute-api.eu-west-1.amazonaws.com"
    >>> session = requests.Session()
    >>> signer = SigV4Signer(service="execute-api", region="eu-west-1")
    >>> session.auth = SigV4Auth(api, signer)
    """

    def __init__(self, base_url: str, signer: SigV4Signer, *, require_https: bool = True) -> None:
        self._signer = BoundSigner(base_url, signer, require_https=require_https)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Sign a prepared request in place."""
        body: Any = r.body
        if isinstance(body, str):
            body = body.encode()
        if body is not None and type(body) is not bytes:
            raise InvalidRequestError("a streamed body cannot be signed", field="body")
        headers = (
            (name, value.decode("latin-1") if isinstance(value, bytes) else value)
            for name, value in r.headers.items()
        )
        signed = self._signer.sign(r.method or "", r.url or "", headers, body)
        r.url = signed.url
        r.body = body
        if body is not None:
            r.headers["Content-Length"] = str(len(body))
        for name, value in signed.headers.items():
            if name != "host":  # http.client writes the same one from the URL
                r.headers[name] = value
        r.register_hook("response", _leave_nothing_to_follow)
        return r


def _leave_nothing_to_follow(response: Response, **_: Any) -> None:
    if response.is_redirect:
        for name in _SECRET_HEADERS:
            response.request.headers.pop(name, None)

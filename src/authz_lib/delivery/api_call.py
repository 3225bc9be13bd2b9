"""The new way: a signed call to an IAM-protected API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib._support.checks import require_method
from authz_lib.sigv4.url import without_doubling

if TYPE_CHECKING:
    from authz_lib.delivery.parcel import Parcel
    from authz_lib.sigv4.client import SigV4Client

__all__ = ["ApiCall"]


class ApiCall:
    """The way over an IAM-protected API.

    The parcel says whether it may be repeated.  ``receiver_deduplicates`` of the client is not
    used.

    Args:
        client: calls the API.
        path: the route, without ids.  It is not added where the base URL ends with it already.
        method: the HTTP method.

    Raises:
        ConfigurationError: ``client`` is not a `SigV4Client`.
        InvalidRequestError: ``path`` cannot be signed.

    >>> from authz_lib import SigV4Client
    >>> api = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
    >>> call = ApiCall(SigV4Client(api, region="eu-west-1"), "/execute")
    """

    def __init__(self, client: SigV4Client, path: str = "", *, method: str = "POST") -> None:
        require_method(client, "client", "url", such_as="`SigV4Client`")
        client.url(path)  # a path that cannot be signed fails here
        self._client = client
        self._path = without_doubling(client.url(""), path)
        self._method = method

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """Deliver with one signed call; see `DeliveryPath`."""
        response = self._client.request(
            self._method,
            self._path,
            body=parcel.body,
            headers={"content-type": "application/json"},
            idempotency_key=parcel.idempotency_key,
            idempotent=parcel.repeatable,
            timeout_seconds=timeout_seconds,
        ).raise_for_status()
        return response.status, response.body

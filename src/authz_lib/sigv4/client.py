"""Signed calls: what is signed is sent, nothing is followed, only what is safe is tried again."""

from __future__ import annotations

import json as json_module
import re
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self

from authz_lib._support.checks import (
    check_timeout,
    is_idempotency_key,
    require_count,
    require_flag,
    require_seconds,
)
from authz_lib._support.clock import Clock, system_clock
from authz_lib._support.workers import CALL_WORKERS
from authz_lib.errors import ConfigurationError, DeliveryError, InvalidRequestError
from authz_lib.sigv4.response import Response
from authz_lib.sigv4.signer import SigV4Signer
from authz_lib.sigv4.url import Query, base_of, canonical_url, join_path
from authz_lib.transport.exchange import ExchangeError, HTTPResponse
from authz_lib.transport.outcome import (
    Outcome,
)
from authz_lib.transport.pool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from authz_lib.sigv4.credentials import CredentialsSource, FrozenCredentials
    from authz_lib.sigv4.signer import SignedRequest
    from authz_lib.sigv4.url import CanonicalURL

__all__ = ["SigV4Client"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1
_IDEMPOTENT = _SAFE | {"PUT", "DELETE"}  # RFC 9110, section 9.2.2
# A default host name of AWS names its service and region.  A signature for others never verifies.
_AWS_HOST = re.compile(
    r"(?:^|\.)(execute-api|lambda-url|vpc-lattice-svcs)\.([a-z0-9-]+)\.(?:[a-z.]+\.)?(?:amazonaws\.com|on\.aws)"
)
_SERVICE_OF_HOST = {"lambda-url": "lambda"}
_SKEWED = re.compile(
    rb"signature expired|signature not yet current|requesttimetooskewed", re.IGNORECASE
)
# What AWS allows: within it, another time would help nothing.
_SKEW_ALLOWED_SECONDS = 300.0
_SKEW_BELIEVED_SECONDS = 86_400.0  # an answer cannot make us sign for the far future
_CLIENTS_OWN = frozenset(
    {"accept-encoding", "connection", "content-length", "idempotency-key", "transfer-encoding"}
)
_RETRIED = frozenset({500, 502, 503, 504})


class SigV4Client:
    """Calls one IAM-protected API: API Gateway, a Lambda function URL, VPC Lattice.

    - The URL is made canonical once, signed and sent as it is; each attempt is signed anew with one
      frozen set of credentials.  An ``Idempotency-Key`` is signed too: nobody on the way can
      exchange it.
    - Redirects are never followed.  A truncated answer, or one that does not say how long it is, is
      an error.
    - Another attempt is made, at once and up to ``max_attempts`` in all, when what went before was
      certainly not sent, or when repeating is harmless (see ``idempotent`` of `request`).  429 and
      other refusals are never repeated: waiting is the caller's.
    - Where the other side says that the signature's time is off, and its ``Date`` agrees, later
      calls are signed with that time.  The call itself is repeated only if that is harmless: a
      receiver can say so after it acted.

    It is *not* checked who answers beyond TLS and the host name.  Proxies and the CA bundle are
    taken from the environment when the client is built: the table of the page "The network" says
    which variables.  Safe to share between threads, and across a fork.

    Args:
        base_url: ``https`` (``http`` for loopback only), with the stage and perhaps the route.
        region: of the API; with a custom domain there is no other way to know it.
        service: the service name to sign for.
        credentials: as for `SigV4Signer`.
        receiver_deduplicates: state that the receiver does the work of one idempotency key once.  A
            key alone is not deduplication, so without this statement a call with a key is repeated
            no more than one without.
        require_https: ``False`` allows ``http`` to any host, and everybody on the way to read and
            repeat calls.
        ssl_context: instead of the CA bundle of the environment; one that verifies nothing is
            refused.
        max_request_bytes: a larger body is refused before it is sent; API Gateway takes 10 MB.
        max_response_bytes: a larger answer is refused.
        max_attempts: of one call, the first included.  1 never tries again.
        connect_timeout_seconds: for all addresses of the host together, and again for the
            handshake.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument is wrong, or host, service and region contradict each other.

    >>> from authz_lib import SigV4Client
    >>> api = "https://abc.execute-api.eu-west-1.amazonaws.com/prod"
    >>> client = SigV4Client(api, region="eu-west-1")
    >>> client.url("/orders", query={"open": "yes"})
    'https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders?open=yes'

    https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
    """

    def __init__(
        self,
        base_url: str,
        *,
        region: str,
        service: str = "execute-api",
        credentials: CredentialsSource | FrozenCredentials | None = None,
        receiver_deduplicates: bool = False,
        require_https: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        max_request_bytes: int = 10_000_000,
        max_response_bytes: int = 10_000_000,
        max_attempts: int = 2,
        connect_timeout_seconds: float = 2.0,
        clock: Clock = system_clock,
    ) -> None:
        base = base_of(base_url, require_https=require_https)
        if base.query:
            raise ConfigurationError("`base_url` has a query")
        _check_host(base.host, service, region)
        require_count(max_attempts, "max_attempts")
        require_count(max_request_bytes, "max_request_bytes", least=0)
        require_count(max_response_bytes, "max_response_bytes", least=0)
        require_seconds(connect_timeout_seconds, "connect_timeout_seconds", above_zero=True)
        require_flag(receiver_deduplicates, "receiver_deduplicates")
        if ssl_context is not None and ssl_context.verify_mode is not ssl.CERT_REQUIRED:
            raise ConfigurationError(
                "`ssl_context` trusts any certificate: everybody could read the session token"
            )
        self._base = str(base)
        self._signer = SigV4Signer(
            service=service,
            region=region,
            credentials=credentials,
            also_sign=["idempotency-key"],
            clock=clock,
        )
        self._pool = ConnectionPool(
            base.place,
            ssl_context=ssl_context,
            connect_seconds=connect_timeout_seconds,
            max_bytes=max_response_bytes,
            clock=clock,
        )
        self._receiver_deduplicates = receiver_deduplicates
        self._max_request_bytes = max_request_bytes
        self._max_attempts = max_attempts
        self._clock = clock
        self._skew_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections.  The client can be used again."""
        self._pool.close()

    def url(self, path: str, query: Query | None = None) -> str:
        """The URL that `request` calls.

        Raises:
            InvalidRequestError: the path cannot be signed.
        """
        return str(self._target(path, query))

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        idempotent: bool | None = None,
        timeout_seconds: float = 10.0,
    ) -> Response:
        """Sign and send; the answer is returned whatever its status is.

        `Response.raise_for_status` raises for all but a 2xx.

        Args:
            method: an HTTP method.
            path: below the base URL; put ids in with `quote_segment`.
            json: sent as a JSON body; not together with ``body``.
            body: sent as it is.
            query: plain text names and values.
            headers: ``Authorization``, ``X-Amz-Date`` and ``X-Amz-Security-Token`` are replaced.
            idempotency_key: sent as ``Idempotency-Key``, 1 to 255 visible ASCII characters.
            idempotent: whether repeating the call does no harm; by default that is what the method
                says (RFC 9110), or ``receiver_deduplicates`` where there is a key.  ``False`` is
                final.
            timeout_seconds: for everything together, a second attempt included.

        Raises:
            InvalidRequestError: the call cannot be signed or is too large; nothing was sent.
            DeliveryError: ``"not_sent"``, or ``"ambiguous"``: the other side may have acted.
        """
        check_timeout(timeout_seconds)
        if timeout_seconds <= 0:
            raise DeliveryError("there is no time left for the call", outcome=Outcome.NOT_SENT)
        deadline = time.monotonic() + timeout_seconds
        target = self._target(path, query)
        prepared = _prepare(json, body, headers, idempotency_key)
        if len(prepared.body or b"") > self._max_request_bytes:
            raise InvalidRequestError("the body is larger than `max_request_bytes`", field="body")
        call = _Call(method.upper(), target, prepared.headers, prepared.body, deadline)
        deduplicated = idempotency_key is not None and self._receiver_deduplicates
        return self._run(
            call, (call.method in _IDEMPOTENT or deduplicated) if idempotent is None else idempotent
        )

    async def arequest(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        idempotent: bool | None = None,
        timeout_seconds: float = 10.0,
    ) -> Response:
        """What `request` answers or raises, without blocking the event loop.

        The call runs in one of 32 threads of this library.  Waiting for one counts against
        ``timeout_seconds``.  A task that is cancelled before the call has begun sends nothing.
        Cancelled later it stops waiting, and the other side may act.
        """
        check_timeout(timeout_seconds)
        deadline = time.monotonic() + timeout_seconds

        def call() -> Response:
            return self.request(
                method,
                path,
                json=json,
                body=body,
                query=query,
                headers=headers,
                idempotency_key=idempotency_key,
                idempotent=idempotent,
                timeout_seconds=deadline - time.monotonic(),
            )

        return await CALL_WORKERS.run(call)

    def _run(self, call: _Call, harmless: bool) -> Response:
        may_have_acted = False
        for left in reversed(range(self._max_attempts)):
            try:
                signed, signed_at, began = self._sign(call)
                answer = self._exchange(signed, call, fresh=may_have_acted)
            except DeliveryError as error:
                may_have_acted |= error.outcome != Outcome.NOT_SENT
                if left and (harmless or not may_have_acted) and _has_time(call):
                    continue
                # `NOT_SENT` is of this attempt, not of the one before.
                if may_have_acted and error.outcome == Outcome.NOT_SENT:
                    raise DeliveryError(
                        "a repeated call could not be sent", outcome=Outcome.AMBIGUOUS
                    ) from None
                raise
            # A refusal for the time comes from whoever answers, perhaps after it acted: the clock
            # is put right for later calls, and this one is repeated as after any other answer.
            again = self._learn_skew(answer, signed_at, began) or answer.status in _RETRIED
            if not (again and left and harmless and _has_time(call)):
                break
            may_have_acted = True
        return Response(*answer, unsettled=may_have_acted and call.method not in _SAFE)

    def _exchange(self, signed: SignedRequest, call: _Call, *, fresh: bool) -> HTTPResponse:
        try:
            return self._pool.exchange(
                signed, call.target.target, deadline=call.deadline, fresh=fresh
            )
        except ExchangeError as error:
            outcome = Outcome.AMBIGUOUS if error.sent else Outcome.NOT_SENT
            raise DeliveryError(str(error), outcome=outcome) from None

    def _target(self, path: str, query: Query | None) -> CanonicalURL:
        if "#" in path:
            raise InvalidRequestError("the path has a fragment", field="path")
        return canonical_url(join_path(self._base, path), query)

    def _sign(self, call: _Call) -> tuple[SignedRequest, float, float]:
        at, began = self._clock() + self._skew_seconds, time.monotonic()
        return (
            self._signer.sign(call.method, call.target, call.headers, call.body, timestamp=at),
            at,
            began,
        )

    def _learn_skew(self, answer: HTTPResponse, signed_at: float, began: float) -> bool:
        """Whether the call was refused for its time, and another time would be signed now.

        Both text and ``Date`` may be the receiver's own: they prove nothing about what it did.
        """
        if answer.status not in {400, 403} or not _SKEWED.search(answer.body):
            return False
        theirs = _date(answer.headers.get("date", ""))
        # `Date` is of the answer, which may have taken long.
        allowed = _SKEW_ALLOWED_SECONDS + time.monotonic() - began
        if theirs is None or not allowed < abs(theirs - signed_at) < _SKEW_BELIEVED_SECONDS:
            return False
        self._skew_seconds = theirs - self._clock()
        return True


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    target: CanonicalURL
    headers: dict[str, str]
    body: bytes | None
    deadline: float


@dataclass(frozen=True, slots=True)
class _Prepared:
    headers: dict[str, str]
    body: bytes | None


def _prepare(
    json: Any, body: bytes | None, headers: Mapping[str, str] | None, key: str | None
) -> _Prepared:
    sent = dict(headers or {})
    given = {str(name).lower() for name in sent}  # the signer refuses a name that is no text
    if not given.isdisjoint(_CLIENTS_OWN):
        raise InvalidRequestError("a header that the client sets itself is given", field="headers")
    if json is not None:
        if body is not None:
            raise InvalidRequestError("`json` and `body` are given together", field="body")
        body = _encode(json)
        if "content-type" not in given:
            sent["content-type"] = "application/json"
    if key is not None:
        if not is_idempotency_key(key):
            raise InvalidRequestError(
                "the key is not 1 to 255 visible ASCII characters", field="idempotency_key"
            )
        sent["idempotency-key"] = key
    return _Prepared(sent, body)


def _encode(document: Any) -> bytes:
    try:
        return json_module.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequestError("the document is not JSON", field="json") from None


def _check_host(host: str, service: str, region: str) -> None:
    found = _AWS_HOST.search(host)
    if found is None:
        return
    needed = _SERVICE_OF_HOST.get(found[1], found[1])
    if service != needed:
        raise ConfigurationError(
            f"the host of `base_url` belongs to service `{needed}`, not to `{service}`"
        )
    if region != found[2]:
        raise ConfigurationError(
            f"the host of `base_url` belongs to region `{found[2]}`, not to `{region}`"
        )


def _has_time(call: _Call) -> bool:
    return time.monotonic() < call.deadline


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):  # it is no date
        return None

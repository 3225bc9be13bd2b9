"""Fetching a small public document, such as a key set, and how long to wait after a failure."""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from authz_lib.errors import ConfigurationError
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import HTTPURL, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Backoff", "FetchError", "Fetcher", "HTTPFetcher", "bounded", "is_within"]

USER_AGENT: Final = "authz-lib (+key-set)"
NEVER: Final = float("-inf")
# Threads read the clock in another order than they act on it; only a step back beyond this is a
# clock that ran backwards.
CLOCK_SLACK_SECONDS: Final = 5.0
_TRANSIENT: Final = frozenset({502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_BACKOFF_SECONDS: Final = 30.0
_random = SystemRandom()


class FetchError(Exception):
    """The document could not be fetched.  The message is fixed text, fit for an operator's log.

    Attributes:
        status: the HTTP status, when there was an answer and it was not 200.
        transient: whether the same fetch may succeed at once.
    """

    def __init__(self, message: str, *, status: int | None = None, transient: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.transient = transient


class Fetcher(Protocol):
    """Fetches a document; raises anything when it cannot.  The real one is :class:`HTTPFetcher`."""

    def __call__(self, url: str, /) -> bytes:
        """The bytes of the document at ``url``."""
        ...


def bounded(document: bytes, max_bytes: int) -> bytes:
    """The document, unless a fetcher answered with more than it should.

    Raises:
        FetchError: it has more than ``max_bytes``.
    """
    if len(document) > max_bytes:
        raise FetchError(f"the answer was longer than {max_bytes} bytes")
    return document


def is_within(now: float, since: float, seconds: float) -> bool:
    """Whether less than ``seconds`` passed since; no, when the clock ran backwards."""
    return -CLOCK_SLACK_SECONDS <= now - since < seconds


class Backoff:
    """Failed fetches keep a distance: 1 second after the first, doubling up to 30, with jitter.

    Args:
        most_seconds: less than the 30.
    """

    __slots__ = ("_failed_at", "_failures", "_most_seconds", "_seconds")

    def __init__(self, *, most_seconds: float = _MAX_BACKOFF_SECONDS) -> None:
        self._most_seconds = min(most_seconds, _MAX_BACKOFF_SECONDS)
        self.reset()

    def reset(self) -> None:
        """A fetch succeeded."""
        self._failures, self._failed_at, self._seconds = 0, NEVER, 0.0

    def note_failure(self, now: float) -> None:
        """A fetch failed."""
        self._failures += 1
        doubled = 2.0 ** min(self._failures - 1, 5)
        jitter = (doubled - 1.0) * _random.uniform(0.0, 0.25)
        self._seconds = min(self._most_seconds, doubled + jitter)
        self._failed_at = now

    def holds(self, now: float) -> bool:
        """Whether it is too early to try again."""
        return is_within(now, self._failed_at, self._seconds)


class _Get(NamedTuple):
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None


class HTTPFetcher:
    """GET over a connection of its own: no redirect, no decompression.

    A connection that fails, and a 502, 503 or 504, is tried once more, at once and within the same
    time: one reset is no outage.

    Proxies and the CA bundle are taken from the environment at each fetch.

    Args:
        timeout_seconds: for everything together, the resolution of the host name included.
        max_bytes: a longer document is refused.
        connect_timeout_seconds: for all addresses of the host together, and once more for the TLS
            handshake.
        insecure_http_hosts: exact names of hosts that ``http`` is allowed to, for a local stack.
            Whoever is on the way can answer in their place.

    Raises:
        ConfigurationError: a name of ``insecure_http_hosts`` is none.
    """

    __slots__ = (
        "_connect_timeout_seconds",
        "_insecure_http_hosts",
        "_max_bytes",
        "_timeout_seconds",
    )

    def __init__(
        self,
        *,
        timeout_seconds: float = 3.0,
        max_bytes: int = 150_000,
        connect_timeout_seconds: float = 2.0,
        insecure_http_hosts: Iterable[str] = (),
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._connect_timeout_seconds = connect_timeout_seconds
        self._insecure_http_hosts = InsecureHosts.of(insecure_http_hosts)

    def __call__(self, url: str, /) -> bytes:
        """Fetch ``url``: ``https``, or ``http`` on this machine and on the named hosts.

        Raises:
            FetchError: no answer within the deadline, a status other than 200, too many bytes.
        """
        deadline = time.monotonic() + self._timeout_seconds
        try:
            try:
                return self._get(url, deadline)
            except FetchError as error:
                if not error.transient or time.monotonic() >= deadline:
                    raise
            return self._get(url, deadline)
        except ConfigurationError as error:  # of the environment, or of a URL; it quotes neither
            raise FetchError(str(error)) from None

    def _get(self, url: str, deadline: float) -> bytes:
        # Static keys never need it.
        from authz_lib.transport.exchange import ExchangeError, UnusableResponseError
        from authz_lib.transport.pool import ConnectionPool

        place: HTTPURL = parse_url(
            url, argument="url", insecure_http_hosts=self._insecure_http_hosts
        )
        pool = ConnectionPool(
            place,
            connect_seconds=self._connect_timeout_seconds,
            max_bytes=self._max_bytes,
            max_idle=0,
            until_close=True,
        )
        headers = {"host": place.authority, "user-agent": USER_AGENT, "accept": "*/*"}
        try:
            response = pool.exchange(_Get("GET", headers), place.target, deadline=deadline)
        except UnusableResponseError as error:
            if error.status != 200:
                raise _of_status(error.status) from None
            raise FetchError(str(error)) from None
        except ExchangeError as error:
            raise FetchError(str(error), transient=True) from None
        if response.status != 200:
            raise _of_status(response.status)
        return response.body


def _of_status(status: int) -> FetchError:
    more = "; a redirect is not followed" if status in _REDIRECTS else ""
    return FetchError(
        f"the answer was HTTP status {status}{more}",
        status=status,
        transient=status in _TRANSIENT,
    )

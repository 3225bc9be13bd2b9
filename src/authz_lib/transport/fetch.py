"""Fetching a small public document over HTTP, with every limit that a key set needs."""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from random import SystemRandom
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse

__all__ = ["Backoff", "FetchError", "Fetcher", "HTTPFetcher", "is_within", "require_url"]

USER_AGENT: Final = "authz-lib (+key-set)"
NEVER: Final = float("-inf")
# Threads read the clock in another order than they act on it; only a step back beyond this is a
# clock that ran backwards.
CLOCK_SLACK_SECONDS: Final = 5.0
_MAX_BACKOFF_SECONDS: Final = 30.0
_random = SystemRandom()
_URL: Final = re.compile(r"https?://[!-~]+")
_CHUNK_BYTES: Final = 16 * 1024


class FetchError(Exception):
    """The document could not be fetched.  The message is fixed text, fit for an operator's log.

    Attributes:
        status: the HTTP status, when there was an answer and it was not 200.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Fetcher(Protocol):
    """Fetches a document; raises anything when it cannot.  Injected in tests; the real one is
    :class:`HTTPFetcher`.
    """

    def __call__(self, url: str, /) -> bytes:
        """The bytes of the document at ``url``."""
        ...


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine: 127.0.0.0/8, ::1, ``localhost``,
    ``*.localhost``.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_url(url: object, *, argument: str) -> str:
    """Accept an absolute https URL (http for loopback hosts only) without user name, password or
    fragment.

    Raises:
        ConfigurationError: anything else; names ``argument``, never quotes the URL, which may hold
            a password.

    >>> require_url("https://example.com/jwks.json", argument="url")
    'https://example.com/jwks.json'
    """
    if not isinstance(url, str) or not _URL.fullmatch(url) or "\\" in url:
        raise ConfigurationError(f"`{argument}` must be an absolute https URL")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"`{argument}` is not a valid URL") from None
    if not host:
        raise ConfigurationError(f"`{argument}` names no host")
    if "@" in parts.netloc:
        raise ConfigurationError(f"`{argument}` must not hold a user name or password")
    if "#" in url:
        raise ConfigurationError(f"`{argument}` must not hold a fragment")
    if parts.scheme != "https" and not is_loopback(host):
        raise ConfigurationError(
            f"`{argument}` must be an https URL (http is for loopback hosts only)"
        )
    return url


def is_within(now: float, since: float, seconds: float) -> bool:
    """Whether less than ``seconds`` passed since.  No, when the clock ran backwards (beyond the
    jitter of threads).
    """
    return -CLOCK_SLACK_SECONDS <= now - since < seconds


class Backoff:
    """Failed fetches keep a distance: 1 second after the first, doubling up to 30, with jitter."""

    __slots__ = ("_failed_at", "_failures", "_seconds")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A fetch succeeded."""
        self._failures, self._failed_at, self._seconds = 0, NEVER, 0.0

    def note_failure(self, now: float) -> None:
        """A fetch failed."""
        self._failures += 1
        longest = min(_MAX_BACKOFF_SECONDS, 2.0 ** min(self._failures - 1, 5))
        self._seconds = max(1.0, longest * _random.uniform(0.75, 1.0))
        self._failed_at = now

    def holds(self, now: float) -> bool:
        """Whether it is too early to try again."""
        return is_within(now, self._failed_at, self._seconds)


class HTTPFetcher:
    """GET with urllib3: one total deadline, a size limit, no redirect, no retry, no decompression,
    an explicit User-Agent.

    The deadline covers name resolution, TLS and a body that drips: the transfer runs in a
    short-lived thread for which the caller waits, since a blocking ``getaddrinfo`` cannot be
    interrupted.  Nothing depends on that thread afterwards.
    """

    __slots__ = ("_max_bytes", "_timeout_seconds")

    def __init__(self, *, timeout_seconds: float = 3.0, max_bytes: int = 150_000) -> None:
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes

    def __call__(self, url: str, /) -> bytes:
        """Fetch ``url``.

        Raises:
            FetchError: no answer within the deadline, a status other than 200, too many bytes.
        """
        deadline = time.monotonic() + self._timeout_seconds
        outcome: list[bytes | FetchError] = []
        transfer = threading.Thread(
            target=lambda: outcome.append(_outcome_of(lambda: self._get(url, deadline))),
            name="authz-lib-fetch",
            daemon=True,
        )
        transfer.start()
        transfer.join(self._timeout_seconds)
        result = outcome[0] if outcome else FetchError("no answer in time")
        if isinstance(result, FetchError):
            raise result
        return result

    def _get(self, url: str, deadline: float) -> bytes:
        import urllib3  # static keys never need it

        timeout = urllib3.Timeout(total=self._timeout_seconds)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        with urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, timeout=timeout, headers=headers
        ) as pool:
            response = pool.request(
                "GET", url, redirect=False, preload_content=False, decode_content=False
            )
            try:
                return self._body(response, deadline)
            finally:
                response.close()

    def _body(self, response: BaseHTTPResponse, deadline: float) -> bytes:
        if response.status != 200:
            raise FetchError(
                f"the answer was HTTP status {response.status}", status=response.status
            )
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
            body += chunk
            if len(body) > self._max_bytes:
                raise FetchError(f"the answer was longer than {self._max_bytes} bytes")
            if time.monotonic() >= deadline:
                raise FetchError("no answer in time")
        return bytes(body)


def _outcome_of(work: Callable[[], bytes]) -> bytes | FetchError:
    try:
        return work()
    except FetchError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a thread's error must reach its caller; its name is enough
        names = {
            kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "urllib3.exceptions"
        }
        for name, reason in _REASONS.items():
            if name in names:
                return FetchError(reason)
        return FetchError(f"the connection failed ({type(error).__name__})")


# By name, so that nothing is loaded for them.  In this order: urllib3 counts a refused connection
# and an unknown name among the timeouts.
_REASONS: Final = {
    "NameResolutionError": "the host name could not be resolved",
    "NewConnectionError": "the connection was refused or there is no way to the host",
    "TimeoutError": "no answer in time",
    "SSLError": "the TLS connection was refused",
}

"""The key set that is fetched over HTTP, when a token needs it."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from authz_lib._support.checks import (
    require_count,
    require_function,
    require_known,
    require_mapping,
    require_seconds,
)
from authz_lib._support.clock import system_clock
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib._support.workers import WORKERS
from authz_lib.errors import ConfigurationError, KeySetUnavailableError
from authz_lib.tokens.jwk import InvalidJWKError, KeyTable, load_jwk_set
from authz_lib.tokens.key_set_document import read_json_object, without_usable_key, worth_telling
from authz_lib.tokens.keys import refuse_without_fetch, unknown_key
from authz_lib.transport.fetch import (
    CLOCK_SLACK_SECONDS,
    NEVER,
    Backoff,
    FetchError,
    HTTPFetcher,
    bounded,
    is_within,
)
from authz_lib.transport.insecure_hosts import InsecureHosts
from authz_lib.transport.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from authz_lib._support.clock import Clock
    from authz_lib.tokens.jwk import VerificationKey
    from authz_lib.transport.fetch import Fetcher

__all__ = ["FetchOptions", "KeySetOptions", "RemoteKeySet", "read_options"]

_log = logging.getLogger("authz_lib.tokens")

_MOST_SECONDS: Final = 10 * 366 * 86_400.0


class FetchOptions(TypedDict, total=False):
    """How a preset fetches keys; `RemoteKeySet` says what each is."""

    timeout_seconds: float
    connect_timeout_seconds: float
    max_bytes: int
    max_keys: int
    insecure_http_hosts: Iterable[str]


class KeySetOptions(FetchOptions, total=False):
    """What a preset can say about the key set that it fetches: all that `RemoteKeySet` takes."""

    ttl_seconds: float
    refresh_ahead_seconds: float
    max_stale_seconds: float
    miss_cooldown_seconds: float
    allow_missing_kid: bool


def read_options(options: KeySetOptions | None, *, alone: bool) -> KeySetOptions:
    """The options of a preset, with the hosts of plain http read and put into the log once.

    Args:
        options: what the preset was given.
        alone: whether the preset fetches the keys itself.

    Raises:
        ConfigurationError: a misspelt option, or options for keys that are not fetched.
    """
    if options is None:
        return {}
    require_mapping(options, "key_set", of="from an argument of `RemoteKeySet` to its value")
    require_known(options, KeySetOptions.__optional_keys__)
    if options and not alone:
        raise ConfigurationError("`key_set` says how keys are fetched, and `keys` are given")
    hosts = InsecureHosts.of(options.get("insecure_http_hosts", ()))
    return {**options, "insecure_http_hosts": hosts}


class _Snapshot(NamedTuple):
    """One fetched key set and the times that its fetch decided; replaced as a whole."""

    table: KeyTable
    valid_from: float  # before this the clock ran backwards
    refresh_at: float
    usable_until: float


_NOTHING: Final = _Snapshot(KeyTable(), NEVER, NEVER, NEVER)


class RemoteKeySet:
    """A key set that is fetched over HTTP, inside a request, when it is needed.

    | when | what happens |
    |---|---|
    | the set is fresh, for ``ttl_seconds`` | nothing is fetched |
    | ``refresh_ahead_seconds`` before that ends | one caller refreshes it, others use known keys |
    | a refresh succeeded | it replaces the set: a key that is gone is no longer honoured |
    | a refresh failed, or brought no usable key | known keys are honoured |
    | after a failure | the next try waits 1 s, then up to ``miss_cooldown_seconds``, at most 30 s |
    | ``max_stale_seconds`` after the last success | ``KeySetUnavailableError`` |
    | a ``kid`` is unknown | a fetch, then ``UnknownKeyError`` |
    | the same within ``miss_cooldown_seconds`` | ``KeySetUnavailableError`` |

    One fetch is in flight at most.  No lock is held meanwhile, and nobody waits longer than its
    deadline.  Entries that cannot verify are never used and do not spoil the others: another
    ``use``, an unknown ``kty``, weak, symmetric or private keys, two that share a ``kid`` and
    differ.  Which ones and why is one line of the logger ``authz_lib.tokens``, once per change.

    Args:
        url: an https URL; http for loopback hosts and the ``insecure_http_hosts``.  Redirects are
            not followed.
        ttl_seconds: above 0.
        refresh_ahead_seconds: 0 refreshes when ``ttl_seconds`` are over.
        max_stale_seconds: 0 honours no key beyond ``ttl_seconds``.
        miss_cooldown_seconds: between two fetches that unknown keys cause; at least 1.
        timeout_seconds: of a fetch, for everything together.
        connect_timeout_seconds: for all addresses of the host together, and once more for the TLS
            handshake.
        max_bytes: the size at which an answer is refused.
        max_keys: the number of entries at which an answer is refused.
        allow_missing_kid: let a JWK without ``kid``, or a token without one, use the only key of
            the set.
        insecure_http_hosts: exact names of hosts that ``http`` is allowed to, for a local stack:
            ``["cognito"]``.  Whoever is on the way can answer in their place, and so mint tokens;
            it is one line in the log at WARNING.
        fetcher: fetches a URL; for tests.  Proxies and the CA bundle of the environment are used
            without one.

    Raises:
        ConfigurationError: a URL that may not be fetched, or times that make no sense.

    >>> RemoteKeySet("https://example.com/.well-known/jwks.json", ttl_seconds=600)
    <RemoteKeySet at host example.com>

    See RFC 7517 and
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
    """

    def __init__(
        self,
        url: str,
        *,
        ttl_seconds: float = 300.0,
        refresh_ahead_seconds: float = 30.0,
        max_stale_seconds: float = 3600.0,
        miss_cooldown_seconds: float = 10.0,
        timeout_seconds: float = 3.0,
        connect_timeout_seconds: float = 2.0,
        max_bytes: int = 150_000,
        max_keys: int = 32,
        allow_missing_kid: bool = False,
        insecure_http_hosts: Iterable[str] = (),
        fetcher: Fetcher | None = None,
        clock: Clock = system_clock,
    ) -> None:
        hosts = InsecureHosts.of(insecure_http_hosts)
        self._host = parse_url(url, argument="url", insecure_http_hosts=hosts).host
        self._url = url
        require_seconds(ttl_seconds, "ttl_seconds", most=_MOST_SECONDS, above_zero=True)
        require_seconds(refresh_ahead_seconds, "refresh_ahead_seconds", most=_MOST_SECONDS)
        require_seconds(max_stale_seconds, "max_stale_seconds", most=_MOST_SECONDS)
        require_seconds(miss_cooldown_seconds, "miss_cooldown_seconds", most=_MOST_SECONDS)
        require_seconds(timeout_seconds, "timeout_seconds", above_zero=True)
        require_seconds(connect_timeout_seconds, "connect_timeout_seconds", above_zero=True)
        if miss_cooldown_seconds < 1:
            raise ConfigurationError("`miss_cooldown_seconds` must be at least 1")
        require_count(max_bytes, "max_bytes")
        require_count(max_keys, "max_keys")
        require_function(fetcher, "fetcher", optional=True)
        self._refresh_after = max(0.0, ttl_seconds - refresh_ahead_seconds) or ttl_seconds
        self._usable_for = max(ttl_seconds, max_stale_seconds)
        self._miss_cooldown_seconds = miss_cooldown_seconds
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._max_keys = max_keys
        self._allow_missing_kid = allow_missing_kid
        self._fetcher = fetcher or HTTPFetcher(
            timeout_seconds=timeout_seconds,
            connect_timeout_seconds=connect_timeout_seconds,
            max_bytes=max_bytes,
            insecure_http_hosts=hosts,
        )
        self._clock = clock
        self._flights = SingleFlight[_Snapshot | None]()
        self._snapshot = _NOTHING
        self._backoff = Backoff(most_seconds=miss_cooldown_seconds)
        self._missed_at = NEVER
        self._reason = ""
        self._told = ""

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The key of that ``kid`` that fits that ``alg``, fetched if need be.

        Raises:
            UnknownKeyError: a set fetched for this call does not hold it.
            InvalidAlgorithmError: the set holds the ``kid``, but not (or not exactly once) for this
                ``alg``.
            KeySetUnavailableError: the set could not be fetched, or may not be fetched again yet.
        """
        now = self._clock()
        snapshot = self._snapshot
        if snapshot.valid_from <= now < snapshot.refresh_at:
            key = snapshot.table.by_name.get((key_id, algorithm))
            if key is not None:
                return key
        return self._find_slowly(key_id, algorithm, now)

    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key when the set is fresh and holds it; never raises, fetches or waits."""
        snapshot = self._snapshot
        fresh = snapshot.valid_from <= self._clock() < snapshot.refresh_at
        return snapshot.table.find(key_id, algorithm) if fresh else None

    async def afind(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """What `find` answers or raises, without blocking the event loop.

        One thread fetches, and who waits for it needs none.
        """
        key = self.peek(key_id, algorithm) or self._known(key_id, algorithm)
        if key is not None:
            return key
        return await WORKERS.run(partial(self.find, key_id, algorithm), lane=id(self))

    def _known(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """A key that may be used since somebody else refreshes the set, or nobody may yet."""
        now, snapshot = self._clock(), self._snapshot
        if not snapshot.valid_from <= now < snapshot.usable_until:
            return None
        if not self._backoff.holds(now) and not WORKERS.is_busy(id(self)):
            return None
        return snapshot.table.find(key_id, algorithm)

    def prefetch(self) -> None:
        """Fetch the set unless it is fresh.

        Raises:
            KeySetUnavailableError: it could not be fetched.
        """
        now = self._clock()
        snapshot = self._snapshot
        if not snapshot.valid_from <= now < snapshot.refresh_at:
            self._fetch_or_wait(snapshot, now)

    async def aprefetch(self) -> None:
        """Fetch the set unless it is fresh, without blocking the event loop.

        One thread fetches, and who waits for it needs none.

        Raises:
            KeySetUnavailableError: it could not be fetched.
        """
        snapshot = self._snapshot
        if not snapshot.valid_from <= self._clock() < snapshot.refresh_at:
            await WORKERS.run(self.prefetch, lane=id(self))

    def __repr__(self) -> str:
        return f"<RemoteKeySet at host {self._host}>"

    def _find_slowly(self, key_id: str | None, algorithm: str, now: float) -> VerificationKey:
        """Everything but a hit in a fresh set."""
        snapshot = self._snapshot
        if not snapshot.valid_from <= now < snapshot.usable_until:
            return self._find_in_new(key_id, algorithm, snapshot, now)
        if now >= snapshot.refresh_at:
            fetched = self._refresh_alone(snapshot)
            if fetched is not None:
                return self._find_in_fresh(fetched.table, key_id, algorithm)
            snapshot = self._snapshot
        key = snapshot.table.find(key_id, algorithm)
        if key is not None:
            return key
        refuse_without_fetch(snapshot.table, key_id)
        return self._find_in_new(key_id, algorithm, snapshot, now, missed=True)

    def _find_in_new(
        self,
        key_id: str | None,
        algorithm: str,
        seen: _Snapshot,
        now: float,
        *,
        missed: bool = False,
    ) -> VerificationKey:
        """Fetch, or wait for the fetch in flight, and look there."""
        snapshot, own = self._fetch_or_wait(seen, now, missed=missed)
        if own:
            return self._find_in_fresh(snapshot.table, key_id, algorithm)
        key = snapshot.table.find(key_id, algorithm)
        if key is not None:
            return key
        refuse_without_fetch(snapshot.table, key_id)
        # That fetch began before this token came: the key may be younger.  So this is not a "no".
        raise self._not_yet()

    def _fetch_or_wait(
        self, seen: _Snapshot, now: float, *, missed: bool = False
    ) -> tuple[_Snapshot, bool]:
        """A snapshot newer than ``seen``, and whether this caller fetched it."""
        own = False

        def work() -> _Snapshot | None:
            nonlocal own
            if self._snapshot is not seen:  # somebody was faster
                return self._snapshot
            own = True
            return self._fetch(missed=missed)

        self._require_allowed(now, missed=missed)
        try:
            snapshot = self._flights.run(
                "fetch", work, timeout_seconds=self._timeout_seconds + 0.25
            )
        except SingleFlightTimeoutError:
            raise self._unavailable("no answer in time") from None
        if snapshot is None:
            raise self._unavailable(self._reason)
        return snapshot, own

    def _refresh_alone(self, seen: _Snapshot) -> _Snapshot | None:
        """The new set when this caller refreshed it; ``None`` where it did not, or failed."""
        fetched: _Snapshot | None = None

        def work() -> _Snapshot | None:
            nonlocal fetched
            if self._snapshot is seen and not self._backoff.holds(self._clock()):
                fetched = self._fetch()
            return fetched

        self._flights.run_if_idle("fetch", work)
        return fetched

    def _fetch(self, *, missed: bool = False) -> _Snapshot | None:
        """Fetch once and replace the set.  Only one thread at a time is here."""
        now = self._clock()
        if self._backoff.holds(now) or (missed and self._cools_down(now)):
            return None
        try:
            table = self._read(self._fetcher(self._url))
        # Whatever an injected fetcher raises means: could not find out.
        except Exception as error:  # noqa: BLE001
            self._note_failure(error)
            return None
        if missed:
            self._missed_at = now
        self._backoff.reset()
        self._snapshot = _Snapshot(
            table, now - CLOCK_SLACK_SECONDS, now + self._refresh_after, now + self._usable_for
        )
        return self._snapshot

    def _read(self, document: bytes) -> KeyTable:
        table = load_jwk_set(
            read_json_object(bounded(document, self._max_bytes)),
            max_keys=self._max_keys,
            allow_missing_kid=self._allow_missing_kid,
            known=self._snapshot.table.fingerprints,
        )
        if not table.is_usable:  # a fault: without keys an issuer could issue nothing
            raise FetchError(without_usable_key(table))
        self._tell_unused(table)
        return table

    def _tell_unused(self, table: KeyTable) -> None:
        """Name the entries that are not used, once per change."""
        told, self._told = self._told, worth_telling(table)
        if self._told not in {"", told}:
            _log.warning("entries of the key set at host `%s`: %s", self._host, self._told)

    def _note_failure(self, error: Exception) -> None:
        known = isinstance(error, FetchError | InvalidJWKError)
        self._reason = str(error) if known else f"the answer was unusable ({type(error).__name__})"
        self._backoff.note_failure(self._clock())

    def _cools_down(self, now: float) -> bool:
        return is_within(now, self._missed_at, self._miss_cooldown_seconds)

    def _require_allowed(self, now: float, *, missed: bool) -> None:
        if self._backoff.holds(now):
            raise self._unavailable(self._reason)
        if missed and self._cools_down(now):
            raise self._not_yet()

    def _not_yet(self) -> KeySetUnavailableError:
        return KeySetUnavailableError(
            "the token's key is not in the key set, which may not be fetched again yet",
            configured={"key_set_host": self._host},
        )

    def _unavailable(self, reason: str) -> KeySetUnavailableError:
        return KeySetUnavailableError(
            f"the key set at host `{self._host}` could not be fetched: {reason or 'try again'}"
        )

    def _find_in_fresh(
        self, table: KeyTable, key_id: str | None, algorithm: str
    ) -> VerificationKey:
        key = table.find(key_id, algorithm)
        if key is None:
            refuse_without_fetch(table, key_id)
            raise unknown_key(table, key_set_host=self._host)
        return key

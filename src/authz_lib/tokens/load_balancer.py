"""Application Load Balancers: where their keys are, and how to tell their tokens from others'."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from authz_lib._support.checks import (
    require_count,
    require_function,
    require_known,
    require_mapping,
    require_seconds,
)
from authz_lib._support.clock import system_clock
from authz_lib._support.memo import Memo
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib.errors import (
    ConfigurationError,
    InvalidTokenError,
    KeySetUnavailableError,
    UnknownKeyError,
)
from authz_lib.tokens.claim_reader import ClientReader
from authz_lib.tokens.claims import HeaderRules, one_or_many
from authz_lib.tokens.issuer_names import UUID, require_issuer_names
from authz_lib.tokens.jwk import InvalidJWKError, from_pem
from authz_lib.tokens.remote_keys import FetchOptions
from authz_lib.tokens.trusted_issuer import CheckOptions, Configuration, build_rules, build_trust
from authz_lib.transport.fetch import (
    CLOCK_SLACK_SECONDS,
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
    from authz_lib.tokens.keys import KeySet
    from authz_lib.transport.fetch import Fetcher

__all__ = ["LoadBalancerKeySet", "configure"]

_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):elasticloadbalancing:(?P<region>[a-z0-9-]+):[0-9]{12}:loadbalancer/app/[\w-]+/[0-9a-f]+",
    re.ASCII,
)
_KEYS_URLS: Final = {
    "aws": "https://public-keys.auth.elb.{region}.amazonaws.com",
    "aws-us-gov": "https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}",
}
_ALGORITHM: Final = "ES256"  # a load balancer signs with no other
_TTL_SECONDS: Final = 3600.0  # a key of a load balancer never changes, but it may be withdrawn
_WINDOW_SECONDS: Final = 10.0
_MAX_FETCHES_PER_WINDOW: Final = 10
_UNKNOWN_STATUSES: Final = frozenset({403, 404})


class _Entry(NamedTuple):
    key: VerificationKey
    pem: bytes
    fetched_at: float


class LoadBalancerKeySet:
    """The keys of the load balancers of one region: one PEM per ``kid``.

    - A key is fetched when a token names it.  Its ``kid`` must be a UUID before it becomes part of
      a URL.
    - It is used for an hour, then fetched again.  When that fails, it is used for one more hour.
    - At most 10 fetches are made in 10 seconds, whatever tokens name.  Beyond that, unknown keys
      are a ``KeySetUnavailableError``.

    Args:
        keys_url: the place of the keys.
        timeout_seconds: of a fetch, for everything together.
        connect_timeout_seconds: for all addresses of the host together, and once more for the TLS
            handshake.
        max_bytes: the size at which a key is refused.
        max_keys: how many keys are held.
        insecure_http_hosts: see `RemoteKeySet`.
        fetcher: fetches a URL; for tests.

    Raises:
        ConfigurationError: ``keys_url`` is not a URL that may be fetched.
    """

    def __init__(
        self,
        keys_url: str,
        *,
        timeout_seconds: float = 3.0,
        connect_timeout_seconds: float = 2.0,
        max_bytes: int = 8192,
        max_keys: int = 64,
        insecure_http_hosts: Iterable[str] = (),
        fetcher: Fetcher | None = None,
        clock: Clock = system_clock,
    ) -> None:
        hosts = InsecureHosts.of(insecure_http_hosts)
        self._host = parse_url(keys_url, argument="keys_url", insecure_http_hosts=hosts).host
        self._base = keys_url.removesuffix("/")
        require_seconds(timeout_seconds, "timeout_seconds", above_zero=True)
        require_seconds(connect_timeout_seconds, "connect_timeout_seconds", above_zero=True)
        require_count(max_bytes, "max_bytes")
        require_count(max_keys, "max_keys")
        require_function(fetcher, "fetcher", optional=True)
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._fetcher = fetcher or HTTPFetcher(
            timeout_seconds=timeout_seconds,
            connect_timeout_seconds=connect_timeout_seconds,
            max_bytes=max_bytes,
            insecure_http_hosts=hosts,
        )
        self._clock = clock
        self._entries: Memo[str, _Entry] = Memo(max_entries=max_keys)
        self._fetches: deque[float] = deque(maxlen=_MAX_FETCHES_PER_WINDOW)
        self._backoff = Backoff(most_seconds=_WINDOW_SECONDS)
        self._flights = SingleFlight["VerificationKey | None"]()

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey:
        """The key of that ``kid``, fetched if need be.

        Raises:
            InvalidTokenError: ``kid`` is missing or not a UUID.
            UnknownKeyError: there is no such key.
            KeySetUnavailableError: it could not be fetched, or nothing may be fetched yet.
        """
        key = self.peek(key_id, algorithm)
        if key is not None:
            return key
        if key_id is None or not UUID.fullmatch(key_id):
            raise InvalidTokenError("the `kid` of a load balancer's token must be a UUID")
        return self._fetch_or_wait(key_id)

    # The protocol has these arguments.
    def peek(self, key_id: str | None, algorithm: str) -> VerificationKey | None:  # noqa: ARG002
        """The key when it is fresh; never raises, fetches or waits."""
        entry = self._entries.get(key_id or "")
        fresh = entry is not None and is_within(self._clock(), entry.fetched_at, _TTL_SECONDS)
        return entry.key if entry is not None and fresh else None

    def prefetch(self) -> None:
        """Nothing to do: which key is needed is known when a token names it."""

    def __repr__(self) -> str:
        return f"<LoadBalancerKeySet at host {self._host}>"

    def _fetch_or_wait(self, key_id: str) -> VerificationKey:
        try:
            key = self._flights.run(
                key_id,
                lambda: self._refreshed(key_id),
                timeout_seconds=self._timeout_seconds + 0.25,
            )
        except SingleFlightTimeoutError:
            raise self._unavailable("no answer in time") from None
        if key is None:
            raise UnknownKeyError("the load balancers of the region have no such key")
        return key

    def _refreshed(self, key_id: str) -> VerificationKey | None:
        """The key as it is now, or as it was when that cannot be found out."""
        try:
            return self._fetch(key_id)
        except KeySetUnavailableError:
            entry = self._entries.get(key_id)
            if entry is not None and is_within(self._clock(), entry.fetched_at, 2 * _TTL_SECONDS):
                return entry.key
            raise

    def _fetch(self, key_id: str) -> VerificationKey | None:
        now = self._clock()
        self._require_allowed(now)
        self._fetches.append(now)
        previous = self._entries.get(key_id)
        try:
            pem = bounded(self._fetcher(f"{self._base}/{key_id}"), self._max_bytes)
            key = (
                previous.key
                if previous is not None and previous.pem == pem
                else _usable_key(pem, key_id)
            )
        # Whatever an injected fetcher raises means: could not find out.
        except Exception as error:  # noqa: BLE001
            if isinstance(error, FetchError) and error.status in _UNKNOWN_STATUSES:
                self._entries.pop(key_id, None)
                return None
            self._backoff.note_failure(self._clock())
            known = isinstance(error, FetchError | InvalidJWKError)
            raise self._unavailable(str(error) if known else type(error).__name__) from None
        self._backoff.reset()
        self._entries.put(key_id, _Entry(key, pem, now))
        return key

    def _require_allowed(self, now: float) -> None:
        if self._backoff.holds(now):
            raise self._unavailable("the last fetch failed")
        oldest = self._fetches[0] if len(self._fetches) == _MAX_FETCHES_PER_WINDOW else None
        if oldest is not None and -CLOCK_SLACK_SECONDS <= now - oldest < _WINDOW_SECONDS:
            raise KeySetUnavailableError(
                "the token's key is not known, and no other may be fetched yet"
            )

    def _unavailable(self, reason: str) -> KeySetUnavailableError:
        return KeySetUnavailableError(
            f"the key at host `{self._host}` could not be fetched: {reason}"
        )


def _usable_key(pem: bytes, key_id: str) -> VerificationKey:
    key = from_pem(pem, key_id=key_id)
    if _ALGORITHM not in key.algorithms:
        raise InvalidJWKError(f"not a key for {_ALGORITHM}")
    return key


def _keys_url(arns: frozenset[str]) -> str:
    """Where the load balancers of these ARNs publish their keys."""
    places = set()
    for arn in arns:
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ConfigurationError(
                "`load_balancer_arn` must be the ARN of an Application Load Balancer"
            )
        places.add((match["partition"], match["region"]))
    if len(places) > 1:
        raise ConfigurationError("`load_balancer_arn` names load balancers of more than one region")
    partition, region = places.pop()
    return _KEYS_URLS.get(partition, "").format(region=region)


def configure(
    *,
    load_balancer_arn: str | Iterable[str],
    client_id: str | Iterable[str] | None,
    issuer: str | Iterable[str] | None,
    keys_url: str | None,
    keys: KeySet | None,
    fetcher: Fetcher | None,
    key_set: FetchOptions | None,
    options: CheckOptions,
) -> Configuration:
    """What a verifier for load balancers' tokens trusts."""
    arns = one_or_many(load_balancer_arn, argument="load_balancer_arn")
    if arns is None:
        raise ConfigurationError(
            "`load_balancer_arn` is required: without it every load balancer of AWS is trusted"
        )
    place = keys_url or _keys_url(arns)
    if keys is None and not place:
        raise ConfigurationError(
            "where load balancers of this partition have their keys is not known: pass `keys_url`"
        )
    fetching: FetchOptions = {} if key_set is None else key_set
    require_mapping(fetching, "key_set", of="from an argument of the key set to its value")
    require_known(fetching, FetchOptions.__optional_keys__)
    if fetching and keys is not None:
        raise ConfigurationError("`key_set` says how keys are fetched, and `keys` are given")
    issuers = one_or_many(issuer, argument="issuer")
    require_issuer_names(issuers or ())
    trust = build_trust(
        keys=keys
        or LoadBalancerKeySet(
            place, fetcher=fetcher, clock=options.get("clock", system_clock), **fetching
        ),
        algorithms=[_ALGORITHM],
        rules=build_rules(
            options,
            issuers=None,
            audiences=None,
            clients=None,
            client=ClientReader(in_header=True),
        ),
        options=options,
        header_rules=HeaderRules(
            signers=arns,
            clients=one_or_many(client_id, argument="client_id"),
            issuers=issuers,
        ),
    )
    return Configuration((trust,), ((trust.keys,),), padded=True)

"""A memory of decisions.  A remembered answer equals a fresh one, within the time to live.

A memory serves one decision point.  The key covers everything else that a decision can depend on:
the principal, action and resource, the whole context, every entity and the tokens.

Never remembered: failures, and answers with evaluation errors.

How stale an answer can be: the gateway's own result cache, plus the time to live here, plus the
seconds that Verified Permissions takes to spread a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from cachetools import LRUCache

from authz_lib._support.checks import is_seconds, require_clock, require_count, require_mapping
from authz_lib._support.clock import Clock, system_clock
from authz_lib._support.fork import reset_in_child
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib.decisions.request import Decision, Question
from authz_lib.errors import ConfigurationError, PolicyStoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from authz_lib.entities import EntityUid
    from authz_lib.errors import AuthzError

__all__ = ["CacheOptions", "CacheStatistics", "DecisionCache"]


class CacheOptions(TypedDict, total=False):
    """What `DecisionPoint.cached` takes besides the two times to live; see `CachedDecisions`."""

    ttl: Mapping[str, float] | None
    no_cache: Iterable[str]
    max_entries: int
    clock: Clock


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """How often an answer was remembered (`hits`) or asked for (`misses`); how many are held."""

    hits: int
    misses: int
    size: int


class _Entry(NamedTuple):
    decision: Decision
    expires_at: float
    principal: EntityUid | None
    resource: EntityUid


class _Moment(NamedTuple):
    """When a question was asked, and how often something had been forgotten by then."""

    time: float
    epoch: int


_NEVER = _Moment(0.0, -1)
_new = tuple.__new__  # what a named tuple's own constructor calls


class DecisionCache:
    """What `CachedDecisions` remembers.  It asks nobody by itself: each call brings who is asked.

    Args:
        ttl_seconds: how long an allow is remembered.
        deny_ttl_seconds: how long a deny is remembered.
        ttl: per action, how long its answers are remembered, allow and deny alike.
        no_cache: actions whose answers are never remembered.
        max_entries: how many answers are held; the least recently used go first.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: a time is negative or not finite, or ``max_entries`` is not positive.
    """

    def __init__(
        self,
        *,
        ttl_seconds: float,
        deny_ttl_seconds: float,
        ttl: Mapping[str, float] | None = None,
        no_cache: Iterable[str] = (),
        max_entries: int = 10_000,
        clock: Clock = system_clock,
    ) -> None:
        own = dict(require_mapping(ttl or {}, "ttl", of="of action ids to seconds"))
        require_count(max_entries, "max_entries")
        if not all(is_seconds(time, most=inf) for time in (ttl_seconds, deny_ttl_seconds)):
            raise ConfigurationError("times to live must be finite numbers, not negative")
        if not all(is_seconds(time, most=inf) for time in own.values()):
            raise ConfigurationError("the times of `ttl` must be finite numbers, not negative")
        if isinstance(no_cache, str) or not isinstance(no_cache, Iterable):
            raise ConfigurationError("`no_cache` must be a collection of action ids")
        self._ttl_seconds = {True: ttl_seconds, False: deny_ttl_seconds}
        self._own_ttl_seconds = own | dict.fromkeys(no_cache, 0.0)
        self._clock = require_clock(clock)
        self._max_entries = max_entries
        self._flights: SingleFlight[Decision] = SingleFlight()
        self._now = 0.0
        self._epoch = 0
        self._hits = self._misses = 0
        self.reset()
        reset_in_child(self)

    def reset(self) -> None:
        """Start with nothing remembered, as after a fork."""
        self._lock = Lock()
        self._entries: LRUCache[bytes, _Entry] = LRUCache(self._max_entries)

    @property
    def statistics(self) -> CacheStatistics:
        """Hits, misses and size at this moment."""
        with self._lock:
            return CacheStatistics(self._hits, self._misses, len(self._entries))

    def clear(self) -> None:
        """Forget everything, and what is being asked at this moment as well."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._entries.clear()
        self._epoch += 1

    def invalidate(self, principal: EntityUid | None, resource: EntityUid | None) -> int:
        """Forget the answers about this principal, this resource, or both together.

        Raises:
            ConfigurationError: neither is given.
        """
        if principal is None and resource is None:
            raise ConfigurationError("`invalidate` needs `principal`, `resource` or both")
        with self._lock:
            stale = [
                key
                for key, entry in self._entries.items()
                if (principal is None or entry.principal in {None, principal})
                and resource in {None, entry.resource}
            ]
            for key in stale:
                del self._entries[key]
            self._epoch += 1
        return len(stale)

    def recall(self, question: Question) -> Decision | None:
        """The remembered decision; that there is none is no miss before somebody asks."""
        if self._own_ttl_seconds and self._is_never_kept(question):
            return None
        found = self._recall(question.digest or _digest(question), question, asks=False)
        return found if isinstance(found, Decision) else None

    def flight_key(self, question: Question) -> tuple[bytes, int] | None:
        """The same for questions of which one call may answer all; `None`: each has its own."""
        if self._own_ttl_seconds and self._is_never_kept(question):
            return None
        return question.digest or _digest(question), self._epoch

    def decide(self, question: Question, ask: Callable[[Question], Decision]) -> Decision:
        """A remembered decision, or the answer of ``ask``."""
        if self._own_ttl_seconds and self._is_never_kept(question):
            return ask(question)
        key = question.digest or _digest(question)
        found = self._recall(key, question)
        if isinstance(found, Decision):
            return found
        moment = found
        # A flight that took off before something was forgotten may carry what is to be forgotten:
        # it has another key.
        try:
            return self._flights.run(
                (key, moment.epoch), lambda: self._ask_and_keep(key, moment, question, ask)
            )
        except SingleFlightTimeoutError:
            raise PolicyStoreUnavailableError(
                "the call that would have answered was interrupted"
            ) from None

    def decide_batch(
        self,
        questions: Sequence[Question],
        ask: Callable[[Sequence[Question]], list[Decision | AuthzError]],
    ) -> list[Decision | AuthzError]:
        """Remembered decisions, and one batch for the others; equal questions are asked once."""
        keys = []
        known: dict[bytes, Decision | AuthzError] = {}
        missing: dict[bytes, Question] = {}
        moments: dict[bytes, _Moment] = {}
        for question in questions:
            key = question.digest or _digest(question)
            keys.append(key)
            if key in known or key in missing:
                continue
            found = _NEVER if self._is_never_kept(question) else self._recall(key, question)
            if isinstance(found, Decision):
                known[key] = found
            else:
                missing[key], moments[key] = question, found
        for key, result in zip(missing, ask(list(missing.values())), strict=True):
            known[key] = result
            if isinstance(result, Decision):
                self._keep(key, moments[key], missing[key], result)
        return [known[key] for key in keys]

    def _is_never_kept(self, question: Question) -> bool:
        return self._own_ttl_seconds.get(question.action.id) == 0

    def _ask_and_keep(
        self,
        key: bytes,
        moment: _Moment,
        question: Question,
        ask: Callable[[Question], Decision],
    ) -> Decision:
        decision = ask(question)
        self._keep(key, moment, question, decision)
        return decision

    def _recall(self, key: bytes, question: Question, *, asks: bool = True) -> Decision | _Moment:
        """What is remembered, or when it was found that nothing is."""
        with self._lock:
            # Inside the lock: two threads' readings out of order would look like a step back.
            now = self._clock()
            if now < self._now:
                self._forget()
            self._now = now
            if key in self._entries:
                entry = self._entries[key]
                # The answer may have been kept for another token of the same caller; this one's
                # time ends it as well.
                expires_at = question.expires_at
                if now < entry.expires_at and (expires_at is None or now < expires_at):
                    self._hits += 1
                    return entry.decision
            self._misses += asks
            return _new(_Moment, (now, self._epoch))

    def _keep(self, key: bytes, asked: _Moment, question: Question, decision: Decision) -> None:
        """Remember a decision without errors, unless something was forgotten meanwhile."""
        if decision.errors:
            return
        seconds = self._own_ttl_seconds.get(question.action.id, self._ttl_seconds[decision.allowed])
        expires_at = asked.time + seconds
        if question.expires_at is not None:  # the first of `min`, so that NaN keeps nothing
            expires_at = min(question.expires_at, expires_at)
        if not expires_at > asked.time:
            return
        remembered = Decision(
            decision.allowed,
            decision.determining_policies,
            (),
            "cache",
            decision.policy_store_id,
            overruled=decision.overruled,
            revision=decision.revision,
            decided_at=decision.decided_at,
        )
        with self._lock:
            if asked.epoch == self._epoch:
                self._entries[key] = _new(
                    _Entry, (remembered, expires_at, question.principal, question.resource)
                )


def _digest(question: Question) -> bytes:
    """Made once per question: an authorizer asks the same one again and again.

    With a token it is longer than any digest without one.
    """
    tokens = question.access_token, question.identity_token
    key = blake2b(question.canonical_text.encode(), digest_size=32).digest()
    if tokens != _NO_TOKENS:
        for token in tokens:
            key += bytes(32) if token is None else blake2b(token.encode(), digest_size=32).digest()
    question.note_digest(key)
    return key


_NO_TOKENS = (None, None)

"""A shared secret that is read anew: which values are believed, and for how long."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypedDict, Unpack

from authz_lib._support.checks import (
    require_known,
    require_method,
    require_one_of,
    require_optional_text,
    require_seconds,
    require_text,
)
from authz_lib._support.clock import system_clock
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib.errors import ConfigurationError, DependencyError
from authz_lib.tokens.algorithms import SUPPORTED
from authz_lib.tokens.secret_material import (
    ENCODINGS,
    Encoding,
    Secret,
    require_secret,
    require_signing_key,
    taken_out,
)
from authz_lib.transport.fetch import CLOCK_SLACK_SECONDS, NEVER, Backoff, is_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib._support.clock import Clock

__all__ = ["SecretOptions", "SecretReader", "SecretSource", "StoredSecret"]

_log = logging.getLogger("authz_lib.tokens")

_MOST_SECONDS: Final = 10 * 366 * 86_400.0
# Two questions to AWS of 7 s each, the longest that they take: see `transport/aws.py`.
_WAIT_SECONDS: Final = 15.0


class SecretOptions(TypedDict, total=False):
    """What every place of a secret can be told; `SecretSource` says what each is."""

    json_key: str | None
    encoding: Encoding
    ttl_seconds: float
    max_stale_seconds: float
    previous_seconds: float
    miss_cooldown_seconds: float
    clock: Clock


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One version of a secret, as the place that keeps it hands it out.

    Attributes:
        value: the secret; not in its ``repr``.
        created: when this version was made, in seconds since the epoch, if that is known.
        number: its place in the order of versions, if there is one.
    """

    value: Secret = field(repr=False)
    created: float | None = None
    number: int | None = None


class SecretReader(Protocol):
    """Reads a secret from the place that keeps it.

    Both raise ``ConfigurationError`` where the place refuses.  Whatever else they raise means:
    could not find out.
    """

    def current(self) -> StoredSecret:
        """The current version."""
        ...

    def previous(self, current: StoredSecret) -> StoredSecret | None:
        """The version before it; ``None`` where there is none."""
        ...


class _Known(NamedTuple):
    """What one reading found, and the times that it decided; replaced as a whole."""

    alone: tuple[bytes, ...]  # the current secret
    both: tuple[bytes, ...]  # with the previous one; `alone` itself where there is none
    both_until: float
    since: float  # when the current one came: at the latest known moment before that
    read_at: float
    valid_from: float  # before this the clock ran backwards
    refresh_at: float
    usable_until: float

    def accepted(self, now: float) -> tuple[bytes, ...]:
        return self.both if now < self.both_until else self.alone


_NOTHING: Final = _Known((), (), NEVER, NEVER, NEVER, NEVER, NEVER, NEVER)


class SecretSource:
    """A shared secret that refreshes as a key set does: inside a request, when it is needed.

    | when | what happens |
    |---|---|
    | the secret is fresh, for ``ttl_seconds`` | nothing is read |
    | that is over | one caller reads it anew, others use the known one |
    | a signature fits no known secret | a reading, once in ``miss_cooldown_seconds`` |
    | it was rotated | the previous one is accepted for ``previous_seconds`` |
    | a reading failed | the known one is used, and the next try waits 1 to 30 seconds |
    | ``max_stale_seconds`` after the last success | ``DependencyError`` |

    A reading that finds no usable secret (too short, empty, a key file, another JSON document) has
    failed, and changes nothing.  The first one is a ``ConfigurationError``.

    One reading is in flight at most.  No lock is held meanwhile.  Who has no known secret waits for
    it, at most 15 seconds.

    ``previous_seconds`` count from the moment when the current version was made.  A process that
    has seen the other one current after that counts from there.  A previous one that is not usable,
    or that may not be read, is not accepted.

    Args:
        name: what it is called in messages.
        reader: reads it; see `SecretReader`.
        json_key: the member that is the secret, where a JSON object is stored.
        encoding: ``"base64"`` where the text stands for bytes; of either alphabet.
        ttl_seconds: above 0.
        max_stale_seconds: 0 uses no secret beyond ``ttl_seconds``.
        previous_seconds: 0 accepts no previous one.  It must cover the ``ttl_seconds`` of those who
            sign and the lifetime of their tokens.
        miss_cooldown_seconds: between two readings that unknown signatures cause; at least 1.
        clock: seconds since the epoch.

    Raises:
        ConfigurationError: an argument that makes no sense.

    >>> class Vault:
    ...     def current(self):
    ...         return StoredSecret("correct horse battery staple, and more")
    ...
    ...     def previous(self, current):
    ...         return None
    >>> SecretSource("orders/jwt of the vault", Vault(), ttl_seconds=60)
    <SecretSource: orders/jwt of the vault>
    """

    def __init__(self, name: str, reader: SecretReader, **options: Unpack[SecretOptions]) -> None:
        require_known(options, SecretOptions.__optional_keys__)
        self._name = require_text(name, "name")
        for method in ("current", "previous"):
            require_method(reader, "reader", method, such_as="`SecretReader`")
        self._reader = reader
        self._json_key = require_optional_text(options.get("json_key"), "json_key")
        self._encoding: Encoding = options.get("encoding", "text")
        require_one_of(self._encoding, "encoding", ENCODINGS)
        self._ttl_seconds = _seconds(options.get("ttl_seconds", 120.0), "ttl_seconds")
        if self._ttl_seconds == 0:
            raise ConfigurationError("`ttl_seconds` must be above 0")
        stale = _seconds(options.get("max_stale_seconds", 3600.0), "max_stale_seconds")
        self._usable_for = max(self._ttl_seconds, stale)
        self._previous_seconds = _seconds(
            options.get("previous_seconds", 300.0), "previous_seconds"
        )
        self._miss_cooldown_seconds = _seconds(
            options.get("miss_cooldown_seconds", 10.0), "miss_cooldown_seconds"
        )
        if self._miss_cooldown_seconds < 1:
            raise ConfigurationError("`miss_cooldown_seconds` must be at least 1")
        self._clock = options.get("clock", system_clock)
        self._algorithm = "HS256"
        self._flights = SingleFlight[_Known]()
        self._known = _NOTHING
        self._backoff = Backoff()
        self._failure: type[ConfigurationError | DependencyError] = DependencyError
        self._reason = ""
        self._missed_at = NEVER

    def require(self, algorithm: str) -> None:
        """From now on, take only secrets that are long enough for ``algorithm`` too.

        For ``EdDSA``: only private keys, to sign with.

        Raises:
            ConfigurationError: one thing is to be a secret and a private key.
        """
        if algorithm == "EdDSA" or self._algorithm == "EdDSA":
            if self._known is not _NOTHING and self._algorithm != algorithm:
                raise ConfigurationError(f"{self._name} is used as a secret and as a private key")
            self._algorithm = algorithm
            return
        if SUPPORTED[algorithm].min_secret_bytes > SUPPORTED[self._algorithm].min_secret_bytes:
            self._algorithm = algorithm
            self._known = _NOTHING

    def accepted(self) -> tuple[bytes, ...]:
        """The secrets that are believed now, the current one first; read if need be.

        While they stay the same, so does the tuple itself.

        Raises:
            ConfigurationError: the place refused, or the first reading found no usable secret.
            DependencyError: it could not be read, and no known secret may be used any more.
        """
        now = self._clock()
        known = self._known
        if known.valid_from <= now < known.refresh_at:
            return known.both if now < known.both_until else known.alone
        return self._accepted_slowly(now)

    def peek(self) -> tuple[bytes, ...] | None:
        """The secrets while they are fresh; never raises, reads or waits."""
        now = self._clock()
        known = self._known
        return known.accepted(now) if known.valid_from <= now < known.refresh_at else None

    def newer_than(self, tried: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        """What to try when a signature fits none of ``tried``; ``None`` where there is no more.

        Reads the secret anew, once in ``miss_cooldown_seconds``.

        Raises:
            DependencyError: it could not be read anew.
        """
        now = self._clock()
        known = self._known
        if known.accepted(now) is tried:
            if is_within(now, self._missed_at, self._miss_cooldown_seconds):
                return None
            try:
                known = self._read_or_wait(known, missed=True)
            except ConfigurationError as error:  # it was right before
                raise DependencyError(str(error)) from None
        accepted = known.accepted(now)
        return None if accepted is tried else accepted

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._name}>"

    def _accepted_slowly(self, now: float) -> tuple[bytes, ...]:
        """Everything but fresh secrets."""
        known = self._known
        if not known.valid_from <= now < known.usable_until:
            return self._read_or_wait(known).accepted(now)
        if not self._backoff.holds(now):
            self._flights.run_if_idle("read", lambda: self._refreshed(known))
        return self._known.accepted(now)

    def _refreshed(self, seen: _Known) -> _Known:
        """What is known after a try; one that failed changes nothing."""
        try:
            return self._read(seen)
        except (ConfigurationError, DependencyError):
            return seen

    def _read_or_wait(self, seen: _Known, *, missed: bool = False) -> _Known:
        """What a reading found that is not ``seen``, by this caller or another."""
        try:
            return self._flights.run(
                "read", lambda: self._read(seen, missed=missed), timeout_seconds=_WAIT_SECONDS
            )
        except SingleFlightTimeoutError:
            raise DependencyError(f"{self._name} could not be read in time") from None

    def _read(self, seen: _Known, *, missed: bool = False) -> _Known:
        """Read once and replace what is known.  Only one thread at a time is here."""
        if self._known is not seen:  # somebody was faster
            return self._known
        now = self._clock()
        if self._backoff.holds(now):
            raise self._failure(self._reason)
        try:
            known = self._found(now)
        except (ConfigurationError, DependencyError) as error:
            self._note_failure(error)
            raise
        if missed:
            self._missed_at = now
        self._backoff.reset()
        self._known = known
        return known

    def _note_failure(self, error: ConfigurationError | DependencyError) -> None:
        self._failure = (
            ConfigurationError if isinstance(error, ConfigurationError) else DependencyError
        )
        self._reason = str(error)
        self._backoff.note_failure(self._clock())
        if self._known is not _NOTHING:
            _log.warning("%s: the known one is used", self._reason)

    def _found(self, now: float) -> _Known:
        stored = self._ask(self._reader.current)
        if stored is None:
            raise DependencyError(f"{self._name} could not be read (there is no answer)")
        alone = (self._usable(stored),)
        seen = self._known if self._known.valid_from <= now else _NOTHING
        since = NEVER if stored.created is None else min(now, stored.created)
        # Another one, if any, was still current when it was last read.
        since = seen.since if alone == seen.alone else max(since, seen.read_at)
        both_until = since + self._previous_seconds
        both = (*alone, *self._previous(stored, alone[0])) if now < both_until else alone
        alone = seen.alone if alone == seen.alone else alone
        return _Known(
            alone=alone,
            both=next((same for same in (alone, seen.both) if same == both), both),
            both_until=both_until,
            since=since,
            read_at=now,
            valid_from=now - CLOCK_SLACK_SECONDS,
            refresh_at=now + self._ttl_seconds,
            usable_until=now + self._usable_for,
        )

    def _previous(self, stored: StoredSecret, current: bytes) -> tuple[bytes, ...]:
        """The previous secret, where it may be accepted beside the current one."""
        try:
            found = self._ask(lambda: self._reader.previous(stored))
            previous = None if found is None else self._content(found)
        except ConfigurationError as error:
            _log.warning("%s: the previous one is not accepted", error)
            return ()
        return () if previous is None or previous == current else (previous,)

    def _usable(self, stored: StoredSecret) -> bytes:
        try:
            return self._content(stored)
        except ConfigurationError as error:
            if self._known is _NOTHING:
                raise
            raise DependencyError(str(error)) from None  # it was right before

    def _content(self, stored: StoredSecret) -> bytes:
        try:
            secret = taken_out(stored.value, json_key=self._json_key, encoding=self._encoding)
            if self._algorithm == "EdDSA":
                return require_signing_key(secret)
            return require_secret(secret, self._algorithm)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self._name}: {error}") from None

    def _ask(self, question: Callable[[], object]) -> StoredSecret | None:
        try:
            found = question()
        except (ConfigurationError, DependencyError):
            raise
        # Its text may quote the secret; its name does not.
        except Exception as error:  # noqa: BLE001
            reason = type(error).__name__
        else:
            if isinstance(found, StoredSecret | None):
                return found
            reason = "the answer is not understood"
        raise DependencyError(f"{self._name} could not be read ({reason})")


def _seconds(value: float, argument: str) -> float:
    return require_seconds(value, argument, most=_MOST_SECONDS)

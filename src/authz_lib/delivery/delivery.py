"""Two ways to one receiver, which never makes the receiver act twice.

``primary`` is the new way, an IAM-protected API (`ApiCall`).  ``fallback`` is the old way
(`LambdaInvoke`).  A rollout chooses the new way for some keys.  The old way is also taken where the
new way certainly did not deliver.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from authz_lib._support.checks import (
    check_timeout,
    is_answering,
    require_flag,
    require_function,
    require_text,
)
from authz_lib._support.strict_json import StrictJSONError, loads_document
from authz_lib.delivery.parcel import Parcel
from authz_lib.delivery.rollout import RolloutFlag
from authz_lib.errors import (
    AuthzError,
    ConfigurationError,
    DeliveryError,
    DeliveryRejectedError,
    InvalidRequestError,
)
from authz_lib.transport.outcome import (
    Outcome,
    RefusedOnRepeatError,
    error_of_status,
    outcome_of_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Delivery", "DeliveryEvent", "DeliveryPath", "PathName", "Receipt"]

PathName: TypeAlias = Literal["primary", "fallback"]
"""The new way, and the old one that stands in."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The parcel was delivered.

    Attributes:
        status: the HTTP status of the API, or the status code of the invocation.
        body: the answer, as it came.  Not in the repr.
        path: the way it took.
    """

    status: int
    body: bytes = field(repr=False)
    path: PathName = "primary"

    def json(self) -> Any:
        """The answer as JSON.

        Raises:
            DeliveryError: it is not JSON.  The outcome is ``"ambiguous"``: it was delivered.
        """
        try:
            return loads_document(self.body)
        except StrictJSONError:
            raise DeliveryError("the answer is not JSON", outcome=Outcome.AMBIGUOUS) from None


class DeliveryPath(Protocol):
    """A way to the receiver."""

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """Deliver once, and return status and answer.

        Only a repeatable parcel may be sent again.  For a returned status other than a 2xx,
        `Delivery` raises the error that the status stands for.

        Raises:
            DeliveryError: ``"not_sent"`` where no byte of the parcel left this process, else
                ``"ambiguous"``.
            DeliveryRejectedError: the other side refused it.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """A step of a delivery, for operators.  It holds no payload, no key and no secret.

    Attributes:
        name: the prefix, and one of ``_started``, ``_success``, ``_error`` (one way failed) and
            ``_failed`` (the delivery failed).
        path: the way that the step is about.
        outcome: set for all but ``_started``.
        status: set for ``_success``.
        error_code: set for ``_error`` and ``_failed``: the ``code`` of the error, or its class.
        falls_back: whether the old way is tried next; only for ``_error``.
        elapsed_seconds: since the start of the delivery.
    """

    name: str
    path: PathName
    outcome: Outcome | None = None
    status: int | None = None
    error_code: str | None = None
    falls_back: bool = False
    elapsed_seconds: float = 0.0


class Delivery:
    """Delivers a payload to one receiver over the new way, or over the old one.

    ============= ====================================== ===============================
    outcome       when                                   is ``fallback`` taken?
    ============= ====================================== ===============================
    ``not_sent``  no connection, no handshake            yes
    ``rejected``  3xx, 4xx                               never: it would evade a refusal
    ``ambiguous`` timeout or reset after the first byte, only where repeating is harmless
                  truncated answer, 5xx
    ============= ====================================== ===============================

    Repeating is harmless with ``idempotent`` of `send`, or with ``receiver_deduplicates``: both
    ways carry the same idempotency key.

    The rollout is asked once per delivery.  A key that is not let in takes the old way only.  After
    the migration, ``fallback`` is removed and every key takes the new way.

    Not checked: that both ways lead to the same receiver, and that it deduplicates as stated.  To
    deduplicate, it must keep the key in a store with a conditional write, longer than anybody
    repeats.

    Args:
        primary: the new way.
        fallback: the old way; ``None`` after the migration.
        rollout: which keys take the new way; by default all.  Where it raises, the old way is
            taken.
        receiver_deduplicates: states that the receiver acts once per idempotency key, over both
            ways together.
        on_event: called with each `DeliveryEvent`.  What it raises is logged and not raised again.
        event_prefix: the start of the names of events.

    Raises:
        ConfigurationError: an argument is wrong, or there is no ``fallback`` for the keys that a
            `RolloutFlag` does not let in.

    >>> class Way:
    ...     def __init__(self, error=None):
    ...         self.error = error
    ...     def deliver(self, parcel, *, timeout_seconds):
    ...         if self.error:
    ...             raise self.error
    ...         return 202, b"{}"
    >>> down = Way(DeliveryError("no connection", outcome="not_sent"))
    >>> delivery = Delivery(primary=down, fallback=Way())
    >>> delivery.send({"n": 1}, idempotency_key="job-17").path
    'fallback'
    """

    def __init__(
        self,
        *,
        primary: DeliveryPath,
        fallback: DeliveryPath | None = None,
        rollout: Callable[[str], bool] | None = None,
        receiver_deduplicates: bool = False,
        on_event: Callable[[DeliveryEvent], None] | None = None,
        event_prefix: str = "execution_api_invocation",
    ) -> None:
        if not _is_path(primary) or not (fallback is None or _is_path(fallback)):
            raise ConfigurationError(
                "`primary` and `fallback` must be ways such as `ApiCall(client)` or "
                "`LambdaInvoke(...)`"
            )
        if not _is_call(rollout):
            raise ConfigurationError(
                "`rollout` must be a callable, such as `RolloutFlag.from_env()`, and no `async def`"
            )
        require_flag(receiver_deduplicates, "receiver_deduplicates")
        require_function(on_event, "on_event", optional=True)
        require_text(event_prefix, "event_prefix")
        if fallback is None and isinstance(rollout, RolloutFlag) and rollout.percentage < 100:
            raise ConfigurationError("`fallback` must be given while `rollout` is below 100 %")
        self._paths: dict[PathName, DeliveryPath] = {"primary": primary}
        if fallback is not None:
            self._paths["fallback"] = fallback
        self._rollout = rollout
        self._receiver_deduplicates = receiver_deduplicates
        self._on_event = on_event
        self._prefix = event_prefix

    def send(
        self,
        payload: Any,
        *,
        idempotency_key: str,
        idempotent: bool = False,
        rollout_key: str | None = None,
        timeout_seconds: float = 10.0,
    ) -> Receipt:
        """Deliver ``payload``.

        Args:
            payload: a JSON document.
            idempotency_key: names this piece of work: the same for every attempt, and not used for
                other work.
            idempotent: whether doing the work twice does no harm.
            rollout_key: what the rollout is asked about, such as a tenant; by default the
                idempotency key.
            timeout_seconds: for both ways together.  In a Lambda, give the remaining time less what
                answering takes.

        A new way that does not answer takes two connect timeouts of its client, or four where it
        accepts connections and does not answer the handshake.  Where the rest of the time is not
        enough for the old way, that is not tried.

        Raises:
            InvalidRequestError: nothing was sent.
            DeliveryRejectedError: the receiver refused it.
            DeliveryError: ``"not_sent"`` where nobody has acted, ``"ambiguous"`` where the receiver
                may have acted.
        """
        check_timeout(timeout_seconds)
        repeatable = idempotent or self._receiver_deduplicates
        parcel = Parcel.pack(payload, idempotency_key=idempotency_key, repeatable=repeatable)
        first = self._choose(idempotency_key if rollout_key is None else rollout_key)
        run = _Run(self._emit, self._prefix, time.monotonic(), timeout_seconds)
        run.event("started", first)
        try:
            return run.attempt(first, self._paths[first], parcel)
        except DeliveryError as error:
            outcome = _outcome(error)
            falls_back = (
                first == "primary" and "fallback" in self._paths and _may_fall_back(error, parcel)
            )
            run.event("error", first, outcome, error_code=error.code, falls_back=falls_back)
            if not falls_back:
                run.event("failed", first, outcome, error_code=error.code)
                raise
        except BaseException as error:  # a refusal or a fault of our own: the old way is no remedy
            run.failed(first, error)
            raise
        return self._fall_back(run, parcel, outcome)

    def _fall_back(self, run: _Run, parcel: Parcel, before: Outcome) -> Receipt:
        try:
            return run.attempt("fallback", self._paths["fallback"], parcel)
        except BaseException as error:
            run.failed("fallback", error, before)
            if before is Outcome.AMBIGUOUS and isinstance(error, AuthzError):
                raise DeliveryError(
                    "neither way is known to have delivered", outcome=before
                ) from None
            raise

    def _choose(self, key: str) -> PathName:
        if "fallback" not in self._paths or self._rollout is None:
            return "primary"
        try:
            taken = self._rollout(key)
        except InvalidRequestError:
            raise
        except Exception:  # noqa: BLE001  # somebody else's feature flags
            _logger.warning("the rollout could not be asked: the old way is taken")
            return "fallback"
        return "primary" if taken is True else "fallback"

    def _emit(self, event: DeliveryEvent) -> None:
        level = {"error": logging.WARNING, "failed": logging.ERROR}.get(
            event.name.rpartition("_")[2], logging.INFO
        )
        outcome, code = event.outcome or "-", event.error_code or "-"
        _logger.log(level, "%s path=%s outcome=%s error=%s", event.name, event.path, outcome, code)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001  # it would make the caller deliver again
            _logger.warning("`on_event` raised %s", type(error).__name__)


class _Run:
    """One call of `Delivery.send`: its events and how much of its time is left."""

    def __init__(
        self,
        emit: Callable[[DeliveryEvent], None],
        prefix: str,
        began: float,
        timeout_seconds: float,
    ) -> None:
        self._emit = emit
        self._prefix = prefix
        self._began = began
        self._timeout_seconds = timeout_seconds

    def event(self, step: str, path: PathName, outcome: Outcome | None = None, **more: Any) -> None:
        elapsed = time.monotonic() - self._began
        self._emit(
            DeliveryEvent(f"{self._prefix}_{step}", path, outcome, elapsed_seconds=elapsed, **more)
        )

    def failed(
        self, path: PathName, error: BaseException, before: Outcome = Outcome.NOT_SENT
    ) -> None:
        """One way failed, and with it the delivery; ``before`` is the outcome of the other way."""
        code = error.code if isinstance(error, AuthzError) else type(error).__name__
        outcome = _outcome(error)
        self.event("error", path, outcome, error_code=code)
        both = outcome if before is Outcome.NOT_SENT else before
        self.event("failed", path, both, error_code=code)

    def attempt(self, name: PathName, path: DeliveryPath, parcel: Parcel) -> Receipt:
        remaining = self._timeout_seconds - (time.monotonic() - self._began)
        if remaining <= 0:
            raise DeliveryError("there is no time left for the call", outcome=Outcome.NOT_SENT)
        status, body = path.deliver(parcel, timeout_seconds=remaining)
        if outcome_of_status(status) is not Outcome.DELIVERED:
            raise error_of_status(status, "the call")
        self.event("success", name, Outcome.DELIVERED, status=status)
        return Receipt(status, body, name)


def _is_call(function: object) -> bool:
    return function is None or (is_answering(function) and not isinstance(function, type))


def _is_path(path: object) -> bool:
    """A `SigV4Client` is not a way: `ApiCall` makes one of it."""
    return is_answering(getattr(path, "deliver", None)) and not isinstance(path, type)


def _may_fall_back(error: DeliveryError, parcel: Parcel) -> bool:
    if isinstance(error, RefusedOnRepeatError):
        return False
    outcome = _outcome(error)
    return outcome is Outcome.NOT_SENT or (outcome is Outcome.AMBIGUOUS and parcel.repeatable)


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, DeliveryRejectedError):
        return Outcome.REJECTED
    if isinstance(error, InvalidRequestError) or (
        isinstance(error, DeliveryError) and error.outcome == "not_sent"
    ):
        return Outcome.NOT_SENT
    return Outcome.AMBIGUOUS  # an unknown error does not prove that nothing happened

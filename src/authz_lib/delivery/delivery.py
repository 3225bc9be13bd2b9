"""A migration between two ways to one receiver that cannot make the receiver act twice.

The first way is an IAM-protected API (`ApiCall`), the second the way of before (`LambdaInvoke`).  A
rollout chooses the first way for some keys; the second also stands in where the first certainly did
not deliver.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from authz_lib._support.strict_json import StrictJSONError, loads_object
from authz_lib.delivery.rollout import RolloutFlag
from authz_lib.errors import (
    AuthzError,
    ConfigurationError,
    DeliveryError,
    DeliveryRejectedError,
    InvalidRequestError,
)
from authz_lib.sigv4._arguments import check_timeout, is_key, is_text
from authz_lib.sigv4.url import without_doubling
from authz_lib.transport.outcome import (
    Outcome,
    RefusedOnRepeatError,
    error_of_status,
    outcome_of_status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.sigv4.client import SigV4Client

__all__ = ["ApiCall", "Delivery", "DeliveryEvent", "DeliveryPath", "Parcel", "PathName", "Receipt"]

PathName: TypeAlias = Literal["primary", "fallback"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What travels, made once: both ways carry the same bytes.

    Attributes:
        body: ``{"idempotency_key": ..., "payload": ...}`` as JSON.  Not in the repr.
        idempotency_key: the same as in the body, for a header.
        repeatable: delivering it twice does no harm.
    """

    body: bytes = field(repr=False)
    idempotency_key: str
    repeatable: bool

    @classmethod
    def pack(cls, payload: Any, *, idempotency_key: str, repeatable: bool = False) -> Parcel:
        """Put a JSON document into its envelope.

        Raises:
            InvalidRequestError: the payload is not JSON, or the key is not 1 to 255 visible ASCII
                characters.

        >>> Parcel.pack({"n": 1}, idempotency_key="job-17").body
        b'{"idempotency_key":"job-17","payload":{"n":1}}'
        """
        if not is_key(idempotency_key):
            raise InvalidRequestError(
                "the key is not 1 to 255 visible ASCII characters", field="idempotency_key"
            )
        envelope = {"idempotency_key": idempotency_key, "payload": payload}
        try:
            body = json.dumps(envelope, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            raise InvalidRequestError("the payload is not JSON", field="payload") from None
        return cls(body, idempotency_key, repeatable)

    @staticmethod
    def unpack(body: bytes | str) -> tuple[str, Any]:
        """The receiver's side: key and payload of an envelope.

        Raises:
            InvalidRequestError: it is not an envelope; the message never quotes it.

        >>> Parcel.unpack(b'{"idempotency_key":"job-17","payload":{"n":1}}')
        ('job-17', {'n': 1})
        """
        try:
            envelope = loads_object(body.encode() if isinstance(body, str) else body)
        except (StrictJSONError, UnicodeEncodeError):
            raise InvalidRequestError("the body is not an envelope", field="body") from None
        if set(envelope) != {"idempotency_key", "payload"} or not is_key(
            envelope["idempotency_key"]
        ):
            raise InvalidRequestError("the body is not an envelope", field="body")
        return envelope["idempotency_key"], envelope["payload"]


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
            DeliveryError: it is not JSON.  It was delivered all the same, so the outcome is
                ``"ambiguous"``.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise DeliveryError("the answer is not JSON", outcome=Outcome.AMBIGUOUS) from None


class DeliveryPath(Protocol):
    """A way to the receiver."""

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """Deliver once; a second attempt is allowed only for a repeatable parcel.  Returns status
        and answer.

        A status that is not a 2xx is no delivery: it is raised as what it stands for.

        Raises:
            DeliveryError: ``"not_sent"`` only if no byte of the parcel left this process; else
                ``"ambiguous"``.
            DeliveryRejectedError: the other side said no.
        """
        ...


class ApiCall:
    """The way over an IAM-protected API.

    A base URL that is configured with the route already is taken as it is: ``path`` is fixed, no id
    is in it.  The client's own ``receiver_deduplicates`` is not used: the parcel says whether it
    may be repeated.

    Raises:
        ConfigurationError: ``client`` is no `SigV4Client`.

    >>> from authz_lib import SigV4Client
    >>> client = SigV4Client("https://abc.execute-api.eu-west-1.amazonaws.com/prod/execute", region="eu-west-1")
    >>> call = ApiCall(client, "/execute")
    """

    def __init__(self, client: SigV4Client, path: str = "", *, method: str = "POST") -> None:
        if not callable(getattr(client, "url", None)):
            raise ConfigurationError("`client` is not a `SigV4Client`")
        client.url(path)  # a path that cannot be signed fails here
        self._client = client
        self._path = without_doubling(client.url(""), path)
        self._method = method

    def deliver(self, parcel: Parcel, *, timeout_seconds: float) -> tuple[int, bytes]:
        """See `DeliveryPath`."""
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


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What operators may know: no payload, no key, no secret.

    Attributes:
        name: the prefix and ``_started``, ``_success``, ``_error`` (one way failed) or ``_failed``
            (the call failed).
        path: the way it is about.
        outcome: for all but ``_started``.
        status: for ``_success``.
        error_code: for ``_error`` and ``_failed``: the ``code`` of the error, or its class.
        falls_back: for ``_error``: the other way is tried next.
        elapsed_seconds: since the start.
    """

    name: str
    path: PathName
    outcome: Outcome | None = None
    status: int | None = None
    error_code: str | None = None
    falls_back: bool = False
    elapsed_seconds: float = 0.0


class Delivery:
    """Delivers a payload to one receiver over the new way or the old one; over both only where that
    is harmless.

    ============= =======================================
    ==================================================== outcome       when
    the fallback is taken ============= =======================================
    ==================================================== ``not_sent``  no connection, no handshake
    yes
    ``rejected``  3xx, 4xx                                never: it would go around the refusal
    ``ambiguous`` timeout or reset after the first byte,  only if ``idempotent``, or if
    ``receiver_deduplicates``
                  truncated answer, 5xx                   (both ways carry the same idempotency key)
    ============= =======================================
    ====================================================

    The rollout is asked once per call.  A key that is not in takes only the old way; the new one
    never stands in. After the migration ``fallback`` is deleted, and everything takes the new way.

    Not checked: that both ways lead to the same receiver, and that it deduplicates as stated: for
    that it must keep the key in a store with a conditional write, and keep it for longer than
    anybody repeats.

    Args:
        primary: the new way.
        fallback: the old way; ``None`` after the migration.
        rollout: which keys take the new way; by default all.  If asking it fails, the old way is
            taken.
        receiver_deduplicates: state that the receiver acts once per idempotency key, over both ways
            together.
        on_event: called with each `DeliveryEvent`; what it raises is logged and goes no further.
        event_prefix: of the names of events.

    Raises:
        ConfigurationError: an argument is wrong, or ``fallback`` is gone while the rollout still
            keeps keys on the old way.

    >>> class Recorded:
    ...     def __init__(self, error=None): self.error, self.bodies = error, []
    ...     def deliver(self, parcel, *, timeout_seconds):
    ...         self.bodies.append(parcel.body)
    ...         if self.error: raise self.error
    ...         return 202, b"{}"
    >>> down = Recorded(DeliveryError("no connection could be opened", outcome="not_sent"))
    >>> Delivery(primary=down, fallback=Recorded()).send({"n": 1}, idempotency_key="job-17").path
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
                "`primary` and `fallback` are ways such as `ApiCall(client)` or `LambdaInvoke(...)`"
            )
        if not _is_call(rollout):
            raise ConfigurationError(
                "`rollout` is not a callable, such as `RolloutFlag.from_env()`"
            )
        if type(receiver_deduplicates) is not bool:  # `"false"` is true
            raise ConfigurationError("`receiver_deduplicates` is neither `True` nor `False`")
        if not _is_call(on_event) or not is_text(event_prefix):
            raise ConfigurationError("`on_event` must be a callable, `event_prefix` a text")
        if fallback is None and isinstance(rollout, RolloutFlag) and rollout.percentage < 100:
            raise ConfigurationError(
                "`fallback` is absent while `rollout` is below 100 %: nothing could serve the rest"
            )
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
            idempotency_key: names this piece of work; the same for every attempt, and for nothing
                else.
            idempotent: doing the work twice does no harm.
            rollout_key: what the rollout goes by, such as a tenant; by default the idempotency key.
            timeout_seconds: for both ways together.  In a Lambda: the remaining time, less what
                answering takes.  A new way that is silent takes two connect timeouts of its client
                (two attempts; four if it is silent only in the handshake); what is left must be
                enough for the fallback, else it is not tried.

        Raises:
            InvalidRequestError: nothing was sent, over neither way.
            DeliveryRejectedError: the receiver said no.
            DeliveryError: ``"not_sent"``: nobody has acted.  ``"ambiguous"``: the receiver may have
                acted.
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
        except (
            BaseException
        ) as error:  # a no, or a fault in our own code: another way is no remedy for either
            run.failed(first, error)
            raise
        return self._fall_back(run, parcel, outcome)

    def _fall_back(self, run: _Run, parcel: Parcel, before: Outcome) -> Receipt:
        try:
            return run.attempt("fallback", self._paths["fallback"], parcel)
        except AuthzError as error:
            run.failed("fallback", error)
            if before is Outcome.AMBIGUOUS:  # of both attempts together that is what is known
                raise DeliveryError(
                    "neither way is known to have delivered", outcome=before
                ) from None
            raise
        except BaseException as error:
            run.failed("fallback", error)
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
        except Exception as error:  # noqa: BLE001  # after a delivery, an error would make the caller deliver again
            _logger.warning("`on_event` raised %s", type(error).__name__)


class _Run:
    """One call of `Delivery.send`: its events and its time."""

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

    def failed(self, path: PathName, error: BaseException) -> None:
        code = error.code if isinstance(error, AuthzError) else type(error).__name__
        self.event("error", path, _outcome(error), error_code=code)
        self.event("failed", path, _outcome(error), error_code=code)

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
    return function is None or (callable(function) and not isinstance(function, type))


def _is_path(path: object) -> bool:
    """A client is none: what travels is the parcel, which `ApiCall` hands to it."""
    return callable(getattr(path, "deliver", None)) and not isinstance(path, type)


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
    return Outcome.AMBIGUOUS  # whatever it is, it is no proof that nothing happened

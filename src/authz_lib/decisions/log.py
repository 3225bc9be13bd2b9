"""The decision log: one record per decision, without personal data unless it is asked for."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from authz_lib._support.checks import require_function
from authz_lib._support.current_request import CURRENT_REQUEST, names_of
from authz_lib.entities.wire import uid_text
from authz_lib.errors import AccessDeniedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.decisions.request import Decision, Question
    from authz_lib.entities import EntityUid

__all__ = ["DecisionLog", "log_of"]

_LOGGER = logging.getLogger("authz_lib.decisions")
_MIN_KEY_BYTES = 16


class DecisionLog:
    """Reports every decision to a callable, and to a logger as one JSON line at INFO.

    ========================================================  ==============================
    in each record                                            what it says
    ========================================================  ==============================
    ``decision_id``, ``action``, ``resource_type``            what was asked
    ``decision``                                              ``ALLOW`` or ``DENY``
    ``determining_policies``, ``source``, ``latency_ms``      as in the `Decision`
    ``errors``                                                how many there were
    ``revision``                                              of the policies, where it is known
    ``decided_at``                                            when they decided, in UTC; earlier
                                                              than the line where the answer was
                                                              remembered
    ``code``                                                  of a ``DENY``: ``access_denied``
    ``route``, ``request_id``                                 of the request that was answered, as
                                                              in the line of its refusal
    ``policy_store_id``, ``policy_store_request_id``,         only where they say something
    ``overruled``
    ``principal``, ``resource``                               only with one of the arguments
                                                              ``hmac_key`` and ``log_ids``
    ========================================================  ==============================

    Context, attributes, tokens and the texts of evaluation errors are never in a record.

    Args:
        on_decision: called with each record, a plain dict.  What it raises is raised to the caller:
            an audit that fails must not go unnoticed.
        hmac_key: puts ``principal`` and ``resource`` into the record as HMAC-SHA-256 of type and
            id.  Records about one caller can then be found together, and do not name the caller.
            At least 16 bytes.
        log_ids: put the ids themselves into the record.  They can be personal data.
        logger: where lines go to, by default ``authz_lib.decisions``; ``None`` for nowhere.

    Raises:
        ConfigurationError: the key is too short.

    >>> records = []
    >>> log = DecisionLog(on_decision=records.append)
    >>> from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
    >>> policy = "permit(principal, action, resource);"
    >>> engine = CedarEngine.from_text(policy, decision_log=log)
    >>> alice, document = EntityUid("User", "alice"), EntityUid("Doc", "1")
    >>> _ = engine.is_authorized(AuthorizationRequest(alice, "View", document))
    >>> records[0]["decision"], records[0]["resource_type"]
    ('ALLOW', 'Doc')
    >>> "principal" in records[0]
    False
    """

    __slots__ = ("_key", "_log_ids", "_logger", "_on_decision")

    def __init__(
        self,
        *,
        on_decision: Callable[[dict[str, Any]], object] | None = None,
        hmac_key: bytes | None = None,
        log_ids: bool = False,
        logger: logging.Logger | None = _LOGGER,
    ) -> None:
        if hmac_key is not None and len(hmac_key) < _MIN_KEY_BYTES:
            raise ConfigurationError(f"`hmac_key` must have at least {_MIN_KEY_BYTES} bytes")
        require_function(on_decision, "on_decision", optional=True)
        self._on_decision = on_decision
        self._key = hmac_key
        self._log_ids = log_ids
        self._logger = logger

    def report(self, question: Question, decision: Decision) -> None:
        """Report one decision; nothing is built when nobody listens."""
        logs = self._logger is not None and self._logger.isEnabledFor(logging.INFO)
        if not logs and self._on_decision is None:
            return
        record = self._record(question, decision)
        if self._logger is not None and logs:
            self._logger.info("%s", json.dumps(record, ensure_ascii=True, separators=(",", ":")))
        if self._on_decision is not None:
            self._on_decision(record)

    def _record(self, question: Question, decision: Decision) -> dict[str, Any]:
        import uuid  # loaded by the first record, not by a cold start

        record: dict[str, Any] = {
            "decision_id": str(uuid.uuid4()),
            "decision": "ALLOW" if decision.allowed else "DENY",
            "action": question.action.id,
            "resource_type": question.resource.type,
            "determining_policies": list(decision.determining_policies),
            "errors": len(decision.errors),
            "source": decision.source,
            "latency_ms": round(decision.latency_seconds * 1000, 3),
        }
        optional = {
            "code": None if decision.allowed else AccessDeniedError.code,
            "revision": decision.revision,
            "decided_at": _utc(decision.decided_at),
            "policy_store_id": decision.policy_store_id,
            "policy_store_request_id": decision.request_id,
            "overruled": decision.overruled or None,
            "principal": None if question.principal is None else self._name(question.principal),
            "resource": self._name(question.resource),
        }
        record |= {name: value for name, value in optional.items() if value is not None}
        return record | names_of(CURRENT_REQUEST.get())

    def _name(self, uid: EntityUid) -> str | None:
        if self._log_ids:
            return f"{uid.type}::{uid.id}"
        if self._key is None:
            return None
        import hmac

        return hmac.new(self._key, uid_text(uid).encode(), "sha256").hexdigest()


def _utc(seconds: float | None) -> str | None:
    """Such as ``2026-11-29T08:30:00.000Z``; `None` for a time that no calendar has."""
    if seconds is None:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def log_of(given: DecisionLog | None) -> DecisionLog:
    """The decision log that a decision point is given, or one that only writes lines.

    Raises:
        ConfigurationError: it is something else.
    """
    if given is None:
        return DecisionLog()
    checked: object = given
    if not isinstance(checked, DecisionLog):
        raise ConfigurationError("`decision_log` must be a `DecisionLog`")
    return given

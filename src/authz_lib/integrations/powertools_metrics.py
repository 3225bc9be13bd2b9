"""Metrics of authorization in CloudWatch's embedded metric format.  Needs the extra ``powertools``.

Each request and each decision is one line on standard output.  It holds configured names and the
codes of errors: no identifier, no path and no claim.

See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.checks import require_text
from authz_lib._support.extras import load_extra
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AuthorizationMetrics"]

_powertools: Any = load_extra(
    "aws_lambda_powertools.metrics",
    extra="powertools",
    what="`authz_lib.integrations.powertools_metrics`",
)
_log = logging.getLogger("authz_lib.integrations")
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class AuthorizationMetrics:
    """Counts requests and decisions by ``result`` and ``reason``.

    ==============================  ============  ==============================================
    metric                          unit          of
    ==============================  ============  ==============================================
    ``AuthorizationRequests``       Count         each request that a route matches
    ``AuthorizationLatency``        Milliseconds  reading the caller and checking the route
    ``AuthorizationCacheHits``      Count         the check of the route: 1 if it was remembered
    ``Decisions``                   Count         each decision, also of the routes themselves
    ``DecisionLatency``             Milliseconds  the decision; 0 if it was remembered
    ``DecisionCacheHits``           Count         1 if it was remembered
    ==============================  ============  ==============================================

    The dimensions are ``service``, ``result`` and ``reason``.

    ===================  =======================================  ================================
    ``result``           of                                       ``reason``
    ===================  =======================================  ================================
    ``allow``, ``deny``  both                                     ``allowed``, or the error's code
    ``public``           a request of a public route              ``allowed``
    ``unauthenticated``  a request, 401                           the error's code
    ``error``            a request, anything else that is wrong   the error's code; ``resource``
                                                                  where a `SmithyError` says that
                                                                  there is no such resource;
                                                                  ``unhandled``
    ===================  =======================================  ================================

    Args:
        namespace: of the metrics.  ``None``: that of ``POWERTOOLS_METRICS_NAMESPACE``.
        service: the dimension.  ``None``: that of ``POWERTOOLS_SERVICE_NAME``.

    Raises:
        ConfigurationError: there is no namespace.

    >>> from authz_lib.decisions import DecisionLog
    >>> metrics = AuthorizationMetrics(namespace="Orders", service="orders")
    >>> log = DecisionLog(on_decision=metrics.decision)  # for a decision point
    """

    def __init__(self, *, namespace: str | None = None, service: str | None = None) -> None:
        for name, value in (("namespace", namespace), ("service", service)):
            if value is not None:
                require_text(value, name)
        if not (namespace or os.environ.get("POWERTOOLS_METRICS_NAMESPACE")):
            raise ConfigurationError("metrics need a `namespace`")
        self._namespace = namespace
        self._service = service

    def request(self, result: str, reason: str, *, seconds: float, cache_hits: int) -> None:
        """Count one request; `ResolverAuthorization` calls it."""
        self._write(
            result,
            reason,
            ("AuthorizationRequests", "Count", 1),
            ("AuthorizationLatency", "Milliseconds", seconds * 1000),
            ("AuthorizationCacheHits", "Count", cache_hits),
        )

    def decision(self, record: Mapping[str, Any]) -> None:
        """Count one decision: the ``on_decision`` of a `DecisionLog`."""
        self._write(
            "allow" if record["decision"] == "ALLOW" else "deny",
            record.get("code", "allowed"),
            ("Decisions", "Count", 1),
            ("DecisionLatency", "Milliseconds", record["latency_ms"]),
            ("DecisionCacheHits", "Count", int(record["source"] == "cache")),
        )

    def _write(self, result: str, reason: str, *metrics: tuple[str, str, float]) -> None:
        """A metric that cannot be written changes no answer."""
        try:
            line = _powertools.EphemeralMetrics(namespace=self._namespace, service=self._service)
            line.add_dimension(name="result", value=result)
            # A class of your own below one of the tree may have any text for a code.
            line.add_dimension(name="reason", value=reason if _CODE.fullmatch(reason) else "other")
            for name, unit, value in metrics:
                line.add_metric(name=name, unit=unit, value=value)
            line.flush_metrics()
        except Exception:  # noqa: BLE001
            _log.exception("a metric was not written")

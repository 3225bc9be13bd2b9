"""The report of an audit, in the format that somebody asks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from authz_lib.audit.html_report import audit_html
from authz_lib.audit.markdown_report import audit_markdown
from authz_lib.audit.sarif_report import audit_sarif
from authz_lib.audit.table_report import audit_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from authz_lib.audit.audited import Audit, AuditedFile
    from authz_lib.audit.entry_point import EntryPoint, Gateway
    from authz_lib.audit.rule import AuditFinding

__all__ = ["AUDIT_FORMATS", "audit_json"]


def audit_json(audit: Audit) -> str:
    """The report as JSON; the page "The audit" has its members."""
    return json.dumps({"files": [_file(one) for one in audit.files]}, indent=2) + "\n"


def _file(file: AuditedFile) -> dict[str, Any]:
    gateways = file.inventory.gateways
    return {
        "file": file.name,
        "entry_points": [
            _entry(point, gateways.get(point.gateway or ""))
            for point in file.inventory.entry_points
        ],
        "findings": [_finding(finding) for finding in file.findings],
    }


def _entry(point: EntryPoint, gateway: Gateway | None) -> dict[str, Any]:
    asked = point.authorization
    entry: dict[str, Any] = {
        "api": point.api,
        "method": None if point.surface == "websocket" else point.method,
        "path": point.path,
        "auth": asked.kind,
        "scopes": list(asked.scopes),
        "condition": str(point.guard) or None,
        "line": point.line,
        "surface": point.surface,
        "gateway": point.gateway,
        "authorizer": asked.authorizer,
        "names": list(asked.names),
        "api_key": asked.api_key,
        "present_if": point.present_if,
        "on_purpose": point.on_purpose,
        "preflight": point.is_preflight,
    }
    use = gateway.authorizers.get(asked.authorizer or "") if gateway is not None else None
    if use is not None:
        entry["audience"] = None if use.audience is None else list(use.audience)
        entry["issuer"] = use.issuer
        if use.cache is not None:
            entry["cache"] = {
                "ttl_seconds": use.cache.ttl_seconds,
                "identity_sources": list(use.cache.identity_sources),
            }
    return entry


def _finding(finding: AuditFinding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "resource": finding.resource,
        "line": finding.line,
        "message": finding.message,
        "place": finding.place,
        "gateway": finding.gateway,
        "condition": finding.condition,
        "on_purpose": finding.on_purpose,
        "ignored": finding.ignored,
        "known": finding.known,
        "fix": finding.fix,
    }


AUDIT_FORMATS: Final[dict[str, Callable[[Audit], str]]] = {
    "html": audit_html,
    "json": audit_json,
    "markdown": audit_markdown,
    "sarif": audit_sarif,
    "table": audit_table,
}
"""From the name of a format to what writes it."""

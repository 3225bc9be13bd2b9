"""What was known before: only what is new counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authz_lib._support.json_file import read_document
from authz_lib.audit.audited import Audit
from authz_lib.audit.rule import SEVERITIES
from authz_lib.errors import ConfigurationError

if TYPE_CHECKING:
    from authz_lib.audit.audited import AuditedFile
    from authz_lib.audit.rule import AuditFinding

__all__ = ["against_baseline"]

_MAX_BYTES: Final = 50_000_000
_Key = tuple[str, str, str, str | None, str | None]


def against_baseline(audit: Audit, path: Path) -> Audit:
    """The audit, with each finding marked that a JSON report holds already.

    A finding is the same while its file, rule, resource, entry point and condition are, and while
    it is no more severe.  Its line may move.  Two that are alike are known where the report has
    two.

    Raises:
        ConfigurationError: it is no report of ``authz audit --format json``.
    """
    document = read_document(path, "baseline", max_bytes=_MAX_BYTES)
    known = _keys_of(document, path.name)
    return Audit(tuple(_marked(file, known) for file in audit.files), audit.problems)


def _keys_of(document: dict[str, Any], name: str) -> dict[_Key, list[int]]:
    """The severities of what is known, by their rank."""
    found: dict[_Key, list[int]] = {}
    try:
        for file in document["files"]:
            for finding in file["findings"]:
                key = (
                    Path(file["file"]).as_posix(),
                    finding["rule"],
                    finding["resource"],
                    finding.get("place"),
                    finding.get("condition"),
                )
                rank = SEVERITIES.index(finding["severity"])
                found.setdefault(key, []).append(rank)
    except (AttributeError, KeyError, TypeError, ValueError):
        message = f"the baseline `{name}` is no report of `authz audit --format json`"
        raise ConfigurationError(message) from None
    return found


def _marked(file: AuditedFile, known: dict[_Key, list[int]]) -> AuditedFile:
    findings: list[AuditFinding] = []
    for finding in file.findings:
        key = (
            Path(file.name).as_posix(),
            finding.rule,
            finding.resource,
            finding.place,
            finding.condition,
        )
        ranks, own = known.get(key, []), SEVERITIES.index(finding.severity)
        enough = min((rank for rank in ranks if rank >= own), default=None)
        if enough is not None:
            ranks.remove(enough)
        findings.append(replace(finding, known=enough is not None))
    return replace(file, findings=tuple(findings))

"""The report as SARIF 2.1.0, within what GitHub takes.

See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from authz_lib._support.version import __version__
from authz_lib.audit.rule import SEVERITIES
from authz_lib.audit.rules import AUDIT_RULES

if TYPE_CHECKING:
    from authz_lib.audit.audited import Audit
    from authz_lib.audit.rule import AuditFinding, AuditRule

__all__ = ["MAX_SARIF_RESULTS", "audit_sarif"]

MAX_SARIF_RESULTS: Final = 5_000
"""GitHub shows so many of a run; the most severe ones are kept."""

_MAX_MESSAGE: Final = 1_000
_SCHEMA: Final = (
    "https://raw.githubusercontent.com/schemastore/schemastore/master/src/schemas/json/"
    "sarif-2.1.0-rtm.5.json"
)
_LEVELS: Final = {"high": "error", "info": "none", "low": "note", "medium": "warning"}
# What GitHub sorts by: above 7.0 is "high", above 4.0 "medium".
_SCORES: Final = {"high": "8.0", "info": "0.0", "low": "3.0", "medium": "5.0"}


def audit_sarif(audit: Audit) -> str:
    """The report as SARIF.

    What the template explains is there as suppressed.  What a baseline holds is ``unchanged``.
    """
    found = [(file.name, finding) for file in audit.files for finding in file.findings]
    found.sort(key=lambda one: (not one[1].counts, -SEVERITIES.index(one[1].severity)))
    kept = found[:MAX_SARIF_RESULTS]
    has_baseline = any(finding.known is not None for _, finding in kept)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "authz audit",
                "semanticVersion": _semantic(__version__),
                "version": __version__,
                "rules": [_rule(rule) for rule in AUDIT_RULES],
            }
        },
        "invocations": [_invocation(audit, len(found) - len(kept))],
        "columnKind": "unicodeCodePoints",
        "results": [_result(name, finding, has_baseline) for name, finding in kept],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _semantic(version: str) -> str:
    """``0.1.0.dev0`` as semantic versioning writes it."""
    release, dev, number = version.partition(".dev")
    return f"{release}-dev.{number}" if dev else release


def _rule(rule: AuditRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(rule.why.split())},
        "help": {"text": rule.why.strip(), "markdown": _help(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "precision": "very-high" if rule.confidence == "high" else rule.confidence,
            "security-severity": _SCORES[rule.severity],
            "tags": ["security", "authorization"],
        },
    }


def _help(rule: AuditRule) -> str:
    return (
        f"{rule.why.strip()}\n\nBefore:\n\n```yaml\n{rule.before.strip()}\n```\n\n"
        f"After:\n\n```yaml\n{rule.after.strip()}\n```\n"
    )


def _invocation(audit: Audit, left_out: int) -> dict[str, Any]:
    notes = [{"level": "error", "message": {"text": problem}} for problem in audit.problems]
    if left_out:
        text = f"{left_out} results are left out: GitHub shows {MAX_SARIF_RESULTS}"
        notes.append({"level": "warning", "message": {"text": text}})
    invocation: dict[str, Any] = {"executionSuccessful": not audit.problems}
    if notes:
        invocation["toolExecutionNotifications"] = notes
    return invocation


def _result(name: str, finding: AuditFinding, has_baseline: bool) -> dict[str, Any]:
    is_told = finding.severity == "info"
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "kind": "informational" if is_told else "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)[:_MAX_MESSAGE]},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(name)},
                    "region": {"startLine": finding.line},
                },
                "logicalLocations": [{"name": finding.resource, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"authzAudit/v1": fingerprint(name, finding)},
    }
    if finding.ignored is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.ignored}]
    elif finding.on_purpose:
        result["suppressions"] = [{"kind": "inSource", "justification": "said in the template"}]
    if has_baseline:
        result["baselineState"] = "unchanged" if finding.known else "new"
    return result


_INDEX: Final = {rule.id: number for number, rule in enumerate(AUDIT_RULES)}


def _message(finding: AuditFinding) -> str:
    return f"{finding.message}. Fix: {finding.fix}." if finding.fix else f"{finding.message}."


def fingerprint(name: str, finding: AuditFinding) -> str:
    """What stays the same while lines move."""
    words = [Path(name).as_posix(), finding.rule, finding.resource]
    words += [finding.place or "", finding.condition or ""]
    return sha256("\0".join(words).encode()).hexdigest()[:32]


def _uri(name: str) -> str:
    """The file, relative to the folder that the audit was started in, where it is inside."""
    path = Path(name)
    if path.is_absolute():
        here = Path.cwd()
        if not path.is_relative_to(here):
            return path.as_uri()
        path = path.relative_to(here)
    return quote(path.as_posix())

"""What a template says beside a thing about findings there.

.. code-block:: yaml

    Health:
      Type: AWS::Serverless::Function
      Metadata:
        authz-audit:
          ignore:
            - {rule: open-route, reason: the load balancer asks it, route: GET /health}

Beside an API it is for all routes of the API, beside a function for those of its events.
``route`` narrows it to one entry point.  An ignore without a reason is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from authz_lib.audit.origins import Origins
    from authz_lib.audit.rule import AuditFinding

__all__ = ["METADATA_KEY", "Ignore", "apply_ignores", "read_ignores"]

METADATA_KEY: Final = "authz-audit"
_MEMBERS: Final = frozenset({"reason", "route", "rule"})


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore.

    Attributes:
        resource: beside which it stands.
        rule: the id of the rule.
        reason: why that is right.
        route: method and path; ``None`` for all of the resource.
        line: where it stands.
    """

    resource: str
    rule: str
    reason: str
    route: str | None
    line: int


def read_ignores(origins: Origins) -> Iterator[Ignore]:
    """The ignores of a template; ``reason`` is empty where an entry has none, or is misspelt."""
    for name, resource in origins.resources.items():
        metadata = resource.get("Metadata") if isinstance(resource, dict) else None
        own = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
        listed = own.get("ignore") if isinstance(own, dict) else own
        if own is None:
            continue
        for number, entry in enumerate(listed if isinstance(listed, list) else [listed]):
            line = origins.line("Resources", name, "Metadata", METADATA_KEY, "ignore", number)
            yield _ignore(str(name), entry, line)


def _ignore(resource: str, entry: Any, line: int) -> Ignore:
    if not isinstance(entry, dict) or not entry.keys() <= _MEMBERS:
        return Ignore(resource, "", "", None, line)
    rule, reason, route = (entry.get(key) for key in ("rule", "reason", "route"))
    return Ignore(
        resource,
        rule if isinstance(rule, str) else "",
        reason.strip() if isinstance(reason, str) else "",
        route if isinstance(route, str) else None,
        line,
    )


def apply_ignores(
    findings: Iterable[AuditFinding], ignores: Iterable[Ignore], origins: Origins
) -> Iterator[AuditFinding]:
    """The findings, each with the reason of the ignore that is for it."""
    valid = [one for one in ignores if one.rule and one.reason]
    for finding in findings:
        beside = {finding.resource, finding.gateway, origins.resource_at(finding.line)}
        reason = next((one.reason for one in valid if _is_for(one, finding, beside)), None)
        yield finding if reason is None else replace(finding, ignored=reason)


def _is_for(ignore: Ignore, finding: AuditFinding, beside: set[str | None]) -> bool:
    return (
        ignore.rule == finding.rule
        and ignore.resource in beside
        and ignore.route in {None, finding.place}
    )

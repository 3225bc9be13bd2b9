"""What a rule is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from authz_lib.audit.entry_point import EntryPoint
    from authz_lib.audit.entry_points import Inventory

__all__ = ["SEVERITIES", "AuditFinding", "AuditRule", "Severity", "Sight"]

Severity = Literal["info", "low", "medium", "high"]
"""How bad a finding is; ``"info"`` is what the template says on purpose."""

Confidence = Literal["low", "medium", "high"]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "medium", "high")
"""From the least to the most severe."""


class Sight(NamedTuple):
    """What a check of a rule sees.

    Attributes:
        resource: the logical id.
        line: of the source.
        message: what is wrong, in one line.
        entry: the way in that it is about.
        severity: where it is not the rule's own.
        on_purpose: the template says beside it that it is meant.
        fix: what to write, where that is mechanical.
    """

    resource: str
    line: int
    message: str
    entry: EntryPoint | None = None
    severity: Severity | None = None
    on_purpose: bool = False
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRule:
    """One rule.

    Attributes:
        id: stable, such as ``open-route``.
        title: what is wrong, in a few words.
        severity: how bad it is.
        confidence: how sure a finding is.
        why: what happens to whom.
        before: a template that has it.
        after: the same template without it.
        check: finds it.
        actions: an action map that the check needs, for the two templates.
    """

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    why: str
    before: str
    after: str
    check: Callable[[Inventory], Iterable[Sight]]
    actions: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One finding.

    Attributes:
        rule: its id.
        severity: of this finding.
        confidence: of the rule.
        resource: the logical id.
        line: of the source.
        message: what is wrong.
        place: method and path, where it is about one entry point.
        gateway: the logical id of that entry point's API.
        condition: under which it is so.
        on_purpose: the template says beside it that it is meant.
        ignored: the reason of an ignore in the template.
        known: whether a baseline holds it; ``None`` without one.
        fix: what to write, where that is mechanical.
    """

    rule: str
    severity: Severity
    confidence: Confidence
    resource: str
    line: int
    message: str
    place: str | None = None
    gateway: str | None = None
    condition: str | None = None
    on_purpose: bool = False
    ignored: str | None = None
    known: bool | None = None
    fix: str | None = None

    @property
    def counts(self) -> bool:
        """Whether nothing explains it: neither the template nor a baseline."""
        return self.ignored is None and not self.on_purpose and not self.known

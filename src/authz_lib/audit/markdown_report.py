"""The report as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from authz_lib.audit.rows import api_rows, summary_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.audit.audited import Audit, AuditedFile

__all__ = ["audit_markdown"]

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")


def audit_markdown(audit: Audit) -> str:
    """Entry points by API as tables, then the findings that count."""
    lines = ["# What is open", "", _plain(summary_text(audit)), ""]
    for problem in audit.problems:
        lines += [f"**Not read:** {_plain(problem)}", ""]
    for file in audit.files:
        lines += _file(file)
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A text of a template that Markdown and HTML leave as it is."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return _SPECIAL.sub(r"\\\1", printable)


def _file(file: AuditedFile) -> Iterator[str]:
    yield f"## {_plain(file.name)}"
    yield ""
    for group in api_rows(file):
        yield f"### {_plain(group.title)}"
        yield ""
        yield "| | entry point | asks | details | condition | line |"
        yield "|---|---|---|---|---|---|"
        for row in group.rows:
            openness = f"**{row.openness}**" if row.openness == "open" else row.openness
            words = map(_plain, (row.place, row.asks, row.details, row.condition))
            yield f"| {openness} | {' | '.join(words)} | {row.line} |"
        yield ""
    yield from _findings(file)


def _findings(file: AuditedFile) -> Iterator[str]:
    counting = [finding for finding in file.findings if finding.counts]
    if not counting:
        return
    yield "### Findings"
    yield ""
    yield "| severity | line | rule | what |"
    yield "|---|---|---|---|"
    for finding in counting:
        fix = f" Fix: {_plain(finding.fix)}" if finding.fix else ""
        message = _plain(finding.message)
        yield f"| {finding.severity} | {finding.line} | {finding.rule} | {message}.{fix} |"
    yield ""

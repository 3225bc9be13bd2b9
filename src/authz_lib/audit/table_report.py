"""The report as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from authz_lib._support.terminal_text import in_columns, in_style
from authz_lib.audit.rows import api_rows, summary_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from authz_lib.audit.audited import Audit, AuditedFile
    from authz_lib.audit.rows import RouteRow
    from authz_lib.audit.rule import AuditFinding

__all__ = ["audit_table"]

_STYLES: Final[Mapping[str, str]] = {
    "closed": "green",
    "high": "bold red",
    "info": "dim",
    "low": "cyan",
    "medium": "yellow",
    "not seen": "yellow",
    "on purpose": "cyan",
    "open": "bold red",
}
_LONGEST_WORD: Final = len("on purpose")


def audit_table(audit: Audit, *, coloured: bool = False) -> str:
    """Entry points by API, then the findings, then one line that counts them.

    Findings that the template explains are left out; the entry points show them as
    ``on purpose``.
    """
    lines: list[str] = []
    for file in audit.files:
        lines += [_printable(file.name), *_entry_points(file, coloured), *_findings(file, coloured)]
    return "\n".join([*lines, summary_text(audit), ""])


def _printable(text: str) -> str:
    """Text of a template for a terminal: no control character of it is obeyed."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _entry_points(file: AuditedFile, coloured: bool) -> Iterator[str]:
    groups = api_rows(file)
    if not groups:
        yield "  no entry point"
    for group in groups:
        yield f"  {_printable(group.title)}"
        rows = [_cells(row) for row in group.rows]
        for row, cells in zip(group.rows, in_columns(rows), strict=True):
            line = "  ".join(cell for cell in cells if cell).rstrip()
            yield f"    {_painted(line, row.openness, coloured)}"


def _cells(row: RouteRow) -> list[str]:
    word = row.openness.ljust(_LONGEST_WORD)
    cells = [word, row.place, row.asks, row.details, row.condition, f"line {row.line}"]
    return [_printable(cell) for cell in cells]


def _painted(text: str, word: str, coloured: bool) -> str:
    style = _STYLES.get(word)
    return in_style(text, style) if coloured and style is not None else text


def _findings(file: AuditedFile, coloured: bool) -> Iterator[str]:
    counting = [finding for finding in file.findings if finding.counts]
    yield ""
    for finding in counting:
        yield from _finding(file, finding, coloured)
    if counting:
        yield ""


def _finding(file: AuditedFile, finding: AuditFinding, coloured: bool) -> Iterator[str]:
    head = f"{file.name}:{finding.line}: {finding.severity}: {finding.message} [{finding.rule}]"
    yield _painted(_printable(head), finding.severity, coloured)
    if finding.fix is not None:
        yield f"    fix: {_printable(finding.fix)}"

"""The report as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from authz_lib.audit.rows import api_rows, summary_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.audit.audited import Audit, AuditedFile
    from authz_lib.audit.rule import AuditFinding

__all__ = ["audit_table"]

_RESET: Final = "\x1b[0m"
_COLOURS: Final = {
    "closed": "\x1b[32m",
    "high": "\x1b[1;31m",
    "info": "\x1b[2m",
    "low": "\x1b[36m",
    "medium": "\x1b[33m",
    "not seen": "\x1b[33m",
    "on purpose": "\x1b[36m",
    "open": "\x1b[1;31m",
}


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
        cells = [
            [row.openness, row.place, row.asks, row.details, row.condition, f"line {row.line}"]
            for row in group.rows
        ]
        for line in _aligned(cells):
            word = line[:10].strip()
            yield f"    {_painted(line, word, coloured)}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    printable = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*printable, strict=True)]
    widths[0] = max(widths[0], 10)
    for row in printable:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield "  ".join(cells).rstrip()


def _painted(text: str, word: str, coloured: bool) -> str:
    colour = _COLOURS.get(word)
    return f"{colour}{text}{_RESET}" if coloured and colour is not None else text


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

"""The report as one page of HTML, for the person who signs off."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from authz_lib.audit.html_style import HTML_STYLE
from authz_lib.audit.rows import api_rows, counted_rows, summary_text
from authz_lib.audit.rules import AUDIT_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from authz_lib.audit.audited import Audit, AuditedFile
    from authz_lib.audit.rows import Openness, RouteRow

__all__ = ["HTMLSection", "audit_html", "html_text"]

_SECTIONS: Final[tuple[tuple[Openness, str, str], ...]] = (
    ("open", "What is open", "The gateway asks nobody who they are."),
    ("not seen", "What was not seen", "It may be open. Somebody has to look."),
    ("on purpose", "What is open on purpose", "The template says so beside it."),
    ("closed", "What is closed, and by what", "Which authorizer the gateway asks."),
)
_TITLES: Final = {rule.id: rule.title for rule in AUDIT_RULES}


@dataclass(frozen=True, slots=True)
class HTMLSection:
    """A section that another room adds at the end of the page, such as an access matrix.

    Attributes:
        title: its heading, as text.
        content: its HTML.  It is put into the page as it is.
    """

    title: str
    content: str


def audit_html(audit: Audit, *, sections: Sequence[HTMLSection] = ()) -> str:
    """One page that needs nothing else: dark and light, and for paper.

    Args:
        audit: what to show.
        sections: what comes after the findings.
    """
    parts = [_head(audit), *_entry_points(audit), *_findings(audit)]
    parts += [
        f"<section><h2>{html_text(section.title)}</h2>{section.content}</section>"
        for section in sections
    ]
    parts.append("</main></body></html>")
    return "\n".join([*parts, ""])


def _head(audit: Audit) -> str:
    cards = "".join(
        f'<li class="{_css(name)}"><b>{number}</b> {html_text(name)}</li>'
        for name, number in counted_rows(audit).items()
    )
    problems = "".join(f'<p class="problem">{html_text(one)}</p>' for one in audit.problems)
    files = "".join(f"<li><code>{html_text(file.name)}</code></li>" for file in audit.files)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="color-scheme" content="light dark"><title>What is open</title>'
        f"<style>{HTML_STYLE}</style></head><body><main><h1>What is open</h1>"
        f"<p>{html_text(summary_text(audit))}</p>{problems}"
        f'<ul class="cards">{cards}</ul><ul class="files">{files}</ul>'
    )


def html_text(text: str) -> str:
    """A text of a template: no markup and no control character of it counts."""
    return escape("".join(sign if sign.isprintable() else "?" for sign in text))


def _css(name: str) -> str:
    return name.replace(" ", "-")


def _entry_points(audit: Audit) -> Iterator[str]:
    for openness, title, what in _SECTIONS:
        tables = [table for file in audit.files for table in _tables(file, openness, audit)]
        if openness == "open" or tables:
            yield f'<section class="{_css(openness)}"><h2>{title}</h2><p>{what}</p>'
            yield from tables or ["<p>Nothing.</p>"]
            yield "</section>"


def _tables(file: AuditedFile, openness: Openness, audit: Audit) -> Iterator[str]:
    for group in api_rows(file):
        rows = [row for row in group.rows if row.openness == openness]
        if not rows:
            continue
        where = f" in {file.name}" if len(audit.files) > 1 else ""
        body = "".join(map(_table_row, rows))
        yield (
            f"<table><caption>{html_text(group.title + where)}</caption><thead><tr>"
            '<th scope="col">entry point</th><th scope="col">asks</th>'
            '<th scope="col">details</th><th scope="col">condition</th><th scope="col">line</th>'
            f"</tr></thead><tbody>{body}</tbody></table>"
        )


def _table_row(row: RouteRow) -> str:
    cells = "".join(
        f"<td>{html_text(cell)}</td>" for cell in (row.asks, row.details, row.condition)
    )
    return f"<tr><td><code>{html_text(row.place)}</code></td>{cells}<td>{row.line}</td></tr>"


def _findings(audit: Audit) -> Iterator[str]:
    yield "<section><h2>Findings</h2>"
    is_any = False
    for file in audit.files:
        for finding in file.findings:
            if finding.severity == "info" and finding.on_purpose:
                continue
            is_any = True
            reason = finding.ignored or ("said in the template" if finding.on_purpose else "")
            note = f"<p>Explained in the template: {html_text(reason)}</p>" if reason else ""
            note += "<p>Known before.</p>" if finding.known else ""
            fix = f"<p>Fix: {html_text(finding.fix)}</p>" if finding.fix and not reason else ""
            css = "explained" if not finding.counts else finding.severity
            yield (
                f'<article class="{css}"><h3>{html_text(finding.message)}</h3>'
                f"<p>{finding.severity} &middot; {html_text(_TITLES[finding.rule])} "
                f"[{finding.rule}] &middot; <code>{html_text(file.name)}:{finding.line}</code></p>"
                f"{note}{fix}</article>"
            )
    if not is_any:
        yield "<p>None.</p>"
    yield "</section>"

"""Who may do what, per deployed route: the section that `authz audit --policies` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authz_lib.actions.served import ServedRoute, serves
from authz_lib.audit.html_report import HTMLSection, html_text
from authz_lib.routes.uri import UriPattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from authz_lib.actions import ActionMap
    from authz_lib.analysis.matrix import MatrixRow, PolicyMatrix
    from authz_lib.audit.audited import Audit
    from authz_lib.audit.entry_point import EntryPoint

__all__ = ["access_section"]

_NO_LINE = "no line of the action map: the authorizer refuses it"
_NOT_ASKED = "the policies are not asked: the map has it as public"
_NO_ROW = "the schema has no such action: the policies cannot allow it"


def access_section(audit: Audit, matrix: PolicyMatrix, actions: ActionMap) -> HTMLSection:
    """A table of the deployed routes, with the answer of the policies for each group.

    Args:
        audit: what is deployed.
        matrix: what the policies say, made with the same map.
        actions: which action a route means.
    """
    heads = ["entry point", "action", "resource", *matrix.columns]
    cells = "".join(f'<th scope="col">{html_text(head)}</th>' for head in heads)
    rows = [
        line
        for place, entry_point in _deployed(audit)
        for line in _lines(place, entry_point, matrix, actions)
    ]
    body = "".join(
        "<tr>" + "".join(f"<td>{html_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return HTMLSection(
        "Who may do what",
        "<p>What the policies answer to callers of each group, where the authorizer asks them."
        "</p><table><thead><tr>"
        f"{cells}</tr></thead><tbody>{body}</tbody></table>",
    )


def _deployed(audit: Audit) -> Iterator[tuple[str, EntryPoint]]:
    """Each route once, in the order of the templates."""
    seen: set[tuple[str, str]] = set()
    for file in audit.files:
        for entry_point in file.inventory.entry_points:
            if entry_point.path is None or entry_point.is_preflight:
                continue
            key = (entry_point.method, entry_point.path)
            if key not in seen:
                seen.add(key)
                yield f"{entry_point.method} {entry_point.path}", entry_point


def _lines(
    place: str, entry_point: EntryPoint, matrix: PolicyMatrix, actions: ActionMap
) -> Iterator[list[str]]:
    path = (entry_point.path or "").removeprefix("/") if _is_default(entry_point) else None
    route = ServedRoute(entry_point.method, path or entry_point.path or "", "the template")
    own = [
        entry for entry in actions.entries if serves(route, entry, UriPattern.parse(entry.route))
    ]
    if not own:
        yield _said(place, "", _NO_LINE, matrix)
    for entry in own:
        rows = matrix.of_route(f"{entry.method} {entry.route}")
        if entry.public:
            yield _said(place, entry.action, _NOT_ASKED, matrix)
        elif not rows:
            yield _said(place, entry.action, _NO_ROW, matrix)
        else:
            for row in rows:
                yield [place, row.action, row.resource, *_cells(row)]


def _is_default(entry_point: EntryPoint) -> bool:
    return entry_point.path in {"$default", "/$default"}


def _cells(row: MatrixRow) -> list[str]:
    return [str(cell) for cell in row.cells]


def _said(place: str, action: str, why: str, matrix: PolicyMatrix) -> list[str]:
    return [place, action, why, *[""] * len(matrix.columns)]

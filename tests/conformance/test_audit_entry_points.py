"""Every entry point of public templates is what an independent reader found, and each is judged."""

from __future__ import annotations

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from authz_lib.audit.audited import audit_files

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
if not VECTORS:
    pytest.skip("AUTHZ_VECTORS names no folder", allow_module_level=True)

FOLDER = Path(VECTORS) / "sam"
POINTS = json.loads((FOLDER / "entry_points.json").read_text())
CASES = [
    pytest.param(FOLDER / kind / (name if "." in name else f"{name}.yaml"), rows, id=name)
    for kind, files in POINTS.items()
    for name, rows in files.items()
]
OPEN_RULES = {
    "api-key-only",
    "appsync-api-key",
    "event-auth-ignored",
    "conditional-event-auth",
    "open-function-url",
    "open-options",
    "open-route",
    "open-websocket",
}


@cache
def audited(path):
    audit = audit_files([path])
    assert audit.problems == ()
    return audit.files[0]


def test_all_256_are_compared():
    assert sum(len(case.values[1]) for case in CASES) == 256


@pytest.mark.parametrize(("path", "rows"), CASES)
def test_each_entry_point_is_found(path, rows):
    found = Counter(
        (point.api, point.authorization.kind, str(point.guard))
        for point in audited(path).inventory.entry_points
    )
    wanted = Counter((row["api"], row["auth"], row.get("condition") or "") for row in rows)
    assert found == wanted


@pytest.mark.parametrize(("path", "rows"), CASES)
def test_what_is_open_is_reported_and_nothing_that_is_closed(path, rows):
    file = audited(path)
    judged = {
        (finding.resource, finding.place, finding.condition)
        for finding in file.findings
        if finding.rule in OPEN_RULES
    }
    for point in file.inventory.entry_points:
        is_open = point.is_open or "API_KEY" in point.authorization.names
        key = (point.api, point.place, str(point.guard) or None)
        assert (key in judged) is is_open, key


@pytest.mark.parametrize(("path", "rows"), CASES)
def test_each_has_a_line_of_the_source(path, rows):
    lines = path.read_text().splitlines()
    for point in audited(path).inventory.entry_points:
        assert lines[point.line - 1].strip().rstrip("'\"")
        assert not lines[point.line - 1].lstrip().startswith("#")

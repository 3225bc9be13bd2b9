"""`authz audit` finds nothing in the examples that the template does not explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from authz_lib.audit.audited import audit_files

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/template.yaml"))


def test_there_are_five():
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("template", EXAMPLES, ids=lambda path: path.parent.name)
def test_each_finding_is_explained(template):
    audit = audit_files([template])
    assert audit.problems == ()
    (file,) = audit.files
    assert file.inventory.entry_points
    assert [finding for finding in file.findings if finding.counts] == []


def test_the_open_demo_is_listed_with_its_condition():
    (file,) = audit_files(
        [path for path in EXAMPLES if path.parent.name == "secure_by_default"]
    ).files
    opened = [point for point in file.inventory.entry_points if point.is_open]
    assert {str(point.guard) for point in opened} == {"!AuthEnabled"}
    reasons = {one.ignored for one in file.findings if one.rule == "open-route"}
    assert reasons == {"EnableAuth=false is the open demo; no deployment has it by default"}

"""Templates of the audit's tests."""

from __future__ import annotations

import textwrap

import pytest

from authz_lib.audit.audited import audit_files


@pytest.fixture
def audit(tmp_path):
    """Audit one template, written as YAML; the audited file."""

    def audited(text, *, name="template.yaml", **arguments):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        found = audit_files([path], **arguments)
        assert found.problems == ()
        return found.files[0]

    return audited


@pytest.fixture
def points(audit):
    """The entry points of one template: method, path, kind and condition of each."""

    def listed(text, **arguments):
        return [
            (point.method, point.path, point.authorization.kind, str(point.guard))
            for point in audit(text, **arguments).inventory.entry_points
        ]

    return listed

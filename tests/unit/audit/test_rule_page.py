"""The pages in `docs/reference/audit-rules` are those that the rules make."""

from __future__ import annotations

from pathlib import Path

import pytest

from authz_lib.audit.rule_page import rule_index, rule_page, write_rule_pages
from authz_lib.audit.rules import AUDIT_RULES

PAGES = Path(__file__).parents[3] / "docs" / "reference" / "audit-rules"


@pytest.mark.parametrize("rule", AUDIT_RULES, ids=lambda rule: rule.id)
def test_each_page_is_what_its_rule_makes(rule):
    assert (PAGES / f"{rule.id}.md").read_text(encoding="utf-8") == rule_page(rule)


def test_the_index_lists_them_all():
    assert (PAGES / "index.md").read_text(encoding="utf-8") == rule_index()
    pages = {path.stem for path in PAGES.glob("*.md")}
    assert pages == {"index", *(rule.id for rule in AUDIT_RULES)}


def test_they_are_written(tmp_path):
    write_rule_pages(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(AUDIT_RULES) + 1

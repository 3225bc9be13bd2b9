"""Each rule finds what its page shows before, and nothing after."""

from __future__ import annotations

import pytest

from authz_lib.actions.map import ActionMap
from authz_lib.audit.audited import audit_files
from authz_lib.audit.rule import SEVERITIES
from authz_lib.audit.rules import AUDIT_RULES

RULES = [pytest.param(rule, id=rule.id) for rule in AUDIT_RULES]


def found(rule, template, tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(template, encoding="utf-8")
    actions = None
    if rule.actions:
        actions = ActionMap.from_document({"version": 1, "actions": list(rule.actions)})
    audit = audit_files([path], actions=actions)
    assert audit.problems == ()
    return [
        one for one in audit.files[0].findings if one.rule == rule.id and one.severity != "info"
    ]


@pytest.mark.parametrize("rule", RULES)
def test_it_is_found_before(rule, tmp_path):
    (finding, *others) = found(rule, rule.before, tmp_path)
    assert others == []
    assert finding.severity == rule.severity or rule.id == "cache-key-too-narrow"
    assert finding.confidence == rule.confidence
    assert finding.counts
    lines = rule.before.splitlines()
    assert 1 <= finding.line <= len(lines)


@pytest.mark.parametrize("rule", RULES)
def test_it_is_not_found_after(rule, tmp_path):
    assert [one for one in found(rule, rule.after, tmp_path) if one.counts] == []


@pytest.mark.parametrize("rule", RULES)
def test_it_says_what_and_why(rule):
    assert rule.id == rule.id.lower()
    assert rule.severity in SEVERITIES
    assert rule.title
    assert not rule.title.endswith(".")
    assert len(rule.why) > 100


def test_ids_are_unique():
    assert len({rule.id for rule in AUDIT_RULES}) == len(AUDIT_RULES)


def test_what_the_fix_of_an_ignored_auth_deploys_is_closed(audit):
    (rule,) = [one for one in AUDIT_RULES if one.id == "event-auth-ignored"]
    assert [one.is_open for one in audit(rule.before).inventory.entry_points] == [True]
    assert [one.is_open for one in audit(rule.after).inventory.entry_points] == [False]

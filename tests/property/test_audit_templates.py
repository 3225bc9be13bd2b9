"""Whatever a template holds, the audit reports it or refuses it in one line."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from authz_lib.actions.map import ActionMap
from authz_lib.audit.audited import audit_files
from authz_lib.audit.report import AUDIT_FORMATS
from authz_lib.audit.rules import AUDIT_RULES
from authz_lib.audit.source import read_source


def samples():
    """The templates of the rules that need no transform, which is another's code."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "template.yaml")
        for text in (text for rule in AUDIT_RULES for text in (rule.before, rule.after)):
            if "AWS::Serverless" not in text:
                path.write_text(text, encoding="utf-8")
                yield read_source(path).document


SAMPLES = list(samples())
LINE = {"method": "GET", "route": "/orders/{orderId}", "action": "Get", "scopes": ["x"]}
ACTIONS = ActionMap.from_document({"version": 1, "actions": [LINE]})
NAMES = st.sampled_from(["Api", "C", "Missing", "AWS::NoValue", "${a.B}", ""])
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | NAMES
FUNCTIONS = st.sampled_from(
    ["Ref", "Condition"]
    + [f"Fn::{name}" for name in ("If", "Sub", "GetAtt", "Join", "Select", "Split")]
    + [f"Fn::{name}" for name in ("FindInMap", "Transform", "Equals", "Not", "And")]
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(FUNCTIONS, inner, min_size=1, max_size=1)
        | st.dictionaries(st.sampled_from(["Type", "Properties", "security"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def places(value):
    """Each container in a value with each of its keys."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@given(st.data())
def test_it_is_reported_or_refused(data):
    document = deepcopy(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(document))
        if found:
            container, key = found[data.draw(st.integers(0, len(found) - 1))]
            container[key] = data.draw(VALUES)
    with TemporaryDirectory() as folder:
        path = Path(folder, "template.json")
        path.write_text(json.dumps(document), encoding="utf-8")
        audit = audit_files([path], actions=ACTIONS)
    assert len(audit.files) + len(audit.problems) == 1
    assert all(len(problem.splitlines()) == 1 for problem in audit.problems)
    for write in AUDIT_FORMATS.values():
        assert write(audit)

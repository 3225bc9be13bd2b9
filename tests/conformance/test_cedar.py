"""Cedar's own corpora: the sliced engine answers as they say, and as the whole policy set does."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import cedarpy
import pytest

from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
from authz_lib.decisions import TemplateLink
from authz_lib.decisions.policy_files import split_policies
from authz_lib.entities import value_from_cedar_json

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
if not VECTORS:
    pytest.skip("AUTHZ_VECTORS names no folder", allow_module_level=True)

FOLDER = Path(VECTORS) / "cedar"
EXAMPLES = FOLDER / "cedar-examples" / "cedar-example-use-cases"
TESTS = FOLDER / "integration-tests"
REQUESTS = sorted([*EXAMPLES.rglob("ALLOW/*.json"), *EXAMPLES.rglob("DENY/*.json")])
CASES = [
    (file, number)
    for file in sorted((TESTS / "tests").rglob("*.json"))
    for number in range(len(json.loads(file.read_text())["requests"]))
]
# Their schemas are of another version of their policies.
WITHOUT_SCHEMA = {"document_cloud", "github_example"}


def uid(text):
    type_, id_ = re.fullmatch(r'([\w:]+)::"(.*)"', text).groups()
    return EntityUid(type_, id_)


def explicit(value):
    """Values as the corpora write them under a schema, in their explicit form."""
    if isinstance(value, list):
        return [explicit(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"fn", "arg"}:
        return {"__extn": value}
    if value.keys() & {"__entity", "__extn"}:
        return value
    return {key: explicit(item) for key, item in value.items()}


def context_of(document):
    return value_from_cedar_json(explicit(document.get("context") or {}))


def test_all_vectors_are_there():
    assert len(REQUESTS) == 46
    assert len(CASES) == 74


@pytest.mark.parametrize("file", REQUESTS, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_example_use_cases(file):
    folder = file.parent.parent
    document = json.loads(file.read_text())
    schema = (
        None if folder.name in WITHOUT_SCHEMA else (folder / "policies.cedarschema").read_text()
    )
    linked = folder / "linked"
    links = [
        TemplateLink(
            link["template_id"],
            link["link_id"],
            {slot: uid(text) for slot, text in link["args"].items()},
        )
        for link in (json.loads(linked.read_text()) if linked.is_file() else [])
    ]
    engine = CedarEngine.from_text(
        (folder / "policies.cedar").read_text(),
        schema,
        (folder / "entities.json").read_text(),
        links=links,
        action_type=uid(document["action"]).type,
        on_evaluation_error="cedar",
    )
    principal, action, resource = (
        uid(document[name]) for name in ("principal", "action", "resource")
    )
    decision = engine.is_authorized(
        AuthorizationRequest(principal, action.id, resource, context_of(document))
    )
    assert decision.allowed == (file.parent.name == "ALLOW")


@pytest.mark.parametrize(("file", "number"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_the_integration_tests(file, number):
    case = json.loads(file.read_text())
    asked = case["requests"][number]
    schema = (TESTS / case["schema"]).read_text()
    policies = {
        f"policy{position}": text
        for position, (_, text) in enumerate(split_policies((TESTS / case["policies"]).read_text()))
    }
    engine = CedarEngine.from_policies(
        policies,
        schema,
        (TESTS / case["entities"]).read_text(),
        validate_policies=case["shouldValidate"],
        on_evaluation_error="cedar",
    )
    decision = engine.is_authorized(
        AuthorizationRequest(
            EntityUid(**asked["principal"]),
            asked["action"]["id"],
            EntityUid(**asked["resource"]),
            context_of(asked),
        )
    )
    assert decision.allowed == (asked["decision"] == "allow")
    assert list(decision.determining_policies) == sorted(asked["reason"])
    erring = [re.search(r"policy `([^`]+)`", text)[1] for text in decision.errors]
    assert erring == sorted(asked["errors"])


def test_the_oracle_is_cedar_itself():
    """The corpora are read as Cedar reads them: one of them, put to cedarpy by hand."""
    case = json.loads((TESTS / "tests/multi/1.json").read_text())
    asked = case["requests"][0]
    result = cedarpy.is_authorized(
        {name: asked[name] for name in ("principal", "action", "resource", "context")},
        (TESTS / case["policies"]).read_text(),
        (TESTS / case["entities"]).read_text(),
        (TESTS / case["schema"]).read_text(),
    )
    assert result.decision.name.lower() == asked["decision"]

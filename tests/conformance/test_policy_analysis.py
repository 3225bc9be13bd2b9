"""Cedar's own corpora: formulas say what they say, and nearly all kinds of requests are decided."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid
from authz_lib.analysis.diff import compare_policies
from authz_lib.analysis.environments import RequestEnvironment
from authz_lib.analysis.facts import context_facts, entity_facts
from authz_lib.analysis.policy_terms import policy_rules
from authz_lib.analysis.prover import Prover
from authz_lib.decisions import TemplateLink
from authz_lib.decisions.cedar_schema import read_policy_schema
from authz_lib.decisions.policy_files import collect, parse_policies
from authz_lib.entities import value_from_cedar_json

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
if not VECTORS:
    pytest.skip("AUTHZ_VECTORS names no folder", allow_module_level=True)

WHOLE = "AUTHZ_GENERATED_POLICIES" in os.environ
FOLDER = Path(VECTORS) / "cedar"
EXAMPLES = FOLDER / "cedar-examples"
TESTS = FOLDER / "integration-tests"
USE_CASES = sorted(file for name in ("ALLOW", "DENY") for file in EXAMPLES.rglob(f"{name}/*.json"))
CASES = [
    (file, number)
    for file in sorted((TESTS / "tests").rglob("*.json"))
    for number in range(len(json.loads(file.read_text())["requests"]))
]


def uid(text):
    type_, id_ = re.fullmatch(r'([\w:]+)::"(.*)"', text).groups()
    return EntityUid(type_, id_)


def links_of(folder):
    linked = folder / "linked"
    return [
        TemplateLink(
            link["template_id"],
            link["link_id"],
            {slot: uid(text) for slot, text in link["args"].items()},
        )
        for link in (json.loads(linked.read_text()) if linked.is_file() else [])
    ]


def sources_of(policies, schema, **rest):
    text = policies.read_text()
    parsed = parse_policies(policies.name, text, "policy")
    return collect(parsed, {policies.name: text}, schema=schema.read_text(), **rest)


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


def check(sources, principal, action, resource, context):
    """Whether formulas and engine agree about one request; None where the schema knows none."""
    schema = read_policy_schema(sources.schema)
    shape = next(one for one in schema.actions if one.uid == (action.type, action.id))
    if principal.type not in shape.principals or resource.type not in shape.resources:
        return None
    engine = CedarEngine(
        sources, entities=sources.entities, validate_policies=False, action_type=action.type
    )
    held = [
        Entity.from_cedar_json(document)
        for document in json.loads(str(engine._held))
        if not document["uid"]["type"].endswith("Action")
    ]
    environment = RequestEnvironment(principal.type, shape, resource.type)
    prover = Prover(schema, environment, missing=True)
    live = prover.policies.live(policy_rules(sources))
    request, t = prover.request, prover.terms
    facts = entity_facts(request, held, only=True) + context_facts(request, context)
    for party, one in ((request.principal, principal), (request.resource, resource)):
        facts.append(t.equal(party.formula, t.entity_id(one.type, one.id)))
    asked = AuthorizationRequest(principal, action.id, resource, context)
    for mode in ("deny", "cedar"):
        engine.on_evaluation_error = mode
        allowed = engine.is_authorized(asked).allowed
        formula = t.equal(prover.policies.allowed(live, mode), allowed)
        if prover.check(*facts, formula) is not True:
            return False
        if not prover.policies.translator.not_read:
            assert prover.check(*facts, t.not_(formula)) is False
    return True


# Where the schema is of another version of the entities: what is written instead, in both.
REPAIRS = {
    "github_example": {
        "entity User in [UserGroup, Team];": "entity Organization in [UserGroup];\n"
        "entity User in [UserGroup, Team, Organization];"
    },
    "document_cloud": {  # the entities of these ids have this type
        f'"Document",\n{" " * 20}"id": "alice_public_{name}"': f'"DocumentShare",\n'
        f'"id": "alice_public_{name}"'
        for name in ("modify", "manage")
    },
}


def repaired(text, folder):
    for old, new in REPAIRS.get(folder.name, {}).items():
        text = text.replace(old, new)
    return text


def use_case(file):
    folder = file.parent.parent
    (policies,), (schema,) = folder.glob("*.cedar"), folder.glob("*.cedarschema")
    (entities,) = folder.glob("*ntit*.json")
    document = json.loads(file.read_text())
    held = repaired(entities.read_text(), folder)
    sources = sources_of(policies, schema, links=links_of(folder), entities=held)
    sources = replace(sources, schema=repaired(sources.schema, folder))
    names = ("principal", "action", "resource")
    return sources, *(uid(document[name]) for name in names), context_of(document)


def test_all_requests_are_there():
    assert (len(USE_CASES), len(CASES)) == (72, 74)


@pytest.mark.parametrize("file", USE_CASES, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_formulas_say_what_the_examples_say(file):
    assert check(*use_case(file)) is True


@pytest.mark.parametrize(("file", "number"), CASES, ids=lambda value: getattr(value, "stem", value))
def test_formulas_say_what_the_integration_tests_say(file, number):
    case = json.loads(file.read_text())
    asked = case["requests"][number]
    sources = sources_of(
        TESTS / case["policies"],
        TESTS / case["schema"],
        entities=(TESTS / case["entities"]).read_text(),
    )
    names = ("principal", "action", "resource")
    parties = (EntityUid(**asked[name]) for name in names)
    assert check(sources, *parties, context_of(asked)) is True


def changes():
    """Each set of policies of the corpora, and the same without each of its policies."""
    found = [
        (policies, schema, links_of(policies.parent))
        for policies in sorted(EXAMPLES.rglob("*.cedar"))
        for schema in sorted(policies.parent.glob("*.cedarschema"))
    ]
    cases = [json.loads(file.read_text()) for file in sorted((TESTS / "tests").rglob("*.json"))]
    names = {(case["policies"], case["schema"]) for case in cases}
    found += [(TESTS / policies, TESTS / schema, []) for policies, schema in sorted(names)]
    for policies, schema, links in found:
        sources = sources_of(policies, schema, links=links)
        for number, gone in enumerate(sources.policies):
            if WHOLE or number == 0:
                yield (
                    replace(
                        sources,
                        policies=tuple(
                            one for one in sources.policies if one is not gone or one.is_template
                        ),
                        links=tuple(one for one in links if one.template_id != gone.id),
                    ),
                    sources,
                )


def test_nearly_all_kinds_of_requests_are_decided():
    counts = Counter(
        verdict.verdict for old, new in changes() for verdict in compare_policies(old, new)
    )
    assert counts["opens"] > 30
    assert not WHOLE or counts["closes"] > 1
    assert counts["undecided"] <= 0.05 * counts.total()

"""Formula and engine agree on every request, for every policy: errors, allow and deny."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import cedarpy
import cvc5
import pytest

from authz_lib.analysis.environments import request_environments
from authz_lib.analysis.facts import context_facts, entity_facts
from authz_lib.analysis.policy_terms import PolicyTerms, policy_rules
from authz_lib.analysis.prover import Prover
from authz_lib.analysis.request_terms import RequestTerms
from authz_lib.analysis.symbolic import Translator
from authz_lib.analysis.terms import Terms
from authz_lib.decisions.cedar_schema import read_policy_schema
from authz_lib.decisions.held_entities import entities_text
from authz_lib.decisions.policy_files import collect, parse_policies
from authz_lib.entities import canonical_json, freeze_record

sys.path.insert(0, str(Path(__file__).parent))
import generated_cedar as generated

PAIRS = int(os.environ.get("AUTHZ_GENERATED_POLICIES", "1000"))
POLICIES, REQUESTS = 25, 4
SCHEMA = read_policy_schema(generated.SCHEMA)
ENVIRONMENTS = list(request_environments(SCHEMA))


def policies(number):
    """Policies that Cedar reads, without a schema: a wrong type is an error like any other."""
    chosen = random.Random(number)
    expressions = generated.Expressions(chosen)
    texts = []
    while len(texts) < POLICIES:
        text = generated.policy(chosen, expressions)
        try:
            cedarpy.policies_to_json_str(text)
        except ValueError:
            continue
        texts.append(f'@id("p{len(texts)}") {text}')
    return "\n".join(texts)


class Batch:
    """Policies as formulas for one environment."""

    def __init__(self, text, environment, *, missing=True):
        sources = collect(parse_policies("batch", text), {"batch": text})
        self.terms = Terms()
        self.request = RequestTerms(self.terms, SCHEMA, environment, missing=missing)
        made = PolicyTerms(self.request)
        self.formulas, self.exact = [], []
        for rule in policy_rules(sources):
            before = len(made.translator.not_read)
            self.formulas.append(made.of(rule))
            self.exact.append(len(made.translator.not_read) == before)

    def check(self, chosen, expected, asked, entities, context):
        """What the formulas say of a request that is known: (possible, certain)."""
        t = self.terms
        facts = [
            *entity_facts(self.request, entities, only=True),
            *context_facts(self.request, context),
        ]
        for party, uid in zip((self.request.principal, self.request.resource), asked, strict=True):
            facts.append(t.equal(party.formula, t.entity_id(uid.type, uid.id)))
        facts += self.request.constraints()
        wanted = [
            t.and_(t.equal(one.error, error), t.equal(one.fulfilled, fulfilled))
            for one, (error, fulfilled) in zip(self.formulas, expected, strict=True)
        ]
        solver = cvc5.Solver(t.manager)
        solver.setOption("incremental", "true")
        solver.setLogic("ALL")
        solver.assertFormula(t.term(t.and_(*facts)))
        possible = solver.checkSatAssuming(t.term(t.and_(*wanted))).isSat()
        exact = t.and_(*[one for one, is_exact in zip(wanted, self.exact, strict=True) if is_exact])
        certain = solver.checkSatAssuming(t.term(t.not_(exact))).isUnsat()
        return possible and certain, lambda: [
            number
            for number, one in enumerate(wanted)
            if not solver.checkSatAssuming(t.term(one)).isSat()
            or (self.exact[number] and not solver.checkSatAssuming(t.term(t.not_(one))).isUnsat())
        ]


def outcomes(handle, environment, asked, entities, context):
    """Per policy, whether it errs and whether it is fulfilled; as Cedar says."""
    principal, resource = asked
    actions = cedarpy.Entities.from_json_str("[]", cedarpy.Schema.from_str(generated.SCHEMA))
    result = cedarpy.is_authorized(
        {
            "principal": {"type": principal.type, "id": principal.id},
            "action": dict(zip(("type", "id"), environment.action.uid, strict=True)),
            "resource": {"type": resource.type, "id": resource.id},
            "context": canonical_json(context),
        },
        handle,
        actions.with_added_json_str(entities_text(entities)),
    )
    assert result.decision is not cedarpy.Decision.NoDecision
    fulfilled = set(result.diagnostics.reasons)
    erring = {text.partition("`policy")[2].partition("`")[0] for text in result.diagnostics.errors}
    return [(str(number) in erring, f"policy{number}" in fulfilled) for number in range(POLICIES)]


def disagreements(number):
    chosen = random.Random(f"requests {number}")
    text = policies(number)
    handle = cedarpy.PolicySet.from_str(text)
    environment = ENVIRONMENTS[number % len(ENVIRONMENTS)]
    missing = bool(number % 4)  # else all entities are given
    batch = Batch(text, environment, missing=missing)
    for _ in range(REQUESTS):
        entities = generated.entities(chosen, missing=missing)
        asked = [
            generated.uid(chosen, type_) for type_ in (environment.principal, environment.resource)
        ]
        context = freeze_record(
            generated.context(chosen, environment.action.uid[1]), where="context"
        )
        expected = outcomes(handle, environment, asked, entities, context)
        agree, which = batch.check(chosen, expected, asked, entities, context)
        if not agree:
            lines = text.split("\n")
            yield [(lines[one], expected[one]) for one in which()]


@pytest.mark.parametrize("number", range(PAIRS // (POLICIES * REQUESTS)))
def test_formula_and_engine_agree(number):
    assert list(disagreements(number)) == []


def planted(name, replacement):
    """A mistake in the translation: a method of `Translator` that does something else."""
    original = getattr(Translator, name)
    return name, lambda self, *args, **kwargs: replacement(self, original, *args, **kwargs)


def swapped(self, original, of, **options):
    return original(self, {"left": of["right"], "right": of["left"]}, **options)


def never_errs(self, original, *of, **options):
    return original(self, *of, **options)._replace(error=False)


def both_operands(self, original, left, right):
    """No short circuit: what is not evaluated errs nevertheless."""
    made = original(self, left, right)
    error = self._t.or_(made.error, self._boolean(right)[0])
    return made._replace(error=error)


MISTAKES = {
    "comparisons the other way round": planted("_compare", swapped),
    "membership the other way round": planted("_in", swapped),
    "no error of a missing attribute": planted("_attribute", never_errs),
    "no error of a missing tag": planted("_get_tag", never_errs),
    "no error of a sum": planted("_arithmetic", never_errs),
    "no short circuit of `&&`": planted("_and", both_operands),
    "no short circuit of `||`": planted("_or", both_operands),
    "`has` is always true": planted(
        "_has", lambda self, original, of: self._of_boolean(original(self, of).error, True)
    ),
    "`is` ignores `in`": planted(
        "_is", lambda self, original, of: original(self, {**of, "in": of["left"]})
    ),
    "`isEmpty` of what is not empty": planted(
        "_is_empty", lambda self, original, of: self._of_boolean(original(self, of).error, False)
    ),
}


@pytest.mark.parametrize(("name", "mistake"), MISTAKES.values(), ids=MISTAKES)
def test_a_planted_mistake_is_caught(name, mistake, monkeypatch):
    monkeypatch.setattr(Translator, name, mistake)
    assert any(any(disagreements(number)) for number in range(60))


def test_membership_that_is_not_transitive_would_be_caught(monkeypatch):
    """Facts say all that an entity is in; only a search needs transitivity by itself."""
    environment = ENVIRONMENTS[0]
    text = """permit(principal, action, resource) when {
        principal in principal.home_group && principal.home_group in Group::"g" &&
        !(principal in Group::"g")
    };""".replace("principal.home_group", 'Group::"h"')
    sources = collect(parse_policies("batch", text), {"batch": text})

    def is_possible():
        prover = Prover(SCHEMA, environment)
        (rule,) = policy_rules(sources)
        return prover.check(prover.policies.of(rule).fulfilled)

    assert is_possible() is False
    monkeypatch.setattr(RequestTerms, "_transitive", lambda *_: [])
    assert is_possible() is True


def test_the_generated_policies_are_worth_it():
    """Many err, many are fulfilled, and nearly all are read."""
    seen = {"exact": 0, "not": 0, "errs": 0, "true": 0, "false": 0}
    for number in range(6):
        environment = ENVIRONMENTS[number % len(ENVIRONMENTS)]
        text, chosen = policies(number), random.Random(number)
        for is_exact in Batch(text, environment).exact:
            seen["exact" if is_exact else "not"] += 1
        asked = [generated.uid(chosen, environment.principal)]
        asked.append(generated.uid(chosen, environment.resource))
        context = generated.context(chosen, environment.action.uid[1])
        handle = cedarpy.PolicySet.from_str(text)
        for error, fulfilled in outcomes(
            handle,
            environment,
            asked,
            generated.entities(chosen),
            freeze_record(context, where="context"),
        ):
            seen["errs" if error else "true" if fulfilled else "false"] += 1
    assert seen["exact"] > 10 * seen["not"]
    assert min(seen["errs"], seen["true"], seen["false"]) > 10

"""No verdict about generated changes is contradicted by the engine on generated requests."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import cedarpy
import pytest

from authz_lib import CedarEngine
from authz_lib.analysis.concrete import ConcreteEntity, ConcreteRequest
from authz_lib.analysis.diff import compare_policies
from authz_lib.analysis.environments import request_environments
from authz_lib.decisions.cedar_schema import read_policy_schema
from authz_lib.decisions.policy_files import collect, parse_policies

sys.path.insert(0, str(Path(__file__).parent))
import generated_cedar as generated

CHANGES = int(os.environ.get("AUTHZ_GENERATED_POLICIES", "1000")) // 250
SCHEMA = read_policy_schema(generated.SCHEMA)
REQUESTS = 25
# What a verdict rules out: that a request is allowed now, that one is denied now.
RULED_OUT = {"same": {True, False}, "opens": {False}, "closes": {True}}


def policy(chosen):
    expressions = generated.Expressions(chosen)
    while True:
        text = generated.policy(chosen, expressions, chosen.choice(["permit", "permit", "forbid"]))
        try:
            cedarpy.policies_to_json_str(text)
        except ValueError:
            continue
        return text


def change(chosen):
    """Some policies, and the same with one that is gone, added, or another one."""
    old = [policy(chosen) for _ in range(chosen.randrange(1, 5))]
    new = list(old)
    kind = chosen.choice(["added", "gone", "other"])
    if kind != "gone":
        new.append(policy(chosen))
    if kind != "added":
        new.pop(chosen.randrange(len(old)))
    return old, new


def sources(texts):
    text = "\n".join(texts)
    return collect(parse_policies("p", text), {"p": text}, schema=generated.SCHEMA)


def request(chosen, environment):
    """A request with every entity given."""
    found = ConcreteRequest(
        generated.uid(chosen, environment.principal),
        environment.action.uid,
        generated.uid(chosen, environment.resource),
        generated.context(chosen, environment.action.uid[1]),
    )
    for entity in generated.entities(chosen, missing=False):
        found.entities[entity.uid] = ConcreteEntity(
            dict(entity.attrs), list(entity.parents), dict(entity.tags)
        )
    return found.frozen()


@pytest.mark.parametrize("number", range(CHANGES))
def test_no_verdict_is_contradicted(number):
    chosen = random.Random(f"change {number}")
    old, new = map(sources, change(chosen))
    mode = chosen.choice(["deny", "cedar"])
    engines = [
        CedarEngine(side, validate_policies=False, on_evaluation_error=mode) for side in (old, new)
    ]
    environments = {
        (one.principal, one.action_name, one.resource): one for one in request_environments(SCHEMA)
    }
    for verdict in compare_policies(old, new, on_evaluation_error=mode):
        environment = environments[verdict.principal, verdict.action, verdict.resource]
        for _ in range(REQUESTS):
            asked = request(chosen, environment)
            before, after = (engine.is_authorized(asked).allowed for engine in engines)
            if before != after and not verdict.reason:
                assert after not in RULED_OUT.get(verdict.verdict, set()), (old.texts, new.texts)
        for example in verdict.counterexamples:
            before, after = (
                engine.is_authorized(example.request.frozen()).allowed for engine in engines
            )
            assert (before, after) == (not example.allowed_now, example.allowed_now)

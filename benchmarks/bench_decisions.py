"""Decisions, as ratios in one run: the engine beside raw cedarpy, a cache hit beside a call.

``python benchmarks/bench_decisions.py`` prints the tables; ``--cold`` adds the cold start, in fresh
processes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import cedarpy
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

sys.path.insert(0, str(Path(__file__).parent))
from _ratio import against, measure, print_table
from authz_lib import (
    AuthorizationRequest,
    CedarEngine,
    Entity,
    EntityUid,
    Principal,
    VerifiedPermissions,
)
from authz_lib.decisions import Decision, DecisionLog, DecisionPoint, ShadowDecisions
from authz_lib.testing import events
from authz_lib.testing.issuer import TestIssuer
from authz_lib.testing.policy_store import PolicyStoreServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from authz_lib.decisions.request import Question
    from authz_lib.errors import AuthzError

ALICE = EntityUid("User", "alice")
ORDER = EntityUid("Order", "o-1")

AT_ONCE = 1000


def ten_policies() -> str:
    """Ten policies on one action, so that slicing does not help."""
    return "\n".join(
        f'@id("p{number}") '
        f'permit(principal in Group::"g{number}", action == Action::"Get", resource is Order)'
        f" when {{ resource.total < {number * 100} && context.mfa }};"
        for number in range(10)
    )


def six_entities() -> list[Entity]:
    """The caller, groups, and an order with an owner."""
    groups = [
        Entity(EntityUid("Group", f"g{number}"), parents=[EntityUid("Group", "all")])
        for number in range(3)
    ]
    return [
        Entity(ALICE, attrs={"tenant": "t1", "level": 3}, parents=[group.uid for group in groups]),
        *groups,
        Entity(EntityUid("Group", "all")),
        Entity(ORDER, attrs={"owner": ALICE, "total": 120, "tags": ["a", "b"], "state": "open"}),
    ]


def engine_beside_raw() -> None:
    """10 policies: the engine beside the raw call with the same handles on the same data."""
    text, entities = ten_policies(), six_entities()
    entity_text = f"[{','.join(entity.canonical_text for entity in entities)}]"
    raw_policies, raw_entities = (
        cedarpy.PolicySet.from_str(text),
        cedarpy.Entities.from_json_str(entity_text),
    )
    raw_request = {
        "principal": {"type": "User", "id": "alice"},
        "action": {"type": "Action", "id": "Get"},
        "resource": {"type": "Order", "id": "o-1"},
        "context": {"mfa": True},
    }
    holding, plain = CedarEngine.from_text(text, entities=entities), CedarEngine.from_text(text)
    held_request = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True})
    given_request = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
    assert holding.is_authorized(held_request).allowed
    assert plain.is_authorized(given_request).allowed
    assert cedarpy.is_authorized(raw_request, raw_policies, raw_entities).allowed
    cases = {
        "raw cedarpy, handle + handle": lambda: cedarpy.is_authorized(
            raw_request, raw_policies, raw_entities
        ),
        "engine, entities held": lambda: holding.is_authorized(held_request),
        "engine, entities held, request built each time": lambda: holding.is_authorized(
            AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True})
        ),
    }
    bars = {"engine, entities held": 1.4}
    print_table(
        "10 policies, entities held", measure(cases, reference="raw cedarpy, handle + handle"), bars
    )
    cases = {
        "raw cedarpy, handle + JSON text": lambda: cedarpy.is_authorized(
            raw_request, raw_policies, entity_text
        ),
        "engine, entities given": lambda: plain.is_authorized(given_request),
        "engine, request built each time": lambda: plain.is_authorized(
            AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
        ),
        "engine, entities built each time": lambda: plain.is_authorized(
            AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, six_entities())
        ),
    }
    bars = {"engine, entities given": 1.4}
    print_table(
        "10 policies, entities given",
        measure(cases, reference="raw cedarpy, handle + JSON text"),
        bars,
    )


def cache_around_the_engine() -> None:
    """10 policies: a remembered decision beside one that the embedded engine makes."""
    text, entities = ten_policies(), six_entities()
    engine = CedarEngine.from_text(text)
    remembering = engine.cached(ttl_seconds=3600, deny_ttl_seconds=3600)
    given = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
    bare = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True})
    for request in (given, bare):
        remembering.is_authorized(request)
        assert remembering.is_authorized(request).source == "cache"
    cases = {
        "engine, six entities": lambda: engine.is_authorized(given),
        "remembered": lambda: remembering.is_authorized(given),
        "remembered, request built each time": lambda: remembering.is_authorized(
            AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
        ),
        "remembered, entities built each time": lambda: remembering.is_authorized(
            AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, six_entities())
        ),
    }
    print_table(
        "a cache around the engine, entities given",
        measure(cases, reference="engine, six entities"),
        {},
    )
    cases = {
        "engine, no entities": lambda: engine.is_authorized(bare),
        "remembered": lambda: remembering.is_authorized(bare),
    }
    print_table(
        "a cache around the engine, no entities",
        measure(cases, reference="engine, no entities"),
        {},
    )


def a_candidate_beside_the_trusted_side() -> None:
    """10 policies twice: what comparing costs, besides the candidate's own decision."""
    trusted, candidate = (CedarEngine.from_text(ten_policies()) for _ in range(2))
    shadow = ShadowDecisions(trusted, candidate)
    request = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, six_entities())
    question = trusted.resolve(request)
    cases = {
        "both, one after the other": lambda: (
            trusted.is_authorized(request),
            candidate.decide(question),
        ),
        "shadow": lambda: shadow.is_authorized(request),
    }
    print_table(
        "a candidate beside the trusted side",
        measure(cases, reference="both, one after the other"),
        {"shadow": 1.05},
    )


class SlowStore(DecisionPoint):
    """A store that takes 200 ms."""

    def __init__(self) -> None:
        engine = CedarEngine.from_text("permit(principal, action, resource);")
        self.vocabulary, self.log = engine.vocabulary, DecisionLog(logger=None)
        self.on_evaluation_error = "deny"

    @property
    def identity(self) -> str:
        return "slow"

    def decide(self, question: Question) -> Decision:  # noqa: ARG002
        time.sleep(0.2)
        return Decision(allowed=True)

    def decide_batch(self, questions: Sequence[Question]) -> list[Decision | AuthzError]:
        return [self.decide(question) for question in questions]


async def _thousand_tasks() -> None:
    point, longest = SlowStore().cached(), 0.0
    requests = [
        AuthorizationRequest(ALICE, "Get", EntityUid("Order", str(number)))
        for number in range(1000)
    ]

    async def tick() -> None:
        nonlocal longest
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)

    ticking = asyncio.create_task(tick())
    tasks = [asyncio.create_task(point.ais_authorized(request)) for request in requests]
    await asyncio.sleep(0.05)
    asked = time.perf_counter()
    started = await asyncio.to_thread(time.perf_counter)
    await asyncio.gather(*tasks)
    ticking.cancel()
    print("\n1,000 tasks ask a store that takes 200 ms (milliseconds)")
    turn = longest * 1000
    print(f"{'the longest turn of the event loop':<48}{turn:8.1f}  {against(turn, at_most=20)}")
    waited = (started - asked) * 1000
    verdict = against(waited, at_most=50)
    print(f"{'until an unrelated asyncio.to_thread starts':<48}{waited:8.1f}  {verdict}")


def in_an_event_loop() -> None:
    """Remembered answers beside the plain verb; and a thousand tasks that wait for a slow store."""
    asyncio.run(_thousand_tasks())
    point = CedarEngine.from_text("permit(principal, action, resource);").cached(ttl_seconds=3600)
    request = AuthorizationRequest(ALICE, "Get", ORDER)
    point.is_authorized(request)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def awaited() -> None:
            for _ in range(AT_ONCE):
                await point.ais_authorized(request)

        def plain() -> None:
            for _ in range(AT_ONCE):
                point.is_authorized(request)

        async def called() -> None:
            plain()

        cases = {
            "is_authorized": lambda: loop.run_until_complete(called()),
            "ais_authorized": lambda: loop.run_until_complete(awaited()),
        }
        ratios = measure(cases, reference="is_authorized")
    print_table(f"{AT_ONCE} remembered answers", ratios, {"ais_authorized": 1.2})


def callers_not_seen_before() -> None:
    """One policy, and another caller each time: what an authorizer pays for a stranger."""
    text, numbers = "permit(principal, action, resource);", itertools.count()
    raw_policies = cedarpy.PolicySet.from_str(text)
    caller = Principal("alice", groups=("a",)).entity()
    raw_request = {
        "principal": {"type": "User", "id": "alice"},
        "action": {"type": "Action", "id": "Get"},
        "resource": {"type": "Order", "id": "o-1"},
        "context": {},
    }
    raw_entities = f"[{caller.canonical_text}]"
    engine = CedarEngine.from_text(text)
    remembering = engine.cached()

    def stranger() -> AuthorizationRequest:
        return AuthorizationRequest(Principal(f"u{next(numbers)}", groups=("a",)), "Get", ORDER)

    assert engine.is_authorized(stranger()).allowed
    cases = {
        "raw cedarpy, handle + JSON text": lambda: cedarpy.is_authorized(
            raw_request, raw_policies, raw_entities
        ),
        "engine": lambda: engine.is_authorized(stranger()),
        "a cache around the engine": lambda: remembering.is_authorized(stranger()),
    }
    print_table(
        "a caller not seen before", measure(cases, reference="raw cedarpy, handle + JSON text"), {}
    )


def many_policies(count: int, actions: int) -> str:
    """``count`` policies spread over ``actions`` actions."""
    return "\n".join(
        f'permit(principal in Group::"g{number}", action == Action::"a{number % actions}",'
        " resource is Order)"
        f" when {{ resource.total < {number} && context.mfa }};"
        for number in range(count)
    )


def ten_thousand_policies() -> None:
    """10,000 policies over 200 actions, beside 50 policies on one action; and how they load."""
    big_text, small_text = many_policies(10_000, 200), many_policies(50, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    big = CedarEngine.from_text(big_text)
    loaded = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    parses = []
    for _ in range(3):
        started = time.perf_counter()
        whole = cedarpy.PolicySet.from_str(big_text)
        parses.append(time.perf_counter() - started)
    parsed = statistics.median(parses)
    times = loaded / parsed
    verdict = against(times, at_most=5)
    print(f"\nloading 10,000 policies: {times:.2f} x `PolicySet.from_str` {verdict}")
    print(f"  its memory: {grown:.0f} MB {against(grown, at_most=300)}")
    texts = {f"policy{number}": text for number, text in enumerate(big_text.splitlines())}
    started = time.perf_counter()
    CedarEngine.from_policies(texts)
    loaded = time.perf_counter() - started
    started = time.perf_counter()
    for text in texts.values():
        cedarpy.PolicySet.from_str(text)
    parsed = time.perf_counter() - started
    print(f"the same as 10,000 texts: {loaded / parsed:.2f} x `PolicySet.from_str` of each")
    small = CedarEngine.from_text(small_text)
    entities = six_entities()
    request = AuthorizationRequest(ALICE, "a0", ORDER, {"mfa": True}, entities)
    raw = {
        "principal": {"type": "User", "id": "alice"},
        "action": {"type": "Action", "id": "a0"},
        "resource": {"type": "Order", "id": "o-1"},
        "context": {"mfa": True},
    }
    entity_text = f"[{','.join(entity.canonical_text for entity in entities)}]"
    cases = {
        "engine, 50 policies": lambda: small.is_authorized(request),
        "engine, 10,000 over 200 actions": lambda: big.is_authorized(request),
        "raw cedarpy, 10,000": lambda: cedarpy.is_authorized(raw, whole, entity_text),
    }
    bars = {"engine, 10,000 over 200 actions": 3.0}
    print_table("slicing", measure(cases, reference="engine, 50 policies", rounds=7), bars)
    for number in range(200):
        big.is_authorized(AuthorizationRequest(ALICE, f"a{number}", ORDER, {"mfa": True}, entities))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"all 200 slices made, the raw set beside them: {grown:.0f} MB")


def cache_hits() -> None:
    """A cache hit beside a boto3 call to the local endpoint, and beside one raw RSA verify."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    message = b"x" * 700
    signature, public = key.sign(message, padding.PKCS1v15(), hashes.SHA256()), key.public_key()
    entities = six_entities()
    caller = Principal("alice", groups=("g0", "g1", "g2"), tenant_id="t1")
    with PolicyStoreServer() as server:
        client = boto3.client(
            "verifiedpermissions",
            region_name="eu-west-1",
            endpoint_url=server.url,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
        )
        store_id = server.create_store(ten_policies())
        fresh = VerifiedPermissions(store_id, client=client)
        cached = fresh.cached()
        request = AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
        by_principal = AuthorizationRequest(
            caller, "Get", entities[-1], {"mfa": True}, entities[4:5]
        )
        assert cached.is_authorized(request).allowed
        assert cached.is_authorized(request).source == "cache"
        cached.is_authorized(by_principal)
        cases = {
            "boto3 call": lambda: client.is_authorized(
                policyStoreId=store_id,
                principal={"entityType": "User", "entityId": "alice"},
                action={"actionType": "Action", "actionId": "Get"},
                resource={"entityType": "Order", "entityId": "o-1"},
                context={"contextMap": {"mfa": {"boolean": True}}},
                entities={"entityList": [entity.to_avp() for entity in entities]},
            ),
            "cache hit, 6 entities": lambda: cached.is_authorized(request),
        }
        bars = {"cache hit, 6 entities": 0.05}
        print_table("cache", measure(cases, reference="boto3 call", rounds=7), bars)
        cases = {
            "raw RSA verify": lambda: public.verify(
                signature, message, padding.PKCS1v15(), hashes.SHA256()
            ),
            "cache hit, 6 entities": lambda: cached.is_authorized(request),
            "cache hit, a `Principal`": lambda: cached.is_authorized(by_principal),
            "cache hit, request built each time": lambda: cached.is_authorized(
                AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, entities)
            ),
            "cache hit, entities built each time": lambda: cached.is_authorized(
                AuthorizationRequest(ALICE, "Get", ORDER, {"mfa": True}, six_entities())
            ),
        }
        bars = {"cache hit, 6 entities": 1.2, "cache hit, request built each time": 1.2}
        print_table("cache", measure(cases, reference="raw RSA verify"), bars)


POWERTOOLS = """
from aws_lambda_powertools.utilities.auth_alpha import JWTVerifier
import boto3
client = boto3.client("verifiedpermissions", region_name="eu-west-1", endpoint_url=URL)
answer = client.is_authorized(
    policyStoreId=STORE,
    principal={"entityType": "User", "entityId": "alice"},
    action={"actionType": "Action", "actionId": "Get"},
    resource={"entityType": "Order", "entityId": "o-1"},
)
assert answer["decision"] == "ALLOW"
"""
BOTO3_ONLY = POWERTOOLS.replace(
    "from aws_lambda_powertools.utilities.auth_alpha import JWTVerifier\n", ""
)
# Both load their verifier of tokens: an authorizer needs one before it needs a decision.
OURS = """
from authz_lib import AuthorizationRequest, EntityUid, JWTVerifier, VerifiedPermissions
point = VerifiedPermissions(STORE, region="eu-west-1", endpoint_url=URL)
alice, order = EntityUid("User", "alice"), EntityUid("Order", "o-1")
assert point.is_authorized(AuthorizationRequest(alice, "Get", order))
"""
# The peer only loads its verifier; this one reads its settings, verifies a token, finds the action
# and then asks.
FROM_ENV = """
from authz_lib import LambdaAuthorizer
import json
handler = LambdaAuthorizer.from_env()
assert handler(json.load(open(EVENT)), None)["isAuthorized"] is True
"""
COLD_BARS = {"authz-lib": 0.45, "authz-lib, from_env, a token": 0.75}


def _settings(folder: Path, store_id: str, url: str) -> dict[str, str]:
    """The environment of an authorizer, and the files that it names."""
    issuer = TestIssuer("https://issuer.example")
    token = issuer.token(
        {"sub": "alice", "aud": "shop", "tenant_id": "t1"}, expires_in_seconds=3600
    )
    actions = {"version": 1, "actions": [{"method": "GET", "route": "/orders", "action": "Get"}]}
    documents = {
        "actions": actions,
        "jwks": issuer.jwks(),
        "event": events.http_authorizer_event(token, route="GET /orders", path="/orders"),
    }
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": url,
        "AUTHZ_ISSUER": "https://issuer.example",
        "AUTHZ_AUDIENCE": "shop",
        "AUTHZ_JWKS_FILE": str(folder / "jwks.json"),
        "AUTHZ_TENANT_CLAIM": "tenant_id",
        "AUTHZ_ACTIONS": str(folder / "actions.json"),
        "AUTHZ_APPLICATION": 'Application::"shop"',
        "AUTHZ_POLICY_STORE_ID": store_id,
        "AUTHZ_RESPONSE": "simple",
        "AUTHZ_GATEWAY_TTL_SECONDS": "0",
    }


def _seconds(code: str, environment: dict[str, str]) -> tuple[float, float] | str:
    """Wall and CPU time of a fresh process, or what it said when it failed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return done.stderr.decode().strip().splitlines()[-1]
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cold_start() -> None:
    """Whole fresh processes, from start to the first answer of the local endpoint."""
    subjects = {
        "Powertools auth_alpha + boto3": POWERTOOLS,
        "boto3 alone": BOTO3_ONLY,
        "authz-lib": OURS,
        "authz-lib, from_env, a token": FROM_ENV,
    }
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with PolicyStoreServer() as server, tempfile.TemporaryDirectory() as folder:
        store_id = server.create_store("permit(principal, action, resource);")
        environment |= _settings(Path(folder), store_id, server.url)
        names = f"URL={server.url!r}; STORE={store_id!r}; EVENT={folder + '/event.json'!r}\n"
        scripts = {name: names + code for name, code in subjects.items()}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in scripts}
        for round_number in range(9):
            for name, code in list(scripts.items()):
                seconds = _seconds(code, environment)
                if isinstance(seconds, str):
                    print(f"{name}: cannot run here: {seconds}")
                    del scripts[name], taken[name]
                elif round_number:  # the first round warms the file cache
                    taken[name].append(seconds)
    reference = next(iter(taken))
    own_seconds = statistics.median(wall for wall, _ in taken[reference])
    print(f"\ncold start, whole process (reference: {reference}, {own_seconds:.3f} s)")
    print(f"{'case':<30}  {'median':>6}  {'low':>6}  {'high':>6}  {'CPU':>6}")
    for name, seconds in taken.items():
        pairs = list(zip(seconds, taken[reference], strict=True))
        wall, cpu = ([own[kind] / other[kind] for own, other in pairs] for kind in (0, 1))
        figures = (statistics.median(wall), min(wall), max(wall), statistics.median(cpu))
        verdict = against(figures[0], at_most=COLD_BARS.get(name))
        print(f"{name:<30}  {'  '.join(f'{figure:6.3f}' for figure in figures)}  {verdict}")


def main() -> None:
    """Print all tables."""
    ten_thousand_policies()
    engine_beside_raw()
    cache_around_the_engine()
    a_candidate_beside_the_trusted_side()
    in_an_event_loop()
    callers_not_seen_before()
    cache_hits()
    if "--cold" in sys.argv:
        cold_start()


if __name__ == "__main__":
    main()

"""A batch call answers each question as if it were alone, whatever its neighbours bring."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from authz_lib import AuthorizationRequest, Entity, EntityUid, Principal, VerifiedPermissions
from authz_lib.decisions.avp_client import AVPResponse, ThinClient
from authz_lib.testing.policy_store import PolicyStores

# Policies that name entities by id, beside those that reach them from the question.
POLICIES = """
permit(principal, action == Action::"Read", resource) when { resource has open && resource.open };
permit(principal in Group::"staff", action, resource in Folder::"public");
forbid(principal, action, resource in Folder::"hidden");
forbid(principal, action, resource) when { resource has owner && resource.owner has banned };
permit(principal, action == Action::"Write", resource)
    when { Config::"flags" has open && Config::"flags".open };
permit(principal, action == Action::"Write", resource) unless { Folder::"a" has owner };
permit(principal, action == Action::"Share", resource)
    when { context has to && context.to has open };
permit(principal, action == Action::"Share", resource) when { Group::"staff" in Group::"all" };
permit(principal, action == Action::"List", resource) when { Folder::"a" in Folder::"public" };
permit(principal, action == Action::"List", resource)
    when { User::"zed".hasTag("x") && Config::"flags".open };
"""
# Those that name what other questions are about.
NAMING_ROWS = """
permit(principal, action == Action::"Read", resource) when { Doc::"1" has open && Doc::"1".open };
forbid(principal, action == Action::"Write", resource) when { User::"bob" has banned };
permit(principal, action == Action::"Share", resource) when { Doc::"2" in Folder::"public" };
permit(principal, action == Action::"List", resource) when { User::"alice" in Group::"all" };
"""
STORES = PolicyStores()
STORE = STORES.create_store(POLICIES)
NAMING_STORE = STORES.create_store(POLICIES + NAMING_ROWS)
ALICE, BOB, ZED = users = [EntityUid("User", name) for name in ("alice", "bob", "zed")]
groups = [EntityUid("Group", name) for name in ("staff", "all")]
folders = [EntityUid("Folder", name) for name in ("a", "public", "hidden")]
docs = [EntityUid("Doc", str(number)) for number in range(3)]
flags = EntityUid("Config", "flags")
PARENTS = {"User": groups, "Doc": folders, "Config": []}
attributes = st.fixed_dictionaries(
    {}, optional={"open": st.booleans(), "owner": st.sampled_from(users), "banned": st.just(True)}
)


@st.composite
def worlds(draw):
    """What is true of each entity; a question brings a part of it."""
    world = {}
    for uid in [*users, *groups, *folders, *docs, flags]:
        above = PARENTS.get(uid.type, {"staff": groups[1:], "a": folders[1:]}.get(uid.id, []))
        parents = draw(st.lists(st.sampled_from(above), unique=True, max_size=2)) if above else []
        tags = draw(st.sampled_from([{}, {"x": 1}]))
        world[uid] = Entity(uid, attrs=draw(attributes), parents=parents, tags=tags)
    return world


@st.composite
def batches(draw):
    world = draw(worlds())
    batch = []
    for _ in range(draw(st.integers(2, 6))):
        caller = draw(st.sampled_from([ALICE, BOB, Principal("alice", groups=("staff",))]))
        uid = caller if isinstance(caller, EntityUid) else ALICE
        forbidden = {ALICE, *groups} if caller is not uid else set()
        brought = (
            draw(st.sets(st.sampled_from([*users, *groups, *folders, *docs, flags]), max_size=3))
            - forbidden
        )
        batch.append(
            AuthorizationRequest(
                caller,
                draw(st.sampled_from(["Read", "Write", "Share", "List"])),
                draw(st.sampled_from([*docs, flags])),
                draw(st.sampled_from([{}, {"to": docs[0]}])),
                [world[uid] for uid in sorted(brought)],
            )
        )
    return batch


class InProcess(ThinClient):
    """The wire's documents, without a wire."""

    def __init__(self):
        super().__init__(region="eu-west-1", endpoint_url="http://127.0.0.1:9")

    def call(self, operation, parameters, body):
        return AVPResponse(STORES.call(operation, json.loads(body)), None)


def summary(decision):
    return decision.allowed, decision.determining_policies, len(decision.errors), decision.overruled


def answers(point, batch):
    alone = [summary(point.is_authorized(request)) for request in batch]
    together = [summary(decision) for decision in point.batch_is_authorized(batch)]
    return alone, together


@settings(deadline=None, max_examples=60)
@given(batches())
def test_a_batch_answers_as_single_questions(batch):
    point = VerifiedPermissions(NAMING_STORE, client=InProcess(), parallel_calls=1)
    alone, together = answers(point, batch)
    assert together == alone


@settings(deadline=None, max_examples=60)
@given(batches())
def test_so_does_one_with_rows_together_where_no_condition_names_a_row(batch):
    point = VerifiedPermissions(
        STORE, client=InProcess(), parallel_calls=1, ids_in_conditions=False
    )
    alone, together = answers(point, batch)
    assert together == alone

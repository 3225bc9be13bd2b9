"""A slice answers as the whole set does: same decision, determining policies and errors."""

from __future__ import annotations

import json

import cedarpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, Principal
from authz_lib.decisions import TemplateLink

TYPES = ["User", "Doc"]
IDS = ["1", 'q"x']
ACTIONS = ["View", "Edit", "Read", "All"]
SCHEMA = """
entity Group in [Group] = { level?: Long };
entity User, Doc in [Group] = { level?: Long, owner?: User };
action All;
action Read in [All];
action View in [Read]
    appliesTo { principal: [User, Doc], resource: [User, Doc], context: { n?: Long } };
action Edit in [All]
    appliesTo { principal: [User, Doc], resource: [User, Doc], context: { n?: Long } };
"""

uids = st.builds(EntityUid, st.sampled_from(TYPES), st.sampled_from(IDS))
groups = st.builds(EntityUid, st.just("Group"), st.sampled_from(["a", "b", "c"]))


def _cedar(uid):
    return f"{uid.type}::{json.dumps(uid.id)}"


def _party(role):
    return st.one_of(
        st.just(role),
        uids.map(lambda uid: f"{role} == {_cedar(uid)}"),
        st.one_of(uids, groups).map(lambda uid: f"{role} in {_cedar(uid)}"),
        st.sampled_from(TYPES).map(lambda type_: f"{role} is {type_}"),
        st.tuples(st.sampled_from(TYPES), groups).map(
            lambda pair: f"{role} is {pair[0]} in {_cedar(pair[1])}"
        ),
    )


def _slot(role):
    return st.sampled_from(
        [f"{role} == ?{role}", f"{role} in ?{role}", f"{role} is User in ?{role}"]
    )


actions = st.one_of(
    st.just("action"),
    st.sampled_from(ACTIONS).map(lambda name: f'action == Action::"{name}"'),
    st.sampled_from(ACTIONS).map(lambda name: f'action in Action::"{name}"'),
    st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3).map(
        lambda names: f"action in [{', '.join(f'Action::{json.dumps(name)}' for name in names)}]"
    ),
)
# Conditions that hold, do not hold, and err, depending on the data.
conditions = st.sampled_from(
    [
        "",
        "",
        "",
        "when { context.n > 1 }",
        "when { principal.level > 1 }",
        "unless { resource.level > 1 }",
        "when { resource.owner == principal }",
        'when { principal in Group::"b" || context.n == 1 }',
        "when { resource has level && resource.level == context.n }",
        'when { action in Action::"Read" }',
    ]
)
effects = st.sampled_from(["permit", "forbid"])


def _policy(principal, resource):
    return st.tuples(effects, principal, actions, resource, conditions).map(
        lambda parts: f"{parts[0]}({parts[1]}, {parts[2]}, {parts[3]}) {parts[4]};"
    )


policies = _policy(_party("principal"), _party("resource"))
templates = st.one_of(
    _policy(_slot("principal"), _party("resource")),
    _policy(_party("principal"), _slot("resource")),
    _policy(_slot("principal"), _slot("resource")),
)


def _acyclic(pairs):
    """Entities whose groups lie further down the alphabet: no cycles."""
    found = {}
    for uid, parents, level, owner in pairs:
        attrs = {"level": level} if level is not None else {}
        if uid.type != "Group" and owner is not None:
            attrs["owner"] = owner
        below = [parent for parent in parents if uid.type != "Group" or parent.id > uid.id]
        found[uid] = Entity(uid, attrs=attrs, parents=below)
    return list(found.values())


users = st.builds(EntityUid, st.just("User"), st.sampled_from(IDS))
entities = st.lists(
    st.tuples(
        st.one_of(uids, groups),
        st.lists(groups, max_size=2),
        st.none() | st.integers(0, 3),
        st.none() | users,
    ),
    max_size=6,
).map(_acyclic)
questions = st.lists(
    st.tuples(uids, st.sampled_from([*ACTIONS, "Other"]), uids, st.none() | st.integers(0, 3)),
    min_size=1,
    max_size=12,
)
links = st.lists(st.tuples(uids | groups, uids | groups), max_size=3)


def _whole(policies_by_id, templates_by_id, made_links):
    parsed = {
        key: json.loads(cedarpy.policies_to_json_str(text)) for key, text in policies_by_id.items()
    }
    templated = {
        key: json.loads(cedarpy.policies_to_json_str(text)) for key, text in templates_by_id.items()
    }
    return cedarpy.PolicySet.from_json_str(
        json.dumps(
            {
                "staticPolicies": {
                    key: next(iter(est["staticPolicies"].values())) for key, est in parsed.items()
                },
                "templates": {
                    key: next(iter(est["templates"].values())) for key, est in templated.items()
                },
                "templateLinks": [
                    {
                        "templateId": link.template_id,
                        "newId": link.id,
                        "values": {
                            slot: {"__entity": {"type": uid.type, "id": uid.id}}
                            for slot, uid in link.values.items()
                        },
                    }
                    for link in made_links
                ],
            }
        )
    )


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(policies, min_size=1, max_size=10),
    st.lists(templates, max_size=2),
    links,
    entities,
    questions,
    st.sampled_from(["none", "schema", "held"]),
)
def test_a_slice_answers_as_the_whole_set(
    static, templated, pairs, given_entities, asked, actions_from
):
    policies_by_id = {f"p{number}": text for number, text in enumerate(static)}
    templates_by_id = {f"t{number}": text for number, text in enumerate(templated)}
    made_links = [
        TemplateLink(
            template_id,
            f"l{number}-{template_id}",
            {
                slot: uid
                for slot, uid in zip(("?principal", "?resource"), pair, strict=True)
                if slot in text
            },
        )
        for number, pair in enumerate(pairs)
        for template_id, text in templates_by_id.items()
    ]
    schema = SCHEMA if actions_from == "schema" else None
    held = json.dumps(
        [
            {
                "uid": {"type": "Action", "id": "View"},
                "attrs": {},
                "parents": [{"type": "Action", "id": "Read"}],
            },
            {
                "uid": {"type": "Action", "id": "Read"},
                "attrs": {},
                "parents": [{"type": "Action", "id": "All"}],
            },
        ]
        if actions_from == "held"
        else []
    )
    engine = CedarEngine.from_policies(
        policies_by_id | templates_by_id,
        schema,
        held,
        links=made_links,
        validate_policies=False,
        on_evaluation_error="cedar",
    )
    whole = _whole(policies_by_id, templates_by_id, made_links)
    everything = cedarpy.Entities.from_json_str(held, schema).with_added_json_str(
        f"[{','.join(entity.canonical_text for entity in given_entities)}]"
    )
    for principal, action, resource, number in asked:
        context = {} if number is None else {"n": number}
        expected = cedarpy.is_authorized(
            {
                "principal": {"type": principal.type, "id": principal.id},
                "action": {"type": "Action", "id": action},
                "resource": {"type": resource.type, "id": resource.id},
                "context": context,
            },
            whole,
            everything,
        )
        got = engine.is_authorized(
            AuthorizationRequest(principal, action, resource, context, given_entities)
        )
        assert got.allowed == expected.allowed
        assert got.determining_policies == tuple(sorted(expected.diagnostics.reasons))
        assert got.errors == tuple(sorted(expected.diagnostics.errors))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(policies, min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True),
    uids,
    st.sampled_from(["plain", "held", "checked"]),
)
def test_the_bare_groups_of_a_caller_are_read_as_cedar_reads_them(static, names, resource, kind):
    """The engine need not give them to Cedar, and the answer is the one that Cedar gives to all."""
    kept = [Entity(EntityUid("Group", "a"), parents=[EntityUid("Group", "b")])]
    held = kept if kind == "held" else []
    caller = Principal("1", groups=tuple(names))
    engine = CedarEngine.from_policies(
        {f"p{number}": text for number, text in enumerate(static)},
        SCHEMA,
        held,
        validate_policies=False,
        validate_requests=kind == "checked",
        on_evaluation_error="cedar",
    )
    groups_given = [Entity(uid) for uid in caller.group_uids() if uid not in {e.uid for e in held}]
    everything = cedarpy.Entities.from_json_str("[]", SCHEMA).with_added_json_str(
        f"[{','.join(entity.canonical_text for entity in [caller.entity(), *groups_given, *held])}]"
    )
    request = {
        "principal": {"type": "User", "id": "1"},
        "action": {"type": "Action", "id": "View"},
        "resource": {"type": resource.type, "id": resource.id},
        "context": {},
    }
    whole = _whole({f"p{number}": text for number, text in enumerate(static)}, {}, [])
    expected = cedarpy.is_authorized(request, whole, everything)
    got = engine.is_authorized(AuthorizationRequest(caller, "View", resource))
    assert got.allowed == expected.allowed
    assert got.determining_policies == tuple(sorted(expected.diagnostics.reasons))
    assert len(got.errors) == len(expected.diagnostics.errors)

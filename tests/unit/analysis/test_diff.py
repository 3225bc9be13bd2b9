"""Changes of policies with a known answer, each proved or shown on the real engine."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
from authz_lib.analysis import diff as module
from authz_lib.analysis.concrete import Replay
from authz_lib.analysis.diff import compare_policies
from authz_lib.analysis.finders import Found, Nothing, Unclear
from authz_lib.decisions import TemplateLink
from authz_lib.decisions.policy_files import collect, parse_policies, read_directory
from authz_lib.errors import ConfigurationError

ORDERS = Path(__file__).parents[3] / "examples" / "orders_router" / "policies"
SCHEMA = """
entity Team;
entity Group in [Group, Team];
entity User in [Group] = { tenant?: String, level: Long, boss?: User };
entity Bot in [Group];
entity Doc = {
  owner: User, tenant: String, public?: Bool, path: String, readers: Set<User>, size: Long,
} tags String;
action reads;
action get, list in [reads] appliesTo {
  principal: User, resource: Doc, context: { mfa: Bool, ip: ipaddr, at: { hour: Long } }
};
action put appliesTo { principal: [User, Bot], resource: Doc };
"""
ALL = "permit(principal, action, resource)"
GET = 'permit(principal, action == Action::"get", resource)'
LIST = 'permit(principal, action == Action::"list", resource)'
PUT = 'permit(principal, action == Action::"put", resource)'
NOBODY = "forbid(principal, action, resource);"
GUARD = "principal has tenant && resource.tenant == principal.tenant"


def orders(change=lambda text: text):
    source = read_directory(ORDERS)
    texts = {name: change(text) for name, text in source.texts.items()}
    policies = [
        policy for name, text in texts.items() for policy in parse_policies(name, text, name)
    ]
    return collect(policies, texts, schema=source.schema)


def differing(old, new, **options):
    return {
        (one.action, one.resource): one.verdict
        for one in compare_policies(old, new, **options)
        if one.verdict != "same"
    }


def support_cancels(text):
    return re.sub(
        r'(principal in Group::"support",\s+action) == (Action::"commercial:GetOrder")',
        r'\1 in [\2, Action::"commercial:CancelOrder"]',
        text,
    )


def without_tenants(text):
    return re.sub(r'@id\("tenants-stay-apart"\)[^;]*;', "", text)


def rewritten(text):
    return text.replace(
        "unless { principal has tenant_id && resource.tenant_id == principal.tenant_id }",
        "when { !(principal has tenant_id) || principal.tenant_id != resource.tenant_id }",
    )


def weakened(text):
    """The forbid still covers it."""
    return re.sub(
        r"(resource is Order\s+\))\s+when \{ principal has tenant_id[^}]*\};", r"\1;", text
    )


CANCEL, GET_ORDER = ("commercial:CancelOrder", "Order"), ("commercial:GetOrder", "Order")
FACTS = [
    (support_cancels, {CANCEL: "opens"}),
    (without_tenants, {CANCEL: "opens", GET_ORDER: "opens"}),
    (rewritten, {}),
    (weakened, {}),
]


@pytest.mark.parametrize(("change", "expected"), FACTS)
def test_the_changes_of_the_orders_policies(change, expected):
    assert orders(change).texts != orders().texts
    assert differing(orders(), orders(change)) == expected
    closed = {where: "closes" for where, verdict in expected.items() if verdict == "opens"}
    assert differing(orders(change), orders()) == closed


def test_a_change_among_a_thousand_policies():
    more = "\n".join(
        f'permit(principal in Group::"g{number}", action, resource is Order)\n'
        f'when {{ resource.tenant_id == "t{number}" && principal has tenant_id }};'
        for number in range(1000)
    )

    def grown(change=lambda text: text):
        source = orders(change)
        texts = {**source.texts, "more": more}
        return replace(
            source, policies=(*source.policies, *parse_policies("more", more)), texts=texts
        )

    assert differing(grown(), grown(support_cancels)) == {CANCEL: "opens"}


IN_BOTH = 'principal in Group::"g" && Group::"g" in Group::"h"'
BOSS = "principal has boss && principal.boss.level == 1"
ALL_OPEN = dict.fromkeys(["get", "list", "put"], "opens")
ALL_CLOSE = dict.fromkeys(["get", "list", "put"], "closes")
# Of each action (all where there is none): the old policies, the new ones, the verdict.
CHANGES = [
    ("the same", f"{ALL};", f'@id("other") {ALL} when {{ true }};', {}),
    ("another order", f"{GET};{ALL} when {{ {GUARD} }};", f"{ALL} when {{ {GUARD} }};{GET};", {}),
    (
        "an optional attribute",
        f"{GET} unless {{ resource has public }};",
        f"{GET} unless {{ resource has public && resource.public }};",
        {"get": "opens"},
    ),
    (
        "the tenant check of one of two permits",
        f"{GET} when {{ {GUARD} }}; {LIST} when {{ {GUARD} }};",
        f"{GET} when {{ {GUARD} }}; {LIST};",
        {"list": "opens"},
    ),
    (
        "a shorter pattern",
        f'{GET} when {{ resource.path like "/public/*" }};',
        f'{GET} when {{ resource.path like "/pub*" }};',
        {"get": "opens"},
    ),
    (
        "a longer pattern",
        f'{GET} when {{ resource.path like "/pub*" }};',
        f'{GET} when {{ resource.path like "/public/*" }};',
        {"get": "closes"},
    ),
    (
        "a star that is meant",
        GET + r' when { resource.path like "a\*" };',
        f'{GET} when {{ resource.path == "a*" }};',
        {},
    ),
    (
        "a group and what it may be in",
        GET + ' when { principal in Team::"t" };',
        GET.replace("principal", 'principal in Group::"g"') + ";",
        {"get": "both"},
    ),
    (
        "two groups, one in the other",
        f"{GET} when {{ {IN_BOTH} }};",
        f'{GET} when {{ {IN_BOTH} && principal in Group::"h" }};',
        {},
    ),
    (
        "an action group",
        f"{GET};",
        'permit(principal, action in Action::"reads", resource);',
        {"list": "opens"},
    ),
    (
        "a set in other words",
        f"{GET} when {{ resource.readers.contains(principal) }};",
        f"{GET} when {{ resource.readers.containsAny([principal]) }};",
        {},
    ),
    (
        "a set of all",
        f"{GET} when {{ resource.readers.contains(principal) }};",
        f"{GET} when {{ [principal].containsAll(resource.readers) }};",
        {"get": "both"},
    ),
    (
        "no empty set",
        f"{GET} when {{ [principal].containsAll(resource.readers) }};",
        f"{GET} when {{ resource.readers == [principal] || resource.readers.isEmpty() }};",
        {},
    ),
    (
        "a number in other words",
        f"{GET} when {{ principal.level > 3 }};",
        f"{GET} when {{ principal.level >= 4 }};",
        {},
    ),
    (
        "a number more",
        f"{GET} when {{ principal.level > 3 }};",
        f"{GET} when {{ principal.level >= 3 }};",
        {"get": "opens"},
    ),
    (
        "a sum that may overflow",
        f"{GET} when {{ principal.level + 1 > 3 }};",
        f"{GET} when {{ principal.level > 2 }};",
        {"get": "opens"},
    ),
    (
        "a tag",
        f'{GET} when {{ resource.hasTag("a") && resource.getTag("a") == "x" }};',
        f'{GET} when {{ resource.hasTag("a") }};',
        {"get": "opens"},
    ),
    (
        "another tag",
        f'{GET} when {{ resource.hasTag("a") && resource.hasTag("b") }};',
        f'{GET} when {{ resource.hasTag("b") && resource.hasTag("a") }};',
        {},
    ),
    (
        "a type",
        'permit(principal is User, action == Action::"put", resource);',
        'permit(principal, action == Action::"put", resource);',
        {"put": "opens"},
    ),
    (
        "a type in a group",
        'permit(principal is Bot in Group::"g", action, resource);',
        PUT + ' when { principal is Bot && principal in Group::"g" };',
        {},
    ),
    (
        "the context",
        f"{GET} when {{ context.mfa && context.at.hour < 9 }};",
        f"{GET} when {{ context.at == {{hour: 8}} }};",
        {"get": "both"},
    ),
    (
        "an entity of an entity",
        f"{GET} when {{ {BOSS} }};",
        f'{GET} when {{ {BOSS} && principal.boss != User::"x" }};',
        {"get": "closes"},
    ),
    (
        "an if",
        f"{GET} when {{ if context.mfa then principal.level > 1 else false }};",
        f"{GET} when {{ context.mfa && principal.level > 1 }};",
        {},
    ),
    (
        "a name that the schema does not know",
        f"{GET} when {{ principal.nothing }};",
        f'{GET} when {{ 1 > "a" }};',
        {},
    ),
    ("nobody any more", f"{ALL};", NOBODY, ALL_CLOSE),
    ("everybody", NOBODY, f"{ALL};", ALL_OPEN),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
def test_a_change_with_a_known_answer(make_sources, old, new, expected):
    sources = [make_sources(text, SCHEMA) for text in (old, new)]
    verdicts = list(compare_policies(*sources))
    assert len(verdicts) == 4
    found = {one.action: one.verdict for one in verdicts if one.verdict != "same"}
    assert found == expected
    for verdict in verdicts:
        assert not verdict.reason
        for example in verdict.counterexamples:
            before, after = (
                CedarEngine(side, validate_policies=False, validate_requests=True)
                .is_authorized(example.request.frozen())
                .allowed
                for side in sources
            )
            assert (before, after) == (not example.allowed_now, example.allowed_now)


ERRING = "forbid(principal, action, resource) unless { resource.tenant == principal.tenant };"
GUARDED = f"forbid(principal, action, resource) unless {{ {GUARD} }};"


def test_a_forbid_that_errs_does_not_forbid(make_sources):
    old, new = (make_sources(f"{GET};{text}", SCHEMA) for text in (GUARDED, ERRING))
    assert differing(old, new) == {}  # an allow with errors is denied
    assert differing(old, new, on_evaluation_error="cedar") == {("get", "Doc"): "opens"}
    assert differing(new, old, on_evaluation_error="cedar") == {("get", "Doc"): "closes"}


def test_a_permit_that_errs_denies_what_another_allows(make_sources):
    old, new = (
        make_sources(f"{GET};{text}", SCHEMA)
        for text in (f"{GET} when {{ principal.boss.level > 1 }};", "")
    )
    assert differing(old, new) == {("get", "Doc"): "opens"}
    assert differing(old, new, on_evaluation_error="cedar") == {}


def linked(make_sources, *resources):
    template = 'permit(principal in ?principal, action == Action::"get", resource == ?resource);'
    links = [
        TemplateLink(
            "p",
            f"link-{name}",
            {"?principal": EntityUid("Group", "g"), "?resource": EntityUid("Doc", name)},
        )
        for name in resources
    ]
    return make_sources(template, SCHEMA, links=links)


def test_template_links(make_sources):
    one, two = linked(make_sources, "a"), linked(make_sources, "a", "b")
    (opened,) = (found for found in compare_policies(one, two) if found.verdict != "same")
    assert opened.verdict == "opens"
    assert opened.counterexamples[0].words == "a User in Group g → get on Doc b"
    assert differing(two, one) == {("get", "Doc"): "closes"}
    assert differing(two, linked(make_sources, "b", "a")) == {}
    static = make_sources(
        'permit(principal in Group::"g", action == Action::"get", resource == Doc::"a");', SCHEMA
    )
    assert differing(one, static) == {}


def held(*parents):
    above = ",".join(f'{{"type": "Team", "id": "{name}"}}' for name in parents)
    return f'[{{"uid": {{"type": "Group", "id": "g"}}, "attrs": {{}}, "parents": [{above}]}}]'


def test_what_a_group_is_in_is_what_the_engine_holds(make_sources):
    old = make_sources(f'{PUT} when {{ principal is Bot && principal in Team::"t" }};', SCHEMA)
    new = make_sources(f'{PUT} when {{ principal is Bot && principal in Group::"g" }};', SCHEMA)
    put = {("put", "Doc"): "both"}
    inside = [replace(one, entities=held("t")) for one in (old, new)]
    assert differing(*inside) == dict.fromkeys(put, "closes")
    outside = [replace(one, entities=held()) for one in (old, new)]
    assert differing(*outside) == put


def test_other_held_entities_are_not_decided(make_sources):
    sources = make_sources('permit(principal in Team::"t", action, resource);', SCHEMA)
    old, new = replace(sources, entities=held()), replace(sources, entities=held("t"))
    verdicts = list(compare_policies(old, new))
    assert {one.verdict for one in verdicts} == {"undecided"}
    assert verdicts[0].reason == "the entities that the engines hold differ"
    assert verdicts[0].may_open


def test_an_address_is_not_decided_or_shown(make_sources):
    def sources(address):
        text = f'{GET} when {{ context.ip.isInRange(ip("{address}")) && context.mfa }};'
        return make_sources(text, SCHEMA)

    (found,) = (
        one
        for one in compare_policies(sources("10.0.0.0/8"), sources("10.0.0.0/16"))
        if one.verdict != "same"
    )
    assert (found.verdict, found.action) == ("undecided", "get")
    assert "`ip()` is not read" in found.reason
    (found,) = (
        one
        for one in compare_policies(sources("10.0.0.0/8"), sources("192.168.0.0/16"))
        if one.verdict != "same"
    )
    assert found.verdict == "both"
    assert differing(sources("10.0.0.0/8"), sources("10.0.0.0/8")) == {}


def test_an_address_beside_what_changes_does_not_matter(make_sources):
    test = 'context.ip.isInRange(ip("10.0.0.0/8"))'
    old = make_sources(f"{GET} when {{ {test} && context.mfa }};", SCHEMA)
    new = make_sources(f"{GET} when {{ context.mfa && {test} && context.mfa }};", SCHEMA)
    assert differing(old, new) == {}


def test_a_request_that_the_engine_does_not_confirm_is_not_decided(make_sources, monkeypatch):
    monkeypatch.setattr(Replay, "allows", lambda self, request: True)
    old, new = (make_sources(f"{GET} {rest};", SCHEMA) for rest in ("when { context.mfa }", ""))
    (found,) = (one for one in compare_policies(old, new) if one.verdict != "same")
    assert (found.verdict, found.counterexamples) == ("undecided", ())
    assert "the engine does not confirm the request" in found.reason


def test_entities_that_are_not_given(make_sources):
    old = make_sources(
        f'{GET} when {{ resource.owner.level == 1 || resource.path == "" }};', SCHEMA
    )
    new = make_sources(
        f'{GET} when {{ resource.path == "" || resource.owner.level == 1 }};', SCHEMA
    )
    assert differing(old, new) == {}
    assert differing(old, new, missing_entities=True) == {("get", "Doc"): "opens"}


def test_without_a_solver_requests_are_tried_out(make_sources):
    old, new = (make_sources(f"{GET} {rest};", SCHEMA) for rest in ("when { context.mfa }", ""))
    verdicts = {(one.principal, one.action): one for one in compare_policies(old, new, prove=False)}
    assert verdicts["User", "list"].verdict == "same"  # the same policies
    found = verdicts["User", "get"]
    assert found.verdict == "opens"
    assert found.counterexamples[0].words == "a User → get on a Doc; context mfa false"
    assert "whether it closes anything" in found.reason
    assert "proves nothing" in found.reason
    (found,) = (
        one
        for one in compare_policies(new, make_sources(f"{GET}; {GET};", SCHEMA), prove=False)
        if one.action == "get"
    )
    assert found.verdict == "same"
    closed = {one.action: one for one in compare_policies(new, old, prove=False)}["get"]
    assert (closed.verdict, closed.reason.partition(":")[0]) == (
        "undecided",
        "whether it opens anything",
    )


def test_a_schema_is_needed(make_sources):
    with pytest.raises(ConfigurationError, match="no schema"):
        list(compare_policies(make_sources(f"{ALL};", SCHEMA), make_sources(f"{ALL};", None)))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            f"{GET} when {{ false }};",
            f'{GET} when {{ principal in Group::"support" && {GUARD} }};',
            "a User in Group support, tenant t1 → get on a Doc, tenant t1",
        ),
        (
            f"{GET} when {{ {GUARD} }};",
            f"{GET} when {{ principal has tenant }};",
            "a User, tenant t1 → get on a Doc, tenant t2",
        ),
        (
            f"{GET} when {{ false }};",
            f'{GET} when {{ principal in Team::"t" }};',
            "a User in Group between-2 → get on a Doc; Group between-2: in Team t",
        ),
        (
            f"{GET} when {{ false }};",
            f"{GET} when {{ principal has boss && principal.boss.level == 3 }};",
            "a User, boss User user-2 → get on a Doc; User user-2: level 3",
        ),
        (
            f"{GET} when {{ false }};",
            f'{GET} when {{ resource.hasTag("a b") && context.at.hour == 7 }};',
            "a Doc, tag a b text-0; context at.hour 7",
        ),
        (
            f"{GET} when {{ false }};",
            f'{GET} when {{ resource.readers.contains(User::"x y") }};',
            'a User → get on a Doc, readers [User "x y"]',
        ),
    ],
)
def test_a_counterexample_in_words(make_sources, old, new, words):
    (found,) = (
        one
        for one in compare_policies(make_sources(old, SCHEMA), make_sources(new, SCHEMA))
        if one.verdict != "same"
    )
    assert words in found.counterexamples[0].words


def test_the_worst_of_two_searches_is_the_verdict():
    found, nothing, unclear = Found(None), Nothing(), Unclear("why")
    table = {
        (found, found): "both",
        (found, nothing): "opens",
        (found, unclear): "opens",
        (nothing, found): "closes",
        (nothing, nothing): "same",
        (nothing, unclear): "undecided",
        (unclear, found): "undecided",
        (unclear, nothing): "undecided",
        (unclear, unclear): "undecided",
    }
    assert {case: module._verdict(*case) for case in table} == table
    assert module._reason(unclear, nothing) == "whether it opens anything: why"
    assert module._reason(unclear, unclear) == "why"
    assert module._reason(nothing, nothing) == ""


def test_of_a_few_ids_the_one_that_matters_is_told(make_sources):
    schema = """entity Role enum ["a", "b", "c", "d"]; entity User = { role: Role };
    action get appliesTo { principal: User, resource: User };"""
    old = make_sources(
        'permit(principal, action, resource) unless { principal.role == Role::"c" };', schema
    )
    new = make_sources("permit(principal, action, resource);", schema)
    (found,) = compare_policies(old, new)
    assert found.counterexamples[0].words == "a User, role Role c → get on a User"
    (found,) = compare_policies(new, old)
    assert found.verdict == "closes"
    words = "permit(principal, action, resource) when { principal.role != Role::"
    some = make_sources(f'{words}"a" || principal.role == Role::"a" }};', schema)
    (found,) = compare_policies(some, new)
    assert found.verdict == "same"


GROUPED = SCHEMA.replace("action put appliesTo", "action put in [reads] appliesTo")
MOVED = "the schemas put actions into different groups"


@pytest.mark.parametrize(
    "policies",
    [
        'permit(principal, action in Action::"reads", resource);',
        'permit(principal, action in [Action::"reads", Action::"list"], resource);',
        'permit(principal, action, resource) when { action in Action::"reads" };',
        'permit(principal, action, resource) when { Action::"put" in Action::"reads" };',
    ],
)
def test_an_action_that_the_schema_puts_into_another_group_is_not_the_same(make_sources, policies):
    """The same words, and `put` is allowed now: each engine reads the groups of its own schema."""
    old, new = make_sources(policies, SCHEMA), make_sources(policies, GROUPED)
    entities = {"principal": EntityUid("User", "u"), "resource": EntityUid("Doc", "d")}
    allowed = [
        bool(
            CedarEngine.from_text(policies, schema, validate_policies=False).is_authorized(
                AuthorizationRequest(action="put", **entities)
            )
        )
        for schema in (SCHEMA, GROUPED)
    ]
    assert allowed == [False, True]
    verdicts = [one for one in compare_policies(old, new) if one.action == "put"]
    assert {one.verdict for one in verdicts} == {"undecided"}
    assert all(MOVED in one.reason for one in verdicts)
    assert all(one.may_open for one in verdicts)


def test_groups_that_no_policy_asks_for_do_not_matter(make_sources):
    policies = f'{GET}; {PUT} when {{ action == Action::"put" }};'.replace(
        'when { action == Action::"put" }', "when { principal is User }"
    )
    assert differing(make_sources(policies, SCHEMA), make_sources(policies, GROUPED)) == {}
    reads = 'permit(principal, action in Action::"reads", resource);'
    found = differing(make_sources(reads, SCHEMA), make_sources(reads, GROUPED))
    assert found == {("put", "Doc"): "undecided"}


def test_an_action_that_is_new_is_in_a_group_that_it_was_not_in(make_sources):
    reads = 'permit(principal, action in Action::"reads", resource);'
    more = SCHEMA + "action copy in [reads] appliesTo { principal: User, resource: Doc };"
    found = differing(make_sources(reads, SCHEMA), make_sources(reads, more))
    assert found == {("copy", "Doc"): "undecided"}
    assert differing(make_sources(reads, None), make_sources(reads, more)) == {}


def test_an_action_that_is_new_and_in_no_group_moves_nothing(make_sources):
    named = 'permit(principal, action, resource) when { action == Action::"get" };'
    more = SCHEMA + "action copy appliesTo { principal: User, resource: Doc };"
    assert differing(make_sources(named, SCHEMA), make_sources(named, more)) == {}
    moved = GROUPED + "action copy in [reads] appliesTo { principal: User, resource: Doc };"
    assert differing(make_sources(named, SCHEMA), make_sources(named, moved)) == {
        ("copy", "Doc"): "undecided",
        ("put", "Doc"): "undecided",
    }


@pytest.mark.parametrize("record", ['{type: "a", id: "b"}', "{type: action, id: principal}"])
def test_a_record_that_looks_like_an_entity_id_is_none(make_sources, record):
    policies = f"permit(principal, action, resource) when {{ {record} has type }};"
    found = differing(make_sources(policies, SCHEMA), make_sources(f"{ALL};", GROUPED))
    assert found == ({("put", "Doc"): "undecided"} if "action" in record else {})

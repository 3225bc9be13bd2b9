"""What is left of policies says of each row what the engine says of it."""

from __future__ import annotations

import re
import sys

import pytest

from authz_lib import CedarEngine, Entity, EntityUid, Principal, VerifiedPermissions
from authz_lib.decisions import ShadowDecisions, TemplateLink
from authz_lib.decisions.residual import (
    EVERY_ROW,
    NO_ROW,
    AllOf,
    AnyOf,
    Constant,
    Less,
    Matches,
    Negation,
    OneOf,
    Present,
    RowField,
    SameValue,
    residual,
)
from authz_lib.entities import CedarIp
from authz_lib.errors import ConfigurationError, InvalidRequestError

SCHEMA = """
entity Group;
entity Team in [Group] = { level?: Long, city?: String };
entity User in [Group] = {
    tenant?: String, level?: Long, active?: Bool, home?: Team, teams?: Set<Team>,
    names?: Set<String>, meta?: { city: String }, ip?: ipaddr, last?: Order,
} tags String;
entity Folder in [Folder] = { level?: Long };
entity Application;
entity Order in [Folder, Application] = {
    owner: User, reviewer?: User, team?: Team, first?: Order, inside?: Folder,
    tenant: String, note?: String, total: Long, limit?: Long, closed: Bool,
    labels?: Set<String>, address?: { city: String },
} tags String;
action Read;
action "shop:Get" in [Read] appliesTo { principal: User, resource: Order, context: {
    n?: Long, flag?: Bool, ip?: ipaddr,
} };
"""
ACTION = "shop:Get"
TYPES = {"owner": "User", "reviewer": "User", "team": "Team", "inside": "Folder"}
ALICE = EntityUid("User", "alice")
CALLER = Entity(
    ALICE,
    attrs={
        "tenant": "t1",
        "level": 3,
        "active": True,
        "home": EntityUid("Team", "red"),
        "teams": [EntityUid("Team", "red"), EntityUid("Team", "blue")],
        "names": ["a", "b"],
        "meta": {"city": "bern"},
        "ip": CedarIp("10.0.0.1"),
        "last": EntityUid("Order", "o-9"),
    },
    parents=[EntityUid("Group", "staff")],
    tags={"a": "t1", "b": "t2"},
)
ENTITIES = [
    CALLER,
    Entity(EntityUid("User", "bob"), attrs={"level": 5}, parents=[EntityUid("Group", "staff")]),
    Entity(
        EntityUid("Team", "red"),
        attrs={"level": 1, "city": "bern"},
        parents=[EntityUid("Group", "all")],
    ),
    Entity(EntityUid("Team", "blue"), attrs={"level": 1}),
    Entity(EntityUid("Folder", "f1"), parents=[EntityUid("Folder", "root")]),
]
CONTEXT = {"n": 2, "ip": CedarIp("10.1.1.1")}
NOTHING = dict.fromkeys(
    ["owner", "reviewer", "team", "inside", "tenant", "note", "total", "limit", "closed", "Folder"]
)
ROWS = [
    NOTHING | row
    for row in (
        {"id": "o-1", "owner": "alice", "tenant": "t1", "total": 1, "closed": False},
        {"id": "o-2", "owner": "bob", "tenant": "t2", "total": 3, "closed": True, "note": "a*b"},
        {"id": "o-3", "owner": "carol", "tenant": "T1", "total": -5, "closed": False, "note": ""},
        {"id": "o-4", "owner": "alice", "reviewer": "alice", "tenant": "t1", "total": 2, "limit": 2}
        | {"closed": True, "note": "a", "team": "red", "Folder": "f1", "inside": "f1"},
        {"id": "o-5", "owner": "bob", "reviewer": "carol", "tenant": "t2", "total": 9, "limit": 3}
        | {"closed": False, "note": "b", "team": "blue", "Folder": "root", "inside": "root"},
        {"id": "o-6", "note": "xay", "team": "green", "limit": 2**63 - 1, "Folder": "f2"},
        {"id": "o-7"},
    )
]


def entity_of(row):
    attrs = {
        name: EntityUid(TYPES[name], value) if name in TYPES else value
        for name, value in row.items()
        if value is not None and name not in {"id", "Folder"}
    }
    parents = [] if row["Folder"] is None else [EntityUid("Folder", row["Folder"])]
    return Entity(EntityUid("Order", row["id"]), attrs=attrs, parents=parents)


def value_of(row, field):
    return row["id" if field.source == "id" else field.name]


def less(row, node):
    left, right = (
        value_of(row, side) if isinstance(side, RowField) else side
        for side in (node.left, node.right)
    )
    if left is None or right is None:
        return False
    return left <= right if node.equal else left < right


def matches(row, node):
    value = value_of(row, node.field)
    form = ".*".join(map(re.escape, node.pieces))
    return value is not None and re.fullmatch(form, value, re.DOTALL) is not None


HOLDS = {
    Constant: lambda _, node: node.value,
    Present: lambda row, node: value_of(row, node.field) is not None,
    OneOf: lambda row, node: value_of(row, node.field) in node.values,
    SameValue: lambda row, node: (
        value_of(row, node.left) is not None
        and value_of(row, node.left) == value_of(row, node.right)
    ),
    Less: less,
    Matches: matches,
    Negation: lambda row, node: not holds(row, node.part),
    AllOf: lambda row, node: all(holds(row, part) for part in node.parts),
    AnyOf: lambda row, node: any(holds(row, part) for part in node.parts),
}


def holds(row, node):
    """Whether a condition is true for a row: as the table of the module says it."""
    return HOLDS[type(node)](row, node)


def engine_of(policies, mode="deny", **options):
    return CedarEngine.from_text(
        policies, SCHEMA, validate_policies=False, on_evaluation_error=mode, **options
    )


def left_of(policies, mode="deny", *, entities=ENTITIES, context=CONTEXT, rows=ROWS, **options):
    """What is left; it is compared with `filter`."""
    engine = engine_of(policies, mode)
    shared = {"entities": entities, "context": context}
    left = residual(engine, ALICE, ACTION, resource_type="Order", **options, **shared)
    kept = engine.filter(ALICE, ACTION, [entity_of(row) for row in rows], **shared)
    assert [row["id"] for row in rows if holds(row, left)] == [entity.uid.id for entity in kept]
    return left


def permit(condition):
    return f'@id("one") permit(principal, action, resource) when {{ {condition} }};'


CONDITIONS = [
    # Equality: types differ without an error.
    "resource.owner == principal",
    "principal != resource.owner",
    "resource.reviewer == principal",
    "resource.owner == resource.reviewer",
    "resource.owner == resource.owner",
    "resource.owner == resource.team",
    'resource.owner == "alice"',
    "resource.tenant == principal.tenant",
    "resource.tenant == resource.note",
    "resource.tenant == principal.nothing",
    "resource.nothing == 1",
    "resource.total == true",
    "resource.total == 3",
    "resource.total == resource.limit",
    "resource == principal",
    'resource == Order::"o-2"',
    "resource == resource",
    "principal == principal",
    "principal.level == 3",
    "principal.level == true",
    'principal.meta == {city: "bern"}',
    'principal.meta == {city: "bern", more: 1}',
    "{a: resource.total, b: 1} == {b: 1, a: 3}",
    "{a: resource.total, b: 1}.a == 3",
    "{a: 1} has a && {a: 1} has b || resource.closed",
    "{a: resource.total}.b == 1",
    "[resource.owner, principal] == [principal]",
    'action == Action::"shop:Get"',
    # Booleans.
    "resource.closed",
    "!resource.closed",
    "resource.total",
    "!resource.total",
    "principal",
    "principal.active && resource.closed",
    "resource.closed && principal.nothing",
    "resource.closed || principal.nothing",
    "principal.nothing || resource.closed",
    "principal.active || principal.nothing",
    "resource.closed == false",
    "(resource.total == 3) == resource.closed",
    "context.flag || resource.closed",
    # Comparisons and calculations.
    "resource.total < 3",
    "resource.total <= 2",
    "resource.total > principal.level",
    "3 >= resource.total",
    "resource.total < resource.limit",
    "resource.total <= resource.total",
    "resource.total < resource.total",
    "resource.tenant < 3",
    "principal.level < 5 && 5 < 4",
    "principal.level + 1 == 4 && 2 - principal.level == -1 && principal.level * 2 == 6",
    "9223372036854775807 + principal.level > 0",
    "-principal.level < resource.total",
    "-(-9223372036854775808) == 1",
    "principal.tenant + 1 == 2",
    # Texts.
    'resource.note like "a*"',
    'resource.note like "*b"',
    'resource.note like "*a*"',
    'resource.note like "a\\*b"',
    'resource.note like "*"',
    'resource.note like ""',
    'resource.note like "a**b"',
    'resource.total like "1"',
    'principal.tenant like "t*" && principal.tenant like "*1" && principal.tenant like "t1"',
    'principal.tenant like "t*t*1"',
    'principal.tenant like "*1*t"',
    'principal.tenant like "*x*1"',
    'principal.level like "3"',
    # Presence.
    "resource has note",
    "!(resource has note)",
    "resource has nothing",
    'resource has note && resource.note == "a"',
    "principal has tenant && principal has meta.city",
    "principal has nothing || resource has limit",
    'User::"carol" has level',
    'User::"carol".level == 1',
    "1 has level",
    # Memberships.
    'principal in Group::"staff"',
    'principal in [Group::"no", Group::"staff"]',
    'principal in [Group::"staff", 1]',
    'principal in "staff"',
    "principal in resource.owner",
    "principal in resource",
    'resource.owner in Group::"staff"',
    "resource.owner in [principal, resource.reviewer]",
    'resource.team in Group::"all"',
    "resource.team in principal.teams",
    "principal.home in resource.team",
    "resource.owner in resource.team",
    "resource.inside in resource.inside",
    'resource in Folder::"root"',
    'resource in Folder::"f1"',
    'resource in Order::"o-2"',
    'resource in Group::"staff"',
    "resource in resource.inside",
    "resource in resource",
    "resource.team in resource",
    'action in Action::"Read"',
    'action in [Action::"Other"]',
    # Sets.
    "principal.teams.contains(resource.team)",
    "principal.names.contains(resource.note)",
    "principal.names.contains(resource.total)",
    "principal.names.containsAny([resource.note])",
    'principal.names.containsAll([resource.note, "a"])',
    '[resource.note, "z"].containsAny(principal.names)',
    "principal.level.contains(1)",
    "principal.names.containsAny(1)",
    "resource.total.contains(1)",
    "[].isEmpty() && !principal.names.isEmpty()",
    # Kinds.
    "resource is Order && resource.owner is User",
    "resource is User",
    'principal is User in Group::"staff"',
    'principal is Group in Group::"staff"',
    'resource is Order in Folder::"root"',
    "principal.level is User",
    # Branches.
    "if resource.closed then resource.total > 2 else resource.owner == principal",
    '(if resource.closed then resource.note else resource.tenant) == "t1"',
    "(if principal.active then resource.total else resource.tenant) == 3",
    "if principal.nothing then true else true",
    "if resource.total then true else true",
    # What the caller and others hold.
    "resource.owner.level == 5",
    "resource.owner has level && resource.owner.level > 3",
    "resource.team.level == 1",
    'resource.team has city && resource.team.city == "bern"',
    'principal.getTag("a") == resource.tenant',
    'principal.getTag("x") == resource.tenant',
    "principal.getTag(resource.note) == resource.tenant",
    "principal.hasTag(resource.note)",
    'principal.hasTag("a") && resource.closed',
    "principal.hasTag(1)",
    'principal.getTag(1) == "x"',
    'User::"carol".hasTag("a") || User::"carol".getTag("a") == "x"',
    # Extensions: Cedar is asked.
    'context.ip.isInRange(ip("10.0.0.0/8")) && resource.closed',
    'principal.ip == ip("10.0.0.1") && resource.closed',
    'principal.ip == ip("10.0.0.2") || resource.closed',
    'ip("no").isIpv4() || resource.closed',
    '[ip("10.0.0.1")].contains(principal.ip)',
    '{a: ip("no"), b: 1}.b == 1',
    '{a: ip("no"), b: 1} has b',
    'ip("10.0.0.1")',
    'ip("10.0.0.1").x == 1',
    'datetime("2026-01-02").toDate() == datetime("2026-01-02")',
    'duration("2h").toHours() < 3 && resource.closed',
    "(if resource.closed then 1 else 2) == principal.level",
]


@pytest.mark.parametrize("mode", ["deny", "cedar"])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_holds_for_the_rows_that_filter_keeps(condition, mode):
    left_of(permit(condition), mode)
    left_of(
        f"permit(principal, action, resource); forbid(principal, action, resource) when "
        f"{{ {condition} }};",
        mode,
    )


def test_most_of_these_conditions_tell_rows_apart():
    left = [left_of(permit(condition), "cedar") for condition in CONDITIONS]
    assert sum(not isinstance(one, Constant) for one in left) >= 60


SCOPES = [
    ('principal == User::"alice"', "action", "resource"),
    ('principal == User::"bob"', "action", "resource"),
    ('principal in Group::"staff"', "action", "resource is Order"),
    ('principal is User in Group::"staff"', 'action == Action::"shop:Get"', "resource"),
    ("principal is Team", "action", "resource"),
    ("principal", 'action in Action::"Read"', 'resource in Folder::"root"'),
    ("principal", 'action in [Action::"Read", Action::"x"]', 'resource == Order::"o-2"'),
    ("principal", 'action == Action::"x"', "resource"),
    ("principal", "action", 'resource is Order in Folder::"root"'),
    ("principal", "action", "resource is Team"),
    ("principal", "action", 'resource == Folder::"f1"'),
]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_is_read(scope):
    left_of(f"permit({', '.join(scope)});")
    left_of(f"permit(principal, action, resource); forbid({', '.join(scope)});")


def test_the_links_of_a_template_name_rows():
    template = '@id("share") permit(principal == ?principal, action, resource == ?resource);'
    links = [
        TemplateLink(
            "share",
            f"share-{number}",
            {"?principal": EntityUid("User", name), "?resource": EntityUid("Order", id_)},
        )
        for number, (name, id_) in enumerate([("alice", "o-1"), ("alice", "o-3"), ("bob", "o-2")])
    ]
    engine = engine_of(template, links=links)
    left = residual(engine, ALICE, ACTION, resource_type="Order")
    assert left == OneOf(RowField("id", "Order", "Entity", "Order"), frozenset({"o-1", "o-3"}))


def test_an_erring_permit_denies_the_row_or_is_skipped():
    policies = permit("resource.reviewer == principal") + permit("resource.closed").replace(
        "one", "two"
    )
    deny, cedar = (left_of(policies, mode) for mode in ("deny", "cedar"))
    bob = next(row for row in ROWS if row["id"] == "o-2")  # closed, and without a reviewer
    assert not holds(bob, deny)
    assert holds(bob, cedar)


REFUSED = [
    ('resource.labels.contains("a")', "it reads `resource.labels`, which is no Bool"),
    ('resource.address.city == "a"', "it reads `resource.address`, which is no Bool"),
    ('resource.getTag("a") == "b"', "it reads tags of the resource"),
    ('resource.hasTag("a")', "it reads tags of the resource"),
    ("resource.total + 1 < 3", "it calculates with an attribute"),
    ("-resource.total < 3", "it calculates with an attribute"),
    ("ip(resource.note).isIpv4()", "it gives an attribute of the resource to a function"),
    ('ip("10.0.0.1") == resource.note', "beside an address"),
    ("resource.first.total == 3", "it reads another entity of the resource's type"),
    ("principal.last.total == 3", "it reads another entity of the resource's type by its id"),
    ('resource.first in Folder::"root"', "what another entity of the resource's type is in"),
    ('principal.last in Folder::"root"', "what another entity of the resource's type is in"),
    ('resource in Application::"a"', "there is no column for its `Application`"),
    ('resource == Order::""', "it holds a value that authz-lib does not know"),
]


@pytest.mark.parametrize(("condition", "reason"), REFUSED)
@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_what_cannot_be_said_is_refused_by_the_name_of_its_policy(condition, reason, effect):
    policies = (
        f'@id("strange") {effect}(principal, action, resource) when {{ {condition} }};'
        "permit(principal, action, resource) when { resource.closed };"
    )
    engine = engine_of(policies)
    with pytest.raises(InvalidRequestError, match=re.escape(reason)) as raised:
        residual(
            engine,
            ALICE,
            ACTION,
            resource_type="Order",
            parents=["Folder"],
            entities=ENTITIES,
            context=CONTEXT,
        )
    assert str(raised.value).startswith("the policy `strange` cannot be translated for a list: ")
    assert raised.value.status == 400


STRANGE = 'resource.hasTag("a")'
SETTLED = [
    # Somebody else's policies.
    f'forbid(principal == User::"bob", action, resource) when {{ {STRANGE} }};',
    f'forbid(principal, action == Action::"x", resource) when {{ {STRANGE} }};',
    f"forbid(principal, action, resource is Team) when {{ {STRANGE} }};",
    f'forbid(principal in Group::"no", action, resource) when {{ {STRANGE} }};',
    f"forbid(principal, action, resource) when {{ principal.level == 9 && {STRANGE} }};",
    f"forbid(principal, action, resource) when {{ false }} when {{ {STRANGE} }};",
]


@pytest.mark.parametrize("policy", SETTLED)
def test_a_policy_that_cannot_matter_is_not_refused(policy):
    assert left_of(policy + permit("resource.closed")) != NO_ROW


@pytest.mark.parametrize("mode", ["deny", "cedar"])
def test_no_row_is_left_whatever_the_policy_says_that_is_refused(mode):
    nobody = "forbid(principal, action, resource);"
    assert left_of(nobody + permit(STRANGE), mode) == NO_ROW
    no_permit = f"forbid(principal, action, resource) when {{ {STRANGE} }};"
    assert left_of(no_permit, mode) == NO_ROW


def test_every_row_is_left_whatever_a_skipped_policy_says():
    """With Cedar's own meaning an error changes nothing, and one permit is enough."""
    policies = permit(STRANGE) + "permit(principal, action, resource);"
    assert left_of(policies, "cedar") == EVERY_ROW
    with pytest.raises(InvalidRequestError, match="`one`"):
        left_of(policies, "deny")


def test_an_attribute_without_a_field_is_refused_where_it_is_read():
    policies = permit("resource.owner == principal || resource.closed")
    with pytest.raises(
        InvalidRequestError, match=r"it reads `resource\.closed`, for which there is no column"
    ):
        left_of(policies, attributes=["owner"])
    assert left_of(policies, attributes=["owner", "closed"])


def test_the_id_is_refused_where_there_is_no_field_for_it():
    policies = permit('resource == Order::"o-1"')
    with pytest.raises(InvalidRequestError, match="it reads the id of the resource"):
        left_of(policies, has_id=False)
    assert left_of(permit("resource.closed"), has_id=False)


def test_a_database_may_refuse_a_node():
    with pytest.raises(InvalidRequestError, match=r"policy `one` .*: no patterns"):
        left_of(
            permit('resource.note like "a*b" && resource.closed'),
            refuse=lambda node: "no patterns" if isinstance(node, Matches) else "",
        )


def test_a_known_entity_is_no_row():
    held = [Entity(EntityUid("Order", "o-1"), attrs={"closed": True})]
    engine = engine_of("permit(principal, action, resource);")
    shared = {"resource_type": "Order", "entities": held}
    left = residual(engine, ALICE, ACTION, **shared)
    assert [row["id"] for row in ROWS if not holds(row, left)] == ["o-1"]
    with pytest.raises(InvalidRequestError, match="the id of the resource is needed"):
        residual(engine, ALICE, ACTION, has_id=False, **shared)


def test_the_groups_of_a_caller_are_no_known_entities():
    engine = engine_of("permit(principal, action, resource) when { principal in resource };")
    left = residual(engine, Principal("alice", groups=("staff",)), ACTION, resource_type="Group")
    assert left == OneOf(RowField("id", "Group", "Entity", "Group"), frozenset({"staff"}))


def test_rows_that_do_not_fit_the_schema_are_left_out_where_requests_are_validated():
    policies = "permit(principal, action, resource);"
    engine = engine_of(policies, validate_requests=True)
    left = residual(
        engine, ALICE, ACTION, resource_type="Order", attributes=["owner", "total", "note"]
    )
    assert [row["id"] for row in ROWS if not holds(row, left)] == ["o-6", "o-7"]
    with pytest.raises(InvalidRequestError):
        residual(engine, ALICE, ACTION, resource_type="Order", context={"unknown": 1})


def test_held_entities_are_read():
    held = '[{"uid": {"type": "Team", "id": "red"}, "attrs": {"level": 7}, "parents": []}]'
    engine = engine_of(permit("resource.team.level == 7"), entities=held)
    left = residual(engine, ALICE, ACTION, resource_type="Order")
    assert left == OneOf(RowField("attribute", "team", "Entity", "Team"), frozenset({"red"}))


def test_a_held_date_is_read_by_cedar_only():
    schema = SCHEMA.replace("city?: String", "city?: String, since?: datetime")
    held = (
        '[{"uid": {"type": "Team", "id": "red"}, "parents": [],'
        ' "attrs": {"since": {"__extn": {"fn": "datetime", "arg": "2026-01-01"}}}}]'
    )
    condition = 'Team::"red".since < datetime("2026-01-02") && resource.closed'
    engine = CedarEngine.from_text(permit(condition), schema, held, validate_policies=False)
    left = residual(engine, ALICE, ACTION, resource_type="Order")
    assert left == OneOf(RowField("attribute", "closed", "Bool"), frozenset({True}))


def test_what_is_nested_is_read():
    left_of(permit("(" * 40 + "resource.closed" + " && resource has note)" * 40))


def test_what_is_nested_too_deeply_for_the_stack_is_refused():
    policies = permit(f"resource.total < {' + '.join(['1'] * 399)}")
    engine = engine_of(policies)

    def deeper(levels):
        if levels:
            return deeper(levels - 1)
        return residual(engine, ALICE, ACTION, resource_type="Order")

    with pytest.raises(InvalidRequestError, match=r"policy `one` .*: it is nested too deeply"):
        deeper(sys.getrecursionlimit() - 350)


def test_a_condition_with_very_many_cases_is_refused():
    teams = [
        Entity(EntityUid("Team", f"t{number}"), attrs={"level": number}) for number in range(201)
    ]
    with pytest.raises(InvalidRequestError, match="more than 200"):
        left_of(permit("resource.team.level == 7"), entities=teams)
    many = [
        Entity(EntityUid(kind, f"t{number}"), attrs={"level": number})
        for kind in ("Team", "User")
        for number in range(50)
    ]
    with pytest.raises(InvalidRequestError, match="it has more than 200 cases"):
        left_of(permit("resource.team.level == resource.owner.level"), entities=many)


def test_a_policy_with_very_many_comparisons_is_refused():
    tests = " || ".join(
        f"(resource.total > {number} && resource.limit < {number})" for number in range(190)
    )
    policy = f'@id("many") permit(principal, action, resource) when {{ {tests} }};'
    with pytest.raises(InvalidRequestError, match="it has more than 5000 comparisons"):
        residual(engine_of(policy), ALICE, ACTION, resource_type="Order")


class TestArguments:
    ENGINE = engine_of("permit(principal, action, resource);")

    def test_the_cache_and_the_shadow_are_looked_through(self):
        for point in (self.ENGINE.cached(), ShadowDecisions(self.ENGINE, self.ENGINE)):
            assert residual(point, ALICE, ACTION, resource_type="Order") == EVERY_ROW

    def test_policies_elsewhere_are_refused(self):
        store = VerifiedPermissions("PSEXAMPLEabcdefg111111", region="eu-west-1")
        with pytest.raises(ConfigurationError, match="policies in this process"):
            residual(store, ALICE, ACTION, resource_type="Order")
        with pytest.raises(ConfigurationError, match="must be a `DecisionPoint`"):
            residual("engine", ALICE, ACTION, resource_type="Order")

    def test_a_schema_is_needed(self):
        engine = CedarEngine.from_text("permit(principal, action, resource);")
        with pytest.raises(ConfigurationError, match="must have a schema"):
            residual(engine, ALICE, ACTION, resource_type="Order")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"resource_type": "order"}, "the schema knows no entity type `order`"),
            ({"resource_type": "no type"}, "`resource_type` must be a Cedar type name"),
            ({"attributes": ["ownr"]}, "`attributes`: the schema knows no `ownr`"),
            ({"attributes": "owner"}, "`attributes` must be a list of names"),
            ({"parents": ["User"]}, "`parents`: the schema knows no `User`"),
        ],
    )
    def test_names_that_the_schema_does_not_know_are_refused(self, options, message):
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            residual(self.ENGINE, ALICE, ACTION, **{"resource_type": "Order"} | options)

"""The embedded engine, and the traps of evaluation that its users would otherwise walk into."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import cedarpy
import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, Principal
from authz_lib._support.memo import WeighedMemo
from authz_lib.decisions import TemplateLink
from authz_lib.decisions.cedar_text import MAX_CHAIN
from authz_lib.decisions.policy_files import parse_policies
from authz_lib.entities import CedarDatetime, CedarDecimal, CedarDuration, CedarIp
from authz_lib.errors import AccessDeniedError, ConfigurationError, InvalidRequestError
from authz_lib.testing.policy_store import PolicyStores, PolicyStoreServer

ALICE = EntityUid("User", "alice")
DOC = EntityUid("Doc", "1")
ALL = "permit(principal, action, resource);"
SLOT = '@id("t") permit(principal == ?principal, action, resource);'
SCHEMA = """
entity Group;
entity User in [Group] = { level?: Long };
entity Doc = { owner?: User };
action Read;
action View, Print in [Read] appliesTo { principal: User, resource: Doc, context: { mfa?: Bool } };
"""


def ask(engine, principal=ALICE, action="View", resource=DOC, **rest):
    return engine.is_authorized(AuthorizationRequest(principal, action, resource, **rest))


# ---- The traps, numbered as in the room's facts ----

ERRING_FORBID = """
@id("all") permit(principal, action, resource);
@id("limit") forbid(principal, action, resource) when { context.total > 100 };
"""


@pytest.mark.parametrize(
    "context", [{}, {"total": "500"}, {"total": EntityUid("User", "a")}], ids=repr
)
def test_1_a_forbid_that_errs_does_not_open(context):
    decision = ask(CedarEngine.from_text(ERRING_FORBID), context=context)
    assert not decision
    assert decision.overruled
    assert decision.errors
    with pytest.raises(AccessDeniedError):
        CedarEngine.from_text(ERRING_FORBID).require(ALICE, "View", DOC, context=context)
    assert CedarEngine.from_text(ERRING_FORBID).filter(ALICE, "View", [DOC], context=context) == []
    assert ask(
        CedarEngine.from_text(ERRING_FORBID, on_evaluation_error="cedar"), context=context
    ).allowed


def test_1_a_deny_with_errors_stays_what_it_was():
    decision = ask(CedarEngine.from_text("permit(principal, action, resource) when { context.x };"))
    assert not decision
    assert not decision.overruled


@pytest.mark.parametrize("key", ["__entity", "__extn", "__expr"])
def test_2_data_cannot_become_a_reference(key):
    smuggled = {key: {"type": "User", "id": "root"}}
    for context in (
        smuggled,
        {"user": smuggled},
        {"users": [smuggled]},
        {"a": {"b": [{"c": smuggled}]}},
    ):
        with pytest.raises(InvalidRequestError):
            AuthorizationRequest(ALICE, "View", DOC, context)
        with pytest.raises(InvalidRequestError):
            Entity(ALICE, attrs=context)
        with pytest.raises(InvalidRequestError):
            Entity(ALICE, tags=context)


@pytest.mark.parametrize("given", [(), [Entity(ALICE)]], ids=["none given", "given"])
@pytest.mark.parametrize("validated", [True, False])
def test_3_action_groups_of_the_schema_hold(given, validated):
    engine = CedarEngine.from_text(
        'permit(principal, action in Action::"Read", resource);',
        SCHEMA,
        validate_requests=validated,
    )
    assert ask(engine, entities=given)
    assert ask(engine, action="Print", entities=given)


def test_4_bad_input_is_an_error_without_the_data():
    loop = [
        Entity(EntityUid("Group", "secret-a"), parents=[EntityUid("Group", "secret-b")]),
        Entity(EntityUid("Group", "secret-b"), parents=[EntityUid("Group", "secret-a")]),
    ]
    with pytest.raises(InvalidRequestError) as raised:
        ask(CedarEngine.from_text("permit(principal, action, resource);"), entities=loop)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_5_nobody_redefines_the_caller():
    engine = CedarEngine.from_text('permit(principal in Group::"admins", action, resource);')
    caller = Principal("alice", groups=("buyers",))
    for redefined in (
        Entity(ALICE, parents=[EntityUid("Group", "admins")]),
        Entity(EntityUid("Group", "buyers"), parents=[EntityUid("Group", "admins")]),
    ):
        with pytest.raises(InvalidRequestError, match="two different entities"):
            ask(engine, caller, entities=[redefined])
        with pytest.raises(InvalidRequestError, match="two different entities"):
            ask(engine, caller, resource=redefined)
    assert not ask(engine, caller, entities=[caller.entity()])


def test_5_two_different_entities_with_one_id_are_refused_and_equal_ones_are_one():
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    assert ask(engine, entities=[Entity(DOC, attrs={"a": 1}), Entity(DOC, attrs={"a": 1})])
    with pytest.raises(InvalidRequestError):
        ask(engine, entities=[Entity(DOC, attrs={"a": 1}), Entity(DOC, attrs={"a": 2})])


def test_6_request_validation_is_a_setting():
    policies = "permit(principal, action, resource);"
    loose = CedarEngine.from_text(policies, SCHEMA)
    strict = CedarEngine.from_text(policies, SCHEMA, validate_requests=True)
    assert ask(loose, context={"other": 1})
    assert ask(loose, entities=[Entity(ALICE, attrs={"other": 1})])
    for rest in (
        {"context": {"other": 1}},
        {"entities": [Entity(ALICE, attrs={"other": 1})]},
        {"action": "Other"},
    ):
        with pytest.raises(InvalidRequestError):
            ask(strict, **rest)
    assert ask(strict, context={"mfa": True})


def test_7_ids_are_stable():
    named = '@id("first") permit(principal, action, resource);'
    assert ask(CedarEngine.from_text(named)).determining_policies == ("first",)
    bare = "permit(principal, action, resource);"
    assert ask(CedarEngine.from_text(bare)).determining_policies == ("policy",)
    assert ask(CedarEngine.from_text(bare + bare)).determining_policies == ("policy#1", "policy#2")
    by_id = {"store/a b`c": bare, 'q"uote': named}
    assert ask(CedarEngine.from_policies(by_id)).determining_policies == ('q"uote', "store/a b`c")


def test_8_no_partial_evaluation(monkeypatch):
    monkeypatch.delattr(cedarpy, "is_authorized_partial")
    assert ask(CedarEngine.from_text(ALL))


def test_actions_are_no_entities_of_a_request():
    engine = CedarEngine.from_text('permit(principal, action in Action::"Read", resource);')
    fake = Entity(EntityUid("Action", "View"), parents=[EntityUid("Action", "Read")])
    with pytest.raises(InvalidRequestError, match="no actions"):
        ask(engine, entities=[fake])
    with pytest.raises(InvalidRequestError, match="no actions"):
        ask(engine, entities=[Entity(EntityUid("Shop::Action", "View"))])


# ---- What the engine holds ----

HELD = [
    Entity(ALICE, attrs={"level": 3}, parents=[EntityUid("Group", "staff")]),
    Entity(EntityUid("Group", "buyers"), parents=[EntityUid("Group", "staff")]),
]
STAFF = 'permit(principal in Group::"staff", action, resource);'


def test_held_entities_are_seen_with_and_without_given_ones():
    engine = CedarEngine.from_text(STAFF, entities=HELD)
    assert ask(engine)
    assert ask(engine, resource=Entity(DOC))
    assert not ask(engine, EntityUid("User", "bob"))


def test_a_request_cannot_redefine_what_is_held():
    engine = CedarEngine.from_text(STAFF, entities=HELD)
    with pytest.raises(InvalidRequestError):
        ask(engine, EntityUid("User", "bob"), entities=[Entity(ALICE)])
    with pytest.raises(InvalidRequestError):
        ask(engine, Principal("alice", groups=("staff",)))


def test_the_bare_groups_of_a_caller_give_way_to_held_ones():
    engine = CedarEngine.from_text(STAFF, entities=HELD)
    assert ask(engine, Principal("bob", groups=("buyers",)))
    assert not ask(engine, Principal("bob", groups=("others",)))


def test_groups_of_actions_may_be_held_without_a_schema():
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
                "parents": [{"type": "Action", "id": "Any"}],
            },
        ]
    )
    engine = CedarEngine.from_text(
        'permit(principal, action in Action::"Any", resource);', entities=held
    )
    assert ask(engine)
    assert not ask(engine, action="Edit")


# ---- Slicing ----


def test_a_forbid_on_a_group_applies_to_users():
    engine = CedarEngine.from_text(
        "permit(principal, action, resource);"
        'forbid(principal in Group::"banned", action, resource);'
    )
    assert ask(engine, Principal("bob"))
    assert not ask(engine, Principal("bob", groups=("banned",)))
    assert not ask(engine, EntityUid("Group", "banned"))


def test_slices_are_bounded():
    policies = "".join(
        f'permit(principal, action, resource == Doc::"{number}");' for number in range(50)
    )
    engine = CedarEngine.from_text(policies)
    engine._policies._sets = WeighedMemo(max_entries=100, max_weight=10)
    for number in range(50):
        assert ask(engine, resource=EntityUid("Doc", str(number)))
        assert engine._policies._sets.weight <= 10
    assert not ask(engine, resource=EntityUid("Doc", "50"))


def test_templates_decide_only_through_links():
    template = '@id("share") permit(principal == ?principal, action, resource == ?resource);'
    assert not ask(CedarEngine.from_text(template))
    link = TemplateLink("share", "share-1", {"?principal": ALICE, "?resource": DOC})
    engine = CedarEngine.from_text(template, links=[link])
    assert len(engine) == 1
    assert ask(engine).determining_policies == ("share-1",)
    assert not ask(engine, EntityUid("User", "bob"))


# ---- Values ----


def test_typed_values_reach_the_policies():
    engine = CedarEngine.from_text(
        """permit(principal, action, resource) when {
            context.ip.isInRange(ip("10.0.0.0/8")) && context.price.lessThan(decimal("10.0"))
            && context.at > datetime("2026-01-01") && context.age < duration("2h")
            && context.tags.contains("a")
            && context.record.owner == principal && context.long == -9223372036854775808
        };"""
    )
    context = {
        "ip": CedarIp("10.1.2.3"),
        "price": CedarDecimal("9.99"),
        "at": CedarDatetime("2026-11-20T12:00:00Z"),
        "age": CedarDuration("1h30m"),
        "tags": {"a", "b"},
        "record": {"owner": ALICE},
        "long": -(2**63),
    }
    assert ask(engine, context=context)


# ---- Errors when built ----


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"a.cedar": f"// x\n\n{ALL}\n\n\npermit(principal, actn, resource);"},
            "a.cedar:6:19: ",
        ),
        ({"a.cedar": "permit(principal, action, resource)"}, "a.cedar:1:35: "),
        ({"a.cedar": '\n\n"; permit'}, "a.cedar:"),
        (
            {
                "a.cedar": ALL,
                "b.cedar": '\n// c\npermit(principal, action == Action::"Nope", resource);',
                "schema.cedarschema": SCHEMA,
            },
            "b.cedar:3:29: ",
        ),
        (
            {
                "a.cedar": '@id("x") permit(principal, action, resource);',
                "b.cedar": '\n@id("x")\nforbid(principal, action, resource);',
            },
            "two policies have the id `x`: .*a.cedar:1 and .*b.cedar:2",
        ),
        (
            {"a.cedar": ALL, "schema.cedarschema": "entity ;"},
            "schema.cedarschema:1:8: the schema does not parse: ",
        ),
        (
            {"a.cedar": ALL, "schema.json": '{"": \n}'},
            "schema.json: the schema does not parse: .* at line 2 ",
        ),
        (
            {
                "a.cedar": ALL,
                "schema.cedarschema": "\nentity U = { a: "
                + "Set<" * 2000
                + "Long"
                + ">" * 2000
                + " };",
            },
            "schema.cedarschema:2: the schema is nested too deeply",
        ),
        (
            {"a.cedar": ALL, "entities.json": "[\n{]"},
            "entities.json: `entities` do not parse, or do not fit the schema: line 2: ",
        ),
        (
            {
                "a.cedar": ALL,
                "schema.cedarschema": SCHEMA,
                "entities.json": json.dumps(
                    [
                        {"uid": {"type": "User", "id": id_}, "attrs": attrs, "parents": []}
                        for id_, attrs in (("a", {}), ("b", {"level": "secret"}))
                    ]
                ),
            },
            "entities.json: `entities` do not parse, or do not fit the schema: entity 2 of 2$",
        ),
        ({"a.cedar": ALL, "entities.json": '{"secret": 1}'}, "entities.json: .*fit the schema$"),
        (
            {"a.cedar": ALL, "template-links.json": "[" * 200_000 + "]" * 200_000},
            "template-links.json` is no list",
        ),
        (
            {
                "a.cedar": ALL,
                "template-links.json": '[{"templateId": "t", "templateId": "a", "newId": "l",'
                '"values": {}}]',
            },
            "template-links.json",
        ),
        (
            {"a.cedar": ALL, "template-links.json": '[{"x": 1}]'},
            "template-links.json",
        ),
        ({"a.cedar": ALL, "schema.json": "{}", "schema.cedarschema": ""}, "both"),
        ({}, "no `\\*.cedar` files"),
    ],
)
def test_a_directory_that_is_wrong_says_where(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        CedarEngine.from_directory(tmp_path)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "a.cedar").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        CedarEngine.from_directory(tmp_path)


def test_a_directory(tmp_path):
    (tmp_path / "orders.cedar").write_text("permit(principal, action, resource is Order);")
    (tmp_path / "more.cedar").write_text(
        f'@id("x") permit(principal, action, resource is Doc);{ALL}'
    )
    (tmp_path / "entities.json").write_text(
        '[{"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": []}]'
    )
    engine = CedarEngine.from_directory(tmp_path)
    assert ask(engine).determining_policies == ("more#2", "x")
    assert ask(engine, resource=EntityUid("Order", "1")).determining_policies == (
        "more#2",
        "orders",
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: CedarEngine.from_policies({"two": "permit(principal, action, resource);" * 2}),
        lambda: CedarEngine.from_policies({"none": ""}),
        lambda: CedarEngine.from_text(
            "permit(principal == ?principal, action, resource);",
            links=[TemplateLink("no", "l", {})],
        ),
        lambda: CedarEngine.from_text(
            '@id("t") permit(principal == ?principal, action, resource);',
            links=[TemplateLink("t", "l", {})],
        ),
        lambda: CedarEngine.from_text(
            '@id("t") permit(principal == ?principal, action, resource);',
            links=[TemplateLink("t", "l", {"?principal": "User::a"})],
        ),
        lambda: (
            CedarEngine.from_text(  # two links with one id: nobody could tell which of them decided
                '@id("t") permit(principal == ?principal, action, resource);',
                links=[
                    TemplateLink("t", "l", {"?principal": EntityUid("User", name)})
                    for name in ("a", "b")
                ],
            )
        ),
        lambda: CedarEngine.from_text("", on_evaluation_error="allow"),
        lambda: CedarEngine.from_text("", action_type="Verb"),
        lambda: CedarEngine.from_text("", principal_type="a user"),
        lambda: CedarEngine.from_text("", principal_id="email"),
        lambda: CedarEngine.from_directory(None),
        lambda: CedarEngine.from_text(None),
        lambda: CedarEngine.from_text(b"permit(principal, action, resource);"),
        lambda: CedarEngine.from_text("", 5),
        lambda: CedarEngine.from_text("", links=5),
        lambda: CedarEngine.from_text("", entities=None),
        lambda: CedarEngine.from_text("", entities=[5]),
        lambda: CedarEngine.from_text("", entities=5),
        lambda: CedarEngine.from_policies(None),
        lambda: CedarEngine.from_policies({"a": None}),
        lambda: CedarEngine.from_policies(["a"]),
        lambda: CedarEngine.from_text("", decision_log="x"),
        lambda: CedarEngine.from_text("", action_typ="Action"),
        lambda: CedarEngine.from_directory(".", policies="x"),
        lambda: CedarEngine.from_policies({}, validate=True),
        lambda: CedarEngine.from_text(
            "permit(principal, action, resource) when { " + "[" * 70 + "]" * 70 + " == [] };"
        ),
    ],
)
def test_what_is_wrong_fails_when_built(build):
    with pytest.raises(ConfigurationError):
        build()


def test_no_policies_allow_nothing():
    assert not ask(CedarEngine.from_text(""))


def test_the_engine_takes_no_tokens():
    with pytest.raises(InvalidRequestError):
        CedarEngine.from_text("").is_authorized_with_token("View", DOC, access_token="a.b.c")


# ---- What the parser would not survive ----

NESTED = {
    "brackets": lambda n: "(" * n + "true" + ")" * n,
    "sets": lambda n: "[" * n + "1" + "]" * n + " == 1",
    "records": lambda n: "{a: " * n + "1" + "}" * n + " == 1",
    "calls": lambda n: "context.a.contains(" * n + "1" + ")" * n,
    "ifs": lambda n: "if true then " * n + "true" + " else false" * n,
    "ors": lambda n: " || ".join(["context.a"] * n),
    "sums": lambda n: "+".join(["1"] * n) + " == 1",
    "members": lambda n: "context" + ".a" * n,
    "indexes": lambda n: "context" + '["a"]' * n,
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_policy_that_the_parser_would_not_survive_is_refused(kind):
    """Each of them ends the process: with 20,000 levels on 8 MB of stack, brackets with 1,000."""
    text = f"permit(principal, action, resource) when {{ {NESTED[kind](20_000)} }};"
    fault = "is nested too deeply, more than 64 levels|has a chain of more than 400 operators"
    with pytest.raises(ConfigurationError, match=fault):
        CedarEngine.from_text(text)


@pytest.mark.parametrize(
    ("kind", "levels"), [("brackets", 62), ("sets", 61), ("ifs", 61), ("ors", 61), ("calls", 58)]
)
def test_what_is_not_refused_fits_into_a_small_stack(kind, levels):
    """In a process of its own: it would end.  1 MB is what musl and Windows give to a thread."""
    text = f"permit(principal, action, resource) when {{ {NESTED[kind](levels)} }};"
    code = """
import sys, threading
from authz_lib.decisions.policy_files import parse_policies
threading.stack_size(1024 * 1024)
thread = threading.Thread(target=lambda: print(len(parse_policies("f", sys.argv[1]))))
thread.start()
thread.join()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, text], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "1\n")


def test_what_stands_in_texts_and_comments_is_not_counted():
    brackets = "(" * 200
    head = "permit(principal, action, resource)"
    text = f'{head} when {{ context.a == "\\"{brackets}" }}; // {brackets}\n'
    assert len(CedarEngine.from_text(text * 50 + ALL)) == 51
    wide = ", ".join(["(1 + 2)"] * 5000)
    assert (
        len(
            CedarEngine.from_text(
                f"permit(principal, action, resource) when {{ [{wide}].contains(1) }};"
            )
        )
        == 1
    )


def test_a_long_list_is_not_deep():
    listed = ", ".join(f'"{number}"' for number in range(5000))
    engine = CedarEngine.from_text(
        f"permit(principal, action, resource) when {{ [{listed}].contains(context.x) }};"
    )
    assert ask(engine, context={"x": "4999"})
    assert not ask(engine, context={"x": "5000"})


@pytest.mark.parametrize("sign", ["||", "&&"])
def test_a_chain_at_the_bound_decides_on_a_small_stack(sign):
    """The parser ends a process at 984 operators on 512 KiB and at 1,997 on 1 MiB."""
    chain = f" {sign} ".join(["context.a"] * MAX_CHAIN)  # one operator less, and one member
    code = """
import sys, threading
from authz_lib import AuthorizationRequest, CedarEngine, EntityUid
def run():
    engine = CedarEngine.from_text(sys.argv[1], sys.argv[2])
    alice, doc = EntityUid("User", "alice"), EntityUid("Doc", "1")
    for value in (True, False):
        request = AuthorizationRequest(alice, "View", doc, {"a": value})
        print(bool(engine.is_authorized(request)))
threading.stack_size(512 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    text = f"permit(principal, action, resource) when {{ {chain} }};"
    schema = """entity User, Doc;
        action View appliesTo { principal: User, resource: Doc, context: { a: Bool } };"""
    ended = subprocess.run(
        [sys.executable, "-c", code, text, schema],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "True\nFalse\n"), ended.stderr
    with pytest.raises(
        ConfigurationError,
        match=r"^<policies>:2: the policy has a chain of more than 400 operators$",
    ):
        CedarEngine.from_text(f"{ALL}\n{text.replace(chain, f'{chain} {sign} context.a')}")


@pytest.mark.parametrize(
    ("chain", "context", "allowed"),
    [
        (" || ".join(f"context.a == {n}" for n in range(150)), {"a": 149}, True),
        (" || ".join(f"context.a == {n}" for n in range(150)), {"a": 150}, False),
        (" && ".join(f"context.a != {n}" for n in range(150)), {"a": 150}, True),
        (" && ".join(f"context.a != {n}" for n in range(150)), {"a": 149}, False),
        # An operand that errs is not reached when an earlier one decides.
        (" || ".join(["context.a == 1", *["context.b"] * 99]), {"a": 1}, True),
        (" || ".join(["context.a == 1", *["context.b"] * 99]), {"a": 2}, None),
        (" && ".join(["context.a == 1", *["context.b"] * 99]), {"a": 2}, False),
        (" && ".join([f"(context.a == 1{' || false' * 90})"] * 80), {"a": 1}, True),
    ],
)  # fmt: skip
def test_a_long_chain_is_read_from_left_to_right(chain, context, allowed):
    """Cedar's JSON form, which slices are made of, has two levels per operator, and 128 in all."""
    text = f"permit(principal, action, resource) when {{ {chain} }};"
    decision = ask(CedarEngine.from_text(text), context=context)
    assert decision.allowed is bool(allowed)
    assert bool(decision.errors) is (allowed is None)


@pytest.mark.parametrize(
    "value", [{"__extn": " "}, {"__extn": {"fn": "ip"}}, {"__extn": 1, "a": 2}]
)
def test_held_entities_that_cedar_reads_and_does_not_write(value):
    entity = {"uid": {"type": "User", "id": "a"}, "attrs": {"x": value}, "parents": []}
    with pytest.raises(ConfigurationError, match=r"`entities` "):
        CedarEngine.from_text(ALL, entities=json.dumps([entity]))


SUMS = {
    n: f"permit(principal, action, resource) when {{ {' + '.join(['context.a'] * n)} == {n} }};"
    for n in (2, 70, 399)
}


def test_a_long_sum_is_decided_under_its_own_id():
    """Its order is not changed, since another one could overflow elsewhere."""
    engine = CedarEngine.from_policies(
        {"long": SUMS[70], "policy": SUMS[2], "very#long": SUMS[399], "all": ALL}
    )
    decision = ask(engine, context={"a": 1})
    assert decision.determining_policies == ("all", "long", "policy", "very#long")
    decision = ask(engine, context={"a": 2**62})
    assert [error.partition(":")[0] for error in decision.errors] == [
        f"error while evaluating policy `{name}`" for name in ("long", "policy", "very#long")
    ]


def test_a_long_sum_of_another_action_says_nothing():
    text = SUMS[70].replace("action", 'action == Action::"Other"')
    assert not ask(CedarEngine.from_text(text), context={"a": 1})
    assert not ask(CedarEngine.from_text(text), context={}).errors


def test_an_id_that_cedar_would_give_to_a_long_sum_is_refused():
    with pytest.raises(ConfigurationError, match=r"^the id `policy0` is taken: a policy that is "):
        CedarEngine.from_policies({"long": SUMS[70], "policy0": ALL})
    engine = CedarEngine.from_policies({"long": SUMS[70], "policy1": ALL})
    assert ask(engine, context={"a": 1}).determining_policies == ("long", "policy1")


def test_a_template_with_a_long_sum_is_refused():
    text = SUMS[70].replace("principal,", "principal == ?principal,")
    link = TemplateLink("policy", "mine", {"?principal": EntityUid("User", "alice")})
    with pytest.raises(ConfigurationError, match="`mine` does not fit its template, or is nested"):
        CedarEngine.from_text(text, links=[link])


@pytest.mark.parametrize(
    "build",
    [
        lambda path: CedarEngine.from_text(ALL),
        lambda path: CedarEngine.from_policies({"a": ALL}),
        CedarEngine.from_directory,
        lambda path: PolicyStoreServer(),
        lambda path: PolicyStores(),
    ],
)
def test_without_cedarpy_one_line_says_what_to_install(tmp_path, monkeypatch, build):
    (tmp_path / "a.cedar").write_text(ALL)
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(
        ConfigurationError,
        match=r"^Cedar on this machine needs the extra `cedar` of authz-lib$",
    ):
        build(tmp_path)


@pytest.mark.parametrize("end", ["", "\\"])
def test_a_text_without_an_end_is_refused_in_linear_time(end):
    text = 'permit(principal, action, resource) when { "' + '\\"' * 200_000 + end
    started = time.process_time()
    with pytest.raises(ConfigurationError, match="does not parse"):
        parse_policies("a.cedar", text)
    assert time.process_time() - started < 5  # quadratic: more than ten minutes


def test_a_request_at_every_bound_is_decided_on_a_stack_of_256_kib():
    script = """
import threading
from itertools import pairwise
from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid

def nested(levels):
    value = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value

folders = [EntityUid("Folder", str(number)) for number in range(64)]
attrs = {"deep": nested(31)}
given = [Entity(uid, parents=[above], attrs=attrs) for uid, above in pairwise(folders)]
given.append(Entity(folders[-1]))
request = AuthorizationRequest(
    EntityUid("User", "a"), "Read", folders[0], {"deep": nested(31)}, entities=given
)
policies = 'permit(principal, action, resource in Folder::"63") when { context has deep };'
held = [Entity(EntityUid("User", "b"), attrs=attrs)]
engines = [CedarEngine.from_text(policies, entities=entities) for entities in ([], held)]

def run():
    print([bool(engine.is_authorized(request)) for engine in engines])

threading.stack_size(256 * 1024)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[True, True]", 0), done.stderr

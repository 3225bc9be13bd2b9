"""A schema as the analysis reads it."""

from __future__ import annotations

from authz_lib.decisions.cedar_schema import (
    EntityType,
    Primitive,
    RecordType,
    SetType,
    read_policy_schema,
)

TEXT = r"""
type Address = { "zip code": String, street?: String };
entity Person = { home: Address };
@doc("a shop")
namespace Shop {
  type Role = { name: __cedar::String };
  entity Color enum ["red", "bl\"ue"];
  entity Org;
  entity Group in [Org, Group] tags Set<String>;
  @doc("who buys")
  entity User in [Group] {
    @doc("where") home?: Address, roles: Set<Role>, ok: Bool, ip: ipaddr, price: decimal,
    "in": Long, boss: User, color: Color,
  } tags String;
  action "view all", edit in [rw, Action::"any"] appliesTo {
    principal: [User], resource: [Org, Group], context: { at: { hour: Long } }
  };
  action rw in [any];
  action any;
  type Asked = { why?: String };
  action ask appliesTo { principal: User, resource: Org, context: Asked };
}
action log in [Shop::Action::"any"] appliesTo { principal: Person, resource: Shop::Org };
"""
LONG, STRING, BOOL = map(Primitive, ("Long", "String", "Bool"))


def test_names_mean_what_their_namespace_says():
    schema = read_policy_schema(TEXT)
    address = RecordType({"street": (STRING, False), "zip code": (STRING, True)})
    assert schema.entities["Person"].attrs == RecordType({"home": (address, True)})
    user = schema.entities["Shop::User"]
    assert user.attrs.fields == {
        "boss": (EntityType("Shop::User"), True),
        "color": (EntityType("Shop::Color"), True),
        "home": (address, False),
        "in": (LONG, True),
        "ip": (Primitive("ipaddr"), True),
        "ok": (BOOL, True),
        "price": (Primitive("decimal"), True),
        "roles": (SetType(RecordType({"name": (STRING, True)})), True),
    }
    assert (user.tags, user.parents, user.ids) == (STRING, ("Shop::Group",), None)
    assert schema.entities["Shop::Group"].tags == SetType(STRING)
    assert schema.entities["Shop::Color"].ids == ("red", 'bl"ue')
    assert schema.above("Shop::User") == {"Shop::Group", "Shop::Org"}
    assert schema.above("Person") == schema.above("Nobody") == frozenset()


def test_actions_with_their_groups():
    actions = {action.uid: action for action in read_policy_schema(TEXT).actions}
    shop = "Shop::Action"
    assert list(actions) == sorted(actions)
    edit = actions[shop, "edit"]
    assert edit.groups == {(shop, "rw"), (shop, "any")}
    assert (edit.principals, edit.resources) == (("Shop::User",), ("Shop::Org", "Shop::Group"))
    assert edit.context == RecordType({"at": (RecordType({"hour": (LONG, True)}), True)})
    assert actions[shop, "view all"].groups == edit.groups
    assert actions[shop, "ask"].context == RecordType({"why": (STRING, False)})
    assert actions[shop, "any"].principals == ()
    log = actions["Action", "log"]
    assert (log.groups, log.principals) == ({(shop, "any")}, ("Person",))


def test_the_json_form():
    text = """{"": {"entityTypes": {"U": {"shape": {"type": "Record", "attributes":
        {"n": {"type": "Long", "required": false}}}}}, "actions": {"a": {"appliesTo":
        {"principalTypes": ["U"], "resourceTypes": ["U"]}}}}}"""
    schema = read_policy_schema(text)
    assert schema.entities["U"].attrs == RecordType({"n": (LONG, False)})
    assert schema.actions[0].resources == ("U",)

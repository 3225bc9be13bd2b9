"""The attributes and parents of entity types, as a schema declares them."""

from __future__ import annotations

import json

from authz_lib.decisions.cedar_text import parse_schema
from authz_lib.decisions.resource_shape import read_resource_shapes

SCHEMA = """
namespace Shop {
  type Address = { city: String, zip?: Long };
  type Count = Long;
  type Person = User;
  entity User in [Group] { "odd \\"name\\u{e9}": Bool } tags String;
  entity Group;
  @doc("an order, with a comma")
  @internal
  entity Order in [Folder, Group] {
    owner: User, seller?: Person, total: Count, at: Address, place: ipaddr, labels: Set<String>,
    @doc("x: Long, y") note?: String, plain: __cedar::String, outer: Outer,
    parts: { a: Long, b?: { c: Set<Long> } }, closed: Bool,
  } tags Long;
  entity Folder in [Folder];
  entity Colour enum ["red; blue", "x"];
  entity Tagged tags String;
  action "Get" appliesTo { principal: User, resource: Order, context: { mfa: Bool } };
}
entity Outer;
"""


def shapes_of(text):
    return read_resource_shapes(parse_schema(text))


def test_the_attributes_of_a_type():
    order = shapes_of(SCHEMA)["Shop::Order"]
    fields = {name: (field.kind, field.entity_type) for name, field in order.attributes.items()}
    assert fields == {
        "owner": ("Entity", "Shop::User"),
        "seller": ("Entity", "Shop::User"),
        "total": ("Long", ""),
        "at": ("Other", ""),
        "place": ("Other", ""),
        "labels": ("Other", ""),
        "note": ("String", ""),
        "plain": ("String", ""),
        "outer": ("Entity", "Outer"),
        "parts": ("Other", ""),
        "closed": ("Bool", ""),
    }
    assert order.attributes.keys() - order.required == {"seller", "note"}
    assert order.parents == ("Shop::Folder", "Shop::Group")


def test_the_other_types():
    shapes = shapes_of(SCHEMA)
    assert shapes.keys() == {
        *["Outer", "Shop::User", "Shop::Group", "Shop::Order", "Shop::Folder"],
        *["Shop::Colour", "Shop::Tagged"],
    }
    assert [*shapes["Shop::User"].attributes] == ['odd "nameé']
    assert shapes["Shop::Folder"].parents == ("Shop::Folder",)
    assert not shapes["Shop::Colour"].attributes
    assert not shapes["Shop::Tagged"].attributes


def test_the_json_form_is_read_where_the_other_one_can_say_it():
    document = {
        "": {
            "commonTypes": {
                "Row": {
                    "type": "Record",
                    "attributes": {"total": {"type": "Long"}, "note": {"type": "String"}},
                }
            },
            "entityTypes": {"Order": {"shape": {"type": "Row"}}, "User": {}},
            "actions": {},
        }
    }
    assert shapes_of(json.dumps(document)) == {}
    document[""]["entityTypes"]["Order"]["shape"] = document[""]["commonTypes"]["Row"]
    shape = shapes_of(json.dumps(document))["Order"]
    assert {name: field.kind for name, field in shape.attributes.items()} == {
        "total": "Long",
        "note": "String",
    }
    assert shape.required == {"total", "note"}

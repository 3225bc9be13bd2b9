"""The names that are read of a schema are those that Cedar itself goes by."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cedarpy
import pytest

from authz_lib import CedarEngine
from authz_lib.decisions.cedar_text import parse_schema
from authz_lib.decisions.schema_names import read_schema_names

SCHEMA = r"""
@doc("x
action \"fake\" appliesTo {")
namespace Shop {
  type Ctx = { a: Long, "action b": String, principal: Set<String> };
  entity User in [Group] = { "action q": Long, entity: Long, resource: Set<Long> } tags String;
  entity Group;
  entity Color enum ["red", "action \"z\""];
  entity Order, Invoice;
  action "say \"hi\" \u{1}\n é \\", "get /pets/{petId}" in [All, Other::Action::"G"]
    appliesTo { principal: User, resource: [Order, Other::X], context: Ctx };
  action All;
}
namespace Other { entity X; entity Order; action G; }
entity Top;
action top appliesTo { principal: [Top], resource: [Shop::Order, Top], context: {} };
"""


def test_every_name_has_its_namespace():
    names = CedarEngine.from_text("", SCHEMA).schema_names
    shop = {f"Shop::{name}" for name in ("User", "Group", "Color", "Order", "Invoice")}
    assert names.entity_types == shop | {"Other::X", "Other::Order", "Top"}
    both = ({"Shop::User"}, {"Shop::Order", "Other::X"})
    assert dict(names.actions) == {
        ("Shop::Action", 'say "hi" \x01\n é \\'): both,
        ("Shop::Action", "get /pets/{petId}"): both,
        ("Shop::Action", "All"): (set(), set()),
        ("Other::Action", "G"): (set(), set()),
        ("Action", "top"): ({"Top"}, {"Shop::Order", "Top"}),
    }


def test_the_json_form_is_read_alike():
    document = {
        "": {
            "entityTypes": {"A": {}, "B": {}},
            "actions": {
                "do": {"appliesTo": {"principalTypes": ["A"], "resourceTypes": ["B"]}},
                "none": {},
            },
        }
    }
    names = CedarEngine.from_text("", json.dumps(document)).schema_names
    assert dict(names.actions) == {
        ("Action", "do"): ({"A"}, {"B"}),
        ("Action", "none"): (set(), set()),
    }


def test_without_a_schema_there_are_no_names():
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    assert engine.schema_names is None
    assert engine.cached().schema_names is None


def test_a_cache_knows_what_is_behind_it():
    engine = CedarEngine.from_text("", "entity A; action a appliesTo {principal: A, resource: A};")
    assert set(engine.cached().schema_names.actions) == {("Action", "a")}


def applies(schema, action, principal, resource):
    """Whether a policy of this scope can ever matter, as Cedar's validator sees it."""
    kind, name = action
    scope = (
        f"principal is {principal}, action == {kind}::{json.dumps(name)}, resource is {resource}"
    )
    return not cedarpy.validate_policies(f"permit({scope});", schema).errors


FOLDER = Path(os.environ.get("AUTHZ_VECTORS", "nowhere")) / "cedar/cedar-examples"
FILES = sorted(FOLDER.rglob("*.cedarschema")) if FOLDER.is_dir() else []


@pytest.mark.skipif(not FILES, reason="AUTHZ_VECTORS names no folder")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_cedar_agrees_on_public_schemas(path):
    schema = cedarpy.Schema.from_str(path.read_text())
    names = read_schema_names(schema)
    assert names.actions
    types = sorted(names.entity_types)
    for action, found in names.actions.items():
        pairs = {
            (principal, resource)
            for principal in types
            for resource in types
            if applies(schema, action, principal, resource)
        }
        assert pairs == {(p, r) for p in found.principal_types for r in found.resource_types}


def test_attributes_with_their_types():
    text = """
    type Level = Deep; type Deep = Long; type Home = { city: String };
    entity Group; entity Application;
    entity User in [Group] = {
      email: String, level?: Level, levels?: Set<Level>, "odd \\"name": Bool, home?: Home,
      place: { street: { name: String } }, boss?: User, from?: ipaddr, at?: datetime,
    } tags String;
    namespace Shop { type Rank = Deep; entity Clerk = { rank: Rank, deep: Deep }; }
    """
    assert {
        name: dict(found)
        for name, found in read_schema_names(parse_schema(text)).attributes.items()
    } == {
        "Group": {},
        "Application": {},
        "User": {
            "email": "String", "level": "Long", "levels": "Set<Long>", 'odd "name': "Bool",
            "home": "Home", "place": "{", "boss": "User", "from": "ipaddr", "at": "datetime",
        },
        "Shop::Clerk": {"rank": "Long", "deep": "Long"},
    }  # fmt: skip


def test_the_json_form_names_the_same_attributes():
    document = {
        "": {
            "commonTypes": {"Names": {"type": "Set", "element": {"type": "String"}}},
            "entityTypes": {
                "User": {
                    "shape": {
                        "type": "Record",
                        "attributes": {
                            "staff": {"type": "Boolean"},
                            "names": {"type": "Names"},
                            "email": {"type": "EntityOrCommon", "name": "String"},
                            "home": {"type": "Record", "attributes": {"a": {"type": "Long"}}},
                        },
                    }
                }
            },
            "actions": {},
        }
    }
    names = read_schema_names(parse_schema(json.dumps(document)))
    assert dict(names.attributes["User"]) == {
        "staff": "Bool", "names": "Set<String>", "email": "String", "home": "{",
    }  # fmt: skip

"""Entities: frozen, comparable, and written in two ways."""

from __future__ import annotations

import copy
import pickle

import pytest

from authz_lib.entities import (
    CedarDecimal,
    Entity,
    EntityUid,
    value_from_avp,
    value_from_cedar_json,
)
from authz_lib.errors import InvalidRequestError

ALICE = EntityUid("User", "alice")
STAFF = EntityUid("Group", "staff")


def test_an_entity_is_frozen_and_does_not_follow_its_source():
    attrs = {"roles": ["a"]}
    entity = Entity(ALICE, attrs=attrs)
    attrs["roles"].append("root")
    assert entity.attrs["roles"] == ("a",)
    with pytest.raises(AttributeError):
        entity.uid = STAFF
    with pytest.raises(TypeError):
        entity.attrs["roles"] = ()


def test_equal_entities_are_equal_in_whatever_order_they_were_written():
    first = Entity(
        ALICE,
        attrs={"a": 1, "b": {"x", "y", "z"}},
        parents=[STAFF, EntityUid("Group", "b")],
        tags={"t": "1"},
    )
    second = Entity(
        ALICE,
        attrs={"b": ["z", "y", "x", "x"], "a": 1},
        parents=[EntityUid("Group", "b"), STAFF],
        tags={"t": "1"},
    )
    assert first == second
    assert hash(first) == hash(second)
    assert first != Entity(ALICE, attrs={"a": True, "b": {"x", "y", "z"}})
    assert first != "alice"


def test_an_entity_survives_pickle_and_copy():
    entity = Entity(ALICE, attrs={"n": {"d": CedarDecimal("1.5")}}, parents=[STAFF])
    assert pickle.loads(pickle.dumps(entity)) == entity
    assert copy.deepcopy(entity) == entity


def test_the_repr_shows_no_values():
    assert "secret" not in repr(Entity(EntityUid("User", "secret"), attrs={"x": "secret"}))


@pytest.mark.parametrize(
    "build", [lambda: Entity("User::a"), lambda: Entity(ALICE, parents=["Group::a"])]
)
def test_ids_are_entity_uids(build):
    with pytest.raises(InvalidRequestError):
        build()


@pytest.mark.parametrize("attrs", [None, [("a", 1)], {"a": None}])
def test_attributes_are_a_mapping_of_values(attrs):
    with pytest.raises(InvalidRequestError) as raised:
        Entity(ALICE, attrs=attrs)
    assert raised.value.field.startswith("attrs")


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"__entity": {"type": "User"}},
        {"__entity": {"type": "User", "id": "a"}, "x": 1},
        {"__extn": {"fn": "exec", "arg": "1"}},
        {"__extn": {"fn": ["ip"], "arg": "1"}},
        {"__extn": {"fn": "ip", "arg": 1}},
        {"__expr": "true"},
        1.5,
    ],
)
def test_cedar_json_that_is_no_value_is_refused(document):
    with pytest.raises(InvalidRequestError):
        value_from_cedar_json(document)


@pytest.mark.parametrize(
    "union",
    [
        {},
        {"long": 1, "string": "a"},
        {"long": True},
        {"boolean": 1},
        {"long": 2**63},
        {"string": 1},
        {"set": {}},
        {"record": []},
        {"record": {"__entity": {"string": "x"}}},
        {"entityIdentifier": {"entityType": "User"}},
        {"float": 1},
        None,
    ],
)
def test_a_union_that_is_no_value_is_refused(union):
    with pytest.raises(InvalidRequestError):
        value_from_avp(union)


def test_entities_are_read_in_both_forms_of_an_id():
    bare = {
        "uid": {"type": "User", "id": "alice"},
        "attrs": {},
        "parents": [{"type": "Group", "id": "staff"}],
    }
    marked = {"uid": {"__entity": bare["uid"]}, "parents": [{"__entity": bare["parents"][0]}]}
    assert (
        Entity.from_cedar_json(bare)
        == Entity.from_cedar_json(marked)
        == Entity(ALICE, parents=[STAFF])
    )
    with pytest.raises(InvalidRequestError):
        Entity.from_cedar_json({"attrs": {}})


@pytest.mark.parametrize(
    "members",
    [{"attrs": [["a"]]}, {"attrs": 1}, {"tags": "x"}, {"parents": 1.5}, {"parents": {"a": 1}}],
)
def test_a_document_with_a_member_of_another_type_is_no_entity(members):
    with pytest.raises(InvalidRequestError, match="not a Cedar JSON entity"):
        Entity.from_cedar_json({"uid": {"type": "User", "id": "a"}} | members)


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
def test_the_levels_of_a_document_at_the_bound_and_one_past_it(wrap):
    def nested(levels):
        value = 1
        for _ in range(levels):
            value = wrap(value)
        return value

    value_from_cedar_json(nested(32))
    for levels in (33, 20_000):
        with pytest.raises(InvalidRequestError, match="may be nested 32 levels deep"):
            value_from_cedar_json(nested(levels))


@pytest.mark.parametrize("name", ["set", "record"])
def test_the_levels_of_a_union_at_the_bound_and_one_past_it(name):
    def nested(levels):
        value = {"long": 1}
        for _ in range(levels):
            value = {name: [value] if name == "set" else {"a": value}}
        return value

    value_from_avp(nested(32))
    for levels in (33, 20_000):
        with pytest.raises(InvalidRequestError, match="may be nested 32 levels deep"):
            value_from_avp(nested(levels))

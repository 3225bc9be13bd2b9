"""Filter conditions of DynamoDB, on moto; `tests/property` adds generated ones."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from authz_lib import CedarEngine, Entity, EntityUid, Principal
from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.integrations.dynamodb import where

SCHEMA = """
entity Group; entity Folder;
entity User in [Group] = { tenant_id?: String };
entity Order in [Folder] = {
    owner: User, reviewer?: User, tenant_id: String, note?: String, total?: Long, limit?: Long,
    closed?: Bool, labels?: Set<String>,
};
action "commercial:GetOrder" appliesTo { principal: User, resource: Order };
"""
ACTION = "commercial:GetOrder"
ALICE = Principal("alice", tenant_id="t1")
NAMES = ["owner", "reviewer", "tenant_id", "note", "total", "limit", "closed", "labels"]
COLUMNS = {name: name for name in NAMES}


@pytest.fixture(scope="module")
def table():
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield boto3.resource("dynamodb", region_name="eu-west-1").create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def condition_of(policies, caller=ALICE, **options):
    engine = CedarEngine.from_text(policies, SCHEMA, validate_policies=False)
    return where(
        engine,
        caller,
        ACTION,
        **{"resource_type": "Order", "columns": COLUMNS, "resource_id": "id"} | options,
    )


def items_where(table, policies, items, caller=ALICE, **options):
    """The numbers of the items that a scan finds."""
    for old in table.scan()["Items"]:
        table.delete_item(Key={"id": old["id"]})
    for number, item in enumerate(items, start=1):
        table.put_item(Item={"id": str(number)} | item)
    found = table.scan(FilterExpression=condition_of(policies, caller, **options))["Items"]
    return sorted(int(item["id"]) for item in found)


def permit(condition):
    return f'@id("one") permit(principal, action, resource) when {{ {condition} }};'


def test_the_items_of_a_tenant(table):
    policies = permit("resource.owner == principal") + (
        "forbid(principal, action, resource) unless { resource.tenant_id == principal.tenant_id };"
    )
    items = [
        {"owner": "alice", "tenant_id": "t1"},
        {"owner": "alice", "tenant_id": "t2"},
        {"owner": "bob", "tenant_id": "t1"},
        {"owner": "alice"},
        {"owner": "alice", "tenant_id": None},
        {"owner": "Alice", "tenant_id": "t1"},
    ]
    assert items_where(table, policies, items) == [1]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("resource.total < 5", [1]),
        ("resource.total <= 5", [1, 2]),
        ("5 < resource.total", [3]),
        ("5 <= resource.total", [2, 3]),
        ("resource.total < resource.limit", [1]),
        ("resource.total <= resource.limit", [1, 2]),
        ("resource.total == resource.limit", [2]),
        ("resource.closed", [1]),
        ("!resource.closed", [2]),
        ("resource.closed || !resource.closed", [1, 2]),
        ("resource has labels", [3]),
        ("resource has note", [1, 2]),
        ('resource.note like "a*"', [1]),
        ('resource.note like "*b*"', [1, 2]),
        ('!(resource.note like "a*")', [2]),
        ('resource == Order::"4"', [4]),
        ('resource in Folder::"f"', [3]),
        ("resource.owner == resource.reviewer", [1]),
    ],
)
def test_comparisons(table, condition, numbers):
    items = [
        {"total": 4, "limit": 5, "closed": True, "note": "ab", "owner": "x", "reviewer": "x"},
        {"total": 5, "limit": 5, "closed": False, "note": "b", "owner": "x", "reviewer": "y"},
        {"total": 6, "labels": {"a"}, "note": None, "closed": None, "folder": "f"},
        {"labels": None},
    ]
    assert items_where(table, permit(condition), items, parents={"Folder": "folder"}) == numbers


def test_all_items_or_none(table):
    items = [{"owner": "alice"}, {}]
    assert items_where(table, "permit(principal, action, resource);", items) == [1, 2]
    assert items_where(table, "forbid(principal, action, resource);", items) == []


def test_an_item_with_a_value_of_another_type_is_left_out(table):
    policies = 'permit(principal, action, resource) unless { resource.note == "5" };'
    assert items_where(table, policies, [{"note": 5}, {"note": "6"}]) == [2]


def test_many_values_are_asked_for_in_lists_that_dynamodb_takes(table):
    many = ", ".join(f'User::"u{number}"' for number in range(250))
    items = [{"owner": "u0"}, {"owner": "u249"}, {"owner": "x"}]
    assert items_where(table, permit(f"[{many}].contains(resource.owner)"), items) == [1, 2]


@pytest.mark.parametrize("pattern", ["*a", "a*b", "*a*b*", "a*b*"])
def test_other_patterns_are_refused(pattern):
    with pytest.raises(InvalidRequestError, match=r"policy `one` .* DynamoDB knows `like`"):
        condition_of(permit(f'resource.note like "{pattern}"'))


def test_a_condition_that_is_too_long_for_dynamodb_is_refused():
    many = " || ".join(f'resource.note like "*{number}*"' for number in range(150))
    with pytest.raises(InvalidRequestError, match="longer than DynamoDB takes"):
        condition_of(permit(many))


def test_a_condition_of_many_parts_is_too_long_and_no_crash():
    held = [
        Entity(EntityUid("User", f"u{number}"), parents=[EntityUid("Group", f"g{number}")])
        for number in range(1200)
    ]
    schema = SCHEMA.replace("owner: User,", "owner: User, group?: Group,")
    policies = permit("resource has group && resource.owner in resource.group")
    engine = CedarEngine.from_text(policies, schema, held)
    columns = {"owner": "owner", "group": "group"}
    with pytest.raises(InvalidRequestError, match="longer than DynamoDB takes"):
        where(engine, ALICE, ACTION, resource_type="Order", columns=columns, resource_id="id")


@pytest.mark.parametrize(
    "options",
    [
        {"columns": "owner"},
        {"columns": {"owner": ""}},
        {"columns": {"owner": 5}},
        {"columns": {"ownr": "owner"}},
        {"resource_id": 5},
        {"parents": ["Folder"]},
    ],
)
def test_wrong_names_are_refused(options):
    with pytest.raises(ConfigurationError):
        condition_of(permit("resource.owner == principal"), **options)

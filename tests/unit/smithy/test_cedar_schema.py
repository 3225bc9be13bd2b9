"""The Cedar schema of a model: the real Cedar parses it and holds policies to it."""

from __future__ import annotations

import json

import pytest

from authz_lib.actions import ActionMap
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema import MAX_TYPES, cedar_schema
from authz_lib.smithy.model import Model

cedarpy = pytest.importorskip("cedarpy")

FINE = """
permit (principal in Group::"staff", action == Action::"shop:GetOrder", resource is Order)
when { resource.owner == principal && resource.tags.contains("open")
  && (resource has amount && resource.amount > 3) };
permit (principal, action == Action::"shop:GetLine", resource is Line)
when { resource in Order::"o-1" };
permit (principal, action == Action::"shop:ListOrders", resource == Application::"shop")
when { principal has tenant_id && principal.tenant_id == "acme" };
permit (principal, action == Action::"shop:GetOrder", resource is Order)
when { resource.address.street == "Elm" && (resource.address has "in" && resource.address["in"]) };
"""

WRONG = [
    'permit (principal, action == Action::"shop:NoSuch", resource);',
    'permit (principal, action == Action::"shop:GetOrder", resource) when {resource.nothing == 1};',
    # `amount` is optional.
    'permit (principal, action == Action::"shop:GetOrder", resource) when {resource.amount == 1};',
    'permit (principal, action == Action::"shop:GetOrder", resource == Application::"shop");',
    'permit (principal == Visitor::"v", action, resource);',
]


def schema(ast, **keywords):
    return cedar_schema(Model(ast).service(), **keywords)


def problems(policies, text):
    return [str(error) for error in cedarpy.validate_policies(policies, text).errors]


@pytest.mark.parametrize("form", ["text", "document"])
def test_the_policies_of_a_service_validate_and_wrong_ones_do_not(ast, form):
    made = getattr(schema(ast), form)
    assert problems(FINE, made) == []
    for policy in WRONG:
        assert problems(policy, made), policy


def test_the_text(ast):
    assert schema(ast).text.splitlines()[:8] == [
        "// Made from shop#Shop by `authz smithy cedar-schema`: change the model, not this file.",
        "entity Group;",
        "entity User in [Group] = { tenant_id?: String };",
        "entity Application;",
        "// `Order.address.since` is of a type that Cedar does not have.",
        "// `Order.placed` is of a type that Cedar does not have.",
        (
            "entity Order = { owner: User, amount?: Long, tags: Set<String>, "
            'address: { street: String, "in"?: Bool } };'
        ),
        "entity Line in [Order];",
    ]


def test_coarse_questions_are_about_the_application_too(ast):
    coarse = (
        'permit (principal, action == Action::"shop:GetOrder", resource == Application::"shop");'
    )
    assert problems(coarse, schema(ast, resources="application").text) == []
    assert problems(coarse, schema(ast).text)


def test_types_are_named_by_choice(ast):
    made = schema(
        ast, prefix="x", principal_type="Person", group_type="Team", application_type="Site"
    )
    assert (
        problems(
            'permit (principal in Team::"t", action == Action::"x:Health", resource is Site);',
            made.text,
        )
        == []
    )
    assert "owner: String" in made.text  # `shop#User` is no entity type then


def test_a_reference_to_a_namesake_elsewhere_is_a_string(ast):
    references = ast["shapes"]["shop#UserId"]["traits"]["smithy.api#references"]
    references[0]["resource"] = "shop#Line"
    assert "owner: Line" in schema(ast).text
    references[0]["resource"] = "other#Line"
    assert "owner: String" in schema(ast).text


def test_a_resource_that_is_the_caller_brings_its_attributes(ast):
    ast["shapes"]["shop#User"]["properties"] = {"email": {"target": "smithy.api#String"}}
    ast["shapes"]["shop#Shop"]["resources"].append({"target": "shop#User"})
    assert "entity User in [Group] = { tenant_id?: String, email: String };" in schema(ast).text


DECLARED = {"email": "text", "level": "number", "staff": "bool", "regions": "texts"}


def test_declared_attributes_of_callers_are_written(ast):
    made = schema(ast, attributes=DECLARED)
    assert (
        "entity User in [Group] = { tenant_id?: String, email?: String, level?: Long, "
        "staff?: Bool, regions?: Set<String> };" in made.text
    )
    policy = """permit (principal, action, resource) when {
        principal has email && principal.email == "a"
        && principal has level && principal.level > 3 && principal has staff && principal.staff
        && principal has regions && principal.regions.contains("eu") };"""
    assert problems(policy, made.text) == []
    for wrong in (
        policy.replace("level > 3", "email > 3"),
        policy.replace("principal has level && ", ""),
    ):
        assert problems(wrong, made.text) != []
    shape = made.document[""]["entityTypes"]["User"]["shape"]["attributes"]
    assert shape["regions"] == {
        "type": "Set", "element": {"type": "String"}, "required": False,
    }  # fmt: skip


def test_a_declared_attribute_is_optional_where_the_model_has_it_too(ast):
    ast["shapes"]["shop#User"]["properties"] = {"email": {"target": "smithy.api#String"}}
    ast["shapes"]["shop#Shop"]["resources"].append({"target": "shop#User"})
    assert "email?: String };" in schema(ast, attributes={"email": "text"}).text
    with pytest.raises(ConfigurationError, match="give `email` another type"):
        schema(ast, attributes={"email": "number"})


@pytest.mark.parametrize(
    "attributes", [{"tenant_id": "text"}, {"a b": "text"}, {"email": "string"}, {7: "text"}]
)
def test_a_declaration_that_cedar_or_the_authorizer_would_not_take(ast, attributes):
    with pytest.raises(ConfigurationError, match="`attributes`"):
        schema(ast, attributes=attributes)


def test_required_follows_nested_properties(ast):
    view = ast["shapes"]["shop#OrderView"]["members"]
    ast["shapes"]["shop#Outer"] = {
        "type": "structure",
        "members": {
            "order": {
                "target": "shop#OrderView",
                "traits": {"smithy.api#required": {}, "smithy.api#nestedProperties": {}},
            }
        },
    }
    ast["shapes"]["shop#GetOrder"]["output"] = {"target": "shop#Outer"}
    assert "owner: User" in schema(ast).text
    del view["owner"]["traits"]["smithy.api#required"]
    assert "owner?: User" in schema(ast).text


def test_actions_with_odd_names_are_quoted(ast):
    ast["shapes"]["shop#Health"]["traits"]["aws.iam#actionName"] = 'a"b\\c'
    made = schema(ast)
    assert 'shop:a"b\\c' in made.document[""]["actions"]
    assert (
        problems('permit (principal, action == Action::"shop:a\\"b\\\\c", resource);', made.text)
        == []
    )
    assert json.loads(json.dumps(made.document)) == made.document


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"principal_type": "Group"}, "must differ"),
        ({"principal_type": "Set"}, "Cedar does not allow the entity type `Set`"),
        ({"principal_type": "My User"}, "Cedar does not allow the entity type `My User`"),
        ({"application_type": "Order"}, "two entity types would be called `Order`"),
        ({"group_type": "in"}, "Cedar does not allow the entity type `in`"),
        ({"group_type": "Action"}, "Cedar does not allow the entity type `Action`"),
        ({"group_type": "__cedar"}, "Cedar does not allow the entity type `__cedar`"),
        # The action map refuses it too, and the schema would not parse.
        (
            {"prefix": "a" * 513},
            "`prefix` must be",
        ),
        ({"prefix": "a\nb"}, "`prefix` must be"),
    ],
)
def test_names_that_cedar_cannot_have_are_refused(ast, keywords, message):
    with pytest.raises(ConfigurationError, match=message):
        schema(ast, **keywords)


def test_two_resources_of_one_name_are_refused(ast):
    ast["shapes"]["other#Order"] = {
        "type": "resource",
        "identifiers": {"id": {"target": "smithy.api#String"}},
    }
    ast["shapes"]["shop#Shop"]["resources"].append({"target": "other#Order"})
    with pytest.raises(ConfigurationError, match="two entity types would be called `Order`"):
        schema(ast)


@pytest.mark.parametrize(
    ("shape", "member", "value"),
    [
        ("shop#Order", "properties", []),
        ("shop#Order", "properties", {"owner": "shop#UserId"}),
        ("shop#GetOrder", "output", "shop#OrderView"),
        ("shop#Tags", "member", None),
        ("shop#Tags", "member", {"target": 7}),
        ("shop#Address", "members", {"street": 1}),
    ],
)
def test_a_broken_model_is_one_clear_line(ast, shape, member, value):
    ast["shapes"][shape][member] = value
    with pytest.raises(ConfigurationError, match="the model is broken") as caught:
        schema(ast)
    assert "\n" not in str(caught.value)


def test_a_structure_that_holds_itself_ends(ast):
    """Each member that leads back would multiply the schema at every level."""
    before = schema(ast).text
    ast["shapes"]["shop#Addresses"] = {"type": "list", "member": {"target": "shop#Address"}}
    ast["shapes"]["shop#Address"]["members"] |= {
        **{f"next{number}": {"target": "shop#Address"} for number in range(30)},
        "all": {"target": "shop#Addresses"},
    }
    made = schema(ast).text
    assert "// `Order.address.next29` is of a type that Cedar does not have." in made
    without = [line for line in made.splitlines() if ".next" not in line and ".all" not in line]
    assert without == before.splitlines()
    assert problems("permit (principal, action, resource);", made) == []


def widening(levels, width):
    """Structures of `width` members that are the next structure: `width ** levels` types."""
    shapes = {
        "w#S": {
            "type": "service",
            "resources": [{"target": "w#R"}],
            "traits": {"smithy.api#httpBearerAuth": {}},
        },
        "w#R": {"type": "resource", "properties": {"p": {"target": "w#T0"}}},
        f"w#T{levels}": {"type": "string"},
    }
    for level in range(levels):
        target = {"target": f"w#T{level + 1}"}
        members = {f"m{number}": target for number in range(width)}
        shapes[f"w#T{level}"] = {"type": "structure", "members": members}
    return {"smithy": "2.0", "shapes": shapes}


def test_structures_that_grow_without_end_are_refused():
    with pytest.raises(ConfigurationError, match=r"^the attributes have more than 20000 types"):
        schema(widening(7, 30))


def test_the_types_at_the_bound_and_one_past_it():
    at_the_bound = widening(1, MAX_TYPES - 1)  # and the property
    assert len(schema(at_the_bound).document[""]["entityTypes"]["R"]["shape"]["attributes"]) == 1
    with pytest.raises(ConfigurationError, match="more than 20000 types"):
        schema(widening(1, MAX_TYPES))


@pytest.mark.parametrize(
    ("taken", "option"), [("Application", "--application-type"), ("Group", "--group-type")]
)
def test_a_resource_that_has_the_name_of_ours_names_the_option(ast, taken, option):
    ast["shapes"][f"shop#{taken}"] = ast["shapes"].pop("shop#Line")
    ast["shapes"]["shop#Order"]["resources"] = [{"target": f"shop#{taken}"}]
    message = rf"would be called `{taken}`: the resource `shop#{taken}` .*`{option}`"
    with pytest.raises(ConfigurationError, match=message):
        schema(ast)
    keyword = option[2:].replace("-", "_")
    assert f"entity {taken} in [Order]" in schema(ast, **{keyword: "Other"}).text


def test_action_ids_that_verified_permissions_takes(ast):
    names = {"GetOrder": "get /orders/{orderId}", "ListOrders": "Bestellungen öffnen\t\x01"}
    for operation, name in names.items():
        ast["shapes"][f"shop#{operation}"]["traits"]["aws.iam#actionName"] = name
    made = schema(ast, prefix="")
    assert set(names.values()) < set(made.document[""]["actions"])
    policy = 'permit (principal, action == Action::"Bestellungen öffnen\\t\\u{1}", resource);'
    assert problems(policy, made.text) == []
    assert set(names.values()) < {e.action for e in ActionMap.from_smithy(ast, prefix="").entries}


@pytest.mark.parametrize(("prefix", "fits"), [("a" * 503, True), ("a" * 504, False)])
def test_an_action_has_at_most_512_characters_with_its_prefix(ast, prefix, fits):
    for operation in ("CreateOrder", "ListOrders", "GetLine", "ListLines", "Health", "GetOrder"):
        ast["shapes"][f"shop#{operation}"]["traits"]["aws.iam#actionName"] = "Do" * 4
    if fits:
        assert len(schema(ast, prefix=prefix).document[""]["actions"]) == 1
        return
    with pytest.raises(ConfigurationError, match="more than 512 characters"):
        schema(ast, prefix=prefix)

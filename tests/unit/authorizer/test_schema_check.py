"""A typo in an action map is found when the authorizer is built, and not by a 403."""

from __future__ import annotations

import pytest

from authz_lib import (
    ActionMap,
    BearerToken,
    CedarEngine,
    EntityUid,
    GatewayCache,
    JWTVerifier,
    LambdaAuthorizer,
)
from authz_lib.authorizer.arguments import check_actions
from authz_lib.errors import ConfigurationError
from authz_lib.testing.issuer import TestIssuer
from authz_lib.tokens.attributes import Attribute

ISSUER = TestIssuer("https://issuer.example", algorithm="EdDSA")
SCHEMA = """
entity Group; entity User in [Group]; entity Application; entity Order; entity Robot;
action "shop:ListOrders" appliesTo { principal: User, resource: Application };
action "shop:GetOrder" appliesTo { principal: User, resource: [Order, Application] };
action "shop:Sweep" appliesTo { principal: Robot, resource: Application };
"""
LIST = {"method": "GET", "route": "/orders", "action": "shop:ListOrders"}
GET = {"method": "GET", "route": "/orders/{orderId}", "action": "shop:GetOrder"}
GET |= {"resource_type": "Order", "resource_id_label": "orderId"}


def build(*lines, schema=SCHEMA, application="Application", cached=False, **options):
    engine = CedarEngine.from_text("permit(principal, action, resource);", schema, **options)
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
        ),
        token_sources=[BearerToken()],
        actions=ActionMap.from_document({"version": 1, "actions": list(lines)}),
        decisions=engine.cached() if cached else engine,
        response="iam",
        gateway_cache=GatewayCache.OFF,
        application=application and EntityUid(application, "shop"),
    )


def test_a_map_that_the_schema_knows_is_taken():
    build(LIST, GET)
    build(GET, application=None)
    build({**GET, "resource_id_label": None})  # it is asked about the application
    build(LIST, {**LIST, "route": "/health", "action": "Health", "public": True})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"action": "shop:GetOrdr"},
            (
                "`actions[1]` (`GET /orders/{orderId}`): the schema has no action `shop:GetOrdr`; "
                "the nearest is `shop:GetOrder`"
            ),
        ),
        ({"action": "Zz"}, "the schema has no action `Zz`"),
        (
            {"resource_type": "Oder"},
            "the schema has no entity type `Oder`; the nearest is `Order`",
        ),
        (
            {"action": "shop:ListOrders"},
            (
                "the action `shop:ListOrders` does not apply to the resource type `Order`, but to "
                "`Application`"
            ),
        ),
        (
            {"action": "shop:Sweep", "resource_type": None, "resource_id_label": None},
            "the action `shop:Sweep` does not apply to the principal type `User`, but to `Robot`",
        ),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_what_the_schema_does_not_know_is_named(line, message, cached):
    with pytest.raises(ConfigurationError) as caught:
        build(LIST, {**GET, **line}, cached=cached)
    assert message in str(caught.value)


def test_the_application_is_checked_too():
    with pytest.raises(ConfigurationError, match="no entity type `App`"):
        build(LIST, application="App")
    with pytest.raises(ConfigurationError, match="does not apply to the resource type `Order`"):
        build(LIST, application="Order")


def test_the_types_of_the_engine_count():
    with pytest.raises(ConfigurationError, match=r"no actions of the type `Shop::Action`, but of"):
        build(LIST, action_type="Shop::Action")
    with pytest.raises(ConfigurationError, match="no entity type `Person`"):
        build(LIST, principal_type="Person")
    shop = f"namespace Shop {{ {SCHEMA} }}"
    types = {"action_type": "Shop::Action", "principal_type": "Shop::User"}
    build({**GET, "resource_type": "Shop::Order"}, schema=shop, application=None, **types)
    with pytest.raises(ConfigurationError, match="the nearest is `Shop::Order`"):
        build(GET, schema=shop, application=None, **types)


def test_how_many_more_there_are_is_told():
    with pytest.raises(ConfigurationError, match=r"`shop:A`.* \(and 1 more\)"):
        build({**LIST, "action": "shop:A"}, {**GET, "action": "shop:B"})


def test_without_a_schema_nothing_is_checked():
    build({**LIST, "action": "anything"}, schema=None)


USER = """entity User in [Group] = { tenant_id?: String, email?: String, level?: Level,
    staff?: __cedar::Bool, regions?: Set<Name>, home?: { city: String }, boss?: User };
type Level = Long; type Name = String;"""
TYPED = SCHEMA.replace("entity User in [Group];", USER)
ATTRIBUTES = {
    "email": "email",
    "level": Attribute("custom:level", "number"),
    "staff": Attribute("staff", "bool"),
    "regions": Attribute("regions", "texts"),
}


def declare(attributes, *, schema=TYPED, cached=False, **words):
    policies = "permit(principal, action, resource);"
    engine = CedarEngine.from_text(policies, schema, **words)
    return LambdaAuthorizer(
        verifier=JWTVerifier(
            issuer=ISSUER.issuer, audience=None, algorithms=["EdDSA"], keys=ISSUER.key_set()
        ),
        token_sources=[BearerToken()],
        actions=ActionMap.from_document({"version": 1, "actions": [LIST]}),
        decisions=engine.cached() if cached else engine,
        response="iam",
        gateway_cache=GatewayCache.OFF,
        application=EntityUid("Application", "shop"),
        attributes=attributes,
    )


def test_attributes_that_the_schema_knows_are_taken():
    declare(ATTRIBUTES)
    declare(None)
    declare({"anything": "x"}, schema=None)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"emial": "email"},
            "`User` of the schema has no attribute `emial`; the nearest is `email`",
        ),
        ({"plan": "plan"}, "has no attribute `plan`"),
        (
            {"email": Attribute("email", "number")},
            "`attributes`: `email` is `String` in the schema, and of the type `number` (`Long`)",
        ),
        ({"level": "level"}, "`level` is `Long` in the schema, and of the type `text`"),
        ({"regions": "regions"}, "`regions` is `Set<String>` in the schema"),
        ({"staff": Attribute("s", "texts")}, "`staff` is `Bool` in the schema"),
        ({"home": "home"}, "`home` is a record in the schema"),
        ({"boss": "boss"}, "`boss` is `User` in the schema"),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_an_attribute_that_no_policy_could_read_is_named(attributes, message, cached):
    with pytest.raises(ConfigurationError) as caught:
        declare({**ATTRIBUTES, **attributes}, cached=cached)
    assert message in str(caught.value)


def test_attributes_of_a_type_in_a_namespace():
    schema = """namespace Shop {
        type Level = Long; entity Group; entity Application;
        entity User in [Group] = { level?: Level };
        action "shop:ListOrders" appliesTo { principal: User, resource: [Application] };
    }"""
    words = {"principal_type": "Shop::User", "action_type": "Shop::Action"}
    line = ActionMap.from_document({"version": 1, "actions": [LIST]})
    engine = CedarEngine.from_text("permit(principal, action, resource);", schema, **words)
    application = EntityUid("Shop::Application", "shop")
    check_actions(line, engine, application, {"level": "number"})
    with pytest.raises(ConfigurationError, match="`Shop::User` of the schema has no attribute"):
        check_actions(line, engine, application, {"levels": "number"})

"""What a route may ask for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from authz_lib import Entity, EntityUid
from authz_lib.errors import ConfigurationError
from authz_lib.integrations.route_requirements import (
    MET_KEY,
    any_caller,
    principal_of,
    public,
    requires,
)

ORDER = EntityUid("Order", "7")
APPLICATION = EntityUid("Application", "orders")


async def later(path):
    return ORDER


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs an action or `scopes`"),
        ({"scopes": []}, "needs an action or `scopes`"),
        ({"action": ""}, "`action` must be"),
        ({"action": 5}, "`action` must be"),
        ({"scopes": "orders.read"}, "`scopes` must be a list"),
        ({"scopes": [""]}, "`scopes` must be a list"),
        ({"scopes": ["orders.read"], "resource": ORDER}, "`resource` needs an action"),
        ({"action": "Get", "resource": "Order"}, "`resource` must be a callable"),
        ({"action": "Get", "resource": later}, "`resource` must be a plain function"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        requires(**arguments)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (None, APPLICATION),
        (ORDER, ORDER),
        (Entity(ORDER), Entity(ORDER)),
        (lambda path: EntityUid("Order", path["order_id"]), ORDER),
    ],
)
def test_the_resource(resource, found):
    requirement = requires("Get", resource=resource)
    assert requirement.resource_for({"order_id": "7"}, APPLICATION) == found


def test_no_resource():
    with pytest.raises(ConfigurationError, match="an action is on"):
        requires("Get").resource_for({}, None)


@pytest.mark.parametrize("requirement", [public(), any_caller(), requires("Get")])
def test_it_lets_pass_only_what_was_checked_for_it(requirement):
    for context in ({}, {MET_KEY: None}, {MET_KEY: any_caller()}, {MET_KEY: public()}):
        with pytest.raises(ConfigurationError, match="whose resolver has"):
            requirement(SimpleNamespace(context=context), lambda app: "ran")
    assert requirement(SimpleNamespace(context={MET_KEY: requirement}), lambda app: "ran") == "ran"


@pytest.mark.parametrize("context", [{}, {"principal": None}, {"principal": "alice"}])
def test_no_caller(context):
    with pytest.raises(ConfigurationError, match="there is no caller"):
        principal_of(SimpleNamespace(context=context))

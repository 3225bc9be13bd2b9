"""What is read of a Powertools resolver: its events, its routes, what each asks for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
    VPCLatticeResolver,
)

from authz_lib.errors import ConfigurationError
from authz_lib.integrations.resolver_routes import (
    added_routes,
    kinds_of,
    matched_route,
    require_no_success,
    requirement_of,
)
from authz_lib.integrations.route_requirements import any_caller, public, requires


@pytest.fixture
def app():
    return APIGatewayHttpResolver()


def route_of(app, *middlewares):
    app.get("/orders", middlewares=list(middlewares))(dict)
    (route,) = added_routes(app)
    return route


@pytest.mark.parametrize(
    ("resolver", "kinds"),
    [
        (APIGatewayRestResolver, {"rest", "http-1.0"}),
        (APIGatewayHttpResolver, {"http-2.0"}),
        (LambdaFunctionUrlResolver, {"function-url"}),
        (ALBResolver, set()),
    ],
)
def test_the_events_of_each_resolver(resolver, kinds):
    assert kinds_of(resolver()) == kinds


def test_another_resolver_is_refused():
    with pytest.raises(ConfigurationError, match="`APIGatewayRestResolver`"):
        kinds_of(VPCLatticeResolver())


def test_fixed_and_labelled_routes_are_routes(app):
    app.get("/orders")(dict)
    app.get("/orders/<order_id>")(dict)
    assert sorted(route.path for route in added_routes(app)) == ["/orders", "/orders/<order_id>"]


def test_a_route_asks_for_one_thing(app):
    asked = any_caller()
    found = requirement_of(route_of(app, asked), has_decisions=False, has_application=False)
    assert found is asked


@pytest.mark.parametrize("middlewares", [(), (public(), any_caller()), (lambda app, go: go(app),)])
def test_a_route_that_says_nothing_or_two_things_is_refused(app, middlewares):
    route = route_of(app, *middlewares)
    with pytest.raises(ConfigurationError, match="`GET /orders` must have exactly one"):
        requirement_of(route, has_decisions=True, has_application=True)


@pytest.mark.parametrize(
    ("decisions", "application", "named"),
    [(False, True, "without `decisions`"), (True, False, "an action on nothing")],
)
def test_what_cannot_be_found_out_is_refused(app, decisions, application, named):
    route = route_of(app, requires("Get"))
    with pytest.raises(ConfigurationError, match=named):
        requirement_of(route, has_decisions=decisions, has_application=application)
    requirement_of(route, has_decisions=True, has_application=True)


def test_a_request_that_matches_none_has_no_route(app):
    route = route_of(app, public())
    app.context["_route"] = route
    assert matched_route(app) is route
    app.context["_route"] = SimpleNamespace(middlewares=[])  # what Powertools makes of it
    assert matched_route(app) is None


@pytest.mark.parametrize(
    ("method", "status", "body", "is_route"),
    [
        ("GET", 404, "{}", False),
        ("OPTIONS", 204, None, False),
        ("OPTIONS", 200, "{}", True),
        ("GET", 200, None, True),
    ],
)
def test_a_success_without_a_route_is_refused(app, method, status, body, is_route):
    app.current_event = SimpleNamespace(http_method=method)
    response = Response(status_code=status, body=body)
    if not is_route:
        require_no_success(app, response)
        return
    with pytest.raises(ConfigurationError, match="make it a route"):
        require_no_success(app, response)

"""The routes of OpenAPI documents and templates, and the maps that are made of them."""

from __future__ import annotations

import pytest

from authz_lib.actions import ActionMap
from authz_lib.actions.made import make_document
from authz_lib.actions.openapi import openapi_routes, require_openapi
from authz_lib.actions.served import ServedRoute, compare_routes
from authz_lib.actions.template import template_routes
from authz_lib.errors import ConfigurationError

POOL = {"components": {"securitySchemes": {"pool": {"type": "oauth2"}, "basic": {"type": "http"}}}}


def made(paths, **document):
    found = []
    document = {"openapi": "3.1.0", "security": [{"pool": []}], **POOL, "paths": paths, **document}
    routes = list(openapi_routes(require_openapi(document), found))
    lines = make_document(routes, found)["actions"]
    ActionMap.from_document({"version": 1, "actions": lines})
    return lines, [(finding.level, finding.rule) for finding in found]


def one(operation, path="/pets", **document):
    lines, found = made({path: {"get": {"operationId": "go", **operation}}}, **document)
    return (lines[0] if lines else None), found


@pytest.mark.parametrize("version", ["3.0.0", "3.0.3", "3.1.0"])
def test_both_versions_are_read(version):
    assert one({}, openapi=version)[0]["action"] == "go"


@pytest.mark.parametrize("document", [[], {}, {"openapi": "4.0.0"}, {"openapi": 3.1}, None])
def test_what_is_no_openapi_is_refused(document):
    with pytest.raises(ConfigurationError, match=r"must be OpenAPI 3.0 or 3.1"):
        require_openapi(document)


@pytest.mark.parametrize(
    ("operation", "line", "found"),
    [
        ({}, {}, []),
        ({"security": []}, {"public": True}, []),
        ({"security": [{"pool": ["a"]}]}, {"scopes": ["a"]}, []),
        ({"security": [{"pool": ["b", "a"], "other": ["c"]}]}, {"scopes": ["a", "b", "c"]}, []),
        ({"security": [{}, {"pool": []}]}, {}, [("warning", "optional-security")]),
        ({"security": [{}]}, {}, [("warning", "optional-security")]),
        ({"security": "x"}, {}, [("warning", "security")]),
        (
            {"security": [{"pool": ["a"]}, {"pool": ["b"]}]},
            {"scopes": ["a", "b"]},
            [("warning", "alternative-scopes")],
        ),
        ({"security": [{"basic": ["admin"]}]}, {}, [("warning", "roles")]),
        ({"x-authz": {"public": True}}, {"public": True}, []),
        ({"security": [], "x-authz": {"public": False}}, {"public": False}, []),
        ({"x-authz": {"action": "other"}}, {"action": "other"}, []),
        ({"x-authz": {"scopes": ["x"]}, "security": [{"pool": ["a"]}]}, {"scopes": ["x"]}, []),
    ],
)
def test_who_may_call(operation, line, found):
    expected = {"method": "GET", "route": "/pets", "action": "go", **line}
    assert one(operation) == (expected, found)


def test_without_any_security_it_is_protected_and_said():
    assert one({}, security=None)[1] == [("warning", "no-security")]
    assert "public" not in one({}, security=None)[0]
    assert one({}, security=[])[0]["public"] is True


@pytest.mark.parametrize(
    ("path", "kind", "label", "rules"),
    [
        ("/pets", None, None, []),
        ("/pets/{petId}", "Pet", "petId", []),
        ("/pets/{pet_id}/feed", "Pet", "pet_id", []),
        ("/lines/{order_line_id}", "OrderLine", "order_line_id", []),
        ("/lines/{orderLineId}", "OrderLine", "orderLineId", []),
        ("/pets/{petID}", "Pet", "petID", []),
        ("/pets/{id}", None, None, ["no-resource"]),
        ("/pets/{name}", None, None, ["no-resource"]),
        ("/pets/{petId}/toys/{toyId}", None, None, ["no-resource"]),
        ("/files/{proxy+}", None, None, ["greedy"]),
    ],
)
def test_the_resource_of_a_path(path, kind, label, rules):
    line, found = one({}, path)
    assert (line.get("resource_type"), line.get("resource_id_label")) == (kind, label)
    assert [rule for _, rule in found] == rules
    told = {"x-authz": {"resource_type": "Mine", "resource_id_label": "proxy"}}
    if path.endswith("+}"):
        assert one(told, path)[0]["resource_type"] == "Mine"


@pytest.mark.parametrize(
    ("path", "item", "rule"),
    [
        ("/a/{b}.json", {"get": {}}, "path"),
        ("/a//b", {"get": {}}, "path"),
        ("/a", {"trace": {}}, "not-decided"),
        ("/a", {"$ref": "other.yaml"}, "not-decided"),
        ("/a", {"Fn::If": []}, "not-decided"),
        ("/a", {200: {}}, "not-decided"),
        ("/a", {"get": None}, "not-decided"),
        ("/a", [], "not-decided"),
        ("/$default", {"x-amazon-apigateway-any-method": {}}, "default-route"),
    ],
)
def test_what_cannot_be_a_line_is_left_out_and_said(path, item, rule):
    lines, found = made({path: item, "/b": {"get": {"operationId": "b"}}})
    assert [line["action"] for line in lines] == ["b"]
    assert ("error", rule) in found


@pytest.mark.parametrize(
    "scheme", [{"type": []}, {"type": {}}, {"type": None}, {7: "x"}, {None: 1, "type": "http"}, []]
)
def test_no_scheme_ends_in_a_traceback(scheme):
    schemes = {"components": {"securitySchemes": {"odd": scheme}}}
    line, _ = one({"security": [{"odd": ["read"]}]}, **schemes)
    assert line["action"] == "go"


def test_any_is_each_method_that_has_no_operation_of_its_own():
    lines, found = made(
        {"/a": {"x-amazon-apigateway-any-method": {"operationId": "any"}, "get": {}, "x-y": {}}}
    )
    assert {line["method"]: line["action"] for line in lines} == {
        **dict.fromkeys(("DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"), "any"),
        "GET": "get /a",
    }
    assert found == []


def test_two_paths_of_one_shape_are_one_route():
    lines, found = made({"/a/{bId}": {"get": {}}, "/a/{cId}": {"get": {}}})
    assert [line["route"] for line in lines] == ["/a/{bId}"]
    assert found == [("error", "twice")]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"operationId": 7}, "`operationId` of `GET /pets` must be text"),
        ({"x-authz": {"acton": "x"}}, "`x-authz` of `GET /pets` must be an object; it may have"),
        ({"x-authz": []}, "`x-authz` of `GET /pets`"),
        ({"x-authz": {"resource_type": "a b"}}, r"`actions\[0\].resource_type`"),
        ({"security": [{"pool": ["a b"]}]}, "`security` of `GET /pets` must list OAuth scopes"),
        ({"operationId": "a" * 513}, r"`actions\[0\].action`"),
    ],
)
def test_what_is_wrong_is_named(operation, message):
    with pytest.raises(ConfigurationError, match=message):
        one(operation)


def api(resources, name=None, **template):
    found = []
    routes = template_routes({"Resources": resources, **template}, found, api=name)
    return {str(route): route for route in routes}, [finding.rule for finding in found]


def function(kind="Api", **properties):
    event = {"Type": kind, "Properties": properties}
    return {"Type": "AWS::Serverless::Function", "Properties": {"Events": {"E": event}}}


REST = {"Type": "AWS::ApiGateway::RestApi", "Properties": {}}


def test_the_default_authorizer_counts():
    auth = {"Auth": {"DefaultAuthorizer": "A"}}
    serverless = {"Type": "AWS::Serverless::Api", "Properties": auth}
    resources = {
        "Shop": serverless,
        "F": function(Path="/a", Method="get", RestApiId={"Ref": "Shop"}),
        "G": function(
            Path="/b", Method="get", RestApiId={"Ref": "Shop"}, Auth={"Authorizer": "NONE"}
        ),
    }
    routes, _ = api(resources)
    assert [routes[key].is_open for key in ("GET /a", "GET /b")] == [False, True]
    del serverless["Properties"]
    assert api(resources)[0]["GET /a"].is_open is None
    assert api(resources, Globals={"Api": auth})[0]["GET /a"].is_open is False


def test_an_event_adds_to_the_definition():
    body = {"paths": {"/a": {"get": {"operationId": "getA"}}, "/b": {"get": {"security": []}}}}
    shop = {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {"DefinitionBody": body, "Auth": {"DefaultAuthorizer": "A"}},
    }
    event = function("HttpApi", Path="/a", Method="GET", ApiId={"Ref": "Shop"})
    routes, _ = api({"F": event, "Shop": shop})
    assert (routes["GET /a"].operation, routes["GET /a"].is_open) == ("getA", False)
    assert routes["GET /b"].is_open is True


def test_plain_resources():
    def resource(parent, part):
        properties = {"ParentId": parent, "PathPart": part}
        return {"Type": "AWS::ApiGateway::Resource", "Properties": properties}

    def method(place, **more):
        properties = {"RestApiId": {"Ref": "Shop"}, "ResourceId": place, "HttpMethod": "GET"}
        return {"Type": "AWS::ApiGateway::Method", "Properties": properties | more}

    root = {"Fn::GetAtt": ["Shop", "RootResourceId"]}
    resources = {
        "Shop": REST,
        "Orders": resource({"Fn::GetAtt": "Shop.RootResourceId"}, "orders"),
        "Order": resource({"Ref": "Orders"}, "{orderId}"),
        "Loop": resource({"Ref": "Loop"}, "x"),
        "M1": method(root, AuthorizationType="NONE"),
        "M2": method({"Ref": "Order"}, AuthorizationType="CUSTOM", OperationName="GetOrder"),
        "M3": method({"Ref": "Loop"}),
        "M4": method({"Ref": "Order"}, HttpMethod="OPTIONS", Integration={"Type": "MOCK"}),
        "M5": method({"Ref": "Orders"}, HttpMethod="ANY"),
    }
    routes, rules = api(resources)
    assert set(routes) == {"GET /", "GET /orders/{orderId}", "ANY /orders"}
    assert routes["GET /"].is_open is True
    assert routes["GET /orders/{orderId}"].operation == "GetOrder"
    assert rules == ["not-decided"]


@pytest.mark.parametrize(
    "of_a_nested_stack",
    ["Nested.Outputs.RootResourceId", ["Nested", "Outputs.RootResourceId"]],
)
def test_an_output_of_a_nested_stack_is_no_root(of_a_nested_stack):
    def method(verb, place):
        properties = {"RestApiId": {"Ref": "Shop"}, "HttpMethod": verb, "ResourceId": place}
        return {"Type": "AWS::ApiGateway::Method", "Properties": properties}

    resources = {
        "Shop": REST,
        "M1": method("GET", {"Fn::GetAtt": "Shop.RootResourceId"}),
        "M2": method("POST", {"Fn::GetAtt": of_a_nested_stack}),
    }
    routes, rules = api(resources)
    assert (set(routes), rules) == ({"GET /"}, ["not-decided"])


@pytest.mark.parametrize(
    ("key", "route"),
    [
        ("GET /a", "GET /a"),
        ("ANY /{proxy+}", "ANY /{proxy+}"),
        ("$default", "ANY $default"),
        ("$connect", None),
        ({"Fn::Sub": "GET /a"}, None),
    ],
)
def test_routes_of_http_apis(key, route):
    properties = {
        "ApiId": {"Ref": "Shop"},
        "RouteKey": key,
        "AuthorizationScopes": ["a", "b"],
        "AuthorizationType": "JWT",
    }
    resources = {
        "Shop": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"paths": {"/": {}}}}},
        "R": {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties},
        "S": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": "Shop"}, "RouteKey": "GET /s"},
        },
    }
    routes, rules = api(resources)
    assert set(routes) - {"GET /s"} == ({route} if route else set())
    if route:
        assert routes[route].scopes == {"a", "b"}
    assert rules == (["alternative-scopes"] if route else ["not-decided"])


def test_several_apis_must_be_told_apart():
    resources = {
        "F": function(Path="/a", Method="get"),
        "G": function("HttpApi", Path="/b", Method="get"),
        "H": function("HttpApi"),
        "I": function(Path="/a", Method="get", RestApiId={"Fn::ImportValue": "x"}),
    }
    with pytest.raises(ConfigurationError, match="`ServerlessHttpApi`, `ServerlessRestApi`"):
        api(resources)
    assert set(api(resources, "ServerlessHttpApi")[0]) == {"GET /b", "ANY $default"}
    assert set(api(resources, "ServerlessRestApi")[0]) == {"GET /a"}


@pytest.mark.parametrize("template", [None, [], {}, {"Resources": []}])
def test_what_is_no_template_is_refused(template):
    with pytest.raises(ConfigurationError, match="has no `Resources`"):
        template_routes(template, [])


@pytest.mark.parametrize("part", [None, 7, "x", [], {}, {"Ref": "x"}, {"Fn::If": ["a", {}, {}]}])
def test_no_part_of_a_template_ends_in_a_traceback(part):
    event = {"Type": "Api", "Properties": part}
    kinds = ("ApiGateway::Method", "ApiGatewayV2::Route", "ApiGateway::RestApi", "Serverless::Api")
    resources = {kind[-4:]: {"Type": f"AWS::{kind}", "Properties": part} for kind in kinds} | {
        "F": function(Path="/a", Method="get"),
        "G": {"Type": "AWS::Serverless::Function", "Properties": {"Events": {"E": event}}},
        "H": {"Type": "AWS::Serverless::Function", "Properties": {"Events": part}},
        "I": {"Type": "AWS::Serverless::Function", "Properties": part},
        "J": part,
        "K": {"Type": part},
        "L": function(Path=part, Method=part, Auth=part),
    }
    assert "GET /a" in api(resources, "ServerlessRestApi", Globals=part)[0]


def entries(*routes):
    lines = [
        {"method": route.split()[0], "route": route.split()[1], "action": "a"} for route in routes
    ]
    return ActionMap.from_document({"version": 1, "actions": lines}).entries


@pytest.mark.parametrize(
    ("route", "line", "fits"),
    [
        ("GET /a/{b}", "GET /a/{c}", True),
        ("ANY /a", "POST /a", True),
        ("GET /a", "POST /a", False),
        ("GET /a", "GET /b", False),
        ("ANY /{proxy+}", "GET /a/b", True),
        ("ANY /a/{proxy+}", "GET /a/b/c", True),
        ("ANY /a/{proxy+}", "GET /a", False),
        ("ANY /a/{proxy+}", "GET /b/c", False),
        ("ANY /{x}/{proxy+}", "GET /a/b", True),
        ("ANY /{proxy+}", "GET /", False),
        ("GET /", "GET /", True),
        ("GET /", "GET /a", False),
        ("ANY $default", "GET /a", True),
        ("GET /a.{b}", "GET /a", False),
    ],
)
def test_which_line_a_route_serves(route, line, fits):
    served = ServedRoute(*route.split(), "the template")
    found = [finding.rule for finding in compare_routes(entries(line), [served])]
    assert found == ([] if fits else ["no-line", "no-route"])


def test_a_greedy_route_that_is_open_opens_no_line():
    served = ServedRoute("ANY", "/{proxy+}", "the template", is_open=True)
    assert list(compare_routes(entries("GET /a"), [served])) == []

"""What the kinds of API cannot deploy."""

from __future__ import annotations

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model


def rules(ast, kind):
    return {
        (finding.level, finding.rule, finding.where) for finding in lint(Model(ast).service(), kind)
    }


def route(ast, uri, name="Health"):
    ast["shapes"][f"shop#{name}"]["traits"]["smithy.api#http"]["uri"] = uri


def test_a_rest_api_has_one_label_at_one_place(ast):
    assert rules(ast, "http") == set()
    assert rules(ast, "rest") == {
        ("error", "label-names", "GetOrder"),
        ("error", "label-names", "ListLines"),
    }


@pytest.mark.parametrize(
    ("uri", "level", "rule", "kinds"),
    [
        ("/a/{b+}/c", "error", "greedy-not-last", {"http", "rest"}),
        ("/a(b)", "error", "path-characters", {"rest"}),
        ("/a?mode=x", "warning", "query-literals", {"http", "rest"}),
        ("/a/", "warning", "trailing-slash", {"http", "rest"}),
        ("/a/{b+}", None, None, set()),
        ("/", None, None, set()),
    ],
)
def test_routes(ast, uri, level, rule, kinds):
    route(ast, "/orders/{order}", "GetOrder")
    route(ast, "/orders/{order}/lines", "ListLines")
    ast["shapes"]["shop#GetOrder"]["input"] = {"target": "shop#LineInput"}
    ast["shapes"]["shop#ListLines"]["input"] = {"target": "shop#LineInput"}
    assert rules(ast, "http") == rules(ast, "rest") == set()
    route(ast, uri)
    for kind in ("http", "rest"):
        assert rules(ast, kind) == ({(level, rule, "Health")} if kind in kinds else set())


def test_callers(ast):
    ast["shapes"]["shop#ListOrders"]["traits"]["smithy.api#optionalAuth"] = {}
    ast["shapes"]["shop#Shop"]["traits"]["aws.auth#sigv4"] = {}
    ast["shapes"]["shop#CreateOrder"]["traits"]["smithy.api#auth"] = ["aws.auth#sigv4"]
    assert rules(ast, "http") == {
        ("warning", "optional-auth", "ListOrders"),
        ("warning", "iam-only", "CreateOrder"),
    }


def test_a_resource_that_the_path_does_not_name(ast):
    route(ast, "/order", "GetOrder")
    assert ("warning", "id-not-in-path", "GetOrder") in rules(ast, "http")


@pytest.mark.parametrize("member", ["code", "Code", "__type"])
def test_an_error_member_that_clients_take_for_the_type(ast, member):
    ast["shapes"]["shop#Throttled"]["members"][member] = {"target": "smithy.api#String"}
    assert rules(ast, "http") == {("error", "error-members", "shop#Throttled")}


def test_more_routes_than_the_quota(ast):
    for number in range(301):
        ast["shapes"][f"shop#Op{number}"] = {
            "type": "operation",
            "traits": {"smithy.api#http": {"method": "GET", "uri": f"/op{number}"}},
        }
        ast["shapes"]["shop#Shop"]["operations"].append({"target": f"shop#Op{number}"})
    assert rules(ast, "http") == {("warning", "quota", "Shop")}
    assert str(lint(Model(ast).service(), "http")[0]).startswith(
        "warning: Shop: 307 routes: an HTTP API has at most 300"
    )


def test_there_are_two_kinds(ast):
    with pytest.raises(ConfigurationError, match="`http` or `rest`"):
        rules(ast, "websocket")

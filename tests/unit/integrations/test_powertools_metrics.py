"""One line a request and one a decision, without an identifier."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from authz_lib import CedarEngine, EntityUid, ExpectedGateway, Principal
from authz_lib.decisions import DecisionLog
from authz_lib.errors import AccessDeniedError, ConfigurationError
from authz_lib.gateway.context import to_context
from authz_lib.integrations.powertools import (
    ResolverAuthorization,
    any_caller,
    public,
    requires,
)
from authz_lib.integrations.powertools_metrics import AuthorizationMetrics
from authz_lib.testing import events

ALICE = Principal("alice-of-orders", issuer="https://issuer.example", expires_at=4e9)
ORDER = "order-of-alice"


def event(path, caller=ALICE):
    known = {} if caller is None else {"authorizer": {"lambda": to_context(caller)}}
    return events.http_event(route="$default", path=path, **known)


@pytest.fixture
def handle():
    metrics = AuthorizationMetrics(namespace="Orders", service="orders")
    policy = f'permit(principal, action, resource == Order::"{ORDER}");'
    point = CedarEngine.from_text(policy, decision_log=DecisionLog(on_decision=metrics.decision))
    app = APIGatewayHttpResolver()
    none = dict.fromkeys(["api_id", "account_id", "issuer", "client_ids", "token_use"])
    authorization = ResolverAuthorization.behind_gateway(
        app,
        ExpectedGateway(kind="http-lambda", **none),
        decisions=point.cached(),
        metrics=metrics,
    )

    def order(path):
        return EntityUid("Order", path["order_id"])

    app.get("/health", middlewares=[public()])(dict)
    app.get("/orders/<order_id>", middlewares=[requires("Get", resource=order)])(
        lambda order_id: {"id": order_id}
    )

    @app.get("/raising", middlewares=[any_caller()])
    def raising():
        raise AccessDeniedError("not yours")

    @app.get("/failing", middlewares=[any_caller()])
    def failing():
        raise ValueError("x")

    return authorization.handler()


def lines_of(capsys):
    out = capsys.readouterr().out
    assert "alice-of-orders" not in out
    assert "order-of-alice" not in out
    assert "orders/" not in out
    return [json.loads(line) for line in out.splitlines()]


def named(lines, metric):
    return [(line["result"], line["reason"], line[metric][0]) for line in lines if metric in line]


def test_an_allow_and_a_cache_hit(handle, capsys):
    handle(event(f"/orders/{ORDER}"), None)
    handle(event(f"/orders/{ORDER}"), None)
    lines = lines_of(capsys)
    assert named(lines, "AuthorizationRequests") == [("allow", "allowed", 1.0)] * 2
    assert named(lines, "AuthorizationCacheHits") == [
        ("allow", "allowed", 0.0),
        ("allow", "allowed", 1.0),
    ]
    assert named(lines, "Decisions") == [("allow", "allowed", 1.0)] * 2
    assert [hit for _, _, hit in named(lines, "DecisionCacheHits")] == [0.0, 1.0]
    assert all(line["AuthorizationLatency"][0] > 0 for line in lines if "Decisions" not in line)


@pytest.mark.parametrize(
    ("path", "caller", "result", "reason"),
    [
        ("/orders/1", ALICE, "deny", "access_denied"),
        ("/orders/1", None, "unauthenticated", "untrusted_event"),
        ("/raising", ALICE, "deny", "access_denied"),
        ("/failing", ALICE, "allow", "allowed"),
        ("/health", None, "public", "allowed"),
    ],
)
def test_result_and_reason(handle, capsys, path, caller, result, reason):
    handle(event(path, caller), None)
    assert named(lines_of(capsys), "AuthorizationRequests") == [(result, reason, 1.0)]


def test_what_no_route_matches_is_not_counted(handle, capsys):
    assert handle(event("/nowhere"), None)["statusCode"] == 404
    assert lines_of(capsys) == []


def test_the_form(handle, capsys):
    handle(event("/health", None), None)
    (line,) = lines_of(capsys)
    (metrics,) = line["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "Orders"
    assert sorted(metrics["Dimensions"][0]) == ["reason", "result", "service"]
    assert {one["Name"]: one["Unit"] for one in metrics["Metrics"]} == {
        "AuthorizationRequests": "Count",
        "AuthorizationLatency": "Milliseconds",
        "AuthorizationCacheHits": "Count",
    }


@pytest.mark.parametrize("reason", ["", "Alice", "a b", "x" * 65])
def test_a_reason_that_is_no_code(capsys, reason):
    AuthorizationMetrics(namespace="Orders", service="orders").request(
        "deny", reason, seconds=0.1, cache_hits=0
    )
    assert named(lines_of(capsys), "AuthorizationRequests") == [("deny", "other", 1.0)]


def test_a_metric_that_cannot_be_written_changes_nothing(caplog):
    metrics = AuthorizationMetrics(namespace="Orders", service="orders")
    metrics.request("deny", "access_denied", seconds="soon", cache_hits=0)
    assert "a metric was not written" in caplog.text


@pytest.mark.parametrize("arguments", [{}, {"namespace": ""}, {"namespace": "a", "service": ""}])
def test_what_is_missing(monkeypatch, arguments):
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    with pytest.raises(ConfigurationError):
        AuthorizationMetrics(**arguments)


def test_names_of_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Own")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "own")
    AuthorizationMetrics().request("allow", "allowed", seconds=0.1, cache_hits=0)
    (line,) = lines_of(capsys)
    assert line["service"] == "own"
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Own"

"""The recipe for Powertools: its answers, its lines in the log, and how little of it is glue."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from authz_lib.gateway.context import to_context
from authz_lib.principal import Principal
from authz_lib.testing import events
from authz_lib.testing.policy_store import Fault

RECIPE = Path(__file__).parents[2] / "examples" / "recipes" / "powertools" / "app.py"
ISSUER = "https://issuer.example"
POLICIES = """
    @id("alice-reads-7")
    permit(
      principal == User::"alice",
      action == Action::"GetOrder",
      resource == Order::"7"
    );
"""
CALLERS = {
    "alice": Principal(
        "alice",
        issuer=ISSUER,
        client_id="web",
        claims={"token_use": "access"},
        expires_at=4_000_000_000,
    ),
    "nobody": None,
}


@pytest.fixture
def recipe(authz_policy_store, monkeypatch, request):
    environment = {
        "API_ID": events.API_ID,
        "ACCOUNT_ID": events.ACCOUNT_ID,
        "ISSUER": ISSUER,
        "CLIENT_ID": "web",
        "POLICY_STORE_ID": authz_policy_store.create_store(POLICIES),
        "POWERTOOLS_METRICS_NAMESPACE": "Orders",
        # A logger of a name writes where the first of that name wrote.
        "POWERTOOLS_SERVICE_NAME": f"orders-{request.node.name}",
        "AWS_ENDPOINT_URL_VERIFIEDPERMISSIONS": authz_policy_store.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def load():
        spec = importlib.util.spec_from_file_location("recipe_powertools", RECIPE)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module.handler

    return load


def ask(handler, path, who="alice"):
    caller = CALLERS[who]
    known = {} if caller is None else {"authorizer": {"lambda": to_context(caller)}}
    event = events.http_event(route="ANY /{proxy+}", method="GET", path=path, **known)
    return handler(event, None)


@pytest.mark.parametrize(
    ("path", "who", "status", "error"),
    [
        ("/health", "nobody", 200, None),
        ("/me", "alice", 200, None),
        ("/orders/7", "alice", 200, None),
        ("/me", "nobody", 401, "UnauthorizedException"),
        ("/orders/7", "nobody", 401, "UnauthorizedException"),
        ("/orders/8", "alice", 403, "AccessDeniedException"),
        ("/orders", "alice", 404, None),
    ],
)
def test_the_answers(recipe, path, who, status, error):
    answer = ask(recipe(), path, who)
    assert answer["statusCode"] == status
    assert answer["headers"].get("X-Amzn-Errortype") == error
    assert json.loads(answer["body"]).get("__type") == error


def test_an_outage(recipe, authz_policy_store):
    authz_policy_store.inject(Fault(status=500), times=9)
    answer = ask(recipe(), "/orders/7")
    assert answer["statusCode"] == 503
    assert answer["headers"]["X-Amzn-Errortype"] == "ServiceUnavailableException"


def test_what_is_written_names_nobody(recipe, capsys):
    handler = recipe()
    for path, who in (("/orders/7", "alice"), ("/orders/7", "alice"), ("/me", "nobody")):
        ask(handler, path, who)
    out = capsys.readouterr().out
    assert "alice" not in out
    lines = [json.loads(line) for line in out.splitlines()]
    requests = [one for one in lines if "AuthorizationRequests" in one]
    assert [(one["result"], one["reason"]) for one in requests] == [
        ("allow", "allowed"),
        ("allow", "allowed"),
        ("unauthenticated", "untrusted_event"),
    ]
    assert [one["DecisionCacheHits"] for one in lines if "Decisions" in one] == [[0.0], [1.0]]
    (first, second) = [one for one in lines if one.get("message") == "an order is read"]
    assert first["authz_result"] == second["authz_result"] == "allow"


def test_at_most_five_lines_are_glue():
    """Statements that neither configure nor are a route: they make or call the authorization."""
    text = RECIPE.read_text(encoding="utf-8")
    glue = [
        ast.get_source_segment(text, node)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign | ast.Expr) and "authorization" in ast.unparse(node).lower()
    ]
    glue = [one for one in glue if not one.startswith(('"""', "metrics"))]
    assert len(glue) == 2
    assert sum(len(one.splitlines()) for one in glue) <= 5

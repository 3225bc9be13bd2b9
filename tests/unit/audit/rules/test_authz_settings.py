"""`AUTHZ_*` variables against what is deployed."""

from __future__ import annotations

import pytest

from authz_lib.actions.map import ActionMap
from authz_lib.audit.rules.authz_settings import AUTHZ_SETTINGS

FITS = AUTHZ_SETTINGS.after
KEY = "[$request.header.Authorization, $context.routeKey, $context.path]"
CACHED = (
    AUTHZ_SETTINGS.before.replace('SECONDS: "0"', 'SECONDS: "60"')
    + '          AUTHZ_IDENTITY_SOURCES: "'
    + KEY.strip("[]").replace(" ", "")
    + '"\n'
)
LINE = {
    "method": "GET",
    "route": "/orders/{orderId}",
    "action": "orders:GetOrder",
    "resource_type": "Order",
    "resource_id_label": "orderId",
}


@pytest.fixture
def told(audit):
    def messages(text, **arguments):
        return [
            one.message for one in audit(text, **arguments).findings if one.rule == "authz-settings"
        ]

    return messages


@pytest.mark.parametrize("text", [FITS, CACHED], ids=["no cache", "a cache"])
def test_what_fits_is_not_reported(told, text):
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FITS.replace("AUTHZ_CLIENT_IDS: web", "AUTHZ_CLIENTS: web"), "`AUTHZ_CLIENTS` is not a"),
        (FITS.replace("          AUTHZ_CLIENT_IDS: web\n", ""), "would not start"),
        (FITS.replace("RESPONSE: simple", "RESPONSE: iam"), "is `iam`, and `Tokens` is deployed"),
        (AUTHZ_SETTINGS.before, "is `0`, and `Tokens` is deployed with `60`"),
        (CACHED.replace('"60"', '"30"'), "is `30`, and `Tokens` is deployed with `60`"),
        (CACHED.replace(KEY, "[$request.header.X]"), "are not the identity sources of `Tokens`"),
        (CACHED.replace(KEY, "[$request.header]"), "are not the identity sources of `Tokens`"),
    ],
)
def test_what_does_not_fit_is(told, text, message):
    (found,) = told(text)
    assert message in found


def test_a_value_that_only_a_deployment_knows_is_no_fault(told):
    assert told(FITS.replace("us-east-1_EXAMPLE", "!Ref Pool")) == []
    assert told(FITS.replace("POLICIES: policies", "POLICIES: !ImportValue x")) == []
    assert told(FITS.replace("USE: access", "USE: !ImportValue x")) == []


def test_the_map_is_proven_too(told):
    actions = ActionMap.from_document({"version": 1, "actions": [LINE]})
    assert told(CACHED, actions=actions) == []
    narrow = "$request.header.Authorization,$context.routeKey"
    text = CACHED.replace(KEY, f"[{narrow}]").replace(KEY.strip("[]").replace(" ", ""), narrow)
    (found,) = told(text, actions=actions)
    assert "would not start with this action map" in found


def test_other_functions_have_other_variables(told):
    text = """
    Resources:
      F:
        Type: AWS::Lambda::Function
        Properties: {Environment: {Variables: {AUTHZ_X: 1}}}
      G: {Type: AWS::Lambda::Function, Properties: {Environment: !Ref AWS::NoValue}}
    """
    assert told(text) == []

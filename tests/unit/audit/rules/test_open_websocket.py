"""`$connect` opens or closes all routes."""

from __future__ import annotations

import pytest

API = """
Resources:
  Chat: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}
  Send: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Chat, RouteKey: send}}
"""
CONNECT = """
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref Chat, RouteKey: $connect, AuthorizationType: {kind}}}
"""
C = "Conditions: {C: !Equals [!Ref AWS::Region, x]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (API, {"Send": ["high"]}),
        (API + CONNECT.format(kind="NONE"), {"Send": ["high"], "Connect": ["high"]}),
        (API + CONNECT.format(kind="CUSTOM"), {"Send": ["info"]}),
        (
            API + CONNECT.format(kind="!If [C, CUSTOM, NONE]") + C,
            {"Send": ["high"], "Connect": ["high"]},
        ),
    ],
)
def test_who_may_send(audit, text, expected):
    found = {}
    for one in audit(text).findings:
        found.setdefault(one.resource, []).append(one.severity)
    assert found == expected

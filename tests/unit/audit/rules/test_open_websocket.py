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


SOMETIMES = """
Conditions: {IsProd: !Equals [!Ref AWS::Region, us-east-1]}
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    %s
    Properties: {ApiId: !Ref Api, RouteKey: $connect, AuthorizationType: %s}
  Send:
    Type: AWS::ApiGatewayV2::Route
    %s
    Properties: {ApiId: !Ref Api, RouteKey: $default}
"""


@pytest.mark.parametrize(
    ("connect", "kind", "send", "severity"),
    [
        ("DependsOn: Api", "AWS_IAM", "DependsOn: Api", "info"),
        ("Condition: IsProd", "AWS_IAM", "Condition: IsProd", "info"),
        ("Condition: IsProd", "AWS_IAM", "DependsOn: Api", "high"),
        ("DependsOn: Api", "!ImportValue x", "DependsOn: Api", "high"),
        ("DependsOn: Api", "!If [IsProd, AWS_IAM, CUSTOM]", "DependsOn: Api", "info"),
        ("DependsOn: Api", "!If [IsProd, AWS_IAM, NONE]", "DependsOn: Api", "high"),
    ],
)
def test_a_connection_that_is_not_always_authorized_closes_nothing(
    audit, connect, kind, send, severity
):
    file = audit(SOMETIMES % (connect, kind, send))
    found = [
        one.severity
        for one in file.findings
        if one.rule == "open-websocket" and one.place == "$default"
    ]
    assert found == [severity]

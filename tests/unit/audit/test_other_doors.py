"""Function URLs and AppSync."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("NONE", "NONE"), ("AWS_IAM", "AWS_IAM"), ("!ImportValue x", "UNKNOWN")],
)
def test_a_function_url(points, kind, expected):
    text = f"""
    Resources:
      Url: {{Type: AWS::Lambda::Url, Properties: {{TargetFunctionArn: x, AuthType: {kind}}}}}
    """
    assert points(text) == [("*", "FUNCTION_URL", expected, "")]


def test_what_a_macro_may_write_is_not_seen(points):
    text = "Resources: {Url: {Type: AWS::Lambda::Url, Properties: {Fn::Transform: {Name: x}}}}"
    assert points(text) == [("*", "FUNCTION_URL", "UNKNOWN", "")]


GRAPH = """
Resources:
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties:
      AuthenticationType: {kind}
      AdditionalAuthenticationProviders: [{{AuthenticationType: API_KEY}}, !Ref AWS::NoValue]
"""


@pytest.mark.parametrize("kind", ["AWS_IAM", "API_KEY", "OPENID_CONNECT", "AWS_LAMBDA"])
def test_graphql(audit, kind):
    file = audit(GRAPH.format(kind=kind))
    (point,) = file.inventory.entry_points
    assert (point.path, point.authorization.kind) == ("GRAPHQL", kind)
    assert point.authorization.names == ("API_KEY",)
    assert [finding.rule for finding in file.findings] == ["appsync-api-key"]


EVENTS = """
Resources:
  Api:
    Type: AWS::AppSync::Api
    Properties:
      Name: events
      EventConfig:
        ConnectionAuthModes: [{AuthType: AMAZON_COGNITO_USER_POOLS}]
        DefaultPublishAuthModes: [{AuthType: AWS_IAM}, {AuthType: API_KEY}]
        DefaultSubscribeAuthModes: [{AuthType: AWS_LAMBDA}]
  Orders:
    Type: AWS::AppSync::ChannelNamespace
    Properties: {ApiId: !GetAtt Api.ApiId, Name: orders, PublishAuthModes: [{AuthType: API_KEY}]}
"""


def test_events(audit):
    file = audit(EVENTS)
    assert [
        (point.method, point.path, point.authorization.kind)
        for point in file.inventory.entry_points
    ] == [
        ("CONNECT", "EVENTS", "AMAZON_COGNITO_USER_POOLS"),
        ("PUBLISH", "EVENTS", "API_KEY"),
        ("SUBSCRIBE", "EVENTS", "AWS_LAMBDA"),
        ("PUBLISH", "/orders/*", "API_KEY"),
    ]
    assert [finding.line for finding in file.findings if finding.rule == "appsync-api-key"] == [
        2,
        10,
    ]


def test_events_whose_modes_are_known_when_deployed(points):
    text = (
        "Resources: {Api: {Type: AWS::AppSync::Api, Properties: {EventConfig: !Ref AWS::NoValue}}}"
    )
    assert {one[2] for one in points(text)} == {"UNKNOWN"}


CONDITIONAL = """
Parameters: {Stage: {Type: String, Default: prod}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Resources:
"""


@pytest.mark.parametrize(
    "providers",
    [
        "!If [IsDev, [{AuthenticationType: API_KEY}], !Ref AWS::NoValue]",
        "[!If [IsDev, {AuthenticationType: API_KEY}, !Ref AWS::NoValue]]",
        "[{AuthenticationType: !If [IsDev, API_KEY, OPENID_CONNECT]}]",
    ],
)
def test_another_way_into_graphql_under_a_condition(audit, providers):
    file = audit(f"""{CONDITIONAL}
  Graph:
    Type: AWS::AppSync::GraphQLApi
    Properties: {{AuthenticationType: AWS_IAM, AdditionalAuthenticationProviders: {providers}}}
""")
    found = {str(one.guard): one.authorization for one in file.inventory.entry_points}
    assert found["IsDev"].names == ("API_KEY",)
    assert "API_KEY" not in found["!IsDev"].names
    assert [finding.rule for finding in file.findings] == ["appsync-api-key"]


def test_another_way_into_graphql_that_is_known_when_deployed(points):
    text = """
    Resources:
      Graph:
        Type: AWS::AppSync::GraphQLApi
        Properties:
          AuthenticationType: AWS_IAM
          AdditionalAuthenticationProviders: [{AuthenticationType: !ImportValue x}]
    """
    assert points(text) == [("*", "GRAPHQL", "UNKNOWN", "")]


@pytest.mark.parametrize(
    "modes",
    [
        "!If [IsDev, [{AuthType: API_KEY}], [{AuthType: AWS_IAM}]]",
        "[{AuthType: !If [IsDev, API_KEY, AWS_IAM]}]",
        "[{AuthType: AWS_IAM}, !If [IsDev, {AuthType: API_KEY}, !Ref AWS::NoValue]]",
    ],
)
def test_events_under_a_condition(points, modes):
    written = (
        f"{{ConnectionAuthModes: {modes}, DefaultPublishAuthModes: [{{AuthType: AWS_IAM}}], "
        "DefaultSubscribeAuthModes: [{AuthType: AWS_IAM}]}"
    )
    text = f"""{CONDITIONAL}
  Api: {{Type: AWS::AppSync::Api, Properties: {{EventConfig: {written}}}}}
"""
    assert [one[2:] for one in points(text) if one[0] == "CONNECT"] == [
        ("API_KEY", "IsDev"),
        ("AWS_IAM", "!IsDev"),
    ]
    both = text.replace("EventConfig: {", "EventConfig: !If [IsDev, {").replace("]}}}", "]}, {}]}}")
    assert ("API_KEY", "IsDev") in {one[2:] for one in points(both) if one[0] == "CONNECT"}


def test_events_with_one_mode_that_is_known_when_deployed(points):
    text = """
    Resources:
      Api:
        Type: AWS::AppSync::Api
        Properties:
          EventConfig:
            ConnectionAuthModes: [{AuthType: AWS_IAM}, {AuthType: !ImportValue x}]
            DefaultPublishAuthModes: [{AuthType: !ImportValue x}, {AuthType: API_KEY}]
            DefaultSubscribeAuthModes: [{AuthType: AWS_IAM}]
    """
    assert [one[2] for one in points(text)] == ["UNKNOWN", "API_KEY", "AWS_IAM"]


def test_a_macro_may_bring_another_way_into_graphql(points):
    text = """
    Resources:
      Graph:
        Type: AWS::AppSync::GraphQLApi
        Properties: {AuthenticationType: AWS_IAM, Fn::Transform: {Name: x}}
    """
    assert points(text) == [("*", "GRAPHQL", "UNKNOWN", "")]

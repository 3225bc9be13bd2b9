"""REST, HTTP and WebSocket APIs whose routes are resources."""

from __future__ import annotations

import pytest

from authz_lib.audit.audited import audit_files

REST = """
Parameters:
  EnableAuth: {Type: String, Default: "true", AllowedValues: ["true", "false"]}
Conditions:
  AuthEnabled: !Equals [!Ref EnableAuth, "true"]
Resources:
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: orders}
  Orders:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: orders}
  Order:
    Type: AWS::ApiGateway::Resource
    Properties: {RestApiId: !Ref Api, ParentId: !Ref Orders, PathPart: "{id}"}
  Tokens:
    Type: AWS::ApiGateway::Authorizer
    Properties:
      RestApiId: !Ref Api
      Name: tokens
      Type: TOKEN
      IdentitySource: method.request.header.X-Token
      AuthorizerUri: !Sub arn:aws:apigateway:::functions/${Function.Arn}/invocations
  Function:
    Type: AWS::Lambda::Function
    Properties: {Role: r, Code: {ZipFile: pass}}
"""
METHOD = """
  Get:
    Type: AWS::ApiGateway::Method
    Properties: {{RestApiId: !Ref Api, ResourceId: {resource}, HttpMethod: GET{more}}}
"""


def method(resource="!Ref Order", more=""):
    return REST + METHOD.format(resource=resource, more=more)


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("!GetAtt Api.RootResourceId", "/"),
        ("!Ref Orders", "/orders"),
        ("!Ref Order", "/orders/{id}"),
        ("!ImportValue x", None),
        ("!Ref Function", None),
    ],
)
def test_the_path_of_a_method(points, resource, path):
    assert points(method(resource)) == [("GET", path, "NONE", "")]


@pytest.mark.parametrize(
    ("more", "kind", "condition"),
    [
        ("", ["NONE"], [""]),
        (", AuthorizationType: NONE", ["NONE"], [""]),
        (", AuthorizationType: AWS_IAM", ["AWS_IAM"], [""]),
        (", AuthorizationType: aws_iam", ["AWS_IAM"], [""]),
        (", AuthorizationType: !ImportValue x", ["UNKNOWN"], [""]),
        (", AuthorizationType: SOMETHING", ["UNKNOWN"], [""]),
        (
            ", AuthorizationType: !If [AuthEnabled, CUSTOM, NONE]",
            ["CUSTOM", "NONE"],
            ["AuthEnabled", "!AuthEnabled"],
        ),
        (
            ", AuthorizationType: !If [AuthEnabled, CUSTOM, !Ref AWS::NoValue]",
            ["CUSTOM", "NONE"],
            ["AuthEnabled", "!AuthEnabled"],
        ),
    ],
)
def test_who_is_let_in_to_a_method(points, more, kind, condition):
    found = points(method(more=more))
    assert [one[2] for one in found] == kind
    assert [one[3] for one in found] == condition


def test_a_side_that_a_parameter_rules_out_is_no_entry_point(points):
    text = method(more=", AuthorizationType: !If [AuthEnabled, AWS_IAM, NONE]")
    assert points(text, parameters={"EnableAuth": "false"}) == [("GET", "/orders/{id}", "NONE", "")]


def test_a_resource_that_is_not_there_on_that_side_is_none(points):
    text = method(more=", AuthorizationType: !If [AuthEnabled, AWS_IAM, NONE]")
    text = text.replace("  Get:\n", "  Get:\n    Condition: AuthEnabled\n")
    assert points(text) == [("GET", "/orders/{id}", "AWS_IAM", "")]
    assert points(text, parameters={"EnableAuth": "false"}) == []


def test_an_authorizer_is_told(audit):
    more = ", AuthorizationType: CUSTOM, AuthorizerId: !Ref Tokens, ApiKeyRequired: true"
    text = method(more=more).lstrip("\n")
    file = audit(text)
    (point,) = file.inventory.entry_points
    assert (point.api, point.gateway) == ("Get", "Api")
    assert text.splitlines()[point.line - 1] == "  Get:"
    assert (point.authorization.authorizer, point.authorization.api_key) == ("Tokens", True)
    use = file.inventory.gateways["Api"].authorizers["Tokens"]
    assert (use.form, use.function, use.simple) == ("token", "Function", False)
    assert use.cache.ttl_seconds == 300
    assert use.cache.identity_sources == ("method.request.header.X-Token",)


@pytest.mark.parametrize(
    ("integration", "expected"),
    [
        ("{Type: MOCK}", True),
        ("{Type: HTTP}", False),
        ("{Type: !If [AuthEnabled, MOCK, HTTP]}", False),
        ("!Ref AWS::NoValue", False),
    ],
)
def test_a_preflight_is_one_under_each_condition(audit, integration, expected):
    text = method(more=f", Integration: {integration}").replace("GET", "OPTIONS")
    (point,) = audit(text).inventory.entry_points
    assert point.is_preflight is expected


def test_parents_in_a_ring_are_refused(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(REST.replace("!GetAtt Api.RootResourceId", "!Ref Order"))
    audit = audit_files([path])
    assert audit.files == ()
    assert "need each other in a ring" in audit.problems[0]


HTTP = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {{Name: orders, ProtocolType: {protocol}}}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: JWT
      JwtConfiguration: {{Issuer: https://issuer.example, Audience: [web, !Ref AWS::StackId]}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: {api}, RouteKey: {key}{more}}}
"""


@pytest.mark.parametrize(
    ("protocol", "api", "key", "place", "surface"),
    [
        ("HTTP", "!Ref Api", "GET /orders", ("GET", "/orders"), "http"),
        ("HTTP", "!Ref Api", "$default", ("ANY", "$default"), "http"),
        ("HTTP", "!Ref Api", '"ANY /{proxy+}"', ("ANY", "/{proxy+}"), "http"),
        ("HTTP", "!Ref Api", "!ImportValue x", ("ANY", None), "http"),
        ("WEBSOCKET", "!Ref Api", "$connect", ("*", "$connect"), "websocket"),
        ("HTTP", "!ImportValue x", "GET /orders", ("GET", "/orders"), "http"),
        ("HTTP", "!ImportValue x", "$connect", ("*", "$connect"), "websocket"),
    ],
)
def test_the_place_of_a_route(audit, protocol, api, key, place, surface):
    file = audit(HTTP.format(protocol=protocol, api=api, key=key, more=""))
    (point,) = file.inventory.entry_points
    assert ((point.method, point.path), point.surface) == (place, surface)
    assert point.authorization.kind == "NONE"


def test_a_jwt_authorizer_is_told(audit):
    more = ", AuthorizationType: JWT, AuthorizerId: !Ref Users, AuthorizationScopes: [a, b]"
    file = audit(HTTP.format(protocol="HTTP", api="!Ref Api", key="GET /", more=more))
    (point,) = file.inventory.entry_points
    assert point.authorization.scopes == ("a", "b")
    use = file.inventory.gateways["Api"].authorizers["Users"]
    assert use.audience == ("web", "(known when deployed)")
    assert (use.issuer, use.cache) == ("https://issuer.example", None)


def test_an_http_api_remembers_nothing_by_default(audit):
    text = HTTP.format(protocol="HTTP", api="!Ref Api", key="GET /", more="")
    text = text.replace("AuthorizerType: JWT", "AuthorizerType: REQUEST")
    cache = audit(text).inventory.gateways["Api"].authorizers["Users"].cache
    assert cache.ttl_seconds == 0


SWITCHED = """
Parameters:
  Public: {{Type: String, Default: "{default}"}}
  Other: {{Type: String, AllowedValues: [yes please, no]}}
Conditions:
  IsPublic: !Equals [!Ref Public, {literal}]
Resources:
  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{ProtocolType: HTTP}}}}
  Route:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: GET /orders
      AuthorizationType: !If [IsPublic, NONE, AWS_IAM]
"""


@pytest.mark.parametrize(
    ("default", "literal"),
    [
        ("false", "true"),
        ("false", '"true"'),
        ("0", "1"),
        ("0", "1.5"),
        ("no", "!Ref Other"),
        ("no", "x" * 300),
    ],
)
def test_the_open_side_of_a_switch_is_seen_however_its_value_is_written(points, default, literal):
    """YAML makes a Boolean of `true` and a number of `1`; CloudFormation compares texts."""
    assert points(SWITCHED.format(default=default, literal=literal)) == [
        ("GET", "/orders", "NONE", "IsPublic"),
        ("GET", "/orders", "AWS_IAM", "!IsPublic"),
    ]


@pytest.mark.parametrize("value", ["true", '"true"'])
def test_a_given_value_decides_a_switch_however_its_value_is_written(points, value):
    template = SWITCHED.format(default="false", literal=value)
    assert points(template, parameters={"Public": "false"}) == [("GET", "/orders", "AWS_IAM", "")]
    assert points(template, parameters={"Public": "true"}) == [("GET", "/orders", "NONE", "")]


@pytest.mark.parametrize("member", ["CloneFrom: abc123", "CloneFrom: !ImportValue other"])
def test_the_routes_of_a_clone_are_not_seen(audit, member):
    text = f"Resources: {{Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{{member}}}}}}}"
    file = audit(text)
    assert [point.is_seen for point in file.inventory.entry_points] == [False]
    assert [finding.rule for finding in file.findings] == ["not-seen"]


INSIDE = """
Parameters: {Stage: {Type: String, Default: prod}}
Conditions: {IsDev: !Equals [!Ref Stage, dev]}
Mappings: {Kinds: {dev: {Kind: NONE}, prod: {Kind: AWS_IAM}}}
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}
  Method:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
"""


@pytest.mark.parametrize(
    "kind",
    [
        "!FindInMap [Kinds, !If [IsDev, dev, prod], Kind]",
        "!Select [!If [IsDev, 0, 1], [NONE, AWS_IAM]]",
        "!Join ['', [!If [IsDev, 'NO', AWS_], !If [IsDev, NE, IAM]]]",
        "!Sub ['${Kind}', {Kind: !If [IsDev, NONE, AWS_IAM]}]",
    ],
)
def test_a_condition_inside_of_a_kind_has_two_sides(points, kind):
    text = f"{INSIDE}      HttpMethod: GET\n      AuthorizationType: {kind}\n"
    assert points(text) == [("GET", "/", "NONE", "IsDev"), ("GET", "/", "AWS_IAM", "!IsDev")]
    assert points(text, parameters={"Stage": "dev"}) == [("GET", "/", "NONE", "")]


def test_a_condition_inside_of_a_method_has_two_sides(audit):
    text = (
        f"{INSIDE}      HttpMethod: !If [IsDev, GET, OPTIONS]\n      AuthorizationType: NONE\n"
        "      Integration: {Type: MOCK}\n"
    )
    file = audit(text)
    found = {(one.method, str(one.guard), one.is_preflight) for one in file.inventory.entry_points}
    assert found == {("GET", "IsDev", False), ("OPTIONS", "!IsDev", True)}
    assert "open-route" in {finding.rule for finding in file.findings}


def test_a_condition_inside_of_a_route_key_has_two_sides(audit):
    file = audit("""
    Parameters: {Stage: {Type: String, Default: prod}}
    Conditions: {IsDev: !Equals [!Ref Stage, dev]}
    Resources:
      Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
      Route:
        Type: AWS::ApiGatewayV2::Route
        Properties: {ApiId: !Ref Api, RouteKey: !If [IsDev, GET /a, OPTIONS /a]}
    """)
    found = [(one.method, one.path, str(one.guard)) for one in file.inventory.entry_points]
    assert found == [("GET", "/a", "IsDev"), ("OPTIONS", "/a", "!IsDev")]
    assert "open-route" in {finding.rule for finding in file.findings}


MACRO = "Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}"


@pytest.mark.parametrize("kind", ["AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"])
@pytest.mark.parametrize("members", [f"Properties: {{{MACRO}}}", MACRO])
def test_a_macro_may_bring_the_body(points, kind, members):
    text = f"Resources: {{Api: {{Type: '{kind}', {members}}}}}"
    assert points(text) == [("*", "*", "OPAQUE_BODY", "")]

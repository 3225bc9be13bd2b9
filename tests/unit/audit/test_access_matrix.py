"""Who may do what, on the page of the audit: a row for each deployed route."""

from __future__ import annotations

import re

import pytest

from authz_lib.cli.main import main

pytest.importorskip("cvc5")
TEMPLATE = """
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: HTTP}}
  Users:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: JWT
      JwtConfiguration: {Issuer: https://issuer.example, Audience: [web]}
  One: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: "GET /orders/{key}", AuthorizationType: JWT, AuthorizerId: !Ref Users}}
  Two: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: "ANY /files/{path+}", AuthorizationType: JWT, AuthorizerId: !Ref Users}}
  Health: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: GET /health}}
  Other: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: "GET /<b>", AuthorizationType: JWT, AuthorizerId: !Ref Users}}
  Gone: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: GET /gone, AuthorizationType: JWT, AuthorizerId: !Ref Users}}
"""  # noqa: E501
ACTIONS = """{"version": 1, "actions": [
  {"method": "GET", "route": "/orders/{id}", "action": "GetOrder",
   "resource_type": "Order", "resource_id_label": "id"},
  {"method": "PUT", "route": "/files/{name}", "action": "PutFile"},
  {"method": "GET", "route": "/health", "action": "Health", "public": true},
  {"method": "GET", "route": "/gone", "action": "Gone"}
]}"""
SCHEMA = """entity Group; entity User in [Group]; entity Order { owner: User }; entity Application;
action GetOrder appliesTo { principal: User, resource: Order };
action PutFile appliesTo { principal: User, resource: Application };"""
POLICIES = """
permit(principal, action == Action::"GetOrder", resource) when { resource.owner == principal };
permit(principal in Group::"staff", action, resource);
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "policies").mkdir()
    for name, text in {
        "template.yaml": TEMPLATE,
        "actions.json": ACTIONS,
        "policies/orders.cedar": POLICIES,
        "policies/schema.cedarschema": SCHEMA,
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def words(files, *more, form="html"):
    actions = ["--actions", str(files / "actions.json")]
    given = [str(files / "template.yaml"), "--format", form, *actions, "--fail-on", "never"]
    return ["audit", *given, "--policies", str(files / "policies"), *more]


def rows_of(page):
    """The cells of the section's rows, as text."""
    section = page.partition("<h2>Who may do what</h2>")[2].partition("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", section)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_each_deployed_route_has_what_the_policies_answer(files, capsys):
    assert main(words(files)) == 0
    heads, *rows = rows_of(capsys.readouterr().out)
    assert heads == [
        *("entry point", "action", "resource"),
        *("anybody signed in", "Group staff"),
    ]
    refused = "no line of the action map: the authorizer refuses it"
    assert {row[0]: row[1:] for row in rows} == {
        "GET /orders/{key}": ["GetOrder", "Order", "if owner", "yes"],
        "ANY /files/{path+}": ["PutFile", "Application", "no", "yes"],
        "GET /health": [
            "Health",
            "the policies are not asked: the map has it as public",
            "",
            "",
        ],
        "GET /&lt;b&gt;": ["", refused, "", ""],
        "GET /gone": [
            "Gone",
            "the schema has no such action: the policies cannot allow it",
            "",
            "",
        ],
    }


@pytest.mark.parametrize("form", ["table", "json", "sarif", "markdown"])
def test_it_is_for_the_page_only(files, capsys, form):
    assert main(words(files, form=form)) == 2
    assert "`--policies` needs `--format html`" in capsys.readouterr().err


def test_it_needs_the_map_and_policies_that_parse(files, capsys):
    given = words(files)
    without = given[: given.index("--actions")] + given[given.index("--fail-on") :]
    assert main(without) == 2
    (files / "policies" / "orders.cedar").write_text("permit(")
    assert main(given) == 2
    assert capsys.readouterr().err.count("\n") == 2

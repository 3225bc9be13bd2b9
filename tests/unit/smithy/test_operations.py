"""Who may call, as traits of API Gateway say it; references to shapes that are not there."""

from __future__ import annotations

import json

import pytest

from authz_lib.actions import ActionMap
from authz_lib.cli.main import main
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema import cedar_schema
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model

AUTHORIZER = "aws.apigateway#authorizer"
TOKENS = {"tokens": {"scheme": "smithy.api#httpBearerAuth", "uri": "arn:x"}}


def service(ast):
    return Model(ast).service()


def open_routes(ast, kind="rest"):
    return {f.where for f in lint(service(ast), kind) if f.rule == "open-gateway"}


def marks(ast, name):
    return ast["shapes"][f"shop#{name}"].setdefault("traits", {})


ALL = {"CreateOrder", "GetOrder", "ListOrders", "GetLine", "ListLines"}


def test_a_service_without_an_authorizer_at_the_gateway_is_open(ast):
    marks(ast, "Shop")[AUTHORIZER] = "NONE"
    assert open_routes(ast) == open_routes(ast, "http") == ALL  # `Health` is public by itself
    with pytest.raises(ConfigurationError, match=r"`CreateOrder` would be listed as protected"):
        ActionMap.from_smithy(ast)


def test_the_nearest_authorizer_counts(ast):
    shop = marks(ast, "Shop")
    shop["aws.apigateway#authorizers"], shop[AUTHORIZER] = TOKENS, "tokens"
    assert open_routes(ast) == set()
    marks(ast, "Line")[AUTHORIZER] = "NONE"
    assert open_routes(ast) == {"GetLine", "ListLines"}
    marks(ast, "GetLine")[AUTHORIZER] = "tokens"
    assert open_routes(ast) == {"ListLines"}
    marks(ast, "ListLines")["smithy.api#auth"] = []  # now both say that it is open
    assert open_routes(ast) == set()
    public = {e.action for e in ActionMap.from_smithy(ast, prefix="").entries if e.public}
    assert public == {"Health", "ListLines"}


def test_one_operation_may_be_open(ast):
    marks(ast, "GetOrder")[AUTHORIZER] = "NONE"
    assert open_routes(ast) == {"GetOrder"}
    with pytest.raises(ConfigurationError, match=r"`GetOrder` .* declare `@auth\(\[\]\)`"):
        ActionMap.from_smithy(ast)


def test_optional_credentials_are_public_already(ast):
    marks(ast, "GetOrder")[AUTHORIZER] = "NONE"
    marks(ast, "GetOrder")["smithy.api#optionalAuth"] = {}
    assert open_routes(ast) == set()


def test_a_public_operation_behind_an_authorizer_is_a_warning(ast):
    shop = marks(ast, "Shop")
    shop["aws.apigateway#authorizers"], shop[AUTHORIZER] = TOKENS, "tokens"
    found = {(f.level, f.rule, f.where) for f in lint(service(ast), "http")}
    assert found == {("warning", "public-with-authorizer", "Health")}


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        (AUTHORIZER, "token", r"names `token`, which is not in `@authorizers` of `shop#Shop`"),
        (AUTHORIZER, "none", "names `none`"),
        (AUTHORIZER, {"name": "tokens"}, "must be a name"),
        ("aws.apigateway#authorizers", [], "must be an object"),
        ("aws.apigateway#authorizers", {"tokens": {}}, "whose `scheme` is not on"),
        ("aws.apigateway#authorizers", {"tokens": {"scheme": "aws.auth#sigv4"}}, "`scheme`"),
        ("aws.apigateway#authorizers", {"tokens": "x"}, "`scheme`"),
    ],
)
def test_a_wrong_authorizer_is_refused(ast, trait, value, message):
    shop = marks(ast, "Shop")
    shop["aws.apigateway#authorizers"], shop[AUTHORIZER] = TOKENS, "tokens"
    shop[trait] = value
    with pytest.raises(ConfigurationError, match=message):
        _ = service(ast).operations


def test_the_command_prints_the_findings_and_writes_nothing(ast, tmp_path, capsys):
    marks(ast, "Shop")[AUTHORIZER] = "NONE"
    model, out = tmp_path / "model.json", tmp_path / "actions.json"
    model.write_text(json.dumps(ast))
    words = ["smithy", "actions", str(model), "--target", "http", "-o", str(out)]
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert "error: GetOrder: `@authorizer(" in printed
    assert "[open-gateway]" in printed
    assert "would be listed as protected" in printed
    assert not out.exists()


GONE = "`{}` refers to `shop#Gone`, which is not in it"


@pytest.mark.parametrize(
    ("owner", "member", "value"),
    [
        ("Shop", "errors", [{"target": "shop#Gone"}]),
        ("GetOrder", "errors", [{"target": "shop#Gone"}]),
        ("Shop", "operations", [{"target": "shop#Gone"}]),
        ("Shop", "resources", [{"target": "shop#Gone"}]),
        ("Order", "read", {"target": "shop#Gone"}),
        ("Order", "operations", [{"target": "shop#Gone"}]),
        ("Order", "collectionOperations", [{"target": "shop#Gone"}]),
        ("Order", "resources", [{"target": "shop#Gone"}]),
        ("Order", "identifiers", {"orderId": {"target": "shop#Gone"}}),
        ("GetLine", "input", {"target": "shop#Gone"}),
        ("GetOrder", "output", {"target": "shop#Gone"}),
        ("GetOrder", "mixins", [{"target": "shop#Gone"}]),
    ],
)
def test_a_reference_to_no_shape_is_named(ast, owner, member, value):
    ast["shapes"][f"shop#{owner}"][member] = value
    with pytest.raises(ConfigurationError, match=GONE.format(f"shop#{owner}")):
        _ = service(ast).operations


@pytest.mark.parametrize(
    ("owner", "member", "value"),
    [
        ("Order", "properties", {"owner": {"target": "shop#Gone"}}),
        ("Tags", "member", {"target": "shop#Gone"}),
        ("Address", "members", {"street": {"target": "shop#Gone"}}),
    ],
)
def test_the_schema_names_what_is_not_there(ast, owner, member, value):
    ast["shapes"][f"shop#{owner}"][member] = value
    with pytest.raises(ConfigurationError, match=GONE.format(f"shop#{owner}")):
        cedar_schema(service(ast))

"""The orders example's action map and schema are its Smithy model's; its policies are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from authz_lib.cli.main import main
from authz_lib.smithy.model import Model
from authz_local.template import load_template

EXAMPLE = Path(__file__).parents[2] / "examples" / "orders_router"
MODEL = EXAMPLE / "model" / "orders.json"
COMMON = [str(MODEL), "--prefix", "commercial", "--resources", "application", "--check", "-o"]


@pytest.mark.parametrize("target", ["http", "rest"])
def test_the_action_map_has_not_drifted_and_both_kinds_of_api_can_deploy_it(target, capsys):
    assert (
        main(
            [
                "smithy",
                "actions",
                *COMMON,
                str(EXAMPLE / "authorizer" / "actions.json"),
                "--target",
                target,
            ]
        )
        == 0
    )
    assert capsys.readouterr() == ("", "")


def test_the_schema_has_not_drifted(capsys):
    assert (
        main(["smithy", "cedar-schema", *COMMON, str(EXAMPLE / "policies" / "schema.cedarschema")])
        == 0
    )
    assert capsys.readouterr().out == ""


def test_the_policies_validate_against_the_schema():
    cedarpy = pytest.importorskip("cedarpy")
    schema = (EXAMPLE / "policies" / "schema.cedarschema").read_text()
    policies = "".join(path.read_text() for path in sorted((EXAMPLE / "policies").glob("*.cedar")))
    result = cedarpy.validate_policies(policies, schema)
    assert result.validation_passed, [str(error) for error in result.errors]
    assert not cedarpy.validate_policies(
        policies.replace("resource.owner", "resource.holder"), schema
    ).validation_passed


def test_the_model_for_readers_and_the_model_that_is_read_are_one():
    """Smithy itself is not needed to run the tests: names, routes and statuses are compared."""
    text = (EXAMPLE / "model" / "orders.smithy").read_text()
    shapes = json.loads(MODEL.read_text())["shapes"]
    kinds = r"(service|resource|operation|structure|list|string)"
    named = {(name, kind) for kind, name in re.findall(rf"^{kinds} (\w+)", text, re.MULTILINE)}
    blocks = re.findall(r"^operation (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    made = {
        f"{name}{part.title()}"
        for name, body in blocks
        for part in ("input", "output")
        if f"{part} :=" in body
    }
    seen = {(shape_id.partition("#")[2], shape["type"]) for shape_id, shape in shapes.items()}
    assert seen == named | {(name, "structure") for name in made}

    routes = re.findall(
        r'@http\(method: "(\w+)", uri: "([^"]+)"(?:, code: (\d+))?\)\noperation (\w+)', text
    )
    service = Model.load(MODEL).service()
    assert sorted(
        (method, uri, int(code or 200), name) for method, uri, code, name in routes
    ) == sorted((o.http.method, o.http.uri, o.http.code, o.name) for o in service.operations)
    errors = re.findall(
        r'@error\("(\w+)"\)\n@httpError\((\d+)\)\n(@retryable\n)?structure (\w+)', text
    )
    of_model = {
        service.error_shape(error) for operation in service.operations for error in operation.errors
    }
    assert sorted(
        (fault, int(status), bool(retry), name) for fault, status, retry, name in errors
    ) == sorted((shape.fault, shape.status, shape.retryable, shape.name) for shape in of_model)


def test_the_longest_item_is_the_same_in_the_model_the_gateway_and_the_service():
    text = (EXAMPLE / "model" / "orders.smithy").read_text()
    read = re.search(r"^@length\(min: (\d+), max: (\d+)\)\nstring Item$", text, re.MULTILINE)
    least, most = map(int, read.groups())
    shapes = json.loads(MODEL.read_text())["shapes"]
    assert shapes["com.example.orders#Item"]["traits"]["smithy.api#length"] == {
        "min": least,
        "max": most,
    }
    assert (
        shapes["com.example.orders#CreateOrderInput"]["members"]["item"]["target"]
        == "com.example.orders#Item"
    )
    api = load_template(EXAMPLE / "template.yaml")["Resources"]["RestApi"]["Properties"][
        "DefinitionBody"
    ]
    assert api["components"]["schemas"]["NewOrder"]["properties"]["item"] == {
        "type": "string",
        "minLength": least,
        "maxLength": most,
    }
    assert f"\nLONGEST_ITEM = {most}  #" in (EXAMPLE / "services" / "commercial.py").read_text()

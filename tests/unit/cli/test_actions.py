"""`authz actions`: make a map from OpenAPI or a template, and check one."""

from __future__ import annotations

import json
import re

import pytest

from authz_lib.actions import ActionMap
from authz_lib.cli.main import main

OPENAPI = """
openapi: 3.0.1
security: [{pool: [pets/read]}]
components: {securitySchemes: {pool: {type: oauth2}, bearer: {type: http}}}
paths:
  /pets:
    summary: Pets
    get: {operationId: listPets}
    post: {operationId: addPet, security: [{pool: [pets/write]}]}
  /pets/{petId}:
    get: {operationId: getPet}
    delete: {}
  /health:
    get: {operationId: health, security: []}
    options: {x-amazon-apigateway-integration: {type: mock}}
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {HttpApi: {Auth: {DefaultAuthorizer: Lambda}}}
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: orders.handler
      Role: !GetAtt Role.Arn
      Events:
        List: {Type: HttpApi, Properties: {Path: /orders, Method: get}}
        Get: {Type: HttpApi, Properties: {Path: "/orders/{order_id}", Method: GET}}
        Health:
          Type: HttpApi
          Properties: {Path: /health, Method: GET, Auth: {Authorizer: NONE}}
        Timer: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
"""
SCHEMA = """
entity User; entity Application; entity Order;
action "get /orders" appliesTo { principal: User, resource: Application };
action "get /orders/{order_id}" appliesTo { principal: User, resource: Order };
"""
MAP = [
    {"method": "GET", "route": "/health", "action": "get /health", "public": True},
    {"method": "GET", "route": "/orders", "action": "get /orders"},
    {
        "method": "GET",
        "route": "/orders/{order_id}",
        "action": "get /orders/{order_id}",
        "resource_type": "Order",
        "resource_id_label": "order_id",
    },
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "openapi.yaml").write_text(OPENAPI)
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "schema.cedarschema").write_text(SCHEMA)
    write(tmp_path, MAP)
    return tmp_path


def write(folder, lines):
    (folder / "actions.json").write_text(json.dumps({"version": 1, "actions": lines}))


def made(capsys, *words):
    code = main(["actions", *map(str, words)])
    out, err = capsys.readouterr()
    return code, json.loads(out)["actions"], err


def check(folder, capsys, *words):
    code = main(["actions", "check", "--actions", str(folder / "actions.json"), *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_map_of_an_openapi_document(folder, capsys):
    pet = {"resource_type": "Pet", "resource_id_label": "petId", "scopes": ["pets/read"]}
    code, lines, err = made(capsys, "from-openapi", folder / "openapi.yaml")
    assert (code, err) == (0, "")
    assert lines == [
        {"method": "GET", "route": "/health", "action": "health", "public": True},
        {"method": "GET", "route": "/pets", "action": "listPets", "scopes": ["pets/read"]},
        {"method": "POST", "route": "/pets", "action": "addPet", "scopes": ["pets/write"]},
        {
            "method": "DELETE",
            "route": "/pets/{petId}",
            "action": "delete /pets/{petId}",
            **pet,
        },
        {"method": "GET", "route": "/pets/{petId}", "action": "getPet", **pet},
    ]


def test_json_and_another_order_give_the_same_map(folder, capsys):
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load(OPENAPI)
    document["paths"] = dict(reversed(document["paths"].items()))
    (folder / "openapi.json").write_text(json.dumps(document))
    first = made(capsys, "from-openapi", folder / "openapi.yaml")
    assert made(capsys, "from-openapi", folder / "openapi.json") == first


def test_a_map_of_a_template(folder, capsys):
    code, lines, err = made(capsys, "from-template", folder / "template.yaml")
    assert (code, err) == (0, "")
    assert lines == MAP


def test_prefix_resources_and_output(folder, capsys):
    out = folder / "made.json"
    words = ["--prefix", "shop", "--resources", "application", "-o", str(out)]
    assert main(["actions", "from-openapi", str(folder / "openapi.yaml"), *words]) == 0
    assert capsys.readouterr() == ("", "")
    actions = ActionMap.load(out)
    assert {entry.resource_type for entry in actions.entries} == {None}
    assert "shop:delete /pets/{petId}" in {entry.action for entry in actions.entries}
    assert [path.name for path in folder.glob(".*.new")] == []
    lines = out.read_text().splitlines()
    assert sum("method" in line for line in lines) == len(actions.entries)  # one line a line


def test_an_output_that_cannot_be_written_is_exit_code_2(folder, capsys):
    words = ["from-openapi", str(folder / "openapi.yaml"), "-o", str(folder / "no" / "made.json")]
    assert main(["actions", *words]) == 2
    assert "`made.json` cannot be written" in capsys.readouterr().err


def test_what_cannot_be_decided_is_said_and_left_out(folder, capsys):
    text = TEMPLATE.replace("Path: /orders,", "Path: !Sub '/${Stage}/orders',")
    (folder / "template.yaml").write_text(text)
    code, lines, err = made(capsys, "from-template", folder / "template.yaml")
    assert code == 1
    assert "error: Orders.List: its method or path is known only when it is deployed" in err
    assert [line["route"] for line in lines] == ["/health", "/orders/{order_id}"]


def test_a_map_that_fits(folder, capsys):
    words = ("--schema", folder / "schema.cedarschema", "--template", folder / "template.yaml")
    assert check(folder, capsys, *words) == (0, "3 lines, nothing wrong\n", "")


def test_a_typo_is_exit_code_1(folder, capsys):
    write(folder, [MAP[0], MAP[1] | {"action": "get /order"}, MAP[2] | {"resource_type": "Oder"}])
    code, out, _ = check(folder, capsys, "--schema", folder / "schema.cedarschema")
    assert code == 1
    assert "`actions[1]` (`GET /orders`): the schema has no action `get /order`; the near" in out
    assert "`actions[2]`" in out
    assert "no entity type `Oder`; the nearest is `Order` [schema]" in out


def test_the_types_can_be_told(folder, capsys):
    words = ("--schema", folder / "schema.cedarschema", "--application-type", "Shop")
    code, out, _ = check(folder, capsys, *words)
    assert (code, "no entity type `Shop`" in out) == (1, True)
    code, out, _ = check(folder, capsys, *words[:2], "--principal-type", "Order")
    assert (code, "does not apply to the principal type `Order`" in out) == (1, True)
    code, out, _ = check(folder, capsys, *words[:2], "--action-type", "Shop::Action")
    assert (code, "no actions of the type `Shop::Action`, but of `Action`" in out) == (1, True)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (MAP[:2], "error: GET /orders/{order_id}: the map has no line for this route of `Orders.G"),
        ([*MAP, {"method": "GET", "route": "/x", "action": "x"}], "no route serves `actions[3]`"),
        (
            [{"method": "GET", "route": "/health", "action": "h"}, *MAP[1:]],
            "error: GET /health: the gateway asks nobody, and `actions[0]` has it as protected",
        ),
    ],
)
def test_the_routes_of_the_template_are_compared(folder, capsys, lines, message):
    write(folder, lines)
    code, out, err = check(folder, capsys, "--template", folder / "template.yaml")
    assert (code, err) == (1, "")
    assert message in out
    assert out.count("\n") == 1


def test_an_openapi_document_is_compared_too(folder, capsys):
    code, out, _ = check(folder, capsys, "--template", folder / "openapi.yaml")
    assert code == 1
    assert "GET /pets: the map has no line" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "`check` needs `--schema FILE`, `--template FILE` or both"),
        (["--schema", "gone.cedarschema"], "gone.cedarschema` cannot be read"),
        (["--schema", "template.yaml"], "does not parse"),
        (["--template", "gone.yaml"], "`gone.yaml` cannot be read"),
        (["--template", "gone.json"], "`gone.json` cannot be read"),
        (["--template", "list.yaml"], "must be an object"),
        (["--template", "actions.json"], "must be OpenAPI 3.0 or 3.1"),
        (["--template", "template.yaml", "--api", "X"], "must have the API `X` (`--api`); it has"),
        (["--template", "large.yaml"], "has more than 5000000 bytes"),
    ],
)
def test_what_could_not_be_asked_is_exit_code_2(folder, capsys, words, message):
    (folder / "list.yaml").write_text("[]")
    (folder / "large.yaml").write_text("a: b" + " " * 5_000_000)
    paths = [str(folder / word) if "." in word else word for word in words]
    code, out, err = check(folder, capsys, *paths)
    assert (code, out) == (2, "")
    assert message in err


def test_a_description_at_the_bound(folder, capsys):
    text = OPENAPI.strip() + "\n"
    (folder / "openapi.yaml").write_text(text.ljust(1_000_000))
    assert made(capsys, "from-openapi", folder / "openapi.yaml")[0] == 0
    (folder / "openapi.yaml").write_text(text.ljust(1_000_001))
    assert main(["actions", "from-openapi", str(folder / "openapi.yaml")]) == 2
    assert "1000000" in capsys.readouterr().err


def test_a_wrong_map_is_exit_code_2(folder, capsys):
    write(folder, [MAP[0] | {"method": "ANY"}])
    code, _, err = check(folder, capsys, "--schema", folder / "schema.cedarschema")
    assert code == 2
    assert "`actions[0].method`" in err


def test_an_empty_map_is_exit_code_1(folder, capsys):
    write(folder, [])
    code, out, _ = check(folder, capsys, "--schema", folder / "schema.cedarschema")
    assert (code, out) == (
        1, "error: the action map is empty: every route would be refused [map]\n"
    )  # fmt: skip


def test_declared_attributes_are_compared_with_the_schema(folder, capsys):
    path = folder / "typed.cedarschema"
    text = (folder / "schema.cedarschema").read_text()
    assert "entity User" in text
    path.write_text(re.sub(r"entity User[^;]*;", "entity User = { level?: Long };", text))
    words = ("--schema", path, "--attribute", "level=number")
    assert check(folder, capsys, *words)[0] == 0
    code, out, _ = check(folder, capsys, *words, "--attribute", "email")
    assert (code, "`User` of the schema has no attribute `email`" in out) == (1, True)
    code, out, _ = check(folder, capsys, "--schema", path, "--attribute", "level")
    assert (code, "`level` is `Long` in the schema" in out) == (1, True)
    for wrong in (["--attribute", "level=integer"], ["--attribute", "a", "--attribute", "a=text"]):
        assert check(folder, capsys, "--schema", path, *wrong)[0] == 2
    template = ("--template", folder / "template.yaml", "--attribute", "level")
    code, _, err = check(folder, capsys, *template)
    assert (code, "`--attribute` goes with `--schema FILE`" in err) == (2, True)


def test_a_check_for_machines(folder, capsys):
    words = ("--schema", folder / "schema.cedarschema", "--template", folder / "template.yaml")
    code, out, _ = check(folder, capsys, *words, "--json")
    assert (code, json.loads(out)) == (0, {"lines": 3, "problems": []})
    write(folder, [MAP[0], MAP[1] | {"action": "get /order"}])
    code, out, _ = check(folder, capsys, *words, "--json")
    found = json.loads(out)
    assert (code, found["lines"]) == (1, 2)
    assert [problem["rule"] for problem in found["problems"]] == ["schema", "no-line"]
    assert found["problems"][0]["place"].startswith(f"{folder / 'actions.json'}:1:")
    assert found["problems"][0]["message"].startswith("`actions[1]` (`GET /orders`): the schema")


def test_a_wrong_line_is_shown_where_it_stands(folder, capsys):
    text = json.dumps({"version": 1, "actions": [MAP[0], MAP[1] | {"method": "GTE"}]}, indent=1)
    (folder / "actions.json").write_text(text)
    number = 1 + next(at for at, line in enumerate(text.splitlines()) if "GTE" in line)
    code, _, err = check(folder, capsys, "--schema", folder / "schema.cedarschema")
    assert code == 2
    place = f"{folder / 'actions.json'}:{number}:4"
    assert err.startswith(f"authz actions: {place}: `actions[1].method` must be an HTTP method")


def line_of(path, text):
    lines = path.read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


def test_what_does_not_fit_is_shown_where_it_stands(folder, capsys):
    write(folder, [*MAP[1:], {"method": "GET", "route": "/x", "action": "x"}])
    template = folder / "openapi.yaml"
    _, out, _ = check(folder, capsys, "--template", template)
    lines = out.splitlines()
    number = line_of(template, "operationId: listPets")
    assert lines[0].startswith(f"{template}:{number}:5: error: GET /pets: ")
    unserved = [line for line in lines if "no route serves `actions[2]`" in line]
    assert unserved[0].startswith(f"{folder / 'actions.json'}:1:")


def test_a_route_without_a_line_is_shown_where_it_stands(folder, capsys):
    template = folder / "template.yaml"
    template.write_text(TEMPLATE.replace("Method: GET", "Method: !Ref Method", 1))
    code, _, err = made(capsys, "from-template", template)
    assert code == 1
    assert err.startswith(f"{template}:")
    found = err.splitlines()[0]
    event = found.partition(": error: Orders.")[2].partition(":")[0]
    assert int(found.split(":")[1]) == line_of(template, f"{event}:")

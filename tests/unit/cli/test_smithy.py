"""`authz smithy`: make, compare, and say in one line what is wrong."""

from __future__ import annotations

import json

import pytest

from authz_lib.actions import ActionMap
from authz_lib.cli.main import main

HTTP = "smithy.api#http"


def model():
    return {
        "smithy": "2.0",
        "shapes": {
            "s#Shop": {
                "type": "service",
                "resources": [{"target": "s#Order"}],
                "traits": {"smithy.api#httpBearerAuth": {}},
            },
            "s#Order": {
                "type": "resource",
                "identifiers": {"id": {"target": "smithy.api#String"}},
                "read": {"target": "s#GetOrder"},
            },
            "s#GetOrder": {
                "type": "operation",
                "traits": {HTTP: {"method": "GET", "uri": "/orders/{id}"}},
            },
        },
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(model()))
    return tmp_path


def run(folder, *words):
    return main(["smithy", words[0], str(folder / "model.json"), *map(str, words[1:])])


def test_actions_are_written_and_do_not_drift(folder, capsys):
    out = folder / "actions.json"
    assert run(folder, "actions", "--prefix", "commercial", "-o", out) == 0
    (entry,) = ActionMap.load(out).entries
    assert (entry.action, entry.resource_type, entry.resource_id_label) == (
        "commercial:GetOrder",
        "Order",
        "id",
    )
    assert run(folder, "actions", "--prefix", "commercial", "-o", out, "--check") == 0
    # Laid out by another tool: the same map.
    out.write_text(json.dumps(json.loads(out.read_text()), indent=8))
    assert run(folder, "actions", "--prefix", "commercial", "-o", out, "--check") == 0
    assert capsys.readouterr().out == ""


def test_drift_is_exit_code_1_and_shows_the_difference(folder, capsys):
    out = folder / "actions.json"
    assert run(folder, "actions", "-o", out) == 0
    out.write_text(out.read_text().replace("shop:GetOrder", "shop:ReadOrder"))
    before = out.read_text()
    assert run(folder, "actions", "-o", out, "--check") == 1
    printed = capsys.readouterr().out
    assert "-    " in printed
    assert '+    {"method": "GET", "route": "/orders/{id}", "action": "shop:GetOrder"' in printed
    assert out.read_text() == before


def test_the_schema_is_written_and_compared(folder, capsys):
    out = folder / "schema.cedarschema"
    assert run(folder, "cedar-schema", "-o", out) == 0
    assert "entity Order;" in out.read_text()
    assert run(folder, "cedar-schema", "-o", out, "--check") == 0
    out.write_text(out.read_text() + "entity Extra;\n")
    assert run(folder, "cedar-schema", "-o", out, "--check") == 1
    assert "-entity Extra;" in capsys.readouterr().out
    assert run(folder, "cedar-schema", "--format", "json", "--principal-type", "Person") == 0
    assert "Person" in json.loads(capsys.readouterr().out)[""]["entityTypes"]


def test_without_a_file_the_map_is_printed(folder, capsys):
    assert run(folder, "actions") == 0
    assert json.loads(capsys.readouterr().out)["prefix"] == "shop"


@pytest.mark.parametrize(("uri", "code"), [("/orders/{id}/", 0), ("/orders/{id+}/x", 1)])
def test_what_the_target_cannot_deploy_fails_and_writes_nothing(folder, capsys, uri, code):
    changed = model()
    changed["shapes"]["s#GetOrder"]["traits"][HTTP]["uri"] = uri
    (folder / "model.json").write_text(json.dumps(changed))
    out = folder / "actions.json"
    assert run(folder, "actions", "--target", "http", "-o", out) == code
    assert out.exists() == (code == 0)
    assert capsys.readouterr().err.startswith("error: GetOrder" if code else "warning: GetOrder")
    assert run(folder, "actions", "--target", "http") == code
    assert (capsys.readouterr().out == "") == bool(code)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["actions", "--service", "s#Nope"], "no service `s#Nope`; it has `s#Shop`"),
        (["actions", "--check"], "`--check` needs `-o FILE`"),
        (["actions", "--check", "-o", "missing.json"], "`missing.json` cannot be read"),
        (["actions", "-o", "no/such/folder.json"], "`folder.json` cannot be written"),
        (["cedar-schema", "--group-type", "User"], "must differ"),
    ],
)
def test_a_wrong_question_is_one_line_and_exit_code_2(folder, capsys, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    assert run(folder, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "model.json:1:1: the model is not strict JSON: expecting value"),
        ("[]", "the model is not strict JSON: not a JSON object"),
        ("{}", "no Smithy JSON AST"),
        ("[" * 9000, "nested deeper than 64 levels"),
    ],
)
def test_a_model_that_is_none_is_one_line(folder, capsys, text, message):
    (folder / "model.json").write_text(text)
    assert run(folder, "actions") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_schema_has_the_attributes_that_the_authorizer_declares(folder, capsys):
    options = ["--attribute", "email", "--attribute", "level=number"]
    assert run(folder, "cedar-schema", *options) == 0
    assert "{ tenant_id?: String, email?: String, level?: Long };" in capsys.readouterr().out
    out = folder / "schema.json"
    assert run(folder, "cedar-schema", *options, "--format", "json", "-o", out) == 0
    assert run(folder, "cedar-schema", *options, "--format", "json", "-o", out, "--check") == 0
    assert run(folder, "cedar-schema", "--format", "json", "-o", out, "--check") == 1


@pytest.mark.parametrize(
    "given", [["level=integer"], ["level="], ["=text"], [""], ["a", "a=number"], ["tenant_id"]]
)
def test_an_attribute_that_could_not_be_declared_is_a_2(folder, capsys, given):
    options = [word for text in given for word in ("--attribute", text)]
    assert run(folder, "cedar-schema", *options) == 2
    assert "attribute" in capsys.readouterr().err


def test_a_shape_that_is_wrong_is_shown_where_it_stands(folder, capsys):
    model = {
        "smithy": "2.0",
        "shapes": {
            "a#S": {"type": "service", "version": "1", "operations": [{"target": "a#O"}]},
            "a#O": {"type": "operation"},
        },
    }
    text = json.dumps(model, indent=1)
    (folder / "model.json").write_text(text)
    assert run(folder, "actions") == 2
    line = 1 + next(at for at, line in enumerate(text.splitlines()) if '"a#O": {' in line)
    error = capsys.readouterr().err
    assert error.startswith(f"authz smithy: {folder / 'model.json'}:{line}:3: ")
    assert "`a#O` must have `@http`" in error

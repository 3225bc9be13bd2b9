"""Of any model or document comes a map, or an error of one line."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from authz_lib.actions import ActionMap
from authz_lib.actions.entry import read_entry
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.cedar_schema import cedar_schema
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model

HTTP = "smithy.api#http"
MODEL = {
    "smithy": "2.0",
    "shapes": {
        "s#S": {
            "type": "service",
            "operations": [{"target": "s#H"}],
            "resources": [{"target": "s#R"}],
            "errors": [{"target": "s#E"}],
            "mixins": [{"target": "s#M"}],
            "traits": {
                "smithy.api#httpBearerAuth": {},
                "smithy.api#auth": ["smithy.api#httpBearerAuth"],
            },
        },
        "s#M": {"type": "service", "traits": {"smithy.api#mixin": {"localTraits": ["a#b"]}}},
        "s#H": {
            "type": "operation",
            "traits": {HTTP: {"method": "GET", "uri": "/h?a=b", "code": 200}},
        },
        "s#R": {
            "type": "resource",
            "identifiers": {"id": {"target": "smithy.api#String"}},
            "properties": {"tags": {"target": "s#T"}, "at": {"target": "s#V"}},
            "read": {"target": "s#G"},
        },
        "s#G": {
            "type": "operation",
            "input": {"target": "s#V"},
            "output": {"target": "s#V"},
            "traits": {
                HTTP: {"method": "GET", "uri": "/r/{id}"},
                "aws.iam#iamAction": {"name": "Get"},
            },
        },
        "s#T": {"type": "list", "member": {"target": "smithy.api#String"}},
        "s#V": {
            "type": "structure",
            "members": {
                "id": {
                    "target": "smithy.api#String",
                    "traits": {"smithy.api#resourceIdentifier": "id"},
                }
            },
        },
        "s#E": {
            "type": "structure",
            "traits": {"smithy.api#error": "client", "smithy.api#httpError": 404},
        },
        "s#V$id": {"type": "apply", "traits": {"smithy.api#required": {}}},
    },
}


def places(node, path=()):
    yield path
    for name, child in (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    ):
        yield from places(child, (*path, name))


PLACES = [path for path in places(MODEL) if path]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 999),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["a\nb", "s#A\nB", "GE\nT", "/a\n", "\u2028"]),
    st.sampled_from(
        [
            "s#S",
            "s#R",
            "s#G",
            "s#V",
            "s#T",
            "operation",
            "resource",
            "/{id}/{id}",
            "/{a+}",
            "Set",
            "POST",
        ]
    ),
    st.lists(
        st.sampled_from([None, 1, "x", {"target": "s#R"}, {"target": "s#V"}, {"target": 1}, []]),
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(["target", "type", "x"]), st.sampled_from(["s#R", 1, None, {}]), max_size=2
    ),
)


def refusal(use):
    """The line of a refusal; None where there is none.  Another error fails the test."""
    try:
        use()
    except ConfigurationError as error:
        return str(error)
    return None


def put(document, path, value):
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PLACES), ODD)
def test_a_broken_model_is_never_more_than_one_line(path, value):
    ast = copy.deepcopy(MODEL)
    put(ast, path, value)
    before = json.dumps(ast)
    for use in (
        lambda: ActionMap.from_smithy(ast, service="s#S"),
        lambda: cedar_schema(Model(ast).service("s#S")),
        lambda: lint(Model(ast).service("s#S"), "rest"),
        lambda: [Model(ast).service("s#S").error_shape("s#E")],
    ):
        assert "\n" not in (refusal(use) or "")
    assert json.dumps(ast) == before


def test_the_model_itself_is_fine():
    assert len(ActionMap.from_smithy(MODEL).entries) == 2


class Line(BaseModel):
    """A line of a document as pydantic knows it: an oracle that is independent of the reader."""

    model_config = ConfigDict(extra="forbid", strict=True)

    method: Literal["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    route: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,2048}$")]
    query: dict[Annotated[str, StringConstraints(min_length=1)], str] = {}
    action: Annotated[str, StringConstraints(pattern=r"^[^\n\r\x{2028}\x{2029}]{1,512}$")]
    resource_type: (
        Annotated[
            str,
            StringConstraints(
                pattern=r"^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$", max_length=200
            ),
        ]
        | None
    ) = None
    resource_id_label: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,2048}$")] | None = None
    scopes: list[Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+$")]] = []
    public: bool = False
    readonly: bool = False
    idempotent: bool = False

    @model_validator(mode="after")
    def _consistent(self):
        if self.public and self.scopes:
            raise ValueError("is public and asks for scopes")
        if self.resource_id_label is not None and self.resource_type is None:
            raise ValueError("has a `resource_id_label` and no `resource_type`")
        return self


class Document(BaseModel):
    """A document as pydantic knows it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Annotated[int, Field(ge=1, le=1)]
    prefix: str = ""
    service: str = ""
    actions: list[Line]


def is_refused_by_pydantic(document):
    try:
        Document.model_validate(document)
    except ValidationError:
        return True
    return False


LINE = {
    "method": "GET",
    "route": "/r/{id}",
    "query": {"a": "b"},
    "action": "s:Get",
    "resource_type": "R",
    "resource_id_label": "id",
    "scopes": ["a"],
    "public": False,
    "readonly": True,
    "idempotent": False,
}
DOCUMENT = {"version": 1, "prefix": "s", "service": "s#S", "actions": [LINE]}
DOCUMENT_PLACES = [path for path in places(DOCUMENT) if path]
WORDS = st.sampled_from(
    [
        "",
        " ",
        "a b",
        "é",
        "x" * 201,
        'a"b',
        "a\n",
        "get",
        "PUT",
        "R::S",
        "R::",
        "1R",
        "/r/{id}\n",
        "a\\b",
    ]
)


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(DOCUMENT_PLACES), ODD | WORDS)
def test_the_reader_refuses_what_pydantic_refuses(path, value):
    """And more: only the whole table shows a duplicate, or a label that the route does not have."""
    document = copy.deepcopy(DOCUMENT)
    put(document, path, value)
    refused = refusal(lambda: ActionMap.from_document(document))
    assert "\n" not in (refused or "")
    if is_refused_by_pydantic(document):
        assert refused is not None, path
    elif refused is not None:
        assert "route" in refused or "URI pattern" in refused or "label" in refused, (path, value)


def test_a_document_made_of_a_model_is_checked_by_the_reader_once(monkeypatch):
    read = []
    monkeypatch.setattr(
        "authz_lib.actions.map.read_entry",
        lambda line, number: read.append(number) or read_entry(line, number),
    )
    assert len(ActionMap.from_smithy(MODEL).entries) == 2
    assert read == [0, 1]


@pytest.mark.parametrize(
    ("trait", "value", "member"),
    [
        ("aws.iam#iamAction", {"name": "x" * 200}, "`actions[1].action`"),
        ("authz#requiredScopes", ["two words"], "`actions[1].scopes`"),
    ],
)
def test_what_a_model_brings_is_checked(trait, value, member):
    ast = copy.deepcopy(MODEL)
    ast["shapes"]["s#G"]["traits"][trait] = value
    line = refusal(lambda: ActionMap.from_smithy(ast, prefix="p" * 400))
    assert line is not None
    assert member in line


@pytest.mark.conformance
@pytest.mark.skipif(not os.environ.get("AUTHZ_VECTORS"), reason="AUTHZ_VECTORS names no folder")
def test_public_models_make_maps_and_schemas():
    cedarpy = pytest.importorskip("cedarpy")
    made = 0
    for path in sorted((Path(os.environ["AUTHZ_VECTORS"]) / "smithy" / "models").glob("*.json")):
        model = Model.load(path)
        for service_id in model.service_ids:
            service = model.service(service_id)
            text = cedar_schema(service).text
            assert cedarpy.validate_policies(
                "permit (principal, action, resource);", text
            ).validation_passed
            if all(operation.http for operation in service.operations) and service.auth_schemes:
                actions = ActionMap.from_smithy(json.loads(path.read_text()), service=service_id)
                assert len(actions.entries) == len(service.operations)
                made += 1
    assert made >= 6

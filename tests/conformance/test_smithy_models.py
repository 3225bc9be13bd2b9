"""Every public model gives what the Smithy reference implementation says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from authz_lib.smithy.model import Model

pytestmark = pytest.mark.conformance

VECTORS = os.environ.get("AUTHZ_VECTORS")
if not VECTORS:
    pytest.skip("AUTHZ_VECTORS names no folder", allow_module_level=True)

FOLDER = Path(VECTORS) / "smithy"
MODELS = sorted((FOLDER / "models").glob("*.json"))
# The reference left out services of Smithy's own namespaces: these were counted by hand.
LEFT_OUT = {"smithy.example#ServiceA": 2, "smithy.example#Service": 1, "smithy.example#Weather": 4}


def seen(operation):
    http = operation.http and {
        "method": operation.http.method,
        "uri": operation.http.uri,
        "code": operation.http.code,
        "query": dict(operation.http.pattern.query),
        "segments": [
            f"{segment.kind}:{segment.text}" for segment in operation.http.pattern.segments
        ],
    }
    return {
        "id": operation.id,
        **(http or {}),
        "auth": list(operation.auth),
        "errors": list(operation.errors),
        "readonly": operation.readonly,
        "idempotent": operation.idempotent,
    }


def expected_services(path):
    document = json.loads((FOLDER / "expected" / f"{path.stem}.expected.json").read_text())
    for service in document["services"]:
        for operation in service["operations"]:
            operation.pop("hostPrefix", None)  # not read: it has no part in routing here
    return {service["service"]: service["operations"] for service in document["services"]}


def test_there_are_models():
    assert len(MODELS) >= 14


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_operations_routes_auth_and_errors_are_those_of_the_reference(path):
    model = Model.load(path)
    expected = expected_services(path)
    mixins = {service_id for service_id in expected if model.service(service_id).is_mixin}
    assert set(model.service_ids) - LEFT_OUT.keys() == expected.keys() - mixins
    for service_id, operations in expected.items():
        found = [seen(operation) for operation in model.service(service_id).operations]
        assert found == sorted(operations, key=lambda operation: operation["id"])
    for service_id in set(model.service_ids) & LEFT_OUT.keys():
        assert len(model.service(service_id).operations) == LEFT_OUT[service_id]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_error_of_a_model_is_one_that_can_be_raised(path):
    model = Model.load(path)
    for service_id in model.service_ids:
        service = model.service(service_id)
        for error_id in {
            error_id for operation in service.operations for error_id in operation.errors
        }:
            shape = service.error_shape(error_id)
            assert error_id.endswith(f"#{shape.name}")
            assert (shape.fault == "client") == (400 <= shape.status < 500)

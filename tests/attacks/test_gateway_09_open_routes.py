"""Gateway 9: a route that is open at the gateway was listed as protected, without a lint."""

from __future__ import annotations

import pytest

from authz_lib import ActionMap
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.lint import lint
from authz_lib.smithy.model import Model


def model(**more):
    traits = {"smithy.api#http": {"method": "GET", "uri": "/orders"}}
    service = {"type": "service", "operations": [{"target": "s#List"}], **more}
    service["traits"] = {"smithy.api#httpBearerAuth": {}, **more.get("traits", {})}
    shapes = {"s#Shop": service, "s#List": {"type": "operation", "traits": traits}}
    return {"smithy": "2.0", "shapes": shapes}


def test_a_service_without_an_authorizer_is_linted_and_makes_no_protected_line():
    ast = model(traits={"aws.apigateway#authorizer": "NONE"})
    assert any("NONE" in finding.message for finding in lint(Model(ast).service(), "rest"))
    with pytest.raises(ConfigurationError, match="NONE"):
        ActionMap.from_smithy(ast)


def test_an_error_that_is_not_there_is_named():
    with pytest.raises(ConfigurationError, match="refers to `s#Gone`, which is not in it"):
        _ = Model(model(errors=[{"target": "s#Gone"}])).service().operations

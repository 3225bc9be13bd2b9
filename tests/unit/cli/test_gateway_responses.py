"""`authz gateway-responses`."""

from __future__ import annotations

import json

import pytest

from authz_lib.cli.main import main
from authz_lib.smithy.error_answers import EXPOSED_HEADERS


def test_it_prints_a_document(capsys):
    assert main(["gateway-responses", "--format", "sam", "--cors-origin", "https://app.example.com"]) == 0
    responses = json.loads(capsys.readouterr().out)["GatewayResponses"]
    assert responses["UNAUTHORIZED"]["StatusCode"] == 401
    assert responses["UNAUTHORIZED"]["ResponseParameters"]["Headers"] == {
        "Access-Control-Allow-Origin": "'https://app.example.com'",
        "Access-Control-Expose-Headers": f"'{EXPOSED_HEADERS}'",
        "WWW-Authenticate": "'Bearer'",
    }


def test_an_http_api_is_refused_with_what_to_do_instead(capsys):
    assert main(["gateway-responses", "--format", "sam", "--api", "http"]) == 2
    error = capsys.readouterr().err
    assert "has no gateway responses" in error
    assert "use a REST API" in error
    assert error.count("\n") == 1


def test_an_unknown_format_is_the_callers_mistake(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["gateway-responses", "--format", "pulumi"])
    assert caught.value.code == 2

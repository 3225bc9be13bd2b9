"""`authz gateway-responses`."""

from __future__ import annotations

import json

import pytest

from authz_lib import service_handler
from authz_lib.cli.main import main
from authz_lib.errors import ConfigurationError
from authz_lib.smithy.error_answers import EXPOSED_HEADERS


def test_it_prints_a_document(capsys):
    assert (
        main(["gateway-responses", "--format", "sam", "--cors-origin", "https://app.example.com"])
        == 0
    )
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


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "app.example.com",
        "https://app.example.com/",
        "https://a.example, https://b.example",
        "null",
        "**",
        "https://*",
    ],
)
def test_an_origin_that_no_browser_would_send_is_refused(capsys, origin):
    assert main(["gateway-responses", "--format", "sam", "--cors-origin", origin]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "authz gateway-responses: `--cors-origin` must be `*` or one origin, such as "
        "`https://app.example.com`\n"
    )
    with pytest.raises(ConfigurationError):
        service_handler(cors_origin=origin)


def test_any_origin_may_be_asked_for(capsys):
    assert main(["gateway-responses", "--format", "sam", "--cors-origin", "*"]) == 0
    assert "\"'*'\"" in capsys.readouterr().out

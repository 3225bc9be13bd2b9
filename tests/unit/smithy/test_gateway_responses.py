"""Gateway responses: every type, four formats that their tools accept, and always valid JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.smithy.errors import CATALOGUE
from authz_lib.smithy.gateway_responses import GATEWAY_RESPONSES, gateway_responses

CORS = {"Access-Control-Allow-Origin": "https://app.example.com"}
REST_API = {"RestApi": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "orders"}}}
# What a caller can bring into a message: a path, a header, a body that did not validate.
HOSTILE = [
    '"',
    '","admin":true,"x":"',
    "line\nbreak\r\t",
    "\\",
    "grüße 日本 \U0001f512",
    "\x00\x1f",
    "$context.stage",
    "",
]


def templates(document):
    """Every body template in a document, whatever its form."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            for name, value in node.items():
                if name.lower() in {"responsetemplates", "response_templates"}:
                    found.append(value["application/json"])
                walk(value)

    walk(document)
    return found


@pytest.mark.parametrize("template_format", ["cloudformation", "sam", "terraform", "openapi"])
@pytest.mark.parametrize("error_format", ["smithy", "standard"])
@pytest.mark.parametrize("message", [*HOSTILE, None], ids=range(len(HOSTILE) + 1))
def test_hostile_values_keep_the_json_valid(template_format, error_format, message):
    found = templates(gateway_responses(template_format, error_format=error_format))
    assert len(found) == 21
    for template in found:
        variables = set(re.findall(r"\$\{?context[\w.]*", template))
        # `$context.requestId` is the client's to choose.
        assert variables <= {"$context.error.messageString"}
        # Inside quotes a quote of the caller's would end the string.
        assert '"$context' not in template
        # The gateway substitutes a whole JSON string, sometimes with a space before it; null where
        # there is no message.
        body = json.loads(
            template.replace("$context.error.messageString", f" {json.dumps(message)}")
        )
        assert body["message"] == message or not variables
        assert set(body) == (
            {"__type", "message"} if error_format == "smithy" else {"status", "code", "message"}
        )


def test_every_type_has_a_shape_of_the_catalogue_and_its_documented_status():
    responses = gateway_responses("openapi")["x-amazon-apigateway-gateway-responses"]
    assert len(responses) == 21
    for name, response in responses.items():
        body = json.loads(
            response["responseTemplates"]["application/json"].replace(
                "$context.error.messageString", '""'
            )
        )
        assert body["__type"] in CATALOGUE
        assert response.get("statusCode") == (
            None if name.startswith("DEFAULT") else str(GATEWAY_RESPONSES[name].status)
        )


def test_a_fault_of_ours_tells_the_caller_nothing():
    for name, response in gateway_responses("openapi")[
        "x-amazon-apigateway-gateway-responses"
    ].items():
        of_ours = name == "DEFAULT_5XX" or int(response.get("statusCode", 400)) >= 500
        assert ("$context" in response["responseTemplates"]["application/json"]) is not of_ours


def test_the_profile_names_the_deny():
    def denied(**keywords):
        document = gateway_responses("openapi", **keywords)[
            "x-amazon-apigateway-gateway-responses"
        ]["ACCESS_DENIED"]
        return document["responseTemplates"]["application/json"]

    assert '"AccessDeniedException"' in denied()
    assert '"ForbiddenException"' in denied(denied="ForbiddenException")
    assert denied(error_format="standard").startswith('{"status":403,"code":"ACCESS_DENIED"')


@pytest.mark.parametrize(
    "keywords",
    [
        {"api_kind": "http"},
        {"denied": "Nope"},
        {"error_format": "xml"},
        {"headers": {"X-A": "it's"}},
        {"headers": {"X-A": "a\nb"}},
        {"headers": {"X A": "b"}},
        {"headers": {"X\nA": "b"}},
        {"headers": {"X-Amzn-ErrorType": "AccessDeniedException"}},
        {"rest_api": "Rest-Api"},
    ],
)
def test_what_would_not_deploy_is_refused_in_one_line(keywords):
    with pytest.raises(ConfigurationError) as caught:
        gateway_responses("sam", **keywords)
    assert "\n" not in str(caught.value)


def test_a_format_that_is_not_known_is_refused_with_those_that_are():
    known = "must be `cloudformation`, `openapi`, `sam` or `terraform`"
    with pytest.raises(ConfigurationError, match=f"`template_format` {known}"):
        gateway_responses("pulumi")


def cfn_lint(templates, tmp_path):
    """What cfn-lint says of each; one process, since it takes seconds to start."""
    paths = [tmp_path / f"{number}.json" for number in range(len(templates))]
    for path, template in zip(paths, templates, strict=True):
        path.write_text(json.dumps(template))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("cfn-lint")),
            "--regions",
            "us-east-1",
            "--",
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert not done.stderr
    said = done.stdout.split("\n\n")
    return [[text for text in said if path.name in text] for path in paths]


def test_cloudformation_is_clean_for_cfn_lint(tmp_path):
    pytest.importorskip("cfnlint")
    own = gateway_responses("cloudformation", headers=CORS)
    of_an_api = gateway_responses("cloudformation", headers=CORS, rest_api="RestApi")
    of_an_api["Resources"] |= REST_API
    wrong = deepcopy(of_an_api)
    wrong["Resources"]["AccessDeniedResponse"]["Properties"]["StatusKode"] = "403"
    clean, clean_too, fault = cfn_lint([own, of_an_api, wrong], tmp_path)
    assert clean == clean_too == []
    assert "StatusKode" in "".join(fault)  # the check can fail


def test_the_sam_transform_accepts_them(tmp_path, monkeypatch):
    pytest.importorskip("samtranslator")
    from samtranslator.translator.transform import transform

    class NoPolicies:
        def load(self):
            return {}

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    api = {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "StageName": "prod",
            "DefinitionBody": {
                "openapi": "3.0.1",
                "info": {"title": "t", "version": "1"},
                "paths": {},
            },
            **gateway_responses("sam", headers=CORS),
        },
    }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Api": api}}
    out = transform(template, {}, NoPolicies())
    body = out["Resources"]["Api"]["Properties"]["Body"]
    expected = gateway_responses("openapi", headers=CORS)["x-amazon-apigateway-gateway-responses"]
    seen = body["x-amazon-apigateway-gateway-responses"]
    for name, response in expected.items():
        assert seen[name]["responseTemplates"] == response["responseTemplates"]
        assert seen[name].get("responseParameters", {}) == response["responseParameters"]
        assert str(seen[name].get("statusCode")) == str(response.get("statusCode"))


def test_terraform_takes_the_text_as_it_is():
    document = gateway_responses("terraform", headers={"X-A": "${a} %{b}"}, rest_api="my_api")
    resource = document["resource"]["aws_api_gateway_gateway_response"]["access_denied"]
    assert resource["rest_api_id"] == "${aws_api_gateway_rest_api.my_api.id}"
    assert resource["response_parameters"]["gatewayresponse.header.X-A"] == "'$${a} %%{b}'"
    assert resource["response_templates"]["application/json"].count("$context") == 1
    assert resource["status_code"] == "403"


VECTORS = os.environ.get("AUTHZ_VECTORS")


@pytest.mark.conformance
@pytest.mark.skipif(not VECTORS, reason="AUTHZ_VECTORS names no folder")
def test_status_and_header_are_those_that_were_observed():
    rows = json.loads((Path(VECTORS) / "smithy" / "apigw_error_types.json").read_text())
    assert len(rows) == 19
    for row in rows:
        response = GATEWAY_RESPONSES[row["response_type"]]
        assert (response.status, response.header) == (
            row["doc_default_status"],
            row["x_amzn_errortype"],
        )


def test_a_denied_caller_is_told_our_words_and_the_others_the_gateways():
    prefixes = {
        "smithy": '{"__type":"AccessDeniedException",',
        "standard": '{"status":403,"code":"ACCESS_DENIED",',
    }
    for error_format, prefix in prefixes.items():
        made = gateway_responses("sam", denied_message="Not permitted", error_format=error_format)
        usual = gateway_responses("sam", error_format=error_format)["GatewayResponses"]
        changed = made["GatewayResponses"].pop("ACCESS_DENIED")["ResponseTemplates"]
        assert changed["application/json"] == prefix + '"message":"Not permitted"}'
        del usual["ACCESS_DENIED"]
        assert made["GatewayResponses"] == usual


@pytest.mark.parametrize("text", ["", "a\nb", "$context.requestId", "\u00e4", "x" * 201])
def test_words_that_the_gateway_would_change_are_refused(text):
    with pytest.raises(ConfigurationError, match="`denied_message` must be printable"):
        gateway_responses("sam", denied_message=text)

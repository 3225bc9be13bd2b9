"""Each REST API of the examples has one stage, and only it may invoke its functions.

SAM adds a stage `Stage` to an API without `OpenApiVersion`: its methods are the same, and it has no
throttle, no log and no usage plan.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from authz_local.template import load_template

EXAMPLES = Path(__file__).parents[2] / "examples"
TEMPLATES = sorted(EXAMPLES.glob("*/template.yaml"))
PARAMETERS = {"PolicyStoreId": "store"}


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.parent.name)
def path(request):
    return request.param


@pytest.fixture
def deployed(path, monkeypatch):
    """The resources that SAM's own transform makes of a template."""
    from samtranslator.translator.transform import transform

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    template = load_template(path)
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/layer"
    names = ["AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess"]
    policies = type(
        "Policies",
        (),
        {"load": lambda self: {name: f"arn:aws:iam::aws:policy/{name}" for name in names}},
    )
    return transform(template, PARAMETERS, policies())["Resources"]


def of_type(resources, kind):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == f"AWS::{kind}"}


def source(permission):
    """A source ARN in parts: the API's resource, then stage, method and path."""
    text, values = permission["SourceArn"]["Fn::Sub"], {}
    if isinstance(text, list):
        text, values = text
    for name, value in values.items():
        text = text.replace(
            f"${{{name}}}", value if isinstance(value, str) else f"${{{value['Ref']}}}"
        )
    api, stage, *route = text.rpartition(":")[2].split("/", 3)
    return api.strip("${}"), stage, route


def test_a_deployment_makes_no_stage_of_its_own(deployed):
    for name, deployment in of_type(deployed, "ApiGateway::Deployment").items():
        assert "StageName" not in deployment, name
    for name in of_type(deployed, "ApiGateway::RestApi"):
        stages = [
            s["StageName"]
            for s in of_type(deployed, "ApiGateway::Stage").values()
            if s["RestApiId"]["Ref"] == name
        ]
        assert stages == ["prod"]


def test_no_permission_is_wider_than_its_stage(deployed, path):
    written = load_template(path)["Resources"]
    rest_apis = of_type(deployed, "ApiGateway::RestApi")
    checked = set()
    for name, permission in of_type(deployed, "Lambda::Permission").items():
        if permission["Principal"] != "apigateway.amazonaws.com":
            continue
        api, stage, route = source(permission)
        # An HTTP API makes no stage that its template does not say.
        if api not in rest_apis or stage == "authorizers":
            continue
        checked.add(api)
        if name in written:
            assert stage == "prod", name
        else:  # SAM's, of an event: any stage of the API (there is one), one method and path
            assert len(route) == 2, name
            assert "*" not in route[0], name
    assert checked == set(rest_apis)

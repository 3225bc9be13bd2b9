"""`main.tf` says what `template.yaml` says: formatted, valid, and with the same answers.

Terraform finds its providers as it always does.  Where `hashicorp/aws` cannot be had (no registry,
no mirror), these tests are skipped and say so; `AUTHZ_TERRAFORM_PLUGINS` may name a folder with
unpacked providers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import authz_lib
from authz_lib.tokens import SharedSecretIssuer
from authz_local.stack import LocalAWS
from authz_local.template import load_template

TERRAFORM = shutil.which("terraform")
REGION = "ap-southeast-3"
PATIENCE = 180

needs_terraform = pytest.mark.skipif(
    TERRAFORM is None, reason="SKIPPED: no `terraform` on this machine"
)


@pytest.fixture(scope="module")
def module(folder, tmp_path_factory):
    """A copy of the example, where Terraform may write."""
    copy = tmp_path_factory.mktemp("terraform")
    shutil.copy(folder / "main.tf", copy)
    shutil.make_archive(str(copy / "package"), "zip", folder / "functions")
    packages = tmp_path_factory.mktemp("layer") / "python"
    shutil.copytree(Path(authz_lib.__file__).parent, packages / "authz_lib")
    shutil.make_archive(str(copy / "layer"), "zip", packages.parent)
    return copy


def run(module, *words, **environment):
    return subprocess.run(
        [TERRAFORM, *words],
        cwd=module,
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def initialized(module):
    plugins = os.environ.get("AUTHZ_TERRAFORM_PLUGINS")
    words = [
        "init",
        "-backend=false",
        "-input=false",
        "-no-color",
        *([f"-plugin-dir={plugins}"] if plugins else []),
    ]
    ended = run(module, *words)
    if ended.returncode:
        if re.search(r"query available provider packages|Failed to install provider", ended.stderr):
            pytest.skip("SKIPPED: the provider `hashicorp/aws` cannot be installed on this machine")
        pytest.fail(ended.stderr)
    return module


@needs_terraform
def test_it_is_formatted(module):
    ended = run(module, "fmt", "-check", "-diff", "-no-color")
    assert ended.returncode == 0, ended.stdout


@needs_terraform
@pytest.mark.stack
def test_it_is_valid(initialized):
    ended = run(initialized, "validate", "-json")
    answer = json.loads(ended.stdout)
    assert answer["valid"], answer
    assert answer["diagnostics"] == []


@needs_terraform
@pytest.mark.stack
def test_applied_it_answers_as_the_sam_template_does(initialized):
    with LocalAWS(region=REGION) as aws:
        environment = {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        ended = run(
            initialized, "apply", "-auto-approve", "-input=false", "-no-color", **environment
        )
        assert ended.returncode == 0, ended.stderr
        state = (initialized / "terraform.tfstate").read_text()
        secret = aws.client("secretsmanager").get_secret_value(SecretId="hello-api/shared-secret")[
            "SecretString"
        ]
        assert len(secret) == 64
        assert secret not in state + ended.stdout + ended.stderr
        call_the_local_api(aws, json.loads(state)["outputs"]["hello_url"]["value"])
        assert answer_of(aws, {}) == {"statusCode": 200, "body": "Hello, world!"}
        expired = SharedSecretIssuer(secret=secret, clock=lambda: time.time() - 61).mint(
            "alice", ttl_seconds=60
        )
        assert answer_of(aws, {"token": expired}) == {"errorMessage": "Unauthorized"}


def call_the_local_api(aws, deployed):
    """The one thing that differs here: the API's host name leads to AWS."""
    found = re.fullmatch(
        rf"https://(\w+)\.execute-api\.{REGION}\.amazonaws\.com/prod/hello", deployed
    )
    functions = aws.client("lambda")
    variables = functions.get_function_configuration(FunctionName="apigw-invoker")["Environment"][
        "Variables"
    ]
    assert variables["HELLO_URL"] == deployed
    url = f"{aws.url}/restapis/{found[1]}/prod/_user_request_/hello"
    functions.update_function_configuration(
        FunctionName="apigw-invoker", Environment={"Variables": variables | {"HELLO_URL": url}}
    )


def answer_of(aws, payload):
    status, content = aws.invoke("apigw-invoker", json.dumps(payload).encode())
    assert status == 200
    return json.loads(content)


def test_both_say_the_same_names_and_hold_no_secret(folder):
    terraform = (folder / "main.tf").read_text()
    template = (folder / "template.yaml").read_text()
    for name in [
        "hello-api",
        "hello-world",
        "lambda-authorizer",
        "apigw-invoker",
        "lambda-exec-role",
        "python3.12",
    ]:
        assert name in terraform, name
        assert name in template, name
    assert f'"{REGION}"' in terraform
    assert "sensitive" not in terraform  # there is no variable that could hold the secret
    assert re.findall(r'^variable "(\w+)"', terraform, re.MULTILINE) == ["package", "layer"]
    assert not re.search(r"secret_string\s*=", terraform)
    properties = load_template(folder / "template.yaml")["Resources"]["Secret"]["Properties"]
    assert "SecretString" not in properties
    assert properties["GenerateSecretString"]["PasswordLength"] >= 32

"""The hello example as it runs: what the invoker answers, and how its secret rotates."""

from __future__ import annotations

import json
from itertools import count

import pytest

from authz_lib.tokens import SharedSecretIssuer

pytestmark = pytest.mark.stack


TIMEOUTS = count(11)  # the local AWS starts a function anew when a setting like this one changes


def invoke(local, payload=None):
    status, content = local.aws.invoke("apigw-invoker", json.dumps(payload or {}).encode())
    assert status == 200
    return json.loads(content)


def start_again(local, *functions):
    """Make the next call of each function a cold start."""
    for name in functions:
        local.aws.client("lambda").update_function_configuration(
            FunctionName=name, Timeout=next(TIMEOUTS)
        )


def secret(local, stage="AWSCURRENT"):
    client = local.aws.client("secretsmanager")
    return client.get_secret_value(SecretId=local.stack.outputs["SecretArn"], VersionStage=stage)[
        "SecretString"
    ]


def test_the_invoker_says_hello_and_nothing_else(local):
    assert invoke(local) == {"statusCode": 200, "body": "Hello, world!"}


@pytest.mark.parametrize("token", ["expired", "other_secret", "alg_none", "flipped_bit"])
def test_a_token_that_does_not_verify_is_unauthorized_and_nothing_else(local, token):
    assert invoke(local, {"token": local.variables[token]}) == {"errorMessage": "Unauthorized"}


def test_the_one_stage_is_the_one_of_the_template(local):
    (api,) = local.aws.client("apigateway").get_rest_apis()["items"]
    stages = local.aws.client("apigateway").get_stages(restApiId=api["id"])["item"]
    assert [stage["stageName"] for stage in stages] == ["prod"]


def test_the_names_are_the_ones_asked_for(local):
    assert local.aws.region == "ap-southeast-3"
    functions = {
        name: local.aws.client("lambda").get_function_configuration(FunctionName=name)
        for name in FUNCTIONS
    }
    assert {function["Runtime"] for function in functions.values()} == {"python3.12"}
    assert {function["Role"].rpartition("/")[2] for function in functions.values()} == {
        "lambda-exec-role"
    }
    assert [api["name"] for api in local.aws.client("apigateway").get_rest_apis()["items"]] == [
        "hello-api"
    ]


FUNCTIONS = ["hello-world", "lambda-authorizer", "apigw-invoker"]


def test_the_secret_is_generated_and_in_no_variable_and_no_log(local):
    value = secret(local)
    assert len(value) == 64
    for name in FUNCTIONS:
        configuration = local.aws.client("lambda").get_function_configuration(FunctionName=name)
        assert value not in json.dumps(configuration, default=str)
        log = "\n".join(local.aws.function_log(name))
        assert value not in log
        assert local.variables["fresh"] not in log


def test_no_token_of_the_invoker_outlives_a_minute(local):
    import jwt

    token = SharedSecretIssuer(secret=secret(local)).mint("apigw-invoker", ttl_seconds=60)
    claims = jwt.decode(token, secret(local), algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 60


def test_a_rotated_secret_is_taken_beside_the_one_before_it(local):
    before = local.variables["fresh"]
    client = local.aws.client("secretsmanager")
    generated = client.get_random_password(PasswordLength=64, ExcludePunctuation=True)[
        "RandomPassword"
    ]
    client.put_secret_value(SecretId=local.stack.outputs["SecretArn"], SecretString=generated)
    assert secret(local) == generated
    # Nothing starts again: the authorizer reads the new secret with the first token it signed.
    token = SharedSecretIssuer(secret=generated).mint("alice")
    assert invoke(local, {"token": token})["statusCode"] == 200
    assert invoke(local) == {"statusCode": 200, "body": "Hello, world!"}
    assert invoke(local, {"token": before})["statusCode"] == 200
    client.put_secret_value(SecretId=local.stack.outputs["SecretArn"], SecretString=generated[::-1])
    start_again(local, "lambda-authorizer", "apigw-invoker")
    assert invoke(local, {"token": before}) == {"errorMessage": "Unauthorized"}


def test_an_authorizer_without_its_secret_lets_nobody_in(local):
    """It cannot read it, so the gateway answers 500 and does not reach the function."""
    fresh = SharedSecretIssuer(secret=secret(local)).mint("alice")
    local.aws.client("secretsmanager").delete_secret(
        SecretId=local.stack.outputs["SecretArn"], ForceDeleteWithoutRecovery=True
    )
    start_again(local, "lambda-authorizer")
    reached = len(local.aws.function_log("hello-world"))
    assert invoke(local, {"token": fresh}) == {"errorMessage": "Internal Server Error"}
    assert len(local.aws.function_log("hello-world")) == reached

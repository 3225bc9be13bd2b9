"""A client that was written from document 004 alone: it signs with botocore's own SigV4."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.stack
EXAMPLE = "execution_layer"
REGION = "ap-northeast-1"
JOB = {"channel": "C123", "text": "test", "bot_token": "xoxb-test"}


def test_every_row_of_requests_yaml_is_answered_as_it_says(example):
    assert example.local.scenario.requests
    assert example.differences() == []


@pytest.fixture
def url(example):
    return f"{example.outputs['ExecutionApiUrl']}/execute"


@pytest.fixture
def signed(example, url):
    """As the document's `invoke_execution_api`, with the verification layer's role."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    role = example.local.stack.resources["VerificationRole"]
    arn = f"arn:aws:iam::000000000000:role/{role}"
    made = example.local.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="client")
    keys = made["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def post(payload):
        body = json.dumps(payload)
        headers = {"Content-Type": "application/json"}
        request = AWSRequest(method="POST", url=url, data=body, headers=headers)
        SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        return example.http("POST", url, body.encode(), **dict(request.headers))

    return post


def executed(example, channel):
    return example.invoke(example.local.stack.functions["Ledger"], {"channel": channel})


def test_unsigned_is_403(example, url):
    assert example.http("POST", url, JOB).status == 403


def test_signed_by_the_role_is_202_and_executed(example, signed):
    before = executed(example, "C123")["executions"]
    assert signed(JOB).status == 202
    assert executed(example, "C123")["executions"] == before + 1


def test_bad_input_is_400_and_no_dead_letter(example, signed):
    for body in ({}, {"channel": "C9"}, {**JOB, "text": ""}, {**JOB, "bot_token": None}):
        assert signed(body).status == 400
    queues = example.local.aws.client("sqs")
    dead = queues.get_queue_attributes(
        QueueUrl=example.local.stack.resources["DeadLetters"],
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    assert dead["Attributes"]["ApproximateNumberOfMessages"] == "0"


def told(example, function, number):
    """What a function has logged of its calls, once it is this much."""
    deadline = time.monotonic() + 60
    while True:
        lines = example.local.aws.function_log(function)
        log = [json.loads(line) for line in lines if "execution_api_invocation" in line]
        if len(log) >= number or time.monotonic() > deadline:
            return log
        time.sleep(0.1)


def test_a_message_from_the_verification_layer(example):
    function = example.local.stack.functions["Verification"]
    before = len(told(example, function, 0))
    assert example.invoke(function, JOB)["statusCode"] == 202
    log = told(example, function, before + 2)
    last = {line["name"]: line for line in log}
    started = last["execution_api_invocation_started"]
    success = last["execution_api_invocation_success"]
    assert started["level"] == "INFO"
    assert (started["channel"], started["text_length"]) == ("C123", 4)
    assert success["status_code"] == 202
    assert success["api_url"] == started["api_url"]
    assert "xoxb" not in json.dumps(log)


def test_the_names_of_the_document(example):
    assert example.local.aws.region == REGION
    gateway = example.local.aws.client("apigateway")
    (api,) = [a for a in gateway.get_rest_apis()["items"] if a["name"] == "Execution Layer API"]
    assert "VerificationRole" in json.dumps(gateway.get_rest_api(restApiId=api["id"])["policy"])
    settings = example.local.aws.client("lambda").get_function_configuration(
        FunctionName=example.local.stack.functions["Verification"]
    )
    assert set(settings["Environment"]["Variables"]) >= {
        *("USE_API_GATEWAY", "USE_API_GATEWAY_PERCENTAGE", "EXECUTION_API_URL"),
        *("BEDROCK_PROCESSOR_ARN", "AWS_REGION_NAME"),
    }

"""Both layers' code by itself: what is taken at the door, what is done once, what is logged."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from authz_lib.smithy.errors import SmithyError

EXAMPLE = Path(__file__).parents[3] / "examples" / "execution_layer"
JOB = {"channel": "C123", "text": "test", "bot_token": "xoxb-test"}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "ap-northeast-1",
    "AWS_REGION_NAME": "ap-northeast-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "BEDROCK_PROCESSOR_ARN": "arn:aws:lambda:ap-northeast-1:123456789012:function:processor",
    "EXECUTION_API_URL": "https://abc.execute-api.ap-northeast-1.amazonaws.com/prod/",
    "JOBS_TABLE": "jobs",
    "QUEUE_URL": "https://sqs.ap-northeast-1.amazonaws.com/123456789012/queue",
    "USE_API_GATEWAY": "true",
}


@pytest.fixture
def load(monkeypatch):
    """Imports one of the two modules as Lambda does."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def loaded(name):
        path = EXAMPLE / name / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"example_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def door(load, monkeypatch):
    """The execution layer; what it queued is in `queued`."""
    execution, queued = load("execution"), []
    queue = SimpleNamespace(send_message=lambda **sent: queued.append(sent["MessageBody"]))
    monkeypatch.setattr(execution, "queue", queue)

    def post(body):
        event = {"requestContext": {"requestId": "r-1"}, "body": body, "isBase64Encoded": False}
        return execution.api_handler(event, None)

    return SimpleNamespace(post=post, queued=queued, execution=execution)


def test_the_documents_body_is_taken_and_gets_a_key(door):
    answer = door.post(json.dumps(JOB))
    assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"job_id": "r-1"})
    assert [json.loads(message) for message in door.queued] == [{"key": "r-1", "job": JOB}]


def test_an_envelope_brings_its_key(door):
    answer = door.post(json.dumps({"idempotency_key": "Ev1", "payload": JOB}))
    assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"job_id": "Ev1"})
    assert json.loads(door.queued[0]) == {"key": "Ev1", "job": JOB}


@pytest.mark.parametrize(
    "body",
    [
        *(None, "", "nonsense", "[]", "{}", '{"channel": "C123"}', "[" * 100_000),
        *(json.dumps({**JOB, name: value}) for name in JOB for value in ("", None, 1, ["x"], {})),
        *(json.dumps({k: v for k, v in JOB.items() if k != name}) for name in JOB),
        json.dumps({"idempotency_key": "Ev1"}),
        json.dumps({"idempotency_key": "Ev1", "payload": {}}),
        json.dumps({"idempotency_key": "Ev1", "payload": "text"}),
        json.dumps({"idempotency_key": "", "payload": JOB}),
        json.dumps({"idempotency_key": "Ev1", "payload": JOB, "more": 1}),
        json.dumps({**JOB, "text": "x" * 300_000}),
    ],
)
def test_bad_input_is_400_and_nothing_is_queued(door, body):
    answer = door.post(body)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["__type"] == "ValidationException"
    assert "xoxb" not in answer["body"]
    assert door.queued == []


def test_the_old_way_takes_and_refuses_the_same(door):
    context = SimpleNamespace(aws_request_id="i-1")
    assert door.execution.direct_handler(JOB, context) == {"job_id": "i-1"}
    with pytest.raises(SmithyError):
        door.execution.direct_handler({"channel": "C123"}, context)
    assert len(door.queued) == 1


def test_what_is_queued_the_worker_can_do(door, monkeypatch):
    done = []
    table = SimpleNamespace(transact_write_items=lambda **asked: done.append(asked))
    monkeypatch.setattr(
        door.execution,
        "table",
        SimpleNamespace(
            transact_write_items=table.transact_write_items,
            exceptions=SimpleNamespace(TransactionCanceledException=KeyError),
        ),
    )
    door.post(json.dumps(JOB))
    door.execution.worker({"Records": [{"body": message} for message in door.queued]}, None)
    (put, update) = done[0]["TransactItems"]
    assert put["Put"]["Item"]["id"] == {"S": 'job#["C123", "r-1"]'}
    assert put["Put"]["ConditionExpression"] == "attribute_not_exists(id)"
    assert update["Update"]["Key"] == {"id": {"S": "total#C123"}}


def test_the_log_has_the_documents_fields_and_no_text(load, capsys):
    verification = load("verification")
    verification.request.set({"channel": "C123", "text_length": 4})
    for step, level in [("started", "INFO"), ("success", "INFO"), ("error", "WARN"),
                        ("failed", "ERROR")]:  # fmt: skip
        event = verification.DeliveryEvent(f"execution_api_invocation_{step}", "primary")
        verification.log(event)
        said = json.loads(capsys.readouterr().out)
        assert (said["level"], said["name"]) == (level, f"execution_api_invocation_{step}")
        assert {"api_url", "channel", "text_length", "status_code", "error"} <= set(said)
        assert said["api_url"] == ENVIRONMENT["EXECUTION_API_URL"]


def test_slacks_event_id_is_the_key_and_the_message_is_the_documents(load, monkeypatch):
    verification, sent = load("verification"), []

    class Execution:
        def send(self, payload, *, idempotency_key, timeout_seconds):
            sent.append((payload, idempotency_key))
            return SimpleNamespace(path="primary")

    monkeypatch.setattr(verification, "EXECUTION", Execution())
    context = SimpleNamespace(aws_request_id="i-1", get_remaining_time_in_millis=lambda: 10_000)
    for event in (JOB, {**JOB, "event_id": "Ev1", "type": "message"}):
        assert verification.handler(event, context)["statusCode"] == 202
    assert sent == [(JOB, "i-1"), (JOB, "Ev1")]

"""The Lambda's configuration, imported as Lambda does: a part of one does not start."""

from __future__ import annotations

import base64
import importlib.util
import json

import pytest

from authz_lib.errors import ConfigurationError

WHOLE = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "ENABLE_AUTH": "true",
    "USER_POOL_ID": "us-east-1_EXAMPLE",
    "CLIENT_ID": "platform-web",
    "JOB_QUEUE": "arn:aws:batch:us-east-1:123456789012:job-queue/platform",
    "JOB_DEFINITION": "arn:aws:batch:us-east-1:123456789012:job-definition/pipeline:1",
}


@pytest.fixture
def start(folder, monkeypatch):
    """The module, started with these variables."""

    def started(**variables):
        for name, value in {**WHOLE, **variables}.items():
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        spec = importlib.util.spec_from_file_location(
            "orchestrate", folder / "service" / "orchestrate.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return started


@pytest.mark.parametrize(
    "word", ["true", "True", "", "False", "FALSE", "0", "no", "off", " false", "maybe"]
)
def test_every_word_but_one_asks_for_a_token(start, word):
    answered = start(ENABLE_AUTH=word).handler(
        {"routeKey": "POST /orchestrate", "headers": {}}, None
    )
    assert answered["statusCode"] == 401


@pytest.mark.parametrize("word", ["true", "False", ""])
@pytest.mark.parametrize(
    "half", [{"USER_POOL_ID": ""}, {"CLIENT_ID": ""}, {"USER_POOL_ID": "", "CLIENT_ID": ""}]
)
def test_enabled_and_half_configured_it_does_not_start(start, word, half):
    with pytest.raises(ConfigurationError):
        start(ENABLE_AUTH=word, **half)


@pytest.mark.parametrize("missing", ["ENABLE_AUTH", "USER_POOL_ID", "CLIENT_ID", "JOB_QUEUE"])
def test_without_a_variable_it_does_not_start(start, missing):
    with pytest.raises(KeyError, match=missing):
        start(**{missing: None})


def test_switched_off_it_says_so_in_its_log(start, caplog):
    module = start(ENABLE_AUTH="false")
    assert "EnableAuth is false: everyone may call" in caplog.text
    assert module.caller_of({"headers": {"authorization": "Bearer whatever"}}) == module.ANYONE


def test_what_the_event_claims_about_its_caller_is_not_read(start):
    claims = {
        "sub": "alice",
        "tenant_id": "acme",
        "token_use": "access",
        "client_id": "platform-web",
    }
    event = {
        "routeKey": "POST /orchestrate",
        "headers": {},
        "requestContext": {"authorizer": {"jwt": {"claims": claims}}},
    }
    answered = start().handler(event, None)
    assert answered["statusCode"] == 401
    assert "alice" not in json.dumps(answered)


JOB = b'{"action": "submit", "dataset": "No Name"}'  # understood, and refused for what it says


@pytest.mark.parametrize(
    ("body", "is_base64", "said"),
    [
        (JOB.decode(), False, "`dataset` must be"),
        # As API Gateway writes a body of no known type.
        (
            base64.b64encode(JOB).decode(),
            True,
            "`dataset` must be",
        ),
        (base64.b64encode(JOB).decode(), False, "must be a JSON object"),
        ("!", True, "must be a JSON object"),
        (None, False, "must be a JSON object"),
        ("[" * 100_000, False, "must be a JSON object"),
        ('{"dataset": ' * 100_000, False, "must be a JSON object"),
        ('{"dataset": "a", "dataset": "b"}', False, "must be a JSON object"),
    ],
)
def test_whatever_a_body_is_it_is_no_fault_of_the_service(start, body, is_base64, said):
    event = {
        "routeKey": "POST /orchestrate",
        "headers": {},
        "body": body,
        "isBase64Encoded": is_base64,
    }
    answered = start(ENABLE_AUTH="false").handler(event, None)
    assert answered["statusCode"] == 400
    assert said in json.loads(answered["body"])["message"]


@pytest.mark.parametrize("action", [None, "", "LIST_JOBS", "delete", 1, ["submit"], {"a": 1}])
def test_an_action_that_is_none_is_400(start, action):
    body = {} if action is None else {"action": action}
    answered = start(ENABLE_AUTH="false").handler({"headers": {}, "body": json.dumps(body)}, None)
    assert answered["statusCode"] == 400
    said = json.loads(answered["body"])["message"]
    assert said == "`action` must be one of list_jobs, get_job, submit, metrics"


def test_whose_a_job_is_cannot_be_spelled_otherwise(start):
    module = start()
    owners = [
        ("issuer", "a", "bc"),
        ("issuer", "ab", "c"),
        ("issuer|a", "b", "c"),
        ("issuer", "a", '"b", "c'),
        (None, "a", "bc"),
    ]
    names = {
        module.owned_by(module.Principal(subject, issuer=i, tenant_id=tenant))
        for i, tenant, subject in owners
    }
    assert len(names) == len(owners)
    assert {len(name) for name in names} == {41}

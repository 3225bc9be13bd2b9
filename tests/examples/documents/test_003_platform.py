"""A client that was written from document 003 alone: actions on `POST /orchestrate`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.stack
EXAMPLE = "secure_by_default"


def test_every_row_of_requests_yaml_is_answered_as_it_says(example):
    assert example.local.scenario.requests
    assert example.differences() == []


@pytest.fixture
def orchestrate(example):
    def post(body, token=None):
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return example.http("POST", example.outputs["Url"] + "/orchestrate", body, **bearer)

    return post


@pytest.mark.parametrize("body", [{"action": "list_jobs"}, {"action": "metrics", "type": "jobs"}])
def test_every_action_is_401_without_a_valid_token_and_200_with_one(orchestrate, example, body):
    assert orchestrate(body).status == 401
    assert orchestrate(body, "garbage").status == 401
    answer = orchestrate(body, example.token("alice"))
    assert answer.status == 200
    assert "jobs" in answer.json


def test_a_job_is_submitted_listed_and_counted(orchestrate, example):
    token = example.token("alice")
    submitted = orchestrate({"action": "submit", "dataset": "alpha"}, token)
    assert submitted.status in {200, 202}
    listed = orchestrate({"action": "list_jobs"}, token).json["jobs"]
    assert submitted.json["jobId"] in {job["jobId"] for job in listed}
    counted = orchestrate({"action": "metrics", "type": "jobs"}, token).json["jobs"]
    assert sum(counted.values()) == len(listed)


def test_an_unknown_action_is_400(orchestrate, example):
    assert orchestrate({"action": "format_disk"}, example.token("alice")).status == 400


def test_a_preflight_is_204_for_the_one_origin(example):
    def preflight(origin):
        return example.http(
            "OPTIONS",
            example.outputs["Url"] + "/orchestrate",
            Origin=origin,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization",
        )

    own = preflight(example.outputs["UiUrl"])
    assert own.status == 204
    assert own.headers["access-control-allow-origin"] == example.outputs["UiUrl"]
    assert "authorization" in own.headers["access-control-allow-headers"]
    other = preflight("https://evil.example")
    assert "access-control-allow-origin" not in other.headers


def test_nobody_can_sign_up(example):
    pool = {"UserPoolId": example.outputs["UserPoolId"]}
    described = example.local.aws.client("cognito-idp").describe_user_pool(**pool)["UserPool"]
    assert described["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True

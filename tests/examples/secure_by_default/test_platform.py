"""The example beyond its `requests.yaml`: tenants, a gateway without authorizer, the switch."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
import urllib3

pytestmark = pytest.mark.stack


def send(method, url, *, token=None, body=None, **headers):
    """One request with a JSON body."""
    content = None if body is None else json.dumps(body).encode()
    return send_as_it_is(
        method, url, content, token=token, **headers, **{"Content-Type": "application/json"}
    )


def send_as_it_is(method, url, content, *, token=None, **headers):
    """One request, to this machine whatever its resolver makes of `*.localhost`."""
    parts = urlsplit(url)
    headers["Host"] = parts.netloc
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with urllib3.HTTPConnectionPool("127.0.0.1", parts.port, retries=False, timeout=30) as pool:
        return pool.request(method, parts.path, headers=headers, body=content)


@pytest.fixture
def api(local):
    return local.stack.outputs["Url"]


def act(api, token, action, **members):
    return send("POST", f"{api}/orchestrate", token=token, body={"action": action, **members})


def submitted(local, api, user, dataset):
    answer = act(api, local.token(user), "submit", dataset=dataset)
    assert answer.status == 202
    return answer.json()["jobId"]


def without_request_id(answer):
    return {name: value for name, value in answer.json().items() if "request" not in name.lower()}


def test_another_tenants_job_looks_like_no_job_at_all(local, api):
    job = submitted(local, api, "bob", "secret")
    own = act(api, local.token("bob"), "get_job", jobId=job)
    assert own.json()["dataset"] == "secret"
    theirs = act(api, local.token("alice"), "get_job", jobId=job)
    nobodys = act(api, local.token("alice"), "get_job", jobId="00000000-0000-0000-0000-0000")
    assert theirs.status == nobodys.status == 404
    assert without_request_id(theirs) == without_request_id(nobodys)


def test_a_job_of_another_queue_is_not_a_job_of_the_platform(local, api):
    mine = submitted(local, api, "alice", "mine")
    batch = local.aws.client("batch")
    name = batch.describe_jobs(jobs=[mine])["jobs"][0]["jobName"]
    other = batch.submit_job(jobName=name, jobQueue="elsewhere", jobDefinition="pipeline")["jobId"]
    assert act(api, local.token("alice"), "get_job", jobId=other).status == 404


def test_metrics_count_the_callers_own_jobs(local, api):
    before = act(api, local.token("alice"), "metrics", type="jobs").json()["jobs"]
    submitted(local, api, "alice", "counted")
    submitted(local, api, "bob", "not-counted")
    after = act(api, local.token("alice"), "metrics", type="jobs").json()
    assert after["type"] == "jobs"
    assert sum(after["jobs"].values()) == sum(before.values()) + 1
    assert {"SUBMITTED", "RUNNING", "SUCCEEDED", "FAILED"} <= set(after["jobs"])


def test_a_job_is_told_whose_it_is_by_the_token(local, api):
    """The body and the headers say otherwise; the name of the job is the caller's own."""
    fake = {
        "action": "submit",
        "dataset": "x",
        "subject": "root",
        "tenant": "globex",
        "parameters": {"subject": "root"},
        "jobName": "root",
    }
    headers = {"x-principal-sub": "root", "x-amzn-oidc-identity": "root"}
    answer = send("POST", f"{api}/orchestrate", token=local.token("alice"), body=fake, **headers)
    assert answer.status == 202
    listed = act(api, local.token("alice"), "list_jobs").json()["jobs"]
    assert answer.json()["jobId"] in {job["jobId"] for job in listed}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"action": "submit", "dataset": "without-a-type"}', 202),
        (b"[" * 100_000, 400),
        (b'{"action": "submit", "dataset": "a", "dataset": "b"}', 400),
        (b'{"action": "submit", "dataset": "a", "rest": NaN}', 400),
        (b'{"dataset": "\xff"}', 400),
        (b"", 400),
    ],
)
def test_a_body_without_a_content_type_is_read_or_refused(local, api, content, status):
    answer = send_as_it_is("POST", f"{api}/orchestrate", content, token=local.token("alice"))
    assert answer.status == status


def test_a_gateway_that_lost_its_authorizer_is_not_the_end(local, api):
    gateway = local.aws.client("apigatewayv2")
    api_id = local.stack.resources["HttpApi"]
    routes = {route["RouteKey"]: route for route in gateway.get_routes(ApiId=api_id)["Items"]}
    route = routes["POST /orchestrate"]
    gateway.update_route(ApiId=api_id, RouteId=route["RouteId"], AuthorizationType="NONE")
    try:
        body = {"action": "submit", "dataset": "x"}
        assert send("POST", f"{api}/orchestrate", body=body).status == 401
        assert send("POST", f"{api}/orchestrate", token="garbage", body=body).status == 401
        assert (
            send(
                "POST", f"{api}/orchestrate", token=local.token("alice", client="other"), body=body
            ).status
            == 401
        )
        assert (
            send("POST", f"{api}/orchestrate", token=local.token("alice"), body=body).status == 202
        )
    finally:
        gateway.update_route(
            ApiId=api_id,
            RouteId=route["RouteId"],
            AuthorizationType="JWT",
            AuthorizerId=route["AuthorizerId"],
        )
    assert (
        send("POST", f"{api}/orchestrate", body={"action": "submit", "dataset": "x"}).status == 401
    )


@pytest.mark.parametrize("half", ["USER_POOL_ID", "CLIENT_ID"])
def test_enabled_and_half_configured_nobody_gets_in(local, api, half):
    functions, name = local.aws.client("lambda"), local.stack.functions["Orchestrate"]
    whole = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": whole | {half: ""}}
    )
    try:
        # A Lambda that does not start: 500 on AWS, 502 here.
        assert act(api, local.token("alice"), "list_jobs").status in {500, 502}
        assert act(api, None, "list_jobs").status == 401
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": whole})
    assert act(api, local.token("alice"), "list_jobs").status == 200


def test_another_origin_is_given_nothing(local, api):
    for method, path in [("OPTIONS", "/orchestrate"), ("POST", "/orchestrate")]:
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = send(method, api + path, token=local.token("alice"), **headers)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_route_but_the_one_exists(local):
    gateway, api_id = local.aws.client("apigatewayv2"), local.stack.resources["HttpApi"]
    routes = gateway.get_routes(ApiId=api_id)["Items"]
    assert {route["RouteKey"] for route in routes} == {"POST /orchestrate"}
    assert {route["AuthorizationType"] for route in routes} == {"JWT"}


def test_the_switch_detaches_the_authorizer_and_makes_no_pool(local, folder):
    """`EnableAuth=false`: no authorizer, no pool, no token needed, and a Lambda that knows it."""
    parameters = {
        "EnableAuth": "false",
        "AllowedOrigin": local.stack.outputs["UiUrl"],
        "DomainPrefix": "platform-open",
        "JobQueueArn": "arn:aws:batch:us-east-1:000000000000:job-queue/platform",
        "JobDefinitionArn": "arn:aws:batch:us-east-1:000000000000:job-definition/pipeline:1",
    }
    pools = local.aws.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
    opened = local.aws.deploy(folder / "template.yaml", parameters=parameters, stack_name="open")
    assert set(opened.outputs) == {"Url", "UiUrl"}
    assert local.aws.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == pools
    gateway, api_id = local.aws.client("apigatewayv2"), opened.resources["HttpApi"]
    assert gateway.get_authorizers(ApiId=api_id)["Items"] == []
    url = opened.outputs["Url"]
    assert act(url, None, "submit", dataset="open").status == 202
    # And none of those whose owners have a name.
    assert [job["dataset"] for job in act(url, None, "list_jobs").json()["jobs"]] == ["open"]
    assert act(local.stack.outputs["Url"], None, "list_jobs").status == 401

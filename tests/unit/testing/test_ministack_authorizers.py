"""What is put right for authorizers in the local AWS, without the local AWS; over HTTP:
`tests/stack`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import types
from functools import partial
from typing import NamedTuple

import pytest

from authz_lib.testing import _ministack_authorizers as corrections

API, STAGE = "a1b2c3d4", "admin"
OWN = f"{API}.execute-api.localhost"
REGION, ACCOUNT = "eu-west-1", "000000000000"
ARN = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/{STAGE}/GET/users"


class Evaluation(NamedTuple):
    decision: str


@pytest.fixture
def evaluator(monkeypatch):
    """ministack's own evaluator of resource policies: a policy is its outcome."""
    module, arns = (
        types.ModuleType("ministack.core.iam_evaluator"),
        types.ModuleType("ministack.core.arn"),
    )
    module.asked = []
    module.EvalContext = lambda *words: words
    module.evaluate_resource_policy = lambda policy, caller: (
        module.asked.append(caller) or Evaluation(policy)
    )
    arns.execute_api_arn = "arn:aws:execute-api:{}:{}:{}/{}/{}{}".format
    for name in ("ministack", "ministack.core"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    for fake in (module, arns):
        monkeypatch.setitem(sys.modules, fake.__name__, fake)
    return module


@pytest.fixture
def rest(evaluator):
    """The functions of ministack that are replaced, as they are without: they answer with what they
    are given.
    """

    async def same(*given):
        return given

    async def authorize(*given):
        module.asked.append(given)
        return None, module.question()

    module = types.ModuleType("apigateway_v1")
    module.asked, module.question = [], lambda: None
    module._authorize_request_v1, module._invoke_authorizer_lambda = authorize, same
    module._request_identity_sources = lambda declared, headers: (
        False,
        [headers.get(name.strip().rpartition(".")[2], "") for name in declared.split(",")],
    )
    module._build_lambda_event_v1 = lambda **event: dict(event)
    module._evaluate_policy = lambda policy, arn: policy
    module._deny_error = lambda explicit: ("refused", explicit)
    module.resolve_base_path_mapping = lambda host, path: (
        ("x", "y", "/") if host == "shop.example" else None
    )
    module.rest_api_policy_for_arn = lambda arn: None
    corrections.correct_rest(module)
    return module


def authorize(rest, *, stage=STAGE, kind="CUSTOM"):
    resource = {"path": "/users"}
    request = (
        API,
        stage,
        {"authorizationType": kind},
        "GET",
        "/users",
        resource,
        {},
        b"",
        {},
        {},
        {},
        ACCOUNT,
        REGION,
    )
    return rest._authorize_request_v1(*request)


def serve(question, *, host=OWN, path=f"/{STAGE}/users", headers=()):
    """What a question answers while a request is served."""
    answers = []

    async def application(scope, receive, send):
        answer = question()
        answers.append(await answer if asyncio.iscoroutine(answer) else answer)

    app = types.ModuleType("app")
    app.app = application
    corrections.note_requests(app)
    given = [
        (b"Host", f"{host}:4566".encode()),
        *((name.encode(), value.encode()) for name, value in headers),
    ]
    asyncio.run(app.app({"type": "http", "path": path, "headers": given}, None, None))
    return answers[0]


PLACES = [
    (OWN, f"/{STAGE}/users", STAGE, (OWN, f"/{STAGE}/users")),
    (OWN.upper(), "/users", "$default", (OWN, "/users")),
    ("shop.example", "/v1/users", STAGE, ("shop.example", "/v1/users")),
    ("127.0.0.1", f"/restapis/{API}/{STAGE}/_user_request_/users", STAGE, (OWN, f"/{STAGE}/users")),
]


@pytest.mark.parametrize(("host", "path", "stage", "place"), PLACES)
def test_the_identity_sources_of_a_rest_api_read_the_request_as_it_was_sent(
    rest, host, path, stage, place
):
    rest.question = lambda: rest._request_identity_sources(
        "context.domainName, context.path ,context.other", {}
    )
    answer = serve(lambda: authorize(rest, stage=stage), host=host, path=path)
    assert answer == (None, (False, [*place, ""]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accountId", ACCOUNT),
        ("apiId", API),
        ("httpMethod", "GET"),
        ("identity.sourceIp", "10.0.0.1"),
        ("identity.userAgent", "curl"),
        ("resourcePath", "/users"),
        ("stage", STAGE),
    ],
)
def test_an_identity_source_of_a_rest_api_may_be_a_context_value(rest, name, value):
    rest.question = lambda: rest._request_identity_sources(f"context.{name}", {})
    headers = [("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), ("User-Agent", "curl")]
    assert serve(lambda: authorize(rest), headers=headers) == (None, (True, [value]))


def test_other_identity_sources_are_left_to_ministack(rest):
    def question():
        return rest._request_identity_sources("method.request.header.x", {"x": "1"})

    assert serve(question) == (True, ["1"])


REPEATED = [("X-Dept", "legal"), ("x-dept", "sales"), ("x-one", "1")]
JOINED = {"x-dept": "legal, sales", "x-one": "1"}


def test_a_repeated_header_of_a_rest_api_has_all_its_values(rest):
    event = {
        "headers": JOINED,
        "multiValueHeaders": {name: [text] for name, text in JOINED.items()},
        "body": None,
    }
    assert serve(lambda: rest._build_lambda_event_v1(**event), headers=REPEATED) == {
        "headers": {"x-dept": "sales", "x-one": "1"},
        "multiValueHeaders": {"x-dept": ["legal", "sales"], "x-one": ["1"]},
        "body": None,
    }
    question = partial(rest._request_identity_sources, "method.request.header.x-dept", JOINED)
    assert serve(question, headers=REPEATED) == (True, [["legal", "sales"]]), (
        "ministack takes the last one"
    )
    assert serve(question) == (True, ["legal, sales"])


@pytest.mark.parametrize(("host", "path", "stage", "place"), PLACES)
def test_an_event_of_a_rest_api_says_where_it_was_sent(rest, host, path, stage, place):
    event = {
        "path": "/users",
        "requestContext": {"apiId": API},
        "headers": JOINED,
        "multiValueHeaders": {},
    }
    rest.question = lambda: rest._invoke_authorizer_lambda("authorizer", event, "account")

    async def asked():
        _error, told = await authorize(rest, stage=stage)
        return await told

    _authorizer, told, account = serve(asked, host=host, path=path, headers=REPEATED)
    assert told == {
        "path": place[1] if host == "shop.example" else "/users",
        "requestContext": {"apiId": API, "domainName": place[0], "path": place[1]},
        "headers": {"x-dept": "sales", "x-one": "1"},
        "multiValueHeaders": {"x-dept": ["legal", "sales"]},
    }
    assert account == "account"


def test_a_token_event_says_nothing_of_it(rest):
    event = {"type": "TOKEN", "methodArn": ARN}
    assert serve(lambda: rest._invoke_authorizer_lambda("authorizer", dict(event)))[1] == event


@pytest.mark.parametrize(
    ("authorizer", "resource", "together"),
    [
        ("Allow", "Allow", "Allow"),
        ("Allow", "ImplicitDeny", "Allow"),
        ("NoMatch", "Allow", "Allow"),
        ("NoMatch", "ImplicitDeny", "NoMatch"),
        ("Deny", "Allow", "Deny"),
        ("Allow", "Deny", "Deny"),
        ("NoMatch", "Deny", "Deny"),
    ],
)
def test_a_resource_policy_is_read_together_with_the_authorizers(
    rest, evaluator, authorizer, resource, together
):
    assert rest._evaluate_policy(authorizer, ARN) == authorizer, "no resource policy"
    assert evaluator.asked == []
    rest.rest_api_policy_for_arn = lambda arn: (resource, ACCOUNT)
    assert rest._evaluate_policy(authorizer, ARN) == together
    assert evaluator.asked == [("*", "Anonymous", "", "execute-api:Invoke", ARN, REGION)]


@pytest.mark.parametrize(
    ("kind", "resource", "asked"),
    [
        ("CUSTOM", "Deny", 0),
        ("CUSTOM", "Allow", 1),
        ("CUSTOM", "ImplicitDeny", 1),
        ("AWS_IAM", "Deny", 1),
    ],
)
def test_a_deny_of_the_resource_policy_comes_before_the_authorizer(rest, kind, resource, asked):
    rest.rest_api_policy_for_arn = lambda arn: (resource, ACCOUNT)
    answer = serve(lambda: authorize(rest, kind=kind))
    assert len(rest.asked) == asked
    assert answer == ((None, None) if asked else (("refused", True), None))


@pytest.fixture
def http(rest):
    async def same(*given):
        return given

    module = types.ModuleType("apigateway")
    module._request_authorizer_identity_sources = lambda *given: (True, given[0], given[-1])
    module._invoke_request_authorizer_lambda = same
    corrections.correct_http(module, rest)
    return module


@pytest.mark.parametrize(("host", "path", "stage", "place"), PLACES)
def test_an_http_api_reads_and_tells_the_request_as_it_was_sent(http, host, path, stage, place):
    context = {"apiId": API, "stage": stage, "path": "/users", "routeKey": "GET /users"}
    read = serve(
        lambda: http._request_authorizer_identity_sources([], {}, {}, {}, context),
        host=host,
        path=path,
    )
    assert read == (True, [], {**context, "domainName": place[0], "path": place[1]})
    event = {
        "rawPath": "/users",
        "requestContext": {"apiId": API, "stage": stage, "http": {"path": "/users"}},
    }
    told = serve(lambda: http._invoke_request_authorizer_lambda({}, event), host=host, path=path)[1]
    assert told["requestContext"] == {
        "apiId": API, "stage": stage, "domainName": place[0], "http": {"path": place[1]},
    }  # fmt: skip
    assert told["rawPath"] == ("/users" if host == "shop.example" else place[1]), (
        "a mapping is in no `rawPath`"
    )


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("/capture/space value", "/capture/space value"),
        ("/capture/question?value", "/capture/question"),
        ("/capture/hash#value", "/capture/hash#value"),
        ("/capture/slash/value", "/capture/slash/value"),
        ("/capture/literal%252Fvalue", "/capture/literal/value"),
        ("/capture/literal%253Fvalue", "/capture/literal?value"),
        ("/capture/literal%2525value", "/capture/literal%value"),
    ],
)
def test_an_http_api_hands_over_a_path_that_it_has_decoded_twice(http, sent, told):
    """`sent` as ministack decodes it: all but `%25`.  The pairs are captures of AWS, see the
    module.
    """
    event = {
        "rawPath": sent,
        "requestContext": {"apiId": API, "stage": "$default", "http": {"path": sent}},
    }
    context = {"apiId": API, "stage": "$default", "path": sent}
    assert (
        serve(lambda: http._request_authorizer_identity_sources([], {}, {}, {}, context))[2]["path"]
        == told
    )
    given = serve(lambda: http._invoke_request_authorizer_lambda({}, event))[1]
    assert (given["rawPath"], given["requestContext"]["http"]["path"]) == (told, told)


def test_an_event_1_0_says_its_version_and_its_key(http):
    event = {"path": "/users", "requestContext": {"apiId": API, "stage": STAGE}}
    context = {"apiId": API, "stage": STAGE, "path": "/users"}

    def question():
        http._request_authorizer_identity_sources(["Bearer x", "GET"], {}, {}, {}, context)
        return http._invoke_request_authorizer_lambda({}, event)

    assert serve(question)[1] == {
        "version": "1.0",
        "path": "/users",
        "identitySource": "Bearer x,GET",
        "authorizationToken": "Bearer x,GET",
        "requestContext": {
            "apiId": API,
            "stage": STAGE,
            "domainName": OWN,
            "path": f"/{STAGE}/users",
        },
    }


def test_a_websocket_api_is_left_as_it_is(http):
    event = {"requestContext": {"apiId": API, "stage": STAGE, "connectionId": "c"}, "headers": {}}
    assert serve(lambda: http._invoke_request_authorizer_lambda({}, dict(event)))[1] == event
    assert http._request_authorizer_identity_sources([], {}, {}, {}) == (True, [], None)


class Rejected(Exception):  # noqa: N818
    """ministack's word for a refusal."""


@pytest.fixture
def appsync():
    """An API whose authorizer answers what it is told to, and counts."""
    functions, module = types.ModuleType("lambda_svc"), types.ModuleType("appsync")
    module.answers, module.asked = [], []
    functions._execute_function_with_config_scope = lambda record, event: module.answers.pop(0)

    def authorize(api, settings, headers, **operation):
        module.asked.append((api, headers.get("authorization", "")))
        answer = functions._execute_function_with_config_scope({}, {})
        if answer.get("error") or "true" not in json.dumps(answer["body"]):
            raise module._AuthorizerRejected
        return {"resolverContext": len(module.asked)}

    module._AuthorizerRejected, module._invoke_lambda_authorizer = Rejected, authorize
    corrections.correct_appsync(module, functions)
    return module


def ask(module, token="a", *, ttl_seconds=300, api=API):
    settings = {"authorizerResultTtlInSeconds": ttl_seconds}
    try:
        return module._invoke_lambda_authorizer(
            api, settings, {"authorization": token}, query="{ items }"
        )
    except Rejected:
        return None


YES, NO = {"body": {"isAuthorized": True}}, {"body": '{"isAuthorized": false}'}


def test_appsync_remembers_an_answer_for_the_api_and_the_token(appsync):
    appsync.answers = [YES, NO, YES]
    assert [ask(appsync), ask(appsync)] == [{"resolverContext": 1}] * 2
    assert [ask(appsync, "b"), ask(appsync, "b")] == [None, None], "a refusal too"
    assert ask(appsync, api="other") == {"resolverContext": 3}
    assert appsync.asked == [(API, "a"), (API, "b"), ("other", "a")]


@pytest.mark.parametrize(
    ("answer", "ttl_seconds", "asked"),
    [
        ({"body": {"isAuthorized": True, "ttlOverride": 0}}, 300, 2),
        ({"body": {"isAuthorized": True, "ttlOverride": 60}}, 0, 1),
        ({"body": {"isAuthorized": True, "ttlOverride": None}}, 0, 2),
        ({"body": {"isAuthorized": True, "ttlOverride": "60"}}, 0, 2),
        (YES, 0, 2),
        (YES, None, 1),  # what nobody has set is five minutes
        (NO, 300, 1),
        ({"body": b'{"isAuthorized": true}'.decode()}, 300, 1),
        ({"body": "no JSON"}, 300, 2),
        ({"body": [True]}, 300, 2),
        ({"error": True, "body": {"errorMessage": "true", "isAuthorized": True}}, 300, 2),
    ],
)
def test_appsync_remembers_for_as_long_as_the_answer_or_the_api_says(
    appsync, answer, ttl_seconds, asked
):
    appsync.answers = [answer, answer]
    ask(appsync, ttl_seconds=ttl_seconds)
    ask(appsync, ttl_seconds=ttl_seconds)
    assert len(appsync.asked) == asked


def test_appsync_does_not_remember_for_ever(appsync, monkeypatch):
    monkeypatch.setattr(corrections, "_MAX_REMEMBERED", 2)
    appsync.answers = [YES] * 4
    for token in ("a", "b", "c", "a"):
        ask(appsync, token)
    assert [token for _api, token in appsync.asked] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    "correct",
    [
        corrections.note_requests,
        corrections.correct_rest,
        lambda gone: corrections.correct_http(gone, gone),
        lambda gone: corrections.correct_appsync(gone, gone),
    ],
)
def test_a_name_that_is_gone_ends_it_at_once(correct):
    with pytest.raises(AttributeError):
        correct(types.ModuleType("gone"))

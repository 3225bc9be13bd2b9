"""What is corrected for authorizers, over ministack's real application; deployed: `tests/stack`."""

from __future__ import annotations

import json
import types

import pytest

from authz_local import _ministack_authorizers as corrections

STAGE = "admin"
HOST = "{api}.execute-api.localhost"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:authorizer"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
REPEATED = [("X-Dept", "legal"), ("x-dept", "sales"), ("x-one", "1")]


def policy(effect, resource="*", **more):
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


class API:
    """A deployed API with one authorizer; called, it answers with a status."""

    def __init__(self, ministack, api_id, path):
        self.ministack, self.id, self._path = ministack, api_id, path

    def __call__(self, path="/users", *, host=HOST, prefix=None, headers=()):
        path = (self._path if prefix is None else prefix.format(api=self.id)) + path
        host = host.format(api=self.id)
        return self.ministack.call("GET", path, host=host, headers=headers)[0]

    @property
    def asked(self):
        """The events of the authorizer."""
        events = self.ministack.events
        return [event for event in events if event.get("type") in {"TOKEN", "REQUEST"}]


@pytest.fixture
def rest_api(ministack):
    def deploy(*sources, kind="REQUEST", resource_policy=None, authorization="CUSTOM"):
        written = None if resource_policy is None else json.dumps(resource_policy)
        api = ministack.make("/restapis", {"name": "users", "policy": written})
        resources = f"/restapis/{api['id']}/resources"
        users = ministack.make(f"{resources}/{api['rootResourceId']}", {"pathPart": "users"})
        settings = {
            "name": "ours",
            "type": kind,
            "authorizerUri": URI,
            "identitySource": ",".join(sources),
            "authorizerResultTtlInSeconds": 300,
        }
        authorizer = ministack.make(f"/restapis/{api['id']}/authorizers", settings)
        method = f"{resources}/{users['id']}/methods/GET"
        how = {"authorizationType": authorization, "authorizerId": authorizer["id"]}
        ministack.make(method, how, method="PUT")
        template = {"application/json": '{"statusCode": 200}'}
        mock = {"type": "MOCK", "requestTemplates": template}
        ministack.make(f"{method}/integration", mock, method="PUT")
        ministack.make(f"{method}/integration/responses/200", {}, method="PUT")
        ministack.make(f"/restapis/{api['id']}/deployments", {"stageName": STAGE})
        ministack.make("/domainnames", {"domainName": "shop.example"})
        mapping = {"basePath": "v1", "restApiId": api["id"], "stage": STAGE}
        ministack.make("/domainnames/shop.example/basepathmappings", mapping)
        return API(ministack, api["id"], f"/{STAGE}")

    return deploy


PLACES = [
    (HOST, f"/{STAGE}", (HOST, f"/{STAGE}/users")),
    ("shop.example", "/v1", ("shop.example", "/v1/users")),
    ("127.0.0.1", f"/restapis/{{api}}/{STAGE}/_user_request_", (HOST, f"/{STAGE}/users")),
]


@pytest.fixture
def identity_values(ministack):
    """What ministack read of the identity sources, request by request."""
    found = []

    def noting(read):
        def noted(*given):
            found.append(read(*given)[1])
            return read(*given)

        return noted

    rest, http = ministack.rest, ministack.http  # the fixture `ministack` puts them back
    rest._request_identity_sources = noting(rest._request_identity_sources)
    http._request_authorizer_identity_sources = noting(http._request_authorizer_identity_sources)
    return found


@pytest.mark.parametrize(("host", "prefix", "place"), PLACES)
def test_a_rest_api_reads_and_tells_the_request_as_it_was_sent(
    rest_api, identity_values, host, prefix, place
):
    api = rest_api("context.domainName", " context.path ")
    assert api(host=host, prefix=prefix) == 200
    domain, path = place[0].format(api=api.id), place[1]
    assert identity_values == [[domain, path]]
    [event] = api.asked
    context = event["requestContext"]
    assert (context["domainName"], context["path"]) == (domain, path)
    assert event["path"] == (path if host == "shop.example" else "/users")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accountId", "000000000000"),
        ("httpMethod", "GET"),
        ("identity.sourceIp", "10.0.0.1"),
        ("identity.userAgent", "curl"),
        ("resourcePath", "/users"),
        ("stage", STAGE),
    ],
)
def test_an_identity_source_of_a_rest_api_may_be_a_context_value(
    rest_api, identity_values, name, value
):
    api = rest_api(f"context.{name}", "context.apiId")
    headers = [("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), ("User-Agent", "curl")]
    assert api(headers=headers) == 200
    assert identity_values == [[value, api.id]]


def test_an_unknown_context_value_is_missing(rest_api):
    api = rest_api("context.other")
    assert api() == 401
    assert api.asked == []


def test_a_repeated_header_of_a_rest_api_has_all_its_values(rest_api, identity_values):
    api = rest_api("method.request.header.x-dept", "method.request.header.x-one")
    assert api(headers=REPEATED) == 200
    [event] = api.asked
    assert (event["headers"]["x-dept"], event["headers"]["x-one"]) == ("sales", "1")
    assert event["multiValueHeaders"]["x-dept"] == ["legal", "sales"]
    assert event["multiValueHeaders"]["x-one"] == ["1"]
    assert identity_values == [["sales", "1"]], "the key holds the last one"


def test_a_proxy_event_of_a_rest_api_has_them_too(ministack):
    ministack.answer = lambda event: {"body": {"statusCode": 200, "body": "{}"}}
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI}
    get = {"x-amazon-apigateway-integration": integration}
    api = ministack.rest._import_rest_api({"paths": {"/users": {"get": get}}})
    ministack.make(f"/restapis/{api}/deployments", {"stageName": STAGE})
    path, host = f"/{STAGE}/users", HOST.format(api=api)
    assert ministack.call("GET", path, host=host, headers=REPEATED)[0] == 200
    [event] = ministack.events
    assert event["headers"]["x-dept"] == "sales"
    assert event["multiValueHeaders"]["x-dept"] == ["legal", "sales"]


def test_a_token_event_says_nothing_of_it(rest_api):
    api = rest_api("method.request.header.Authorization", kind="TOKEN")
    assert api(headers=[("Authorization", "t")]) == 200
    assert [set(event) for event in api.asked] == [{"type", "authorizationToken", "methodArn"}]


ANYONE = {"Principal": "*"}
ELSEWHERE = "execute-api:/*/POST/users"


@pytest.mark.parametrize(
    ("authorizer", "resource_policy", "status", "asked"),
    [
        (policy("Allow"), None, 200, 1),
        (policy("Allow"), policy("Allow", "execute-api:/*", **ANYONE), 200, 1),
        (policy("Allow"), policy("Allow", ELSEWHERE, **ANYONE), 200, 1),
        (policy("Allow", "none"), policy("Allow", "execute-api:/*", **ANYONE), 200, 1),
        (policy("Allow", "none"), policy("Allow", ELSEWHERE, **ANYONE), 403, 1),
        (policy("Allow", "none"), None, 403, 1),
        (policy("Deny"), policy("Allow", "execute-api:/*", **ANYONE), 403, 1),
        (policy("Allow"), policy("Deny", "execute-api:/*", **ANYONE), 403, 0),
    ],
)
def test_a_resource_policy_is_read_together_with_the_authorizers(
    ministack, rest_api, authorizer, resource_policy, status, asked
):
    api = rest_api("method.request.header.Authorization", resource_policy=resource_policy)
    ministack.answer = {"principalId": "alice", "policyDocument": authorizer}
    assert api(headers=[("Authorization", "t")]) == status
    assert len(api.asked) == asked


def test_a_cached_allow_does_not_outlive_a_deny_of_the_resource_policy(ministack, rest_api):
    api = rest_api("method.request.header.Authorization")
    assert api(headers=[("Authorization", "t")]) == 200
    denies = json.dumps(policy("Deny", "execute-api:/*", **ANYONE))
    ministack.rest._rest_apis[api.id]["policy"] = denies
    assert api(headers=[("Authorization", "t")]) == 403
    assert len(api.asked) == 1


def test_a_method_without_an_authorizer_is_left_to_ministack(ministack, rest_api):
    denies = policy("Deny", "execute-api:/*", **ANYONE)
    api = rest_api(authorization="AWS_IAM", resource_policy=denies)
    host = HOST.format(api=api.id)
    status, answer = ministack.call("GET", f"/{STAGE}/users", host=host)
    assert (status, answer["message"]) == (403, "Missing Authentication Token")


@pytest.fixture
def http_api(ministack):
    def answer(event):
        if event.get("type") != "REQUEST":
            return {"body": {"statusCode": 200, "body": "{}"}}
        if event["version"] == "2.0":
            return {"isAuthorized": True}
        return {"principalId": "alice", "policyDocument": policy("Allow")}

    ministack.answer = answer

    def deploy(*sources, stage=STAGE, version="2.0"):
        api = ministack.make("/v2/apis", {"name": "users", "protocolType": "HTTP"})["apiId"]
        settings = {
            "name": "ours",
            "authorizerType": "REQUEST",
            "authorizerUri": URI,
            "authorizerPayloadFormatVersion": version,
            "enableSimpleResponses": version == "2.0",
            "identitySource": list(sources),
            "authorizerResultTtlInSeconds": 300,
        }
        authorizer = ministack.make(f"/v2/apis/{api}/authorizers", settings)["authorizerId"]
        service = {
            "integrationType": "AWS_PROXY",
            "integrationUri": FUNCTION,
            "payloadFormatVersion": "2.0",
        }
        integration = ministack.make(f"/v2/apis/{api}/integrations", service)["integrationId"]
        route = {
            "routeKey": "ANY /{proxy+}",
            "target": f"integrations/{integration}",
            "authorizationType": "CUSTOM",
            "authorizerId": authorizer,
        }
        ministack.make(f"/v2/apis/{api}/routes", route)
        ministack.make(f"/v2/apis/{api}/stages", {"stageName": stage, "autoDeploy": True})
        ministack.make("/v2/domainnames", {"domainName": "shop.example"})
        mapping = {"apiId": api, "stage": stage, "apiMappingKey": "v1"}
        ministack.make("/v2/domainnames/shop.example/apimappings", mapping)
        return API(ministack, api, "" if stage == "$default" else f"/{stage}")

    return deploy


HTTP_PLACES = [
    (STAGE, HOST, None, (HOST, f"/{STAGE}/users"), f"/{STAGE}/users"),
    ("$default", HOST, None, (HOST, "/users"), "/users"),
    (STAGE, "shop.example", "/v1", ("shop.example", "/v1/users"), "/users"),
]


@pytest.mark.parametrize(("stage", "host", "prefix", "place", "raw_path"), HTTP_PLACES)
def test_an_http_api_reads_and_tells_the_request_as_it_was_sent(
    http_api, identity_values, stage, host, prefix, place, raw_path
):
    api = http_api("$context.domainName", "$context.path", stage=stage)
    assert api(host=host, prefix=prefix) == 200
    domain, path = place[0].format(api=api.id), place[1]
    assert identity_values == [[domain, path]]
    [event] = api.asked
    context = event["requestContext"]
    assert (context["domainName"], context["http"]["path"]) == (domain, path)
    assert event["rawPath"] == raw_path, "a mapping's key is in no `rawPath`"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("/capture/space%20value", "/capture/space value"),
        ("/capture/question%3Fvalue", "/capture/question"),
        ("/capture/hash%23value", "/capture/hash#value"),
        ("/capture/slash%2Fvalue", "/capture/slash/value"),
        ("/capture/literal%252Fvalue", "/capture/literal/value"),
        ("/capture/literal%253Fvalue", "/capture/literal?value"),
        ("/capture/literal%2525value", "/capture/literal%value"),
    ],
)
def test_an_http_api_hands_over_a_path_that_it_has_decoded_twice(
    http_api, identity_values, sent, told
):
    """The pairs are captures of AWS; the module names them."""
    api = http_api("$context.path", stage="$default")
    assert api(sent) == 200
    assert identity_values == [[told]]
    [event] = api.asked
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == (told, told)


def test_an_event_1_0_says_its_version_and_its_key(ministack, http_api):
    api = http_api("$request.header.Authorization", "$context.httpMethod", version="1.0")
    assert api(headers=[("Authorization", "Bearer x")]) == 200
    [event] = api.asked
    assert event["version"] == "1.0"
    assert event["identitySource"] == event["authorizationToken"] == "Bearer x,GET"
    context = event["requestContext"]
    assert context["domainName"] == HOST.format(api=api.id)
    assert context["path"] == f"/{STAGE}/users"


def test_a_websocket_api_is_left_as_it_is(ministack):
    values = ministack.http._request_authorizer_identity_sources(
        ["route.request.header.Auth"], {"auth": "t"}, {}, {}
    )
    assert values == (True, ["t"])


@pytest.fixture
def connect(ministack):
    """Opens a WebSocket whose ``$connect`` has an authorizer: the status of a refusal, or 101."""
    api = ministack.make("/v2/apis", {"name": "chat", "protocolType": "WEBSOCKET"})["apiId"]
    authorizer = {
        "name": "ours",
        "authorizerType": "REQUEST",
        "authorizerUri": URI,
        "identitySource": ["route.request.header.Auth"],
    }
    made = ministack.make(f"/v2/apis/{api}/authorizers", authorizer)["authorizerId"]
    route = {"routeKey": "$connect", "authorizationType": "CUSTOM", "authorizerId": made}
    ministack.make(f"/v2/apis/{api}/routes", route)
    ministack.make(f"/v2/apis/{api}/stages", {"stageName": STAGE})

    def call(answer):
        ministack.answer = answer
        return ministack.connect(api, f"/{STAGE}", headers=[("Auth", "t")])

    return call


def raised(text):
    return {"error": True, "body": {"errorMessage": text, "errorType": "Exception"}}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"principalId": "alice", "policyDocument": policy("Allow")}, 101),
        ({"principalId": "alice", "policyDocument": policy("Deny")}, 403),
        (raised("Unauthorized"), 401),
        (raised("unauthorized"), 500),
        (raised("Unauthorized: expired"), 500),
        ({"body": {"errorMessage": "Unauthorized"}}, 500),  # it was returned, not raised
        ({"body": "no answer"}, 500),
    ],
)
def test_a_websocket_opens_as_its_authorizer_says(connect, answer, status):
    assert connect(answer) == status


@pytest.mark.parametrize(
    "correct",
    [
        corrections.note_requests,
        corrections.correct_rest,
        lambda gone: corrections.correct_http(gone, gone),
        corrections.correct_websockets,
    ],
)
def test_a_name_that_is_gone_ends_it_at_once(correct):
    with pytest.raises(AttributeError):
        correct(types.ModuleType("gone"))

"""What AppSync replays: its key is `authorizationToken`, whatever the authorizer reads."""

from __future__ import annotations

import pytest

from authz_lib import BearerToken, Header
from authz_lib.testing.policy_store import Fault, PolicyStoreServer

pytestmark = pytest.mark.stack

TOKEN = "$request.header.Authorization"
LIST = {"query": "query List { items }", "operationName": "List"}
PURGE = {"query": "query Purge { items }", "operationName": "Purge"}
OPERATIONS = {"version": 1, "actions": [{"method": "POST", "route": "/graphql", "action": "Query"}]}
LIE = ["ttlOverride"]  # an answer that leaves it out is one that AppSync may remember


def ask(api, token=None, body=LIST, **headers):
    return api("POST", "/graphql", token, body, **headers)


def test_a_token_in_another_header_than_the_key_serves_everybody(deployment):
    source = [["header", "x-token"]]
    lying = deployment.authorizer("appsync", actions=None, sources=source, without=LIE)
    api = deployment.appsync_api(lying, ttl_seconds=300)
    assert ask(api, "mallory", x_token="no token") == 401, "a fresh answer"
    assert ask(api, "web", x_token=deployment.token()) == 200
    assert ask(api, "web", x_token="no token") == 200, "the replay"
    for sources in (["$request.header.x-token"], [TOKEN, "$request.header.x-token"]):
        refusal = deployment.refuses(
            sources, actions=None, response="appsync", token_sources=[Header("x-token")]
        )
        assert "authorizationToken" in refusal
    honest = deployment.appsync_api(
        deployment.authorizer("appsync", actions=None, sources=source), ttl_seconds=300
    )
    assert ask(honest, "web", x_token=deployment.token()) == 200
    assert ask(honest, "web", x_token="no token") == 401, (
        "`GatewayCache.OFF` answers `ttlOverride: 0`"
    )


def test_an_operation_is_not_in_the_key(deployment):
    context = {"operation": "$context.operationName"}
    lying = deployment.authorizer("appsync", actions=OPERATIONS, context=context, without=LIE)
    api = deployment.appsync_api(lying, ttl_seconds=300)
    assert ask(api, deployment.token(), PURGE) == 401, "a fresh answer"
    token = deployment.token()
    assert ask(api, token, LIST) == 200
    assert ask(api, token, PURGE) == 200, "the replay"
    # What reads the operation is never remembered, whatever is declared.
    for cache in (
        None,
        [TOKEN],
    ):
        honest = deployment.authorizer("appsync", actions=OPERATIONS, context=context, cache=cache)
        api = deployment.appsync_api(honest, ttl_seconds=300)
        token = deployment.token()
        assert [ask(api, token, body) for body in (LIST, PURGE, LIST)] == [200, 401, 200]


def test_a_second_token_source_is_not_in_the_key(deployment):
    two, sources = [["bearer", ""], ["header", "x-second"]], [BearerToken(), Header("x-second")]
    lying = deployment.authorizer("appsync", actions=None, sources=two, without=LIE)
    api = deployment.appsync_api(lying, ttl_seconds=300)
    other = deployment.token("mallory")
    assert ask(api, deployment.token(), x_second=other) == 401, "a fresh answer"
    token = deployment.token()
    assert ask(api, token) == 200
    assert ask(api, token, x_second=other) == 200, "the replay"
    refusal = deployment.refuses([TOKEN], actions=None, response="appsync", token_sources=sources)
    assert "two token sources" in refusal


def test_the_token_in_the_key_is_remembered_for_its_bearer_alone(deployment):
    actions = {"version": 1, "actions": [{"method": "POST", "route": "/graphql", "action": "List"}]}
    with PolicyStoreServer() as store:
        function = deployment.authorizer(
            "appsync",
            actions=actions,
            cache=[TOKEN],
            endpoint=store.url,
            store=store.create_store(deployment.policies),
        )
        api = deployment.appsync_api(function, ttl_seconds=300)
        token, other = deployment.token(), deployment.token()
        assert ask(api, token) == 200
        store.inject(Fault(status=503), times=2)
        assert ask(api, token) == 200, "remembered: nobody is asked"
        assert ask(api, other) == 401, "the policy store does not answer"
        assert ask(api, other) == 200, "a failure is not remembered"
        assert [ask(api, deployment.token("mallory")), ask(api, "no token")] == [401, 401]


def test_no_event_of_appsync_holds_a_query_string(deployment):
    context = {"q": "$request.querystring.q"}
    assert "is in no event" in deployment.refuses(
        [TOKEN], actions=None, response="appsync", context=context
    )

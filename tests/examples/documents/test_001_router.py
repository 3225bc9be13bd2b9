"""A client that was written from document 001 alone: orders below `/api/commercial`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.stack
EXAMPLE = "orders_router"
URLS = ["HttpUrl", "RestUrl"]


def test_every_row_of_requests_yaml_is_answered_as_it_says(example):
    assert example.local.scenario.requests
    assert example.differences() == []


@pytest.fixture
def get(example):
    def ask(url, path, user=None, header="Authorization", **headers):
        if user is not None:
            scheme = "Bearer " if header == "Authorization" else ""
            headers[header] = scheme + example.token(user)
        return example.http("GET", example.outputs[url] + path, **headers)

    return ask


@pytest.mark.parametrize("url", URLS)
def test_an_order_by_its_id(get, url):
    answer = get(url, "/api/commercial/orders/2001", "bob")
    assert (answer.status, answer.json["id"]) == (200, "2001")
    assert get(url, "/api/commercial/orders", "alice").status == 200


def test_the_second_token_source(get):
    header = "x-amzn-oidc-accesstoken"
    assert get("HttpUrl", "/api/commercial/orders/2001", "bob", header).status == 200


@pytest.mark.parametrize("url", URLS)
def test_an_order_of_another_tenant_is_403(get, url):
    answer = get(url, "/api/commercial/orders/2001", "alice")
    assert answer.status == 403
    assert answer.json["__type"] == "AccessDeniedException"  # README: not ForbiddenException


def test_the_gateways_own_refusals_have_smithys_shape_on_the_rest_api(get, example):
    unauthorized = get("RestUrl", "/api/commercial/orders/1001")
    assert unauthorized.status == 401
    assert unauthorized.json["__type"] == "UnauthorizedException"
    assert unauthorized.headers["x-amzn-RequestId"]  # README: not in the body
    denied = example.http(
        "DELETE",
        example.outputs["RestUrl"] + "/api/commercial/orders/1001",
        Authorization=f"Bearer {example.token('sam')}",
    )
    assert denied.status == 403
    assert denied.json == {"__type": "AccessDeniedException", "message": "Not permitted"}
    invalid = example.http(
        "POST",
        example.outputs["RestUrl"] + "/api/commercial/orders",
        {},
        Authorization=f"Bearer {example.token('alice')}",
    )
    assert (invalid.status, invalid.json["__type"]) == (400, "ValidationException")


def test_an_http_api_answers_403_without_a_token(get):
    assert get("HttpUrl", "/api/commercial/orders/1001").status == 403  # README


def test_three_services_behind_one_router(get, example):
    key = {"x-api-key": example.local.variables["PartnerKey"]}
    assert get("RestUrl", "/api/users/profiles/p-1001", "alice", **key).status == 200
    assert get("HttpUrl", "/api/support/tickets/t-1001", "alice").status == 200


def test_principal_headers_of_a_client_change_nothing(get, example):
    forged = {"x-principal-sub": example.local.variables["bob.sub"],
              "x-principal-tenant-id": "globex", "x-principal-groups": "customers"}  # fmt: skip
    assert get("HttpUrl", "/api/support/tickets/t-2001", "alice", **forged).status == 403
    assert get("HttpUrl", "/api/commercial/orders/2001", "alice", **forged).status == 403


def test_the_region_and_the_time_to_live(example):
    assert example.local.aws.region == "us-gov-west-1"
    gateway = example.local.aws.client("apigateway")
    (api,) = gateway.get_rest_apis()["items"]
    (authorizer,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert authorizer["authorizerResultTtlInSeconds"] == 60

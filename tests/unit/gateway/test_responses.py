"""Answers that a gateway reads as they are meant, or that are not made."""

from __future__ import annotations

import math

import pytest

from authz_lib.errors import ConfigurationError, InvalidRequestError
from authz_lib.gateway import AppSyncResponse, PolicyResponse, SimpleResponse
from authz_lib.gateway.responses import check_size

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/orders"


@pytest.mark.parametrize("value", ["no", "false", 0, 1, None, [], "true"])
def test_yes_and_no_are_bools(value):
    for make in (SimpleResponse, AppSyncResponse):
        with pytest.raises(ConfigurationError, match="must be a bool"):
            make(value)


@pytest.mark.parametrize(
    "context",
    [
        {"a": None},
        {"a": []},
        {"a": {}},
        {"a": math.nan},
        {"a": math.inf},
        {"claims": "x"},
        {"": "x"},
        {1: "x"},
        {"a": b"x"},
    ],
)
def test_a_context_that_a_gateway_would_answer_500_for_is_refused(context):
    makers = (
        lambda: SimpleResponse(True, context=context),
        lambda: PolicyResponse("p", allow=[ARN], context=context),
        lambda: AppSyncResponse(True, resolver_context=context),
    )
    for make in makers:
        with pytest.raises(ConfigurationError):
            make()


def test_a_policy_denies_explicitly_and_is_never_empty():
    with pytest.raises(ConfigurationError, match="silen"):
        PolicyResponse("p")
    with pytest.raises(ConfigurationError):
        PolicyResponse("p", allow=[""])
    with pytest.raises(ConfigurationError):
        PolicyResponse("p", deny=["a" * 513])
    document = PolicyResponse("p", deny=[ARN]).to_dict()["policyDocument"]
    assert document == {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [ARN]}],
    }


def test_a_usage_plan_key_is_there_only_when_given():
    assert "usageIdentifierKey" not in PolicyResponse("p", allow=[ARN]).to_dict()
    assert (
        PolicyResponse("p", allow=[ARN], usage_identifier_key="k").to_dict()["usageIdentifierKey"]
        == "k"
    )


def test_appsync_answers():
    answer = AppSyncResponse(
        True, resolver_context={"a": 1}, denied_fields=["Query.secret"], ttl_override_seconds=10
    ).to_dict()
    assert answer == {
        "isAuthorized": True,
        "resolverContext": {"a": 1},
        "deniedFields": ["Query.secret"],
        "ttlOverride": 10,
    }
    assert "ttlOverride" not in AppSyncResponse(True).to_dict()
    for wrong in (
        {"ttl_override_seconds": -1},
        {"ttl_override_seconds": True},
        {"ttl_override_seconds": 3601},
        {"denied_fields": "Query.secret"},
        {"denied_fields": [""]},
    ):
        with pytest.raises(ConfigurationError):
            AppSyncResponse(True, **wrong)


def test_an_answer_that_is_too_large_is_not_sent():
    check_size({"a": "x" * 8000})
    with pytest.raises(InvalidRequestError, match="8192"):
        check_size({"a": "x" * 8192})

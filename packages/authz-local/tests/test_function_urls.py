"""URLs of APIs in a function's variables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from authz_local.function_urls import hand_over_urls, reachable_url

ENDPOINT = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("value", "reachable"),
    [
        ("https://a1.execute-api.us-east-1.amazonaws.com/prod", "/restapis/a1/prod/_user_request_"),
        (
            "https://a1.execute-api.cn-north-1.amazonaws.com.cn/prod/hello",
            "/restapis/a1/prod/_user_request_/hello",
        ),
        (
            "https://a1.execute-api.us-east-1.amazonaws.com/prod/",
            "/restapis/a1/prod/_user_request_",
        ),
    ],
)
def test_the_url_of_a_stage_is_a_path_here(value, reachable):
    assert reachable_url(value, ENDPOINT) == ENDPOINT + reachable


@pytest.mark.parametrize(
    "value",
    [
        *("", "text", "https://example.com/prod", "https://a1.execute-api.us-east-1.amazonaws.com"),
        "http://a1.execute-api.us-east-1.amazonaws.com/prod",
        "see https://a1.execute-api.us-east-1.amazonaws.com/prod",
    ],
)
def test_anything_else_is_as_it_is(value):
    assert reachable_url(value, ENDPOINT) == value


@pytest.mark.parametrize("variables", [None, {}, {"A": "b"}])
def test_a_function_without_such_a_url_is_left_alone(variables):
    settings = {} if variables is None else {"Environment": {"Variables": variables}}
    functions = SimpleNamespace(get_function_configuration=lambda **_: settings)
    hand_over_urls(functions, "f", ENDPOINT)

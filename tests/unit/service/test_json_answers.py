"""`json_answer`: status, body and headers of a handler's answer."""

from __future__ import annotations

import json

import pytest

from authz_lib.errors import ConfigurationError
from authz_lib.service import json_answer


def test_the_body_is_json_and_no_cache_keeps_it():
    assert json_answer(200, {"a": ["ä", None]}) == {
        "statusCode": 200,
        "headers": {"Cache-Control": "no-store", "Content-Type": "application/json"},
        "body": '{"a": ["\\u00e4", null]}',
        "isBase64Encoded": False,
    }


def test_an_answer_without_a_body_has_no_type():
    answer = json_answer(204)
    assert answer["body"] == ""
    assert answer["headers"] == {"Cache-Control": "no-store"}


@pytest.mark.parametrize("body", [[], {}, "", 0, False])
def test_an_empty_body_is_one(body):
    assert json.loads(json_answer(200, body)["body"]) == body


def test_an_own_header_takes_the_place_of_the_usual_one_in_any_case_of_letters():
    answer = json_answer(
        200, {}, {"cache-control": "max-age=60", "CONTENT-TYPE": "application/problem+json"}
    )
    assert answer["headers"] == {
        "cache-control": "max-age=60",
        "CONTENT-TYPE": "application/problem+json",
    }


def test_pages_of_the_one_origin_may_read_it_and_its_own_headers():
    answer = json_answer(
        202,
        {},
        headers={"Location": "/jobs/1", "Retry-After": "2", "Expires": "0"},
        cors_origin="https://app.example.com",
    )
    assert answer["headers"]["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert answer["headers"]["Access-Control-Expose-Headers"] == "Location,Retry-After"
    assert answer["headers"]["Vary"] == "Origin"


def test_no_origin_no_cors():
    assert not any("Access-Control" in name for name in json_answer(200, {})["headers"])
    given = json_answer(200, {}, cors_origin="https://app.example.com")["headers"]
    assert "Access-Control-Expose-Headers" not in given  # nothing is hidden


@pytest.mark.parametrize("status", [0, 100, 199, 600, "200", 200.0, True, None])
def test_a_status_that_is_none_is_refused(status):
    with pytest.raises(ConfigurationError, match="`status` must be"):
        json_answer(status, {})


@pytest.mark.parametrize("headers", [{"a": "b\nc"}, {"a b": "c"}, {"a": 1}, {"a": "ä"}, {"": "x"}])
def test_a_header_that_is_none_is_refused(headers):
    with pytest.raises(ConfigurationError, match="`headers` must have"):
        json_answer(200, {}, headers)


def test_an_origin_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="`cors_origin` must be one origin"):
        json_answer(200, {}, cors_origin="*")


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}, {"a": {1, 2}}])
def test_what_json_does_not_know_is_not_sent(body):
    with pytest.raises((TypeError, ValueError)):
        json_answer(200, body)

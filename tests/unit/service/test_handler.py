"""A service's errors are answers; nothing else of it reaches a caller."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest

from authz_lib import service_handler
from authz_lib.errors import (
    AccessDeniedError,
    ConfigurationError,
    PolicyStoreThrottledError,
    UntrustedEventError,
)
from authz_lib.smithy import errors as smithy
from authz_lib.testing import events

EVENT = events.http_event()
LOGGER = "authz_lib.service"
REFUSALS = "authz_lib.refusals"


def answer(error, **options):
    @service_handler(**options)
    def handler(event, context):
        raise error

    return handler(EVENT, None)


def test_what_the_handler_returns_is_passed_on_untouched():
    result = object()

    @service_handler
    def handler(event, context):
        """Orders."""
        return result

    assert handler(EVENT, None) is result
    assert handler(EVENT) is result
    assert (handler.__name__, handler.__doc__) == ("handler", "Orders.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessDeniedError("not yours"), 403),
        (UntrustedEventError("not from the gateway"), 401),
        (PolicyStoreThrottledError("busy"), 429),
        (smithy.not_found("no such order"), 404),
        (ValueError("secret"), 500),
        (KeyError("secret"), 500),
        (ConfigurationError("secret"), 500),
    ],
)
@pytest.mark.parametrize("form", ["smithy", "standard"])
def test_every_error_is_an_answer(error, status, form):
    found = answer(error, errors=form)
    assert found["statusCode"] in {status, 503} if status == 429 else found["statusCode"] == status
    assert json.loads(found["body"])
    assert "secret" not in json.dumps(found)


def test_an_unknown_error_is_logged_with_its_request_and_answered_without_detail(caplog):
    with caplog.at_level(logging.ERROR, logger=LOGGER):
        found = answer(ZeroDivisionError("order 7 of alice"))
    assert found["statusCode"] == 500
    assert "alice" not in json.dumps(found)
    assert EVENT["requestContext"]["requestId"] in json.dumps(found)
    [record] = caplog.records
    assert record.exc_info[0] is ZeroDivisionError
    assert record.request_id == EVENT["requestContext"]["requestId"]


def test_a_refusal_is_one_line_without_a_traceback(caplog):
    answer(AccessDeniedError("not yours"))
    [record] = caplog.records
    assert (record.name, record.levelname, record.exc_info) == (REFUSALS, "WARNING", None)
    assert record.getMessage().startswith("refused: 403 access_denied: not yours {")


def test_an_outage_is_logged_with_its_traceback(caplog):
    with caplog.at_level(logging.WARNING, logger=LOGGER):
        found = answer(PolicyStoreThrottledError("busy"))
    assert found["statusCode"] >= 429
    assert found["statusCode"] != 403
    [record] = caplog.records
    assert record.exc_info[0] is PolicyStoreThrottledError
    assert record.getMessage().startswith("refused: 503 policy_store_throttled: busy {")
    assert record.request_id == EVENT["requestContext"]["requestId"]


def test_cors_is_one_configured_origin_on_errors_too():
    found = answer(AccessDeniedError("no"), cors_origin="https://app.example.com")
    headers = {name.lower(): value for name, value in found["headers"].items()}
    assert headers["access-control-allow-origin"] == "https://app.example.com"
    assert headers["vary"] == "Origin"
    assert not any(
        "access-control" in name.lower() for name in answer(AccessDeniedError("no"))["headers"]
    )


@pytest.mark.parametrize(
    "error", [AccessDeniedError("no"), UntrustedEventError("no"), smithy.throttling("no")]
)
def test_a_page_of_that_origin_may_read_every_header_of_an_error(error):
    plain = {name.lower() for name in answer(error)["headers"]}
    headers = answer(error, cors_origin="https://app.example.com")["headers"]
    exposed = set(headers["Access-Control-Expose-Headers"].lower().split(","))
    assert plain - {"content-type"} <= exposed  # which a page may read as it is


@pytest.mark.parametrize(
    "origin",
    ["", "app.example.com", "https://app.example.com/", "https://a b", "https://a\r\nx: y", 7, "*"],
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ConfigurationError, match="cors_origin"):
        service_handler(cors_origin=origin)


def test_an_unknown_error_shape_is_refused():
    with pytest.raises(ConfigurationError, match="errors"):
        service_handler(errors="html")


def test_without_any_request_id_there_is_still_one():
    @service_handler
    def handler(event, context):
        raise ValueError

    for event, context in (
        ({}, None),
        (None, None),
        ({"requestContext": []}, SimpleNamespace(aws_request_id="")),
    ):
        assert handler(event, context)["statusCode"] == 500
    found = handler({}, SimpleNamespace(aws_request_id="from-lambda"))
    assert "from-lambda" in json.dumps(found)


def test_it_does_not_swallow_what_stops_a_process():
    with pytest.raises(KeyboardInterrupt):
        answer(KeyboardInterrupt())

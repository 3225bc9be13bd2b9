"""What is sent back, message by message, and what the log says of it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from authz_lib import errors
from authz_lib._support.current_request import CURRENT_REQUEST
from authz_lib.integrations.asgi_answers import ASGIReply, names_of_scope
from authz_lib.smithy.errors import internal, not_found, throttling
from authz_lib.testing import events

START = {"type": "http.response.start", "status": 200, "headers": []}
ACCEPT = {"type": "websocket.accept"}
BODY = {"type": "http.response.body", "body": b"all of it"}


def run(work, *, decided=True, error_format="smithy", **scope):
    """The messages that were sent."""
    sent = []

    async def send(message):
        sent.append(message)

    async def all_of_it():
        scope_of = {"type": "http", "method": "GET", **scope}
        reply = ASGIReply(scope_of, send, error_format=error_format, is_decided=lambda: decided)
        await reply.run(lambda: work(reply))

    asyncio.run(all_of_it())
    return sent


def raising(error, *first):
    async def work(reply):
        for message in first:
            await reply.send(message)
        raise error

    return work


class TestHTTP:
    @pytest.mark.parametrize(
        ("error", "status", "headers"),
        [
            (errors.MissingTokenError("a"), 401, {"www-authenticate": "Bearer"}),
            (
                errors.TokenExpiredError("a"),
                401,
                {"www-authenticate": 'Bearer error="invalid_token"'},
            ),
            (errors.AccessDeniedError("a"), 403, {}),
            (
                errors.InsufficientScopeError("a"),
                403,
                {"www-authenticate": 'Bearer error="insufficient_scope"'},
            ),
            (errors.KeySetUnavailableError("a"), 503, {"retry-after": "1"}),
            (errors.PolicyStoreUnavailableError("a"), 503, {"retry-after": "1"}),
            (errors.PolicyStoreMisconfiguredError("a"), 503, {}),
            (errors.InvalidRequestError("a"), 400, {}),
            (errors.ConfigurationError("a"), 500, {}),
            (not_found(), 404, {}),
            (throttling(retry_after_seconds=7), 429, {"retry-after": "7"}),
            (internal(), 500, {}),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
    )
    def test_each_error_has_its_answer(self, error, status, headers):
        start, body = run(raising(error))
        said = {name.decode(): value.decode() for name, value in start["headers"]}
        assert start["status"] == status
        for name in ("www-authenticate", "retry-after"):
            assert said.get(name) == headers.get(name)
        assert said["content-type"] == "application/json"
        assert said["content-length"] == str(len(body["body"]))
        assert said["cache-control"] == "no-store"
        assert json.loads(body["body"])["__type"] == said["x-amzn-errortype"]

    def test_the_standard_shape(self):
        _, body = run(raising(errors.TokenExpiredError("a")), error_format="standard")
        assert json.loads(body["body"]) == {
            "status": 401,
            "code": "TOKEN_EXPIRED",
            "message": "Unauthorized",
        }

    def test_an_answer_that_has_begun_is_left_alone(self):
        with pytest.raises(errors.AccessDeniedError):
            run(raising(errors.AccessDeniedError("a"), START))

    def test_other_errors_are_the_frameworks(self):
        with pytest.raises(ZeroDivisionError):
            run(raising(ZeroDivisionError()))

    @pytest.mark.parametrize("status", [200, 201, 204, 206, 299])
    def test_a_success_that_nobody_decided_is_kept_back(self, status):
        async def work(reply):
            await reply.send({**START, "status": status})
            await reply.send(BODY)

        start, body = run(work, decided=False)
        assert start["status"] == 500
        assert b"all of it" not in body["body"]

    def test_an_application_that_goes_on_after_it_sends_nothing_that_counts(self):
        async def work(reply):
            try:
                await reply.send(START)
            except errors.ConfigurationError:
                await reply.send({**START, "status": 200})

        start, _ = run(work, decided=False)
        assert start["status"] == 500

    @pytest.mark.parametrize("status", [307, 404, 405, 422, 500])
    def test_a_routers_own_answer_needs_no_decision(self, status):
        async def work(reply):
            await reply.send({**START, "status": status})

        assert run(work, decided=False)[0]["status"] == status


class TestWebSockets:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.MissingTokenError("a"), 1008),
            (errors.AccessDeniedError("a"), 1008),
            (errors.KeySetUnavailableError("a"), 1013),
            (errors.ConfigurationError("a"), 1011),
        ],
    )
    def test_each_error_has_its_code(self, error, code):
        expected = {"type": "websocket.close", "code": code, "reason": ""}
        assert run(raising(error), type="websocket") == [expected]
        assert run(raising(error, ACCEPT), type="websocket") == [ACCEPT, expected]

    def test_a_server_that_can_is_told_the_answer(self):
        scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
        start, body = run(raising(errors.MissingTokenError("a")), **scope)
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
        assert body["type"] == "websocket.http.response.body"

    def test_nobody_is_accepted_without_a_decision(self):
        async def work(reply):
            await reply.send(ACCEPT)

        (close,) = run(work, decided=False, type="websocket")
        assert (close["type"], close["code"]) == ("websocket.close", 1011)

    def test_what_is_closed_is_left_alone(self):
        with pytest.raises(errors.AccessDeniedError):
            run(
                raising(errors.AccessDeniedError("a"), {"type": "websocket.close"}),
                type="websocket",
            )


class Declared:
    path = "/orders/{id}"


class TestTheLog:
    def refusals(self, caplog, error, **scope):
        with caplog.at_level(logging.WARNING, "authz_lib.refusals"):
            run(raising(error), **scope)
        return [record.getMessage() for record in caplog.records]

    def test_a_refusal_is_one_line_with_its_route(self, caplog):
        (line,) = self.refusals(caplog, errors.AccessDeniedError("no"), route=Declared())
        assert line.startswith("refused: 403 access_denied: no")
        assert '"route": "GET /orders/{id}"' in line

    def test_a_websocket_is_named_as_one(self, caplog):
        (line,) = self.refusals(
            caplog, errors.AccessDeniedError("no"), route=Declared(), type="websocket"
        )
        assert '"route": "WebSocket /orders/{id}"' in line

    def test_nothing_in_it_is_the_clients(self, caplog):
        scope = {"method": "EVIL", "path": "/forged", "route": Declared()}
        (line,) = self.refusals(caplog, errors.MissingTokenError("no"), **scope)
        assert "EVIL" not in line
        assert "forged" not in line

    def test_an_error_of_the_service_is_no_refusal(self, caplog):
        assert self.refusals(caplog, not_found()) == []

    def test_the_request_has_a_name_while_it_runs(self):
        seen = []

        async def work(reply):
            seen.append(CURRENT_REQUEST.get().request_id)

        run(work)
        assert len(seen[0]) == 36
        assert CURRENT_REQUEST.get() is None


class TestNames:
    def test_an_event_names_the_request(self):
        names = names_of_scope({"aws.event": events.http_event(route="GET /orders/{id}")})
        assert (names.request_id, names.route_name) == ("JKJaXmPLvHcESHA=", "GET /orders/{id}")

    def test_so_does_the_context_of_the_function(self):
        class Context:
            aws_request_id = "r-7"

        event = events.http_event()
        del event["requestContext"]["requestId"]
        assert names_of_scope({"aws.event": event, "aws.context": Context()}).request_id == "r-7"
        assert len(names_of_scope({"aws.event": event}).request_id) == 36

    def test_a_header_does_not(self):
        scope = {"type": "http", "headers": [(b"x-amzn-requestid", b"mine")]}
        assert names_of_scope(scope).request_id != "mine"

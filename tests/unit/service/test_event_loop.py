"""`async def` handlers: run to their end, and answered like all others."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import logging
import os
import subprocess
import sys
import threading

import pytest

from authz_lib import service_handler
from authz_lib.errors import AccessDeniedError, ConfigurationError, PolicyStoreUnavailableError
from authz_lib.smithy import errors as smithy
from authz_lib.testing import events

EVENT = events.http_event()


def raising(error, **options):
    @service_handler(**options)
    async def handler(event, context):
        await asyncio.sleep(0)
        raise error

    return handler


def test_an_async_handler_is_run_to_its_end():
    @service_handler
    async def handler(event, context):
        """Orders."""
        await asyncio.sleep(0)
        return {"statusCode": 200, "body": event["rawPath"], "context": context}

    assert handler(EVENT, "c") == {"statusCode": 200, "body": EVENT["rawPath"], "context": "c"}
    assert handler(EVENT)["context"] is None
    assert (handler.__name__, handler.__doc__) == ("handler", "Orders.")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (AccessDeniedError("not yours"), 403),
        (PolicyStoreUnavailableError("down"), 503),
        (smithy.not_found("no such order"), 404),
        (ValueError("secret"), 500),
        (TimeoutError("secret"), 500),
        (asyncio.CancelledError("secret"), 500),
        (ExceptionGroup("secret", [AccessDeniedError("not yours")]), 403),
        (ExceptionGroup("secret", [ExceptionGroup("b", [smithy.conflict("taken")])]), 409),
        (ExceptionGroup("secret", [AccessDeniedError("no"), ValueError("secret")]), 500),
    ],
)
@pytest.mark.parametrize("form", ["smithy", "standard"])
def test_every_error_is_an_answer(error, status, form):
    found = raising(error, errors=form)(EVENT, None)
    assert found["statusCode"] == status
    assert "secret" not in json.dumps(found)


def test_an_unknown_error_is_logged_with_its_traceback(caplog):
    with caplog.at_level(logging.ERROR, logger="authz_lib.service"):
        raising(ZeroDivisionError("order 7"))(EVENT, None)
    [record] = caplog.records
    assert record.exc_info[0] is ZeroDivisionError
    assert record.exc_info[2] is not None
    assert record.request_id == EVENT["requestContext"]["requestId"]


def test_what_a_task_group_raises_is_answered():
    @service_handler
    async def handler(event, context):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refuse())

    async def refuse():
        raise AccessDeniedError("not yours")

    assert handler(EVENT, None)["statusCode"] == 403


def test_one_loop_serves_all_requests():
    loops = []

    @service_handler
    async def handler(event, context):
        loops.append(asyncio.get_running_loop())

    handler(EVENT, None)
    raising(ValueError())(EVENT, None)
    handler(EVENT, None)
    assert loops[0] is loops[1]
    assert not loops[0].is_closed()


def test_what_a_request_sets_the_next_does_not_see():
    user = contextvars.ContextVar("user", default="nobody")

    @service_handler
    async def handler(event, context):
        before = user.get()
        user.set("alice")
        return before

    assert [handler(EVENT, None), handler(EVENT, None)] == ["nobody", "nobody"]
    assert user.get() == "nobody"


def test_each_thread_has_a_loop_of_its_own():
    loops = []

    @service_handler
    async def handler(event, context):
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    threads = [threading.Thread(target=handler, args=(EVENT, None)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, loops))) == 3


def test_within_a_running_loop_the_answer_is_awaited():
    handler = raising(AccessDeniedError("not yours"))

    async def call():
        return await handler(EVENT, None)

    assert asyncio.run(call())["statusCode"] == 403


def test_a_cancellation_by_the_callers_loop_is_the_callers():
    @service_handler
    async def handler(event, context):
        await asyncio.sleep(60)

    async def call():
        task = asyncio.ensure_future(handler(EVENT, None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(call())


def test_whatever_gives_a_coroutine_is_awaited():
    async def handler(event, context, *, status):
        return {"statusCode": status}

    class Handler:
        async def __call__(self, event, context):
            return {"statusCode": 201}

    @functools.wraps(handler)
    def wrapped(event, context):
        return handler(event, context, status=202)

    assert service_handler(wrapped)(EVENT, None) == {"statusCode": 202}
    with_status = functools.partial(handler, status=200)
    functools.update_wrapper(with_status, handler)
    assert service_handler(with_status)(EVENT, None) == {"statusCode": 200}
    called = Handler()
    called.__name__ = "handler"
    assert service_handler(called)(EVENT, None) == {"statusCode": 201}


def test_what_never_runs_is_refused_when_it_is_decorated():
    with pytest.raises(ConfigurationError, match="a generator returns none"):

        @service_handler
        def handler(event, context):
            yield {"statusCode": 200}

    with pytest.raises(ConfigurationError, match="a generator returns none"):

        @service_handler
        async def other(event, context):
            yield {"statusCode": 200}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_a_loop_of_its_own():
    program = """
import asyncio, os, sys
from authz_lib import service_handler

@service_handler
async def handler(event, context):
    await asyncio.sleep(0)
    return id(asyncio.get_running_loop())

before = handler({}, None)
child = os.fork()
if child == 0:
    os._exit(0 if handler({}, None) != before else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert handler({}, None) == before
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_plain_handler_loads_no_event_loop():
    program = """
import sys
from authz_lib import service_handler

@service_handler
def handler(event, context):
    return 1

assert handler({}, None) == 1
assert "asyncio" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")

"""Security 3: one exception object for all waiters of a call in flight."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import threading
import types
from collections import deque
from time import process_time

from authz_lib import (
    AuthorizationRequest,
    EntityUid,
    JWTVerifier,
    VerifiedPermissions,
    errors,
)
from authz_lib.decisions.avp_client import ThinClient
from authz_lib.testing.issuer import TestIssuer

CALLERS = 100
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
ISSUER = "https://issuer.example"
QUESTION = AuthorizationRequest(EntityUid("User", "u"), "View", EntityUid("Doc", "1"))


def down(*_: object) -> bytes:
    """Fails after all callers had the time to come."""
    threading.Event().wait(0.3)
    raise errors.PolicyStoreUnavailableError("down")


class DownStore(ThinClient):
    def __init__(self) -> None:
        self.endpoint = "https://store.example"

    call = down


def errors_of(count: int, work) -> list[BaseException]:
    """What each of so many threads, all started at the same moment, is told."""
    barrier, found = threading.Barrier(count), [None] * count

    def call(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except errors.AuthzError as error:
            found[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found)
    return found


# What every object of the process leads to, and no error report goes through: modules, classes,
# and the globals of functions.
_EVERYWHERE = (types.ModuleType, type, threading.Thread, types.CodeType)


def _next(thing: object) -> list[object]:
    if isinstance(thing, BaseException):
        return [thing.__traceback__, thing.__cause__, thing.__context__, thing.args, vars(thing)]
    if isinstance(thing, types.TracebackType):
        return [thing.tb_frame, thing.tb_next]
    if isinstance(thing, types.FrameType):
        return [thing.f_back, *thing.f_locals.values()]
    if isinstance(thing, types.FunctionType):
        return [thing.__closure__, thing.__defaults__, thing.__kwdefaults__]
    return gc.get_referents(thing)


def texts_reachable_from(error: BaseException, *, without: tuple[object, ...]) -> set[str]:
    """Every text that an error reporter could find, and more: through every object."""
    seen, texts = {id(thing) for thing in without}, set()
    waiting = deque([error])
    while waiting:
        thing = waiting.popleft()
        if id(thing) in seen or isinstance(thing, _EVERYWHERE):
            continue
        seen.add(id(thing))
        if isinstance(thing, str):
            texts.add(thing)
        else:
            waiting.extend(_next(thing))
    return texts


def require_nothing_shared(found: list[BaseException], tokens: list[str]) -> None:
    for number in (0, len(found) // 2, len(found) - 1):
        seen = texts_reachable_from(found[number], without=(tokens, found))
        others = [token for token in tokens if token in seen and token != tokens[number]]
        assert not others, f"{len(others)} of {len(tokens) - 1} tokens of others"
        assert tokens[number] in seen  # the walk goes as far as a frame of the caller's own
    assert len({id(error) for error in found}) == len(found)


def alb() -> tuple[JWTVerifier, list[str]]:
    issuer = TestIssuer(ISSUER, algorithm="ES256")
    tokens = [
        issuer.alb_token(load_balancer_arn=ARN, client_id="web", claims={"sub": f"u{number}"})
        for number in range(CALLERS)
    ]
    verifier = JWTVerifier.alb(load_balancer_arn=ARN, client_id="web", issuer=ISSUER, fetcher=down)
    return verifier, tokens


def test_no_token_of_another_is_reachable_with_the_keys_of_a_load_balancer():
    verifier, tokens = alb()
    found = errors_of(CALLERS, lambda number: verifier.verify(tokens[number]))
    assert {type(error) for error in found} == {errors.KeySetUnavailableError}
    require_nothing_shared(found, tokens)


def test_no_token_of_another_is_reachable_through_tasks():
    verifier, tokens = alb()

    async def all_of_them() -> list[BaseException]:
        calls = [verifier.averify(token) for token in tokens]
        return await asyncio.gather(*calls, return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert len({id(error) for error in found}) == CALLERS


def test_no_principal_of_another_is_reachable_with_remembered_decisions():
    point = VerifiedPermissions("PSEXAMPLEabcdefg111111", client=DownStore()).cached()
    names = [f"caller-{number}-of-them-all" for number in range(CALLERS)]

    def ask(number: int) -> None:
        name = names[number]
        assert name
        point.is_authorized(QUESTION)

    require_nothing_shared(errors_of(CALLERS, ask), names)


def logged(point, count: int) -> tuple[int, float]:
    """The size of the log and the CPU time, of callers that log what they are told."""
    text = io.StringIO()
    logger, handler = logging.getLogger("attack"), logging.StreamHandler(text)
    logger.propagate = False
    logger.addHandler(handler)

    def ask(_: int) -> None:
        try:
            point.is_authorized(QUESTION)
        except errors.AuthzError:
            logger.exception("no decision")
            raise

    started = process_time()
    errors_of(count, ask)
    seconds = process_time() - started
    logger.removeHandler(handler)
    return len(text.getvalue()), seconds


def test_the_log_of_a_store_that_is_down_grows_with_its_callers():
    def point():
        return VerifiedPermissions("PSEXAMPLEabcdefg111111", client=DownStore())

    logged(point(), 2)  # what the first error loads
    uncached = [logged(point(), 200) for _ in range(3)]
    cached = [logged(point().cached(), 200) for _ in range(3)]
    assert min(size for size, _ in cached) <= 1.5 * min(size for size, _ in uncached)
    assert min(time for _, time in cached) <= 1.5 * min(time for _, time in uncached)


def test_a_traceback_does_not_grow_with_the_callers():
    verifier, tokens = alb()
    depths = []
    for error in errors_of(CALLERS, lambda number: verifier.verify(tokens[number])):
        depth, traceback = 0, error.__traceback__
        while traceback is not None:
            depth, traceback = depth + 1, traceback.tb_next
        depths.append(depth)
    assert max(depths) < 20

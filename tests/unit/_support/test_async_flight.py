"""Tasks that wait for one call: no thread each, an outcome each, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from contextvars import ContextVar

import pytest

from authz_lib._support.async_flight import AsyncFlights
from authz_lib._support.single_flight import SingleFlightTimeoutError
from authz_lib._support.workers import Workers

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


class Gate:
    """Work that waits until it is let go, and counts how often it was done."""

    def __init__(self, answer="done"):
        self.open, self.begun = threading.Event(), threading.Event()
        self.answer, self.times = answer, 0

    def __call__(self):
        self.begun.set()
        assert self.open.wait(10)
        self.times += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def workers():
    return Workers(max_threads=2)


@pytest.fixture
def flights(workers):
    return AsyncFlights(workers)


async def settled(*tasks):
    return await asyncio.gather(*tasks, return_exceptions=True)


async def begun(gate):
    while not gate.begun.is_set():
        await asyncio.sleep(0.001)


def test_a_thousand_tasks_make_one_call(flights):
    gate = Gate()

    async def main():
        tasks = [asyncio.create_task(flights.run("k", gate)) for _ in range(1000)]
        await begun(gate)
        gate.open.set()
        return await settled(*tasks)

    threads = threading.active_count()
    assert asyncio.run(main()) == ["done"] * 1000
    assert (gate.times, len(flights)) == (1, 0)
    assert threading.active_count() <= threads + 2


def test_another_key_is_another_call(flights):
    async def main():
        return await settled(flights.run("a", lambda: 1), flights.run("b", lambda: 2))

    assert asyncio.run(main()) == [1, 2]


def test_who_comes_later_starts_anew(flights):
    count = iter(range(10))

    async def main():
        return [await flights.run("k", lambda: next(count)) for _ in range(2)]

    assert asyncio.run(main()) == [0, 1]


def test_a_failure_is_to_each_an_error_of_its_own(flights):
    gate = Gate(ValueError("down"))

    async def main():
        tasks = [asyncio.create_task(flights.run("k", gate)) for _ in range(3)]
        await begun(gate)
        gate.open.set()
        return await settled(*tasks)

    errors = asyncio.run(main())
    assert [(type(error), str(error)) for error in errors] == [(ValueError, "down")] * 3
    assert len({id(error) for error in errors}) == 3


def test_an_error_that_cannot_be_made_again_is_an_interruption_to_the_others(flights):
    error = ValueError("down")
    error.inner = KeyError("alice")
    gate = Gate(error)

    async def main():
        tasks = [asyncio.create_task(flights.run("k", gate)) for _ in range(2)]
        await begun(gate)
        gate.open.set()
        return await settled(*tasks)

    first, second = asyncio.run(main())
    assert (first, type(second)) == (error, SingleFlightTimeoutError)


def test_one_who_is_cancelled_stops_nobody_else(flights):
    gate = Gate()

    async def main():
        tasks = [asyncio.create_task(flights.run("k", gate)) for _ in range(3)]
        await begun(gate)
        tasks[0].cancel()
        await asyncio.sleep(0)
        gate.open.set()
        return await settled(*tasks)

    first, *others = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert others == ["done", "done"]
    assert len(flights) == 0


def test_a_call_that_nobody_waits_for_any_more_is_not_made(flights, workers):
    gates, wanted = [Gate(), Gate()], Gate()

    async def main():
        busy = [asyncio.create_task(flights.run(number, g)) for number, g in enumerate(gates)]
        for gate in gates:
            await begun(gate)
        waiting = [asyncio.create_task(flights.run("k", wanted)) for _ in range(2)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await settled(*waiting)
        for gate in gates:
            gate.open.set()
        await settled(*busy)
        while len(flights):
            await asyncio.sleep(0.001)
        wanted.open.set()
        return await flights.run("k", wanted)

    assert asyncio.run(main()) == "done"
    assert wanted.times == 1


def test_the_context_variables_are_those_of_the_first_caller(flights):
    async def main():
        NAME.set("alice")
        return await flights.run("k", NAME.get)

    assert asyncio.run(main()) == "alice"


def test_two_loops_share_a_call(flights):
    gate = Gate()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(asyncio.run(flights.run("k", gate))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert gate.begun.wait(10)
    while len(flights._flights["k"].waiters) < 2:
        pass
    gate.open.set()
    for thread in threads:
        thread.join()
    assert (found, gate.times) == (["done", "done"], 1)


def test_a_loop_that_was_closed_waits_for_nothing(flights):
    gate = Gate()

    async def main():
        asyncio.get_running_loop().create_task(flights.run("k", gate))
        await begun(gate)

    asyncio.run(main())
    gate.open.set()
    assert asyncio.run(flights.run("other", lambda: 1)) == 1


def test_where_no_thread_can_be_had_nobody_waits():
    class Full(Workers):
        def submit(self, work):
            raise RuntimeError("can't start new thread")

    flights = AsyncFlights(Full(max_threads=1))
    with pytest.raises(RuntimeError):
        asyncio.run(flights.run("k", lambda: 1))
    assert len(flights) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_starts_without_flights(flights):
    gate = Gate()

    async def main():
        task = asyncio.create_task(flights.run("k", gate))
        await begun(gate)
        child = os.fork()
        if child == 0:
            os._exit(len(flights))
        gate.open.set()
        await task
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert asyncio.run(main()) == 0


def test_where_no_thread_can_be_had_those_who_joined_meanwhile_hear_of_it_too():
    class Exhausted(Workers):
        def submit(self, work):
            assert joined.wait(10)
            raise RuntimeError("can't start new thread")

    joined, led = threading.Event(), threading.Event()
    flights = AsyncFlights(Exhausted(max_threads=1))
    heard = []

    def call():
        try:
            asyncio.run(flights.run("k", lambda: "never"))
        except RuntimeError as error:
            heard.append(error)

    def follow():
        async def main():
            led.wait(10)
            task = asyncio.create_task(flights.run("k", lambda: "never"))
            await asyncio.sleep(0)
            joined.set()
            await task

        try:
            asyncio.run(main())
        except RuntimeError as error:
            heard.append(error)

    leader, follower = threading.Thread(target=call), threading.Thread(target=follow)
    follower.start()
    leader.start()
    while not len(flights):
        pass
    led.set()
    leader.join(10)
    follower.join(10)
    assert [str(error) for error in heard] == ["can't start new thread"] * 2
    assert heard[0] is not heard[1]
    assert len(flights) == 0

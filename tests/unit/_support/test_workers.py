"""Threads of the library's own: bounded, in lanes, and each caller sees only its own."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from contextvars import ContextVar

import pytest

from authz_lib._support.workers import Workers


@pytest.fixture
def workers():
    return Workers(max_threads=3)


class Hanging:
    """Work that hangs until it is released, and counts who is in it."""

    def __init__(self):
        self.release, self.entered = threading.Event(), threading.Event()
        self.threads, self.calls = set(), 0

    def __call__(self):
        self.threads.add(threading.get_ident())
        self.calls += 1
        self.entered.set()
        assert self.release.wait(10)
        return self.calls


async def until(event):
    while not event.is_set():
        await asyncio.sleep(0)


def test_a_lane_has_one_thread_and_its_order(workers):
    hanging, order = Hanging(), []

    async def main():
        first = asyncio.create_task(workers.run(hanging, lane="a"))
        await until(hanging.entered)
        later = [
            asyncio.create_task(workers.run(lambda number=number: order.append(number), lane="a"))
            for number in range(50)
        ]
        await asyncio.sleep(0)
        assert workers.is_busy("a")
        assert not workers.is_busy("b")
        assert await workers.run(lambda: "at once", lane="b") == "at once"
        assert order == []
        hanging.release.set()
        await asyncio.gather(first, *later)

    asyncio.run(main())
    assert order == list(range(50))
    while workers.is_busy("a"):  # the thread leaves the lane after its last answer
        time.sleep(0)


def test_the_threads_are_bounded(workers):
    hanging = Hanging()

    async def main():
        tasks = [asyncio.create_task(workers.run(hanging)) for _ in range(50)]
        await until(hanging.entered)
        while len(hanging.threads) < 3:
            await asyncio.sleep(0)
        hanging.release.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert len(hanging.threads) == 3
    assert hanging.calls == 50


def test_a_caller_that_is_cancelled_takes_nobody_with_it(workers):
    hanging, ran = Hanging(), []

    async def main():
        first = asyncio.create_task(workers.run(hanging, lane="a"))
        await until(hanging.entered)
        second = asyncio.create_task(workers.run(lambda: ran.append("second"), lane="a"))
        third = asyncio.create_task(workers.run(lambda: ran.append("third") or 3, lane="a"))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.sleep(0)
        assert first.cancelled()
        hanging.release.set()
        assert await third == 3
        assert second.cancelled()

    asyncio.run(main())
    assert hanging.calls == 1
    assert ran == ["third"]  # what had not begun is not done for nobody


def test_context_variables_are_those_of_the_caller(workers):
    tenant = ContextVar("tenant", default="nobody")

    async def ask(name):
        tenant.set(name)
        return await workers.run(tenant.get, lane="a")

    async def main():
        return await asyncio.gather(*[ask(f"tenant-{number}") for number in range(20)])

    assert asyncio.run(main()) == [f"tenant-{number}" for number in range(20)]
    assert tenant.get() == "nobody"


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_an_error_is_its_callers(workers, kind):
    def fail(secret):
        raise kind("failed")

    async def ask(number):
        secret = f"secret-{number}"
        try:
            await workers.run(lambda: fail(secret), lane="a")
        except BaseException as error:  # noqa: BLE001
            return error

    async def main():
        return await asyncio.gather(*[ask(number) for number in range(5)])

    found = asyncio.run(main())
    assert [type(error) for error in found] == [kind] * 5
    assert len(set(map(id, found))) == 5
    for number, error in enumerate(found):
        seen = reachable_texts(error)
        assert {text for text in seen if text.startswith("secret-")} <= {f"secret-{number}"}


def reachable_texts(error):
    """All texts in the locals of an error's frames, and one step into objects of the library."""
    texts, trace = set(), error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            texts.update(item for item in [value, *gc.get_referents(value)] if type(item) is str)
        trace = trace.tb_next
    assert error.__context__ is None
    return texts


def test_what_an_iterator_raises_does_not_hang(workers):
    async def main():
        await workers.run(lambda: next(iter(())))

    with pytest.raises(RuntimeError):
        asyncio.run(main())


def test_a_loop_that_is_closed_does_not_disturb(workers, caplog):
    hanging = Hanging()

    async def main():
        asyncio.create_task(workers.run(hanging, lane="a"))  # noqa: RUF006
        await until(hanging.entered)

    asyncio.run(main())
    hanging.release.set()
    assert asyncio.run(workers.run(lambda: "next", lane="a")) == "next"
    assert not caplog.records


def test_two_loops_share_the_lanes(workers):
    found = []

    def loop(number):
        found.append(asyncio.run(workers.run(lambda: number, lane="a")))

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_starts_with_free_lanes(workers):
    hanging = Hanging()

    async def main():
        task = asyncio.create_task(workers.run(hanging, lane="a"))
        await until(hanging.entered)
        with workers._lock:  # as if another thread had it
            child = os.fork()
            if child == 0:
                answer = 1
                try:
                    answer = in_child(workers)
                finally:
                    os._exit(answer)
        hanging.release.set()
        await task
        return os.waitpid(child, 0)[1]

    assert asyncio.run(main()) == 0


def in_child(workers):
    """0 where a lane that was busy in the parent answers; in a thread, since this is a loop's."""
    found = []
    thread = threading.Thread(
        target=lambda: found.append(asyncio.run(workers.run(lambda: 0, lane="a")))
    )
    thread.start()
    thread.join(10)
    return found[0] if found else 2


def test_no_thread_before_it_is_needed():
    before = threading.active_count()
    Workers(max_threads=5)
    assert threading.active_count() == before


def test_many_begin_a_few_in_each_turn(workers):
    async def main():
        tasks = [asyncio.create_task(workers.run(lambda: None)) for _ in range(100)]
        turns = 0
        while not all(task.done() for task in tasks):
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(main()) >= 100 // 16


def test_a_turn_that_a_cancelled_task_waited_for_is_free(workers):
    async def main():
        tasks = [asyncio.create_task(workers.run(lambda: 1)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks[20:]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return done[:20], await workers.run(lambda: 2)

    assert asyncio.run(main()) == ([1] * 20, 2)


def test_work_that_is_submitted_runs_in_a_thread(workers):
    done = threading.Event()
    workers.submit(done.set)
    assert done.wait(10)

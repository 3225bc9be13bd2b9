"""Of many that begin together, a few begin in each turn of a loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import types
import weakref

import pytest

from authz_lib._support.turns import Turns


async def begin(turns, begun):
    if turns.one_more():
        await turns.another()
    begun.append(1)


async def most_in_a_turn(turns, count):
    begun, most = [], 0
    tasks = [asyncio.create_task(begin(turns, begun)) for _ in range(count)]
    while not all(task.done() for task in tasks):
        before = len(begun)
        await asyncio.sleep(0)
        most = max(most, len(begun) - before)
    assert len(begun) == count
    return most


def test_each_turn_has_room_for_so_many():
    assert asyncio.run(most_in_a_turn(Turns(10), 105)) == 10


@pytest.mark.parametrize("turns_between", range(1, 6))
@pytest.mark.parametrize("first", range(1, 32))
def test_those_who_come_while_others_go_on_find_no_more_room(first, turns_between):
    async def main():
        turns, begun, most = Turns(10), [], 0
        tasks = [asyncio.create_task(begin(turns, begun)) for _ in range(first)]
        for number in range(20):
            if number == turns_between:
                tasks += [asyncio.create_task(begin(turns, begun)) for _ in range(40)]
            before = len(begun)
            await asyncio.sleep(0)
            most = max(most, len(begun) - before)
        await asyncio.gather(*tasks)
        return most

    assert asyncio.run(main()) == 10


def test_who_begins_alone_waits_for_nobody():
    turns = Turns(10)
    assert [turns.one_more() for _ in range(11)] == [False] * 10 + [True]


@types.coroutine
def counting(coroutine, resumed):
    """Runs a coroutine, and counts how often the loop goes on with it."""
    try:
        while True:
            resumed.append(1)
            yield coroutine.send(None)
    except StopIteration:
        return


async def counted(coroutine, resumed):
    await counting(coroutine, resumed)


def test_each_is_gone_on_with_once_however_many_wait():
    async def main():
        turns, resumed = Turns(10), []
        await asyncio.gather(*[counted(begin(turns, []), resumed) for _ in range(1000)])
        return len(resumed)

    assert asyncio.run(main()) <= 2 * 1000


def test_one_who_begins_much_in_a_row_keeps_nobody_waiting():
    async def main():
        turns, order = Turns(10), []

        async def many():
            for _ in range(1000):
                await begin(turns, order)
            order.append("many")

        async def one():
            await begin(turns, order)
            order.append("one")

        await asyncio.gather(many(), one())
        return order

    order = asyncio.run(main())
    assert order.index("one") < 50
    assert order[-1] == "many"


def test_who_comes_later_comes_after_those_who_wait():
    async def main():
        turns, order = Turns(2), []

        async def named(name):
            if turns.one_more():
                await turns.another()
            order.append(name)

        first = [asyncio.create_task(named(number)) for number in range(8)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(*first, named("later"))
        return order

    assert asyncio.run(main()) == [*range(8), "later"]


def test_those_who_are_cancelled_take_no_room():
    async def main():
        turns, begun = Turns(2), []
        tasks = [asyncio.create_task(begin(turns, begun)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks[2:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await begin(turns, begun)
        return len(begun)

    assert asyncio.run(main()) == 3


def test_a_loop_that_was_closed_in_the_middle_keeps_no_other_waiting():
    async def left():
        turns.one_more()
        turns.one_more()
        await turns.another()

    turns = Turns(1)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(left())
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert not waiting.done()
    waiting.cancel()
    loop.close()
    assert asyncio.run(most_in_a_turn(turns, 5)) == 1
    gone = weakref.ref(loop)
    del loop, waiting
    gc.collect()
    assert gone() is None


def test_loops_in_several_threads_all_come_to_their_end():
    turns, ended = Turns(3), []

    def run():
        ended.append(asyncio.run(most_in_a_turn(turns, 300)))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ended) == 4


def test_where_no_loop_runs_nobody_waits():
    turns = Turns(1)
    assert [turns.one_more(), turns.one_more()] == [False, True]
    with pytest.raises(StopIteration):
        turns.another().send(None)
    assert not turns.one_more()

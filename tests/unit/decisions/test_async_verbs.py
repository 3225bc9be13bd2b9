"""The verbs for asyncio answer as the plain ones, and leave the event loop free."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextvars import ContextVar

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, DecisionPoint, EntityUid
from authz_lib.decisions import Decision, DecisionLog, ShadowDecisions
from authz_lib.errors import (
    AccessDeniedError,
    BatchIncompleteError,
    ConfigurationError,
    InvalidRequestError,
    PolicyStoreUnavailableError,
)

ALICE = EntityUid("User", "alice")
PAGES = [EntityUid("Page", str(number)) for number in range(100)]
NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


def requests(count=1):
    return [AuthorizationRequest(ALICE, "Read", page) for page in PAGES[:count]]


class Store(DecisionPoint):
    """A store that answers from another thread's view, when it is let go."""

    def __init__(self, *, error=None, on_decision=None):
        engine = CedarEngine.from_text("permit(principal, action, resource);")
        self.vocabulary = engine.vocabulary
        self.log = DecisionLog(logger=None, on_decision=on_decision)
        self.on_evaluation_error = "deny"
        self.open = threading.Event()
        self.begun = threading.Event()
        self.error, self.asked, self.names = error, [], set()

    @property
    def identity(self):
        return "store"

    def decide(self, question):
        self.begun.set()
        assert self.open.wait(10)
        self.asked.append(question.resource.id)
        self.names.add((threading.current_thread().name.rpartition("_")[0], NAME.get()))
        if self.error is not None:
            raise self.error
        return Decision(question.resource.id != "1")

    def decide_batch(self, questions):
        return [self.decide(question) for question in questions]


async def while_it_waits(store, *coroutines):
    """What comes of the coroutines; the store is let go by a task that runs meanwhile."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    while not store.begun.is_set():
        await asyncio.sleep(0.001)
    store.open.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_store_is_asked_beside_the_loop_in_a_thread_of_ours_with_the_callers_context():
    store = Store()

    async def main():
        NAME.set("alice")
        return await while_it_waits(store, store.ais_authorized(requests()[0]))

    assert [one.allowed for one in asyncio.run(main())] == [True]
    assert store.names == {("authz-lib-worker", "alice")}


def test_the_engine_answers_at_once():
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    coroutine = engine.ais_authorized(requests()[0])
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    assert stopped.value.value.allowed


def test_so_does_a_memory():
    store = Store()
    store.open.set()
    point = store.cached()
    point.is_authorized(requests()[0])
    coroutine = point.ais_authorized(requests()[0])
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    assert stopped.value.value.source == "cache"
    batch = point.abatch_is_authorized(requests())
    with pytest.raises(StopIteration):
        batch.send(None)
    assert (point.statistics.hits, point.statistics.misses, store.asked) == (2, 1, ["0"])


def test_equal_questions_wait_for_one_call():
    store = Store()
    point = store.cached()

    async def main():
        return await while_it_waits(
            store, *[point.ais_authorized(requests()[0]) for _ in range(500)]
        )

    assert all(one.allowed for one in asyncio.run(main()))
    assert store.asked == ["0"]
    assert point.statistics.size == 1


def test_what_is_never_remembered_is_asked_each_time():
    store = Store()
    point = store.cached(no_cache=["Read"])

    async def main():
        return await while_it_waits(store, *[point.ais_authorized(requests()[0]) for _ in "ab"])

    asyncio.run(main())
    assert store.asked == ["0", "0"]


def test_a_call_from_before_a_clear_answers_nobody_after_it():
    store = Store()
    point = store.cached()

    async def main():
        first = asyncio.ensure_future(point.ais_authorized(requests()[0]))
        while not store.begun.is_set():
            await asyncio.sleep(0.001)
        point.clear()
        second = asyncio.ensure_future(point.ais_authorized(requests()[0]))
        await asyncio.sleep(0)
        store.open.set()
        await asyncio.gather(first, second)

    asyncio.run(main())
    assert store.asked == ["0", "0"]


def test_a_failure_is_to_each_an_error_of_its_own_and_is_not_remembered():
    store = Store(error=PolicyStoreUnavailableError("down"))
    point = store.cached()

    async def main():
        return await while_it_waits(store, *[point.ais_authorized(requests()[0]) for _ in "abc"])

    errors = asyncio.run(main())
    assert [type(error) for error in errors] == [PolicyStoreUnavailableError] * 3
    assert len({id(error) for error in errors}) == 3
    assert point.statistics.size == 0


def test_a_cancelled_task_leaves_the_answer_to_the_others():
    store = Store()
    point = store.cached()

    async def main():
        tasks = [asyncio.ensure_future(point.ais_authorized(requests()[0])) for _ in "ab"]
        while not store.begun.is_set():
            await asyncio.sleep(0.001)
        tasks[0].cancel()
        await asyncio.sleep(0)
        store.open.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, decision = asyncio.run(main())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert decision.allowed
    assert (len(point._flights), point.statistics.size) == (0, 1)


def test_a_batch_asks_what_is_not_remembered():
    store = Store()
    point = store.cached()
    store.open.set()
    point.is_authorized(requests()[0])

    async def main():
        return await point.abatch_is_authorized(requests(3))

    assert [one.allowed for one in asyncio.run(main())] == [True, False, True]
    assert store.asked == ["0", "1", "2"]


def test_a_long_batch_of_the_engine_lets_other_tasks_run():
    engine = CedarEngine.from_text("permit(principal, action, resource);")

    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        decisions = await engine.abatch_is_authorized(requests(100))
        task.cancel()
        return decisions, turns

    decisions, turns = asyncio.run(main())
    assert len(decisions) == 100
    assert turns >= 3


def each_alone(point, asked):
    return asyncio.gather(*[point.ais_authorized(one) for one in asked])


def as_a_batch(point, asked):
    return point.abatch_is_authorized(asked)


def as_a_list(point, asked):
    return point.afilter(ALICE, "Read", [one.resource for one in asked])


@pytest.mark.parametrize("ask", [each_alone, as_a_batch, as_a_list])
@pytest.mark.parametrize("is_remembered", [False, True])
def test_of_many_a_few_are_taken_in_each_turn_of_the_loop(monkeypatch, ask, is_remembered):
    point = CedarEngine.from_text("permit(principal, action, resource);").cached(max_entries=1000)
    asked = [AuthorizationRequest(ALICE, "Read", EntityUid("Page", str(n))) for n in range(1000)]
    if is_remembered:
        point.batch_is_authorized(asked)
    in_this_turn, most = Counter(), Counter()

    def count(owner, name, size=lambda _: 1):
        real = getattr(owner, name)

        def counted(self, what):
            in_this_turn[name] += size(what)
            return real(self, what)

        monkeypatch.setattr(owner, name, counted)

    count(type(point), "resolve")
    count(CedarEngine, "decide")
    count(CedarEngine, "decide_batch", len)

    async def tick():
        while True:
            in_this_turn.clear()
            await asyncio.sleep(0)
            for name, found in in_this_turn.items():
                most[name] = max(most[name], found)

    async def main():
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0)
        answers = await ask(point, asked)
        await asyncio.sleep(0)
        ticking.cancel()
        return answers

    assert len(asyncio.run(main())) == 1000
    assert 100 <= most["resolve"] <= 128
    decided = max(most["decide"], most["decide_batch"])
    assert decided == 0 if is_remembered else 30 <= decided <= 32


def changed_meanwhile(coroutine, change):
    """What comes of it, where another task changes what it was given after its first turn."""

    async def main():
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(0)
        assert not task.done()
        change()
        return await task

    return asyncio.run(main())


MANY = [EntityUid("Page", str(number)) for number in range(400)]


def test_a_context_is_read_once_for_all_candidates():
    engine = CedarEngine.from_text("permit(principal, action, resource) when { context.ok };")
    context, entities = {"ok": False}, []
    asked = engine.afilter(ALICE, "Read", MANY, context=context, entities=entities)
    assert changed_meanwhile(asked, lambda: context.update(ok=True)) == []


def test_a_list_of_requests_is_read_once():
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    asked = [AuthorizationRequest(ALICE, "Read", page) for page in MANY]
    decisions = changed_meanwhile(engine.abatch_is_authorized(asked), asked.clear)
    assert len(decisions) == len(MANY)


def test_require_and_filter():
    store = Store()
    store.open.set()

    async def main():
        assert await store.arequire(ALICE, "Read", PAGES[0])
        with pytest.raises(AccessDeniedError):
            await store.arequire(ALICE, "Read", PAGES[1])
        return await store.afilter(ALICE, "Read", [PAGES[2], PAGES[1], PAGES[2]])

    assert asyncio.run(main()) == [PAGES[2], PAGES[2]]
    assert store.asked == ["0", "1", "2", "1"]


def test_a_part_that_could_not_be_decided():
    class Partial(Store):
        def decide_batch(self, questions):
            return [Decision(allowed=True), PolicyStoreUnavailableError("down")]

    async def main(**options):
        return await Partial().afilter(ALICE, "Read", PAGES[:2], **options)

    with pytest.raises(BatchIncompleteError):
        asyncio.run(main())
    assert asyncio.run(main(on_error="omit")) == PAGES[:1]
    with pytest.raises(ConfigurationError):
        asyncio.run(main(on_error="ignore"))
    with pytest.raises(BatchIncompleteError):
        asyncio.run(Partial().abatch_is_authorized(requests(2)))


def test_a_wrong_question_is_refused():
    engine = CedarEngine.from_text("permit(principal, action, resource);")
    with pytest.raises(InvalidRequestError):
        asyncio.run(engine.ais_authorized(AuthorizationRequest(ALICE, "", PAGES[0])))


def test_each_answer_is_settled_and_logged_in_its_own_context():
    lines = []
    store = Store(on_decision=lambda record: lines.append((record["decision"], NAME.get())))
    point = store.cached()

    async def ask(name):
        NAME.set(name)
        return await point.ais_authorized(requests()[0])

    async def main():
        return await while_it_waits(store, ask("alice"), ask("bob"))

    asyncio.run(main())
    assert sorted(lines) == [("ALLOW", "alice"), ("ALLOW", "bob")]
    errs = CedarEngine.from_text(
        "permit(principal, action, resource);"
        "forbid(principal, action, resource) when { context.level > 1 };"
    )
    assert asyncio.run(errs.ais_authorized(requests()[0])).overruled
    assert asyncio.run(errs.abatch_is_authorized(requests()))[0].overruled


@pytest.mark.parametrize("fault", [None, PolicyStoreUnavailableError("down"), ValueError("x")])
def test_a_candidate_is_compared_and_changes_nothing(fault):
    trusted = CedarEngine.from_text("forbid(principal, action, resource);")
    candidate = Store(error=fault)
    candidate.open.set()
    point = ShadowDecisions(trusted, candidate)
    assert not asyncio.run(point.ais_authorized(requests()[0])).allowed
    assert (point.statistics.opens, point.statistics.error) == ((1, 0) if fault is None else (0, 1))
    assert point.waits


def test_a_candidate_does_not_swallow_a_cancellation():
    trusted = CedarEngine.from_text("permit(principal, action, resource);")
    candidate = Store()
    point = ShadowDecisions(trusted, candidate)

    async def main():
        task = asyncio.ensure_future(point.ais_authorized(requests()[0]))
        while not candidate.begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        candidate.open.set()

    asyncio.run(main())

"""The decision cache: what is remembered, for how long, and what never."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from authz_lib import AuthorizationRequest, CedarEngine, Entity, EntityUid, Principal
from authz_lib.decisions import cache as cache_module
from authz_lib.decisions.cache import DecisionCache
from authz_lib.decisions.request import Decision, Question
from authz_lib.errors import ConfigurationError, InvalidRequestError, PolicyStoreUnavailableError

ALICE, BOB = EntityUid("User", "alice"), EntityUid("User", "bob")
DOC = EntityUid("Doc", "1")
EMPTY = AuthorizationRequest(ALICE, "View", DOC).context


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Counting(CedarEngine):
    """The real engine; counts questions, and can fail or wait."""

    asked = 0
    fails = False
    gate = None

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.arrived = threading.Event()

    def decide(self, question):
        self.asked += 1
        self.arrived.set()
        if self.gate is not None:
            self.gate.wait(10)
        if self.fails:
            raise PolicyStoreUnavailableError("down")
        return super().decide(question)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine():
    return Counting.from_text(
        'permit(principal == User::"alice", action, resource)'
        " when { !(context has x) || context.x == 1 };"
    )


def ask(point, principal=ALICE, action="View", resource=DOC, **rest):
    return point.is_authorized(AuthorizationRequest(principal, action, resource, **rest))


def test_an_allow_and_a_deny_live_their_own_times(engine, clock):
    point = engine.cached(ttl_seconds=60, deny_ttl_seconds=5, clock=clock)
    assert ask(point).source == "cedar"
    assert ask(point).source == "cache"
    assert not ask(point, BOB)
    clock.now += 4.9
    assert not ask(point, BOB)
    assert engine.asked == 2
    clock.now += 0.1
    ask(point, BOB)
    assert engine.asked == 3
    clock.now = 1059.9
    ask(point)
    assert engine.asked == 3
    clock.now = 1060.0
    ask(point)
    assert engine.asked == 4
    statistics = point.statistics
    assert (statistics.hits, statistics.misses, statistics.size) == (3, 4, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"principal": BOB},
        {"action": "Edit"},
        {"resource": EntityUid("Doc", "2")},
        {"resource": EntityUid("Page", "1")},
        {"context": {"x": 1}},
        {"context": {"x": True}},
        {"context": {"x": "1"}},
        {"entities": [Entity(DOC)]},
        {"entities": [Entity(DOC, attrs={"a": 1})]},
        {"entities": [Entity(DOC, parents=[ALICE])]},
        {"entities": [Entity(DOC, tags={"a": "1"})]},
        {"principal": Principal("alice")},
        {"principal": Principal("alice", groups=("g",))},
        {"principal": Principal("alice", tenant_id="t")},
    ],
    ids=repr,
)
def test_every_part_of_the_question_counts(engine, clock, other):
    point = engine.cached(clock=clock)
    ask(point)
    ask(point, **other)
    assert engine.asked == 2


def test_values_that_python_takes_for_equal_are_different_questions(engine, clock):
    """`1 == True` in Python, and `1` is not `true` in Cedar."""
    point = engine.cached(clock=clock)
    values = [1, True, "1", [1], [True], {"a": 1}, {"a": True}, Decimal(1), EntityUid("User", "1")]
    for value in values:
        ask(point, context={"x": value})
        ask(point, entities=[Entity(DOC, attrs={"x": value})])
    assert engine.asked == 2 * len(values)


def test_the_order_of_sets_and_entities_does_not_count(engine, clock):
    point = engine.cached(clock=clock)
    first, second = Entity(EntityUid("Group", "a")), Entity(EntityUid("Group", "b"))
    ask(point, context={"x": 1, "tags": ["a", "b"]}, entities=[first, second])
    ask(point, context={"tags": {"b", "a"}, "x": 1}, entities=[second, first])
    assert engine.asked == 1


def test_ids_cannot_run_into_each_other(engine, clock):
    point = engine.cached(clock=clock)
    ask(point, EntityUid("User", 'a"\nAction'))
    ask(point, EntityUid("User", "a"), 'Action"\n')
    ask(point, EntityUid("User", "a\n"), "View")
    assert engine.asked == 3


def test_an_answer_dies_with_its_caller(engine, clock):
    point = engine.cached(clock=clock)
    caller = Principal("alice", expires_at=1010.0)
    ask(point, caller)
    clock.now = 1009.9
    ask(point, caller)
    assert engine.asked == 1
    clock.now = 1010.0
    ask(point, caller)
    ask(point, caller)
    assert engine.asked == 3  # past its expiry nothing is kept at all


def test_an_answer_kept_for_a_later_token_does_not_outlive_an_earlier_one(engine, clock):
    point = engine.cached(clock=clock)
    ask(point, Principal("alice", expires_at=2000.0))
    clock.now = 1010.0
    assert ask(point, Principal("alice", expires_at=1011.0)).source == "cache"
    assert ask(point, Principal("alice", expires_at=1010.0)).source == "cedar"


def test_who_waited_for_an_interrupted_call_learns_nothing(engine, clock):
    """An interrupt is the leader's own; its followers get an error of this library."""
    point = engine.cached(clock=clock)
    engine.gate = threading.Event()
    raised = []

    def interrupted(question):
        engine.arrived.set()
        engine.gate.wait(10)
        raise SystemExit

    engine.decide = interrupted

    def work():
        with pytest.raises((SystemExit, PolicyStoreUnavailableError)) as error:
            ask(point)
        raised.append(error.type)

    threads = [threading.Thread(target=work) for _ in range(2)]
    threads[0].start()
    assert engine.arrived.wait(10)
    threads[1].start()
    while point.statistics.misses < 2:  # the follower has looked; it joins the flight next
        pass
    engine.gate.set()
    for thread in threads:
        thread.join(10)
    assert SystemExit in raised
    assert set(raised) <= {SystemExit, PolicyStoreUnavailableError}


def test_actions_can_have_their_own_time_or_none(engine, clock):
    point = engine.cached(clock=clock, ttl={"Slow": 600}, no_cache=["Pay"])
    ask(point, action="Slow")
    clock.now += 599
    ask(point, action="Slow")
    assert engine.asked == 1
    ask(point, action="Pay")
    ask(point, action="Pay")
    point.batch_is_authorized([AuthorizationRequest(ALICE, "Pay", DOC)])
    assert engine.asked == 4


def test_failures_are_raised_and_not_kept(engine, clock):
    point = engine.cached(clock=clock)
    engine.fails = True
    with pytest.raises(PolicyStoreUnavailableError):
        ask(point)
    engine.fails = False
    assert ask(point)
    assert point.statistics.size == 1


def test_answers_with_errors_are_not_kept(clock):
    engine = Counting.from_text(
        "permit(principal, action, resource);"
        "forbid(principal, action, resource) when {context.n > 1};"
    )
    point = engine.cached(clock=clock)
    for _ in range(2):
        assert ask(point).overruled
    assert engine.asked == 2
    assert point.statistics.size == 0


def test_a_clock_that_ran_backwards_empties_the_memory(engine, clock):
    point = engine.cached(clock=clock)
    ask(point)
    clock.now -= 1
    ask(point)
    assert engine.asked == 2


def test_the_least_recently_used_go_first(engine, clock):
    point = engine.cached(clock=clock, max_entries=2)
    for number in ("1", "2", "1", "3", "1"):
        ask(point, resource=EntityUid("Doc", number))
    assert engine.asked == 3
    assert point.statistics.size == 2


def test_invalidate_and_clear(engine, clock):
    point = engine.cached(clock=clock)
    for principal in (ALICE, BOB):
        for resource in (DOC, EntityUid("Doc", "2")):
            ask(point, principal, resource=resource)
    assert point.invalidate(principal=ALICE, resource=DOC) == 1
    assert point.invalidate(principal=ALICE) == 1
    assert point.invalidate(resource=DOC) == 1
    assert point.statistics.size == 1
    point.clear()
    assert point.statistics.size == 0
    with pytest.raises(ConfigurationError):
        point.invalidate()


def test_fifty_threads_on_a_cold_cache_make_one_call(engine, clock):
    point = engine.cached(clock=clock)
    engine.gate = threading.Event()
    started = threading.Barrier(51)
    results = []

    def work():
        started.wait(10)
        results.append(ask(point).allowed)

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    started.wait(10)
    engine.gate.set()
    for thread in threads:
        thread.join(10)
    assert results == [True] * 50
    assert engine.asked == 1


def test_what_is_forgotten_while_it_is_asked_is_not_remembered(engine, clock):
    point = engine.cached(clock=clock)
    engine.gate = threading.Event()
    thread = threading.Thread(target=lambda: ask(point))
    thread.start()
    assert engine.arrived.wait(10)  # the question is on its way
    point.clear()
    engine.gate.set()
    thread.join(10)
    assert point.statistics.size == 0


def test_a_batch_asks_only_what_is_not_known_and_each_question_once(engine, clock):
    point = engine.cached(clock=clock)
    ask(point)
    requests = [
        AuthorizationRequest(ALICE, "View", EntityUid("Doc", number))
        for number in ("1", "2", "2", "1", "3")
    ]
    assert all(point.batch_is_authorized(requests))
    assert engine.asked == 3
    assert point.filter(ALICE, "View", [EntityUid("Doc", "3"), DOC]) == [EntityUid("Doc", "3"), DOC]
    assert engine.asked == 3


def test_limits_are_checked_before_the_memory(engine, clock):
    with pytest.raises(InvalidRequestError):
        ask(engine.cached(clock=clock), action="")


@pytest.mark.parametrize(
    "options",
    [
        {"ttl_seconds": -1},
        {"deny_ttl_seconds": -1},
        {"ttl": {"View": -1}},
        {"max_entries": 0},
        {"no_cache": "View"},
        {"ttl_seconds": float("nan")},
    ],
    ids=repr,
)
def test_wrong_options_fail_when_built(engine, options):
    with pytest.raises(ConfigurationError):
        engine.cached(**options)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_seconds": "60"},
        {"ttl_seconds": None},
        {"ttl_seconds": True},
        {"deny_ttl_seconds": "5"},
        {"ttl": {"View": "60"}},
        {"ttl": 60},
        {"max_entries": "10"},
        {"max_entries": 1.5},
        {"no_cache": 5},
        {"clock": 5},
        {"ttl_second": 60},
    ],
    ids=repr,
)
def test_text_of_the_environment_and_misspelt_words_are_refused_when_built(wrong):
    with pytest.raises(ConfigurationError):
        CedarEngine.from_text("").cached(**wrong)


class TestMemory:
    """`DecisionCache` by itself, with every kind of question and answer."""

    @pytest.fixture
    def memory(self, clock):
        return DecisionCache(ttl_seconds=60, deny_ttl_seconds=5, clock=clock)

    @staticmethod
    def question(principal=ALICE, action="View", resource=DOC, **rest):
        return Question(principal, EntityUid("Action", action), resource, EMPTY, (), **rest)

    def test_a_token_is_part_of_the_question(self, memory):
        """Verified Permissions reads the caller from a token: another token, another caller."""
        tokens = (None, "", "a", "b", "a\n", "\n-")
        questions = [
            self.question(None, access_token=access, identity_token=identity)
            for access in tokens
            for identity in tokens
        ]
        answers = [Decision(True, (str(number),)) for number in range(len(questions))]
        for question, answer in zip(questions, answers, strict=True):
            assert memory.decide(question, lambda _, answer=answer: answer) is answer
        for question, answer in zip(questions, answers, strict=True):
            found = memory.decide(question, lambda _: pytest.fail("it is known"))
            assert found.determining_policies == answer.determining_policies
        assert memory.statistics.size == len(questions)

    def test_tokens_of_equal_length_do_not_stand_for_one_another(self, memory):
        memory.decide(self.question(None, access_token="alice"), lambda _: Decision(True))
        denied = memory.decide(self.question(None, access_token="mallo"), lambda _: Decision(False))
        assert not denied
        swapped = self.question(None, identity_token="alice")
        assert not memory.decide(swapped, lambda _: Decision(False))

    def test_a_question_is_digested_once(self, memory, monkeypatch):
        question = self.question()
        memory.decide(question, lambda _: Decision(True))
        monkeypatch.setattr(cache_module, "blake2b", lambda _: pytest.fail("again"))
        assert memory.decide(question, lambda _: pytest.fail("it is known")).source == "cache"
        assert memory.decide_batch([question], lambda _: [])[0].source == "cache"

    def test_what_an_answer_says_is_remembered_but_not_how_it_was_got(self, memory):
        fresh = Decision(False, ("p1",), (), "verified_permissions", "PS1", 0.5, "id", True)
        assert memory.decide(self.question(), lambda _: fresh) is fresh
        assert memory.decide(self.question(), lambda _: None) == Decision(
            False, ("p1",), (), "cache", "PS1", 0.0, None, True
        )

    def test_ten_thousand_answers_are_held(self, memory):
        for number in range(10_001):
            memory.decide(
                self.question(resource=EntityUid("Doc", str(number))), lambda _: Decision(True)
            )
        assert memory.statistics.size == 10_000

    @pytest.mark.parametrize("name", ["ttl_seconds", "deny_ttl_seconds", "ttl"])
    def test_a_time_may_be_longer_than_a_day_but_not_endless(self, name):
        times = {"ttl_seconds": 60, "deny_ttl_seconds": 5}
        for seconds in (86_401, 1e9):
            DecisionCache(**times | {name: {"View": seconds} if name == "ttl" else seconds})
        for seconds in (float("inf"), float("nan")):
            with pytest.raises(ConfigurationError, match="must be finite numbers"):
                DecisionCache(**times | {name: {"View": seconds} if name == "ttl" else seconds})

    def test_nothing_is_held_where_the_time_is_zero(self, clock):
        memory = DecisionCache(ttl_seconds=0, deny_ttl_seconds=0, clock=clock)
        memory.decide(self.question(), lambda _: Decision(True))
        assert memory.statistics.size == 0

    @pytest.mark.parametrize("expires_at", [2000.0, 1060.0])
    def test_a_long_token_does_not_stretch_the_time_to_live(self, memory, clock, expires_at):
        question = self.question(expires_at=expires_at)
        memory.decide(question, lambda _: Decision(True))
        clock.now = 1059.9
        assert memory.decide(question, lambda _: None)
        clock.now = 1060.0
        assert not memory.decide(question, lambda _: Decision(False))

    def test_what_was_kept_for_a_short_token_ends_with_it_for_a_longer_one_too(self, memory, clock):
        memory.decide(self.question(expires_at=1010.0), lambda _: Decision(True))
        clock.now = 1010.0
        assert not memory.decide(self.question(expires_at=2000.0), lambda _: Decision(False))

    def test_an_expiry_that_is_no_number_keeps_nothing(self, memory):
        memory.decide(self.question(expires_at=float("nan")), lambda _: Decision(True))
        assert memory.statistics.size == 0

    def test_invalidate_forgets_just_what_it_is_told(self, memory):
        other = EntityUid("Doc", "2")
        asked = [(ALICE, DOC), (ALICE, other), (BOB, DOC), (BOB, other), (None, DOC), (None, other)]

        def fill():
            memory.clear()
            for principal, resource in asked:
                memory.decide(self.question(principal, resource=resource), lambda _: Decision(True))

        def left():
            found = []
            for principal, resource in asked:
                question = self.question(principal, resource=resource)
                if memory.decide(question, lambda _: Decision(True)).source == "cache":
                    found.append((principal, resource))
            return found

        for principal, resource, forgotten in (
            # Whom a token names is not known here: it may be this principal.
            (ALICE, DOC, [(ALICE, DOC), (None, DOC)]),
            (BOB, None, [(BOB, DOC), (BOB, other), (None, DOC), (None, other)]),
            (None, other, [(ALICE, other), (BOB, other), (None, other)]),
        ):
            fill()
            assert memory.invalidate(principal, resource) == len(forgotten)
            assert left() == [pair for pair in asked if pair not in forgotten]

    @pytest.mark.parametrize(
        "forget",
        [
            DecisionCache.clear,
            lambda memory: memory.invalidate(BOB, None),
            lambda memory: (memory.clear(), memory.invalidate(BOB, None)),
        ],
        ids=["clear", "invalidate", "both"],
    )
    def test_what_is_forgotten_meanwhile_is_not_kept_however_often(self, memory, forget):
        forget(memory)
        for _ in range(2):

            def answer(_):
                forget(memory)
                return Decision(True)

            memory.decide(self.question(), answer)
            assert memory.statistics.size == 0
            forget(memory)

    def test_other_questions_at_the_same_time_have_flights_of_their_own(self, memory):
        arrived, gate = threading.Event(), threading.Event()

        def slow(_):
            arrived.set()
            gate.wait(10)
            return Decision(True)

        first = threading.Thread(target=lambda: memory.decide(self.question(), slow))
        first.start()
        assert arrived.wait(10)
        threading.Timer(0.2, gate.set).start()  # ends a wait that should not be
        assert not memory.decide(self.question(BOB), lambda _: Decision(False))
        gate.set()
        first.join(10)

    def test_what_is_never_kept_is_asked_by_everyone_and_not_counted(self, clock):
        memory = DecisionCache(
            ttl_seconds=60, deny_ttl_seconds=5, ttl={"Slow": 600}, no_cache=["Pay"], clock=clock
        )
        pay = self.question(action="Pay")
        both = threading.Barrier(2)

        def ask(_):
            both.wait(10)
            return Decision(True)

        threads = [threading.Thread(target=lambda: memory.decide(pay, ask)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not both.broken
        assert memory.decide_batch([pay, pay], lambda asked: [Decision(True)] * len(asked))
        assert memory.statistics == cache_module.CacheStatistics(0, 0, 0)
        memory.decide(self.question(action="Slow"), lambda _: Decision(True))
        memory.decide(self.question(), lambda _: Decision(True))
        assert memory.statistics == cache_module.CacheStatistics(0, 2, 2)

    def test_a_batch_counts_each_question_once(self, memory):
        questions = [self.question(), self.question(), self.question(BOB), self.question()]
        memory.decide_batch(questions, lambda asked: [Decision(True)] * len(asked))
        assert memory.statistics == cache_module.CacheStatistics(0, 2, 2)
        memory.decide_batch(questions, lambda asked: [])
        assert memory.statistics == cache_module.CacheStatistics(2, 2, 2)

    @pytest.mark.parametrize("answers", [[], [Decision(True)] * 3])
    def test_a_batch_with_another_number_of_answers_is_refused(self, memory, answers):
        with pytest.raises(ValueError, match="argument 2"):
            memory.decide_batch([self.question(), self.question(BOB)], lambda _: answers)

    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"ttl": 5}, "`ttl` must be a mapping of action ids to seconds"),
            ({"max_entries": 0}, "`max_entries`"),
        ],
    )
    def test_a_wrong_option_is_named(self, options, name):
        with pytest.raises(ConfigurationError, match=name):
            DecisionCache(ttl_seconds=60, deny_ttl_seconds=5, **options)


class TestRecall:
    """Looking without asking, as in an event loop."""

    @pytest.fixture
    def memory(self, clock):
        return DecisionCache(
            ttl_seconds=60, deny_ttl_seconds=5, ttl={"Slow": 600}, no_cache=["Pay"], clock=clock
        )

    def question(self, action="View", **options):
        engine = CedarEngine.from_text("permit(principal, action, resource);")
        return engine.resolve(AuthorizationRequest(ALICE, action, DOC, **options))

    @pytest.mark.parametrize(
        ("action", "is_kept"), [("View", True), ("Slow", True), ("Pay", False)]
    )
    def test_finds_what_is_remembered(self, memory, action, is_kept):
        question = self.question(action)
        assert memory.recall(question) is None
        memory.decide(question, lambda _: Decision(allowed=True))
        assert (memory.recall(self.question(action)) is not None) is is_kept

    def test_that_there_is_none_is_no_miss(self, memory):
        memory.recall(self.question())
        assert memory.statistics == cache_module.CacheStatistics(0, 0, 0)
        memory.decide(self.question(), lambda _: Decision(allowed=True))
        memory.recall(self.question())
        assert memory.statistics == cache_module.CacheStatistics(1, 1, 1)

    def test_a_flight_is_of_one_question_and_of_one_time(self, memory):
        key = memory.flight_key(self.question())
        assert key == memory.flight_key(self.question())
        assert memory.flight_key(self.question("Slow")) not in {key, None}
        assert memory.flight_key(self.question("Pay")) is None
        known = self.question()
        memory.recall(known)  # its digest is made now
        assert memory.flight_key(known) == key
        memory.clear()
        assert memory.flight_key(self.question()) != key

"""One call in flight per key, shown by barriers and events, not by a clock."""

from __future__ import annotations

import os
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from authz_lib._support import single_flight
from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError
from authz_lib.errors import PolicyStoreUnavailableError

FOLLOWERS = 16
PATIENCE = 30


@pytest.fixture
def waiting(monkeypatch):
    """Released by each follower at the moment in which it begins to wait."""
    begun = threading.Semaphore(0)

    class Announced(threading.Event):
        def wait(self, timeout=None):
            begun.release()
            return super().wait(timeout)

    names = SimpleNamespace(Event=Announced, Lock=threading.Lock)
    monkeypatch.setattr(single_flight, "threading", names)
    return begun


def test_followers_share_the_leaders_result(waiting):
    flights = SingleFlight[object]()
    calls, started, release = [], threading.Event(), threading.Event()
    result = object()

    def work():
        calls.append(1)
        started.set()
        assert release.wait(PATIENCE)
        return result

    with ThreadPoolExecutor(FOLLOWERS + 1) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        followers = [pool.submit(flights.run, "key", work) for _ in range(FOLLOWERS)]
        for _ in range(FOLLOWERS):
            assert waiting.acquire(timeout=PATIENCE)
        release.set()
        assert all(future.result(PATIENCE) is result for future in [leader, *followers])
    assert len(calls) == 1


def test_keys_do_not_wait_for_each_other():
    flights = SingleFlight[str]()
    both = threading.Barrier(2, timeout=PATIENCE)

    def work(name):
        both.wait()  # passes only when both works run at once
        return name

    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(flights.run, name, lambda name=name: work(name)) for name in ("a", "b")
        ]
        assert [future.result(PATIENCE) for future in futures] == ["a", "b"]


def test_nothing_is_remembered():
    flights = SingleFlight[int]()
    answers = iter([1, 2])
    assert [flights.run("key", lambda: next(answers)) for _ in range(2)] == [1, 2]


def test_each_follower_gets_a_failure_of_its_own_and_nothing_is_stored(waiting):
    """One object for all would grow with each raise, and show each caller the others' frames."""
    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        try:
            raise KeyError("a cause")
        except KeyError as error:
            down = PolicyStoreUnavailableError("down")
            down.add_note("the leader's own")
            raise down from error

    with ThreadPoolExecutor(FOLLOWERS + 1) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        followers = [pool.submit(flights.run, "key", work) for _ in range(FOLLOWERS)]
        for _ in followers:
            assert waiting.acquire(timeout=PATIENCE)
        release.set()
        errors = [future.exception(PATIENCE) for future in (leader, *followers)]
    assert {(type(error), str(error)) for error in errors} == {
        (PolicyStoreUnavailableError, "down")
    }
    assert len({id(error) for error in errors}) == len(errors)
    assert errors[0].__cause__ is not None
    assert errors[0].__notes__ == ["the leader's own"]
    for error in errors[1:]:
        assert error.__cause__ is error.__context__ is None
        assert not hasattr(error, "__notes__")
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert "work" not in frames
        assert frames.count("run") <= 2  # the executor's and the flight's
    assert flights.run("key", lambda: 1) == 1


def test_a_failure_that_cannot_be_made_again_is_told_as_no_result(waiting):
    class OddError(Exception):
        def __init__(self, one, two):
            super().__init__(one)
            self.two = two

    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        raise OddError("a", "b")

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        follower = pool.submit(flights.run, "key", work)
        assert waiting.acquire(timeout=PATIENCE)
        release.set()
        assert isinstance(leader.exception(PATIENCE), OddError)
        assert isinstance(follower.exception(PATIENCE), SingleFlightTimeoutError)


class WrappingError(Exception):
    def __init__(self, **members):
        super().__init__("wrapped")
        self.kwargs = members


@pytest.mark.parametrize(
    "make",
    [
        lambda inner: ValueError("x", inner),
        lambda inner: WrappingError(error=inner),
        lambda inner: ExceptionGroup("several", [inner]),
    ],
    ids=["argument", "member", "group"],
)
def test_a_failure_that_holds_another_is_told_as_no_result(make):
    twin = single_flight.twin_of(make(KeyError("of the leader")))
    assert type(twin) is SingleFlightTimeoutError
    assert not twin.__dict__


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_in_the_middle_of_a_flight_leaves_the_child_free():
    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        return 1

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        with flights._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
            child = os.fork()
        if child == 0:
            os._exit(flights.run("key", lambda: 7))
        status = os.waitpid(child, 0)[1]
        release.set()
        assert leader.result(PATIENCE) == 1
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_follower_waits_no_longer_than_it_may():
    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        return 1

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        with pytest.raises(SingleFlightTimeoutError):
            flights.run("key", work, timeout_seconds=0)
        release.set()
        assert leader.result(PATIENCE) == 1


def test_the_time_counts_from_when_the_leader_began():
    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        return 1

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        flights._flights["key"].started -= 100
        with pytest.raises(SingleFlightTimeoutError):
            flights.run("key", work, timeout_seconds=99)
        ran = []
        assert flights.run_if_idle("key", lambda: ran.append("not idle")) is False
        assert flights.run_if_idle("another key", lambda: ran.append("idle")) is True
        assert ran == ["idle"]
        release.set()
        assert leader.result(PATIENCE) == 1


def test_an_interrupt_is_the_leaders_own():
    flights = SingleFlight[int]()
    started, go_on = threading.Event(), threading.Event()
    outcomes = []

    def interrupted():
        started.set()
        assert go_on.wait(10)
        raise KeyboardInterrupt

    def lead():
        try:
            flights.run("key", interrupted)
        except KeyboardInterrupt:
            outcomes.append("interrupted")

    leader = threading.Thread(target=lead)
    leader.start()
    assert started.wait(10)
    flight = flights._flights["key"]
    go_on.set()
    leader.join(10)
    assert outcomes == ["interrupted"]
    assert isinstance(flight.error, SingleFlightTimeoutError)
    assert flights.run("key", lambda: 1) == 1

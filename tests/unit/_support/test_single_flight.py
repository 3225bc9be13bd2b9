"""One call in flight per key, shown by barriers and events, not by a clock."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from authz_lib._support.single_flight import SingleFlight, SingleFlightTimeoutError

FOLLOWERS = 16
PATIENCE = 30


def test_followers_share_the_leaders_result():
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
        flight = flights._flights["key"]
        waiting = threading.Semaphore(0)
        wait = flight.done.wait
        flight.done.wait = lambda timeout=None: (waiting.release(), wait(timeout))[1]
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


def test_a_failure_reaches_leader_and_followers_and_is_not_stored():
    flights = SingleFlight[int]()
    started, release = threading.Event(), threading.Event()
    waiting = threading.Event()

    def work():
        started.set()
        assert release.wait(PATIENCE)
        raise RuntimeError("down")

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(flights.run, "key", work)
        assert started.wait(PATIENCE)
        flight = flights._flights["key"]
        wait = flight.done.wait
        flight.done.wait = lambda timeout=None: (waiting.set(), wait(timeout))[1]
        follower = pool.submit(flights.run, "key", work)
        assert waiting.wait(PATIENCE)
        release.set()
        for future in (leader, follower):
            with pytest.raises(RuntimeError, match="down"):
                future.result(PATIENCE)
    assert flights.run("key", lambda: 1) == 1


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
